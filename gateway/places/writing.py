"""What the asker writes: letters, sealed and signed, and a line in the journal beside each."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.audit.places_events import PlaceStep
from accord.letters import mailbox
from accord.letters.envelopes import Sender, write
from accord.letters.referring import Referred, refer
from accord.rules.placing.asker import Step
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName, Ura
from accord.terms.members import Member, RegionRegister
from accord.terms.placing import FromAsker, FromProvider, Introduced
from accord.wire.place_forms import to_form
from gateway.places import rows
from gateway.places.happening import happened, noted
from gateway.places.kept import Kept, Peer
from gateway.places.store import Change

#: So long after the first day of care a referral may be appealed to.
_REFERRED: Final = timedelta(days=30)
#: As many as `new_request` makes.
_ID_CHARACTERS: Final = 32


@dataclass(frozen=True, slots=True)
class Own:
    """Who looks for a place: its URA, the key that signs (a mandate key of the register), and the key for patients in its journal.

    `register` gives the register in force at a moment.
    """

    ura: Ura
    key: Ed25519PrivateKey = field(repr=False)
    patient_key: bytes = field(repr=False)
    register: Callable[[datetime], RegionRegister]
    clock: Callable[[], datetime]

    def member(self, now: datetime) -> Member:
        """It in the register.

        Raises:
            Unavailable: `not-a-member`, `register-outdated`.
        """
        found = self.register(now).by_ura.get(self.ura)
        if found is None:
            raise Unavailable(Fault.NOT_A_MEMBER)
        return found


def named_request(once: str, key: bytes) -> str:
    """The id of the search that an application gave a name: always the same one, and to nobody without *key* anything more than a random one."""
    return blake3(f"search {once}".encode(), key=key).hexdigest()[:_ID_CHARACTERS]


def tag_of(letter: FromAsker | FromProvider) -> str:
    """The word by which a letter is known in the journal."""
    return str(letter.__struct_config__.tag)


def carry_out(change: Change, own: Own, before: Kept, step: Step, now: datetime, by: str = "") -> Kept:
    """Keep what a search became, and lay ready what is said because of it; *by* whom, empty for a program."""
    after = replace(before, request=step.request)
    after = noted(after, *happened(before.request, step.request, now))
    after = replace(after, over=(before.over or now) if _is_over(after) else None)
    for says in step.says:
        lay(change, own, after, says.to, says.what, now, by)
    rows.write(change.connection, change.seal, after)
    change.touched = True
    return after


def lay(change: Change, own: Own, kept: Kept, provider: HolderName, letter: FromAsker, now: datetime, by: str = "", *, lined: bool = True) -> None:
    """Lay one letter ready for a provider, with its line unless it has one already."""
    peer, request = kept.peers[provider.value], kept.request
    if isinstance(letter, Introduced):
        letter = Introduced(letter.who, _referral(own, kept, peer, now))
    content = to_form(letter)
    sender = Sender(own.ura, own.key)
    number = mailbox.put(change.connection, peer.ura, request.id, lambda seq: write(sender, peer.ura, peer.key, request.id, seq, content, now))
    change.laid.add(peer.ura)
    if lined:
        note(change, own, kept, tag_of(letter), by, peer.ura, letter=number)


def note(
    change: Change, own: Own, kept: Kept, what: str, by: str, peer: Ura | None = None, *, letter: int = 0, action: Literal["C", "R", "U", "D", "E"] = "U"
) -> None:
    """A line of a step that this change takes; of a letter with its number."""
    other = peer.value if peer is not None else ""
    line = PlaceStep(action=action, patient=_mark(own, kept), holder=other, peer=other, request=kept.request.id, by=by, what=what, letter=letter)
    change.events.append(line)


def _is_over(kept: Kept) -> bool:
    winner = kept.request.winner
    return kept.request.cancelled is not None or (winner is not None and winner.arrived)


def _referral(own: Own, kept: Kept, peer: Peer, now: datetime) -> str:
    first = datetime.combine(kept.request.need.since, now.timetz())
    return refer(Referred(own.ura, peer.ura, kept.request.id, Bsn(kept.request.who.bsn), max(now, first) + _REFERRED), own.key, now)


def _mark(own: Own, kept: Kept) -> str:
    return blake3(kept.request.who.bsn.encode("ascii"), key=own.patient_key).hexdigest()
