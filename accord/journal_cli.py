"""`noaber journal`: verify the access journal, look into it, lay two of them side by side, and remove what is past retention."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import json

from accord.audit import pruning, reconciling, verifying
from accord.audit.heads import HEAD_CHARACTERS, HEAD_TYPE, Head, read_head
from accord.audit.showing import Reader, shown
from accord.link import jose
from accord.review.commands import add_commands
from accord.terms.counts import counted
from accord.terms.faults import BadInput, Fault

app = typer.Typer(name="journal", help="The access journal: verify it, read it, compare it.", no_args_is_help=True, pretty_exceptions_enable=False)

add_commands(app)

_Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of the journal.")]
_PROBLEM = 1
#: A longer name is no name, and may be the head itself; a longer file is none with one head.
_NAME_SHOWN = 200
_HEAD_FILE = 2 * HEAD_CHARACTERS
_PSEUDONYM = re.compile(r"[0-9a-f]{64}")


@app.command()
def verify(
    folder: _Folder,
    head: Annotated[
        list[Path] | None, typer.Option(help="A file in which a signed head of this journal stands (not the head itself); may be repeated.")
    ] = None,
    peer: Annotated[list[Path] | None, typer.Option(help="Folder of another party's journal, which keeps heads of this one; may be repeated.")] = None,
    key: Annotated[str, typer.Option(help="Public Ed25519 key of this journal (base64url), to check signatures of its own heads.")] = "",
    ura: Annotated[str, typer.Option(help="URA of this journal's party, if the journal does not say.")] = "",
) -> None:
    """Verify every byte of a journal, and that it is the one of which others keep heads. Says exactly where it breaks."""
    public = _public(key) if key else None
    verifying.look_for(folder)
    heads = [_read(_head_in(path), public) for path in head or []]
    mine = ura or verifying.party_of(folder)
    for other in peer or []:
        verifying.look_for(other)
        heads += [kept for kept in verifying.kept_heads(other) if kept.journal.value == mine]
    verdict = verifying.verify(folder, heads, (lambda token: _read(token, public)) if public else None)
    for one in verdict.breaks:
        typer.echo(f"BROKEN {one}")
    typer.echo(
        f"{counted(verdict.lines, 'line')} verified up to chain {verdict.chain.hex()}; {verdict.removed} without content after retention; "
        f"{counted(verdict.heads, 'head')} agree or were looked at"
    )
    if verdict.torn:
        typer.echo(f"The end ({counted(verdict.torn, 'byte')}) is a line that was never finished and never acknowledged; the next start cuts them off.")
    if verdict.unfinished:
        typer.echo(f"A removal was interrupted: {counted(verdict.unfinished, 'line')} still with content. Run prune again.")
    if not verdict.heads:
        typer.echo("No head was given: lines that are missing at the end cannot be noticed.")
    raise typer.Exit(_PROBLEM if verdict.breaks else 0)


@app.command()
def show(
    folder: _Folder,
    reader: Annotated[Reader, typer.Option(help="Whose eyes: each sees other fields.")] = Reader.OPERATOR,
    patient: Annotated[str, typer.Option(help="Only lines about this pseudonym: 64 hexadecimal digits.")] = "",
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="From this moment (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option("--until", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Before this moment (UTC).")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Show lines, as far as a reader may see them."""
    if patient and not _PSEUDONYM.fullmatch(patient):
        raise typer.BadParameter("64 hexadecimal digits, as the lines have them; a BSN is in no journal", param_hint="--patient")
    if reader is Reader.PATIENT and not patient:
        raise typer.BadParameter("a patient sees lines about themselves only: say who with --patient", param_hint="--reader")
    verifying.look_for(folder)
    first, last = _ms(since, 0), _ms(until, 2**63)
    told = 0
    for n, event in verifying.events_of(folder):
        seen = shown(event, reader)
        if seen is None or not first <= event.moment < last or (patient and getattr(event, "patient", "") != patient):
            continue
        typer.echo(json.encode({"n": n, **seen}).decode() if as_json else _sentence(n, seen))
        told += 1
    typer.echo(counted(told, "line"), err=True)


@app.command()
def reconcile(
    holder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of a holder's journal.")],
    gateway: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of the gateway's journal.")],
) -> None:
    """Compare what a holder says that it sent with what the gateway says that it received."""
    found = reconciling.reconcile(holder, gateway)
    for one in found.differences:
        typer.echo(f"{'explained' if one.how.explained else 'DIFFERENT'} {one.how.value}: question {one.query}, batch {one.batch}")
    typer.echo(f"{found.agreed} batches agree, {len(found.differences)} do not; {found.out_of_reach} are past the retention of one side")
    if found.elsewhere:
        typer.echo(f"{found.elsewhere} batches went to other gateways; compare them with those journals.")
    raise typer.Exit(0 if found.in_order else _PROBLEM)


@app.command()
def prune(
    folder: _Folder,
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Remove the content of lines older than this day (UTC); at least 5 years ago.")],
) -> None:
    """Remove the content of lines past retention. The journal must not be in use; the chain stays whole."""
    removed = pruning.prune(folder, verifying.system_of(folder), before.replace(tzinfo=UTC))
    typer.echo(f"The content of {counted(removed, 'line')} was removed; the chain stays as it is.")


def _sentence(n: int, seen: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(seen["moment"] / 1000, UTC).isoformat(timespec="milliseconds")
    rest = {name: value for name, value in seen.items() if name not in ("moment", "event", "system", "code", "action") and value not in ("", [], None)}
    return f"{n:>8} {moment} {seen['event']:<17} {json.encode(rest).decode()}"


def _ms(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def _head_in(path: Path) -> str:
    """The signed head that stands in a file.

    Raises:
        BadInput: `head-unreadable`.
    """
    if len(str(path)) > _NAME_SHOWN:
        raise BadInput(Fault.HEAD_UNREADABLE, "that is no name of a file; write the head into one")
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.read(_HEAD_FILE).strip()
    except (OSError, ValueError):
        raise BadInput(Fault.HEAD_UNREADABLE, str(path)) from None


def _public(text: str) -> bytes:
    try:
        public = jose.decoded(text)
    except BadInput:
        public = b""
    if len(public) != 32:
        raise typer.BadParameter("a public Ed25519 key of 32 bytes, in base64url", param_hint="--key")
    return public


def _read(token: str, public: bytes | None) -> Head:
    """A signed head; its signature is checked where the key is known.

    Raises:
        BadInput: `token-invalid`.
    """
    if public is not None:
        known = public
        return read_head(jose.verify(token, HEAD_TYPE, lambda _id: known, most=HEAD_CHARACTERS))
    parts = token.split(".")
    if len(token) > HEAD_CHARACTERS or len(parts) != 3:
        raise BadInput(Fault.TOKEN_INVALID, "head")
    return read_head(jose.decoded(parts[1]))
