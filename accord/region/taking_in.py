"""What the register says of whoever was approved: by which keys they are known, where they answer, and what they sealed."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from accord.link import jose
from accord.link.certificates import read_public_key
from accord.link.desk_forms import Boxes
from accord.link.introducing import OUTBOUND
from accord.region.bringing import hosts_of
from accord.region.draft import Draft
from accord.region.invitations import Invitation
from accord.region.member_keys import KnownBy, signing_key
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part
from accord.terms.next_steps import BLOCKED, IN_THE_REGISTER, RUNS_A_GATEWAY

_HOLDER_ONLY: Final = frozenset({Part.DATA_HOLDER})


def take_in(draft: Draft, invitation: Invitation) -> None:
    """Put an organisation in the register, or let one that joins again be known by its new keys and address. Doing it twice changes nothing.

    Raises:
        BadInput: `invalid-setting`: it may not join; `register-invalid`: it is described wrongly.
    """
    ura, wish = Ura(invitation.ura), invitation.taken
    _check_host(draft, ura, wish.address)
    parts = frozenset(invitation.parts)
    known = draft.member(ura) if draft.knows(ura) else None
    if known is None:
        draft.add(
            Member(
                ura=ura,
                name=HolderName(invitation.name),
                title=invitation.title,
                kind=invitation.kind,
                telephone=wish.telephone,
                status=MemberStatus.PLANNED,
                parts=parts,
                address=wish.address,
                capabilities=_capabilities(invitation, frozenset()),
            )
        )
    else:
        check_may_join(known, invitation)
        # The person who approved heard the phrase, and in it is where they answer.
        draft.change_member(
            ura,
            lambda member: replace(
                member,
                parts=member.parts | parts,
                address=wish.address,
                telephone=wish.telephone or member.telephone,
                capabilities=_capabilities(invitation, member.capabilities),
            ),
        )
    _be_known(draft, ura, invitation, known)
    seal_for(draft, ura, wish.sealed)


def check_may_join(known: Member, invitation: Invitation) -> None:
    """Nothing, when this member can be invited.

    Raises:
        BadInput: `invalid-setting`.
    """
    if known.status is MemberStatus.BLOCKED:
        raise BadInput(Fault.INVALID_SETTING, f"{known.ura} is blocked; `noaber region unblock` first", then=BLOCKED)
    if known.name.value != invitation.name:
        raise BadInput(Fault.INVALID_SETTING, f"{known.ura} is in the register already, as --name {known.name}", then=IN_THE_REGISTER)
    if Part.GATEWAY in known.parts:
        raise BadInput(Fault.INVALID_SETTING, f"{known.ura} runs a gateway, which has an address and keys of its own; use another URA", then=RUNS_A_GATEWAY)


def _check_host(draft: Draft, ura: Ura, address: str) -> None:
    """See that nobody gets a certificate with the name at which a gateway is found: applications that ask it know it by that."""
    wanted = {host.lower() for host in hosts_of(address) if not _is_here(host)}
    for other in draft.members:
        if other.ura != ura and Part.GATEWAY in other.parts and wanted & {host.lower() for host in hosts_of(other.address)}:
            raise BadInput(Fault.INVALID_SETTING, f"{other.name} has this host, and is a gateway: reject, and let them join with a host of their own")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def seal_for(draft: Draft, ura: Ura, sealed: Boxes) -> None:
    """Keep the boxes of a holder, beside those that it has; the register's own rules say what a box is."""
    boxes = {key: jose.decoded(box) for key, box in sealed.items()}
    if boxes:
        draft.change_member(ura, lambda member: replace(member, sealed=_newest(draft, {**dict(member.sealed), **boxes})))


def _be_known(draft: Draft, ura: Ura, invitation: Invitation, known: Member | None) -> None:
    public = read_public_key(invitation.taken.answer_key.encode())
    uses = {KeyUse.ANSWER} if frozenset(invitation.parts) & {Part.DATA_HOLDER, Part.GATEWAY} else set()
    certificates, keys = frozenset({invitation.tls_key}), (signing_key(public, uses),) if uses else ()
    if known is None or known.parts <= _HOLDER_ONLY:
        draft.rotate(ura, KnownBy(certificates, keys))
        return
    # A data user's own proxy has a certificate too: it replaced nothing, and must not be dropped when the agent renews.
    draft.rotate(ura, KnownBy(keys=keys))
    draft.change_member(ura, lambda member: replace(member, certificates=member.certificates | certificates))


def _capabilities(invitation: Invitation, known: frozenset[str]) -> frozenset[str]:
    """What it can do; whether its agent calls out is said by its having no address."""
    said = (known | frozenset(invitation.capabilities)) - {OUTBOUND}
    return said if invitation.taken.address else said | {OUTBOUND}


def _newest(draft: Draft, boxes: dict[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    """Boxes for keys that a gateway has now: what only a key of yesterday opens is left out."""
    readable = draft.sealing_keys
    return tuple(sorted((key, box) for key, box in boxes.items() if key in readable))
