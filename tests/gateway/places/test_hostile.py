"""What a provider or the gateway may send: whatever it is, nothing raises, nothing is believed, and one search at most is held up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from accord.letters import mailbox
from accord.letters.envelopes import Sender, write
from accord.rules.placing.asker import Alarm
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.placing import WORDS_CHARACTERS, EndReason
from gateway.pages.telling import Language, words
from gateway.places import kept as kept_forms
from gateway.places import rows
from gateway.places.ports import Brought, PutTo
from gateway.places.sealing import Seal, key_in
from gateway.places.store import Change
from gateway.viewer.speaking import Speech
from tests.gateway.places.small_places import ASKER, DINA, GERBEN, GIST, NOW, Around, Clock, SmallProvider, SmallRegion, at_home, draft

pytestmark = pytest.mark.anyio

_OFFER: Any = {"type": "offered", "number": 1, "terms": {"fit": "full", "amount": 1}, "held_until": "2026-03-02T11:00:00Z"}
_SHAPES: list[Any] = [
    [], 1, None, "x", {}, {"type": 1}, {"type": "offered"}, {"type": "asked"}, {**_OFFER, "terms": []}, {**_OFFER, "number": "1"}, {**_OFFER, "held_until": "2026-03-02T11:00:00"},
    {**_OFFER, "terms": {"fit": "full", "amount": 1 << 60}}, {"type": "declined", "reason": "because"}, {"type": "questioned", "words": "x" * 2_001}, {"type": "questioned", "words": "\u0000"},
    {"type": "granted", "number": None}, {"type": "withdrawn", "reason": ["mistake"]},
]  # fmt: skip


async def asked(folder: Path) -> tuple[Around, SmallProvider, str]:
    clock = Clock()
    provider = SmallProvider(1, 1, clock)
    around = at_home(folder, clock, SmallRegion(clock, provider))
    search = await around.searches.begin(draft(), GERBEN)
    await around.searches.put_to(search, (provider.put_to,), GERBEN)
    await around.settle(2)
    return around, provider, search


def write_so(provider: SmallProvider, search: str, letter: bytes) -> None:
    reader = provider.legs[search].asked.answer_key
    mailbox.put(provider.connection, ASKER, search, lambda seq: write(Sender(provider.ura, provider.key), ASKER, reader, search, seq, letter, NOW))


@pytest.mark.parametrize("shape", _SHAPES, ids=lambda shape: json.dumps(shape)[:40])
async def test_a_letter_of_another_shape_holds_up_its_own_search_and_is_an_alarm(tmp_path: Path, shape: Any) -> None:
    around, provider, search = await asked(tmp_path)
    write_so(provider, search, json.dumps(shape).encode())

    await around.settle(3)

    assert (await around.searches.case(search)).request.alarm is Alarm.UNREADABLE
    assert around.ledger.steps.count("unread") == 1


@given(letters=st.lists(st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | st.sampled_from([json.dumps(_OFFER).encode()]), max_size=3))
async def test_whatever_a_provider_writes_nothing_raises(tmp_path_factory: pytest.TempPathFactory, letters: list[bytes]) -> None:
    around, provider, search = await asked(tmp_path_factory.mktemp("hostile"))
    for letter in letters:
        write_so(provider, search, letter)
    for _ in range(2):
        await around.courier.call(provider.ura)

    assert (await around.searches.case(search)).request.id == search
    around.store.close()


@given(envelopes=st.lists(st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9_-]{1,20}\.[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,20}", fullmatch=True), max_size=4))
async def test_whatever_a_gateway_brings_nothing_raises(tmp_path_factory: pytest.TempPathFactory, envelopes: list[str]) -> None:
    around, provider, _ = await asked(tmp_path_factory.mktemp("hostile"))
    provider.letters = lambda *_: Brought(tuple(envelopes), {"x" * 300: -1, "": 1 << 62}, more=True)  # type: ignore[method-assign]  # a provider that writes what it likes

    assert not await around.courier.call(provider.ura)
    around.store.close()


async def test_p9_no_failure_no_log_and_no_representation_says_who_it_is_about(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logged:
        around, provider, search = await asked(tmp_path)
        write_so(provider, search, b"[]")
        await around.settle(2)
        failures: list[Faulted] = []
        wrong: list[Callable[[], Any]] = [
            lambda: around.searches.put_to(search, (provider.put_to,), GERBEN),
            lambda: around.searches.hand_over(search, b"{}", GERBEN),
            lambda: around.searches.choose(search, provider.name, GERBEN),
            lambda: around.searches.tell(search, provider.name, "x" * (WORDS_CHARACTERS + 1), GERBEN),
            lambda: around.searches.tell(search, HolderName("nobody"), DINA.name, GERBEN),
        ]
        for act in wrong:
            with pytest.raises(Faulted) as failure:
                await act()
            failures.append(failure.value)
    case = await around.searches.case(search)
    said = repr([failures, [str(failure) for failure in failures], logged, case.request.who, draft()])

    for secret in (DINA.bsn, DINA.name, DINA.birth_date):
        assert secret not in said
    assert GIST.words not in repr([failures, logged])


async def test_p7_nothing_grows_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    around, provider, search = await asked(tmp_path)
    many = tuple(PutTo(HolderName(f"h-{number}"), "Huis", "a", "", provider.put_to.key) for number in range(21))
    monkeypatch.setattr(rows, "MOST_SEARCHES", 2)
    await around.searches.begin(draft(), GERBEN)

    with pytest.raises(Unavailable) as full:
        await around.searches.begin(draft(), GERBEN)
    with pytest.raises(BadInput):
        await around.searches.put_to(search, many, GERBEN)
    with pytest.raises(BadInput):
        await around.searches.begin(draft(who=msgspec.convert({**msgspec.to_builtins(DINA), "name": "x" * 2_001}, type(DINA))), GERBEN)

    assert full.value.fault is Fault.TOO_MANY_QUESTIONS


def test_a_row_opens_in_its_own_place_and_under_its_own_key_only() -> None:
    seal = Seal(bytes(32))
    sealed = seal.closed("one", b"content")

    assert seal.opened("one", sealed) == b"content"
    for other, row, box in ((seal, "two", sealed), (Seal(bytes([1]) * 32), "one", sealed), (seal, "one", sealed[:-1]), (seal, "one", b"")):
        with pytest.raises(Unavailable):
            other.opened(row, box)


def test_a_key_file_is_made_once_for_its_owner_only_and_one_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "places.key"
    key = key_in(path)

    assert key_in(path) == key
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("abc")
    with pytest.raises(BadInput):
        key_in(path)
    path.write_text("é")
    with pytest.raises(BadInput):
        key_in(path)
    path.chmod(0o644)
    with pytest.raises(BadInput):
        key_in(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"request": 1}', b"\xff"])
def test_a_search_that_another_version_wrote_is_refused_without_a_word_of_it(content: bytes) -> None:
    with pytest.raises(Unavailable):
        kept_forms.read_kept(content)


async def test_a_search_that_cannot_be_opened_holds_up_no_other(tmp_path: Path) -> None:
    around, provider, broken = await asked(tmp_path)
    other = await around.searches.begin(draft(), GERBEN)
    await around.searches.put_to(other, (provider.put_to,), GERBEN)
    await around.settle(2)
    await around.store.change(lambda change: _break(change, broken))
    provider.offer(other)

    await around.settle(4)

    assert (await around.searches.case(other)).request.winner is not None
    assert [case.request.id for case in await around.searches.cases()] == [other]
    await around.searches.cancel(other, EndReason.OTHER, GERBEN)


def _break(change: Change, search: str) -> None:
    change.connection.execute("UPDATE place_search SET sealed = x'00' WHERE id = ?", (search,))


@pytest.mark.parametrize("held", ["0001-01-01T00:00:00-12:00", "9999-12-31T23:59:00Z"])
async def test_an_offer_that_is_held_for_ever_can_be_shown(tmp_path: Path, held: str) -> None:
    around, provider, search = await asked(tmp_path)
    write_so(provider, search, json.dumps({**_OFFER, "terms": {"fit": "part", "amount": 1}, "held_until": held}).encode())
    await around.settle(3)

    (leg,) = (await around.searches.case(search)).request.legs

    assert leg.offer is not None
    assert Speech(words("gateway.places", Language.DUTCH), NOW).moment(leg.offer.held_until)
