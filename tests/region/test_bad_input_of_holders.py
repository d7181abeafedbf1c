"""Bad input from a holder: it ends that holder in a fixed code that names the next step, and touches nobody else."""

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import anyio
import pytest

from accord.terms.answers import Batch, Ending, Frame, Progress
from accord.terms.faults import CATALOGUE, Fault
from accord.terms.limits import KIB, MIB
from accord.terms.queries import HolderQuery
from accord.terms.records import TYPE_CODE
from accord.terms.vocabulary import CATEGORY_CODE, CareCategory
from accord.wire.columns import ROW
from gateway.dossier.words import fault_words
from testbed import asking
from testbed.scripted_holder import ALL_CATEGORIES, Script, batch_of, closed_of
from tests.region.bad_input_desk import BSN, CANARY, ENGLISH, HONEST, LATER, OTHER_BSN, SOUND, UNSOUND, Desk, condition, patient

pytestmark = pytest.mark.slow


def rows_for(records: Sequence[bytes], type_name: str = "Condition", category: CareCategory = CareCategory.CONDITION) -> Batch:
    """A batch of an own Patient and records that need not be records, claimed to be of this type."""
    first = batch_of([patient(BSN)])
    columns, blob = bytearray(first.columns), bytearray(first.blob)
    for record in records:
        blob += record
        columns += ROW.pack(0, 0, 0, 0, len(blob), TYPE_CODE[type_name], CATEGORY_CODE[category])
    return Batch(bytes(columns), bytes(blob), first.categories)


