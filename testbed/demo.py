"""The demonstration: a region starts, answers the story's question on the screen, and stays up to be tried."""

import json
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape

from accord.rules.emergency import ReasonCode
from accord.terms.identifiers import BSN_SYSTEM
from gateway.dossier.words import Language
from testbed import asking
from testbed.asking import Dossier
from testbed.demo_addresses import ANY, free_or_any, said_of_taken
from testbed.demo_dossier import Stated, rows_of_sections, stated_in_merged
from testbed.demo_merged import MergedDossier, patient_id, read_everything
from testbed.demo_screen import console, follow, show_account, show_dossier
from testbed.demo_words import word
from testbed.holders import BY_NAME, HOLDERS, FictionalHolder
from testbed.neighbour_places import TITLE
from testbed.people import BENNIE, DINA
from testbed.places import OPENINGS
from testbed.places_files import CODE
from testbed.region import BlockingRegion
from testbed.region_files import PROFESSIONAL

PEOPLE: Final = 520
#: Who is invited, when somebody wants to join: not there yet, and nobody's neighbour by accident.
JOINS: Final = BY_NAME["noaberhoes"]
_DINA: Final = "Dina Olde Wolbers-Nijkamp"
_EXAMPLE: Final = Path(__file__).resolve().parent.parent / "examples" / "ask_the_region.py"


def run_demo(*, everyone: bool, seed: int, once: bool, as_json: bool, language: Language, addresses: tuple[str, str], desk: str = ANY) -> None:
    """Start the region, ask the question, show the answer, and stay until interrupted unless *once*; while it stays, its office's desk is open.

    Raises:
        ProcessFailed: A process of the region did not start.
    """
    screen = console()
    begin = time.monotonic()
    if not as_json:
        screen.print(f"{word('starting', language)} [dim]{word('fictional', language)}[/dim]")
    wanted = (*addresses, desk)
    at = tuple(map(free_or_any, wanted)) if not once else (ANY, ANY, "")
    holders = [holder.name.value for holder in HOLDERS if holder.in_region] if everyone else None
    # Who looks once, looks at the dossier: places are looked for by whoever stays.
    places = {} if once else OPENINGS
    starting = BlockingRegion.start(
        holders=holders,
        seed=seed,
        people=PEOPLE,
        addresses=(at[0], at[1]),
        patients=True,
        desk=at[2],
        viewer=not once,
        places=places,
        planners=not once,
        neighbour=not once,
    )
    with ending_politely(), starting as region:
        started = time.monotonic() - begin
        if as_json:
            dossier = region.ask(DINA.bsn)
            screen.print_json(json.dumps(told(dossier, read_everything(region.fhir_url, DINA.bsn), language, region, started)))
        else:
            screen.print(f"{len(region.holders)} {word('holders', language)}, {word('ready in', language)} {started:.1f} s\n")
            used = (region.fhir_url, region.gateway_address, region.desk.url if region.desk is not None else "")
            if not once and (taken := said_of_taken(wanted, at, used, language)):
                screen.print(f"[yellow]{escape(taken)}[/yellow]\n", soft_wrap=True)
            _show_question(region, screen, language)
            if not once:
                _show_addresses(region, screen, language)
        if not once:
            stay()


def told(dossier: Dossier, merged: MergedDossier, language: Language, region: BlockingRegion, started: float) -> dict[str, Any]:
    """Everything that the demo shows, for programs."""
    return {
        "ready_seconds": round(started, 2),
        "fhir": region.fhir_url,
        "grpc": region.gateway_address,
        "patients": region.patients_url,
        "token": region.token,
        "patient": merged.patient_id,
        **account(dossier),
        "dossier": sections(stated_in_merged(merged), language),
    }


def account(dossier: Dossier) -> dict[str, Any]:
    """The account of a dossier, for programs."""
    return {
        "query_id": dossier.query_id,
        "seconds": round(dossier.seconds, 3),
        "complete": dossier.complete,
        "completeness": {ending.value: number for ending, number in dossier.completeness.items()},
        "holders": [asdict(line) for line in dossier.holders.values()],
        "sections": [{"section": line.section.value, "records": line.records, "missing": list(line.missing)} for line in dossier.sections.values()],
        "note": dossier.note,
    }


def sections(statements: list[Stated], language: Language) -> dict[str, list[dict[str, Any]]]:
    """The dossier by section, for programs."""
    return {
        section.value: [{"date": row.date, "line": row.line, "origins": list(row.origins), "differs": row.differs} for row in rows]
        for section, rows in rows_of_sections(statements, language)
        if rows
    }


def _show_question(region: BlockingRegion, screen: Console, language: Language) -> None:
    asker = f"Sanne ten Esker ({word('emergency', language)}, Ziekenhuis Dinkelhorst)"
    screen.print(f"[bold]{asker} {word('asks', language)} {_DINA}, {word('born', language)} {DINA.birth_date}[/bold]\n")
    dossier = follow(asking.events(region.gateway_address, asking.request(DINA.bsn)), screen, language)
    show_dossier(stated_in_merged(read_everything(region.fhir_url, DINA.bsn)), dossier, screen, language)
    show_account(dossier, screen, language)


