"""Looking for a place, from a search to an arrival, over providers in memory and a way that does what ways do."""

import random
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from accord.letters.referring import read_referral
from accord.rules.placing import provider as rules
from accord.rules.placing.asker import Alarm, At, Standing
from accord.terms.capacity import CareKind, Wishes
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName
from accord.terms.placing import Asked, DeclineReason, EndReason, Fit, Introduction, WithdrawReason
from gateway.places.ports import Heeds, PutTo
from tests.gateway.places.small_places import (
    ASKER,
    DINA,
    GERBEN,
    NEED,
    NOW,
    Around,
    Clock,
    SmallProvider,
    SmallRegion,
    at_home,
    bundle_about,
    draft,
    offers_at_once,
)

pytestmark = pytest.mark.anyio


def world(folder: Path, *places: int, at_once: bool = False, chance: random.Random | None = None) -> tuple[Around, list[SmallProvider]]:
    clock = Clock()
    providers = [SmallProvider(number, count, clock, offers_at_once if at_once else None) for number, count in enumerate(places, 1)]
    return at_home(folder, clock, SmallRegion(clock, *providers, chance=chance)), providers


async def asked(around: Around, providers: list[SmallProvider], **changes: Any) -> str:
    search = await around.searches.begin(draft(**changes), GERBEN)
    await around.searches.put_to(search, tuple(provider.put_to for provider in providers), GERBEN)
    await around.settle(3)
    return search


async def test_the_first_full_offer_wins_and_everybody_else_is_released(tmp_path: Path) -> None:
    around, (weefgetouw, noaberhoes, reviant) = world(tmp_path, 1, 1, 1)
    search = await asked(around, [weefgetouw, noaberhoes, reviant])
    noaberhoes.do(search, lambda leg: rules.decline(leg, DeclineReason.NO_STAFF, "", NOW))
    reviant.offer(search, Fit.PART)
    weefgetouw.offer(search)

    await around.settle(3)

    case = await around.searches.case(search)
    assert case.request.standing is Standing.PLACED
    assert case.request.winner is not None
    assert case.request.winner.provider == weefgetouw.name
    assert {leg.provider: leg.at for leg in case.request.legs} == {weefgetouw.name: At.GRANTED, noaberhoes.name: At.ENDED, reviant.name: At.ENDED}
    assert weefgetouw.legs[search].who == DINA
    assert noaberhoes.legs[search].who is None
    assert reviant.legs[search].who is None
    assert reviant.free() == 1


async def test_two_offers_in_the_same_second_are_one_choice(tmp_path: Path) -> None:
    around, (one, other) = world(tmp_path, 1, 1, at_once=True)

    search = await asked(around, [one, other])
    await around.settle(3)

    assert sorted(provider.legs[search].at for provider in (one, other)) == [rules.At.ENDED, rules.At.GRANTED]
    assert around.ledger.steps.count("chosen") == 1


