"""A neighbouring region seen from ours (promise P14): its gateway is asked in our name, and vouches for what its holders say.

Nobody here knows the keys of its holders, so what they say counts by the word of their own gateway: that it came from them,
about the question that we put. What lacks that word, or has it for something else, is not passed on, and ends that region.

A region is asked by one other, and passes a question on only as often as it was told: never back to whom it came from.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import anyio
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.letters.believing import digest_of
from accord.letters.signing import AskedPlaces, Vouched, ask_places, read_vouched, vouch
from accord.terms.answers import Ending
from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from gateway.neighbours import Neighbour, PlacesRegister
from gateway.places_asking import CALL_MARGIN, Account, Asking, Put, Said
from gateway.ports import HolderFailure

#: A question goes through no more gateways than ours and so many behind it.
MOST_HOPS: Final = 2
#: Of the time that we are patient a neighbour has all but this, so that its last word is here in time: in seconds, and as a
#: part. It waits for its silent ones as long as it may, and each of them has an ending that has to come here yet.
_WAY_BACK: Final = 0.08
_PART_FOR_WAY_BACK: Final = 0.1
_LEAST_SECONDS: Final = 0.05
#: What one region may say.
_MOST_FRAMES: Final = 500

_log = structlog.get_logger("noaber.places")


@dataclass(frozen=True, slots=True)
class Signing:
    """As whom we ask and vouch: our URA, our answer key, and the register in which others find it."""

    ura: Ura
    key: Ed25519PrivateKey = field(repr=False)
    register: Callable[[], RegionRegister]
    now: Callable[[], datetime]


def to_be_asked(register: PlacesRegister, hops: int, asker: Ura) -> tuple[Neighbour, ...]:
    """The neighbours to whom a question goes: none once it may go no further, and never whoever asks it."""
    return tuple(one for one in register.neighbours if one.way.active and one.way.card.ura != asker) if hops > 0 else ()


async def ask_neighbour(asking: Asking, neighbour: Neighbour, question: PlacesQuestion, hops: int, ours: Signing) -> None:
    """Put our own question to a neighbouring region, and tell what its holders say, and last how the region itself ended."""
    ending, code = await _heard_out(asking, neighbour, question, hops, ours)
    card = neighbour.way.card
    await asking.into.send(Said(card.name.value, ending, code, region=card.name.value, title=card.title, telephone=card.telephone))


async def _heard_out(asking: Asking, neighbour: Neighbour, question: PlacesQuestion, hops: int, ours: Signing) -> tuple[Ending, Fault | None]:
    try:
        return await _Region(asking, neighbour, ours).hear(question, hops)
    except TimeoutError:
        return Ending.TOO_LATE, Fault.HOLDER_SILENT
    except HolderFailure as failure:
        return failure.ending, failure.code
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        raise  # our own reader has left
    except Faulted as failure:
        return Ending.REJECTED, failure.fault
    except Exception as failure:  # noqa: BLE001 - whatever one region made us do, the others must not suffer for it
        _log.error("neighbour's places failed here", gateway=neighbour.way.card.ura.value, failure=type(failure).__name__)
        return Ending.REJECTED, Fault.INTERNAL


@dataclass(slots=True)
class _Region:
    """One neighbouring region, being heard."""

    asking: Asking
    neighbour: Neighbour
    ours: Signing
    digest: str = ""
    _named: set[tuple[str, str]] = field(default_factory=set)

    async def hear(self, question: PlacesQuestion, hops: int) -> tuple[Ending, Fault | None]:
        """Tell every frame that it vouches for.

        Raises:
            HolderFailure: It broke off, or says more than it may.
            Faulted: It vouches wrongly.
            TimeoutError: It was silent for longer than we are patient; the time in which our own reader is busy does not count.
        """
        ours, asking = self.ours, self.asking
        # How much its holders are asked for is its own region's to know.
        signed = ask_places(ours.ura, replace(question, tally=False), self.neighbour.region, ours.key, ours.now())
        self.digest = digest_of(signed)
        left = asking.patience
        theirs = max(_LEAST_SECONDS, left - max(_WAY_BACK, left * _PART_FOR_WAY_BACK))
        put = Put(signed, hops - 1, int(theirs * 1000))
        async with asking.way.offers(self.neighbour.way, put, seconds=left + CALL_MARGIN) as frames:
            while True:
                before = anyio.current_time()
                with anyio.fail_after(max(0.0, left)):
                    frame = await anext(frames, None)
                left -= anyio.current_time() - before
                if frame is None:
                    return Ending.CUT_OFF, Fault.STREAM_CUT
                if isinstance(frame, Account):
                    return Ending.ANSWERED, None
                await asking.into.send(self._believed(frame))

    def _believed(self, frame: Said) -> Said:
        """A frame as it goes on, with what is known of its holder by the word of its gateway.

        Raises:
            BadInput: `token-invalid`, `wrong-question`, `wrong-digest`, `broken-batch`.
            HolderFailure: `over-limit`.
        """
        name = self.neighbour.name.value
        self.asking.check_room(frame)
        ours = self.ours
        vouched = read_vouched(frame.vouched, self.neighbour.way.card.ura, frame.said, self.digest, ours.register(), ours.now())
        if (vouched.holder, vouched.ending) != (frame.holder, frame.ending) or (frame.ending is Ending.ANSWERED and not frame.said and not frame.region):
            raise BadInput(Fault.TOKEN_INVALID)
        named = (frame.region, frame.holder)
        if named in self._named or len(self._named) >= _MOST_FRAMES:
            raise BadInput(Fault.BROKEN_BATCH, "holder")
        self._named.add(named)
        return replace(frame, region=name, title=vouched.title, telephone=vouched.telephone)


def vouched_for(said: Said, asked: AskedPlaces, ours: Signing) -> Said:
    """A frame for a gateway that asked us, with our word for it."""
    word = Vouched(ours.ura, said.holder, said.title, said.telephone, said.ending)
    return replace(said, vouched=vouch(ours.ura, word, said.said, asked, ours.key, ours.now()))
