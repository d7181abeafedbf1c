"""Provenance that the gateway writes: valid FHIR, bounded, and complete."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import HolderKind
from accord.wire.columns import COMPANION, DERIVED, SPLICED
from gateway.dossier.provenance import AUTHORED, ENTITY_MAPPING, ENTITY_TARGET, MOST_TARGETS, HolderProvenance
from gateway.dossier.splicing import parse_union_id
from gateway.dossier.window import Origin

LAB = HolderName("twickelaar")
BASE = "https://gateway.example/fhir"
AT = datetime(2026, 5, 3, 12, 0, 0, 500_000, tzinfo=UTC)


def of_the_lab() -> HolderProvenance:
    """Provenance of a laboratory's answer."""
    return HolderProvenance(DataHolder(LAB, Ura("00000102"), "Lab Twickelaar", HolderKind.LABORATORY, "074 000 0000"), BASE, AT)


def checked(written: bytes | None) -> dict[str, Any]:
    """What was written, after FHIR's own models accepted it."""
    assert written is not None
    content: dict[str, Any] = json.loads(written)
    get_fhir_model_class("Provenance").model_validate(content)
    return content


def test_names_the_holder_the_time_and_each_record_in_the_merged_view() -> None:
    provenance = of_the_lab()
    provenance.add(Origin(LAB, "Observation", "1"), COMPANION)
    provenance.add(Origin(LAB, "Specimen", "x" * 60))

    assert checked(provenance.finish()) == {
        "resourceType": "Provenance",
        "id": "Noaber-twickelaar-1",
        "meta": {"tag": [AUTHORED]},
        "target": [{"reference": "Observation/twickelaar.1"}, {"reference": f"{BASE}/at/twickelaar/Specimen/{'x' * 60}"}],
        "recorded": "2026-05-03T12:00:00.500Z",
        "agent": [
            {
                "type": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "custodian", "display": "Custodian"}]
                },
                "who": {"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "00000102"}, "display": "Lab Twickelaar"},
            }
        ],
    }


def test_a_folded_record_is_listed_as_shown_and_its_original_is_named() -> None:
    provenance = of_the_lab()
    provenance.add(Origin(LAB, "Observation", "9"), 0, Origin(HolderName("dinkelhorst"), "Observation", "1"))

    written = checked(provenance.finish())

    assert written["target"] == [{"reference": "Observation/dinkelhorst.1"}]
    assert written["entity"] == [
        {
            "extension": [{"url": ENTITY_TARGET, "valueReference": {"reference": "Observation/dinkelhorst.1"}}],
            "role": "source",
            "what": {"reference": f"{BASE}/at/twickelaar/Observation/9"},
        }
    ]


def test_p13_of_what_was_converted_the_mapping_and_where_to_get_the_original_are_named() -> None:
    provenance = of_the_lab()
    provenance.add(Origin(LAB, "Observation", "1"), DERIVED, mapping="older-to-newer 2026-01-01")
    provenance.add(Origin(LAB, "Observation", "2"), 0, mapping="older-to-newer 2026-01-01")

    assert checked(provenance.finish())["entity"] == [
        {
            "extension": [
                {"url": ENTITY_TARGET, "valueReference": {"reference": "Observation/twickelaar.1"}},
                {"url": ENTITY_MAPPING, "valueString": "older-to-newer 2026-01-01"},
            ],
            "role": "derivation",
            "what": {"reference": f"{BASE}/at/twickelaar/Observation/1/$original"},
        }
    ]


def test_what_was_converted_or_spliced_has_its_original_named() -> None:
    provenance = of_the_lab()
    provenance.add(Origin(LAB, "Observation", "1"), DERIVED)
    provenance.add(Origin(LAB, "Observation", "2"), SPLICED)
    provenance.add(Origin(LAB, "Observation", "3"))

    written = checked(provenance.finish())

    assert [(entity["role"], entity["what"]["reference"]) for entity in written["entity"]] == [
        ("derivation", f"{BASE}/at/twickelaar/Observation/1"),
        ("source", f"{BASE}/at/twickelaar/Observation/2"),
    ]


def test_many_targets_make_several_and_none_is_lost() -> None:
    provenance = of_the_lab()
    parts = [part for number in range(2 * MOST_TARGETS + 5) if (part := provenance.add(Origin(LAB, "Observation", str(number))))]
    parts += [part for part in [provenance.finish()] if part]

    written = [checked(part) for part in parts]

    assert [len(each["target"]) for each in written] == [MOST_TARGETS, MOST_TARGETS, 5]
    assert len({each["id"] for each in written}) == 3
    assert {target["reference"] for each in written for target in each["target"]} == {f"Observation/twickelaar.{n}" for n in range(2 * MOST_TARGETS + 5)}
    assert provenance.finish() is None


def test_its_id_is_never_one_of_a_holders_record() -> None:
    provenance = of_the_lab()
    provenance.add(Origin(LAB, "Observation", "1"))
    written = checked(provenance.finish())["id"]

    with pytest.raises(BadInput):
        parse_union_id(written)


def test_what_belongs_to_no_patient_has_no_original_of_its_own() -> None:
    provenance = of_the_lab()
    provenance.add(Origin(LAB, "Practitioner", "p"), DERIVED | COMPANION, mapping="older-to-newer 2026-01-01")
    (entity,) = checked(provenance.finish())["entity"]

    assert entity["what"] == {"reference": f"{BASE}/at/twickelaar/Practitioner/p"}
