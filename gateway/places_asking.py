"""Everyone who may have places, at once, each with one last word (promise P8).

What a holder says is signed and goes through as it is: it is not read here, and may be of a newer kind than we know. Of
whoever stands silent we wait as long as we are patient, and no longer; who is known to be down is not waited for at all.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import anyio
import structlog
from anyio.abc import ObjectSendStream

from accord.letters.collecting import COLLECT_CHARACTERS
from accord.letters.envelopes import ENVELOPE_CHARACTERS
from accord.letters.signing import STATEMENT_CHARACTERS
from accord.rules.capacity.offering import may_offer
from accord.terms.answers import Ending
from accord.terms.capacity import CareKind
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.limits import MIB
from gateway.neighbours import PlacesRegister
from gateway.ports import HolderFailure, RegisteredHolder
from gateway.presence import Presence

#: Letters in one call.
MOST_LETTERS: Final = 64
#: Of what all holders say to one question together, in characters: each of them may say `STATEMENT_CHARACTERS`.
_MOST_CHARACTERS: Final = 24 * MIB
#: Of one that gave no sign of life for long we wait for so much of our patience. It is asked all the same, for it may be
#: back: then it answers as fast as anybody. Nobody is said to be late who was not asked.
_FOR_THE_SILENT: Final = 0.25
#: In seconds: how much longer than we wait a call may last, so that a slow reader is not the holder's fault.
CALL_MARGIN: Final = 20.0

_log = structlog.get_logger("noaber.places")


@dataclass(frozen=True, slots=True)
class Said:
    """How one holder's answer ended, with its signed statement when it did.

    `region` is the neighbouring region's gateway (in our register) that told it, and `vouched` its signed word. `title` and
    `telephone` are for a gateway that asks, whose register does not have this holder. `last_heard_ms`: when it was heard last
    before, since 1970; 0: not that is known.
    """

    holder: str
    ending: Ending
    code: Fault | None = None
    said: str = field(default="", repr=False)
    region: str = ""
    vouched: str = field(default="", repr=False)
    title: str = ""
    telephone: str = ""
    last_heard_ms: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The last word: holders of our register, how many of them were asked, and how many answered.

    `version` is of that register (0: not told), and `register` the register itself, signed, where the asker's is older.
    """

    registered: int
    asked: int
    answered: int
    version: int = 0
    register: str = field(default="", repr=False)


Frame = Said | Account


@dataclass(frozen=True, slots=True)
class Put:
    """A question as it is put to a holder, or to the gateway of a neighbouring region (`hops`, `patience_ms`)."""

    question: str = field(repr=False)
    hops: int = 0
    patience_ms: int = 0


@dataclass(frozen=True, slots=True)
class Letters:
    """Letters and who comes for them, or what a holder gives back. None of it is read on the way."""

    collect: str = field(default="", repr=False)
    letters: tuple[str, ...] = field(default=(), repr=False)
    receipt: str = field(default="", repr=False)
    more: bool = False

    def check(self) -> None:
        """Refuse what is more than one call may bring.

        Raises:
            BadInput: `over-limit`.
        """
        signed = max(len(self.collect), len(self.receipt))
        if len(self.letters) > MOST_LETTERS or signed > COLLECT_CHARACTERS or sum(map(len, self.letters)) > ENVELOPE_CHARACTERS:
            raise BadInput(Fault.OVER_LIMIT, "letters")


class PlacesWay(Protocol):
    """The way to whoever may have places."""

    def offers(self, holder: RegisteredHolder, put: Put, *, seconds: float) -> AbstractAsyncContextManager[AsyncGenerator[Frame, None]]:
        """The frames of an answer. Leaving the context withdraws the question.

        Raises:
            HolderFailure: While iterating.
        """

    async def letters(self, holder: RegisteredHolder, brought: Letters, *, seconds: float) -> Letters:
        """Bring and fetch letters.

        Raises:
            HolderFailure: It did not answer.
        """


