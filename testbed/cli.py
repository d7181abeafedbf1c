"""`noaber demo` runs a simulated region and asks it a question; `noaber ask` asks a region that runs."""

import json
import sys
from typing import Annotated, Literal

import typer

_Language = Annotated[Literal["nl", "en"], typer.Option("--language", help="Of what is said around the records.")]
_AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON, and nothing else.")]

_NOBODY_THERE = "Is a region running there, and is this its gRPC port (8481 by default; 8480 is HTTP)? `noaber demo` starts one and prints its addresses."

demo_app = typer.Typer(name="demo")
ask_app = typer.Typer(name="ask")


@demo_app.command()
def demo(  # noqa: PLR0917 - typer calls it with keywords
    story: Annotated[str | None, typer.Option("--story", help="Prove the story's every 'must hold' instead: dina.")] = None,
    plant: Annotated[str | None, typer.Option("--plant", help="Plant a wrong, to see that the story's check fails.")] = None,
    step: Annotated[list[int] | None, typer.Option("--step", help="Of the story, only this step (1 to 6); may be repeated.")] = None,
    hapi: Annotated[bool, typer.Option("--hapi", help="Of the story: who joins has a real HAPI server (needs Java and Maven; a minute more).")] = False,
    week: Annotated[
        Literal["rules", "region"] | None,
        typer.Option("--week", help="Walk through a week of looking for places instead: by the rules alone (a second), or in a region (minutes)."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show the answer and end.")] = False,
    everyone: Annotated[bool, typer.Option("--all", help="All holders of the testbed, not only the story's.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Another seed makes other people; the story stays.")] = 2026,
    http: Annotated[str, typer.Option("--http", help="Where FHIR is served; another port when it is taken.")] = "127.0.0.1:8480",
    grpc: Annotated[str, typer.Option("--grpc", help="Where gRPC is served; another port when it is taken.")] = "127.0.0.1:8481",
    desk: Annotated[str, typer.Option("--desk", help="Where the office's joining desk listens; another port when it is taken.")] = "127.0.0.1:8490",
    as_json: _AsJson = False,
    language: _Language = "nl",
) -> None:
    """Run a simulated region, ask it a question, show the dossier, and stay up until Ctrl-C."""
    from accord.link.addresses import loopback
    from testbed.processes import ProcessFailed

    try:
        http, grpc, desk = loopback(http).target, loopback(grpc).target, loopback(desk).target
        if story is not None or plant is not None:
            _tell_the_story(story or "dina", plant, step, seed, as_json=as_json, hapi=hapi)
            return
        if week is not None:
            _tell_the_week(seed, processes=week == "region", as_json=as_json)
            return
        from testbed.demo import run_demo

        run_demo(everyone=everyone, seed=seed, once=once or as_json, as_json=as_json, language=language, addresses=(http, grpc), desk=desk)
    except ProcessFailed as failure:
        typer.echo(f"The region could not be started: {failure}", err=True)
        raise typer.Exit(1) from None


def _tell_the_story(story: str, plant: str | None, steps: list[int] | None, seed: int, *, as_json: bool, hapi: bool) -> None:
    from testbed.plants import PLANTS
    from testbed.story import STEPS, Finding, exit_code, tell, unchecked

    if story != "dina":
        raise typer.BadParameter("there is one story: dina", param_hint="--story")
    if plant is not None and plant not in PLANTS:
        raise typer.BadParameter(f"one of {', '.join(PLANTS)}", param_hint="--plant")
    if not set(steps or STEPS) <= set(STEPS):
        raise typer.BadParameter(f"one of {', '.join(map(str, STEPS))}", param_hint="--step")
    findings: list[Finding] = []
    for finding in tell(seed=seed, plant=plant, steps=steps or STEPS, hapi=hapi):
        findings.append(finding)
        typer.echo(json.dumps(finding.as_json(), ensure_ascii=False) if as_json else str(finding))
    if missing := unchecked(findings):
        typer.echo(json.dumps(missing.as_json(), ensure_ascii=False) if as_json else f"\n{missing}")
    raise typer.Exit(exit_code(findings))


def _tell_the_week(seed: int, *, processes: bool, as_json: bool) -> None:
    from datetime import date

    from testbed.week_telling import week_of

    # The days of a week are those of its needs; which week it is matters to nobody.
    account = week_of(seed, date.today(), processes=processes)  # noqa: DTZ011 - the day here
    typer.echo(json.dumps(account.as_json()) if as_json else "\n".join(account.lines()))
    raise typer.Exit(1 if account.twice or account.lost else 0)


@ask_app.command()
def ask(
    bsn: Annotated[str, typer.Option("--bsn", help="Nine digits; - reads them from standard input, which nobody else can see.")],
    gateway: Annotated[str, typer.Option("--gateway", help="Where the gateway speaks gRPC.")] = "127.0.0.1:8481",
    birth_date: Annotated[str, typer.Option("--birth-date", help="YYYY-MM-DD; holders check it.")] = "",
    holder: Annotated[list[str] | None, typer.Option("--holder", help="Ask only this holder; may be repeated.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--type", help="Ask only for this FHIR type; may be repeated.")] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="The longest it may take.")] = 10.0,
    as_json: _AsJson = False,
    language: _Language = "nl",
) -> None:
    """Ask a running region about one patient, and show the dossier with its account."""
    from accord.link.addresses import loopback
    from accord.terms.faults import BadInput, Fault
    from accord.terms.identifiers import Bsn
    from accord.terms.records import NEVER_RELEASED, TYPE_BY_NAME
    from testbed import asking
    from testbed.demo import account, sections
    from testbed.demo_dossier import stated_at_holders
    from testbed.demo_screen import console, follow, show_account, show_dossier

    if bsn == "-":
        bsn = sys.stdin.readline().strip()
    else:
        typer.echo("Warning: other users of this machine can see a command line; `--bsn -` reads the number from standard input.", err=True)
    for name in kind or ():
        if name not in TYPE_BY_NAME and name not in NEVER_RELEASED:
            raise BadInput(Fault.INVALID_PARAMETER, f"--type {name}")
    question = asking.request(Bsn(bsn).value, birth_date=birth_date, holders=holder or (), types=kind or ())
    target = loopback(gateway).target
    try:
        if as_json:
            dossier = asking.ask(target, question, seconds)
            print(json.dumps(account(dossier) | {"dossier": sections(stated_at_holders(dossier), language)}, ensure_ascii=False, indent=2))
        else:
            screen = console()
            dossier = follow(asking.events(target, question, seconds), screen, language)
            show_dossier(stated_at_holders(dossier), dossier, screen, language)
            show_account(dossier, screen, language)
    except asking.RegionDidNotAnswer as failure:
        _explain(failure)
        raise typer.Exit(1) from None
    if dossier.nobody_was_heard:
        typer.echo("Nobody was heard: no holder answered, so this says nothing about the patient. Try again, or call the holders.", err=True)
        raise typer.Exit(1)


def _explain(failure: Exception) -> None:
    from accord.terms.faults import CATALOGUE
    from testbed.asking import RegionDidNotAnswer

    told = CATALOGUE[failure.fault] if isinstance(failure, RegionDidNotAnswer) and failure.fault else None
    next_step = f"{told.happened} {told.next_step}" if told else _NOBODY_THERE
    typer.echo(f"The region did not answer ({failure}). {next_step}", err=True)
