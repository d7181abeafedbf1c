"""What the dossier says that bears on a need: stated facts count, silence is unknown, contradictions are unknown and shown."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.link.needing_file import default_needs
from accord.rules.capacity.needing import Fact, Known, propose
from accord.terms.capacity import CareKind
from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import HolderKind
from gateway.places.facts import Found, read_facts
from testbed.people import BENNIE
from testbed.people.region import generate
from tests.gateway.dossier.clinical.dossiers import batch, coded, view_of
from tests.gateway.viewer.night import batch as sent

Json = dict[str, Any]
SNOMED = "http://snomed.info/sct"
TODAY = date(2026, 11, 23)
KINDS = {HolderName("wieke"): HolderKind.HOME_CARE, HolderName("dinkelhorst"): HolderKind.HOSPITAL}


def read(**of: list[Json]) -> Found:
    return read_facts(view_of(batch(name, *records) for name, records in of.items()), KINDS, TODAY)


def living(logical_id: str, code: str) -> Json:
    return {
        "resourceType": "Observation",
        "id": logical_id,
        "status": "final",
        "category": [coded("http://terminology.hl7.org/CodeSystem/observation-category", "social-history")],
        "code": coded(SNOMED, "365508006"),
        "effectiveDateTime": "2026-01-05",
        "valueCodeableConcept": coded(SNOMED, code),
    }


def test_who_lives_alone_is_known_with_the_line_that_says_so() -> None:
    found = read(wieke=[living("1", "105529008")])

    assert found.facts.lives_alone is Known.YES
    assert [line.holder.value for line in found.evidence[Fact.LIVES_ALONE]] == ["wieke"]
    assert found.facts.help_at_home is Known.UNKNOWN


def test_two_that_contradict_each_other_make_it_unknown_and_both_are_shown() -> None:
    found = read(wieke=[living("1", "105529008")], dinkelhorst=[living("2", "408821002")])

    assert found.facts.lives_alone is Known.UNKNOWN
    assert len(found.evidence[Fact.LIVES_ALONE]) == 2


def test_silence_is_unknown_and_never_no() -> None:
    found = read(dinkelhorst=[])

    assert {found.facts.known(fact) for fact in Fact if fact is not Fact.AGE} == {Known.UNKNOWN}
    assert found.facts.age is None


def test_a_plan_of_home_care_is_home_care_and_one_of_a_hospital_is_not() -> None:
    plan = {"resourceType": "CarePlan", "id": "1", "status": "active", "intent": "plan", "title": "hulp bij wassen"}

    assert read(wieke=[plan]).facts.home_care is Known.YES
    assert read(wieke=[{**plan, "status": "completed"}]).facts.home_care is Known.UNKNOWN
    assert read(dinkelhorst=[plan]).facts.home_care is Known.UNKNOWN


def test_dementia_and_a_wound_are_read_from_problems_and_a_refuted_one_is_not() -> None:
    verified = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    dementia = {"resourceType": "Condition", "id": "1", "code": coded(SNOMED, "52448006")}
    wound = {"resourceType": "Condition", "id": "2", "code": coded(SNOMED, "399912005")}

    found = read(dinkelhorst=[dementia, wound])
    refuted = read(dinkelhorst=[{**dementia, "verificationStatus": coded(verified, "refuted")}])

    assert found.facts.cognitive_problems is Known.YES
    assert found.facts.wound is Known.YES
    assert refuted.facts.cognitive_problems is Known.UNKNOWN


WALKING, PLACE, PALLIATIVE = "282097004", "395091006", "103735009"


def observed(logical_id: str, code: str, value: str, **more: Any) -> Json:
    category = coded("http://terminology.hl7.org/CodeSystem/observation-category", "survey")
    return {
        "resourceType": "Observation",
        "id": logical_id,
        "status": "final",
        "category": [category],
        "code": coded(SNOMED, code),
        "effectiveDateTime": "2026-11-05",
        "valueCodeableConcept": coded(SNOMED, value),
        **more,
    }


@pytest.mark.parametrize(
    ("value", "walks"),
    [("165245003", Known.YES), ("16581000146103", Known.NO), ("282145008", Known.NO), ("282144007", Known.UNKNOWN)],
    ids=["independently", "with-help", "not", "able-to-and-nobody-says-how"],
)
def test_who_walks_without_help_is_known_where_that_is_said(value: str, walks: Known) -> None:
    part = {"code": coded(SNOMED, WALKING), "valueCodeableConcept": coded(SNOMED, value)}
    as_part = observed("2", "301438001", value, component=[{"code": coded(SNOMED, "301587001"), "valueCodeableConcept": coded(SNOMED, "165245003")}, part])
    del as_part["valueCodeableConcept"]

    assert read(wieke=[observed("1", WALKING, value)]).facts.walks is walks
    assert read(wieke=[as_part]).facts.walks is walks


@pytest.mark.parametrize(("status", "oxygen"), [("in-progress", Known.YES), ("completed", Known.UNKNOWN), ("entered-in-error", Known.UNKNOWN)])
def test_oxygen_that_was_given_once_is_not_needed_now(status: str, oxygen: Known) -> None:
    given_once = {"resourceType": "Procedure", "id": "1", "status": status, "code": coded(SNOMED, "57485005")}

    assert read(dinkelhorst=[given_once]).facts.oxygen is oxygen


@pytest.mark.parametrize(
    ("place", "wants"), [("264362003", Known.YES), ("284546000", Known.NO), ("108344006", Known.NO)], ids=["home", "hospice", "nursing-home"]
)
def test_where_somebody_would_like_to_die_says_whether_they_want_home_in_the_last_phase_and_is_else_shown_and_asked(place: str, wants: Known) -> None:
    wish = observed("1", PLACE, place)
    last_phase = {"resourceType": "Procedure", "id": "2", "status": "in-progress", "code": coded(SNOMED, PALLIATIVE)}
    in_it, before = read(wieke=[wish], dinkelhorst=[last_phase]), read(wieke=[wish])

    assert in_it.facts.wants_home is wants
    assert before.facts.wants_home is Known.UNKNOWN
    assert [line.holder.value for line in in_it.evidence[Fact.WANTS_HOME]] == [line.holder.value for line in before.evidence[Fact.WANTS_HOME]] == ["wieke"]


def test_wishes_that_contradict_each_other_and_those_in_words_are_left_to_a_person() -> None:
    last_phase = {"resourceType": "Procedure", "id": "2", "status": "in-progress", "code": coded(SNOMED, PALLIATIVE)}
    words = {**observed("3", "153851000146100", ""), "valueString": "Het liefst bij mijn dochter in de buurt."}
    del words["valueCodeableConcept"]
    found = read(wieke=[observed("1", PLACE, "264362003"), words], dinkelhorst=[last_phase, observed("4", PLACE, "284546000")])

    assert found.facts.wants_home is Known.UNKNOWN
    assert len(found.evidence[Fact.WANTS_HOME]) == 3


def test_what_is_planned_is_the_occasion_before_what_somebody_has() -> None:
    knee = {"resourceType": "Condition", "id": "1", "code": coded(SNOMED, "239873007"), "recordedDate": "2026-11-20"}
    request = {"resourceType": "ServiceRequest", "id": "2", "status": "active", "intent": "order", "code": coded(SNOMED, "609588000")}
    found = read(dinkelhorst=[knee, {**request, "occurrenceDateTime": "2026-12-12"}])

    assert found.occasions[0].codes == {"609588000"}
    assert found.occasions[0].day == date(2026, 12, 12)
    assert found.occasions[0].is_planned


def test_bennies_new_knee_in_three_weeks_is_the_occasion_of_what_is_proposed() -> None:
    kept = generate(2026, 60).kept
    mine = {name: [one.json for one in records if any(who in one.json for who in _names(records, BENNIE.bsn))] for name, records in kept.items()}
    found = read_facts(view_of(sent(name, records) for name, records in mine.items() if records), KINDS, TODAY)
    planned = found.occasions[0]
    proposed = propose(default_needs(), planned.codes, found.facts, planned.day or TODAY)

    assert planned.is_planned
    assert planned.day is not None
    assert (planned.day - TODAY).days in range(17, 22)
    assert [one.occasion.key for one in proposed][:1] == ["knee-replacement"]
    assert proposed[0].need.kind is CareKind.DISTRICT_NURSING


def _names(records: Sequence[Any], bsn: str) -> list[bytes]:
    """By what the records of a person refer to them."""
    trees = [json.loads(one.json) for one in records if bsn.encode() in one.json]
    ids = [tree["id"] for tree in trees if tree["resourceType"] == "Patient"]
    return [bsn.encode(), *(f'"Patient/{one}"'.encode() for one in ids)]


def test_the_age_goes_by_ten_years_and_is_unknown_where_birth_dates_differ() -> None:
    dina = {"resourceType": "Patient", "id": "1", "birthDate": "1942-03-14"}

    assert read(dinkelhorst=[dina]).facts.age == 80
    assert read(dinkelhorst=[dina], wieke=[{**dina, "birthDate": "1941-03-14"}]).facts.age is None


_MEMBERS = "code category status coding system value birthDate valueCodeableConcept device reference type occurrencePeriod start meta profile".split()
_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5) | st.sampled_from([SNOMED, "365508006", "105529008", "57485005"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=4),
    max_leaves=15,
)
_KINDS = "Observation Condition CarePlan ServiceRequest Procedure DeviceUseStatement Patient Consent".split()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_KINDS), st.dictionaries(st.sampled_from(_MEMBERS), _SHAPES, max_size=6)), max_size=4))
def test_no_shape_of_a_record_breaks_it(records: list[tuple[str, Json]]) -> None:
    travels = []
    for number, (kind, content) in enumerate(records):
        record = json.loads(json.dumps({**content, "resourceType": kind, "id": str(number)}))
        try:
            batch("wieke", record)
        except Exception:  # noqa: BLE001, S112 - an agent sends nothing of it
            continue
        travels.append(record)

    assert read(wieke=travels).facts.walks in tuple(Known)
