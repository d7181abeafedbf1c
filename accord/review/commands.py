"""`noaber journal review` and `noaber journal reviewer`: the nightly review, and who may open the review page."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from msgspec import json

from accord.audit.recent import events_since
from accord.review.nightly import as_json, as_text, review_events
from accord.review.reviewers import entry_of, fresh_code
from accord.terms.counts import counted

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def add_commands(app: typer.Typer) -> None:
    """Put the commands into `noaber journal`."""
    app.command("review")(review)
    app.command("reviewer")(reviewer)


def review(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of the journal. It may be in use.")],
    since: Annotated[datetime | None, typer.Option("--from", formats=_FORMATS, help="From this moment (UTC); a day ago when not given.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", formats=_FORMATS, help="Before this moment (UTC); now when not given.")] = None,
    *,
    as_lines_of_json: Annotated[bool, typer.Option("--json", help="One JSON object per finding.")] = False,
) -> None:
    """Look a period through for misuse that no single question shows. Ends with 1 when there is something to ask about."""
    now = datetime.now(UTC)
    last = until.replace(tzinfo=UTC) if until is not None else now
    first = since.replace(tzinfo=UTC) if since is not None else last - timedelta(days=1)
    found = review_events(events_since(folder, int(first.timestamp() * 1000)), since=first, until=last)
    for finding in found.findings:
        typer.echo(json.encode(as_json(finding)).decode() if as_lines_of_json else as_text(finding))
    typer.echo(
        f"{counted(found.accesses, 'question')} and {counted(found.alarms, 'alarm')} reviewed: {counted(len(found.findings), 'finding')}", err=as_lines_of_json
    )
    raise typer.Exit(1 if found.findings else 0)


def reviewer(
    identifier: Annotated[str, typer.Option(help="By which the journal knows this person, for instance their UZI number.")],
    name: Annotated[str, typer.Option(help="Their name, as it is shown to them.")],
) -> None:
    """Make a personal code for the review page: an entry for the file of reviewers, and the code, which is shown once."""
    code = fresh_code()
    typer.echo(entry_of(identifier, name, code), nl=False)
    typer.echo(f"Give this code to {name} and to nobody else; it is not kept: {code}", err=True)
