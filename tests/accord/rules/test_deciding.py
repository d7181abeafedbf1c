"""Every decision against the oracle, and the rules one by one in words (promises P5 and P12; cases B4 and B13)."""

import json
import os
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from accord.rules import choices as choices_module
from accord.rules.choices import Choice
from accord.rules.consent_reading import choices_from_consent
from accord.rules.deciding import Case
from accord.rules.grounds import Basis, Refusal
from accord.rules.labels import ACT_CODE, CONFIDENTIALITY
from accord.rules.question import Question, RecordTraits, question_under
from accord.terms.evidence import Emergency, Mandate, TreatmentBasis
from accord.terms.identifiers import RecordRef, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.policies import ANY_ROLE, EmergencyPolicy, HolderPolicy, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from tests.accord.rules import oracle, worlds

LONG = os.environ.get("NOABER_LONG") == "1"
PAIRS = 1_000_000 if LONG else 20_000
NOW = worlds.NOW
CONDITION, MEDICATION = CareCategory.CONDITION, CareCategory.MEDICATION_REQUEST
ALL = frozenset(CareCategory)
OPEN = RegionPolicy(RoleMatrix("7", {(None, ANY_ROLE): ALL}))
GLASS = replace(OPEN, emergency=EmergencyPolicy("a law", frozenset({"01.071"}), NOW + timedelta(days=1)))
USER = DataUser(Ura("90000001"), "Dinkelhorst", HolderKind.HOSPITAL)
SANNE = Professional("900001", "01.071", "S. ten Esker")
QUESTION = Question(Asker(USER, SANNE, treats_the_patient=True), PurposeOfUse.TREATMENT, NOW, TreatmentBasis.PRESENT)
URGENT = replace(QUESTION, purpose=PurposeOfUse.EMERGENCY_TREATMENT, emergency=Emergency("unconscious", "found at home", NOW))
YES, NO = Choice(permits=True), Choice(permits=False)
PSY, RESTRICTED = (ACT_CODE, "PSY"), (CONFIDENTIALITY, "R")


