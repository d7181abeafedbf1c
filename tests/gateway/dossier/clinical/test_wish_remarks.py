"""What stands beside the wishes: told to their reader, and never a wish."""

import pytest

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.wish_remarks import read_remarks
from gateway.dossier.clinical.wishes import Remark
from tests.gateway.dossier.clinical.wish_records import Json, concept, extension, read, tree

PLANNING = concept("713603004")


def remarks(record: Json, *others: Json) -> tuple[Remark, ...]:
    named = {f"{one['resourceType']}/{one['id']}": tree(one) for one in others}
    return read_remarks(tree(record), named.get, table())


def test_a_conversation_took_place() -> None:
    procedure = {"resourceType": "Procedure", "id": "1", "status": "completed", "code": PLANNING, "performedPeriod": {"start": "2026-11-09"}}
    encounter = {"resourceType": "Encounter", "status": "finished", "reasonReference": [{"reference": "Procedure/1"}], "period": {"start": "2026-11-09"}}
    found = [*remarks(procedure), *remarks(encounter, procedure)]

    assert [(one.words.nl, one.when) for one in found] == [("Er is een gesprek over planning vooruit gevoerd", "2026-11-09")] * 2
    assert read(procedure) == ()


def test_a_conversation_that_is_only_planned_says_so() -> None:
    (found,) = remarks({"resourceType": "Procedure", "status": "preparation", "code": PLANNING})

    assert found.words.nl == "Gesprek over planning vooruit: in voorbereiding"


@pytest.mark.parametrize(("kind", "words"), [("CommunicationRequest", "Gevraagd is de naasten"), ("Communication", "De naasten zijn")])
def test_that_relatives_are_to_be_told_is_not_said_as_that_they_were(kind: str, words: str) -> None:
    (found,) = remarks({"resourceType": kind, "status": "completed", "reasonCode": [PLANNING]})

    assert found.words.nl.startswith(words)


def test_an_icd_is_told_and_says_nothing_of_switching_it_off() -> None:
    device = {"resourceType": "Device", "id": "icd", "type": concept("72506001")}
    use = {"resourceType": "DeviceUseStatement", "status": "active", "device": {"reference": "Device/icd"}, "timingPeriod": {"start": "2025"}}

    assert [(one.words.nl, one.when) for one in remarks(use, device)] == [("Heeft een ICD", "2025")]
    assert read(use, device) == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "Wilsbekwaam voor medische beslissingen"),
        (False, "Niet wilsbekwaam voor medische beslissingen"),
        ("ja", "Niet vastgelegd"),
        ([], "Niet vastgelegd"),
    ],
)
def test_legal_capacity_is_said_only_where_it_is_recorded(value: object, words: str) -> None:
    inside = [{"url": "legallyCapable", "valueBoolean": value}, {"url": "legallyCapableComment", "valueString": "bij twijfel de dochter bellen"}]
    (found,) = remarks({"resourceType": "Patient", "extension": [extension("ext-LegallyCapable-MedicalTreatmentDecisions", extension=inside)]})

    assert found.words.nl == words
    assert "bij twijfel de dochter bellen" in [told for _, told in found.notes]


def test_other_records_say_nothing_of_this() -> None:
    assert remarks({"resourceType": "Patient"}) == remarks({"resourceType": "Procedure", "code": concept("1")}) == remarks({"resourceType": "Flag"}) == ()