def sending(*batches: Batch) -> Script:
    """A script that sends these, and a last word that fits."""

    async def script(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield ALL_CATEGORIES
        for batch in batches:
            yield batch
        yield closed_of(query, batches)

    return script


def record(text: bytes) -> Script:
    """A script that sends this where a Condition is due."""
    return sending(rows_for([text]))


async def truncated(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Break off."""
    yield ALL_CATEGORIES
    yield batch_of(HONEST)


async def endless(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Go on for ever."""
    yield ALL_CATEGORIES
    while True:
        yield Progress(1)
        await anyio.lowlevel.checkpoint()


async def endless_records(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Go on for ever with sound records."""
    yield ALL_CATEGORIES
    yield batch_of(HONEST)
    while True:
        yield Batch(batch_of([condition("3")]).columns, condition("3"), 0)
        await anyio.lowlevel.checkpoint()


async def wrong_digest(query: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Sign off for something else."""
    batches = [batch_of(HONEST)]
    yield ALL_CATEGORIES
    yield batches[0]
    yield replace(closed_of(query, batches), digest=bytes(32))


async def fails(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Fail with content in the text."""
    yield ALL_CATEGORIES
    raise RuntimeError(CANARY)


_GOOD: Final = condition("1", CANARY)
_NOT_READABLE: Final = {Fault.MALFORMED_JSON, Fault.INVALID_ENCODING}


@dataclass(frozen=True, slots=True)
class Bad:
    """What a holder does, how it may end, and with which codes."""

    script: Script
    codes: set[Fault]
    endings: frozenset[Ending] = frozenset({Ending.REJECTED})


BAD_HOLDERS: Final[dict[str, Bad]] = {
    "malformed JSON": Bad(record(_GOOD[:-1]), {Fault.MALFORMED_JSON}),
    "no JSON": Bad(record(b"<Condition>" + CANARY.encode() + b"</Condition>"), {Fault.MALFORMED_JSON}),
    "wrong type": Bad(record(_GOOD.replace(b'"Condition"', b'"Klant"')), {Fault.UNKNOWN_TYPE}),
    "another type than claimed": Bad(record(_GOOD.replace(b'"Condition"', b'"Procedure"')), {Fault.BROKEN_BATCH}),
    "BSN that fails the eleven-test": Bad(sending(batch_of([patient("999984057", name=CANARY)])), {Fault.OTHER_PATIENT, Fault.INVALID_BSN}),
    "two BSNs": Bad(sending(batch_of([patient(BSN, OTHER_BSN), _GOOD])), {Fault.OTHER_PATIENT, Fault.SEVERAL_BSNS}),
    "no BSN": Bad(sending(batch_of([patient(), _GOOD])), {Fault.IDENTITY_UNVERIFIED}, frozenset({Ending.IDENTITY_UNVERIFIED})),
    "somebody else": Bad(record(_GOOD.replace(b"Patient/1", b"Patient/2")), {Fault.OTHER_PATIENT}),
    "duplicate key": Bad(record(_GOOD[:-1] + b',"subject":{"reference":"Patient/1"}}'), {Fault.DUPLICATE_KEY}),
    "duplicate key to somebody else": Bad(record(_GOOD[:-1] + b',"subject":{"reference":"Patient/2"}}'), {Fault.DUPLICATE_KEY, Fault.OTHER_PATIENT}),
    "invalid UTF-8": Bad(record(_GOOD.replace(CANARY.encode(), CANARY.encode() + b"\xff\xfe")), {Fault.INVALID_ENCODING}),
    "lone surrogate": Bad(record(_GOOD.replace(CANARY.encode(), CANARY.encode() + b"\\ud800")), _NOT_READABLE),
    "byte order mark": Bad(record(b"\xef\xbb\xbf" + _GOOD), _NOT_READABLE),
    "nesting over the limit": Bad(record(_GOOD[:-1] + b',"extension":' + b"[" * 100 + b"]" * 100 + b"}"), {Fault.TOO_DEEP}),
    "deep nesting": Bad(record(_GOOD[:-1] + b',"extension":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), {Fault.TOO_DEEP, Fault.MALFORMED_JSON}),
    "record over the limit": Bad(record(_GOOD[:-1] + b',"note":"' + b"x" * (800 * KIB) + b'"}'), {Fault.BROKEN_BATCH, Fault.TOO_LARGE}),
    "10 MB record": Bad(record(_GOOD[:-1] + b',"note":"' + b"x" * (10 * MIB) + b'"}'), {Fault.OVER_LIMIT}, frozenset({Ending.OVER_LIMIT})),
    "truncated stream": Bad(truncated, {Fault.STREAM_CUT}, frozenset({Ending.CUT_OFF})),
    "endless stream": Bad(endless, {Fault.OVER_LIMIT}, frozenset({Ending.OVER_LIMIT})),
    "endless records": Bad(endless_records, {Fault.DEADLINE_PASSED, Fault.OVER_LIMIT}, frozenset({Ending.CUT_OFF, Ending.OVER_LIMIT})),
    "wrong digest": Bad(wrong_digest, {Fault.WRONG_DIGEST}),
    "failure with content": Bad(fails, {Fault.STREAM_CUT, Fault.HOLDER_REFUSED}, frozenset({Ending.CUT_OFF, Ending.REFUSED})),
}


@pytest.mark.parametrize("bad", BAD_HOLDERS.values(), ids=BAD_HOLDERS)
def test_p3_what_a_holder_gets_wrong_ends_that_holder_in_a_fixed_code_and_touches_nobody_else(desk: Desk, bad: Bad) -> None:
    desk.unsound.script = bad.script

    dossier = asking.ask(desk.grpc_address, asking.request(BSN))
    line = dossier.holders[UNSOUND]
    merged = desk.everything()

    assert line.ending in bad.endings
    assert line.code in bad.codes
    assert CATALOGUE[Fault(line.code)].next_step
    assert (dossier.holders[SOUND].ending, [one.json for one in dossier.of(SOUND)]) == (Ending.ANSWERED, list(HONEST))
    assert dossier.conserves((SOUND, UNSOUND, LATER))
    assert merged.status_code == 200
    entries = json.loads(merged.content.decode())["entry"]
    assert {f"{SOUND}.1", f"{SOUND}.2"} <= {entry["resource"].get("id") for entry in entries}
    told = [issue["details"] for entry in entries if entry["search"]["mode"] == "outcome" for issue in entry["resource"]["issue"]]
    # Asked for twice, what goes on for ever may end at another of its bounds the second time.
    named = [(details["text"], {coding["code"] for coding in details["coding"]}) for details in told]
    ((text, code),) = [(text, code) for text, codes in named if UNSOUND in codes for code in bad.codes & codes]
    assert fault_words(Fault(code)).en in text
    desk.check_that_nothing_shows(merged.content, *(message.SerializeToString() for _, message in dossier.messages))


def test_p3_a_page_of_a_search_stands_though_a_holder_sends_what_cannot_be_read(desk: Desk) -> None:
    patient_id = desk.patient_id()
    for name in ("invalid UTF-8", "duplicate key", "nesting over the limit", "somebody else"):
        desk.unsound.script = BAD_HOLDERS[name].script

        page = desk.http.get(f"Condition?patient={patient_id}", headers=ENGLISH)

        matches = [entry["resource"]["id"] for entry in json.loads(page.content.decode())["entry"] if entry["search"]["mode"] == "match"]
        assert matches == [f"{SOUND}.1", f"{SOUND}.2"]
        desk.check_that_nothing_shows(page.content)


@pytest.mark.parametrize("name", ["invalid UTF-8", "duplicate key"])
def test_p9_a_record_that_its_holder_got_wrong_is_not_the_clients_mistake(desk: Desk, name: str) -> None:
    desk.unsound.script = BAD_HOLDERS[name].script

    answer = desk.http.get(f"Condition/{UNSOUND}.1", headers=ENGLISH)

    desk.check_that_nothing_shows(answer.content)
    assert answer.status_code == 502
