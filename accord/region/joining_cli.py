"""The commands of `noaber region` for organisations that join by themselves: serve, invite, pending, approve, reject."""

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from accord.link.addresses import address as read_address
from accord.link.live_register import replace_file
from accord.link.register_file import check_member
from accord.region.invitations import Found, Invitation, Invitations, State
from accord.region.joining_desk import Desk, check_of
from accord.region.office import Office
from accord.region.taking_in import check_may_join
from accord.rules.moments import local_moment
from accord.terms.counts import counted
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import Member, MemberStatus, Part
from accord.terms.next_steps import OPTION, OTHER_NAME, UNWRITABLE, URA_FORM
from accord.terms.vocabulary import HolderKind

_Folder = Annotated[Path, typer.Option("--folder", help="The folder of the office.")]
_UraText = Annotated[str, typer.Argument(metavar="URA", help="Eight digits.")]

_DEFAULT_FOLDER: Final = Path("region")
_WEEK_SECONDS: Final = 7 * 24 * 3600
_CAPABILITIES: Final = "places-only: it takes part with its free places, and shares no records. Other words are for your own region."
_WITHOUT_DOORS: Final = (
    "They have to add where gateways reach their agent: --address host:port. An agent without a port needs a door of a gateway instead:\n"
    "start `noaber region serve` with --door host:port (its listen.agents), or let them add --gateway host:port."
)


def add_commands(app: typer.Typer) -> None:
    """Add them to `noaber region`."""
    for command in (serve, invite, pending, approve, reject):
        app.command()(command)


def serve(
    *,
    listen: Annotated[str, typer.Option(help="Where the desk listens: host:port.")] = "127.0.0.1:8490",
    url: Annotated[str, typer.Option(help="Where agents find it, when that is another address: https://desk.example.nl:8490.")] = "",
    door: Annotated[
        list[str] | None, typer.Option(help="Where a gateway lets in agents without a port (its listen.agents): host:port; once for every replica.")
    ] = None,
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Serve the joining desk until stopped. Prints one line with the address when ready."""
    import sys  # noqa: PLC0415 - only the server needs all this

    import anyio  # noqa: PLC0415
    import structlog  # noqa: PLC0415

    from accord.region.desk_serving import Place, serve_desk  # noqa: PLC0415

    # Standard output says one thing only: that the desk is ready.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    anyio.run(serve_desk, Office(folder), listen, Place(url, sorted(set(door or ()))), _say)


def invite(
    *,
    ura: Annotated[str, typer.Option(help="Eight digits.")],
    name: Annotated[str, typer.Option(help="Short name, as it stands in addresses: a letter, then letters, digits, dashes.")],
    title: Annotated[str, typer.Option(help="Its name as people know it.")],
    kind: Annotated[HolderKind, typer.Option(help="What kind of care provider it is.")],
    capability: Annotated[list[str] | None, typer.Option(help=_CAPABILITIES)] = None,
    hours: Annotated[float, typer.Option(min=0.0, max=24 * 14, help="How long the token counts.")] = 24.0,
    token_file: Annotated[Path, typer.Option(help="Where to write the token; give it to the organisation, by another way than the command.")] = Path(
        "token.txt"
    ),
    desk: Annotated[str, typer.Option(help="Where agents find the desk, when `serve` did not say so.")] = "",
    address: Annotated[
        str, typer.Option(help="Where gateways will reach the agent, host:port, when you know it; it comes into the command, and can be changed there.")
    ] = "",
    certificate_seconds: Annotated[
        float, typer.Option(min=5, max=90 * 24 * 3600, help="How long its certificates count; they renew themselves.")
    ] = _WEEK_SECONDS,
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Invite an organisation that keeps records, and print the one command by which it joins."""
    from accord.region.desk_serving import authority_fingerprint, place_of  # noqa: PLC0415 - brings the server along

    office = Office(folder)
    place = place_of(folder)
    at = desk or place.url
    if not at:
        raise BadInput(Fault.INVALID_SETTING, "--desk: say where agents find the desk, or start `noaber region serve` first", then=OPTION)
    reached = _reached(address)
    invitation = Invitation(
        ura=_ura(ura).value,
        name=_name(name),
        title=title,
        kind=kind,
        parts=[Part.DATA_HOLDER],
        capabilities=sorted(set(capability or ())),
        expires=_now() + timedelta(hours=hours),
        seconds=certificate_seconds,
    )
    _check(office, invitation)
    invitations = Invitations(folder)
    invitations.prune(_now())
    invitations.withdraw_open(_ura(ura))
    token = invitations.invite(invitation)
    try:
        replace_file(token_file, f"{token}\n".encode("ascii"))
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "--token-file: cannot be written", then=UNWRITABLE) from None
    command = ["noaber", "agent", "join", at, "--token-file", token_file.name, "--ca-fingerprint", authority_fingerprint(office), "--folder", name]
    typer.echo(f"{title} is invited until {local_moment(invitation.expires)}. Its token is in {token_file}. There it takes one command:", err=True)
    typer.echo(shlex.join([*command, *reached]))
    if not (reached or place.doors):
        typer.echo(_WITHOUT_DOORS, err=True)
    typer.echo(f"When they read you their phrase: {_command('approve', ura, folder)} --phrase '…'", err=True)


