"""What is put together for the eye, what stands against each other, and that nothing is lost or moved by the order of arrival."""

import json
from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.emergency import BlockName, emergency
from gateway.dossier.clinical.grouping import Grouping, group
from gateway.dossier.clinical.groups import Group, Kind, Rule, Standing
from gateway.dossier.clinical.moments import moment_of
from gateway.dossier.clinical.view import ClinicalView
from tests.gateway.dossier.clinical.dossiers import AT, agreement, allergy, batch, coded, name, observation, shape, view_of

A, B, C = "dinkelhorst", "twickelaar", "wieke"
MORNING, EVENING = "2026-11-12T08:15:00+01:00", "2026-11-12T18:00:00+01:00"


def groups_of(view: ClinicalView, section: Section) -> list[Group]:
    """The groups of a section's only thread."""
    (thread,) = view.threads(section)
    return list(thread.groups)


def said(groups: list[Group]) -> list[tuple[Kind, Rule, Standing]]:
    """How groups stand."""
    return [(one.kind, one.rule, one.standing) for one in groups]


# -- Results


def test_the_same_value_on_the_same_day_at_another_holder_is_probably_the_same() -> None:
    view = view_of([batch(A, observation("1", "4.1", MORNING)), batch(B, observation("7", "4.10", "2026-11-12"))])

    assert said(groups_of(view, Section.LAB)) == [(Kind.SAME, Rule.SAME_RESULT, Standing.VALID)]


def test_who_measures_twice_has_measured_twice() -> None:
    view = view_of([batch(A, observation("1", "4.1", MORNING), observation("2", "4.1", EVENING)), batch(B, observation("7", "4.1", "2026-11-12"))])

    assert [one.kind for one in groups_of(view, Section.LAB)] == [Kind.SINGLE] * 3


def test_another_value_at_the_same_instant_is_a_conflict_and_on_the_same_day_is_not() -> None:
    at_once = view_of([batch(A, observation("1", "4.1", MORNING)), batch(B, observation("7", "5.1", MORNING))])
    that_day = view_of([batch(A, observation("1", "4.1", MORNING)), batch(B, observation("7", "5.1", EVENING))])

    assert said(groups_of(at_once, Section.LAB)) == [(Kind.CONFLICT, Rule.DIFFERENT_RESULT, Standing.VALID)]
    assert [one.kind for one in groups_of(that_day, Section.LAB)] == [Kind.SINGLE] * 2


def test_another_unit_is_another_statement() -> None:
    view = view_of([batch(A, observation("1", "4.1", "2026-11-12")), batch(B, observation("7", "4.1", "2026-11-12", unit="mg/L"))])

    assert [one.kind for one in groups_of(view, Section.LAB)] == [Kind.SINGLE] * 2


def test_a_corrected_result_takes_the_place_of_its_earlier_version_everywhere() -> None:
    view = view_of(
        [
            batch(A, observation("1", "3.4", MORNING, status="corrected", number="x")),
            batch(B, observation("7", "34", MORNING, number="x")),
            batch(C, observation("9", "3.4", MORNING, number="x")),
        ]
    )

    first, second = groups_of(view, Section.LAB)
    assert (first.kind, first.standing, sorted(name(line.origin) for line in first.lines)) == (
        Kind.SAME,
        Standing.VALID,
        [f"{A} Observation/1", f"{C} Observation/9"],
    )
    assert (second.standing, [name(line.origin) for line in second.lines]) == (Standing.EARLIER, [f"{B} Observation/7"])


def test_a_correction_of_another_moment_takes_nothings_place() -> None:
    view = view_of([batch(A, observation("1", "34", MORNING, number="x")), batch(B, observation("7", "90", "2001-01-01", status="corrected", number="x"))])

    assert said(groups_of(view, Section.LAB)) == [(Kind.CONFLICT, Rule.DIFFERENT_RESULT, Standing.VALID)]


def test_the_same_number_with_another_value_and_no_correction_is_a_conflict() -> None:
    view = view_of([batch(A, observation("1", "3.4", MORNING, number="x")), batch(B, observation("7", "34", EVENING, number="x"))])

    assert said(groups_of(view, Section.LAB)) == [(Kind.CONFLICT, Rule.DIFFERENT_RESULT, Standing.VALID)]


@pytest.mark.parametrize("status", ["final", "corrected"])
def test_what_was_entered_in_error_is_never_with_what_holds(status: str) -> None:
    wrong = observation("7", "4.1", MORNING, status="entered-in-error", number="x")
    view = view_of([batch(A, observation("1", "4.1", MORNING, status=status, number="x")), batch(B, wrong)])

    assert [(one.standing, one.kind) for one in groups_of(view, Section.LAB)] == [(Standing.VALID, Kind.SINGLE), (Standing.IN_ERROR, Kind.SINGLE)]


