"""Looking for a place: the use cases of whoever looks, each one transaction with its letters and its line in the journal."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

import anyio
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.letters.envelopes import new_request
from accord.rules.identity import check_document
from accord.rules.placing import asker
from accord.rules.placing.asker import Leg, Request, Standing, Step
from accord.terms.capacity import Need, Wishes
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, HolderName, Ura
from accord.terms.members import Member, MemberStatus
from accord.terms.parties import Professional
from accord.terms.placing import Asked, EndReason
from accord.wire.place_forms import from_form, to_form
from gateway.places import rows
from gateway.places.beginning import asked_so, check_time, choosing
from gateway.places.handing_over import parts_of
from gateway.places.happening import noted
from gateway.places.history import Happened
from gateway.places.kept import Kept, Peer
from gateway.places.looks import Looks
from gateway.places.ports import Case, Draft, Heeds, Manner, PutTo
from gateway.places.soundness import check_day, check_draft, check_unnamed
from gateway.places.store import Change, Store
from gateway.places.writing import Own, carry_out, lay, named_request, note

_T = TypeVar("_T")
_FIRST: Final = (Heeds.ALARM, Heeds.ANSWER, Heeds.OPENED, Heeds.NOTHING)


class Searches:
    """`gateway.places.ports.Placing` over a store."""

    def __init__(self, store: Store, own: Own) -> None:
        self._store = store
        self._own = own
        self._mark = 1
        self._looks = Looks()
        self._lists = Looks()
        self._turned = anyio.Event()
        store.told.append(self._tell)

    async def begin(self, draft: Draft, by: Professional) -> str:
        """See `Placing`."""
        now = self._own.clock()
        check_draft(draft, now)
        check_time(draft.reply_by, now)
        named = named_request(draft.once, self._own.patient_key) if draft.once else new_request()
        request = Request(named, draft.need, draft.gist, choosing(draft.first_wins), now, draft.reply_by, draft.who)
        kept = Kept(request, draft.wishes, by.identifier, now, X25519PrivateKey.generate().private_bytes_raw(), once=draft.once)

        def work(change: Change) -> str:
            if draft.once and rows.has(change.connection, named):
                return named
            rows.begin(change.connection, change.seal, kept)
            change.touched = True
            note(change, self._own, kept, "begun", by.identifier, action="C")
            return request.id

        return await self._store.change(work)

    async def begun(self, once: str) -> Case:
        """See `Placing`."""
        named = named_request(once, self._own.patient_key)
        return (await self._store.read(lambda connection: rows.find_named(connection, self._store.seal, named))).case

    async def change(self, case: str, need: Need, wishes: Wishes, by: Professional) -> None:
        """See `Placing`."""
        from_form(to_form(need), Need)
        from_form(to_form(wishes), Wishes)

        def work(change: Change, kept: Kept, now: datetime) -> None:
            check_day(need, now)
            check_unnamed(kept.request.who, need.specialty)
            if kept.request.legs or kept.request.standing is not Standing.OPEN:
                raise BadInput(Fault.NOT_POSSIBLE_NOW)
            changed = noted(replace(kept, wishes=wishes, free=None, opened=()), Happened(now, "changed"))
            carry_out(change, self._own, changed, Step(replace(kept.request, need=need)), now)
            note(change, self._own, kept, "changed", by.identifier)

        await self._of(case, work)

    async def case(self, case: str) -> Case:
        """See `Placing`."""
        kept = await self._store.read(lambda connection: rows.find(connection, self._store.seal, case))
        return kept.case

    async def cases(self) -> tuple[Case, ...]:
        """See `Placing`."""
        found = await self._store.read(lambda connection: [kept.case for kept in rows.find_all(connection, self._store.seal)])
        return tuple(sorted(found, key=lambda case: _FIRST.index(case.heeds)))

    async def listed(self, by: Professional) -> tuple[Case, ...]:
        """See `Placing`."""

        def work(change: Change) -> list[str]:
            now = self._own.clock()
            found = [kept for kept in rows.find_all(change.connection, change.seal) if not self._lists.lasts(kept.request.id, by.identifier, now)]
            for kept in found:
                note(change, self._own, kept, "listed", by.identifier, action="R")
            return [kept.request.id for kept in found]

        for case in await self._store.change(work):
            self._lists.begin(case, by.identifier, self._own.clock())
        return await self.cases()

    async def put_to(self, case: str, providers: tuple[PutTo, ...], by: Professional, manner: Manner | None = None) -> None:
        """See `Placing`."""

        def work(change: Change, kept: Kept, now: datetime) -> None:
            members = {provider.provider: self._asked(provider, now) for provider in providers}
            request = asked_so(kept.request, manner, now)
            step = asker.put_to(request, tuple(self._leg(kept, request, provider, now) for provider in providers))
            peers = {provider.provider.value: Peer(members[provider.provider].ura, provider.key) for provider in providers}
            carry_out(change, self._own, replace(kept, peers=kept.peers | peers), step, now, by.identifier)

        await self._of(case, work)

    async def choose(self, case: str, provider: HolderName, by: Professional) -> None:
        """See `Placing`."""
        await self._step(case, lambda request, now: asker.choose(request, provider, now), by)

    async def tell(self, case: str, provider: HolderName, words: str, by: Professional) -> None:
        """See `Placing`."""
        from_form(to_form(words), str)
        if not words.strip():
            raise BadInput(Fault.INVALID_PARAMETER, "words")

        def told(request: Request, now: datetime) -> Step:
            if not request.leg(provider).introduced:
                check_unnamed(request.who, words)
            return asker.tell(request, provider, words, now)

        await self._step(case, told, by)

    async def cancel(self, case: str, reason: EndReason, by: Professional) -> None:
        """See `Placing`."""

        def work(change: Change, kept: Kept, now: datetime) -> None:
            carry_out(change, self._own, replace(kept, watched=None, opened=()), asker.cancel(kept.request, reason, now), now, by.identifier)
            note(change, self._own, kept, "cancelled", by.identifier)

        await self._of(case, work)

    async def give_up(self, case: str, provider: HolderName, by: Professional) -> None:
        """See `Placing`."""
        await self._step(case, lambda request, now: asker.give_up(request, provider, now), by)

    async def hand_over(self, case: str, bundle: bytes, by: Professional) -> None:
        """See `Placing`. A later handover takes the place of an earlier one.

        Raises:
            BadInput: `too-large`; it is about somebody else, or nobody can tell (`accord.rules.identity.check_document`).
        """
        parts, request = parts_of(bundle), (await self.case(case)).request
        if request.winner is not None:
            await anyio.to_thread.run_sync(check_document, bundle, Bsn(request.who.bsn))

        def work(change: Change, kept: Kept, now: datetime) -> None:
            winner = kept.request.winner
            if winner is None:
                raise BadInput(Fault.NOT_POSSIBLE_NOW)
            again = replace(winner, taken_in=False)
            request = replace(kept.request, legs=tuple(again if leg is winner else leg for leg in kept.request.legs))
            for number, part in enumerate(parts):
                lay(change, self._own, kept, winner.provider, part, now, by.identifier, lined=number == 0)
            handed = noted(replace(kept, handed_over=True), Happened(now, "handed-over", winner.provider))
            carry_out(change, self._own, handed, Step(request), now, by.identifier)

        await self._of(case, work)

    async def watch(self, case: str, by: Professional, *, watched: bool) -> None:
        """See `Placing`."""

        def work(change: Change, kept: Kept, now: datetime) -> None:
            if watched and kept.over is not None:
                raise BadInput(Fault.NOT_POSSIBLE_NOW)
            if watched != (kept.watched is not None):
                after = replace(kept, watched=now if watched else None, free=None, opened=())
                carry_out(change, self._own, after, Step(kept.request), now)
                note(change, self._own, kept, "watched" if watched else "unwatched", by.identifier)

        await self._of(case, work)

    async def seen(self, case: str, by: Professional) -> None:
        """See `Placing`. Whoever looks sees who it is about, so that has its line too."""

        def work(change: Change, kept: Kept, _now: datetime) -> None:
            after = replace(kept, opened=(), request=asker.seen(kept.request))
            rows.write(change.connection, change.seal, after)
            change.touched = (after.opened, after.request) != (kept.opened, kept.request)  # looking at it again is no news to whoever waits for some
            note(change, self._own, kept, "seen", by.identifier, action="R")

        await self._of(case, work)

    async def looked_at(self, case: str, by: Professional) -> Case:
        """See `Placing`."""

        def work(change: Change, kept: Kept, _now: datetime) -> None:
            rows.write(change.connection, change.seal, kept)
            note(change, self._own, kept, "looked-at", by.identifier, action="R")

        if not self._looks.lasts(case, by.identifier, self._own.clock()):
            await self._of(case, work)
            self._looks.begin(case, by.identifier, self._own.clock())
        return await self.case(case)

    async def changed(self, since: int) -> int:
        """See `Placing`."""
        since = since or self._mark
        while self._mark <= since:
            await self._turned.wait()
        return self._mark

    async def _step(self, case: str, step: Callable[[Request, datetime], Step], by: Professional) -> None:
        def work(change: Change, kept: Kept, now: datetime) -> None:
            carry_out(change, self._own, kept, step(kept.request, now), now, by.identifier)

        await self._of(case, work)

    async def _of(self, case: str, work: Callable[[Change, Kept, datetime], _T]) -> _T:
        """A change of one search by a person, who has looked at it by that."""

        def found(change: Change) -> _T:
            now = self._own.clock()
            kept = rows.find(change.connection, change.seal, case)
            return work(change, replace(kept, looked=now), now)

        return await self._store.change(found)

    def _asked(self, provider: PutTo, now: datetime) -> Member:
        """Whom a letter goes to, as the register has it.

        Raises:
            BadInput: `unknown-holder`: it is not there, or does not take part; `invalid-parameter`: it cannot be written to.
        """
        found = next((member for member in self._own.register(now).holders if member.name == provider.provider), None)
        if found is None or found.status is not MemberStatus.ACTIVE:
            raise BadInput(Fault.UNKNOWN_HOLDER)
        if len(provider.key) != 32:
            raise BadInput(Fault.INVALID_PARAMETER, "key")
        return found

    def _leg(self, kept: Kept, request: Request, provider: PutTo, now: datetime) -> Leg:
        own = self._own.member(now)
        public = X25519PrivateKey.from_private_bytes(kept.answer_key).public_key().public_bytes_raw()
        asked = Asked(provider.service, provider.opening, request.need, request.gist, request.reply_by, own.title, own.telephone, public)
        return Leg(provider.provider, provider.title, provider.service, from_form(to_form(asked), Asked), asker.At.SENT, now)

    def _tell(self, _laid: frozenset[Ura]) -> None:
        self._mark += 1
        self._turned.set()
        self._turned = anyio.Event()