def pending(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those too that take part by now, were rejected, or lapsed within a month.")] = False,
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Show who was invited, who waits for a decision, and who was approved and does not take part yet."""
    office = Office(folder)
    members = office.signed().register.by_ura
    for found in Invitations(folder).everything():
        invitation = found.invitation
        member = members.get(Ura(invitation.ura))
        if not (everything or _is_under_way(invitation, member)):
            continue
        typer.echo(f"{invitation.ura}  {invitation.name:<20}  {_standing(found, member)}")
        if invitation.state is State.WAITING and invitation.counts(_now()):
            wish = invitation.taken
            typer.echo(f"    call {wish.telephone or '(no number given: use one that you know)'} and let them read their phrase: do not read it to them")
            typer.echo(f"    answers at {wish.address or '(calls out only)'}; then: `{_command('approve', invitation.ura, folder)} --phrase PHRASE`")
        if invitation.others:
            typer.echo(
                f"    WARNING: another key came {counted(invitation.others, 'time')} with the same token. Ask who has it; when in doubt, reject and invite again."
            )
        checked = check_of(folder, Ura(invitation.ura))
        if checked is not None:
            typer.echo(f"    conformance run of {local_moment(checked.at)}: {'passed' if checked.passed else 'did not pass'}")


def approve(
    ura: _UraText,
    *,
    phrase: Annotated[str, typer.Option(help="The five words that they read to you on the telephone.")],
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Take an organisation in whose phrase you heard. It is planned until its conformance run has passed."""
    invitation = _desk(folder).approve(_ura(ura), phrase)
    takes_part = Office(folder).signed().register.by_ura[Ura(invitation.ura)].status is MemberStatus.ACTIVE
    then = (
        "It took part already, and is asked from now on." if takes_part else "It takes part once `noaber agent activate` told that its conformance run passed."
    )
    typer.echo(f"{invitation.title} is approved. {then}")


def reject(ura: _UraText, *, folder: _Folder = _DEFAULT_FOLDER) -> None:
    """Refuse whoever waits under this URA; their token counts no longer."""
    _desk(folder).reject(_ura(ura))
    typer.echo(f"{ura} is rejected.")


def _command(name: str, ura: str, folder: Path) -> str:
    """A command about one organisation, as it can be typed here."""
    where = [] if folder == _DEFAULT_FOLDER else ["--folder", str(folder)]
    return shlex.join(["noaber", "region", name, ura, *where])


def _reached(address: str) -> list[str]:
    """What the command of whoever joins says of where it is reached.

    Raises:
        BadInput: `invalid-setting`: it is no address.
    """
    return ["--address", read_address(address).target] if address else []


def _is_under_way(invitation: Invitation, member: Member | None) -> bool:
    """Whether anybody still has to do something."""
    if invitation.state is State.APPROVED:
        return member is not None and member.status is MemberStatus.PLANNED
    return invitation.counts(_now())


def _standing(found: Found, member: Member | None) -> str:
    invitation = found.invitation
    if invitation.state is State.APPROVED:
        status = member.status if member is not None else MemberStatus.BLOCKED
        return {MemberStatus.PLANNED: "approved, not checked", MemberStatus.ACTIVE: "active", MemberStatus.BLOCKED: "blocked"}[status]
    return invitation.state.value if invitation.counts(_now()) or invitation.state is State.REJECTED else f"{invitation.state.value}, lapsed"


def _check(office: Office, invitation: Invitation) -> None:
    """Refuse now what could never be approved.

    Raises:
        BadInput: `invalid-setting` or `register-invalid`.
    """
    members = office.signed().register.members
    known = next((member for member in members if member.ura.value == invitation.ura), None)
    if known is not None:
        check_may_join(known, invitation)
    if any(member.name.value == invitation.name and member is not known for member in members):
        raise BadInput(Fault.INVALID_SETTING, f"{invitation.name}: another organisation has this name", then=OTHER_NAME)
    check_member(
        Member(
            ura=Ura(invitation.ura),
            name=HolderName(invitation.name),
            title=invitation.title,
            kind=invitation.kind,
            telephone="",
            status=MemberStatus.PLANNED,
            parts=frozenset(invitation.parts),
            capabilities=frozenset(invitation.capabilities),
        )
    )


def _desk(folder: Path) -> Desk:
    return Desk(folder, Invitations(folder), _now)


def _ura(text: str) -> Ura:
    try:
        return Ura(text)
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "a URA is eight digits", then=URA_FORM) from None


def _name(text: str) -> str:
    try:
        return HolderName(text).value
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "--name: a letter, then letters, digits, dashes", then=OPTION) from None


def _say(line: str) -> None:
    typer.echo(line)


def _now() -> datetime:
    return datetime.now(UTC)
