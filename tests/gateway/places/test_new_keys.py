"""A key is replaced or lost while a request is under way: what waited is believed all the same, or a person is called; nothing is silent."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.link.jose import thumbprint
from accord.rules.placing.asker import Alarm, At, Standing
from accord.terms.members import KeyUse, SigningKey
from accord.terms.placing import EndReason
from gateway.places import rows
from gateway.places.courier import Courier
from gateway.places.ports import Heeds
from tests.gateway.places.small_places import DINA, GERBEN, Around, Clock, SmallProvider, SmallRegion, at_home, bundle_about, draft, offers_at_once

pytestmark = pytest.mark.anyio


async def asked(folder: Path) -> tuple[Around, SmallProvider, str]:
    """A request that waits at its provider."""
    clock = Clock()
    provider = SmallProvider(1, 1, clock)
    around = at_home(folder, clock, SmallRegion(clock, provider))
    search = await around.searches.begin(draft(), GERBEN)
    await around.searches.put_to(search, (provider.put_to,), GERBEN)
    await around.settle(3)
    return around, provider, search


async def test_a_provider_that_cannot_read_us_any_more_calls_a_person_and_what_it_reads_at_last_ends_that(tmp_path: Path) -> None:
    around, provider, search = await asked(tmp_path)
    lost, provider.reads = provider.reads, X25519PrivateKey.generate()
    await around.searches.tell(search, provider.name, "Is er al iets bekend?", GERBEN)
    await around.settle(2)
    early = await around.searches.case(search)
    around.clock.pass_(seconds=61)
    await around.settle(2)
    late = await around.searches.case(search)

    assert (early.request.alarm, late.request.alarm, late.heeds) == (None, Alarm.UNHEARD, Heeds.ALARM)
    assert around.ledger.steps.count("unheard") == 1
    assert await around.store.read(rows.alarms) == 1

    provider.reads = lost
    await around.settle(2)

    assert (await around.searches.case(search)).request.alarm is None
    assert await around.store.read(rows.waiting) == 0


async def test_a_place_that_was_given_by_who_then_lost_everything_is_not_silently_lost(tmp_path: Path) -> None:
    around, provider, search = await asked(tmp_path)
    provider.offer(search)
    await around.settle(3)
    assert (await around.searches.case(search)).request.standing is Standing.PLACED

    # Its store is gone with its key: it knows of no request, and counts our letters from one.
    provider.reads, provider.legs = X25519PrivateKey.generate(), {}
    provider.connection.execute("DELETE FROM letter_thread")
    await around.searches.hand_over(search, bundle_about(DINA, "loopt met een rollator"), GERBEN)
    around.clock.pass_(minutes=5)
    await around.settle(2)

    assert (await around.searches.case(search)).request.alarm is Alarm.UNHEARD

    # A person calls, calls it off there, and looks further: the new key comes with what it states now.
    await around.searches.cancel(search, EndReason.OTHER, GERBEN)
    provider.answers = offers_at_once
    again = await around.searches.begin(draft(), GERBEN)
    await around.searches.put_to(again, (provider.put_to,), GERBEN)
    await around.settle(4)

    assert (await around.searches.case(again)).request.standing is Standing.PLACED


async def test_what_waited_while_we_replaced_our_own_key_is_believed(tmp_path: Path) -> None:
    around, provider, search = await asked(tmp_path)
    await around.searches.tell(search, provider.name, "Is er al iets bekend?", GERBEN)
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    asker, *others = around.region.register.members
    asker = replace(asker, keys=(SigningKey(thumbprint(public), public, frozenset({KeyUse.MANDATE})),))
    around.region.register = replace(around.region.register, members=(asker, *others))
    around.courier = Courier(around.store, replace(around.own, key=key), around.region)

    await around.settle(2)

    assert await around.store.read(rows.waiting) == 0
    assert provider.legs[search].lines[-1].words == "Is er al iets bekend?"


async def test_what_a_provider_signed_with_a_key_that_is_no_more_calls_a_person_until_it_signs_anew(tmp_path: Path) -> None:
    around, provider, search = await asked(tmp_path)
    before = around.region.register
    provider.offer(search)
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    asker, there = before.members
    there = replace(there, keys=(SigningKey(thumbprint(public), public, frozenset({KeyUse.ANSWER})),))
    around.region.register = replace(before, members=(asker, there))
    await around.settle(2)

    assert (await around.searches.case(search)).request.alarm is Alarm.UNREADABLE

    around.region.register = before
    await around.settle(3)
    case = await around.searches.case(search)

    assert (case.request.leg(provider.name).at, case.request.alarm) == (At.GRANTED, None)
