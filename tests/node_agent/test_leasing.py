"""A leased answer serves one question, for a minute at most, and never an older truth than one already told."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from random import Random

import anyio
import pytest

from accord.terms.faults import Unavailable
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.consents import ConsentAnswer, ConsentQuestion, Deny, Permit, Reason, Unclear, Word
from node_agent.leasing import Leased, renewal_margin
from testbed.contracts.records import ANNA, BERT
from tests.node_agent.registers import NOON, HandClock, ScriptedRegister, consent_question

pytestmark = pytest.mark.anyio

LAB = CareCategory.OBSERVATION_LABORATORY


class World:
    """A register, its lease, and the clock of both."""

    def __init__(self, *, lease: float = 60.0, most: int = 100) -> None:
        self.clock = HandClock()
        self.register = ScriptedRegister(clock=self.clock, lease=lease)
        self.register.permits[ANNA] = True
        self.leased = Leased(self.register, monotonic=self.clock.now, most=most)

    async def permitted(self, bsn: str = ANNA) -> bool:
        """Whether Anna's laboratory results may be seen, as the lease tells."""
        answer = await self.leased.ask(consent_question(bsn, categories=frozenset({LAB})))
        return isinstance(answer.words[LAB], Permit)


async def test_within_its_lease_an_answer_is_not_asked_again() -> None:
    world = World()
    for _ in range(5):
        assert await world.permitted()
        world.clock.moment += 5

    assert world.register.asked == 1


async def test_p11_no_answer_is_used_for_longer_than_a_minute_whatever_the_register_says() -> None:
    world = World(lease=3_600)
    assert await world.permitted()
    world.register.permits[ANNA] = False
    world.clock.moment += 60

    assert not await world.permitted()


async def test_p11_a_push_drops_what_is_kept_at_once() -> None:
    for whom, asked in ((Bsn(ANNA), 1), (None, 2)):
        world = World()
        assert await world.permitted()
        await world.permitted(BERT)
        world.register.permits[ANNA] = False
        world.leased.drop(whom)

        assert not await world.permitted()
        before = world.register.asked
        await world.permitted(BERT)
        assert world.register.asked - before == asked - 1


async def test_p11_an_answer_that_was_asked_for_before_the_push_is_not_used() -> None:
    world = World()
    world.register.hold = anyio.Event()
    told: list[bool] = []

    async def ask() -> None:
        told.append(await world.permitted())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        world.register.permits[ANNA] = False
        world.leased.drop(Bsn(ANNA))
        world.register.hold.set()

    assert told == [False]
    assert world.register.asked == 2


async def test_a_push_about_somebody_else_has_nothing_asked_again() -> None:
    world = World()
    world.register.hold = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.permitted)
        await anyio.wait_all_tasks_blocked()
        world.leased.drop(Bsn(BERT))
        world.register.hold.set()

    assert world.register.asked == 1


async def test_p11_when_the_register_is_gone_the_kept_answer_serves_to_the_end_of_its_lease_and_no_longer() -> None:
    world = World()
    assert await world.permitted()
    world.register.down = True
    world.clock.moment += 59.9
    assert await world.permitted()
    world.clock.moment += 0.1
    with pytest.raises(Unavailable, match="consent register"):
        await world.permitted()


