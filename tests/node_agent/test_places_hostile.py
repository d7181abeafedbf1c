"""Whatever an organisation of the region seals into a letter, or writes around it, the desk answers, and keeps only what is a letter."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from accord.audit.events import RefusedQuestion
from accord.letters.envelopes import Sender, write
from accord.terms.capacity import CareKind
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import WORDS_CHARACTERS, Asked, Chosen, DeclineReason, Fit, Gist, Lapsed, Offered, Received, Terms, Told
from accord.wire.place_forms import to_form
from node_agent.places import bounds
from node_agent.places.store import Turn
from tests.node_agent.places_world import PRACTICE, PROVIDER, Asker, World, provider_with_places

#: What a member of a letter may be, in the hands of whoever means no good.
_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["asked", "0001-01-01", "9999-12-31T23:59:59-12:00"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(["type", "need", "since", "amount", "who", "value"]), inside, max_size=3),
    max_leaves=6,
)
_MEMBERS = ("type", "service", "opening", "need", "gist", "reply_by", "asker", "telephone", "answer_key")


def spoilt(asked: Asked, changes: dict[str, Any]) -> bytes:
    """The letter with some of its members changed, or those of what is needed."""
    form = msgspec.json.decode(to_form(asked))
    # What stands inside first: afterwards it may be there no more.
    for name, value in sorted(changes.items(), key=lambda change: "." not in change[0]):
        if name.startswith("need."):
            form["need"][name.removeprefix("need.")] = value
        else:
            form[name] = value
    return msgspec.json.encode(form)


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=80),
            st.dictionaries(
                st.sampled_from((*_MEMBERS, "need.since", "need.amount", "need.until", "need.conditions", "need.near")), _JUNK, min_size=1, max_size=4
            ),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_letter_breaks_the_desk_and_a_good_one_beside_them_is_taken_in(letters: list[bytes | dict[str, Any]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with provider_with_places(Path(folder) / "p") as world:
                await world.places.planning.count("snel", 2, "gea")
                asker = world.hospital
                sealed = [_sealed(world, asker, f"bad{number}", letter) for number, letter in enumerate(letters)]
                given = await world.bring(asker, [*sealed, asker.envelope(world.public, "good", asker.asked(), world.clock())])
                again = await world.bring(asker, sealed)
                await world.places.looking.look()
                kept = await world.places.planning.legs()

                assert given.heard["good"] == 1
                assert asker.told["good"] == [Received()]
                assert {leg.request for leg in kept} == {request for request, seq in given.heard.items() if seq}
                assert all(again.heard[f"bad{number}"] == given.heard[f"bad{number}"] for number in range(len(letters)))

    anyio.run(play)


def _sealed(world: World, asker: Asker, request: str, letter: bytes | dict[str, Any]) -> str:
    asked = asker.asked("snel", kind=CareKind.GERIATRIC_REHABILITATION)
    content = letter if isinstance(letter, bytes) else spoilt(asked, letter)
    return write(Sender(asker.ura, asker.key), PROVIDER, world.public, request, 1, content, world.clock())


@pytest.mark.anyio
@pytest.mark.parametrize("words", ["x" * (WORDS_CHARACTERS + 1), "nul\x00", "recht\u202eslinks"])
async def test_what_the_asker_could_not_read_is_not_written_to_it(tmp_path: Path, words: str) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.say("a", world.hospital.asked())
        planning, ref, until = world.places.planning, world.ref("a"), datetime(2026, 10, 26, 12, tzinfo=UTC)
        await planning.count("elv", 1, "gea")
        for said in (
            planning.ask(ref, words, "gea"),
            planning.decline(ref, DeclineReason.OTHER, words, "gea"),
            planning.offer(ref, Terms(Fit.FULL, 1, words=words), until, "elv", "gea"),
        ):
            with pytest.raises(BadInput) as refused:
                await said
            assert refused.value.fault is Fault.INVALID_PARAMETER
        await world.bring(world.hospital, [])

    assert world.hospital.told["a"] == [Received()]


@pytest.mark.anyio
async def test_who_is_asked_once_more_after_a_no_answers_anew(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        asked = world.hospital.asked("snel", kind=CareKind.GERIATRIC_REHABILITATION)
        await world.say("a", asked)
        await world.places.planning.decline(world.ref("a"), DeclineReason.NO_PLACE, "", "gea")
        await world.places.planning.count("snel", 1, "gea")
        told = await world.say("a", asked)
        leg = await world.places.planning.leg(world.ref("a"))

    assert isinstance(told[-1], Offered)
    assert leg.declined is None


@pytest.mark.anyio
async def test_p7_who_asks_without_end_or_never_hears_is_not_taken_in_any_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_OPEN", 3)
    monkeypatch.setattr(bounds, "MOST_WAITING", 5)
    async with provider_with_places(tmp_path) as world:
        asker, other = world.hospital, world.practice
        many = [asker.envelope(world.public, f"r{number}", asker.asked(), world.clock()) for number in range(5)]
        too_many = (await world.bring(asker, many, {})).heard
        more = [asker.envelope(world.public, "r0", Chosen(9), world.clock()) for _ in range(4)]
        not_heard = [(await world.bring(asker, [one], {})).heard["r0"] for one in more]
        theirs = (await world.bring(other, [other.envelope(world.public, "x", other.asked(), world.clock())])).heard
        faults = [event.fault for event in world.lines() if isinstance(event, RefusedQuestion)]

    assert too_many == {"r0": 1, "r1": 1, "r2": 1, "r3": 0, "r4": 0}
    assert not_heard == [2, 3, 3, 3]
    assert theirs == {"x": 1}
    assert set(faults) == {Fault.OVER_LIMIT}


@pytest.mark.anyio
async def test_who_asks_is_called_as_the_register_calls_whoever_signed_and_not_as_the_letter_says(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        theirs = structs.replace(world.practice.asked(), asker="Ziekenhuis Dinkelhorst")
        await world.say("a", theirs, asker=world.practice)
        await world.say("a", theirs, asker=world.practice)
        (leg,) = await world.places.planning.legs()

    assert leg.asked.asker == world.register.by_ura[PRACTICE].title


@pytest.mark.anyio
async def test_a_request_that_cannot_be_opened_hides_no_other_holds_no_place_for_ever_and_has_its_end(tmp_path: Path) -> None:
    def spoil(turn: Turn) -> None:
        turn.connection.execute("UPDATE leg SET sealed = x'00' WHERE request = 'broken'")

    async with provider_with_places(tmp_path) as world:
        planning, looking = world.places.planning, world.places.looking
        await planning.count("snel", 2, "gea")
        for request in ("broken", "whole"):
            await world.say(request, world.hospital.asked("snel", kind=CareKind.GERIATRIC_REHABILITATION))
        await world.places.store.change(spoil)
        shown = [leg.request for leg in await planning.legs()]
        world.clock.later(minutes=31)
        await looking.look()
        await world.bring(world.hospital, [])
        told, free = world.hospital.told["whole"], await world.free("snel")
        world.clock.later(days=31)
        await looking.look()
        erased = [request for request, what in world.steps() if what == "erased"]

    assert shown == ["whole"]
    assert isinstance(told[-1], Lapsed)
    assert free == 2
    assert sorted(erased) == ["broken", "whole"]


@pytest.mark.anyio
async def test_p7_the_words_of_one_asker_take_no_more_room_than_there_is_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_BYTES", 30_000)
    async with provider_with_places(tmp_path) as world:
        asker, other = world.hospital, world.practice
        gist = Gist(80, "x", tuple("y" * 1_000 for _ in range(8)))
        many = [structs.replace(asker.asked(), gist=gist) for _ in range(5)]
        heard = (await world.bring(asker, [asker.envelope(world.public, f"r{number}", one, world.clock()) for number, one in enumerate(many)])).heard
        told = await world.bring(asker, [asker.envelope(world.public, "r0", Told("z" * 2_000), world.clock()) for _ in range(9)])
        large = await world.bring(
            other, [other.envelope(world.public, "big", structs.replace(other.asked(), gist=Gist(facts=("w" * 2_000,) * 60)), world.clock())]
        )
        theirs = (await world.bring(other, [other.envelope(world.public, "x", other.asked(), world.clock())])).heard

    assert list(heard.values()).count(1) == 3
    assert 1 <= told.heard["r0"] < 9
    assert large.heard == {"big": 0}
    assert theirs == {"x": 1}
