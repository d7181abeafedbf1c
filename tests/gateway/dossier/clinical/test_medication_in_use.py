"""Which medicines are in use, at a moment and by whose word: what is withheld, planned or about to stop is never told as something else."""

from typing import Any

import pytest

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.emergency import BlockName, emergency
from gateway.dossier.clinical.groups import Group, Rule, Standing
from tests.gateway.dossier.clinical.dossiers import agreement, batch, name, view_of

A, B, C = "dinkelhorst", "twickelaar", "wieke"
NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
NAME = "Apixaban tablet 5mg"


def in_treatment(logical_id: str, times: int, *, stop: str = "", since: str = "2026-01-01", **period: str) -> dict[str, Any]:
    """An agreement of the treatment `t`, for a period; *stop*: by which extension it says that it is a stop."""
    extension = [
        {"url": f"{NICTIZ}ext-PharmaceuticalTreatment.Identifier", "valueIdentifier": {"system": "urn:t", "value": "t"}},
        {"url": f"{NICTIZ}ext-TimeInterval.Period", "valuePeriod": period},
        *([{"url": f"{NICTIZ}{stop}", "valueCodeableConcept": {"text": "definitief"}}] if stop else []),
    ]
    return agreement(logical_id, NAME, times, since=since, extension=extension)


def groups_of(*batches: Any) -> list[Group]:
    """The groups of the only medicine."""
    (thread,) = view_of(batches).threads(Section.MEDICATION)
    return list(thread.groups)


def sides(group: Group) -> list[list[str]]:
    """Who is on which side."""
    return sorted(sorted(name(line.origin) for line in side) for side in group.sides)


@pytest.mark.parametrize("withheld", [{"status": "on-hold"}, {"doNotPerform": True}])
def test_what_is_withheld_here_and_used_there_is_never_the_same_treatment(withheld: dict[str, Any]) -> None:
    (group,) = groups_of(batch(A, agreement("1", NAME, 2, **withheld)), batch(B, agreement("2", NAME, 2)))

    assert (group.rule, sides(group)) == (Rule.STOPPED_AND_USED, [[f"{A} MedicationRequest/1"], [f"{B} MedicationRequest/2"]])


def test_what_everybody_withholds_stands_among_what_holds() -> None:
    (group,) = groups_of(batch(A, agreement("1", NAME, 2, status="on-hold")))

    assert group.standing is Standing.VALID


def test_a_stop_is_not_folded_away_where_others_differ_in_dose() -> None:
    stopped = agreement("1", NAME, 2, status="stopped")
    (group,) = groups_of(batch(A, stopped), batch(B, agreement("2", NAME, 2)), batch(C, agreement("3", NAME, 1)))

    assert (group.rule, len(group.sides)) == (Rule.STOPPED_AND_USED, 3)


def test_a_holder_that_stopped_it_later_contradicts_its_own_older_record() -> None:
    old, stopped = agreement("1", NAME, 2, since="2024-01-01"), agreement("2", NAME, 2, since="2026-10-01", status="stopped")
    again = agreement("3", NAME, 2, since="2026-11-01")

    (group,) = groups_of(batch(A, old, stopped))
    assert (group.rule, len(group.sides)) == (Rule.STOPPED_AND_USED, 2)

    in_use, before = groups_of(batch(A, old, stopped, again))
    assert ([line.origin.id for line in in_use.lines], before.standing) == (["3", "1"], Standing.EARLIER)


def test_what_begins_later_does_not_take_the_place_of_what_is_used_until_then() -> None:
    (group,) = groups_of(batch(A, in_treatment("1", 2, start="2026-01-01"), in_treatment("2", 1, since="2026-11-20", start="2026-12-01")))

    assert (group.standing, group.rule, len(group.sides)) == (Standing.VALID, Rule.DIFFERENT_DOSE, 2)


@pytest.mark.parametrize("stop", ["ext-StopType", "ext-MedicationAgreement.StopType", "zib-Medication-StopType"])
def test_a_stop_of_which_the_day_is_yet_to_come_is_in_use_until_then(stop: str) -> None:
    later = in_treatment("2", 2, stop=stop, since="2026-11-20", start="2026-01-01", end="2026-12-01")
    past = in_treatment("2", 2, stop=stop, since="2026-11-01", start="2026-01-01", end="2026-11-10")
    begun = in_treatment("1", 2, start="2026-01-01")

    assert [(group.standing, [line.origin.id for line in group.lines]) for group in groups_of(batch(A, begun, later))] == [
        (Standing.VALID, ["2"]),
        (Standing.EARLIER, ["1"]),
    ]
    assert [group.standing for group in groups_of(batch(A, begun, past))] == [Standing.EARLIER]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Insuline glargine 100E/ml", "Insuline aspart 100E/ml"),
        ("Paracetamol tablet 500mg", "Paracetamol/codeine tablet 500mg/20mg"),
        ("Amoxicilline capsule 500mg", "Amoxicilline/clavulaanzuur tablet 500mg"),
        ("Isosorbide mononitraat 60mg", "Isosorbide dinitraat 5mg"),
        ("Natrium valproaat 500mg", "Natrium picosulfaat 5mg"),
        ("", ""),
    ],
)
def test_two_medicines_of_which_the_names_begin_alike_are_two_threads(one: str, other: str) -> None:
    view = view_of([batch(A, agreement("1", one, 1), agreement("2", other, 1))])

    assert len(view.threads(Section.MEDICATION)) == len(emergency(view, ()).block(BlockName.MEDICATION).threads) == 2


@pytest.mark.parametrize(
    "product", ["Acenocoumarol tablet 1mg", "XARELTO TABLET FO 20MG", "Nadroparine inj 9500IE/ml", "Ascal cardio bruispdr 100mg", "Tablet apixaban 5mg"]
)
def test_a_blood_thinner_without_an_atc_code_stands_among_the_blood_thinners(product: str) -> None:
    coded = agreement("1", product, 1)
    coded["medicationCodeableConcept"]["coding"] = [{"system": "urn:oid:2.16.840.1.113883.2.4.4.10", "code": "12345"}]
    screen = emergency(view_of([batch(A, coded, agreement("2", "Metoprolol tablet 50mg", 1))]), ())

    assert [len(screen.block(block).threads) for block in (BlockName.BLOOD_THINNERS, BlockName.MEDICATION)] == [1, 1]


@pytest.mark.parametrize("proposed", [{"status": "draft"}, {"intent": "proposal"}])
def test_what_was_only_proposed_is_never_told_as_the_same_nor_takes_a_place(proposed: dict[str, Any]) -> None:
    agreed = agreement("1", NAME, 2, treatment="t", since="2026-01-01")
    groups = groups_of(batch(A, agreed, agreement("2", NAME, 2, treatment="t", since="2026-11-01", **proposed)))

    assert [(group.standing, [line.origin.id for line in group.lines]) for group in groups] == [(Standing.VALID, ["1"]), (Standing.VALID, ["2"])]
