"""How soon is a dossier on the clinician's screen?

Eight scripted holders, the gateway without trust, the viewer in a process of its own, and headless Chromium; the four take turns
on the cores of one machine. Times are those of the clock on the wall, which is the same for all: when the viewer had the first
records and the last word of a dossier, and when what it shows of them was drawn (the frame after it was put into the page).

* 2,000 records: until the first section is on the screen, where the page was waiting and where it was yet to be opened; until all of
  it is. Reference: the same page opened again when nothing more comes, and the same records read from `$everything` by a plain client.
* 20,000 records: the longest that a page did not react (a long task, as browsers call what takes 50 ms or more) while the dossier
  fills, and at every section, its next page, its filter and the timeline; what the viewer holds in memory before, with it and without it.
* One of eight is frozen before anybody is asked: until the other seven are on the screen, counted from the click.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from accord.terms.vocabulary import Section
from benches.asking import everything, patient_id
from benches.screens import Screen, screen
from benches.staging import HOLDERS, MIB, Finding, Group, Stage, Started, expect, grpc_of, http_of, tell
from testbed.free_ports import free_port

_FIRST_MS, _COMPLETE_MS, _TASK_MS, _FROZEN_MS = 300, 200, 200, 2_000
#: The page waits so long before anybody is asked, so that what is measured is not how it opens.
_WAITS = 0.7
_SETTLE_SECONDS = 0.5
_SMALL = 2_000


@dataclass(slots=True)
class _Times:
    """Milliseconds, run by run: to the first section, to all of it, and how long holders took from the first to the last word."""

    first: list[float] = field(default_factory=list)
    complete: list[float] = field(default_factory=list)
    filling: list[float] = field(default_factory=list)
    from_click: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Large:
    """Of a large dossier: the longest task by page, the longest that the server took for a page, and what the viewer holds."""

    tasks: dict[str, float]
    server: dict[str, float]
    complete: float
    idle: int
    held: int
    dropped: int
    #: With it once more: what a closed one leaves is used by the next.
    anew: int


@dataclass(frozen=True, slots=True)
class _Clinic:
    """A viewer over its holders."""

    viewer: Started
    gateway: Started
    url: str
    marks: Path

    def mark(self) -> dict[str, float]:
        """When the first records and the last word of the newest dossier came."""
        read: dict[str, float] = json.loads(self.marks.read_text(encoding="ascii").splitlines()[-1])
        return read


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--large", type=int, default=20_000, help="records of the large dossier")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.runs, given.large = 1, 400
    waiting, plain = _small(given.runs, _WAITS)
    opening, _ = _small(given.runs, 0.0)
    large = _large(given.large)
    frozen = [_frozen() for _ in range(1 if given.quick else 3)]
    first, complete, again = (median(one) for one in (waiting.first, waiting.complete, waiting.again))
    longest = max(large.tasks, key=lambda page: large.tasks[page])
    slowest = max(large.server, key=lambda page: large.server[page])
    tell(
        "How soon is a dossier on the clinician's screen?",
        [
            _finding("2,000 records: first section on the screen after the first holder's answer, where the page is open", waiting.first, _FIRST_MS),
            _finding("the same, where the page is yet to be opened", opening.first, _FIRST_MS),
            _finding("2,000 records: complete on the screen after the last holder's last word", waiting.complete + opening.complete, _COMPLETE_MS),
            Finding(
                "the same page opened again when nothing more comes; the same records read from `$everything`",
                f"{again:.0f} ms; {plain * 1000:.0f} ms",
            ),
            Finding(
                f"{given.large:,} records: longest task in the page, over {len(large.tasks)} pages",
                _longest(large.tasks[longest], longest),
                f"≤ {_TASK_MS} ms",
                large.tasks[longest] <= _TASK_MS,
            ),
            Finding(
                f"{given.large:,} records: complete after the last word; slowest page", f"{large.complete:.0f} ms; {large.server[slowest]:.0f} ms ({slowest})"
            ),
            Finding(
                f"{given.large:,} records: memory of the viewer",
                f"idle ({large.idle / MIB:.0f} MB) + {(large.held - large.idle) / MIB:.0f} MB, {(large.held - large.idle) / given.large / 1024:.1f} KB a record; "
                f"+ {(large.dropped - large.idle) / MIB:.0f} MB after it was closed, + {(large.anew - large.idle) / MIB:.0f} MB with the next",
            ),
            _finding("one of eight holders frozen: the other seven on the screen after the click", frozen, _FROZEN_MS),
        ],
        {
            "holders": HOLDERS,
            "runs": given.runs,
            "records": _SMALL,
            "ms": {name: [round(one) for one in getattr(times, part)] for name, times in (("waiting", waiting), ("opening", opening)) for part in ("first",)}
            | {
                f"{name} {part}": [round(one) for one in getattr(times, part)]
                for name, times in (("waiting", waiting), ("opening", opening))
                for part in _PARTS
            }
            | {"frozen": [round(one) for one in frozen]},
            "everything_ms": round(plain * 1000),
            "large": {
                "records": given.large,
                "tasks_ms": {page: round(one) for page, one in large.tasks.items() if one},
                "server_ms": {page: round(one) for page, one in large.server.items()},
                "idle_mb": round(large.idle / MIB, 1),
                "held_mb": round(large.held / MIB, 1),
                "dropped_mb": round(large.dropped / MIB, 1),
                "anew_mb": round(large.anew / MIB, 1),
            },
            "ratio": round(first / again, 2),
            "complete_ratio": round(complete / again, 2),
        },
    )


_PARTS = ("complete", "filling", "from_click", "again")


def _finding(what: str, milliseconds: list[float], goal: int) -> Finding:
    figure = f"{median(milliseconds):.0f} ms, at most {max(milliseconds):.0f}"
    return Finding(what, figure, f"≤ {goal:,} ms", max(milliseconds) <= goal)


def _longest(milliseconds: float, page: str) -> str:
    return f"{milliseconds:.0f} ms ({page})" if milliseconds else "none of 50 ms or more (0)"


@contextmanager
def _clinic(stage: Stage, delay: float, sets: tuple[str, ...] = ()) -> Iterator[_Clinic]:
    """A gateway over the holders of the stage, and a viewer over that; of this stage only."""
    gateway = stage.gateway(*sets)
    url, marks = f"http://127.0.0.1:{free_port()}", stage.folder / f"marks{gateway.pid}"
    viewer = stage.start("benches.clinic", "--url", url, "--gateway", grpc_of(gateway), "--marks", str(marks), "--delay", str(delay))
    yield _Clinic(viewer, gateway, url, marks)
    stage.end(viewer)
    stage.end(gateway)


def _small(runs: int, delay: float) -> tuple[_Times, float]:
    """A dossier of 2,000 records, opened again and again; and the seconds of `$everything` with a plain client."""
    times, each = _Times(), _SMALL // HOLDERS
    with Stage() as stage:
        stage.holders(Group(0, HOLDERS, each))
        with _clinic(stage, delay) as clinic, screen(clinic.url) as on_screen:
            plain = _everything(clinic, HOLDERS * (each + 1))
            for run in range(runs + 1):
                on_screen.open()
                first, complete = on_screen.wait_for("first"), on_screen.wait_for("complete")
                expect(_heard(on_screen, HOLDERS), f"the page says {on_screen.page.locator('.strip').inner_text()}")
                mark, again = clinic.mark(), _again(on_screen)
                if run:
                    times.first.append((first - mark["first"]) * 1000)
                    times.complete.append((complete - mark["last"]) * 1000)
                    times.filling.append((mark["last"] - mark["first"]) * 1000)
                    times.from_click.append((first - on_screen.clicked) * 1000)
                    times.again.append(again)
    return times, plain


def _everything(clinic: _Clinic, records: int) -> float:
    """The middle of three; folded, as the viewer folds."""
    address, taken = http_of(clinic.gateway), []
    logical_id = patient_id(address)
    for _ in range(3):
        shown = everything(address, logical_id)
        expect(shown.is_complete and shown.matches >= 0.8 * records, f"{shown.matches} of {records} records came")
        taken.append(shown.seconds)
    return median(taken)


def _again(on_screen: Screen) -> float:
    """Milliseconds from asking for the page of a dossier that is complete until it is drawn."""
    on_screen.page.goto(on_screen.root)
    drawn = on_screen.wait_for("complete")
    began = float(on_screen.page.evaluate("() => performance.timeOrigin")) / 1000
    return (drawn - began) * 1000


def _heard(on_screen: Screen, holders: int) -> bool:
    return f"{holders} gehoord" in on_screen.page.locator("#heard").inner_text()


def _large(records: int) -> _Large:
    with Stage() as stage:
        stage.holders(Group(0, HOLDERS, records // HOLDERS))
        with _clinic(stage, _WAITS) as clinic, screen(clinic.url) as on_screen:
            on_screen.page.goto(clinic.url)
            time.sleep(_SETTLE_SECONDS)
            idle = clinic.viewer.resident_bytes
            on_screen.open()
            complete = on_screen.wait_for("complete")
            on_screen.settle()
            expect(_heard(on_screen, HOLDERS), "not everybody was heard")
            mark, tasks, server = clinic.mark(), {"filling": on_screen.longest}, {}
            for page, path in _pages():
                server[page] = on_screen.go(path)
                tasks[page] = on_screen.longest
            for section in (Section.LAB, Section.MEASUREMENTS, Section.PROBLEMS):
                tasks[f"{section.value}, filtered"] = _filtered(on_screen, section)
            tasks["everything of one thing"] = _whole(on_screen)
            time.sleep(_SETTLE_SECONDS)
            held = clinic.viewer.resident_bytes
            on_screen.go("")
            on_screen.page.locator("form[action$='/sluiten'] button").click()
            on_screen.page.locator("input[name=bsn]").wait_for()
            time.sleep(_SETTLE_SECONDS)
            dropped = clinic.viewer.resident_bytes
            on_screen.open()
            on_screen.wait_for("complete")
            time.sleep(_SETTLE_SECONDS)
            return _Large(tasks, server, (complete - mark["last"]) * 1000, idle, held, dropped, clinic.viewer.resident_bytes)


def _pages() -> list[tuple[str, str]]:
    sections = [(section.value, section.value) for section in Section]
    return [("emergency", ""), *sections, ("lab, next", "lab/2"), ("timeline", "tijdlijn"), ("timeline, next", "tijdlijn/2"), ("print", "print")]


def _filtered(on_screen: Screen, section: Section) -> float:
    """The longest task of a section when a reader filters it."""
    on_screen.go(section.value)
    page = on_screen.page
    page.locator(".filters > summary").click()
    page.locator("input[name=text]").fill("a")
    page.locator(".filters button.main").click()
    page.locator(".filtered").wait_for()
    on_screen.settle()
    return on_screen.longest


def _whole(on_screen: Screen) -> float:
    """The longest task of the page with everything that is said about one thing, where a section has such a link; else of its first page."""
    on_screen.go(Section.MEASUREMENTS.value)
    page = on_screen.page
    page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
    links = page.locator("a[href$='/alles']")
    if links.count():
        links.first.click()
        page.wait_for_url("**/alles")
    on_screen.settle()
    return on_screen.longest


def _frozen() -> float:
    """Milliseconds from the click until the page shows seven holders, while the eighth is frozen."""
    each = _SMALL // HOLDERS
    with Stage() as stage:
        stage.holders(Group(0, HOLDERS - 1, each))
        frozen = stage.holders(Group(HOLDERS - 1, 1, each))
        with _clinic(stage, 0.0) as clinic, screen(clinic.url) as on_screen:
            frozen.freeze()
            on_screen.open()
            heard = on_screen.wait_for_heard(f"{HOLDERS - 1} gehoord")
            expect(on_screen.page.locator(".block .item").count() > 0, "nothing is on the screen")
            return (heard - on_screen.clicked) * 1000


if __name__ == "__main__":
    main()
