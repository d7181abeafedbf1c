"""Random worlds for the oracle: consents as JSON, policies, and questions, small enough that everything meets often."""

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

from accord.rules.choices import Choice
from accord.rules.consent_reading import choices_from_consent
from accord.rules.deciding import Case
from accord.rules.grounds import Basis, Refusal
from accord.rules.labels import ACT_CODE, CONFIDENTIALITY
from accord.rules.question import Question, RecordTraits
from accord.terms.evidence import Emergency, TreatmentBasis
from accord.terms.identifiers import RecordRef, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.policies import EmergencyPolicy, HolderPolicy, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from tests.accord.rules import oracle

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
KIND_OF = {"90000001": "hospital", "90000002": "hospital", "90000003": "pharmacy"}
HOLDERS = ("90001001", "90001002")
ROLES = ("01.015", "17.000")
NUMBERS = ("900001", "900002")
RECORDS = {"Condition": "Condition", "Observation": "ObservationLaboratory", "MedicationRequest": "MedicationRequest"}
LABELS = ("N", "R", "V", "PSY", "HIV")
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
SCT = "http://snomed.info/sct"
DATA_CATEGORIES = "http://nuts-foundation.github.io/nl-generic-functions-ig/CodeSystem/nl-gf-data-categories"
NAMING = "http://fhir.nl/fhir/NamingSystem/"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def label_of(code: str) -> dict[str, str]:
    """A label as a Coding."""
    return {"system": CONFIDENTIALITY if code in ("N", "R", "V") else ACT_CODE, "code": code}


def _actor(chance: Random) -> oracle.Json:
    system, value = chance.choice((
        (f"{NAMING}ura", "90000001"), (f"{NAMING}ura", "90000003"), (f"{NAMING}uzi", "900001"), (f"{NAMING}uzi-rolcode", "01.015"),
        ("http://nictiz.nl/fhir/NamingSystem/organization-type", "V4"), ("http://nictiz.nl/fhir/NamingSystem/organization-type", "J8"),
    ))  # fmt: skip
    role = chance.choice(("IRCP", "IRCP", "IRCP", "IRCP", "IRCP", "IRCP", "IRCP", "AUT"))
    reference = {"identifier": {"system": system, "value": value}} if chance.random() < 0.93 else {"reference": "Group/somebody"}
    return {"role": {"coding": [{"system": _PARTICIPATION, "code": role}]}, "reference": reference}


def _some(chance: Random, make: Any) -> list[Any]:
    return [make(chance) for _ in range(chance.choice((1, 1, 2)))]


def _data(chance: Random) -> oracle.Json:
    meaning, reference = chance.choice((
        ("instance", "Condition/1"), ("instance", "Observation/1"), ("authoredby", "Practitioner/p"), ("dependents", "Encounter/e"), ("dependents", "Condition/1"),
    ))  # fmt: skip
    return {"meaning": meaning, "reference": {"reference": reference} if chance.random() < 0.95 else {"display": "that one"}}


def _code(chance: Random) -> oracle.Json:
    if chance.random() < 0.05:
        return {"text": "the letter"}
    system, code = chance.choice(((SCT, "1"), (SCT, "2"), (DATA_CATEGORIES, "Condition"), (DATA_CATEGORIES, "ObservationLaboratory")))
    return {"coding": [{"system": system, "code": code}]}


_CONDITIONS: dict[str, Any] = {
    "actor": lambda chance: _some(chance, _actor),
    "purpose": lambda chance: [
        {"system": ACT_REASON, "code": code} for code in chance.choice((["TREAT"], ["TREAT", "HPAYMT"], ["ETREAT"], ["BTG"], ["HRESCH"], ["COC"]))
    ],
    "action": lambda chance: [
        {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": chance.choice(("access", "access", "disclose", "correct", "look"))}
            ]
        }
    ],
    "securityLabel": lambda chance: [label_of(code) for code in chance.sample(LABELS, chance.choice((1, 1, 2)))],
    "class": lambda chance: _some(
        chance, lambda c: {"system": "http://hl7.org/fhir/resource-types", "code": c.choice(("Condition", "Condition", "Observation", "Observation", "Rumour"))}
    ),
    "code": lambda chance: _some(chance, _code),
    "dataPeriod": lambda chance: chance.choice(({"start": "2020", "end": "2021"}, {"start": "2020", "end": "2023"}, {"about": "then"})),
    "data": lambda chance: _some(chance, _data),
    "period": lambda chance: chance.choice(
        ({"start": "2025", "end": "2027"}, {"start": "2026", "end": "2026"}, {"start": "2024", "end": "2025"}, {"start": "2027", "end": "2028"})
    ),
}


def a_provision(chance: Random, depth: int = 0) -> oracle.Json:
    """A provision and those in it."""
    provision: oracle.Json = {
        "type": chance.choice(("permit", "permit", "permit", "permit", "deny", "deny", "deny", "maybe" if chance.random() < 0.2 else "deny"))
    }
    if chance.random() < (0.1 if depth == 0 else 0.03):
        del provision["type"]
    for name, make in _CONDITIONS.items():
        if chance.random() < 0.14:
            provision[name] = make(chance)
    if chance.random() < 0.02:
        provision[chance.choice(("modifierExtension", "colour"))] = [{"url": "urn:not"}]
    if depth < 3 and chance.random() < 0.45:
        provision["provision"] = [a_provision(chance, depth + 1) for _ in range(chance.choice((1, 1, 2)))]
    return provision


