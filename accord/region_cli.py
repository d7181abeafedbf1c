"""`noaber region`: keep the register of a region. Every command makes one new signed version, or says why not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from accord.link.jose import thumbprint
from accord.link.policy_file import default_policy, read_policy
from accord.link.register_form import register_to_json
from accord.region.bringing import Brought, bring_keys, content_of
from accord.region.joining_cli import add_commands
from accord.region.office import Office
from accord.rules.moments import local_moment
from accord.terms.counts import counted
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import LoginProvider, Member, MemberStatus, Part
from accord.terms.next_steps import OPTION, URA_FORM
from accord.terms.vocabulary import HolderKind

app = typer.Typer(name="region", help="Keep the register of a region.", no_args_is_help=True, pretty_exceptions_enable=False)
add_commands(app)

_Folder = Annotated[Path, typer.Option("--folder", help="The folder of the office.")]
_UraText = Annotated[str, typer.Argument(metavar="URA", help="Eight digits.")]
_Csr = Annotated[Path | None, typer.Option("--csr", help="A signing request (PEM); the certificate is written beside it as .pem.")]
_MakeKeys = Annotated[Path | None, typer.Option("--make-keys", help="A folder to make all keys in, for a trial.")]
_Certificates = Annotated[list[Path] | None, typer.Option("--certificate", help="A certificate (PEM) that it has already.")]
_Keys = Annotated[list[str] | None, typer.Option("--key", help="A public key and its use: pub.pem:mandate, pub.pem:answer or pub.pem:seal.")]
_Hosts = Annotated[list[str] | None, typer.Option("--host", help="A further name or IP address in the certificate.")]
_KeyDays = Annotated[int, typer.Option("--days", min=1, max=825, help="How long the certificate counts.")]
_Days = Annotated[int, typer.Option("--days", min=1, max=1098, help="How long the register counts.")]

_DEFAULT_FOLDER: Final = Path("region")


@app.command()
def init(
    *,
    region: Annotated[str, typer.Option(help="Its name: letters, digits, dashes.")],
    days: _Days = 365,
    policy: Annotated[Path | None, typer.Option(help="The region's policy (TOML).")] = None,
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Make a region: its keys, its authority, and a register without members."""
    agreed = read_policy(policy) if policy else default_policy()
    office = Office.found(folder, region, agreed, at=_now(), days=days)
    typer.echo(f"Region {region} made in {folder}. Give every member {folder / 'region.pub'}; keep the .key files safe.")
    _tell(office)