async def test_p11_a_renewal_that_fails_after_the_lease_has_ended_permits_nothing() -> None:
    world = World()
    assert await world.permitted()
    world.clock.moment += 55
    world.register.hold, world.register.down = anyio.Event(), True
    failed: list[bool] = []

    async def ask() -> None:
        with pytest.raises(Unavailable):
            await world.permitted()
        failed.append(True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        world.clock.moment += 6
        world.register.hold.set()

    assert failed


async def test_doubt_is_never_kept() -> None:
    world = World()
    world.register.word = Unclear(Reason.BUSY)
    answer = await world.leased.ask(consent_question())
    assert answer.unclear
    assert world.leased.size == 0

    world.register.word = None
    assert await world.permitted()


async def test_a_lease_is_renewed_before_it_ends() -> None:
    world = World()
    await world.permitted()
    world.clock.moment += 60 - renewal_margin(60)
    answer = await world.leased.ask(consent_question(categories=frozenset({LAB})))

    assert world.register.asked == 2
    assert answer.lease == 60


async def test_evidence_never_goes_back_in_time() -> None:
    world = World()
    assert await world.permitted()
    world.register.observed = world.clock.wall() - timedelta(seconds=1)
    world.register.permits[ANNA] = False
    world.clock.moment += 55
    assert await world.permitted(), "the later one is kept"
    world.clock.moment += 10
    with pytest.raises(Unavailable):
        await world.permitted()
    world.leased.drop(Bsn(ANNA))
    with pytest.raises(Unavailable):
        await world.permitted()

    world.register.observed = None
    assert not await world.permitted()


async def test_evidence_does_not_go_back_where_it_was_forgotten_when_it_was_seen() -> None:
    world = World(most=2)
    await world.permitted()
    for bsn in (BERT, "999990019", "999999990"):
        await world.permitted(bsn)
    world.register.observed = NOON
    with pytest.raises(Unavailable):
        await world.permitted()


async def test_time_that_the_answer_took_is_no_part_of_its_lease() -> None:
    world = World(lease=10)
    world.register.hold = anyio.Event()
    told: list[ConsentAnswer] = []

    async def ask() -> None:
        told.append(await world.leased.ask(consent_question(categories=frozenset({LAB}))))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        world.clock.moment += 4
        world.register.hold.set()

    assert told[0].lease == 6


async def test_what_expired_is_forgotten_and_no_more_is_kept_than_may_be() -> None:
    world = World(most=3)
    for bsn in (ANNA, BERT, "999990019", "999999990"):
        await world.permitted(bsn)
    assert world.leased.size == 3
    world.clock.moment += 61
    world.leased.forget_expired()

    assert world.leased.size == 0


class Fussy:
    """A register of which the answer depends on everything that may not be shared between questions."""

    name = "fussy"
    speaks_of = frozenset(CareCategory)

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """As the port promises; the same for the same question, and unlike most others."""
        self.asked += 1
        asked_by = question.asked_by
        what = (
            question.bsn.value,
            question.holder.value,
            asked_by.data_user.ura.value,
            asked_by.professional.identifier,
            asked_by.professional.role,
            question.purpose.value,
            *sorted(question.categories),
        )
        words = {category: _fussy_word(f"{category}{what}") for category in question.categories}
        return ConsentAnswer(words, (), NOON, 60.0, "fussy")


def _fussy_word(what: str) -> Word:
    return Permit() if sha256(what.encode()).digest()[0] % 2 else Deny()


@pytest.mark.slow
async def test_f6_ten_thousand_questions_of_two_users_by_turns_get_the_answers_that_the_register_gives() -> None:
    random, clock, register, direct = Random(20261122), HandClock(), Fussy(), Fussy()
    leased = Leased(register, monotonic=clock.now, most=150)
    users = [
        Asker(DataUser(Ura(f"9000000{user}"), "same name", HolderKind.HOSPITAL), Professional(f"00000000{user}", role, "same name"), treats_the_patient=True)
        for user in (1, 2)
        for role in ("01.015", "01.016")
    ]
    selections = [frozenset({LAB}), frozenset({LAB, CareCategory.MEDICATION_USE}), frozenset({LAB, CareCategory.CONDITION, CareCategory.ALERT})]
    for turn in range(10_000):
        question = consent_question(
            random.choice((ANNA, BERT)), asked_by=users[turn % 4], purpose=random.choice(list(PurposeOfUse)), categories=random.choice(selections)
        )
        clock.moment += random.choice((0.0, 0.01, 0.5))

        assert (await leased.ask(question)).words == (await direct.ask(question)).words

    assert direct.asked == 10_000
    assert register.asked < 9_000, "most are from the lease, or this shows nothing"


async def test_f6_a_lease_that_forgot_a_part_of_the_question_would_be_found_out() -> None:
    class Forgetful(Leased):
        """Shares answers between purposes."""

        async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
            """Asks without the purpose."""
            return await super().ask(replace(question, purpose=PurposeOfUse.TREATMENT))

    direct, leased = Fussy(), Forgetful(Fussy())
    differing = 0
    for purpose in PurposeOfUse:
        question = consent_question(purpose=purpose)
        differing += (await leased.ask(question)).words != (await direct.ask(question)).words

    assert differing