def disagreements(pairs: int, seed: int, *, stop: bool = False) -> tuple[list[tuple[oracle.World, oracle.Asking]], Counter[Basis | Refusal]]:
    """Questions on which product and oracle differ, and what was decided how often."""
    chance, seen, differ = Random(seed), Counter[Basis | Refusal](), []
    for _ in range(pairs // 5):
        world = worlds.a_world(chance)
        choices = worlds.choices_of(world)
        for _ in range(5):
            asking = worlds.an_asking(chance)
            outcome = worlds.decided(world, asking, choices)
            seen[outcome] += 1
            if isinstance(outcome, Basis) != oracle.may_be_released(world, asking):
                differ.append((world, asking))
                if stop:
                    return differ, seen
    return differ, seen


@pytest.mark.slow
@pytest.mark.timeout(7_200 if LONG else 120)
def test_p5_every_decision_is_that_of_the_oracle() -> None:
    differ, seen = disagreements(PAIRS, 20_261_122, stop=True)

    assert differ == []
    # Every outcome was met, or this would prove little.
    assert set(seen) == {*Basis, *Refusal}
    assert min(seen[Basis.PATIENT_CONSENTED], seen[Basis.EMERGENCY], seen[Refusal.PATIENT_REFUSED], seen[Refusal.CHOICE_NOT_UNDERSTOOD]) > 500


@pytest.mark.parametrize("planted", ["objections are not heard", "an exception is forgotten", "what is not understood is ignored", "a label needs no permit"])
def test_a_planted_mistake_is_found_by_the_oracle(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    match planted:
        case "objections are not heard":
            monkeypatch.setattr("accord.rules.deciding.what_choices_say", lambda yes, _: Basis.PATIENT_CONSENTED if yes else Refusal.NO_CHOICE_ON_RECORD)
        case "an exception is forgotten":
            monkeypatch.setattr(choices_module.Choice, "ancestors", ())
        case "what is not understood is ignored":
            monkeypatch.setattr(
                "tests.accord.rules.worlds.choices_of", lambda world, read=worlds.choices_of: [replace(choice, doubtful=False) for choice in read(world)]
            )
        case _:
            monkeypatch.setattr("accord.rules.deciding.unnamed_label", lambda *_: False)

    assert disagreements(10_000, 7, stop=True)[0]


# -- B4: consents that must not open anything


def consent(provision: object, **more: object) -> bytes:
    """A consent about privacy."""
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    return json.dumps({"resourceType": "Consent", "status": "active", "scope": scope, "provision": provision, **more}).encode()


def told(*choices: Choice, question: Question = QUESTION, region: RegionPolicy = OPEN, policy: HolderPolicy | None = None, **traits: object) -> Basis | Refusal:
    """The decision on a condition."""
    record = RecordTraits(RecordRef("Condition", "1"), **traits)  # type: ignore[arg-type]
    return Case(question, choices, region, policy or HolderPolicy()).decide(CONDITION, record)


def told_by(*consents: bytes, **more: object) -> Basis | Refusal:
    """The decision under consents."""
    return told(*(choice for one in consents for choice in choices_from_consent(one)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error", "ACTIVE", ""])
def test_b4_only_an_active_consent_counts(status: str) -> None:
    assert told_by(consent({"type": "permit"})) is Basis.PATIENT_CONSENTED
    assert told_by(consent({"type": "permit"}, status=status)) is Refusal.NO_CHOICE_ON_RECORD


@pytest.mark.parametrize("scope", ["treatment", "adr", "research"])
def test_b4_p5_a_directive_is_clinical_content_and_no_choice(scope: str) -> None:
    said = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": scope}]}
    both = {"coding": [*said["coding"], {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}

    for clinical in (said, both, {"text": "privacy"}):
        for kind in ("permit", "deny"):
            assert choices_from_consent(consent({"type": kind}, scope=clinical)) == ()


def test_b4_what_is_over_or_has_not_begun_opens_nothing() -> None:
    for period in ({"end": "2026-11-21"}, {"start": "2026-11-23"}, {"start": "2020", "end": "2025"}):
        assert told_by(consent({"type": "permit", "period": period})) is Refusal.NO_CHOICE_ON_RECORD
    assert told_by(consent({"type": "permit", "period": {"start": "2026-11-22", "end": "2026-11-22"}})) is Basis.PATIENT_CONSENTED
    assert told_by(consent({"type": "permit"}, dateTime="2026-11-23")) is Refusal.NO_CHOICE_ON_RECORD


def test_b4_a_deny_within_a_permit_holds_and_only_for_what_it_says() -> None:
    types = [{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]
    nested = consent({"type": "permit", "provision": [{"type": "deny", "class": types}]})

    assert told_by(nested) is Refusal.PATIENT_REFUSED
    case = Case(QUESTION, choices_from_consent(nested), OPEN)
    assert case.decide(MEDICATION, RecordTraits(RecordRef("MedicationRequest", "1"))) is Basis.PATIENT_CONSENTED


def test_b4_a_permit_within_a_deny_is_an_exception_only_when_it_states_something() -> None:
    types = [{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]

    assert told_by(consent({"type": "deny", "provision": [{"type": "permit", "class": types}]})) is Basis.PATIENT_CONSENTED
    assert told_by(consent({"type": "deny", "class": types, "provision": [{"type": "permit", "class": types}]})) is Basis.PATIENT_CONSENTED
    assert told_by(consent({"type": "deny", "provision": [{"type": "permit"}]})) is Refusal.PATIENT_REFUSED


def test_b4_of_two_consents_that_contradict_each_other_the_objection_wins() -> None:
    for first, second in (("permit", "deny"), ("deny", "permit")):
        assert told_by(consent({"type": first}), consent({"type": second})) is Refusal.PATIENT_REFUSED


@pytest.mark.parametrize("kind", ["maybe", "PERMIT", "", None, 1])
def test_b4_an_unknown_type_of_provision_is_an_objection(kind: object) -> None:
    assert told_by(consent({"type": "permit"}), consent({"type": "permit", "provision": [{"type": kind}]})) is Refusal.CHOICE_NOT_UNDERSTOOD


@pytest.mark.parametrize(
    "strange",
    [
        {"actor": [{"role": {"coding": []}, "reference": {"reference": "Group/9"}}]},
        {"purpose": [{"system": "http://example.org/purposes", "code": "TREAT"}]},
        {"action": [{"text": "look"}]},
        {"class": [{"system": "http://example.org/types", "code": "Condition"}]},
        {"code": [{"text": "that letter"}]},
        {"data": [{"meaning": "somewhat", "reference": {"reference": "Condition/1"}}]},
        {"securityLabel": [{"code": "R"}]},
        {"period": {"start": "soon"}},
        {"dataPeriod": {}},
        {"modifierExtension": [{"url": "urn:not"}]},
        {"colour": "blue"},
    ],
)
def test_b4_what_is_not_understood_closes(strange: dict[str, object]) -> None:
    narrow = [{"type": "permit", "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]}]

    assert told_by(consent({"type": "permit", **strange, "provision": narrow})) is Refusal.NO_CHOICE_ON_RECORD
    assert told_by(consent({"type": "permit"}), consent({"type": "deny", **strange, "provision": narrow})) is Refusal.CHOICE_NOT_UNDERSTOOD


@pytest.mark.parametrize("seed", range(200))
def test_b4_two_hundred_random_trees_agree_with_the_oracle(seed: int) -> None:
    chance = Random(seed)
    world = oracle.World([worlds.a_consent(chance)], {("*", "*"): set(worlds.RECORDS.values())})
    choices = worlds.choices_of(world)
    for _ in range(10):
        asking = worlds.an_asking(chance)

        assert isinstance(worlds.decided(world, asking, choices), Basis) == oracle.may_be_released(world, asking)


# -- B13: the rights in force are an intersection


def test_b13_user_organisation_gateway_and_consent_meet_in_what_all_of_them_have() -> None:
    """The professional's mandate has A, the organisation's row has B, the gateway asks for A and B: only what A, B and the consent share."""
    a, b, both = CareCategory.ALERT, CareCategory.CONDITION, CareCategory.PROCEDURE
    region = RegionPolicy(RoleMatrix("1", {(HolderKind.HOSPITAL, ANY_ROLE): frozenset({b, both})}))
    mandated = replace(QUESTION, mandated=frozenset({a, both}))
    consented = [Choice(permits=True, category=one) for one in (a, b, both)]

    case = Case(mandated, consented, region)
    assert {one for one in CareCategory if isinstance(case.decide(one), Basis)} == {both}
    assert (case.decide(a), case.decide(b)) == (Refusal.NOT_OF_THE_ROLE, Refusal.NOT_MANDATED)
    assert Case(mandated, consented[:2], region).decide(both) is Refusal.NO_CHOICE_ON_RECORD
    assert Case(mandated, consented, region, HolderPolicy(never=frozenset({both}))).decide(both) is Refusal.KEPT_BY_HOLDER


def test_the_most_specific_row_counts_and_the_others_do_not() -> None:
    rows = {(None, ANY_ROLE): ALL, (HolderKind.HOSPITAL, ANY_ROLE): frozenset({MEDICATION}), (None, "01.071"): frozenset({CONDITION})}

    assert told(YES, region=RegionPolicy(RoleMatrix("1", rows))) is Basis.PATIENT_CONSENTED
    rows[HolderKind.HOSPITAL, "01.071"] = frozenset()
    assert told(YES, region=RegionPolicy(RoleMatrix("1", rows))) is Refusal.NOT_OF_THE_ROLE
    assert told(YES, region=RegionPolicy(RoleMatrix("1", {}))) is Refusal.NOT_OF_THE_ROLE


# -- Treatment, emergency, holder's policy, labels


def test_p5_the_treatment_relationship_must_be_shown_as_the_holder_asks() -> None:
    asks = HolderPolicy(treatment=frozenset({"referred", "registered"}))

    assert told(YES, policy=asks) is Refusal.TREATMENT_NOT_SHOWN
    assert told(YES, policy=asks, question=replace(QUESTION, treatment=None)) is Refusal.TREATMENT_NOT_SHOWN
    assert told(YES, policy=asks, question=replace(QUESTION, treatment=TreatmentBasis.REFERRED)) is Basis.PATIENT_CONSENTED
    stranger = Asker(USER, SANNE, treats_the_patient=False)
    assert told(YES, question=replace(URGENT, asked_by=stranger), region=GLASS) is Refusal.NOT_TREATING


def test_p12_an_emergency_stands_in_for_a_missing_choice_and_for_nothing_else() -> None:
    assert told(question=URGENT, region=GLASS) is Basis.EMERGENCY
    assert told(NO, question=URGENT, region=GLASS) is Refusal.PATIENT_REFUSED
    assert told(replace(NO, doubtful=True), question=URGENT, region=GLASS) is Refusal.CHOICE_NOT_UNDERSTOOD
    assert told(question=URGENT, region=replace(GLASS, matrix=RoleMatrix("1", {}))) is Refusal.NOT_OF_THE_ROLE
    assert told(question=URGENT, region=GLASS, policy=HolderPolicy(never=frozenset({CONDITION}))) is Refusal.KEPT_BY_HOLDER
    assert told(question=URGENT, region=GLASS, policy=HolderPolicy(not_with=frozenset({HolderKind.HOSPITAL}))) is Refusal.KEPT_FROM_USER


def test_p12_an_emergency_that_is_not_in_order_opens_nothing_not_even_what_is_permitted() -> None:
    glass = GLASS.emergency
    assert glass is not None
    for region in (OPEN, replace(GLASS, emergency=replace(glass, roles=frozenset({"01.015"}))), replace(GLASS, emergency=replace(glass, ends=NOW))):
        assert told(YES, question=URGENT, region=region) is Refusal.EMERGENCY_NOT_OFFERED
    for emergency in (None, Emergency("", "words", NOW), Emergency("code", "", NOW - timedelta(minutes=63)), Emergency("code", "", NOW + timedelta(minutes=2))):
        assert told(YES, question=replace(URGENT, emergency=emergency), region=GLASS) is Refusal.EMERGENCY_INCOMPLETE


def test_a_sensitive_label_needs_a_permit_that_names_it_or_the_record() -> None:
    for label in (PSY, RESTRICTED, (CONFIDENTIALITY, "V"), (CONFIDENTIALITY, "brand new"), (ACT_CODE, "HIV")):
        labels = frozenset({label})
        assert told(YES, labels=labels) is Refusal.LABEL_NOT_PERMITTED
        assert told(YES, Choice(permits=True, labels=labels), labels=labels) is Basis.PATIENT_CONSENTED
        assert told(YES, Choice(permits=True, record=RecordRef("Condition", "1")), labels=labels) is Basis.PATIENT_CONSENTED
        assert told(YES, question=URGENT, region=GLASS, labels=labels) is Basis.EMERGENCY
    assert told(YES, labels=frozenset({(CONFIDENTIALITY, "N"), ("http://example.org", "R")})) is Basis.PATIENT_CONSENTED
    # Every sensitive label must be named, and very restricted is more than restricted.
    assert told(Choice(permits=True, labels=frozenset({PSY})), labels=frozenset({PSY, RESTRICTED})) is Refusal.LABEL_NOT_PERMITTED
    assert told(Choice(permits=True, labels=frozenset({RESTRICTED})), labels=frozenset({(CONFIDENTIALITY, "V")})) is Refusal.NO_CHOICE_ON_RECORD


def test_a_label_that_the_holder_keeps_stays_whatever_the_patient_chose() -> None:
    named = Choice(permits=True, labels=frozenset({PSY}))

    assert told(named, labels=frozenset({PSY}), policy=HolderPolicy(labels=frozenset({"PSY"}))) is Refusal.LABEL_KEPT_BY_HOLDER


def test_an_objection_to_a_wide_label_holds_for_the_narrow_ones_below_it() -> None:
    health = Choice(permits=False, labels=frozenset({(ACT_CODE, "BH")}))
    both = Choice(permits=True, labels=frozenset({PSY}))

    assert told(YES, both, health, labels=frozenset({PSY})) is Refusal.PATIENT_REFUSED


def test_a_decision_tells_its_evidence_and_no_content() -> None:
    choices = [replace(YES, number=3, source="Consent/a"), replace(NO, category=MEDICATION, number=4), replace(YES, purpose=PurposeOfUse.TREATMENT, number=5)]

    decision = Case(QUESTION, choices, OPEN).explain(CONDITION)

    assert (decision.outcome, decision.matrix, decision.choices, decision.sources) == (Basis.PATIENT_CONSENTED, "7", (3, 5), ("Consent/a",))
    assert decision.treatment == "present"


def test_a_question_is_what_its_mandate_says() -> None:
    mandate = Mandate(
        "m", USER.ura, "twente", SANNE, PurposeOfUse.TREATMENT, b"", None, frozenset({CONDITION}), NOW, NOW + timedelta(minutes=5), b"", b""
    )  # fmt: skip

    assert Case(question_under(mandate, USER, NOW), [YES], OPEN).decide(CONDITION) is Refusal.NOT_TREATING
    treating = replace(mandate, treatment=TreatmentBasis.ADMITTED)
    assert Case(question_under(treating, USER, NOW), [YES], OPEN).decide(CONDITION) is Basis.PATIENT_CONSENTED
    assert Case(question_under(treating, USER, NOW), [YES], OPEN).decide(MEDICATION) is Refusal.NOT_MANDATED


def test_every_basis_and_refusal_says_what_it_means() -> None:
    source = Path(choices_module.__file__).with_name("grounds.py").read_text(encoding="utf-8")
    lines = source.splitlines()
    for outcome in (*Basis, *Refusal):
        place = next(number for number, line in enumerate(lines) if line.strip() == f'{outcome.name} = "{outcome.value}"')

        assert lines[place + 1].strip().startswith('"""')