@app.command()
def add(
    *,
    ura: Annotated[str, typer.Option(help="Eight digits.")],
    name: Annotated[str, typer.Option(help="Short name, as it stands in addresses: a letter, then letters, digits, dashes.")],
    title: Annotated[str, typer.Option(help="Its name as people know it.")],
    kind: Annotated[HolderKind, typer.Option(help="What kind of care provider it is.")],
    part: Annotated[list[Part], typer.Option(help="In what it takes part; may be given several times.")],
    address: Annotated[str, typer.Option(help="Where its agent or gateway answers: host:port, or unix:/path.")] = "",
    telephone: Annotated[str, typer.Option(help="Whom to call.")] = "",
    capability: Annotated[list[str] | None, typer.Option(help="What it can do beyond the rest.")] = None,
    planned: Annotated[bool, typer.Option("--planned", help="Registered, and does not take part yet.")] = False,
    csr: _Csr = None,
    make_keys: _MakeKeys = None,
    certificate: _Certificates = None,
    key: _Keys = None,
    host: _Hosts = None,
    days: _KeyDays = 90,
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Take an organisation in."""
    member = Member(
        ura=_ura(ura),
        name=HolderName(name),
        title=title,
        kind=kind,
        telephone=telephone,
        status=MemberStatus.PLANNED if planned else MemberStatus.ACTIVE,
        parts=frozenset(part),
        address=address,
        capabilities=frozenset(capability or ()),
    )
    office = Office(folder)
    with office.change(_now()) as draft:
        draft.add(member)
        _say_all(bring_keys(draft, member.ura, Brought(csr, make_keys, certificate or [], key or [], host or [], days)))
    _tell(office)


@app.command()
def block(ura: _UraText, *, folder: _Folder = _DEFAULT_FOLDER) -> None:
    """Cut an organisation off, on open connections too."""
    office = Office(folder)
    with office.change(_now()) as draft:
        draft.block(_ura(ura))
    _tell(office)


@app.command()
def unblock(ura: _UraText, *, folder: _Folder = _DEFAULT_FOLDER) -> None:
    """Let an organisation take part: one that was blocked, or only planned."""
    office = Office(folder)
    with office.change(_now()) as draft:
        draft.activate(_ura(ura))
    _tell(office)


@app.command()
def rotate(
    ura: _UraText,
    *,
    csr: _Csr = None,
    make_keys: _MakeKeys = None,
    certificate: _Certificates = None,
    key: _Keys = None,
    host: _Hosts = None,
    days: _KeyDays = 90,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="What was replaced counts no longer.")] = False,
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Give an organisation a new certificate or new keys. The old ones count until --drop-old, with this or a later call."""
    office = Office(folder)
    with office.change(_now()) as draft:
        brought = Brought(csr, make_keys, certificate or [], key or [], host or [], days)
        _say_all(bring_keys(draft, _ura(ura), brought))
        if drop_old:
            draft.drop_old(_ura(ura))
        elif not brought:
            raise BadInput(Fault.INVALID_SETTING, "give --csr, --make-keys, --certificate or --key, or --drop-old", then=OPTION)
    _tell(office)


@app.command()
def policy(file: Annotated[Path, typer.Argument(help="The region's policy (TOML).")], *, folder: _Folder = _DEFAULT_FOLDER) -> None:
    """Put the region's policy into force."""
    agreed = read_policy(file)
    office = Office(folder)
    with office.change(_now()) as draft:
        draft.set_policy(agreed)
    _tell(office)


@app.command()
def trust(
    authority: Annotated[Path, typer.Argument(help="The authority of a neighbouring region (its authority.pem).")],
    *,
    no_longer: Annotated[bool, typer.Option("--no-longer", help="Take none of its certificates any more.")] = False,
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Take certificates of a neighbouring region's authority, too: its gateway is added with one that it has already."""
    office = Office(folder)
    with office.change(_now()) as draft:
        (draft.distrust if no_longer else draft.trust)(content_of(authority).decode("ascii", "replace"))
    _tell(office)


@app.command()
def login(
    *,
    issuer: Annotated[str, typer.Option(help="The issuer (OpenID Connect).")],
    client_id: Annotated[str, typer.Option(help="Who we are to it.")],
    keys: Annotated[Path, typer.Option(help="Its public keys: a JWK set (JSON).")],
    confirm_client_id: Annotated[str, typer.Option(help="Who we are to it when a choice is confirmed; without it nobody can choose.")] = "",
    bsn_claim: Annotated[str, typer.Option(help="The claim with the BSN.")] = "bsn",
    level: Annotated[list[str] | None, typer.Option(help="An acr value that is strong enough; may be given several times. None: any.")] = None,
    folder: _Folder = _DEFAULT_FOLDER,
) -> None:
    """Name a place where patients log in; the same issuer again replaces it, with all that was said of it."""
    office = Office(folder)
    with office.change(_now()) as draft:
        public = content_of(keys).decode("utf-8", "replace")
        draft.add_login(LoginProvider(issuer, client_id, public, confirm_client_id, bsn_claim, tuple(sorted(set(level or ())))))
    _tell(office)


@app.command()
def renew(*, days: _Days = 365, folder: _Folder = _DEFAULT_FOLDER) -> None:
    """Let the register count until so many days from now."""
    office = Office(folder)
    with office.change(_now()) as draft:
        draft.renew(days)
    _tell(office)


@app.command("announce-key")
def announce_key(*, folder: _Folder = _DEFAULT_FOLDER) -> None:
    """Make the region's next signing key and name it in the register; once every member has that version: use-key."""
    office = Office(folder)
    office.announce_key(_now())
    _tell(office)


@app.command("use-key")
def use_key(*, folder: _Folder = _DEFAULT_FOLDER) -> None:
    """Sign with the announced key from now on; the old one counts no longer."""
    office = Office(folder)
    office.use_announced_key(_now())
    _tell(office)


@app.command()
def show(*, as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False, folder: _Folder = _DEFAULT_FOLDER) -> None:
    """Print the register."""
    office = Office(folder)
    signed = office.signed()
    if as_json:
        typer.echo(json.dumps(json.loads(register_to_json(signed.register, signed.signers)), indent=2, ensure_ascii=False))
        return
    _tell(office)
    typer.echo(f"Policy {signed.register.policy.matrix.version}; emergency access {'offered' if signed.register.policy.emergency else 'not offered'}")
    for public in sorted(signed.signers):
        typer.echo(f"Signed by {thumbprint(public)}" if public == signed.signer else f"Next key {thumbprint(public)}")
    for member in signed.register.members:
        parts = ", ".join(sorted(member.parts))
        typer.echo(f"{member.ura}  {member.name.value:<20}  {member.status.value:<8}  {member.kind.value:<18}  {parts}  {member.address}  {member.title}")


def _say_all(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


def _tell(office: Office) -> None:
    register = office.signed().register
    typer.echo(f"{register.region}, version {register.version}, {counted(len(register.members), 'member')}, counts until {local_moment(register.expires)}")


def _ura(text: str) -> Ura:
    try:
        return Ura(text)
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "a URA is eight digits", then=URA_FORM) from None


def _now() -> datetime:
    return datetime.now(UTC)
