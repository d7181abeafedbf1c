"""What programs that speak FHIR do with requests for a place: each said twice is done once, since an answer may be lost on its way."""

from typing import Final

import anyio

from accord.rules.placing.asker import SILENT, At, Choosing, Request
from accord.terms.capacity import Need
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.parties import Professional
from accord.terms.placing import WORDS_CHARACTERS, EndReason
from gateway.api.fhir_placing import Asking
from gateway.api.fhir_placing_words import read_task_id
from gateway.places.ports import Case, Manner, Placing
from gateway.places.seeking import Seeking
from gateway.places.wanting import text, word

_TAKEN: Final = frozenset({At.CHOSEN, At.GRANTED})


class Requesting:
    """The requests of this organisation, as programs make them and go on with them."""

    def __init__(self, seeking: Seeking) -> None:
        self._seeking = seeking
        self._turn = anyio.Lock()

    async def ask(self, asking: Asking, by: Professional) -> tuple[Case, frozenset[HolderName | None]]:
        """The search once everybody was asked, and what is new of it: providers, and none for the search itself.

        Raises:
            BadInput, Unavailable: Nobody was asked; of a search that has an identifier the same can be sent again.
        """
        known = await self._known(asking)
        need = _need(asking, known)
        wanted = [one for one in asking.addressees if known is None or one.provider not in _asked(known.request, asking)]
        # Outside the turn: it takes as long as the slowest of them.
        put = await self._seeking.addressed(need, wanted) if wanted else ()
        async with self._turn:
            case = await self._known(asking) or await self._begun(asking, by)
            request = case.request
            left = tuple(one for one in put if one.provider not in _asked(request, asking))
            if left:
                manner = Manner(asking.reply_by, request.choosing is Choosing.FIRST, request.gist.words)
                await self._searches.put_to(request.id, left, by, manner)
        new: set[HolderName | None] = {one.provider for one in left}
        if known is None:
            new.add(None)
        return await self._searches.case(request.id), frozenset(new)

    async def choose(self, task: str, by: Professional) -> None:
        """Take up the offer of a Task.

        Raises:
            BadInput: `not-found`, `not-possible-now`.
        """
        case, provider = await self._leg(task)
        if case.request.leg(provider).at not in _TAKEN:
            await self._searches.choose(case.request.id, provider, by)

    async def give_up(self, task: str, by: Professional) -> None:
        """Wait no longer for the word of whoever was chosen.

        Raises:
            BadInput: `not-found`, `not-possible-now`.
        """
        case, provider = await self._leg(task)
        if case.request.leg(provider).at is not At.GIVEN_UP:
            await self._searches.give_up(case.request.id, provider, by)

    async def tell(self, task: str, words: str, by: Professional) -> None:
        """Say something to a provider. It is said as often as it is asked.

        Raises:
            BadInput: `not-found`, `not-possible-now`, `invalid-parameter`.
        """
        case, provider = await self._leg(task)
        await self._searches.tell(case.request.id, provider, text(words, "words", WORDS_CHARACTERS), by)

    async def cancel(self, request: str, reason: str, by: Professional) -> None:
        """No place is needed any more.

        Raises:
            BadInput: `not-found`, `not-possible-now`, `invalid-parameter`.
        """
        why = word(EndReason, reason, "reason")
        if (await self._searches.case(request)).request.cancelled is None:
            await self._searches.cancel(request, why, by)

    async def hand_over(self, request: str, bundle: bytes, by: Professional) -> None:
        """Send the handover to whose place it has.

        Raises:
            BadInput: `not-found`, `not-possible-now`, `too-large`; `not-a-resource`, `other-patient`, `identity-unverified`: it is no document about them.
        """
        await self._searches.hand_over(request, bundle, by)

    @property
    def _searches(self) -> Placing:
        return self._seeking.searches

    async def _leg(self, task: str) -> tuple[Case, HolderName]:
        request, provider = read_task_id(task)
        return await self._searches.case(request), provider

    async def _known(self, asking: Asking) -> Case | None:
        """The search, where it is kept already."""
        draft = asking.draft
        if draft is None:
            return await self._searches.case(asking.case)
        try:
            return await self._searches.begun(draft.once) if draft.once else None
        except BadInput as failure:
            if failure.fault is not Fault.NOT_FOUND:
                raise
            return None

    async def _begun(self, asking: Asking, by: Professional) -> Case:
        if asking.draft is None:
            raise BadInput(Fault.NOT_FOUND)
        return await self._searches.case(await self._searches.begin(asking.draft, by))


def _need(asking: Asking, known: Case | None) -> Need:
    if known is not None:
        return known.request.need
    if asking.draft is None:
        raise BadInput(Fault.NOT_FOUND)
    return asking.draft.need


def _asked(request: Request, asking: Asking) -> frozenset[HolderName]:
    """Who need not be asked once more. A request that is sent again asks nobody anew; a Task for a search that is kept asks again who said no."""
    legs = request.legs if asking.draft is not None else [leg for leg in request.legs if leg.at not in SILENT]
    return frozenset(leg.provider for leg in legs)
