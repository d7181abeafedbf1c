"""A register that leads: a holder decides by it, keeps its answers for no longer than a lease, and tells nobody who is known."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from accord.rules.choices import Choice
from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Pseudonym, QueryId
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from node_agent.admitted import Asking
from node_agent.holder import Holder
from node_agent.leasing import Leased
from node_agent.locating import Locating
from node_agent.registers import Mitz
from node_agent.revoking import Revocations
from node_agent.settings import MitzSettings
from testbed.contracts.records import ANNA, BERT, observation, patient
from testbed.fhir_server_serving import serving
from testbed.memory_source import MemorySource
from testbed.mitz_desk import MitzDesk, MitzFaults
from testbed.mitz_stub import mitz_app
from tests.node_agent.asking import ASKER, KEY, URA, MemoryChoices, ask, holder_over, question
from tests.node_agent.registers import ScriptedRegister, choose

pytestmark = pytest.mark.anyio

RECORDS = [patient("a", ANNA), observation("1", "a")]
NOBODYS = (Pseudonym(bytes(32)), Pseudonym(bytes([1] * 32)))


def led_by(register: ScriptedRegister, *, own: tuple[Choice, ...] = ()) -> Holder:
    return replace(holder_over(MemorySource(RECORDS), MemoryChoices(others=own)), leading=(Leased(register),))


def asking() -> Asking:
    return Asking(QueryId("q"), ASKER, PurposeOfUse.TREATMENT, URA, None, lambda _: None)


async def test_what_the_register_says_decides_where_the_holder_was_told_nothing() -> None:
    register = ScriptedRegister()
    holder = led_by(register)
    assert (await ask(holder, question())).closed.ending is Ending.NOTHING_SHOWN

    register.permits[ANNA] = True
    holder = led_by(register)

    assert (await ask(holder, question())).closed.ending is Ending.ANSWERED


async def test_an_objection_at_the_holder_still_holds() -> None:
    register = ScriptedRegister()
    register.permits[ANNA] = True

    assert (await ask(led_by(register, own=(Choice(permits=False),)), question())).closed.ending is Ending.NOTHING_SHOWN


async def test_a_register_that_cannot_be_asked_is_no_answer_about_the_patient() -> None:
    register = ScriptedRegister()
    register.down = True

    closed = (await ask(led_by(register), question())).closed

    assert (closed.ending, closed.code) == (Ending.UNREACHABLE, Fault.SOURCE_UNAVAILABLE)


async def test_without_a_register_that_leads_the_own_choices_are_read_once_and_never_kept() -> None:
    choices = MemoryChoices()
    holder = holder_over(MemorySource(RECORDS), choices)
    for number in (1, 2):
        await ask(holder, question())
        assert choices.asked == number


async def test_p9_who_is_not_known_is_asked_about_as_often_as_who_is() -> None:
    """Else a second question, which comes from the lease, would tell by its speed."""
    register = ScriptedRegister()
    locating = Locating(led_by(register), KEY)
    await locating.refresh()
    counts = []
    for pseudonym in (KEY.pseudonym(Bsn(ANNA)), *NOBODYS):
        for _ in range(2):
            before = register.asked
            assert not await locating.locate(pseudonym, asking())
            counts.append(register.asked - before)

    assert counts == [1, 0] * 3


async def test_p9_without_the_register_nobody_is_told_who_is_known() -> None:
    register = ScriptedRegister()
    register.down = True
    locating = Locating(led_by(register), KEY)
    await locating.refresh()
    for pseudonym in (KEY.pseudonym(Bsn(ANNA)), *NOBODYS):
        with pytest.raises(Unavailable) as refused:
            await locating.locate(pseudonym, asking())
        assert refused.value.fault is Fault.SOURCE_UNAVAILABLE


# Mitz


@asynccontextmanager
async def mitz_before(desk: MitzDesk, tmp_path: Path, **more: Any) -> AsyncIterator[tuple[Mitz, Revocations]]:
    """Mitz of the settings, with all that runs beside it."""
    revocations = Revocations()
    async with serving(mitz_app(desk)) as base:
        mitz = Mitz(MitzSettings(base=base, **more), tmp_path, URA, HolderKind.GP_PRACTICE, revocations)
        async with anyio.create_task_group() as tasks:
            await tasks.start(mitz.keep)
            yield mitz, revocations
            tasks.cancel_scope.cancel()
        await mitz.close()


async def subscribed(desk: MitzDesk, count: int) -> None:
    with anyio.fail_after(60):
        while len(desk.subscribed) < count:  # noqa: ASYNC110 - the stand-in for Mitz has no bell
            await anyio.sleep(0.01)


async def test_p11_mitz_is_subscribed_to_for_whom_something_is_shown_and_once(tmp_path: Path) -> None:
    desk = MitzDesk()
    choose(desk, permits=True, provider="RPZAC104")
    async with mitz_before(desk, tmp_path, notify="http://127.0.0.1:9/mitz/notifications") as (mitz, _):
        holder = replace(holder_over(MemorySource(RECORDS), MemoryChoices(others=())), leading=(mitz.leased,), shows=mitz.shows)
        holder = replace(holder, safeguards=replace(holder.safeguards, kind=HolderKind.GP_PRACTICE))
        for bsn in (ANNA, ANNA, BERT):
            await ask(holder, question(bsn))
        await subscribed(desk, 1)
        await anyio.wait_all_tasks_blocked()

    assert [one.bsn for one in desk.subscribed] == [ANNA]


async def test_a_subscription_that_failed_is_tried_again_with_the_next_question(tmp_path: Path) -> None:
    desk = MitzDesk(faults=MitzFaults(status=503))
    async with mitz_before(desk, tmp_path, notify="http://127.0.0.1:9/mitz/notifications") as (mitz, _):
        mitz.shows(Bsn(ANNA))
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(60):
            while not desk.subscribed:
                desk.faults = MitzFaults()
                mitz.shows(Bsn(ANNA))
                await anyio.sleep(0.01)

    assert len(desk.subscribed) == 1


async def test_a_pushed_change_drops_the_lease_at_once(tmp_path: Path) -> None:
    desk = MitzDesk()
    choose(desk, permits=True, provider="RPZAC104")
    async with mitz_before(desk, tmp_path) as (mitz, revocations):
        holder = replace(holder_over(MemorySource(RECORDS), MemoryChoices(others=())), leading=(mitz.leased,), shows=mitz.shows)
        holder = replace(holder, safeguards=replace(holder.safeguards, kind=HolderKind.GP_PRACTICE))
        assert (await ask(holder, question())).closed.ending is Ending.ANSWERED
        choose(desk, permits=False, provider="RPZAC104")
        assert (await ask(holder, question())).closed.ending is Ending.ANSWERED, "the lease still runs"

        revocations.changed(Bsn(ANNA))

        assert (await ask(holder, question())).closed.ending is Ending.NOTHING_SHOWN


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"base": "http://mitz.example"}, "mitz.base"),
        ({"base": "https://mitz.example"}, "mitz.certificate"),
        ({"base": "http://127.0.0.1:9", "notify": "nowhere"}, "mitz.notify"),
        ({"base": "http://127.0.0.1:9", "notify": "https://a/", "gateway_system": "x"}, "mitz.gateway_system"),
    ],
)
def test_settings_of_mitz_that_cannot_work_are_named(tmp_path: Path, more: dict[str, Any], where: str) -> None:
    with pytest.raises(BadInput, match=where):
        Mitz(MitzSettings(**more), tmp_path, URA, HolderKind.HOSPITAL, Revocations())