def _show_addresses(region: BlockingRegion, screen: Console, language: Language) -> None:
    patient = patient_id(region.fhir_url, DINA.bsn)
    lines: tuple[str, ...] = (
        f"curl -s -d 'identifier={BSN_SYSTEM}|{DINA.bsn}' {region.fhir_url}/Patient/_search",
        f"curl -s '{region.fhir_url}/Patient/{patient}/$everything?_pretty=true'",
        f"curl -s '{region.fhir_url}/Observation?patient={patient}&category=laboratory&_pretty=true'",
        f"curl -s '{region.fhir_url}/metadata?_pretty=true'",
        f"echo {DINA.bsn} | {_noaber()} ask --gateway {region.gateway_address} --bsn -",
    )
    if _EXAMPLE.is_file():  # it is in a source tree only
        lines += (f"echo {DINA.bsn} | {from_here(Path(sys.executable))} {from_here(_EXAMPLE)} {region.gateway_address} -",)
    screen.print(f"\n[bold]{word('try', language)}[/bold]")
    screen.print(f"  FHIR {region.fhir_url}    gRPC {region.gateway_address}")
    for line in lines:
        screen.print(f"  [green]{escape(line)}[/green]", soft_wrap=True)
    screen.print(f"\n[bold]{word('emergency access', language)}[/bold]")
    for line in emergency_lines(region.fhir_url, region.token):
        screen.print(f"  [green]{escape(line)}[/green]", soft_wrap=True)
    screen.print(f"\n[bold]{word('clinicians', language)}[/bold]\n  {region.ehr_url}\n[bold]{word('viewer', language)}[/bold]\n  {region.viewer_url}")
    screen.print(f"\n[bold]{word('patients', language)}[/bold]\n  {region.patients_url}")
    screen.print(f"\n[bold]{word('places', language)}[/bold]\n  {region.viewer_url}/login/0/plekken")
    if region.neighbour is not None:
        screen.print(f"[dim]{word('neighbour', language).format(TITLE)}[/dim]")
    screen.print(f"[bold]{word('planners', language)}[/bold] [dim]{CODE}[/dim]")
    for files in region.files.values():
        if files.planners_url and region.process_of(files.name):
            screen.print(f"  {files.planners_url}  {files.holder.title}")
    if region.desk is not None:
        screen.print(f"\n[bold]{word('join', language)}[/bold]\n  {region.desk.url}")
        screen.print(f"  [green]{escape(invite_line(region.office.folder))}[/green]", soft_wrap=True)
    screen.print(f"\n[bold]{word('journals', language)}[/bold]")
    holder, gateway = region.files["dinkelhorst"].agent / "journal", region.root / "gateway" / "journal"
    for line in (f"{_noaber()} journal verify {holder}", f"{_noaber()} journal show {holder}", f"{_noaber()} journal reconcile {holder} {gateway}"):
        screen.print(f"  [green]{escape(line)}[/green]", soft_wrap=True)


def invite_line(office: Path, holder: FictionalHolder = JOINS) -> str:
    """What the office types to invite a holder: the first step of docs/joining.md, in this region."""
    return f"{_noaber()} region invite --folder {shlex.quote(str(office))} {who_joins(holder)}"


def who_joins(holder: FictionalHolder) -> str:
    """A holder, as an invitation names it."""
    title = holder.title
    # An apostrophe reads better between double quotes.
    quoted = f'"{title}"' if "'" in title and not set(title) & set('"$`!\\') else shlex.quote(title)
    return f"--ura {holder.ura} --name {holder.name} --title {quoted} --kind {holder.kind}"


def emergency_lines(fhir_url: str, token: str) -> tuple[str, str]:
    """What opens Bennie, who never chose: the token of a trusted application, and the question as `docs/vendors.md` has it."""
    who = PROFESSIONAL
    headers = (
        f"noaber-professional-id: {who['id']}",
        f"noaber-professional-role: {who['role']}",
        f"noaber-professional-name: {quote(who['name'])}",
        f"noaber-treatment: {who['treatment']}",
        "noaber-purpose: ETREAT",
        f"noaber-reason: {ReasonCode.UNCONSCIOUS}",
    )
    said = " ".join(f"-H '{header}'" for header in headers)
    # The shell fills in the token, and the moment at which it is typed.
    said = f'-H "Authorization: Bearer $TOKEN" {said} -H "noaber-second-factor: $(date -u +%Y-%m-%dT%H:%M:%SZ)"'
    return f"export TOKEN={token}", f"curl -s {fhir_url}/Patient/_search {said} -d 'identifier={BSN_SYSTEM}|{BENNIE.bsn}'"


def from_here(path: Path) -> str:
    """A path as it works in this folder: relative to it where it is below it."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _noaber() -> str:
    """The command as it can be typed here: the one that belongs to this interpreter."""
    command = Path(sys.executable).with_name("noaber")
    return from_here(command) if command.is_file() else "noaber"


def stay() -> None:
    """Wait for Ctrl-C."""
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()


@contextmanager
def ending_politely() -> Iterator[None]:
    """For as long as this lasts a polite request to end is as good as Ctrl-C: what was started is ended first."""

    def leave(*_: object) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
