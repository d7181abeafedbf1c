"""What a planner's tap does, if the screen that was tapped is still true.

Every form carries the state that it was made for. A second tap that asks for what is there already is no news; any other tap on
an older screen changes nothing, and whoever tapped is shown how it is now.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from accord.rules.moments import AMSTERDAM
from accord.rules.placing.provider import At, Leg
from accord.terms.capacity import Light, Stop, StopReason
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import DeclineReason, Fit, Terms, WithdrawReason
from node_agent.places.page_states import of_leg, of_opening, of_service, openings_of
from node_agent.places.ports import LegRef, OpeningKept, Planning, ServiceKept

#: Of what a planner writes to the other side; a form of it stays within what is read.
WORDS_CHARACTERS: Final = 1_000
MOST_PLACES: Final = 9_999
_MOST_MINUTES: Final = 168 * 60
_HOLD: Final = timedelta(hours=2)
_FITS: Final = {"accept": Fit.FULL, "part": Fit.PART, "other": Fit.OTHER}
Given = Mapping[str, str]
_Code = TypeVar("_Code", StopReason, DeclineReason, WithdrawReason, Light)


class Stale(Exception):
    """The screen that was tapped is not how it is any more; nothing was changed."""


class Acts:
    """What is done for a planner, *by* their identifier. All raise `Stale`, and what `Planning` raises."""

    def __init__(self, planning: Planning, now: Callable[[], datetime]) -> None:
        self._planning = planning
        self._now = now

    async def on_opening(self, given: Given, by: str) -> None:
        """Count, confirm, show a light, or take away.

        Raises:
            BadInput: `not-found`, `invalid-parameter`.
        """
        kept = next((one for service in await self._planning.services() for one in openings_of(service) if one.opening.id == given.get("opening", "")), None)
        if kept is None:
            raise BadInput(Fault.NOT_FOUND)
        if given.get("made_for") != of_opening(kept):
            if _is_so(kept, given):
                return
            raise Stale
        opening, do = kept.opening.id, given.get("do", "")
        if do == "count":
            await self._planning.count(opening, number_in(given, "places"), by)
        elif do == "confirm":
            await self._planning.confirm(opening, by)
        elif do == "show":
            await self._planning.show(opening, _light_in(given), by)
        elif do == "close":
            await self._planning.close(opening, by)
        else:
            raise BadInput(Fault.INVALID_PARAMETER)

    async def on_service(self, given: Given, by: str) -> None:
        """Stop, start again, or open from a day on.

        Raises:
            BadInput: `not-found`, `invalid-parameter`.
        """
        kept = next((one for one in await self._planning.services() if one.service.id == given.get("service", "")), None)
        if kept is None:
            raise BadInput(Fault.NOT_FOUND)
        do, stop = given.get("do", ""), self._stop_in(given)
        since, until = day_in(given, "since"), day_in(given, "until")
        if given.get("made_for") != of_service(kept):
            if _stands_so(kept, do, stop, (since, until, given.get("places", ""))):
                return
            raise Stale
        if do in ("stop", "start"):
            await self._planning.stop(kept.service.id, stop, by)
        elif do == "open" and since is not None and (until is None or until >= since):
            await self._planning.open_from(kept.service.id, since, until, number_in(given, "places"), by)
        else:
            raise BadInput(Fault.INVALID_PARAMETER)

    async def on_leg(self, ref: LegRef, given: Given, by: str) -> None:
        """Answer a request, or say what became of it.

        Raises:
            BadInput: `not-found`, `not-possible-now`, `no-place-left`, `invalid-parameter`.
        """
        leg, do = await self._planning.leg(ref), given.get("do", "")
        if given.get("made_for") != of_leg(leg):
            if _was_done(leg, do, given):
                return
            raise Stale
        words = words_in(given)
        if do in _FITS:
            terms = self._terms(leg, do, given, words)
            await self._planning.offer(ref, terms, await self._held_until(leg, given), given.get("opening", ""), by)
        elif do == "decline":
            await self._planning.decline(ref, _reason_in(given, DeclineReason), words, by)
        elif do == "withdraw":
            await self._planning.withdraw(ref, _reason_in(given, WithdrawReason), words, by)
        elif do == "ask":
            await self._planning.ask(ref, _needed(words), by)
        else:
            await self._on_leg_plainly(ref, do, by)

    async def _on_leg_plainly(self, ref: LegRef, do: str, by: str) -> None:
        """What needs no more than a tap."""
        match do:
            case "interested":
                await self._planning.be_interested(ref, by)
            case "arrive":
                await self._planning.arrive(ref, by)
            case "take_in":
                await self._planning.take_in(ref, by)
            case _:
                raise BadInput(Fault.INVALID_PARAMETER)

    def _terms(self, leg: Leg, do: str, given: Given, words: str) -> Terms:
        if do == "accept":
            return Terms(Fit.FULL, leg.need.amount, words=words)
        amount, since, until = number_in(given, "amount"), day_in(given, "since"), day_in(given, "until")
        if amount < 1 or (since and until and until < since) or (do == "part" and amount > leg.need.amount):
            raise BadInput(Fault.INVALID_PARAMETER)
        return Terms(_FITS[do], amount, since, until, _needed(words) if do == "other" else words)

    async def _held_until(self, leg: Leg, given: Given) -> datetime:
        if not given.get("hold"):
            return self._now() + hold_of(leg, await self._planning.services(), given.get("opening", ""))
        minutes = number_in(given, "hold", _MOST_MINUTES)
        if minutes < 1:
            raise BadInput(Fault.INVALID_PARAMETER)
        return self._now() + timedelta(minutes=minutes)

    def _stop_in(self, given: Given) -> Stop | None:
        if given.get("do") != "stop":
            return None
        text, end = given.get("ends", ""), None
        if text:
            try:
                end = datetime.fromisoformat(text)
            except ValueError:
                raise BadInput(Fault.INVALID_PARAMETER) from None
            end = end.replace(tzinfo=AMSTERDAM) if end.tzinfo is None else end
            if end <= self._now():
                raise BadInput(Fault.INVALID_PARAMETER)
        return Stop(_reason_in(given, StopReason), end)


def hold_of(leg: Leg, services: Sequence[ServiceKept], opening: str = "") -> timedelta:
    """So long a place of an *opening*, else of what was asked for, is held unless a planner says otherwise."""
    wanted = opening or leg.opening or leg.asked.opening
    of = [one for one in services if any(each.opening.id == wanted for each in one.openings)] or [
        one for one in services if one.service.id == leg.asked.service
    ]
    return of[0].hold if of else _HOLD


def number_in(given: Given, name: str, most: int = MOST_PLACES) -> int:
    """A count, of at *most* so many.

    Raises:
        BadInput: `invalid-parameter`.
    """
    text = given.get(name, "").strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)) or int(text) > most:
        raise BadInput(Fault.INVALID_PARAMETER)
    return int(text)


def day_in(given: Given, name: str) -> date | None:
    """A day; none where none was given.

    Raises:
        BadInput: `invalid-parameter`.
    """
    text = given.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput(Fault.INVALID_PARAMETER) from None


def words_in(given: Given) -> str:
    """What was written, without characters that cannot be seen.

    Raises:
        BadInput: `invalid-parameter`: it is too long.
    """
    written = given.get("words", "").replace("\r\n", "\n").strip()
    if len(written) > WORDS_CHARACTERS:
        raise BadInput(Fault.INVALID_PARAMETER)
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in written)


def _needed(words: str) -> str:
    if not words:
        raise BadInput(Fault.INVALID_PARAMETER)
    return words


def _light_in(given: Given) -> Light:
    return _reason_in(given, Light, "light")


def _reason_in(given: Given, kind: type[_Code], name: str = "reason") -> _Code:
    try:
        return kind(given.get(name, ""))
    except ValueError:
        raise BadInput(Fault.INVALID_PARAMETER) from None


def _is_so(kept: OpeningKept, given: Given) -> bool:
    """Whether an opening is as this tap would make it. A confirmation says what it confirms."""
    do = given.get("do", "")
    if do == "show":
        return kept.opening.light is not None and kept.opening.light.value == given.get("light")
    return do in ("count", "confirm") and kept.counted is not None and str(kept.counted) == given.get("places")


def _stands_so(kept: ServiceKept, do: str, stop: Stop | None, opened: tuple[date | None, date | None, str]) -> bool:
    if do in ("stop", "start"):
        return kept.stop == stop
    return do == "open" and any((one.opening.since, one.opening.until, str(one.counted)) == opened for one in kept.openings)


def _was_done(leg: Leg, do: str, given: Given) -> bool:
    """Whether a request stands as this answer would make it."""
    match do:
        case "accept" | "part" | "other":
            return leg.at is At.OFFERED and leg.offer is not None and leg.offer.terms.fit is _FITS[do]
        case "decline":
            return leg.at is At.DECLINED and leg.declined is not None and leg.declined.value == given.get("reason")
        case "withdraw":
            return leg.at is At.WITHDRAWN and leg.withdrawn is not None and leg.withdrawn.value == given.get("reason")
        case "ask":
            return bool(leg.lines) and leg.lines[-1].ours and leg.lines[-1].words == words_in(given)
        case "interested":
            return leg.interested
        case "arrive":
            return leg.at is At.ARRIVED
        case "take_in":
            return leg.taken_in
        case _:
            return False
