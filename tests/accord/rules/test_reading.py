"""What a record says about itself, and never more than a code when it cannot be read."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.rules import reading
from accord.rules.moments import interval
from accord.rules.reading import Record, bsns_of, category_of, check_record, content_hint, identifier_hint, moment_interval, read_record, references, time_ms
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_OID, BSN_SYSTEM
from accord.terms.queries import NO_TIME
from accord.terms.records import OBSERVATION_CATEGORIES, RESOURCE_TYPES, TYPE_BY_NAME, ResourceType
from accord.terms.vocabulary import CareCategory

LABORATORY, SURVEY = ("http://snomed.info/sct", "275711006"), ("http://snomed.info/sct", "384821006")


def read(**members: object) -> Record:
    """A record with these members."""
    return read_record(json.dumps({"resourceType": "Observation", "id": "1", **members}).encode())


def everything_read_of(text: bytes) -> Fault | None:
    """Ask a record all that decisions, columns and search ask. The fault that it is refused with, if it is."""
    try:
        record = read_record(text)
        kind = check_record(record)
    except BadInput as refused:
        return refused.fault
    category_of(record, kind)
    moment_interval(record, kind)
    for hint in (content_hint(record, kind), identifier_hint(record)):
        struct.pack("<Q", hint)
    struct.pack("<q", time_ms(record, kind))
    bsns_of(record)
    list(references(text))
    for raw in (record.category, record.code, record.subject):
        list(reading.codings(raw))
        reading.plain_codes(raw)
    assert isinstance(record.entered_in_error, bool)
    return None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", Fault.MALFORMED_JSON),
        (b"{", Fault.MALFORMED_JSON),
        (b'{"resourceType":"Observation"', Fault.MALFORMED_JSON),
        (b'{"resourceType":"Observation","id":"1","x":NaN}', Fault.MALFORMED_JSON),
        (b'{"resourceType":"Observation","id":"\\ud800"}', Fault.MALFORMED_JSON),
        (b'{"resourceType":"Observation","id":"\xff"}', Fault.MALFORMED_JSON),
        (b"\xef\xbb\xbf{}", Fault.MALFORMED_JSON),
        (b"[" * 100_000, Fault.NOT_A_RESOURCE),
        (b'{"x":' + b"[" * 100_000, Fault.MALFORMED_JSON),
        (b"[]", Fault.NOT_A_RESOURCE),
        (b"null", Fault.NOT_A_RESOURCE),
        (b"{}", Fault.NOT_A_RESOURCE),
        (b'{"resourceType":7}', Fault.NOT_A_RESOURCE),
        (b'{"resourceType":"Observation","id":7}', Fault.NOT_A_RESOURCE),
        (b'{"resourceType":"Observation","id":"1","status":{}}', Fault.NOT_A_RESOURCE),
        (b'{"resourceType":"Onzin","id":"1"}', Fault.UNKNOWN_TYPE),
        (b'{"resourceType":"observation","id":"1"}', Fault.UNKNOWN_TYPE),
        (b'{"resourceType":"Bundle","id":"1"}', Fault.UNKNOWN_TYPE),
        (b'{"resourceType":"Observation"}', Fault.MISSING_ID),
        (b'{"resourceType":"Observation","id":""}', Fault.MISSING_ID),
        (b'{"resourceType":"Observation","id":"a/b"}', Fault.INVALID_ID),
        (b'{"resourceType":"Observation","id":"1\\n"}', Fault.INVALID_ID),
    ],
)
def test_a_record_that_cannot_travel_is_refused_with_a_reason(text: bytes, fault: Fault) -> None:
    assert everything_read_of(text) is fault


_text = st.text(max_size=5) | st.sampled_from(["2024-03-31T02:30", "0001-01-01", "9999-12-31", BSN_SYSTEM, "acd", "entered-in-error", "1", "-"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["coding", "system", "code", "value", "text", "start", "end", "reference"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_members = st.sampled_from([name.rstrip("_") for name in Record.__struct_fields__ if name not in ("resourceType", "id")])


@settings(max_examples=200)
@given(st.sampled_from([kind.name for kind in RESOURCE_TYPES]), st.dictionaries(_members, _json, max_size=4))
def test_whatever_its_members_a_record_is_read_or_refused(name: str, members: dict[str, object]) -> None:
    fault = everything_read_of(json.dumps({"resourceType": name, "id": "1", **members}).encode())

    assert fault in (None, Fault.NOT_A_RESOURCE)


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda tail: b'{"resourceType":"Observation","id":"1",' + tail + b"}"))
def test_whatever_the_bytes_nothing_but_a_code_comes_out(text: bytes) -> None:
    everything_read_of(text)


@pytest.mark.parametrize("depth", [60, 300, 900, 990, 1_000, 5_000])
def test_a_deep_element_is_read_or_refused_and_climbs_nowhere(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    for name in (b"category", b"code", b"valueQuantity", b"note"):
        fault = everything_read_of(b'{"resourceType":"Observation","id":"1","' + name + b'":' + deep + b"}")
        assert fault in (None, Fault.MALFORMED_JSON, Fault.NOT_A_RESOURCE)


# -- Category


def concept(*codings: tuple[str, str]) -> dict[str, object]:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code} for system, code in codings]}


@pytest.mark.parametrize("kind", RESOURCE_TYPES, ids=lambda kind: kind.name)
def test_a_category_follows_from_the_type(kind: ResourceType) -> None:
    assert category_of(read(resourceType=kind.name), kind) is kind.category


@pytest.mark.parametrize("coding", OBSERVATION_CATEGORIES)
def test_an_observation_says_its_own_category(coding: tuple[str, str]) -> None:
    kind = TYPE_BY_NAME["Observation"]

    for category in ([concept(coding)], concept(coding), [concept(("urn:x", "y"), coding)], [concept(("urn:x", "y")), concept(coding)]):
        assert category_of(read(category=category), kind) is OBSERVATION_CATEGORIES[coding]
    # The same code of another system is another code.
    assert category_of(read(category=[concept(("urn:x", coding[1]))]), kind) is kind.category


def test_an_observation_with_several_categories_counts_as_the_first_of_the_fixed_order() -> None:
    kind = TYPE_BY_NAME["Observation"]

    for category in ([concept(SURVEY), concept(LABORATORY)], [concept(LABORATORY), concept(SURVEY)], [concept(SURVEY, LABORATORY)]):
        assert category_of(read(category=category), kind) is CareCategory.OBSERVATION_LABORATORY
    unreadable: list[object] = [[], {}, "laboratory", None, 7, [None], [["x"]]]
    for nothing in unreadable:
        assert category_of(read(category=nothing), kind) is kind.category


def test_an_advance_directive_is_told_from_another_consent() -> None:
    kind = TYPE_BY_NAME["Consent"]
    for code in ("acd", "11341000146107"):
        assert category_of(read(category=[concept(("urn:any", code))]), kind) is CareCategory.ADVANCE_DIRECTIVE
    assert category_of(read(category=[concept(("http://snomed.info/sct", "11291000146105"))]), kind) is CareCategory.CONSENT
    assert category_of(read(), kind) is CareCategory.CONSENT


# -- Moments and other answers


def test_the_first_moment_that_is_there_counts() -> None:
    condition = TYPE_BY_NAME["Condition"]

    assert time_ms(read(onsetDateTime="2024", recordedDate="2025"), condition) == interval("2024")[0]
    assert time_ms(read(recordedDate="2025"), condition) == interval("2025")[0]
    assert time_ms(read(onsetPeriod={"end": "2024"}), condition) == interval("2024")[0]
    assert time_ms(read(onsetPeriod={}, recordedDate="2025"), condition) == interval("2025")[0]
    assert time_ms(read(), condition) == NO_TIME
    assert time_ms(read(recordedDate="gisteren"), condition) == NO_TIME


def test_an_open_period_runs_to_the_far_past_or_future() -> None:
    kind = TYPE_BY_NAME["Encounter"]

    begin, end = interval("2024")
    assert moment_interval(read(period={"start": "2024"}), kind) == (begin, 2**62)
    assert moment_interval(read(period={"end": "2024"}), kind) == (-(2**62), end)
    assert moment_interval(read(period={"start": "2024", "end": "eens"}), kind) is None


def test_entered_in_error_is_heard_in_every_place_where_it_is_said() -> None:
    assert read(status="entered-in-error").entered_in_error
    assert read(verificationStatus=concept(("urn:x", "entered-in-error"))).entered_in_error
    assert read(verificationStatus="entered-in-error").entered_in_error
    assert not read(status="final", verificationStatus=concept(("urn:x", "confirmed"))).entered_in_error
    assert not read().entered_in_error


def test_bsns_are_those_under_a_bsn_system_and_a_masked_one_is_none() -> None:
    found = bsns_of(
        read(identifier=[{"system": BSN_SYSTEM, "value": "1"}, {"system": BSN_OID, "value": "2"}, {"system": "urn:x", "value": "3"}, {"system": BSN_SYSTEM}])
    )

    assert found == {"1", "2"}
    assert bsns_of(read(identifier={"system": BSN_OID, "value": "2"})) == {"2"}


def test_references_are_found_everywhere_and_are_not_made_up() -> None:
    text = rb'{"a":{"reference":"A/1"},"b":[{"reference" : "B\/2"}],"c":"\"reference\":\"C/3\"","d":{"reference":"D\"4"}}'

    assert list(references(text)) == [b"A/1", rb"B\/2", rb"D\"4"]


@pytest.mark.slow
def test_real_records_are_read(shared_data: Path) -> None:
    texts = [path.read_bytes() for path in sorted((shared_data / "dutch" / "zib2020-r4").rglob("*.json"))]
    faults = {everything_read_of(text) for text in texts}
    assert faults <= {None, Fault.UNKNOWN_TYPE, Fault.MISSING_ID}
    assert len(texts) > 200