def a_consent(chance: Random) -> oracle.Json:
    """A consent."""
    scope = "patient-privacy" if chance.random() < 0.95 else chance.choice(("treatment", "adr", "research"))
    consent: oracle.Json = {
        "resourceType": "Consent",
        "status": "active" if chance.random() < 0.92 else chance.choice(("draft", "proposed", "rejected", "inactive", "entered-in-error")),
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": scope}]},
        "patient": {"reference": "Patient/1"},
        "dateTime": "2024-01-01",
        "provision": a_provision(chance),
    }
    if chance.random() < 0.2:
        keepers = [{"identifier": {"system": f"{NAMING}ura", "value": ura}} for ura in chance.sample(HOLDERS, chance.choice((1, 1, 2)))]
        consent["organization"] = keepers if chance.random() < 0.9 else [{"reference": "Organization/9"}]
    if chance.random() < 0.02:
        consent["modifierExtension"] = [{"url": "urn:not"}]
    return consent


def a_world(chance: Random) -> oracle.World:
    """Consents and policies."""
    everything = set(RECORDS.values())

    def some() -> set[str]:
        return set(chance.sample(sorted(everything), 2)) if chance.random() < 0.2 else everything

    keys = [("*", "*"), ("hospital", "*"), ("*", "01.015"), ("hospital", "01.015")]
    return oracle.World(
        [a_consent(chance) for _ in range(chance.choice((0, 1, 1, 2, 2, 3)))],
        {key: some() for key in keys if key == ("*", "*") or chance.random() < 0.3} if chance.random() < 0.97 else {("*", "17.000"): everything},
        never={"Condition"} if chance.random() < 0.03 else set(),
        not_with={"pharmacy"} if chance.random() < 0.03 else set(),
        kept_labels={"HIV"} if chance.random() < 0.1 else set(),
        treatments={"registered", "present"} if chance.random() < 0.05 else set(),
        emergency_roles={"01.015"} if chance.random() < 0.6 else None,
    )


def an_asking(chance: Random) -> oracle.Asking:
    """A question about a record."""
    ura = chance.choice(tuple(KIND_OF))
    kind = chance.choice(tuple(RECORDS))
    year = chance.choice((None, 2020, 2021, 2024))
    return oracle.Asking(
        ura, KIND_OF[ura], chance.choice(ROLES), chance.choice(NUMBERS), HOLDERS[0],
        purpose=chance.choice(("TREAT", "TREAT", "ETREAT")),
        treatment=chance.choice(("registered", "present", "referred")) if chance.random() < 0.97 else "",
        reason="unconscious" if chance.random() < 0.9 else "",
        mandated=set(chance.sample(sorted(RECORDS.values()), 2)) if chance.random() < 0.1 else set(),
        category=RECORDS[kind], type=kind, id=chance.choice("12"),
        labels=set(chance.sample(LABELS, chance.choice((0, 0, 1, 2)))),
        codes=None if chance.random() < 0.1 else set(chance.sample("12", chance.choice((0, 1, 2)))),
        years=None if year is None else (year, year + chance.choice((0, 0, 1))),
        authors=None if chance.random() < 0.1 else set(chance.choice(((), ("Practitioner/p",)))),
        refers_to=None if chance.random() < 0.1 else set(chance.choice(((), ("Encounter/e",)))),
    )  # fmt: skip


def choices_of(world: oracle.World) -> list[Choice]:
    """The consents as the product reads them."""
    return [choice for consent in world.consents for choice in choices_from_consent(json.dumps(consent).encode())]


def _years(years: tuple[int, int]) -> tuple[int, int]:
    begin, end = datetime(years[0], 1, 1, tzinfo=UTC), datetime(years[1] + 1, 1, 1, tzinfo=UTC)
    # A day inside on either side: a year begins at midnight in the Netherlands.
    return int(begin.timestamp() * 1000) + 86_400_000, int(end.timestamp() * 1000) - 86_400_000


def _categories(some: set[str]) -> frozenset[CareCategory]:
    return frozenset(map(CareCategory, some))


def case_of(world: oracle.World, asking: oracle.Asking, choices: list[Choice]) -> tuple[Case, CareCategory, RecordTraits]:
    """The same question to the product."""
    rows = {(None if kind == "*" else HolderKind(kind), role): _categories(seen) for (kind, role), seen in world.matrix.items()}
    ends = NOW.replace(year=2027)
    emergency = None if world.emergency_roles is None else EmergencyPolicy("a law", frozenset(world.emergency_roles), ends)
    policy = HolderPolicy(_categories(world.never), frozenset(map(HolderKind, world.not_with)), frozenset(world.kept_labels), frozenset(world.treatments))
    user = DataUser(Ura(asking.ura), "", HolderKind(asking.kind))
    question = Question(
        Asker(user, Professional(asking.number, asking.role, ""), bool(asking.treatment)),
        PurposeOfUse(asking.purpose),
        NOW,
        TreatmentBasis(asking.treatment) if asking.treatment else None,
        _categories(asking.mandated),
        Emergency(asking.reason, "in his own words", NOW) if asking.purpose == "ETREAT" else None,
        Ura(asking.holder),
    )
    record = RecordTraits(
        RecordRef(asking.type, asking.id),
        frozenset((label_of(code)["system"], code) for code in asking.labels),
        None if asking.codes is None else frozenset((SCT, code) for code in asking.codes),
        None if asking.years is None else _years(asking.years),
        None if asking.authors is None else frozenset(asking.authors),
        None if asking.refers_to is None else frozenset(asking.refers_to),
    )
    return Case(question, choices, RegionPolicy(RoleMatrix("1", rows), emergency), policy), CareCategory(asking.category), record


def decided(world: oracle.World, asking: oracle.Asking, choices: list[Choice]) -> Basis | Refusal:
    """What the product decides."""
    case, category, record = case_of(world, asking, choices)
    return case.decide(category, record)
