"""What could stand behind something newer or longer is on the screen, or it is said how much more there is."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.ports import DossierEvent
from tests.gateway.dossier.clinical.dossiers import SNOMED, agreement, allergy, coded
from tests.gateway.viewer.conftest import Kit, says
from tests.gateway.viewer.night import batch, closed, holder, patient, planned, result, said
from tests.gateway.viewer.test_dossier_pages import dossier_of, text_of

pytestmark = pytest.mark.anyio
HOLDER = "beekdal"


def told(*records: Mapping[str, Any]) -> tuple[DossierEvent, ...]:
    """What one holder says."""
    return (planned(holder(HOLDER)), said(HOLDER, *map(dict, records)), closed(HOLDER))


def problem(logical_id: str, clinical: str, when: str) -> dict[str, Any]:
    """Diabetes, as it stood at a time."""
    return {
        "resourceType": "Condition",
        "id": logical_id,
        "clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/condition-clinical", clinical),
        "code": coded(SNOMED, "73211009", "Diabetes"),
        "subject": {"reference": "Patient/1"},
        "recordedDate": when,
    }


def hand_out(number: int) -> dict[str, Any]:
    """One of many hand-outs of the same treatment."""
    given = agreement(str(number), "Metoprolol tablet 50mg", 1, treatment="t")
    for name in ("authoredOn", "intent", "dosageInstruction"):
        del given[name]
    category, when = coded(SNOMED, "373784005"), f"2026-{1 + number // 28:02}-{1 + number % 28:02}"
    return given | {"resourceType": "MedicationDispense", "status": "completed", "category": category, "whenHandedOver": when}


async def test_two_products_of_one_substance_at_one_holder_are_both_on_the_emergency_screen(demo: Kit) -> None:
    products = (
        agreement("1", "Levothyroxine tablet 100mcg", 1, atc="H03AA01", treatment="a"),
        agreement("2", "Thyrax tablet 25mcg", 1, atc="H03AA01", treatment="b"),
    )
    page = await demo.get(await dossier_of(demo, *told(patient(), *products)))

    assert says(page, "100mcg")
    assert says(page, "25mcg")


async def test_what_ended_does_not_hide_what_is_there(demo: Kit) -> None:
    page = await demo.get(await dossier_of(demo, *told(patient(), problem("1", "active", "2020-01-01"), problem("2", "resolved", "2021-01-01"))))

    assert "1 januari 2020" in text_of(page.text)


async def test_a_newest_result_without_a_value_does_not_hide_the_last_value(demo: Kit) -> None:
    ordered = json.loads(result(2, "1", "2026-11-20T08:00:00+01:00"))
    del ordered["valueQuantity"]
    contents = [result(1, "34", "2026-11-19T08:00:00+01:00"), json.dumps(ordered | {"status": "registered"}).encode()]
    page = await demo.get(await dossier_of(demo, planned(holder(HOLDER)), batch(HOLDER, contents), closed(HOLDER)))

    assert "34" in text_of(page.text).partition("Nierfunctie")[2][:200]


async def test_sixty_sayings_are_told_as_sixty(demo: Kit) -> None:
    root = await dossier_of(demo, *told(patient(), *map(hand_out, range(60))))

    assert "waarschijnlijk hetzelfde: 60" in text_of((await demo.get(f"{root}medication")).text)


async def test_none_known_is_said_to_be_contradicted_where_there_is_an_allergy(demo: Kit) -> None:
    root = await dossier_of(demo, *told(patient(), allergy("1"), allergy("2", code="716186003")))

    for path in ("", "allergies"):
        assert "Tegengesproken: er staat wel een allergie." in text_of((await demo.get(f"{root}{path}")).text), path


async def test_p8_what_there_is_no_place_for_is_a_gap_of_every_section_that_its_holder_feeds(demo: Kit) -> None:
    object.__setattr__(demo.desk.settings, "dossier_bytes", 500)
    root = await dossier_of(demo, *told(patient(), allergy("1")))

    for path in ("", "allergies"):
        page = text_of((await demo.get(f"{root}{path}")).text)
        assert "Niet gehoord" in page or "niet (volledig) gehoord" in page, path


async def test_whether_somebody_may_decide_is_read_among_the_wishes(demo: Kit) -> None:
    url = "https://api.iknl.nl/docs/pzp/r4/StructureDefinition/ext-LegallyCapable-MedicalTreatmentDecisions"
    capable = {"url": url, "extension": [{"url": "legallyCapable", "valueBoolean": False}, {"url": "legallyCapableComment", "valueString": "sinds mei"}]}
    root = await dossier_of(demo, *told(patient(extension=[capable])))
    page = text_of((await demo.get(f"{root}planning-ahead")).text)

    assert "Niet wilsbekwaam voor medische beslissingen" in page
    assert "sinds mei" in page
