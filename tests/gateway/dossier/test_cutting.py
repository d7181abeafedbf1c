"""A part of a record: members cut out whole, nothing written again, and marked as a part."""

import json
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import BadInput
from accord.terms.records import RESOURCE_TYPES
from gateway.dossier.cutting import _ALWAYS, MANDATORY, elements_only, members, narrative_only, without_narrative

TAG = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
CRP = (
    b'{ "resourceType" : "Observation", "id":"crp",\n "text":{"status":"generated","div":"<div>}{</div>"}, "status":"final",\n'
    b' "_status":{"id":"s"}, "code":{"text":"CRP"}, "note":[{"text":"a \\" ] }"}], "valueQuantity":{ "value":37.50 } , "effectiveDateTime":"2026" }'
)


def test_named_and_mandatory_members_stay_as_they_were_written() -> None:
    part = elements_only(CRP, "Observation", {"value"})

    assert b'"valueQuantity":{ "value":37.50 }' in part
    assert list(json.loads(part)) == ["resourceType", "id", "status", "_status", "code", "valueQuantity", "meta"]
    assert json.loads(part)["meta"] == {"tag": [TAG]}


def test_a_choice_may_be_named_as_fhir_writes_it_and_other_names_are_not_caught() -> None:
    text = b'{"resourceType":"Basic","id":"1","value":1,"valueDateTime":"2026","valueSet":"x","values":3}'

    assert set(json.loads(elements_only(text, "Basic", {"value[x]"}))) == {"resourceType", "id", "meta", "value", "valueDateTime"}


@pytest.mark.parametrize(
    ("meta", "marked"),
    [
        ("{}", {"tag": [TAG]}),
        ('{ "versionId":"1" }', {"tag": [TAG], "versionId": "1"}),
        ('{"profile":["x"],"tag":[]}', {"profile": ["x"], "tag": [TAG]}),
        ('{"tag":[{"code":"a"}],"source":"tag"}', {"tag": [TAG, {"code": "a"}], "source": "tag"}),
    ],
)
def test_the_mark_is_spliced_into_the_meta_that_is_there(meta: str, marked: dict[str, Any]) -> None:
    part = without_narrative(f'{{"resourceType":"Basic","meta" : {meta},"id":"1","text":{{"div":"x"}}}}'.encode())

    assert json.loads(part) == {"resourceType": "Basic", "meta": marked, "id": "1"}


@pytest.mark.parametrize("text", [b"[]", b"{}", b'{"resourceType":"Basic","meta":3}', b'{"resourceType":"Basic","meta":{"tag":3}}'])
def test_what_cannot_be_marked_is_refused(text: bytes) -> None:
    with pytest.raises(BadInput):
        without_narrative(text)


def test_the_narrative_can_be_left_out_or_stand_alone() -> None:
    assert set(json.loads(without_narrative(CRP))) == {*json.loads(CRP), "meta"} - {"text"}
    assert set(json.loads(narrative_only(CRP, "Observation"))) == {"resourceType", "id", "text", "status", "_status", "code", "meta"}


def test_what_fhir_demands_is_what_its_models_demand() -> None:
    for kind in RESOURCE_TYPES:
        try:
            model = get_fhir_model_class(kind.name)
        except KeyError:
            continue
        demanded = set()
        for name, field in model.model_fields.items():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            if not name.endswith("__ext") and (field.is_required() or extra.get("element_required") or extra.get("one_of_many_required")):
                demanded.add(field.alias or name)
        assert demanded - _ALWAYS - {"resource_type"} == MANDATORY.get(kind.name, frozenset()), kind.name


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(['}"', "{", "]", "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=4), _VALUES, min_size=1), st.sampled_from([None, 2]), st.booleans())
def test_every_member_is_found_to_the_byte(content: dict[str, Any], indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    found = list(members(text))

    assert [name for name, _, _ in found] == list(content)
    for name, start, end in found:
        assert json.loads(b"{" + text[start:end] + b"}") == {name: content[name]}