def test_the_identical_is_one_line_with_all_its_origins() -> None:
    view = view_of([batch(A, observation("1", "4.1", MORNING)), batch(B, observation("7", "4.1", MORNING))])

    (only,) = groups_of(view, Section.LAB)
    assert (only.kind, [name(origin) for origin in only.lines[0].also]) == (Kind.SINGLE, [f"{B} Observation/7"])


def test_when_an_answer_is_set_aside_nothing_of_the_others_goes_with_it() -> None:
    view = view_of([batch(A, observation("1", "4.1", MORNING)), batch(B, observation("7", "4.1", MORNING), observation("8", "9", EVENING))], ends=False)

    view.withdraw(batch(A, observation("1", "4.1", MORNING)).holder)

    assert sorted(name(line.origin) for one in groups_of(view, Section.LAB) for line in one.lines) == [f"{B} Observation/7", f"{B} Observation/8"]
    assert all(not line.also for line in view.lines)


# -- Allergies and problems


def test_an_allergy_confirmed_here_and_refuted_there_is_a_conflict_whoever_is_newer() -> None:
    for first, second in (("2011", "2024-05-17"), ("2024-05-17", "2011")):
        view = view_of([batch(A, allergy("1", when=first)), batch(B, allergy("2", "refuted", when=second))])

        assert said(groups_of(view, Section.ALLERGIES)) == [(Kind.CONFLICT, Rule.CONFIRMED_AND_REFUTED, Standing.VALID)]


def test_the_same_allergy_at_two_holders_is_one_group_with_both() -> None:
    view = view_of([batch(A, allergy("1")), batch(B, allergy("2", "unconfirmed", when="2024"))])

    (only,) = groups_of(view, Section.ALLERGIES)
    assert (only.kind, only.rule, [str(line.holder) for line in only.lines]) == (Kind.SAME, Rule.SAME_ALLERGY, [B, A])


def test_an_allergy_to_something_else_is_another_thread() -> None:
    view = view_of([batch(A, allergy("1")), batch(B, allergy("2", code="111088007"))])

    assert len(view.threads(Section.ALLERGIES)) == 2


# -- Medication


def test_two_doses_of_a_substance_are_a_conflict_and_the_same_amount_a_day_is_not() -> None:
    half = agreement("1", "Apixaban tablet 2,5mg", 2, atc="B01AF02")
    whole = agreement("2", "Apixaban tablet 5mg", 2, atc="B01AF02")
    once = agreement("3", "Apixaban tablet 5mg", 1, atc="B01AF02")

    assert said(groups_of(view_of([batch(A, half), batch(B, whole)]), Section.MEDICATION)) == [(Kind.CONFLICT, Rule.DIFFERENT_DOSE, Standing.VALID)]
    assert said(groups_of(view_of([batch(A, half), batch(B, once)]), Section.MEDICATION)) == [(Kind.SAME, Rule.SAME_TREATMENT, Standing.VALID)]


def test_doses_that_cannot_be_compared_stand_against_each_other() -> None:
    by_schedule = agreement("2", "Acenocoumarol tablet 1mg", 1, dosageInstruction=[{"text": "volgens schema trombosedienst"}])
    view = view_of([batch(A, agreement("1", "Acenocoumarol tablet 1mg", 2)), batch(B, by_schedule)])

    assert groups_of(view, Section.MEDICATION)[0].rule is Rule.DIFFERENT_DOSE


def test_a_substance_is_one_thread_also_where_only_one_holder_codes_it() -> None:
    view = view_of([batch(A, agreement("1", "Apixaban tablet 2,5mg", 2, atc="B01AF02")), batch(B, agreement("2", "APIXABAN SANDOZ TABLET FO 5MG", 2))])

    assert [one.rule for one in groups_of(view, Section.MEDICATION)] == [Rule.DIFFERENT_DOSE]


def test_what_was_stopped_here_and_is_used_there_is_a_conflict() -> None:
    stopped = agreement("1", "Apixaban tablet 5mg", 2, atc="B01AF02", treatment="t", status="stopped")
    view = view_of([batch(A, stopped), batch(B, agreement("2", "Apixaban tablet 5mg", 2, atc="B01AF02", treatment="t"))])

    assert said(groups_of(view, Section.MEDICATION)) == [(Kind.CONFLICT, Rule.STOPPED_AND_USED, Standing.VALID)]


def test_of_one_holder_and_treatment_the_newest_agreement_holds() -> None:
    view = view_of(
        [
            batch(
                A,
                agreement("1", "Metoprolol tablet 50mg", 1, treatment="t", since="2024-01-01"),
                agreement("2", "Metoprolol tablet 50mg", 2, treatment="t", since="2026-01-01"),
            )
        ]
    )

    assert [(one.standing, [line.origin.id for line in one.lines]) for one in groups_of(view, Section.MEDICATION)] == [
        (Standing.VALID, ["2"]),
        (Standing.EARLIER, ["1"]),
    ]


