"""A restart is no way around a budget, nor around the end of an emergency: both are found again in the journal."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from accord.audit.content import Event
from accord.audit.events import BudgetAlarm, GlassBroken, RefusedQuestion
from accord.audit.journal import Journal
from accord.audit.recent import events_since
from accord.link.pseudonyms import PseudonymKey
from accord.terms.answers import Counts
from accord.terms.evidence import Emergency, Mandate
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName, Pseudonym, QueryId, Ura
from accord.terms.members import Member, MemberStatus, Part
from accord.terms.policies import Budget, EmergencyPolicy
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from node_agent.admitted import Asking
from node_agent.budgeting import RECOGNISED, Budgeting, BudgetSpent
from node_agent.deciding import WITHOUT_A_MATRIX
from node_agent.desk import Desk
from node_agent.emergencies import Emergencies
from node_agent.last_words import NOTHING
from node_agent.remembering import REMEMBERED, remember
from node_agent.safeguards import Safeguards
from testbed.contracts.records import ANNA, BERT
from testbed.plain import plain_safeguards
from tests.node_agent.asking import ASKER, URA

pytestmark = pytest.mark.anyio

KEY = PseudonymKey(bytes(range(32)))
GATEWAY = Ura("90009000")
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
POLICY = EmergencyPolicy("test", frozenset({"01.015"}), NOW + timedelta(days=10), minutes=60, per_professional=2)


class Holder:
    """What an agent has of safeguards between two starts of it. `at` is the time of day, which a test moves."""

    def __init__(self, folder: Path, budget: Budget) -> None:
        self.folder = folder
        self.budget = budget
        self.at = NOW
        self.begin()

    def begin(self) -> None:
        """Start: nothing is known but what the journal has. The clock that never goes back begins anywhere."""
        started = self.at
        clock: Any = lambda: 5.0 + (self.at - started).total_seconds()  # noqa: E731 - as short as it is
        self.journal = Journal(self.folder, URA.value, clock=lambda: int(self.at.timestamp() * 1000), sync_seconds=30.0)
        self.safeguards: Safeguards = plain_safeguards(
            URA,
            ledger=self.journal,
            mark=KEY.mark,
            region=lambda: replace(WITHOUT_A_MATRIX, emergency=POLICY),
            budgeting=Budgeting(lambda: self.budget, clock=clock),
            emergencies=Emergencies(lambda: POLICY, clock=clock),
            recognising=Budgeting(lambda: RECOGNISED, clock=clock),
        )
        nothing: Any = None
        self.desk = Desk(self.safeguards, nothing, nothing, nothing, knows=lambda _: False, register=nothing, now=lambda: self.at)
        remember(self.safeguards, events_since(self.folder, int((self.at - REMEMBERED).timestamp() * 1000)), now=self.at)

    def restart(self) -> None:
        """End, and start again."""
        self.journal.close()
        self.begin()

    async def asked(self, bsn: str, *, query: str = "q", emergency: datetime | None = None) -> Fault | None:
        """Ask about a person, as `Locate` does; the refusal, when it is one."""
        asking = self.asking(query, emergency)
        recording = self.safeguards.recording(asking)
        try:
            await self.safeguards.let_in(asking, KEY.pseudonym(Bsn(bsn)), recording, self.at)
        except Unavailable as refused:
            return refused.fault
        await recording.located(known=True)
        return None

    async def recognised(self, number: int) -> None:
        """A gateway asks for somebody who is at the door of the patient's pages."""
        gateway = Member(GATEWAY, HolderName("poort"), "Poort", HolderKind.HOSPITAL, "", MemberStatus.ACTIVE, frozenset({Part.GATEWAY}))
        await self.desk.recognise(Pseudonym(number.to_bytes(32, "big")), gateway)

    def asking(self, query: str, emergency: datetime | None = None) -> Asking:
        """What stands around a question."""
        purpose = PurposeOfUse.TREATMENT if emergency is None else PurposeOfUse.EMERGENCY_TREATMENT
        return Asking(QueryId(query), ASKER, purpose, GATEWAY, None if emergency is None else self.mandate(emergency), lambda _: None)

    def mandate(self, factor: datetime) -> Mandate:
        """Of an emergency, with a second factor of that moment."""
        return Mandate(
            id="m",
            issuer=ASKER.data_user.ura,
            audience="region",
            professional=ASKER.professional,
            purpose=PurposeOfUse.EMERGENCY_TREATMENT,
            patient=bytes(32),
            treatment=None,
            categories=frozenset(),
            issued=self.at,
            expires=self.at + timedelta(minutes=10),
            key=bytes(32),
            digest=bytes(32),
            emergency=Emergency("unconscious", "", factor),
        )


CARLA = "999991000"


