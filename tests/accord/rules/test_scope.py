"""Does it fall inside what was asked? Each condition in words, and all together against a naive search of the JSON."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.rules.moments import falls_within, interval
from accord.rules.reading import category_of, read_record
from accord.rules.scope import falls_inside
from accord.terms.queries import DateBound, Selection, Token
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory

LOINC, SCT = "http://loinc.org", "http://snomed.info/sct"


def coded(system: str, code: str, text: str = "") -> dict[str, Any]:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


GLUCOSE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "g1",
    "meta": {"lastUpdated": "2026-03-02T10:00:00+01:00"},
    "status": "final",
    "identifier": [{"system": "urn:lab", "value": "A-1"}, {"value": "loose"}],
    "category": [coded("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")],
    "code": {"coding": [{"system": LOINC, "code": "2345-7"}, {"system": "urn:local", "code": "GLU"}], "text": "glucose"},
    "effectiveDateTime": "2026-03-01",
}
ALLERGY: dict[str, Any] = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "category": ["medication", "food"],
    "clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active"),
    "verificationStatus": coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed"),
    "code": {"text": "penicilline"},
    "onsetDateTime": "2019",
}


def is_inside(selection: Selection, content: dict[str, Any]) -> bool:
    """Whether this content falls inside."""
    record = read_record(json.dumps(content).encode())
    kind = TYPE_BY_NAME[record.resourceType]
    return falls_inside(selection, record, kind, category_of(record, kind))


@pytest.mark.parametrize(
    ("selection", "glucose", "allergy"),
    [
        (Selection(), True, True),
        (Selection(types=frozenset({"Observation"})), True, False),
        (Selection(types=frozenset({"Observation", "AllergyIntolerance"})), True, True),
        (Selection(types=frozenset({"observation"})), False, False),
        (Selection(categories=frozenset({CareCategory.OBSERVATION_LABORATORY})), True, False),
        (Selection(categories=frozenset({CareCategory.OBSERVATION_EXAM})), False, False),
        (Selection(types=frozenset({"Observation"}), categories=frozenset({CareCategory.ALLERGY_INTOLERANCE})), False, False),
        (Selection(codes=(Token(LOINC, "2345-7"),)), True, False),
        (Selection(codes=(Token("", "GLU"),)), True, False),
        (Selection(codes=(Token(LOINC, ""),)), True, False),
        (Selection(codes=(Token(LOINC, "GLU"),)), False, False),
        (Selection(codes=(Token(SCT, "2345-7"),)), False, False),
        (Selection(codes=(Token("", "2345-7 "),)), False, False),
        (Selection(codes=(Token("", "glucose"),)), True, False),
        (Selection(codes=(Token(LOINC, "glucose"),)), False, False),
        (Selection(codes=(Token("", "nothing"), Token("", "penicilline"))), False, True),
        (Selection(category_tokens=(Token("", "laboratory"),)), True, False),
        (Selection(category_tokens=(Token(SCT, "laboratory"),)), False, False),
        (Selection(category_tokens=(Token("", "food"),)), False, True),
        (Selection(category_tokens=(Token(SCT, "food"),)), False, False),
        (Selection(statuses=("final", "amended")), True, False),
        (Selection(statuses=("active",)), False, True),
        (Selection(statuses=("confirmed",)), False, True),
        (Selection(statuses=("Final",)), False, False),
        (Selection(identifiers=(Token("urn:lab", "A-1"),)), True, False),
        (Selection(identifiers=(Token("urn:lab", ""),)), True, False),
        (Selection(identifiers=(Token("", "loose"),)), True, False),
        (Selection(identifiers=(Token("urn:lab", "loose"),)), False, False),
        (Selection(ids=("x", "a1")), False, True),
        (Selection(ids=("G1",)), False, False),
        (Selection(dates=(DateBound("ge", "2026"),)), True, False),
        (Selection(dates=(DateBound("lt", "2020"),)), False, True),
        (Selection(dates=(DateBound("eq", "2019-06"),)), False, False),
        (Selection(dates=(DateBound("ge", "2019"), DateBound("le", "2026-03-01"))), True, True),
        (Selection(updated=(DateBound("gt", "2026-03-01"),)), True, False),
        (Selection(updated=(DateBound("le", "2026-03-02T09:00:00Z"),)), True, False),
        (Selection(updated=(DateBound("sa", "2026-03-02"),)), False, False),
        (Selection(codes=(Token("", "GLU"),), statuses=("final",), ids=("g1",)), True, False),
        (Selection(codes=(Token("", "GLU"),), statuses=("final",), ids=("g2",)), False, False),
    ],
)
def test_a_record_falls_inside_when_it_meets_every_condition(selection: Selection, glucose: bool, allergy: bool) -> None:  # noqa: FBT001 - a table
    assert (is_inside(selection, GLUCOSE), is_inside(selection, ALLERGY)) == (glucose, allergy)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"resourceType": "MedicationRequest", "medicationCodeableConcept": coded(SCT, "1")}, "1"),
        ({"resourceType": "Immunization", "vaccineCode": coded(SCT, "1")}, "1"),
        ({"resourceType": "Goal", "description": coded(SCT, "1")}, "1"),
        ({"resourceType": "Communication", "reasonCode": [coded(SCT, "713603004")]}, "713603004"),
        ({"resourceType": "AdverseEvent", "event": coded(SCT, "1")}, "1"),
        ({"resourceType": "Provenance", "activity": coded(SCT, "1")}, "1"),
        ({"resourceType": "SupplyRequest", "itemCodeableConcept": coded(SCT, "1")}, "1"),
        ({"resourceType": "ImagingStudy", "procedureCode": [coded(SCT, "1")]}, "1"),
        ({"resourceType": "BodyStructure", "morphology": coded(SCT, "1")}, "1"),
        ({"resourceType": "Encounter", "type": [coded(SCT, "0"), coded(SCT, "1")]}, "1"),
        ({"resourceType": "MolecularSequence", "type": "dna"}, "dna"),
        ({"resourceType": "CoverageEligibilityRequest", "purpose": ["benefits", "discovery"]}, "discovery"),
    ],
)
def test_the_code_is_looked_for_where_the_type_keeps_it(content: dict[str, Any], code: str) -> None:
    assert is_inside(Selection(codes=(Token("", code),)), content)
    assert not is_inside(Selection(codes=(Token("", code + "0"),)), content)
    assert not is_inside(Selection(codes=(Token("urn:other", code),)), content)


@pytest.mark.parametrize(
    "content",
    [
        {"resourceType": "Account", "servicePeriod": {"start": "2026-03-01"}},
        {"resourceType": "AdverseEvent", "detected": "2026-03-01"},
        {"resourceType": "ChargeItem", "enteredDate": "2026-03-01"},
        {"resourceType": "DetectedIssue", "identifiedDateTime": "2026-03-01"},
        {"resourceType": "DetectedIssue", "identifiedPeriod": {"start": "2026-03-01", "end": "2026-03-02"}},
        {"resourceType": "Media", "createdPeriod": {"end": "2026-03-01"}},
        {"resourceType": "Provenance", "occurredDateTime": "2026-03-01"},
        {"resourceType": "Provenance", "occurredPeriod": {"start": "2026-03-01"}},
        {"resourceType": "Encounter", "period": {"start": "2026-03-01", "end": "9999-12-31"}},
        {"resourceType": "Condition", "onsetDateTime": "0001-01-01T00:00:00", "recordedDate": "2026-03-01"},
    ],
)
def test_every_kind_of_moment_is_found(content: dict[str, Any]) -> None:
    assert is_inside(Selection(dates=(DateBound("ge", "0001"),)), content)
    assert not is_inside(Selection(dates=(DateBound("eb", "0001"),)), content) or "onsetDateTime" in content


@pytest.mark.parametrize(
    "content", [{**GLUCOSE, "effectiveDateTime": "gisteren"}, {key: value for key, value in GLUCOSE.items() if key != "effectiveDateTime"}]
)
def test_a_record_without_a_moment_is_outside_every_period(content: dict[str, Any]) -> None:
    assert is_inside(Selection(), content)
    assert not any(is_inside(Selection(dates=(DateBound(prefix, "2026"),)), content) for prefix in ("eq", "ge", "le", "gt", "lt", "sa", "eb"))
    assert not is_inside(Selection(updated=(DateBound("ge", "2000"),)), {**content, "meta": {"lastUpdated": "vandaag"}})
    assert not is_inside(Selection(updated=(DateBound("ge", "2000"),)), {**content, "meta": {}})


# -- All together

_code = st.sampled_from(["a", "b", "c"])
_system = st.sampled_from(["", "urn:1", "urn:2"])
_coding = st.fixed_dictionaries({}, optional={"system": _system.filter(bool), "code": _code})
_concept = st.fixed_dictionaries({}, optional={"coding": st.lists(_coding, max_size=2), "text": _code})
_token = st.builds(Token, _system, st.sampled_from(["", "a", "b", "c"]))
_date = st.sampled_from(["2024", "2025-06", "2025-06-10", "2025-06-10T10:00:00Z", "2026"])
_bound = st.builds(DateBound, st.sampled_from(["eq", "ge", "gt", "le", "lt", "sa", "eb"]), _date)
_content = st.fixed_dictionaries(
    {"resourceType": st.just("Condition")},
    optional={
        "id": _code,
        "meta": st.fixed_dictionaries({}, optional={"lastUpdated": _date}),
        "identifier": st.lists(st.fixed_dictionaries({}, optional={"system": _system.filter(bool), "value": _code}), max_size=2),
        "clinicalStatus": _concept,
        "verificationStatus": _concept,
        "category": st.lists(_concept, max_size=2),
        "code": _concept,
        "onsetDateTime": _date,
        "onsetPeriod": st.fixed_dictionaries({}, optional={"start": _date, "end": _date}),
        "recordedDate": _date,
    },
)
_selection = st.builds(
    Selection,
    types=st.sampled_from([frozenset(), frozenset({"Condition"}), frozenset({"Observation"})]),
    categories=st.sampled_from([frozenset(), frozenset({CareCategory.CONDITION, CareCategory.ALERT}), frozenset({CareCategory.ALERT})]),
    codes=st.lists(_token, max_size=2).map(tuple),
    category_tokens=st.lists(_token, max_size=2).map(tuple),
    statuses=st.lists(_code, max_size=2).map(tuple),
    identifiers=st.lists(_token, max_size=2).map(tuple),
    ids=st.lists(_code, max_size=2).map(tuple),
    dates=st.lists(_bound, max_size=2).map(tuple),
    updated=st.lists(_bound, max_size=1).map(tuple),
)


def naive(selection: Selection, content: dict[str, Any]) -> bool:
    """The same question, put to the JSON itself, one condition after the other."""

    def meets(tokens: tuple[Token, ...], pairs: list[tuple[str, str]], texts: list[str] | None = None) -> bool:
        for token in tokens:
            if any((not token.system or token.system == system) and (not token.code or token.code == code) for system, code in pairs):
                return True
            if not token.system and token.code and token.code in (texts or []):
                return True
        return not tokens

    def concepts(name: str) -> list[dict[str, Any]]:
        value = content.get(name, [])
        return value if isinstance(value, list) else [value]

    def pairs(name: str) -> list[tuple[str, str]]:
        return [(c.get("system", ""), c.get("code", "")) for concept in concepts(name) for c in concept.get("coding", [])]

    def span() -> tuple[int, int] | None:
        if "onsetDateTime" in content:
            return interval(content["onsetDateTime"])
        period = content.get("onsetPeriod", {})
        if period:
            return (interval(period["start"])[0] if "start" in period else -(10**18), interval(period["end"])[1] if "end" in period else 10**18)
        return interval(content["recordedDate"]) if "recordedDate" in content else None

    moment, updated = span(), content.get("meta", {}).get("lastUpdated")
    return all(
        [
            not selection.types or "Condition" in selection.types,
            not selection.categories or CareCategory.CONDITION in selection.categories,
            meets(selection.codes, pairs("code"), [c["text"] for c in concepts("code") if "text" in c]),
            meets(selection.category_tokens, pairs("category"), [c["text"] for c in concepts("category") if "text" in c]),
            not selection.statuses or any(code in selection.statuses for _, code in pairs("clinicalStatus") + pairs("verificationStatus")),
            meets(selection.identifiers, [(i.get("system", ""), i.get("value", "")) for i in content.get("identifier", [])]),
            not selection.ids or content.get("id") in selection.ids,
            not selection.dates or (moment is not None and falls_within(*moment, selection.dates)),
            not selection.updated or (updated is not None and falls_within(*interval(updated), selection.updated)),
        ]
    )


@settings(max_examples=250)
@given(_selection, _content)
def test_the_scope_is_what_a_naive_search_finds(selection: Selection, content: dict[str, Any]) -> None:
    assert is_inside(selection, content) == naive(selection, content)


@given(_selection, _content)
def test_one_condition_less_never_shows_less(selection: Selection, content: dict[str, Any]) -> None:
    wider = Selection(**{name: getattr(selection, name) for name in ("types", "categories", "codes", "ids", "dates")})

    assert not is_inside(selection, content) or is_inside(wider, content)
