"""The terminal: live progress per holder while a question runs, then the dossier and its account as tables.

On a terminal it is drawn with rich; elsewhere, or with NO_COLOR and a dumb terminal, every change is a plain line.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from accord.terms.answers import Ending
from accord.wire import answer_codec
from accord.wire.v1 import dossier_service_pb2 as pb
from gateway.dossier.words import CONSTANT_NOTE, ENDINGS, Language
from testbed.asking import Dossier
from testbed.demo_dossier import Row, Stated, rows_of_sections
from testbed.demo_words import ending_words, remark_on, section_words, word

_ENDING_OF = {wire: ending for ending, wire in answer_codec.ENDING_TO_WIRE.items()}
_STYLES = {Ending.ANSWERED: "green", Ending.NOTHING_SHOWN: "dim", Ending.NOT_ASKED: "dim"}
_STALE_AFTER = 0.1


def console() -> Console:
    """The terminal; rich itself heeds NO_COLOR, TERM=dumb and pipes."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


@dataclass(slots=True)
class _Progress:
    """What is known of one holder while the question runs."""

    title: str
    state: str = "waiting"
    records: int = 0
    ending: Ending | None = None
    seconds: float = 0.0


class _Shown(Protocol):
    def __call__(self, progress: _Progress) -> None: ...


def follow(events: Iterable[tuple[float, pb.OpenResponse]], screen: Console, language: Language) -> Dossier:
    """Show the events of a question as they happen, and return the whole."""
    known: dict[str, _Progress] = {}
    kept: list[tuple[float, pb.OpenResponse]] = []
    if screen.is_terminal and not screen.is_dumb_terminal:
        with Live(console=screen, auto_refresh=False, transient=True) as live:
            for moment in _noting(events, kept, known):
                live.update(_progress_table(known, moment, language), refresh=True)
        return Dossier(tuple(kept))

    def say(progress: _Progress) -> None:
        said = ENDINGS[progress.ending].in_language(language) if progress.ending else word(progress.state, language)
        screen.print(f"  {progress.seconds:5.2f} s  {progress.title:<28} {said}", markup=False)

    for _ in _noting(events, kept, known, say):
        pass
    return Dossier(tuple(kept))


def _noting(
    events: Iterable[tuple[float, pb.OpenResponse]], kept: list[tuple[float, pb.OpenResponse]], known: dict[str, _Progress], say: _Shown | None = None
) -> Iterator[float]:
    drawn = 0.0
    for moment, event in events:
        kept.append((moment, event))
        changed = _note(known, event, moment)
        if changed is not None and say is not None:
            say(changed)
        if time.monotonic() - drawn > _STALE_AFTER or event.WhichOneof("event") in ("closed", "planned"):
            drawn = time.monotonic()
            yield moment


def _note(known: dict[str, _Progress], event: pb.OpenResponse, moment: float) -> _Progress | None:
    """Take an event in; the holder of which something new can be told, if any."""
    match event.WhichOneof("event"):
        case "planned":
            known.update({card.holder: _Progress(card.title) for card in event.planned.asked})
            return None
        case "status":
            progress = known[event.status.holder]
            is_new, progress.state, progress.seconds = progress.state != event.status.state, event.status.state, moment
            return progress if is_new else None
        case "batch":
            progress = known[event.batch.holder]
            progress.state, progress.seconds = "receiving", moment
            progress.records += len(event.batch.batch.columns) // 40
            return None
        case "closed":
            progress = known[event.closed.holder]
            progress.ending, progress.seconds = _ENDING_OF[event.closed.ending], moment
            return progress
    return None


def _progress_table(known: dict[str, _Progress], moment: float, language: Language) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, title=f"{moment:.1f} s", title_justify="left")
    for progress in known.values():
        said = ENDINGS[progress.ending].in_language(language) if progress.ending else f"{word(progress.state, language)} …"
        style = _STYLES.get(progress.ending, "yellow") if progress.ending else "cyan"
        table.add_row(progress.title, Text(said, style=style), str(progress.records or ""), f"{progress.seconds:.2f} s" if progress.ending else "")
    return table


def show_dossier(statements: Iterable[Stated], dossier: Dossier, screen: Console, language: Language) -> None:
    """Print the dossier by section: what is said, by whom, and who would have said something and was not heard."""
    screen.print(f"\n[bold]{word('dossier', language)}[/bold]")
    empty: dict[str, list[str]] = {}
    for section, rows in rows_of_sections(statements, language):
        missing = dossier.sections[section].missing if section in dossier.sections else ()
        titles = escape(", ".join(dossier.holders[name].title for name in missing))
        if rows:
            screen.print(f"\n[bold]{section_words(section, language)}[/bold]")
            screen.print(_section_table(rows, language))
            if missing:
                screen.print(f"  [yellow]{word('not heard', language)}: {titles}[/yellow]")
        elif missing:
            empty.setdefault(titles, []).append(section_words(section, language))
    for titles, sections in empty.items():
        screen.print(f"\n[yellow]{word('empty', language)} ({titles}): {escape(', '.join(sections))}[/yellow]")


def _section_table(rows: Iterable[Row], language: Language) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 2), show_header=False)
    table.add_column(width=10, no_wrap=True, style="dim")
    table.add_column(ratio=3)
    table.add_column(ratio=2, style="cyan")
    for row in rows:
        table.add_row(row.date, _marked(row, language), " + ".join(row.origins))
    return table


def _marked(row: Row, language: Language) -> Text:
    text = Text(row.line)
    if row.differs:
        text.append(f"  ≠ {word('differs', language)}", style="bold red")
    return text


def show_account(dossier: Dossier, screen: Console, language: Language) -> None:
    """Print who was heard and who was not: every holder of the register, one line each."""
    screen.print(f"\n[bold]{word('completeness', language)}[/bold]")
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    for name, justify in (("holder", "left"), ("ending", "left"), ("records", "right"), ("seconds", "right"), ("remark", "left")):
        table.add_column(word(name, language), justify=justify)  # type: ignore[arg-type]  # two of rich's words
    for line in dossier.holders.values():
        table.add_row(
            line.title,
            Text(ending_words(line, language), style=_STYLES.get(line.ending, "yellow")),
            str(line.records or ""),
            f"{line.elapsed_ms / 1000:.2f}" if line.ending is not Ending.NOT_ASKED else "",
            remark_on(line, language),
        )
    screen.print(table)
    screen.print(f"  [dim]{escape(CONSTANT_NOTE.in_language(language) if dossier.note else '')}[/dim]")