async def test_a_restart_is_no_way_around_a_budget(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=2, per_organisation=100, per_gateway=100))
    assert [await holder.asked(bsn) for bsn in (ANNA, BERT, CARLA)] == [None, None, Fault.BUDGET_SPENT]

    holder.restart()

    assert [await holder.asked(bsn) for bsn in (CARLA, ANNA, BERT)] == [Fault.BUDGET_SPENT, None, None]
    holder.journal.close()


async def test_what_was_refused_before_a_restart_is_not_counted_after_it(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=1, per_organisation=100, per_gateway=100))
    await holder.asked(ANNA)
    holder.at += timedelta(minutes=30)
    assert await holder.asked(BERT) is Fault.BUDGET_SPENT
    holder.at += timedelta(minutes=31)

    holder.restart()

    assert await holder.asked(CARLA) is None
    holder.journal.close()


async def test_an_hour_is_an_hour_also_with_a_restart_in_it(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=1, per_organisation=100, per_gateway=100))
    await holder.asked(ANNA)
    for minutes in (20, 20, 19):
        holder.at += timedelta(minutes=minutes)
        holder.restart()
        assert await holder.asked(BERT) is Fault.BUDGET_SPENT
    holder.at += timedelta(minutes=2)

    assert await holder.asked(BERT) is None
    holder.journal.close()


async def test_one_id_for_many_questions_hides_nobody(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=2, per_organisation=100, per_gateway=100))
    for bsn in (ANNA, BERT):
        await holder.asked(bsn, query="the-same")

    holder.restart()

    assert await holder.asked(CARLA, query="the-same") is Fault.BUDGET_SPENT
    holder.journal.close()


async def test_one_id_for_two_questions_at_different_moments_is_counted_at_both(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=1, per_organisation=100, per_gateway=100))
    for minutes in (0, 50):
        holder.at = NOW + timedelta(minutes=minutes)
        assert await holder.asked(ANNA, query="the-same") is None

    holder.restart()
    holder.at = NOW + timedelta(minutes=61)

    assert await holder.asked(BERT, query="the-same") is Fault.BUDGET_SPENT
    holder.journal.close()


async def test_a_question_is_counted_when_it_came_and_not_when_its_answer_ended(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=1, per_organisation=100, per_gateway=100))
    asking = holder.asking("q")
    recording = holder.safeguards.recording(asking)
    await holder.safeguards.let_in(asking, KEY.pseudonym(Bsn(ANNA)), recording, holder.at)
    await recording.located(known=True)
    holder.at = NOW + timedelta(minutes=10)
    await recording.closing(NOTHING, Counts())
    holder.at = NOW + timedelta(minutes=61)

    holder.restart()

    assert await holder.asked(BERT) is None
    holder.journal.close()


class Failing:
    """The holder's journal, of which some lines fail."""

    def __init__(self, holder: Holder, fails: Callable[[Event], bool]) -> None:
        self.journal = holder.journal
        self.fails = fails
        self.lines: list[Event] = []
        holder.safeguards = replace(holder.safeguards, ledger=self)

    async def append(self, event: Event) -> int:
        """As the port promises."""
        await anyio.lowlevel.checkpoint()
        if self.fails(event):
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE)
        self.lines.append(event)
        return await self.journal.append(event)


async def test_p12_an_emergency_whose_line_failed_has_not_begun(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=100, per_organisation=100, per_gateway=100))
    failing = Failing(holder, lambda event: isinstance(event, GlassBroken))
    factor = NOW - timedelta(minutes=1)

    assert await holder.asked(ANNA, emergency=factor) is Fault.JOURNAL_UNAVAILABLE
    assert await holder.asked(ANNA, emergency=factor) is Fault.JOURNAL_UNAVAILABLE
    failing.fails = lambda _event: False
    assert await holder.asked(ANNA, emergency=factor) is None
    assert await holder.asked(ANNA, emergency=factor) is None

    assert [type(line).__name__ for line in failing.lines] == ["GlassBroken", "Located", "Located"]
    holder.journal.close()


async def test_p12_an_emergency_whose_line_failed_leaves_the_one_before_it_as_it_was(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=100, per_organisation=100, per_gateway=100))
    first = NOW - timedelta(minutes=1)
    assert await holder.asked(ANNA, emergency=first) is None
    holder.at = NOW + timedelta(minutes=61)
    Failing(holder, lambda event: isinstance(event, GlassBroken))
    assert await holder.asked(ANNA, emergency=holder.at) is Fault.JOURNAL_UNAVAILABLE

    # The factor of the first emergency still serves for no second one.
    assert await holder.asked(ANNA, emergency=first) is Fault.EMERGENCY_INCOMPLETE
    holder.journal.close()


async def test_p12_nobody_goes_on_in_an_emergency_whose_line_is_under_way(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=100, per_organisation=100, per_gateway=100))
    failing = Failing(holder, lambda _event: False)
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(partial(holder.asked, ANNA, emergency=NOW - timedelta(minutes=1)))

    assert [type(line).__name__ for line in failing.lines] == ["GlassBroken", *["Located"] * 5]
    holder.journal.close()