@dataclass(slots=True)
class Asking:
    """One question while it is put: *into* whom all is told, and how long anybody is waited for (seconds)."""

    way: PlacesWay
    presence: Presence
    question: str
    patience: float
    into: ObjectSendStream[Frame]
    room: int = _MOST_CHARACTERS
    answered: int = 0

    def check_room(self, said: Said) -> None:
        """Refuse what is too much: of one, or of all together.

        Raises:
            HolderFailure: `over-limit`.
        """
        self.room -= len(said.said)
        if len(said.said) > STATEMENT_CHARACTERS or self.room < 0:
            raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a question is for: kinds of care (none: any), or holders by name (none: all that may have such places)."""

    kinds: frozenset[CareKind] = frozenset()
    holders: frozenset[HolderName] = frozenset()

    def is_for(self, holder: RegisteredHolder) -> bool:
        """Whether a holder must have its frame."""
        return holder.name in self.holders if self.holders else may_offer(holder.card.kind, self.kinds)


async def ask_holders(asking: Asking, wanted: Wanted, register: PlacesRegister) -> Account:
    """Ask everybody whom it is for, and tell each one's end as it comes.

    Who does not take part, or is not registered, is told as `not-asked`. Cancelling withdraws every question.
    """
    meant = [holder for holder in register.holders if wanted.is_for(holder)]
    unknown = wanted.holders - {holder.name for holder in meant} - {neighbour.name for neighbour in register.neighbours}
    asked = [holder for holder in meant if holder.active]
    async with anyio.create_task_group() as tasks:
        for holder in asked:
            tasks.start_soon(_ask_one, asking, holder)
        for holder in meant:
            if not holder.active:
                before = asking.presence.of(holder.name).last_heard_ms
                await asking.into.send(replace(_about(holder, Ending.NOT_ASKED, Fault.NOT_ACTIVE), last_heard_ms=before))
        for name in sorted(unknown):
            await asking.into.send(Said(name.value, Ending.NOT_ASKED, Fault.UNKNOWN_HOLDER))
    return Account(len(register.holders), len(asked), asking.answered)


async def _ask_one(asking: Asking, holder: RegisteredHolder) -> None:
    before = asking.presence.of(holder.name).last_heard_ms
    said = replace(await _heard(asking, holder), last_heard_ms=before)
    if said.ending is Ending.ANSWERED:
        asking.answered += 1
        asking.presence.heard(holder.name)
    await asking.into.send(said)


async def _heard(asking: Asking, holder: RegisteredHolder) -> Said:
    if asking.presence.is_known_down(holder.name):
        return _about(holder, Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE)
    patience = asking.patience * (_FOR_THE_SILENT if asking.presence.is_silent(holder.name) else 1.0)
    try:
        with anyio.fail_after(patience):
            async with asking.way.offers(holder, Put(asking.question), seconds=patience) as frames:
                said = _only_word(holder, await _first_two(frames))
        asking.check_room(said)
    except TimeoutError:
        return _about(holder, Ending.TOO_LATE, Fault.HOLDER_SILENT)
    except HolderFailure as failure:
        late = failure.ending is Ending.TOO_LATE
        return _about(holder, failure.ending, Fault.HOLDER_SILENT if late else failure.code)
    except Exception as failure:  # noqa: BLE001 - whatever one holder made us do, the others must not suffer for it
        _log.error("holder's places failed here", holder=holder.card.ura.value, failure=type(failure).__name__)
        return _about(holder, Ending.REJECTED, Fault.INTERNAL)
    return said


async def _first_two(frames: AsyncGenerator[Frame, None]) -> list[Frame]:
    """One frame is what there is; of who says more, one more is enough to see that."""
    heard: list[Frame] = []
    async for frame in frames:
        heard.append(frame)
        if len(heard) == 2:
            break
    return heard


def _only_word(holder: RegisteredHolder, frames: list[Frame]) -> Said:
    """What a holder said, under the name that it has here.

    Raises:
        HolderFailure: `broken-batch`: it said nothing, or more than one thing.
    """
    if len(frames) != 1 or not isinstance(frames[0], Said):
        raise HolderFailure(Ending.REJECTED, Fault.BROKEN_BATCH)
    said = frames[0]
    if (said.ending is Ending.ANSWERED) != bool(said.said):
        raise HolderFailure(Ending.REJECTED, Fault.BROKEN_BATCH)
    return _about(holder, said.ending, said.code, said.said)


def _about(holder: RegisteredHolder, ending: Ending, code: Fault | None = None, said: str = "") -> Said:
    return Said(holder.name.value, ending, code, said, title=holder.card.title, telephone=holder.card.telephone)
