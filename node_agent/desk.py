"""The patient's desk: what somebody who logged in may see and state here, about themselves or about whom they act for.

Nothing that a gateway says is believed: the login is verified by the keys in the register, whether they may speak for this
patient is judged at this moment, and a statement counts only when the login was made for it, at the client of which the provider
says that one confirms a choice. A line in the journal comes first.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import anyio

from accord.audit.content import Asking, Event
from accord.audit.events import BudgetAlarm, ChoiceChanged, ChoiceSeen, JournalViewed, Located, RefusedQuestion
from accord.audit.finishing import finish
from accord.audit.refusals import Refusals
from accord.link.logins import LEEWAY, login_of
from accord.rules.budgets import Spender
from accord.rules.data_kinds import CATEGORIES_OF
from accord.rules.speaking import Acting, Identity, acting
from accord.rules.stated import SOURCE, choices_in_time
from accord.rules.statements import Statement, Voice, concerns, nonce_of
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Bsn, Pseudonym, Ura
from accord.terms.looks import Look
from accord.terms.members import Member, RegionRegister
from accord.terms.vocabulary import CATEGORY_ORDER, HolderKind
from node_agent.budgeting import BudgetSpent
from node_agent.placing_looks import looks_in
from node_agent.safeguards import Safeguards, as_counted, tell
from node_agent.stating import Choices, KeptStatement, Login, Lookers, OnRecord, StatementStore, check_counts, given_statement, lines_of

#: So long after a statement was made the login that confirms it may have been.
_CONFIRMED_WITHIN: Final = timedelta(minutes=15)
_LONGEST_PERIOD: Final = timedelta(days=6 * 366)
_MOST_LOOKS: Final = 2_000


class Desk:
    """One for an agent. *knows* tells who is known here, *register* gives the one in force."""

    def __init__(
        self,
        safeguards: Safeguards,
        choices: Choices,
        statements: StatementStore,
        lookers: Lookers,
        *,
        knows: Callable[[Pseudonym], bool],
        register: Callable[[], RegionRegister],
        now: Callable[[], datetime],
        refusals: Refusals | None = None,
    ) -> None:
        self._safeguards = safeguards
        self._refusals = refusals or Refusals(safeguards.ledger)
        self._choices = choices
        self._statements = statements
        self._lookers = lookers
        self._knows = knows
        self._register = register
        self._now = now
        self._one_at_a_time = anyio.Lock()

    async def recognise(self, pseudonym: Pseudonym, gateway: Member) -> bool:
        """Whether somebody is known here. The same work for yes and no.

        Raises:
            BudgetSpent: `budget-spent`.
            Unavailable: `source-unavailable`, `journal-unavailable`.
        """
        mark = self._safeguards.mark(pseudonym)
        try:
            self._safeguards.recognising.spend(Spender(gateway.ura), as_counted(mark))
        except BudgetSpent as spent:
            if spent.alarm is not None:
                ura = gateway.ura.value
                line = BudgetAlarm(of=spent.alarm.level.value, who=ura, peer=ura, patients=spent.alarm.limit + 1, limit=spent.alarm.limit)
                await finish(partial(tell, spent.alarm, self._safeguards.recognising, partial(self._line, line)))
            raise
        known = self._knows(pseudonym)
        asking = Asking(user=gateway.ura.value, user_name=gateway.title, user_kind=gateway.kind, professional="", role="")
        await self._line(Located(query="", patient=mark, holder=self._safeguards.ura.value, peer=gateway.ura.value, asking=asking, known=known))
        return known

    async def choices(self, login: Login, gateway: Ura) -> OnRecord:
        """What is on record.

        Raises:
            BadInput: `token-invalid`, `other-patient-mandated`, `not-found`.
            Unavailable: `login-required`, or it cannot be found out.
        """
        async with _Noting(self, gateway):
            who, _ = self._let_in(login, None)
        about = self._mark(login.bsn)
        await self._line(ChoiceSeen(patient=about, holder=self._safeguards.ura.value, peer=gateway.value, by=_by(who)))
        async with self._one_at_a_time:
            # What was kept before a crash is put in force before it is told of.
            kept = await finish(partial(self._put_in_force, login.bsn))
        others = any(choice.source != SOURCE for choice in await self._choices.choices_of(login.bsn))
        return OnRecord(tuple(one for one in reversed(kept) if one.settled), others)

    async def choose(self, login: Login, canonical: bytes, salt: bytes, gateway: Ura) -> datetime:
        """Put a statement on record and in force, also for answers under way; returns since when. Twice is as good as once.

        Raises:
            BadInput: `token-invalid`: the login is not for this very statement, or whoever logged in may not choose for this
                patient (now); `other-patient-mandated`, `not-found`; `not-this-holder`: nothing in it is for this kind;
                `proof-expired`: all of it was overtaken by later statements.
            Unavailable: `login-required`, also where one cannot confirm by logins; `journal-unavailable`; `source-unavailable`:
                it was not kept.
        """
        async with _Noting(self, gateway):
            statement = given_statement(canonical, salt)
            who, identity = self._let_in(login, nonce_of(statement, salt))
            self._check(statement, who, identity)
        bsn = statement.patient
        async with self._one_at_a_time:
            kept = await self._statements.of(bsn)
            known = next((one for one in kept if one.statement == statement), None)
            if known is not None and known.settled:
                return known.since
            if known is None:
                async with _Noting(self, gateway):
                    check_counts(statement, kept)
            stated = KeptStatement(statement, salt, login.token, who.born, known.since if known else self._now())
            # Whoever hangs up now has chosen all the same.
            return await finish(partial(self._take, self._changed(statement, who, gateway), stated))

    async def _take(self, line: Event, stated: KeptStatement) -> datetime:
        """Put a statement on record and in force, behind its line; returns since when it is on record."""
        await self._line(line)
        since = await self._statements.add(stated)
        await self._put_in_force(stated.statement.patient)
        return since

    async def looks(self, login: Login, since: datetime, until: datetime, limit: int, gateway: Ura) -> tuple[tuple[Look, ...], bool]:
        """Who looked in [since, until), newest first and at most *limit*; and whether there were more.

        Raises:
            BadInput: `token-invalid`, `other-patient-mandated`, `not-found`, `invalid-question`.
            Unavailable: `login-required`, `journal-unavailable`, `journal-broken`.
        """
        async with _Noting(self, gateway):
            who, _ = self._let_in(login, None)
            if not timedelta(0) < until - since <= _LONGEST_PERIOD:
                raise BadInput(Fault.INVALID_QUESTION, "period")
        about = self._mark(login.bsn)
        most = min(limit or _MOST_LOOKS, _MOST_LOOKS)
        told = looks_in(await self._lookers.events(about, since, until), self._safeguards.ura, self._register().by_ura.get)
        viewed = JournalViewed(patient=about, holder=self._safeguards.ura.value, peer=gateway.value, by=_by(who), lines=min(len(told), most))
        await self._line(viewed)
        return tuple(told[:most]), len(told) > most

    async def settle(self) -> None:
        """Put in force what was kept and not yet in force when this system stopped. To be run before anything is answered.

        Raises:
            Unavailable: `source-unavailable`.
        """
        async with self._one_at_a_time:
            for bsn in await self._statements.unsettled():
                await self._put_in_force(bsn)

    def _let_in(self, login: Login, confirms: str | None) -> tuple[Acting, Identity]:
        now = self._now()
        identity = login_of(login.token, self._register().logins, confirms, now)
        who = acting(identity, now)
        if not isinstance(who, Acting):
            raise BadInput(Fault.TOKEN_INVALID, who.value)
        if who.patient != login.bsn:
            raise BadInput(Fault.OTHER_PATIENT_MANDATED)
        if not self._knows(self._safeguards.pseudonym_of(login.bsn)):
            raise BadInput(Fault.NOT_FOUND)
        return who, identity

    def _check(self, statement: Statement, who: Acting, identity: Identity) -> None:
        if statement.patient != who.patient:
            raise BadInput(Fault.OTHER_PATIENT_MANDATED)
        if not who.choosing or statement.voice is not who.voice:
            raise BadInput(Fault.TOKEN_INVALID, "voice")
        if statement.region != self._register().region:
            raise BadInput(Fault.INVALID_QUESTION, "region")
        # The login came after the statement, and not long after: nobody confirms what was not yet said.
        if not statement.moment - LEEWAY <= identity.authenticated <= statement.moment + _CONFIRMED_WITHIN:
            raise BadInput(Fault.TOKEN_INVALID, "moment")
        if not concerns(statement, self._kind()):
            raise BadInput(Fault.NOT_THIS_HOLDER)

    async def _put_in_force(self, bsn: Bsn) -> Sequence[KeptStatement]:
        """Let the choices follow from all statements on record; returns these."""
        kept = await self._statements.of(bsn)
        if all(one.settled for one in kept):
            return kept
        since, born = kept[-1].since, next((one.born for one in reversed(kept) if one.born is not None), None)
        choices = choices_in_time(self._kind(), lines_of(kept), born, since)
        if not await self._choices.put(bsn, choices, SOURCE, since):
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, "choices")
        self._safeguards.revocations.changed(bsn)
        await self._statements.settled(bsn)
        return await self._statements.of(bsn)

    def _changed(self, statement: Statement, who: Acting, gateway: Ura) -> ChoiceChanged:
        concerned = frozenset().union(*(CATEGORIES_OF[line.cell.data] for line in statement.lines))
        return ChoiceChanged(
            patient=self._mark(statement.patient),
            holder=self._safeguards.ura.value,
            peer=gateway.value,
            by=_by(who),
            choice=statement.digest.hex(),
            categories=tuple(category for category in CATEGORY_ORDER if category in concerned),
        )

    def _kind(self) -> HolderKind:
        """Which kind of provider this is: as the register says, so that every holder and every page reads a statement alike."""
        member = self._register().by_ura.get(self._safeguards.ura)
        if member is None:
            raise Unavailable(Fault.NOT_A_MEMBER)
        return member.kind

    def _mark(self, bsn: Bsn) -> str:
        return self._safeguards.mark(self._safeguards.pseudonym_of(bsn))

    async def _line(self, event: Event) -> None:
        await self._safeguards.ledger.append(event)

    async def note_refusal(self, fault: Fault, gateway: Ura) -> None:
        """What is refused has a line, too. About whom is not in it: nobody knows whether that is true."""
        await self._refusals.note(RefusedQuestion(holder=self._safeguards.ura.value, peer=gateway.value, fault=fault))


class _Noting:
    """Writes a line about what is refused inside."""

    def __init__(self, desk: Desk, gateway: Ura) -> None:
        self._desk = desk
        self._gateway = gateway

    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, _kind: object, failure: BaseException | None, _trace: object) -> None:
        if isinstance(failure, Faulted):
            await self._desk.note_refusal(failure.fault, self._gateway)


def _by(who: Acting) -> str:
    return "patient" if who.voice is Voice.SELF else "representative"
