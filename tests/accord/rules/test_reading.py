"""What a record says about itself: never more than a code when it cannot be read, and hints that tell statements apart."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.rules import reading
from accord.rules.reading import Record, bsns_of, category_of, check_record, content_hint, identifier_hint, moment_interval, read_record, references, time_ms
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_OID, BSN_SYSTEM
from accord.terms.queries import NO_TIME
from accord.terms.records import OBSERVATION_CATEGORIES, RESOURCE_TYPES, TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory
from testbed.people import TWINS, Known, Region, generate

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
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["coding", "system", "code", "value", "text", "start", "end", "reference"]), inner, max_size=3),
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
def test_a_category_follows_from_the_type(kind: reading.ResourceType) -> None:
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
    for category in ([], {}, "laboratory", None, 7, [None], [["x"]]):
        assert category_of(read(category=category), kind) is kind.category


def test_an_advance_directive_is_told_from_another_consent() -> None:
    kind = TYPE_BY_NAME["Consent"]
    for code in ("acd", "11341000146107"):
        assert category_of(read(category=[concept(("urn:any", code))]), kind) is CareCategory.ADVANCE_DIRECTIVE
    assert category_of(read(category=[concept(("http://snomed.info/sct", "11291000146105"))]), kind) is CareCategory.CONSENT
    assert category_of(read(), kind) is CareCategory.CONSENT


# -- Moments and other answers


def test_the_first_moment_that_is_there_counts() -> None:
    condition = TYPE_BY_NAME["Condition"]

    assert time_ms(read(onsetDateTime="2024", recordedDate="2025"), condition) == reading.interval("2024")[0]
    assert time_ms(read(recordedDate="2025"), condition) == reading.interval("2025")[0]
    assert time_ms(read(onsetPeriod={"end": "2024"}), condition) == reading.interval("2024")[0]
    assert time_ms(read(onsetPeriod={}, recordedDate="2025"), condition) == reading.interval("2025")[0]
    assert time_ms(read(), condition) == NO_TIME
    assert time_ms(read(recordedDate="gisteren"), condition) == NO_TIME


def test_an_open_period_runs_to_the_far_past_or_future() -> None:
    kind = TYPE_BY_NAME["Encounter"]

    begin, end = reading.interval("2024")
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
    found = bsns_of(read(identifier=[{"system": BSN_SYSTEM, "value": "1"}, {"system": BSN_OID, "value": "2"}, {"system": "urn:x", "value": "3"}, {"system": BSN_SYSTEM}]))

    assert found == {"1", "2"}
    assert bsns_of(read(identifier={"system": BSN_OID, "value": "2"})) == {"2"}


def test_references_are_found_everywhere_and_are_not_made_up() -> None:
    text = rb'{"a":{"reference":"A/1"},"b":[{"reference" : "B\/2"}],"c":"\"reference\":\"C/3\"","d":{"reference":"D\"4"}}'

    assert list(references(text)) == [b"A/1", rb"B\/2", rb"D\"4"]


# -- Hints

STATEMENT: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "1",
    "status": "final",
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}, {"system": "urn:l", "code": "G"}]},
    "effectiveDateTime": "2026-03-01",
    "valueQuantity": {"value": 5.40, "unit": "mmol/L"},
}


def hints(text: bytes) -> tuple[int, int]:
    """Both hints of a record."""
    record = read_record(text)
    return content_hint(record, TYPE_BY_NAME[record.resourceType]), identifier_hint(record)


@given(st.permutations(list(STATEMENT)), st.permutations(["value", "unit"]), st.sampled_from([None, 0, 1, "\t"]), st.sampled_from([(",", ":"), (" , ", " :\n")]), st.booleans())
def test_the_same_statement_has_the_same_hints_however_it_is_written(
    keys: list[str], inner: list[str], indent: int | str | None, separators: tuple[str, str], turned: bool  # noqa: FBT001 - drawn
) -> None:
    content = {key: STATEMENT[key] for key in keys}
    content["valueQuantity"] = {key: STATEMENT["valueQuantity"][key] for key in inner}
    content["id"] = "of-another-holder"
    content["meta"] = {"versionId": "9"}
    if turned:
        content["identifier"] = content["identifier"][::-1]
        content["code"] = {"coding": content["code"]["coding"][::-1], "text": "glucose"}

    assert hints(json.dumps(content, indent=indent, separators=separators).encode()) == hints(json.dumps(STATEMENT).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"status": "preliminary"}, {"effectiveDateTime": "2026-03-02"}, {"effectiveDateTime": "2026-03"}, {"valueQuantity": {"value": 5.5}}, {"valueString": "x"},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "2345-8"}]}}, {"identifier": []}, {"resourceType": "DiagnosticReport"},
    ],
)  # fmt: skip
def test_another_statement_has_another_hint(change: dict[str, object]) -> None:
    assert hints(json.dumps({**STATEMENT, **change}).encode())[0] != hints(json.dumps(STATEMENT).encode())[0]


def test_p13_a_half_and_a_half_to_two_places_are_two_statements() -> None:
    one, two = (json.dumps(STATEMENT).replace("5.4", number).encode() for number in ("37.5", "37.50"))

    assert hints(one)[0] != hints(two)[0]
    assert hints(one)[1] == hints(two)[1]


def test_no_identifier_is_hinted_by_zero() -> None:
    assert identifier_hint(read()) == identifier_hint(read(identifier=[])) == identifier_hint(read(identifier=[{"system": "urn:a"}])) == 0
    assert identifier_hint(read(identifier=[{"value": "1"}])) != 0


def test_parts_cannot_be_shifted_from_one_member_to_the_next() -> None:
    pairs = [[{"system": "a", "value": "bc"}], [{"system": "ab", "value": "c"}], [{"system": "a", "value": "b"}, {"value": "c"}], [{"system": "a', 'b", "value": "c"}]]

    assert len({identifier_hint(read(identifier=pair)) for pair in pairs}) == len(pairs)


@pytest.fixture(scope="module")
def region() -> Region:
    """Nobody but the people whose stories are told."""
    return generate(people=0)


def _twin_records(region: Region, known: Known) -> list[bytes]:
    """The one record at each holder in which the twins may differ: same type and, but for order numbers, same identifier."""
    found = []
    for holder in known.where:
        records = [json.loads(text) for text in region.records_at(holder)]
        mine = {f"Patient/{r['id']}" for r in records if r["resourceType"] == "Patient" and any(i.get("value") == known.bsn for i in r["identifier"])}
        found += [
            text
            for text, record in zip(region.records_at(holder), records, strict=True)
            if record["resourceType"] in ("Observation", "MedicationRequest") and (record.get("subject") or {}).get("reference") in mine
        ]
    return found


@pytest.mark.parametrize(("name", "same_content"), [("decimals", False), ("status", False), ("order-number", False), ("medication", True), ("identical", True)])
def test_twins_are_told_apart_by_their_columns(region: Region, name: str, same_content: bool) -> None:  # noqa: FBT001 - a table
    one, two = _twin_records(region, TWINS[name])

    # The product of the agreement is in another record: only the bytes tell the two agreements apart.
    assert (hints(one)[0] == hints(two)[0]) == same_content
    assert (hints(one)[1] == hints(two)[1]) == (name != "order-number")


@pytest.mark.slow
def test_real_records_are_read_and_statements_that_differ_are_rarely_hinted_alike(shared_data: Path) -> None:
    texts = [path.read_bytes() for path in sorted((shared_data / "dutch" / "zib2020-r4").rglob("*.json"))]
    faults = {everything_read_of(text) for text in texts}
    assert faults <= {None, Fault.UNKNOWN_TYPE, Fault.MISSING_ID}

    readable = [text for text in texts if everything_read_of(text) is None]
    assert len(readable) > 200
    assert len({hints(text) for text in readable}) > 0.7 * len(readable)