async def test_p12_an_emergency_waits_for_no_other_ones_line(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=100, per_organisation=100, per_gateway=100))
    factor, go_on = NOW - timedelta(minutes=1), anyio.Event()
    assert await holder.asked(ANNA, emergency=factor) is None
    failing = Failing(holder, lambda _event: False)
    append = failing.append

    async def slowly(event: Event) -> int:
        if isinstance(event, GlassBroken):
            await go_on.wait()
        return await append(event)

    failing.append = slowly  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(holder.asked, BERT, emergency=factor))
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(20):
            assert await holder.asked(ANNA, emergency=factor) is None
        go_on.set()
    holder.journal.close()


async def test_an_alarm_that_has_its_line_is_not_given_again_when_the_refusal_has_none(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=1, per_organisation=100, per_gateway=100))
    failing = Failing(holder, lambda event: isinstance(event, RefusedQuestion))
    assert await holder.asked(ANNA) is None
    for _ in range(3):
        assert await holder.asked(BERT) is Fault.JOURNAL_UNAVAILABLE

    assert [type(line).__name__ for line in failing.lines] == ["Located", "BudgetAlarm"]
    holder.journal.close()


async def test_an_alarm_whose_line_failed_is_given_again(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=1, per_organisation=100, per_gateway=100))
    failing = Failing(holder, lambda event: isinstance(event, BudgetAlarm))
    assert await holder.asked(ANNA) is None
    assert await holder.asked(BERT) is Fault.JOURNAL_UNAVAILABLE
    failing.fails = lambda _event: False
    assert await holder.asked(BERT) is Fault.BUDGET_SPENT
    assert await holder.asked(CARLA) is Fault.BUDGET_SPENT

    assert [type(line).__name__ for line in failing.lines] == ["Located", "BudgetAlarm", "RefusedQuestion", "RefusedQuestion"]
    holder.journal.close()


async def test_p7_a_restart_gives_a_gateway_no_more_people_to_try_out(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=100, per_organisation=1, per_gateway=1))
    for number in range(RECOGNISED.per_gateway):
        await holder.recognised(number)

    holder.at += timedelta(minutes=59)
    holder.restart()

    await holder.recognised(0)
    with pytest.raises(BudgetSpent):
        await holder.recognised(9_999)
    # And whom it recognised are no questions of a data user.
    assert holder.safeguards.budgeting.entries == 0
    assert await holder.asked(ANNA) is None
    holder.at += timedelta(minutes=2)
    await holder.recognised(9_999)
    holder.journal.close()


async def test_p12_an_emergency_goes_on_after_a_restart_and_does_not_begin_anew(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=100, per_organisation=100, per_gateway=100))
    factor = holder.at
    assert await holder.asked(ANNA, emergency=factor) is None
    holder.at += timedelta(minutes=30)

    holder.restart()

    # It goes on, on the second factor that it was begun with; and it has no line of its own again.
    assert await holder.asked(ANNA, emergency=factor) is None
    holder.at += timedelta(minutes=31)
    holder.restart()
    # It is over, and another needs a newer second factor.
    assert await holder.asked(ANNA, emergency=factor) is Fault.EMERGENCY_INCOMPLETE
    holder.journal.close()
    assert sum(type(event).__name__ == "GlassBroken" for event in events_since(tmp_path, 0)) == 1


async def test_p12_emergencies_of_the_day_are_counted_over_restarts(tmp_path: Path) -> None:
    holder = Holder(tmp_path, Budget(per_professional=100, per_organisation=100, per_gateway=100))
    for bsn in (ANNA, BERT):
        assert await holder.asked(bsn, emergency=holder.at) is None
        holder.at += timedelta(hours=2)
        holder.restart()

    assert await holder.asked(CARLA, emergency=holder.at) is Fault.EMERGENCY_SPENT
    holder.journal.close()


def test_only_files_that_may_hold_something_recent_are_read(tmp_path: Path) -> None:
    """The older file is spoilt, and nobody notices: it is not read."""
    moment = 1_000_000
    with Journal(tmp_path, "x", clock=lambda: moment, sync_seconds=30.0):
        pass
    moment = 5_000_000
    with Journal(tmp_path, "x", clock=lambda: moment, sync_seconds=30.0, fresh_segment=True):
        pass
    moment = 9_000_000
    with Journal(tmp_path, "x", clock=lambda: moment, sync_seconds=30.0, fresh_segment=True):
        pass
    oldest = min(tmp_path.glob("*.journal"))
    oldest.write_bytes(b"{}\n")

    found = [event.moment for event in events_since(tmp_path, 6_000_000)]

    assert set(found) == {9_000_000}
    with pytest.raises(Unavailable):
        list(events_since(tmp_path, 5_000_000 - 1))
