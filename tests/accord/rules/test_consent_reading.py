"""Consents as they come in: the Dutch forms, nesting, and what nobody could mean."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.choices import Choice, Meaning, ProfessionalNumber, RoleCode
from accord.rules.consent_codes import ConsentCodes
from accord.rules.consent_parties import NO_PROFESSIONAL, Party, parties_in
from accord.rules.consent_reading import choices_from_consent, read_consent
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, RecordRef, Ura
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

PRIVACY: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
LOCAL: Final = {"coding": [{"system": "http://nuts-foundation.github.io/nl-generic-functions-ig/CodeSystem/nl-gf-consent-scope", "code": "bgz"}]}
URA: Final = "http://fhir.nl/fhir/NamingSystem/ura"
TREAT: Final = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}]
TREATMENT_DATA: Final = frozenset({CareCategory.CONDITION, CareCategory.MEDICATION_REQUEST})
CODES: Final = ConsentCodes(
    "3.8.0",
    {"GGC002": TREATMENT_DATA},
    {"RPZAC005": frozenset({HolderKind.PHARMACY}), "RPZAC001": frozenset({HolderKind.GP_PRACTICE, HolderKind.OUT_OF_HOURS_POST}), "RPZAC200": frozenset()},
    {"bgz": TREATMENT_DATA},
)


def consent(**members: Any) -> bytes:
    """An active consent about privacy."""
    return json.dumps({"resourceType": "Consent", "id": "c", "status": "active", "scope": PRIVACY, "dateTime": "2026-01-01T00:00:00Z", **members}).encode()


def actor(reference: object, role: str = "IRCP") -> dict[str, object]:
    """An actor in a role."""
    return {"role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": role}]}, "reference": reference}


def ura(value: str) -> dict[str, object]:
    """A reference by URA."""
    return {"identifier": {"system": URA, "value": value}}


def mitz(*users: str, category: str = "GGC002", kind: str = "permit") -> bytes:
    """A notification of Mitz, as its example is built."""
    url = "http://fhir.nl/StructureDefinition/OTV-ProviderCategory"
    system = "http://fhir.nl/otv/CodeSystem/raadplegende-zorgaanbiedercategorie"
    return consent(
        meta={"profile": ["http://vzvz.nl/fhir/StructureDefinition/Consent-Mitz-Notify|3.8.0"]},
        extension=[{"url": url, "valueCodeableConcept": {"coding": [{"system": system, "version": "3960100", "code": user}]}} for user in users],
        category=[{"coding": [{"system": "http://fhir.nl/otv/CodeSystem/gegevenscategorie", "version": "3960100", "code": category}]}],
        patient={"reference": "urn:uuid:2083dda0-4a90-4b37-87fe-3c974399dbe2"},
        provision={
            "type": kind,
            "actor": [actor({"reference": "urn:uuid:25102ef4-96a0-4f95-97aa-f4a9884d1637"}, "CST")],
            "purpose": [{"system": "http://hl7.org/fhir/v3/ActReason", "code": "TREAT"}],
        },
    )


ORGANISATION: Final = {
    "resourceType": "Organization",
    "id": "o",
    "identifier": [{"system": URA, "value": "00000659"}],
    "type": [{"coding": [{"system": "http://nictiz.nl/fhir/NamingSystem/organization-type", "code": "Z3"}]}],
}
BESIDE: Final = parties_in([("urn:uuid:25102ef4-96a0-4f95-97aa-f4a9884d1637", ORGANISATION)])


def test_a_notification_of_mitz_names_its_holder_the_users_and_the_category() -> None:
    (choice,) = choices_from_consent(mitz("RPZAC005"), named=BESIDE, known=CODES)

    assert (choice.permits, choice.doubtful, choice.holder, choice.purpose) == (True, False, Ura("00000659"), PurposeOfUse.TREATMENT)
    assert choice.within is not None
    assert (choice.within.user, choice.within.category) == (HolderKind.PHARMACY, TREATMENT_DATA)


def test_a_category_of_mitz_may_stand_for_several_kinds_or_for_none_here() -> None:
    several = choices_from_consent(mitz("RPZAC001", "RPZAC005", "RPZAC200"), named=BESIDE, known=CODES)

    assert {choice.within.user for choice in several if choice.within} == {HolderKind.GP_PRACTICE, HolderKind.OUT_OF_HOURS_POST, HolderKind.PHARMACY}
    assert choices_from_consent(mitz("RPZAC200"), named=BESIDE, known=CODES) == ()


@pytest.mark.parametrize(("users", "category"), [("RPZAC999", "GGC002"), ("RPZAC005", "GGC999")])
def test_a_code_of_mitz_that_the_catalogue_lacks_closes(users: str, category: str) -> None:
    assert choices_from_consent(mitz(users, category=category), named=BESIDE, known=CODES) == ()
    assert all(choice.doubtful for choice in choices_from_consent(mitz(users, category=category, kind="deny"), named=BESIDE, known=CODES))
    assert choices_from_consent(mitz("RPZAC005"), named=BESIDE) == ()


def local(**members: Any) -> bytes:
    """The local form of the generic functions."""
    action = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "access"}]}]
    given = {"type": "permit", "action": action, "actor": [{"reference": ura("90000001")}], **members.pop("provision", {})}
    return consent(scope=members.pop("scope", LOCAL), organization=[ura("90001001")], provision=given, **members)


def test_the_local_form_names_holder_user_scope_and_record() -> None:
    (choice,) = choices_from_consent(local(provision={"data": [{"reference": {"reference": "Condition/1"}}]}), known=CODES)

    assert (choice.permits, choice.user, choice.record, choice.meaning) == (True, Ura("90000001"), RecordRef("Condition", "1"), Meaning.INSTANCE)
    assert choice.within is not None
    assert (choice.within.holder, choice.within.category) == (Ura("90001001"), TREATMENT_DATA)
    assert choices_from_consent(local()) == ()
    assert choices_from_consent(local(scope={"coding": [*LOCAL["coding"], {**LOCAL["coding"][0], "code": "pzp"}]}), known=CODES) == ()


def test_who_is_meant_is_found_by_identifier_by_reference_and_by_what_is_contained() -> None:
    role = {
        "resourceType": "PractitionerRole",
        "id": "r",
        "organization": {"reference": "#o"},
        "code": [{"coding": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "code": "01.015"}]}],
    }
    person = {"resourceType": "Practitioner", "id": "p", "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers", "value": "900001"}]}
    known = parties_in([("#o", ORGANISATION), ("#r", role), ("", person), ("", {"resourceType": "Patient", "id": "x"}), ("", None)])

    assert known["#r"] == Party(Ura("00000659"), RoleCode("01.015"))
    assert known["Practitioner/p"] == Party(None, ProfessionalNumber("900001"))
    assert known["Patient/x"] == NO_PROFESSIONAL
    text = consent(contained=[ORGANISATION, role], provision={"type": "permit", "actor": [actor({"reference": "#r"}), actor({"reference": "Patient/x"})]})
    (choice,) = choices_from_consent(text)
    assert (choice.user, choice.professional) == (Ura("00000659"), RoleCode("01.015"))


def test_an_organisation_of_two_minds_is_not_understood() -> None:
    two = actor({"identifier": {"system": URA, "value": "90000001"}, "reference": "Organization/1"})

    assert choices_from_consent(consent(provision={"type": "permit", "actor": [two]}), named={"Organization/1": Party(Ura("90000002"))}) == ()


def test_what_is_nested_stands_within_what_is_around_it() -> None:
    inner = {"type": "deny", "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]}
    outer, nested = choices_from_consent(consent(provision={"type": "permit", "purpose": TREAT, "provision": [inner]}))

    assert nested.within is not None
    assert (nested.permits, nested.types, nested.within.purpose) == (False, frozenset({"Observation"}), PurposeOfUse.TREATMENT)
    assert all(mine >= theirs for mine, theirs in zip(nested.weight, outer.weight, strict=True))


@pytest.mark.parametrize("kind", ["permit", "deny"])
def test_what_is_nested_deeper_than_is_read_closes(kind: str) -> None:
    provision: dict[str, Any] = {"type": kind}
    for _ in range(12):
        provision = {"type": "permit", "provision": [provision]}

    choices = choices_from_consent(consent(provision=provision))

    assert [choice.permits for choice in choices[:8]] == [True] * 8
    # What is below is not even read; but an objection there is never lost.
    assert [(choice.permits, choice.doubtful) for choice in choices[8:]] == ([] if kind == "permit" else [(False, True)])


def test_a_consent_that_would_become_too_many_choices_is_refused_before_they_are_made() -> None:
    many = [actor(ura(f"{number:08}")) for number in range(100)]
    data = [{"meaning": "instance", "reference": {"reference": f"Condition/{number}"}} for number in range(100)]

    with pytest.raises(BadInput) as refused:
        choices_from_consent(consent(provision={"type": "permit", "actor": many, "data": data}))
    assert refused.value.fault is Fault.TOO_LARGE


def test_whose_consent_it_is_and_when_it_was_given() -> None:
    bsn = {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999990019"}
    stated = read_consent(consent(patient={"identifier": bsn}, provision={"type": "permit"}))

    assert (stated.id, stated.patient, stated.at) == ("c", Bsn("999990019"), datetime(2026, 1, 1, tzinfo=UTC))
    inside = {"resourceType": "Patient", "id": "x", "identifier": [{**bsn, "value": "999990020"}]}
    with pytest.raises(BadInput) as refused:
        read_consent(consent(contained=[inside], patient={"identifier": bsn, "reference": "#x"}))
    assert refused.value.fault is Fault.SEVERAL_BSNS


def test_an_opt_out_by_policy_rule_is_an_objection_and_an_opt_in_no_permit() -> None:
    rule = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]}

    assert [choice.permits for choice in choices_from_consent(consent(policyRule=rule, provision={"purpose": TREAT}))] == [False]
    rule["coding"][0]["code"] = "OPTIN"
    assert choices_from_consent(consent(policyRule=rule)) == ()


def test_a_consent_that_was_verified_and_found_wrong_permits_nothing() -> None:
    assert choices_from_consent(consent(verification=[{"verified": False}], provision={"type": "permit"})) == ()
    assert choices_from_consent(consent(verification=[{"verified": True}], provision={"type": "permit"}))[0].permits


@pytest.mark.parametrize("text", [b"[]", b'{"resourceType":"Patient"}', b'{"resourceType":"Consent","status":"active","status":"draft"}', b"{" * 200])
def test_what_is_no_consent_is_refused(text: bytes) -> None:
    with pytest.raises(BadInput):
        choices_from_consent(text)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(("permit", "deny", "TREAT", "Observation/1", "2026")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("type", "actor", "reference", "role", "coding", "code", "system", "provision", "purpose", "data", "period", "start", "class", "identifier", "value")
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(_json, _json)
def test_whatever_stands_in_a_provision_is_read_or_refused(provision: object, organisation: object) -> None:
    try:
        choices = choices_from_consent(consent(provision=provision, organization=organisation))
    except BadInput:
        return

    assert all(isinstance(choice, Choice) for choice in choices)
    # Nothing strange ever permits: a permit says so in its own words.
    assert not any(choice.permits for choice in choices) or '"permit"' in json.dumps(provision)
