"""What time brings to searches: reminders, alarms, and an end to everything that is kept."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.letters import mailbox
from accord.rules.placing import asker
from accord.rules.placing import provider as rules
from accord.rules.placing.asker import Alarm, At, Leg, Request
from accord.terms.faults import BadInput
from accord.terms.placing import Asked, EndReason, Fit, Offered, Terms
from gateway.places import rows
from gateway.places.due import SILENCE, due
from gateway.places.looking import Looking
from tests.gateway.places.small_places import DINA, GERBEN, GIST, NEED, NOW, Around, Clock, SmallProvider, SmallRegion, at_home, draft

pytestmark = pytest.mark.anyio
_KEEP = timedelta(days=30)


async def asked(folder: Path) -> tuple[Around, SmallProvider, Looking, str]:
    clock = Clock()
    provider = SmallProvider(1, 1, clock)
    around = at_home(folder, clock, SmallRegion(clock, provider))
    search = await around.searches.begin(draft(), GERBEN)
    await around.searches.put_to(search, (provider.put_to,), GERBEN)
    await around.settle(2)
    return around, provider, Looking(around.store, around.own, _KEEP), search


async def test_who_does_not_answer_is_reminded_once_and_then_a_person_is_called(tmp_path: Path) -> None:
    around, provider, looking, search = await asked(tmp_path)
    for _ in range(5):
        around.clock.pass_(hours=1)
        while await looking.look():
            pass
        await around.settle(2)

    assert provider.legs[search].reminded
    assert around.ledger.steps.count("reminded") == 1
    assert (await around.searches.case(search)).request.alarm is Alarm.TOO_LONG


async def test_whose_offer_is_taken_up_and_stays_silent_is_an_alarm(tmp_path: Path) -> None:
    around, provider, looking, search = await asked(tmp_path)
    provider.offer(search)
    await around.courier.call(provider.ura)
    around.clock.pass_(minutes=11)

    await looking.look()

    assert (await around.searches.case(search)).request.alarm is Alarm.SILENT


async def test_a_search_that_is_over_is_erased_after_its_days_and_not_before(tmp_path: Path) -> None:
    around, provider, looking, search = await asked(tmp_path)
    await around.searches.cancel(search, EndReason.WISH_CHANGED, GERBEN)
    await around.settle(2)
    around.clock.pass_(days=29)
    await looking.look()
    before = await around.searches.case(search)

    around.clock.pass_(days=2)
    await looking.look()

    assert before.request.id == search
    with pytest.raises(BadInput):
        await around.searches.case(search)
    assert around.ledger.steps[-1] == "erased"
    assert provider.legs[search].ended is EndReason.WISH_CHANGED


async def test_a_search_that_nobody_looked_at_ends_and_whoever_was_asked_hears_it(tmp_path: Path) -> None:
    around, provider, looking, search = await asked(tmp_path)
    around.clock.pass_(days=20)
    await around.searches.seen(search, GERBEN)
    around.clock.pass_(days=20)
    await looking.look()
    seen = await around.searches.case(search)

    around.clock.pass_(days=11)
    await looking.look()
    await around.settle(2)

    assert seen.request.cancelled is None
    with pytest.raises(BadInput):
        await around.searches.case(search)
    assert provider.legs[search].at is rules.At.ENDED


async def test_a_place_that_was_given_is_not_given_back_because_nobody_looked(tmp_path: Path) -> None:
    around, provider, looking, search = await asked(tmp_path)
    provider.offer(search)
    await around.settle(3)
    around.clock.pass_(days=31)

    await looking.look()
    await around.settle(2)

    assert provider.legs[search].at is rules.At.GRANTED


@pytest.mark.parametrize("is_placed", [True, False])
async def test_what_is_arranged_weeks_ahead_is_kept_until_its_day_though_nobody_looks(tmp_path: Path, is_placed: bool) -> None:  # noqa: FBT001 - both
    clock = Clock()
    provider = SmallProvider(1, 1, clock)
    around = at_home(tmp_path, clock, SmallRegion(clock, provider))
    search = await around.searches.begin(draft(need=replace(NEED, since=NOW.date() + timedelta(days=60))), GERBEN)
    looking = Looking(around.store, around.own, _KEEP)
    if is_placed:
        await around.searches.put_to(search, (provider.put_to,), GERBEN)
        await around.settle(2)
        provider.offer(search)
        await around.settle(3)
    else:
        await around.searches.watch(search, GERBEN, watched=True)
    around.clock.pass_(days=59)
    await looking.look()
    before = await around.searches.case(search)

    around.clock.pass_(days=32)
    await looking.look()

    assert (before.request.winner is not None) is is_placed
    assert before.request.cancelled is None
    with pytest.raises(BadInput):
        await around.searches.case(search)


async def test_what_comes_after_the_end_is_heard_and_let_go(tmp_path: Path) -> None:
    around, provider, looking, search = await asked(tmp_path)
    around.region.gone = True
    await around.searches.cancel(search, EndReason.DIED, GERBEN)
    provider.do(search, lambda leg: rules.ask(leg, "Nog even:", around.clock()))
    around.clock.pass_(days=31)
    await looking.look()
    around.region.gone = False

    await around.settle(3)

    assert provider.legs[search].ended is EndReason.DIED
    assert mailbox.waiting(provider.connection, around.own.ura) == ([], False)
    assert not await around.store.read(rows.peers_to_call)


async def test_what_nobody_comes_for_has_an_end_too(tmp_path: Path) -> None:
    around, _, looking, search = await asked(tmp_path)
    around.region.gone = True
    await around.searches.cancel(search, EndReason.OTHER, GERBEN)
    for _ in range(3):
        around.clock.pass_(days=31)
        await looking.look()

    assert await around.store.read(rows.waiting) == 0


_MOMENTS = st.integers(0, 600).map(lambda minutes: NOW + timedelta(minutes=minutes))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    made, reply_by = NOW, NOW + timedelta(minutes=draw(st.integers(1, 600)))
    asked = Asked("a", "", NEED, GIST, draw(_MOMENTS), "Ziekenhuis", "053", bytes(32))
    legs = []
    for number in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from(At))
        offer = Offered(1, Terms(Fit.PART, 1), reply_by) if at in (At.OFFERED, At.CHOSEN, At.GRANTED) else None
        provider = SmallProvider(number + 1, 1, Clock()).name
        reminded, questioned = draw(st.booleans()), draw(st.booleans())
        legs.append(Leg(provider, "", "", asked, at, draw(_MOMENTS), offer=offer, reminded=reminded, questioned=questioned))
    alarm = draw(st.sampled_from([None, *Alarm]))
    return Request("r", NEED, GIST, asker.Choosing.PERSON, made, reply_by, DINA, legs=tuple(legs), alarm=alarm)


@given(request=requests(), now=_MOMENTS)
def test_time_brings_something_exactly_from_when_it_is_due(request: Request, now: datetime) -> None:
    moment = due(request)

    brings = asker.look(request, now, silence=SILENCE).request != request

    assert brings == (moment is not None and moment <= now)
