"""Clinical stories on real processes: what a reader must see of Dina, whatever face it is read from."""

import json

import pytest

from accord.terms.answers import Ending
from accord.terms.vocabulary import Section
from testbed.demo_dossier import rows_of_sections, stated_at_holders, stated_in_merged
from testbed.demo_merged import FhirAnsweredOtherwise, get, read_everything
from testbed.people import DINA, DINA_HOSPITAL_ADMISSION
from testbed.region import BlockingRegion
from testbed.region_story import NOBODY

pytestmark = pytest.mark.slow


def test_both_faces_have_the_same_records(region: BlockingRegion) -> None:
    dossier, merged = region.ask(DINA.bsn), read_everything(region.fhir_url, DINA.bsn)

    told = sorted((dossier.holders[record.holder].title, record.ref.split("/")[0]) for record in dossier.records)
    shown = sorted((title, record.ref.split("/")[0]) for record in merged.records for title in record.origins)
    assert shown == told


def test_every_record_is_byte_for_byte_as_its_source_has_it(region: BlockingRegion) -> None:
    dossier = region.ask(DINA.bsn)

    kept = {(name, ref): json for name in region.files for ref, json in region.kept(name).items()}
    assert len(dossier.records) > 40
    assert all(record.json == kept[record.holder, record.ref] for record in dossier.records)


def test_what_differs_between_holders_stands_together(region: BlockingRegion) -> None:
    sections = dict(rows_of_sections(stated_in_merged(read_everything(region.fhir_url, DINA.bsn)), "nl"))

    wishes = [(row.line, row.origins, row.differs) for row in sections[Section.PLANNING_AHEAD]]
    assert wishes[:2] == [
        ("cardiopulmonale resuscitatie: nee", ("Huisartsen De Brinkhof",), True),
        ("cardiopulmonale resuscitatie: ja", ("Thuiszorg De Wieke",), True),
    ]
    assert f"opname in ziekenhuis: {DINA_HOSPITAL_ADMISSION}" in [line for line, _, _ in wishes]
    assert [row.differs for row in sections[Section.ALLERGIES]] == [True, True]
    assert {row.line.split(",")[0] for row in sections[Section.MEDICATION] if row.differs} == {"Apixaban tablet 5mg", "Apixaban tablet 2"}
    assert "CRP 37.50 mg/L" in [row.line for row in sections[Section.LAB]]


def test_over_grpc_nothing_is_folded(region: BlockingRegion) -> None:
    sections = dict(rows_of_sections(stated_at_holders(region.ask(DINA.bsn)), "en"))

    assert len([row for row in sections[Section.LAB] if row.line.startswith("eGFR") and " 34 " in row.line]) == 2


def test_somebody_whom_nobody_knows_is_not_found_and_nothing_is_claimed(region: BlockingRegion) -> None:
    dossier = region.ask(NOBODY)

    assert {line.ending for line in dossier.holders.values()} == {Ending.NOTHING_SHOWN, Ending.NOT_ASKED}
    assert "not" in dossier.note


def test_another_birth_date_is_never_shown_as_hers(region: BlockingRegion) -> None:
    dossier = region.ask(DINA.bsn, birth_date="1943-03-14")

    assert not dossier.records
    assert Ending.ANSWERED not in dossier.completeness
    assert dossier.conserves(region.files)


def test_only_the_chosen_holders_are_asked_and_the_others_have_their_line(region: BlockingRegion) -> None:
    dossier = region.ask(DINA.bsn, holders=["dinkelhorst", "twickelaar"])

    assert dossier.asked == ("dinkelhorst", "twickelaar")
    assert dossier.completeness == {Ending.ANSWERED: 2, Ending.NOT_ASKED: 9}
    assert dossier.conserves(region.files)


def test_only_the_chosen_types_come(region: BlockingRegion) -> None:
    dossier = region.ask(DINA.bsn, types=["AllergyIntolerance"])

    # The Patient records always come first, and companions where a record refers to them.
    assert {record.content["resourceType"] for record in dossier.records if not record.is_companion} == {"AllergyIntolerance", "Patient"}


def test_a_number_in_a_url_is_refused_with_a_fixed_code(region: BlockingRegion) -> None:
    with pytest.raises(FhirAnsweredOtherwise, match="400"):
        get(f"{region.fhir_url}/Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn|{DINA.bsn}")


def test_the_metadata_names_no_person(region: BlockingRegion) -> None:
    statement = json.loads(get(f"{region.fhir_url}/metadata"))

    assert statement["resourceType"] == "CapabilityStatement"
    assert statement["fhirVersion"] == "4.0.1"
