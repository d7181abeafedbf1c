"""The hints that are made for a whole answer are those that are made for a record by itself."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from accord.rules.reading import Hints, content_hint, identifier_hint, read_record, time_ms
from accord.terms.records import TYPE_BY_NAME

_WORDS = some.text(max_size=4)
_CODING = some.fixed_dictionaries({}, optional={"system": _WORDS, "code": _WORDS, "display": _WORDS})
_CONCEPT = some.fixed_dictionaries({}, optional={"coding": some.lists(_CODING, max_size=3), "text": _WORDS}) | _WORDS | some.none()
_IDENTIFIER = some.fixed_dictionaries({}, optional={"system": _WORDS, "value": _WORDS})
_RECORDS = some.fixed_dictionaries(
    {"resourceType": some.sampled_from(["Observation", "Condition", "Immunization", "Consent", "Bundle"]), "id": some.just("1")},
    optional={
        "status": _WORDS,
        "identifier": _IDENTIFIER | some.lists(_IDENTIFIER, max_size=3),
        "code": _CONCEPT,
        "vaccineCode": _CONCEPT,
        "scope": _CONCEPT,
        "effectiveDateTime": some.sampled_from(["2020", "2020-02-30", "x"]),
        "valueQuantity": some.fixed_dictionaries({"value": some.floats(allow_nan=False, allow_infinity=False)}) | _WORDS,
        "valueString": _WORDS,
    },
)


@given(some.lists(_RECORDS, max_size=10))
def test_a_record_has_the_same_hints_whatever_came_before_it(contents: list[dict[str, Any]]) -> None:
    hints = Hints()
    for content in [*contents, *contents]:
        record = read_record(json.dumps(content).encode())
        kind = TYPE_BY_NAME.get(record.resourceType, TYPE_BY_NAME["Observation"])
        assert hints.of(record, kind) == (time_ms(record, kind), identifier_hint(record), content_hint(record, kind))


def test_p7_no_more_codes_are_remembered_than_agreed_and_no_long_ones() -> None:
    hints = Hints()
    kind = TYPE_BY_NAME["Observation"]
    for number in range(3_000):
        coding = {"code": str(number), "display": "x" * (5_000 if number < 10 else 1)}
        hints.of(read_record(json.dumps({"resourceType": "Observation", "code": {"coding": [coding]}}).encode()), kind)

    assert len(hints._packed) <= 1_024
    assert max(map(len, hints._packed)) <= 2_048