def test_a_product_that_arrives_after_what_refers_to_it_still_names_its_treatment() -> None:
    asked = agreement("1", "", 2)
    del asked["medicationCodeableConcept"]
    asked["medicationReference"] = {"reference": "Medication/9"}
    product = {"resourceType": "Medication", "id": "9", "code": coded("http://www.whocc.no/atc", "B01AF02", "Apixaban tablet 5mg")}

    one = view_of([batch(A, asked), batch(A, product)])
    other = view_of([batch(A, product), batch(A, asked)])

    assert shape(one.threads(Section.MEDICATION)) == shape(other.threads(Section.MEDICATION))
    assert one.threads(Section.MEDICATION)[0].about == "atc B01AF02"
    assert [line.number for line in one.lines] == [0]


def test_a_blood_thinner_that_nobody_coded_is_one_by_its_name() -> None:
    view = view_of([batch(A, agreement("1", "Acenocoumarol Teva 1 mg tablet", 1), agreement("2", "Metoprolol 50 mg tablet", 1))])

    assert [thread.about for thread in emergency(view, ()).block(BlockName.BLOOD_THINNERS).threads] == ["name acenocoumarol"]
    assert [thread.about for thread in emergency(view, ()).block(BlockName.MEDICATION).threads] == ["name metoprolol"]


def test_an_instruction_without_a_date_begins_with_its_period_of_use() -> None:
    since = [{"url": "http://nictiz.nl/fhir/StructureDefinition/ext-TimeInterval.Period", "valuePeriod": {"start": "2022-11-22"}}]
    instruction = agreement("1", "Metoprolol tablet 50mg", 1, extension=since, authoredOn=None) | {"resourceType": "MedicationDispense"}
    del instruction["authoredOn"], instruction["intent"]

    (line,) = view_of([batch(A, instruction)]).lines
    assert line.moment == moment_of("2022-11-22")


# -- Laws

_VALUES = st.sampled_from(["4.1", "4.10", "5"])
_WHEN = st.sampled_from(["2026", "2026-11-12", MORNING, EVENING, "2026-11-12T17:00:00Z", "nonsense"])
_RESULTS = st.builds(
    lambda value, when, code, status, number: observation("", value, when, code=code, status=status, number=number),
    _VALUES,
    _WHEN,
    st.sampled_from(["2823-3", "1988-5"]),
    st.sampled_from(["final", "corrected", "amended", "preliminary", "entered-in-error"]),
    st.sampled_from(["", "", "x", "y"]),
)
_ALLERGIES = st.builds(
    lambda verified, when: allergy("", verified, when=when),
    st.sampled_from(["confirmed", "refuted", "unconfirmed", "entered-in-error"]),
    _WHEN.filter(lambda w: w != "nonsense"),
)
_MEDICINES = st.builds(
    lambda product, times, atc, treatment, since, status: agreement("", product, times, atc=atc, treatment=treatment, since=since, status=status),
    st.sampled_from(["Apixaban tablet 2,5mg", "Apixaban tablet 5mg", "Eliquis 5mg", ""]),
    st.integers(1, 3),
    st.sampled_from(["", "B01AF02", "B01AF01"]),
    st.sampled_from(["", "t", "u"]),
    st.sampled_from(["2024-01-01", "2026-01-01", "2026"]),
    st.sampled_from(["active", "stopped", "completed", "entered-in-error"]),
)
_DOSSIERS = st.lists(st.tuples(st.sampled_from([A, B, C]), _RESULTS | _ALLERGIES | _MEDICINES), max_size=14)