async def test_when_the_gateway_dies_between_a_choice_and_its_answer_the_search_is_settling_until_it_is_back(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await asked(around, [provider])
    provider.offer(search)
    await around.courier.call(provider.ura)
    around.region.gone = True
    around.store.close()

    again = at_home(tmp_path, around.clock, around.region, around.ledger)
    await again.settle(2)
    standing = (await again.searches.case(search)).request.standing
    around.region.gone = False
    await again.settle(2)

    assert standing is Standing.SETTLING
    assert (await again.searches.case(search)).request.standing is Standing.PLACED


async def test_p2_what_has_no_line_in_the_journal_did_not_happen(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await around.searches.begin(draft(), GERBEN)
    around.ledger.shut = True

    with pytest.raises(Unavailable) as refused:
        await around.searches.put_to(search, (provider.put_to,), GERBEN)
    around.ledger.shut = False
    await around.settle(2)

    assert refused.value.fault is Fault.JOURNAL_UNAVAILABLE
    assert not (await around.searches.case(search)).request.legs
    assert not provider.legs


async def test_p2_every_letter_that_a_provider_has_was_in_the_journal_first(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await asked(around, [provider])
    provider.offer(search)
    await around.settle(3)

    assert around.ledger.steps == ["begun", "asked", "received", "offered", "chosen", "granted", "introduced"]


async def test_a_provider_keeps_a_referral_of_the_person_and_of_nobody_else(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await asked(around, [provider])
    provider.do(search, rules.be_interested)
    await around.settle(3)

    token, register = provider.legs[search].referral, around.region.register
    referral = read_referral(token, provider.ura, Bsn(DINA.bsn), register, NOW)

    assert (referral.asker, referral.request) == (ASKER, search)
    with pytest.raises(BadInput):
        read_referral(token, provider.ura, Bsn("999900018"), register, NOW)


async def test_a_handover_of_many_parts_arrives_whole_and_its_end_is_seen(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await asked(around, [provider])
    provider.offer(search)
    await around.settle(3)
    bundle = bundle_about(DINA, random.Random(1).randbytes(350_000).hex())

    await around.searches.hand_over(search, bundle, GERBEN)
    await around.settle(4)
    leg = provider.legs[search]
    provider.do(search, rules.take_in)
    provider.do(search, lambda leg: rules.arrive(leg, NOW))
    await around.settle(2)

    case = await around.searches.case(search)
    assert leg.handover_whole
    assert leg.handover == bundle
    assert case.handed_over
    assert case.request.winner is not None
    assert case.request.winner.taken_in
    assert case.request.winner.arrived


@pytest.mark.parametrize("who", [replace(DINA, bsn="999900018"), replace(DINA, bsn="")])
async def test_p4_a_handover_about_somebody_else_or_about_nobody_is_not_sent(tmp_path: Path, who: Introduction) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await asked(around, [provider])
    provider.offer(search)
    await around.settle(3)

    with pytest.raises(BadInput) as refused:
        await around.searches.hand_over(search, bundle_about(who, "of another"), GERBEN)
    await around.settle(2)

    assert refused.value.fault in (Fault.OTHER_PATIENT, Fault.IDENTITY_UNVERIFIED)
    assert not provider.legs[search].handover


async def test_a_handover_goes_to_nobody_who_gave_no_place_and_is_no_larger_than_a_provider_takes(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await asked(around, [provider])

    with pytest.raises(BadInput) as early:
        await around.searches.hand_over(search, b"{}", GERBEN)
    with pytest.raises(BadInput) as large:
        await around.searches.hand_over(search, bytes(rules.HANDOVER_BYTES + 1), GERBEN)

    assert early.value.fault is Fault.NOT_POSSIBLE_NOW
    assert large.value.fault is Fault.TOO_LARGE


async def test_a_letter_that_cannot_be_read_blocks_its_own_search_only_and_calls_a_person(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 2)
    first, second = await asked(around, [provider]), await asked(around, [provider])
    good = provider.legs[first].asked.answer_key
    provider.legs[first] = replace(provider.legs[first], asked=_with_key(provider, first, bytes(31) + b"\x09"))
    provider.offer(first)
    provider.offer(second)
    provider.legs[first] = replace(provider.legs[first], asked=_with_key(provider, first, good))

    await around.settle(4)

    blocked, other = await around.searches.case(first), await around.searches.case(second)
    assert blocked.request.alarm is Alarm.UNREADABLE
    assert blocked.heeds is Heeds.ALARM
    assert other.request.standing is Standing.PLACED
    assert around.ledger.steps.count("unread") == 1
    assert (await around.searches.cases())[0].request.id == first


async def test_what_somebody_in_between_made_up_is_not_taken_in(tmp_path: Path) -> None:
    around, (provider, other) = world(tmp_path, 1, 1)
    search = await asked(around, [provider])
    provider.offer(search)
    whole = provider.letters(around.region.register, {}, ())
    changed = whole.envelopes[0][:-4] + "AAAA"
    forged = ("", "a.b.c", "x" * 600_000, "é", changed, *whole.envelopes)
    around.region.providers[other.name].letters = lambda *_: replace(whole, envelopes=forged)  # type: ignore[method-assign]  # a provider that writes what it likes

    await around.courier.call(other.ura)

    assert (await around.searches.case(search)).request.legs[0].at is At.WAITING


async def test_nobody_is_put_to_whom_the_register_does_not_have_or_twice(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await around.searches.begin(draft(), GERBEN)
    stranger = replace(provider.put_to, provider=HolderName("stranger"))

    with pytest.raises(BadInput) as unknown:
        await around.searches.put_to(search, (stranger,), GERBEN)
    with pytest.raises(BadInput) as twice:
        await around.searches.put_to(search, (provider.put_to, provider.put_to), GERBEN)
    with pytest.raises(BadInput) as keyless:
        await around.searches.put_to(search, (replace(provider.put_to, key=b""),), GERBEN)

    assert [failure.value.fault for failure in (unknown, twice, keyless)] == [Fault.UNKNOWN_HOLDER, Fault.INVALID_PARAMETER, Fault.INVALID_PARAMETER]


async def test_a_search_is_changed_until_somebody_was_asked(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await around.searches.begin(draft(), GERBEN)
    other = replace(NEED, kind=CareKind.GERIATRIC_REHABILITATION)

    await around.searches.change(search, other, Wishes("7601"), GERBEN)
    changed = await around.searches.case(search)
    await around.searches.put_to(search, (provider.put_to,), GERBEN)

    assert (changed.request.need, changed.wishes) == (other, Wishes("7601"))
    with pytest.raises(BadInput):
        await around.searches.change(search, NEED, Wishes(), GERBEN)


async def test_words_that_no_provider_could_read_are_not_kept(tmp_path: Path) -> None:
    around, _ = world(tmp_path, 1)

    for bad in (replace(DINA, bsn="123456789"), replace(DINA, name="x" * 2_001), replace(DINA, contact="\x00")):
        with pytest.raises(BadInput):
            await around.searches.begin(draft(who=bad), GERBEN)
    with pytest.raises(BadInput):
        await around.searches.begin(draft(reply_by=NOW), GERBEN)
    assert not await around.searches.cases()


async def test_nobody_looks_for_a_day_that_no_letter_could_be_written_about(tmp_path: Path) -> None:
    around, _ = world(tmp_path, 1)
    search = await around.searches.begin(draft(), GERBEN)

    for far in (date.max, NOW.date() + timedelta(days=401)):
        with pytest.raises(BadInput) as refused:
            await around.searches.begin(draft(need=replace(NEED, since=far)), GERBEN)
        with pytest.raises(BadInput):
            await around.searches.change(search, replace(NEED, since=far), Wishes(), GERBEN)
        assert (refused.value.fault, refused.value.where) == (Fault.INVALID_PARAMETER, "since")


async def test_a_question_is_answered_and_wants_attention_until_then(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1)
    search = await asked(around, [provider])
    provider.do(search, lambda leg: rules.ask(leg, "Kan mevrouw traplopen?", NOW))
    await around.settle(2)
    before = (await around.searches.case(search)).heeds

    await around.searches.tell(search, provider.name, "Nee, nog niet.", GERBEN)
    await around.settle(2)

    assert before is Heeds.ANSWER
    assert (await around.searches.case(search)).heeds is Heeds.NOTHING
    assert [line.words for line in provider.legs[search].lines] == ["Kan mevrouw traplopen?", "Nee, nog niet."]


async def test_a_withdrawn_promise_calls_a_person_and_others_can_be_asked(tmp_path: Path) -> None:
    around, (provider, other) = world(tmp_path, 1, 1)
    search = await asked(around, [provider])
    provider.offer(search)
    await around.settle(3)
    provider.do(search, lambda leg: rules.withdraw(leg, WithdrawReason.OUTBREAK, "", NOW))
    await around.settle(3)
    alarmed = await around.searches.case(search)

    await around.searches.put_to(search, (other.put_to,), GERBEN)
    await around.settle(2)

    assert alarmed.request.alarm is Alarm.WITHDRAWN
    assert other.legs[search].at is rules.At.ASKED


async def test_cancelling_gives_back_what_was_granted(tmp_path: Path) -> None:
    around, (provider,) = world(tmp_path, 1, at_once=True)
    search = await asked(around, [provider])
    await around.settle(3)

    await around.searches.cancel(search, EndReason.DIED, GERBEN)
    await around.settle(2)

    assert provider.legs[search].ended is EndReason.DIED
    assert provider.free() == 1


async def test_a_person_may_give_up_who_stays_silent_and_choose_another(tmp_path: Path) -> None:
    around, (silent, other) = world(tmp_path, 1, 1)
    search = await asked(around, [silent, other], first_wins=False)
    silent.offer(search)
    other.offer(search, Fit.PART)
    await around.settle(2)
    await around.searches.choose(search, silent.name, GERBEN)
    with pytest.raises(BadInput):
        await around.searches.choose(search, other.name, GERBEN)

    await around.searches.give_up(search, silent.name, GERBEN)
    await around.searches.choose(search, other.name, GERBEN)
    await around.settle(3)

    winner = (await around.searches.case(search)).request.winner
    assert winner is not None
    assert winner.provider == other.name
    assert silent.free() == 1


async def test_asking_anew_after_the_time_that_was_given_gives_the_same_time_once_more(tmp_path: Path) -> None:
    around, (one, other) = world(tmp_path, 1, 1)
    search = await asked(around, [one])
    around.clock.pass_(hours=5)

    await around.searches.put_to(search, (other.put_to,), GERBEN)
    await around.settle(2)

    assert other.legs[search].asked.reply_by == around.clock.now + timedelta(hours=4)


async def test_whoever_waits_for_changes_hears_of_each_and_not_of_looking(tmp_path: Path) -> None:
    around, _ = world(tmp_path, 1)
    first = around.searches._mark
    search = await around.searches.begin(draft(), GERBEN)
    second = await around.searches.changed(first)

    await around.searches.seen(search, GERBEN)

    assert second == first + 1
    assert around.searches._mark == second
    assert around.ledger.steps[-1] == "seen"


async def test_p2_who_is_shown_whom_a_search_is_about_has_a_line_one_for_each_look_and_without_a_journal_is_shown_nothing(tmp_path: Path) -> None:
    around, _ = world(tmp_path, 1)
    other = replace(GERBEN, identifier="900000051")
    search = await around.searches.begin(draft(), GERBEN)
    around.ledger.shut = True
    with pytest.raises(Unavailable):
        await around.searches.looked_at(search, GERBEN)
    around.ledger.shut = False
    for person in (GERBEN, GERBEN, other, GERBEN):
        assert (await around.searches.looked_at(search, person)).request.who == DINA
        around.clock.pass_(minutes=6)

    looks = [cast("Any", line) for line in around.ledger.lines if cast("Any", line).what == "looked-at"]
    assert [(line.by, line.action, line.request) for line in looks] == [(person.identifier, "R", search) for person in (GERBEN, other, GERBEN)]
    assert all(line.patient for line in looks)


async def test_p2_whoever_reads_the_list_has_a_line_for_each_search_in_it_and_without_a_journal_there_is_no_list(tmp_path: Path) -> None:
    around, _ = world(tmp_path, 1)
    searches = [await around.searches.begin(draft(), GERBEN) for _ in range(2)]
    around.ledger.shut = True
    with pytest.raises(Unavailable):
        await around.searches.listed(GERBEN)
    around.ledger.shut = False
    for _ in range(3):
        assert {case.request.id for case in await around.searches.listed(GERBEN)} == set(searches)
        around.clock.pass_(minutes=6)
    await around.searches.listed(GERBEN)

    lines = [cast("Any", line) for line in around.ledger.lines if cast("Any", line).what == "listed"]
    assert sorted(line.request for line in lines) == sorted(searches * 2)
    assert all(line.patient and line.by == GERBEN.identifier for line in lines)


async def test_what_is_not_there_cannot_be_done_to(tmp_path: Path) -> None:
    around, _ = world(tmp_path, 1)

    for act in (around.searches.case("x"), around.searches.seen("x", GERBEN), around.searches.cancel("x", EndReason.OTHER, GERBEN)):
        with pytest.raises(BadInput) as missing:
            await act
        assert missing.value.fault is Fault.NOT_FOUND


@given(seed=st.integers(0, 2**32), places=st.lists(st.integers(0, 2), min_size=2, max_size=4), requests=st.integers(1, 4))
async def test_over_a_way_that_loses_doubles_and_reorders_each_search_ends_with_one_place_or_none(
    tmp_path_factory: pytest.TempPathFactory, seed: int, places: list[int], requests: int
) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("searches")
    around, providers = world(folder, *places, at_once=True, chance=chance)
    searches = []
    for _ in range(requests):
        search = await around.searches.begin(draft(), GERBEN)
        searches.append(search)
        await around.searches.put_to(search, tuple(provider.put_to for provider in providers), GERBEN)
        await around.settle(chance.randrange(3))
        if chance.random() < 0.3:
            around.store.close()
            around = at_home(folder, around.clock, around.region, around.ledger)
    around.region.chance = None
    await around.settle(12)

    for provider in providers:
        assert provider.taken <= provider.counted
        assert provider.free() >= 0
    given_to = [search for provider in providers for search, leg in provider.legs.items() if leg.at is rules.At.GRANTED]
    cases = [await around.searches.case(search) for search in searches]
    assert len(given_to) == len(set(given_to)), "no search has two places"
    assert {case.request.id for case in cases if case.request.winner is not None} == set(given_to)
    assert min(1, sum(places)) <= len(given_to) <= min(sum(places), requests)
    assert all(case.request.standing is Standing.PLACED or case.request.alarm is Alarm.NOBODY_LEFT for case in cases)
    around.store.close()


def _with_key(provider: SmallProvider, search: str, key: bytes) -> Asked:
    return structs.replace(provider.legs[search].asked, answer_key=key)


def test_a_way_to_put_it_to_somebody_shows_no_key() -> None:
    assert "k" * 32 not in repr(PutTo(HolderName("home"), "Huis", "afdeling", key=b"k" * 32))
