"""B4, B5, B9, B12, B13, F6: what a holder decides, asked through its public face by somebody whose evidence is sound."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
import pytest

from accord.audit.events import GlassBroken
from accord.link.policy_file import default_policy
from accord.rules.consent import Basis
from accord.terms.evidence import Emergency, TreatmentBasis
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_SYSTEM
from accord.terms.parties import Professional
from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory, PurposeOfUse
from testbed.attack_kit import AttackKit
from testbed.people import DINA
from testbed.scripted_gateway import Told, question
from testbed.scripted_user import ATTACKER
from tests.region.trust_world import (
    BULKY,
    CANARY,
    HOLDER,
    PERMIT,
    SILENT,
    STRANGER,
    VICTIM,
    a_bsn,
    categories_in,
    choose,
    events_at,
    looks,
    within_five_seconds,
)

pytestmark = pytest.mark.slow

PHARMACIST: Final = Professional("900000667", "17.000", "Pharmacist (fictional)")
EMERGENCY_PHYSICIAN: Final = Professional("900000668", "01.071", "Physician (fictional)")
NOBODYS_ROLE: Final = Professional("900000669", "99.999", "Nobody (fictional)")
_SCOPE: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
_POLICY: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]}


def ask(kit: AttackKit, bsn: str = VICTIM, *, user: str = "dinkelhorst", holder: str = HOLDER, selection: Selection | None = None, **mandated: Any) -> Told:
    """A question with sound evidence that says this."""
    mandate = kit.user(user).mandate(bsn, **mandated)
    return kit.gateway(holder).query(question(mandate, kit.ura(holder), bsn, selection=selection or Selection()))


@pytest.fixture
def permitting(kit: AttackKit) -> Iterator[AttackKit]:
    """The region, in which the person permits everything again after the test, whatever they chose in it."""
    yield kit
    choose(kit.region, PERMIT)


def consent(**more: Any) -> dict[str, Any]:
    """A FHIR Consent that permits everything, with some members otherwise; none: left out."""
    whole = {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "scope": _SCOPE,
        "category": [_POLICY],
        "patient": {"identifier": {"system": BSN_SYSTEM, "value": VICTIM}},
        "dateTime": "2025-01-01",
        "provision": {"type": "permit"},
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


DENYING: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "no choice at all": (),
    "a draft": (consent(status="draft"),),
    "proposed": (consent(status="proposed"),),
    "rejected": (consent(status="rejected"),),
    "inactive": (consent(status="inactive"),),
    "entered in error": (consent(status="entered-in-error"),),
    "a period that is over": (consent(provision={"type": "permit", "period": {"start": "2020-01-01", "end": "2021-01-01"}}),),
    "a period that is to come": (consent(provision={"type": "permit", "period": {"start": "2090-01-01"}}),),
    "a denial inside a permission": (consent(provision={"type": "permit", "provision": [{"type": "deny"}]}),),
    "two that contradict each other": (consent(), consent(id="c2", provision={"type": "deny"})),
    "the other way round": (consent(provision={"type": "deny"}), consent(id="c2")),
    "a permission to another organisation": (
        consent(
            provision={
                "type": "permit",
                "actor": [{"role": {"text": "PRCP"}, "reference": {"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90001008"}}}],
            }
        ),
    ),
    "a permission for another purpose": (
        consent(provision={"type": "permit", "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HMARKT"}]}),
    ),
    "a treatment directive": (consent(scope={"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]}),),
    "a plain line whose time is over": ({"permits": True, "from": "2020-01-01", "until": "2021-01-01"},),
    "a plain permission to a kind of provider that this is not": ({"permits": True, "user_kind": "pharmacy"},),
    "a plain permission and a refusal of everything": (PERMIT, {"permits": False}),
}


@pytest.mark.parametrize("choices", DENYING.values(), ids=DENYING)
def test_b4_without_a_choice_that_permits_nothing_leaves(permitting: AttackKit, choices: tuple[dict[str, Any], ...]) -> None:
    choose(permitting.region, *choices)
    denied = ask(permitting)
    nobody = ask(permitting, STRANGER)
    choose(permitting.region, consent())

    assert (denied.blob, CANARY.encode() in denied.blob) == (b"", False)
    assert looks(denied) == looks(nobody)
    assert CANARY.encode() in ask(permitting).blob


@pytest.mark.parametrize("provision", [{"type": "perhaps"}, {"type": "Permit"}, {"type": ["permit"]}, {"type": None}, {"permit": True}])
def test_b4_a_provision_of_a_type_that_nobody_knows_permits_nothing(permitting: AttackKit, provision: dict[str, Any]) -> None:
    choose(permitting.region)
    with suppress(BadInput):  # refused at the door is denied as well
        choose(permitting.region, consent(provision=provision))

    assert ask(permitting).blob == b""


def test_b5_what_was_permitted_and_is_refused_now_does_not_leave_any_more(permitting: AttackKit) -> None:
    before = ask(permitting)
    choose(permitting.region, PERMIT, {"permits": False})

    assert CANARY.encode() in before.blob
    assert within_five_seconds(lambda: ask(permitting).blob == b"")


def test_b5_a_refusal_cuts_the_answer_that_is_under_way(permitting: AttackKit) -> None:
    mandate = permitting.user().mandate(BULKY)
    with permitting.gateway(HOLDER).holding(question(mandate, permitting.ura(HOLDER), BULKY)) as held:
        # Where a choice changes before anything was told, the answer is that there is nothing.
        while held.next().WhichOneof("frame") != "batch":
            pass
        choose(permitting.region, {"permits": False}, bsn=BULKY)
        refused = within_five_seconds(lambda: ask(permitting, BULKY).blob == b"")
        # A new question meets the refusal at once, what is under way within seconds: whoever read at full speed would have it all.
        rest = held.rest(pause=0.2)
    choose(permitting.region, PERMIT, bsn=BULKY)

    assert refused
    assert rest.closed.code == Fault.SHARING_CHANGED


MATRIX: Final = default_policy().matrix.rows
ALL: Final = frozenset(CareCategory)


@pytest.mark.parametrize("professional", [ATTACKER, PHARMACIST, NOBODYS_ROLE], ids=["GP", "pharmacist", "nobody's role"])
@pytest.mark.parametrize(
    "mandated", [frozenset(), frozenset({CareCategory.CONDITION}), frozenset({CareCategory.MEDICATION_USE, CareCategory.OBSERVATION_LABORATORY})]
)
@pytest.mark.parametrize("refused", [frozenset(), frozenset({CareCategory.CONDITION, CareCategory.MEDICATION_USE})])
def test_b13_what_leaves_is_what_mandate_and_role_and_patient_all_allow(
    permitting: AttackKit, professional: Professional, mandated: frozenset[CareCategory], refused: frozenset[CareCategory]
) -> None:
    choose(permitting.region, PERMIT, *({"permits": False, "category": category.value} for category in refused))
    there = categories_in(ask(permitting)) | refused & {CareCategory.CONDITION, CareCategory.MEDICATION_USE}
    told = ask(permitting, professional=professional, categories=mandated)
    row = next((row for (kind, role), row in MATRIX.items() if kind is None and role == professional.role), frozenset())
    by_role = row or (ALL if professional is ATTACKER else frozenset())

    assert categories_in(told) == there & by_role & (mandated or ALL) - refused


def test_b13_a_question_wider_than_its_mandate_is_cut_to_it_or_refused(permitting: AttackKit) -> None:
    narrow = frozenset({CareCategory.CONDITION})
    wider = ask(permitting, categories=narrow, selection=Selection(categories=frozenset({CareCategory.CONDITION, CareCategory.MEDICATION_USE})))
    beside = ask(permitting, categories=narrow, selection=Selection(categories=frozenset({CareCategory.MEDICATION_USE})))

    assert categories_in(wider) <= narrow
    assert beside.details == Fault.QUESTION_WIDENED


def test_b13_without_a_treatment_relationship_nothing_leaves(permitting: AttackKit) -> None:
    assert ask(permitting, treatment=None).blob == b""
    assert CANARY.encode() in ask(permitting, treatment=TreatmentBasis.REFERRED).blob


def emergency(reason: str = "unconscious", words: str = "unconscious on arrival", ago: timedelta = timedelta(0)) -> Emergency:
    """What a professional says of an emergency, and when they proved to be themselves."""
    return Emergency(reason, words, datetime.now(UTC).replace(microsecond=0) - ago)


def break_glass(
    kit: AttackKit, bsn: str = SILENT, *, professional: Professional = EMERGENCY_PHYSICIAN, said: Emergency | None = None, holder: str = HOLDER
) -> Told:
    """A question for emergency treatment."""
    return ask(kit, bsn, holder=holder, professional=professional, purpose=PurposeOfUse.EMERGENCY_TREATMENT, emergency=said)


UNBROKEN: Final[dict[str, tuple[Callable[[], Emergency | None], Professional, frozenset[Fault]]]] = {
    "nothing was said": (lambda: None, EMERGENCY_PHYSICIAN, frozenset({Fault.EMERGENCY_INCOMPLETE})),
    "a reason that nobody knows": (lambda: emergency("curious"), EMERGENCY_PHYSICIAN, frozenset({Fault.EMERGENCY_INCOMPLETE})),
    "another reason, without words": (lambda: emergency("other-needs-words", " "), EMERGENCY_PHYSICIAN, frozenset({Fault.EMERGENCY_INCOMPLETE})),
    "an old second factor": (lambda: emergency(ago=timedelta(minutes=10)), EMERGENCY_PHYSICIAN, frozenset({Fault.EMERGENCY_INCOMPLETE})),
    "a second factor of the future": (lambda: emergency(ago=-timedelta(minutes=10)), EMERGENCY_PHYSICIAN, frozenset({Fault.EMERGENCY_INCOMPLETE})),
    "a role that may not": (emergency, PHARMACIST, frozenset({Fault.EMERGENCY_INCOMPLETE, Fault.EMERGENCY_NOT_OFFERED})),
}


@pytest.mark.parametrize("name", UNBROKEN)
def test_b12_glass_does_not_break_without_reason_role_and_a_fresh_second_factor(kit: AttackKit, name: str) -> None:
    said, professional, codes = UNBROKEN[name]

    told = break_glass(kit, professional=professional, said=said())

    assert told.refused
    assert told.details in codes


@pytest.mark.parametrize(
    "name", ["nothing was said", "a reason that nobody knows", "another reason, without words", "a role that may not", "a second factor of the future"]
)
def test_b12_a_gateway_says_at_once_what_an_emergency_lacks(kit: AttackKit, name: str) -> None:
    said, professional, _ = UNBROKEN[name]
    mandate = kit.user("eschrand").mandate(SILENT, professional=professional, purpose=PurposeOfUse.EMERGENCY_TREATMENT, emergency=said())
    with kit.fhir("eschrand") as application:
        told = application.post("Patient/_search", data={"identifier": f"http://fhir.nl/fhir/NamingSystem/bsn|{SILENT}"}, headers=dict(mandate.headers()))

    assert told.status_code == 403
    assert [coding["code"] for coding in told.json()["issue"][0]["details"]["coding"]] == [Fault.EMERGENCY_INCOMPLETE.value]


def test_b12_broken_glass_shows_what_nobody_chose_about_and_has_its_own_line(kit: AttackKit) -> None:
    physician = replace(EMERGENCY_PHYSICIAN, identifier="900000670")
    before = ask(kit, SILENT)
    told = break_glass(kit, professional=physician, said=emergency())
    lines = [
        event
        for event in events_at(kit.region)
        if isinstance(event, GlassBroken) and event.asking is not None and event.asking.professional == physician.identifier
    ]

    assert before.blob == b""
    assert CANARY.encode() in told.blob
    assert {frame.outcome.basis for frame in told.frames if frame.WhichOneof("frame") == "outcome"} == {Basis.EMERGENCY.value}
    assert len(lines) == 1


def test_b12_broken_glass_shows_nothing_that_was_refused(kit: AttackKit) -> None:
    physician = replace(EMERGENCY_PHYSICIAN, identifier="900000671")
    refused = break_glass(kit, DINA.bsn, professional=physician, said=emergency(), holder="eschrand")
    unknown = break_glass(kit, STRANGER, professional=physician, said=emergency(), holder="eschrand")

    assert refused.blob == b""
    assert looks(refused) == looks(unknown)


def test_b12_of_thirty_in_a_row_only_as_many_as_the_region_allows_are_let_through(kit: AttackKit) -> None:
    physician = replace(EMERGENCY_PHYSICIAN, identifier="900000672")
    told = [break_glass(kit, a_bsn(f"998{number:05}"), professional=physician, said=emergency()) for number in range(10, 310, 10)]

    assert [one.details for one in told] == [""] * 5 + [Fault.EMERGENCY_SPENT.value] * 25


def test_b12_a_question_of_an_emergency_serves_once(kit: AttackKit) -> None:
    physician = replace(EMERGENCY_PHYSICIAN, identifier="900000673")
    mandate = kit.user().mandate(SILENT, professional=physician, purpose=PurposeOfUse.EMERGENCY_TREATMENT, emergency=emergency())
    message = question(mandate, kit.ura(HOLDER), SILENT)
    first, again = kit.gateway(HOLDER).query(message), kit.gateway(HOLDER).query(message)

    assert CANARY.encode() in first.blob
    assert again.details == Fault.PROOF_USED


def test_f6_two_users_who_ask_in_turn_each_get_their_own_answer(permitting: AttackKit) -> None:
    choose(permitting.region, PERMIT, {"permits": False, "user_kind": "mental-health", "category": CareCategory.CONDITION.value})
    answers = set()
    for _ in range(15):
        hospital = ask(permitting)
        pharmacist = ask(permitting, professional=PHARMACIST, categories=frozenset({CareCategory.MEDICATION_USE}))
        mental = ask(permitting, user="eschrand")
        answers.add((categories_in(hospital), categories_in(pharmacist), categories_in(mental)))

    everything = categories_in(hospital)
    assert answers == {(everything, frozenset({CareCategory.MEDICATION_USE}), everything - {CareCategory.CONDITION})}


INFERRING: Final = (
    "_has:Observation:patient:code=1",
    "subject:Patient.name=a",
    "patient.name=Doelwit",
    "_revinclude=Provenance:target",
    "_filter=code eq 1",
    "_text=kanarie",
    "_content=kanarie",
    "_list=1",
    "_query=all",
    "_security=R",
    "_tag=a",
    "_profile=a",
    "_contained=true",
    "_type=Condition",
    "evidence-detail=1",
    "no-such-parameter=1",
)


@pytest.mark.parametrize("parameter", INFERRING)
def test_b9_a_parameter_that_could_be_used_to_infer_is_refused_and_not_left_out(kit: AttackKit, parameter: str) -> None:
    with httpx2.Client(base_url=kit.region.fhir_url, timeout=20, trust_env=False) as client:
        answer = client.post("Condition/_search", content=f"patient.identifier={BSN_SYSTEM}|{VICTIM}&{parameter}", headers=_FORM)

    assert 400 <= answer.status_code < 500
    assert CANARY not in answer.text


_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("wish", ["", "&_summary=count", "&_total=accurate", "&_count=1", "&_sort=-date", "&_include=Condition:encounter", "&_elements=code"])
def test_b9_no_count_sorting_or_include_tells_what_is_withheld_from_what_is_not_there(kit: AttackKit, wish: str) -> None:
    told = []
    with httpx2.Client(base_url=kit.region.fhir_url, timeout=20, trust_env=False) as client:
        for bsn in (SILENT, STRANGER):
            found = client.post("Patient/_search", data={"identifier": f"{BSN_SYSTEM}|{bsn}"}).json()
            patient = found["entry"][0]["resource"]["id"]
            answer = client.get(f"Condition?patient={patient}{wish}")
            body = answer.json()
            told.append((answer.status_code, body.get("total"), [entry["resource"]["resourceType"] for entry in body.get("entry", [])], CANARY in answer.text))

    assert told[0] == told[1]
    assert not told[0][3]