def numbered(drawn: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Each record with an id of its own at its holder."""
    return [(holder, record | {"id": f"{place}"}) for place, (holder, record) in enumerate(drawn)]


@given(_DOSSIERS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(drawn: list[tuple[str, dict[str, Any]]], chance: Any) -> None:
    records = numbered(drawn)
    shuffled = list(records)
    chance.shuffle(shuffled)

    one = view_of(batch(holder, record) for holder, record in records)
    other = view_of(batch(holder, record) for holder, record in shuffled)

    assert _by_statement(one) == _by_statement(other)


def _by_statement(view: ClinicalView) -> list[Any]:
    """All sections, each line by what it says and who says so: which of the identical is shown, and for which twin of one holder, is nobody's affair."""
    standing: list[Any] = []
    for section in Section:
        for thread in view.threads(section):
            for one in thread.groups:
                sides = sorted(sorted([line.says, *sorted(map(str, line.holders))] for line in side) for side in one.sides)
                # What is about nothing else is about the record itself: the one that is shown.
                about = "=" if thread.about.startswith("= ") else thread.about
                standing.append((section.value, about, str(one.kind), str(one.rule), str(one.standing), sides))
    return sorted(standing, key=json.dumps)


@given(_DOSSIERS)
def test_every_record_is_in_exactly_one_place(drawn: list[tuple[str, dict[str, Any]]]) -> None:
    records = numbered(drawn)

    view = view_of(batch(holder, record) for holder, record in records)

    places = Counter(name(origin) for section in Section for thread in view.threads(section) for line in thread.lines for origin in (line.origin, *line.also))
    assert places == Counter(f"{holder} {record['resourceType']}/{record['id']}" for holder, record in records)


@given(_DOSSIERS, st.lists(st.integers(0, 2), min_size=14, max_size=14))
def test_grouping_of_groups_equals_grouping_of_all(drawn: list[tuple[str, dict[str, Any]]], parts: list[int]) -> None:
    lines = list(view_of(batch(holder, record) for holder, record in numbered(drawn)).lines)
    for section in Section:
        own = [line for line in lines if line.section is section]
        grouped_apart = [group(section, [line for place, line in enumerate(own) if parts[place % 14] == part]) for part in range(3)]
        grouping = Grouping(section)
        for threads in grouped_apart:
            for thread in threads:
                for line in thread.lines:
                    grouping.add(line)

        assert shape(grouping.threads()) == shape(group(section, own))


@given(_DOSSIERS)
def test_what_was_entered_in_error_stands_alone(drawn: list[tuple[str, dict[str, Any]]]) -> None:
    view = view_of(batch(holder, record) for holder, record in numbered(drawn))

    for section in Section:
        for thread in view.threads(section):
            for one in thread.groups:
                assert {line.in_error for line in one.lines} == {one.standing is Standing.IN_ERROR}
                assert one.standing is not Standing.IN_ERROR or len(one.lines) == 1


def test_three_holders_in_any_order_come_to_the_same_screen() -> None:
    batches = [
        batch(A, observation("1", "4.1", MORNING), allergy("2"), agreement("3", "Apixaban tablet 2,5mg", 2, atc="B01AF02")),
        batch(B, observation("1", "4.1", MORNING), agreement("2", "Apixaban tablet 5mg", 2, atc="B01AF02")),
        batch(C, allergy("1", "refuted", when="2024"), observation("2", "4.1", "2026-11-12")),
    ]

    screens = [_by_statement(view_of(order)) for order in permutations(batches)]

    assert all(screen == screens[0] for screen in screens)


# -- What has another shape


@pytest.mark.parametrize(
    "broken",
    [
        {"resourceType": "Observation", "id": "1", "code": "text", "subject": {"reference": "Patient/1"}},
        {"resourceType": "Observation", "id": "1", "code": {"coding": {"code": "x"}}, "valueQuantity": [], "subject": {"reference": "Patient/1"}},
        {"resourceType": "AllergyIntolerance", "id": "1", "code": 5, "patient": {"reference": "Patient/1"}},
        {"resourceType": "MedicationRequest", "id": "1", "dosageInstruction": "x", "extension": {"url": 5}, "subject": {"reference": "Patient/1"}},
        {"resourceType": "Encounter", "id": "1", "period": "yesterday", "subject": {"reference": "Patient/1"}},
        {"resourceType": "Consent", "id": "1", "provision": [], "patient": {"reference": "Patient/1"}},
    ],
)
def test_a_record_of_another_shape_has_a_line_of_its_own(broken: dict[str, Any]) -> None:
    text = json.dumps(broken).encode()
    good = batch(A, {"resourceType": broken["resourceType"], "id": "1", "subject": {"reference": "Patient/1"}})
    columns = bytearray(good.batch.columns)
    columns[28:32] = len(text).to_bytes(4, "little")
    view = view_of([type(good)(good.holder, type(good.batch)(bytes(columns), text, 0), good.patients)])

    assert [(line.origin.type, line.origin.id) for line in view.lines] == [(broken["resourceType"], "1")]


def test_what_there_is_no_place_for_is_counted_by_holder() -> None:
    many = batch(B, *(observation(str(number), "4.1", MORNING, number=str(number)) for number in range(50)))

    view = view_of([batch(A, allergy("1")), many], most_bytes=20_000)

    assert ({str(holder): count for holder, count in view.left_out.items()}, [line.origin.type for line in view.lines]) == ({B: 50}, ["AllergyIntolerance"])


def test_the_moment_of_the_view_decides_what_is_over() -> None:
    until = [{"url": "http://nictiz.nl/fhir/StructureDefinition/ext-TimeInterval.Period", "valuePeriod": {"end": "2026-11-20"}}]
    view = view_of([batch(A, agreement("1", "Amoxicilline capsule 500mg", 3, extension=until))])

    assert (view.at, [one.standing for one in groups_of(view, Section.MEDICATION)]) == (AT, [Standing.EARLIER])
