"""Is it about this person and nobody else? Every spelling of a reference, every place for a number (promise P4)."""

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.rules.identity import check_about, owner_reference
from accord.rules.reading import read_record
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_OID, BSN_SYSTEM, Bsn
from accord.terms.records import RESOURCE_TYPES, TYPE_BY_NAME, ResourceType

ME, OTHER = Bsn("999970008"), "999970045"
BASE = "https://ehr.example/fhir"
OWN: Final = frozenset({"Patient/1", "Patient/1b", f"{BASE}/Patient/1", f"{BASE}/Patient/1b"})


def fault(content: object, kind: str = "Observation") -> Fault | None:
    """Why such a record is not about me; none when it is."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    try:
        check_about(text, TYPE_BY_NAME[kind], OWN, ME)
    except BadInput as refused:
        return refused.fault
    return None


def observation(subject: object = None, **members: object) -> dict[str, Any]:
    """An observation about me, unless told otherwise."""
    return {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/1"} if subject is None else subject, **members}


def bsn(value: object = OTHER, system: str = BSN_SYSTEM) -> dict[str, object]:
    """An Identifier that is a BSN."""
    return {"system": system, "value": value}


def contained(*identifiers: object, logical_id: str = "p") -> list[dict[str, Any]]:
    """A Patient inside a record."""
    return [{"resourceType": "Patient", "id": logical_id, "identifier": list(identifiers)}]


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/1"},
        {"reference": "Patient/1b"},
        {"reference": f"{BASE}/Patient/1"},
        {"reference": "Patient/1/_history/7"},
        {"reference": f"{BASE}/Patient/1/_history/7"},
        {"reference": "Patient/1", "type": "Patient", "display": "A. Ander", "identifier": bsn(ME.value)},
        {"reference": "Patient/1", "type": "http://hl7.org/fhir/StructureDefinition/Patient"},
        {"reference": "Patient/1", "identifier": {"system": BSN_SYSTEM}},
        {"reference": "Patient/1", "identifier": {"system": "urn:local", "value": OTHER}},
        {"identifier": bsn(ME.value)},
        {"identifier": bsn(ME.value, BSN_OID), "type": "Patient"},
    ],
)
def test_p4_every_way_to_say_this_person_is_understood(subject: dict[str, Any]) -> None:
    assert fault(observation(subject)) is None
    # Said twice is fine, too.
    assert fault(observation(focus=[subject])) is None


ELSEWHERE: Final[list[dict[str, Any]]] = [
    {"reference": "Patient/2"},
    {"reference": "Patient/"},
    {"reference": "Patient/1 "},
    {"reference": " Patient/1"},
    {"reference": "Patient/1/"},
    {"reference": "Patient/11"},
    {"reference": "Patient/1#x"},
    {"reference": "Patient/1|2"},
    {"reference": "/Patient/1"},
    {"reference": "./Patient/1"},
    {"reference": "Patient/2/../1"},
    {"reference": "Patient/1/_history/"},
    {"reference": "Patient/1/_history/../../2"},
    {"reference": "Patient/1/_history/1/Patient/2"},
    {"reference": "Patient/2/_history/1"},
    {"reference": "https://evil.example/fhir/Patient/1"},
    {"reference": BASE.replace("https", "http") + "/Patient/1"},
    {"reference": BASE.upper() + "/Patient/1"},
    {"reference": BASE + "/Patient/2"},
    {"reference": BASE + "//Patient/1"},
    {"reference": "Patient%2F2"},
    {"reference": "%50atient/2"},
    {"reference": "Patient?_id=2"},
    {"reference": f"Patient?identifier={BSN_SYSTEM}|{OTHER}"},
    {"reference": f"{BASE}/Patient?name=ander"},
    {"reference": "#nobody", "type": "Patient"},
    {"reference": "urn:uuid:7d3a", "type": "Patient"},
    {"type": "Patient", "display": "B. Buur"},
    {"type": "http://hl7.org/fhir/StructureDefinition/Patient", "identifier": {"system": "urn:local", "value": "12"}},
    {"type": "Patient", "identifier": {"system": "urn:local", "value": ME.value}},
    {"identifier": bsn()},
    {"identifier": bsn(system=BSN_OID)},
    {"identifier": {"system": BSN_SYSTEM}},
    {"identifier": bsn("")},
    {"identifier": bsn(f" {ME.value}")},
    {"identifier": bsn(f"{ME.value}\n")},
    {"identifier": [bsn(ME.value), bsn()]},
    {"reference": "Patient/1", "identifier": bsn()},
    {"reference": "Practitioner/1", "identifier": bsn()},
]


@pytest.mark.parametrize("reference", ELSEWHERE, ids=lambda reference: json.dumps(reference)[:60])
def test_p4_a_reference_to_anybody_else_is_refused_wherever_it_stands(reference: dict[str, Any]) -> None:
    for content in (
        observation(reference),
        observation(focus=[reference]),
        observation(performer=[{"reference": "Practitioner/1"}, reference]),
        observation(extension=[{"url": "urn:x", "extension": [{"url": "y", "valueReference": reference}]}]),
        observation(contained=[{"resourceType": "Specimen", "id": "s", "subject": reference}]),
        observation(component=[{"code": {"text": "x", "extension": [{"valueReference": reference}]}}]),
    ):
        assert fault(content) is Fault.OTHER_PATIENT


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Group/1"}, {"reference": "Device/1"}, {"reference": "urn:uuid:7d3a"}, {"reference": "#p"}, {"reference": ""}, {"reference": None},
        {"reference": ["Patient/1"]}, {"display": "mijnheer"}, {}, [], "Patient/1", 7, True, {"identifier": {"system": "urn:local", "value": ME.value}},
        {"identifier": ME.value}, {"reference": "patient/1"}, {"reference": "PATIENT/1"},
    ],
)  # fmt: skip
def test_p4_a_record_that_does_not_say_it_is_about_this_person_is_refused(subject: object) -> None:
    assert fault(observation(subject)) is Fault.OTHER_PATIENT


def test_a_type_alone_names_nobody() -> None:
    content = {"resourceType": "GuidanceResponse", "id": "g", "subject": {"reference": "Patient/1"}, "dataRequirement": [{"type": "Patient"}]}

    assert fault(content, "GuidanceResponse") is None


def test_p4_a_record_without_an_owner_is_refused() -> None:
    content = observation(focus=[{"reference": "Patient/1"}])
    del content["subject"]

    assert fault(content) is Fault.OTHER_PATIENT


@pytest.mark.parametrize("kind", [kind for kind in RESOURCE_TYPES if kind.owner], ids=lambda kind: kind.name)
def test_p4_the_owner_is_looked_for_where_the_type_names_it(kind: ResourceType) -> None:
    nests = {"Appointment": "actor", "AuditEvent": "who", "Person": "target", "Group": "entity"}
    many = kind.owner in ("participant", "target", "agent", "link", "member") or kind.name == "Schedule"

    def about(reference: str) -> dict[str, Any]:
        value: Any = {"reference": reference}
        value = {nests[kind.name]: value} if kind.name in nests else value
        return {"resourceType": kind.name, "id": "x", kind.owner: [value] if many else value}

    assert fault(about("Patient/1"), kind.name) is None
    assert fault(about("Patient/2"), kind.name) is Fault.OTHER_PATIENT
    assert fault({"resourceType": kind.name, "id": "x"}, kind.name) is Fault.OTHER_PATIENT
    record = read_record(json.dumps(about("Patient/1")).encode())
    assert b"Patient/1" in owner_reference(record, kind)


def test_p4_a_contained_patient_must_show_to_be_this_person() -> None:
    mine, contained_as_subject = bsn(ME.value), {"reference": "#p"}

    assert fault(observation(contained_as_subject, contained=contained(mine))) is None
    assert fault(observation(contained_as_subject, contained=contained(mine, {"system": "urn:local", "value": "8"}))) is None
    for identifiers in ([], [bsn()], [mine, bsn()], [{"system": BSN_SYSTEM}], [{"system": "urn:local", "value": ME.value}]):
        assert fault(observation(contained_as_subject, contained=contained(*identifiers))) is Fault.OTHER_PATIENT
        # Even when nothing refers to it.
        assert fault(observation(contained=contained(*identifiers))) is Fault.OTHER_PATIENT
    assert fault(observation({"reference": "#q"}, contained=contained(mine))) is Fault.OTHER_PATIENT


def test_p4_a_patient_is_found_however_deep_it_is_hidden() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": contained(bsn())[0]}]}

    for member in ("contained", "extension", "x"):
        assert fault(observation(**{member: [{"a": [[bundle]]}]})) is Fault.OTHER_PATIENT


@pytest.mark.parametrize("system", [BSN_SYSTEM, BSN_OID])
@pytest.mark.parametrize(
    "place",
    [
        lambda number: {"identifier": [number]},
        lambda number: {"identifier": number},
        lambda number: {"extension": [{"url": "urn:x", "valueIdentifier": number}]},
        lambda number: {"performer": [{"identifier": number}]},
        lambda number: {"contained": [{"resourceType": "RelatedPerson", "id": "r", "identifier": [number]}]},
        lambda number: {"component": [{"valueCodeableConcept": {"coding": [{"system": number["system"], "code": number["value"]}]}}]},
    ],
)
def test_p4_another_number_is_found_wherever_an_identifier_can_stand(place: Any, system: str) -> None:
    assert fault(observation(**place(bsn(system=system)))) is Fault.OTHER_PATIENT
    assert fault(observation(**place(bsn(None, system=system)))) is Fault.OTHER_PATIENT
    assert fault(observation(**place(bsn(ME.value, system=system)))) is None


def test_p4_an_escape_hides_nothing() -> None:
    for text in (
        rb'{"resourceType":"Observation","subject":{"reference":"Patient/1"},"focus":[{"refer\u0065nce":"Patient\/2"}]}',
        rb'{"resourceType":"Observation","subject":{"reference":"Patient/1"},"focus":[{"reference":"\u0050atient/2"}]}',
        rb'{"resourceType":"Observation","subject":{"reference":"Patient/1"},"contained":[{"resource\u0054ype":"P\u0061tient"}]}',
        rb'{"resourceType":"Observation","subject":{"reference":"Patient/1"},"x":{"system":"http:\/\/fhir.nl\/fhir\/NamingSystem\/bsn","value":"999970045"}}',
    ):
        assert fault(text) is Fault.OTHER_PATIENT
    assert fault(rb'{"resourceType":"Observation","subject":{"reference":"Patient\/1"}}') is None


def test_p4_a_key_that_stands_twice_is_no_way_around() -> None:
    assert fault(b'{"subject":{"reference":"Patient/2"},"subject":{"reference":"Patient/1"}}') is Fault.DUPLICATE_KEY
    assert fault(b'{"subject":{"reference":"Patient/1"},"focus":[{"reference":"Patient/2","reference":"Group/1"}]}') is Fault.DUPLICATE_KEY


def test_p4_a_patient_record_may_be_merged_into_another_record_of_this_person_only() -> None:
    def merged(target: str) -> dict[str, Any]:
        return {"resourceType": "Patient", "id": "1", "identifier": [bsn(ME.value)], "link": [{"other": {"reference": target}, "type": "replaced-by"}]}

    assert fault(merged("Patient/1b"), "Patient") is None
    assert fault(merged("Patient/2"), "Patient") is Fault.OTHER_PATIENT


def test_p4_a_companion_speaks_of_nobody_or_of_this_person() -> None:
    assert fault({"resourceType": "Practitioner", "id": "1", "identifier": [{"system": "urn:x", "value": "2"}]}, "Practitioner") is None
    for own in ({"reference": "Patient/1"}, {"identifier": bsn(ME.value)}):
        assert fault({"resourceType": "Device", "id": "1", "patient": own}, "Device") is None
    assert fault({"resourceType": "Device", "id": "1", "patient": {"reference": "Patient/2"}}, "Device") is Fault.OTHER_PATIENT


@pytest.mark.parametrize("text", [b"", b"[]", b"1", b'"Patient/1"', b"null", b"{", b"\xff", b"{}" * 2])
def test_p4_what_is_no_object_is_refused(text: bytes) -> None:
    assert fault(text) in (Fault.NOT_A_RESOURCE, Fault.MALFORMED_JSON, Fault.INVALID_ENCODING)


_text = st.text(max_size=6) | st.sampled_from(["Patient/1", "Patient/2", "#p", "Patient", BSN_SYSTEM, BSN_OID, OTHER, ME.value, "Patient/1/_history/2"])
_key = st.sampled_from(["subject", "reference", "identifier", "system", "value", "code", "type", "contained", "id", "extension", "resourceType", "x"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_key, inner, max_size=4),
    max_leaves=15,
)


def speaks_of_another(value: Any) -> bool:
    """A slow look for what must never travel: the other number as an identifier, or the other record as a reference."""
    if isinstance(value, list):
        return any(map(speaks_of_another, value))
    if not isinstance(value, dict):
        return False
    return (
        (value.get("system") in (BSN_SYSTEM, BSN_OID) and (value.get("value") == OTHER or value.get("code") == OTHER))
        or value.get("reference") == "Patient/2"
        or any(map(speaks_of_another, value.values()))
    )


@settings(max_examples=200)
@given(_json, st.sampled_from([kind.name for kind in RESOURCE_TYPES]))
def test_p4_whatever_the_json_it_is_refused_with_a_code_or_about_nobody_else(content: object, kind: str) -> None:
    if fault(content, kind) is None:
        assert not speaks_of_another(content)


@settings(max_examples=150)
@given(st.dictionaries(_key.filter(lambda key: key not in ("subject", "resourceType")), _json, max_size=4))
def test_p4_about_this_person_and_with_more_said_it_is_still_about_nobody_else(members: dict[str, object]) -> None:
    content = {**observation(), **members}

    if fault(content) is None:
        assert not speaks_of_another(content)
    elif not any(word in json.dumps(members) for word in ("Patient", "identifier", BSN_SYSTEM, BSN_OID)):
        pytest.fail("refused without a reason")


@given(st.binary(max_size=60))
def test_p4_whatever_the_bytes_nothing_but_a_code_comes_out(text: bytes) -> None:
    assert fault(text) is not None
