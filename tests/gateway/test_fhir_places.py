"""What a FHIR client may send to `$find-places`: read, or refused with a fixed code; whatever it is."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.capacity import CareKind
from accord.terms.faults import BadInput, Fault
from gateway.api.fhir_places import read_parameters

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
_NAMES = st.sampled_from(["name", "kind", "since", "amount", "within-km", "condition", "valueCode", "valueInteger", "valueDate", "resourceType"])
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3), max_leaves=8)
_PARAMETERS = st.lists(st.dictionaries(_NAMES, _VALUES | _NAMES, max_size=3) | _VALUES, max_size=4)


def asked(*parameters: Any) -> bytes:
    return msgspec.json.encode({"resourceType": "Parameters", "parameter": parameters})


SINCE = {"name": "since", "valueDate": "2026-11-26"}


def test_a_need_and_wishes_are_read() -> None:
    kind = {"name": "kind", "valueCode": CareKind.NURSING_HOME.value}
    near = ({"name": "near", "valueString": "7591"}, {"name": "within-km", "valueDecimal": 12.5}, {"name": "amount", "valueInteger": 2})
    need, wishes = read_parameters(asked(kind, SINCE, *near))

    assert (need.kind, need.since, need.amount) == (CareKind.NURSING_HOME, date(2026, 11, 26), 2)
    assert (wishes.near, wishes.within_km) == ("7591", 12.5)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"{", Fault.MALFORMED_JSON),
        (b"[]", Fault.NOT_A_RESOURCE),
        (b'{"resourceType":"Patient"}', Fault.NOT_A_RESOURCE),
        (asked({"name": "bsn", "valueString": "999"}), Fault.UNKNOWN_PARAMETER),
        (asked(SINCE, SINCE), Fault.INVALID_PARAMETER),
        (asked({"name": "amount", "valueBoolean": True}), Fault.INVALID_PARAMETER),
    ],
)
def test_p7_what_is_no_question_is_refused_with_a_code(body: bytes, fault: Fault) -> None:
    with pytest.raises(BadInput) as refused:
        read_parameters(body)

    assert refused.value.fault is fault


@given(_PARAMETERS | _VALUES)
def test_p7_nothing_that_is_sent_raises_anything_but_a_refusal(parameters: Any) -> None:
    with pytest.raises(BadInput):
        read_parameters(json.dumps({"resourceType": "Parameters", "parameter": parameters}).encode())
