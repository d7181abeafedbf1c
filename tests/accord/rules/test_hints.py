"""Hints: the same statement has the same ones however it is written, and statements that differ have others."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.reading import Record, content_hint, identifier_hint, read_record
from accord.terms.records import TYPE_BY_NAME
from testbed.people import TWINS, Known, Region, generate

STATEMENT: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "1",
    "status": "final",
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}, {"system": "urn:l", "code": "G"}]},
    "effectiveDateTime": "2026-03-01",
    "valueQuantity": {"value": 5.40, "unit": "mmol/L"},
}


def identified_by(identifier: object) -> Record:
    """A record with these business identifiers."""
    return read_record(json.dumps({"resourceType": "Observation", "id": "1", "identifier": identifier}).encode())


def hints(text: bytes) -> tuple[int, int]:
    """Both hints of a record."""
    record = read_record(text)
    return content_hint(record, TYPE_BY_NAME[record.resourceType]), identifier_hint(record)


@given(
    st.permutations(list(STATEMENT)),
    st.permutations(["value", "unit"]),
    st.sampled_from([None, 0, 1, "\t"]),
    st.sampled_from([(",", ":"), (" , ", " :\n")]),
    st.booleans(),
)
def test_the_same_statement_has_the_same_hints_however_it_is_written(
    keys: list[str],
    inner: list[str],
    indent: int | str | None,
    separators: tuple[str, str],
    turned: bool,  # noqa: FBT001 - drawn
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
    assert identifier_hint(identified_by([])) == identifier_hint(identified_by([{"system": "urn:a"}])) == 0
    assert identifier_hint(identified_by([{"value": "1"}])) != 0


def test_parts_cannot_be_shifted_from_one_member_to_the_next() -> None:
    pairs = [
        [{"system": "a", "value": "bc"}],
        [{"system": "ab", "value": "c"}],
        [{"system": "a", "value": "b"}, {"value": "c"}],
        [{"system": "a', 'b", "value": "c"}],
    ]

    assert len({identifier_hint(identified_by(pair)) for pair in pairs}) == len(pairs)


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
def test_most_real_statements_have_hints_of_their_own(shared_data: Path) -> None:
    texts = [path.read_bytes() for path in sorted((shared_data / "dutch" / "zib2020-r4").rglob("*.json"))]
    readable = [text for text in texts if read_record(text).kind is not None]

    assert len(readable) > 200
    assert len({hints(text) for text in readable}) > 0.7 * len(readable)
