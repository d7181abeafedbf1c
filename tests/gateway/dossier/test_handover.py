"""The handover of Dina: what holds and what contradicts it, whom to call, who was not heard, and the records byte for byte."""

import json
import re
from dataclasses import replace
from datetime import date
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET

from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.terms.answers import Ending
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import DataUser, Professional
from accord.terms.vocabulary import HolderKind
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.view import ClinicalView
from gateway.dossier.documents.handing_over import write_handover
from gateway.dossier.documents.handover import HANDOVER
from gateway.dossier.documents.transferring import Transfer
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed
from testbed.people import DINA
from tests.gateway.dossier.clinical.dossiers import AT, batch
from tests.gateway.viewer.night import QUERY, closed, dinas_night, ended, planned, said
from tests.gateway.viewer.night import holder as holder_of

Json = dict[str, Any]
BASE = "https://dossier.dinkelhorst.example/fhir"
TRANSFER = Transfer(
    DataUser(Ura("90000001"), "Ziekenhuis Dinkelhorst", HolderKind.HOSPITAL),
    Professional("900000077", "30.000", "Gerben Nieuwe Haarman"),
    "074-555 0101",
    "Zorghuis 't Weefgetouw",
    Ura("90000009"),
    "verpleeghuis, 1 plek",
    date(2026, 11, 26),
    Bsn(DINA.bsn),
    None,
    "Graag een rustige kamer <b>achter</b>.",
)


def handed_over(events: tuple[DossierEvent, ...], transfer: Transfer = TRANSFER) -> bytes:
    view, account = ClinicalView(table(), AT), Completeness(QUERY, (), ())
    for event in events:
        match event:
            case HolderBatch():
                view.take(event)
            case HolderClosed():
                view.settle(event.holder)
            case Completeness():
                account = event
                view.finish()
    return write_handover(view, account, transfer, base=BASE, at=AT)


def sections(document: Json) -> dict[str, Json]:
    return {section["code"]["coding"][0]["code"]: section for section in document["entry"][0]["resource"]["section"]}


def words(section: Json) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", section["text"]["div"]))


def test_wishes_and_contradictions_stand_in_words_with_who_says_so() -> None:
    found = sections(json.loads(handed_over(dinas_night())))
    wishes = words(found["42348-3"])

    assert "Niet reanimeren; 7 november 2026; Huisartsen De Brinkhof<br/>≠ tegenstrijdig met: Thuiszorg De Wieke</li>" in found["42348-3"]["text"]["div"]
    assert re.search("Wel reanimeren; [^≠]*Thuiszorg De Wieke ≠ tegenstrijdig met: Huisartsen De Brinkhof", wishes)
    assert "Ja, mits: alleen als thuis of in het zorghuis behandelen niet kan, en na overleg met dochter Ria." in wishes
    assert re.search("Apixaban tablet 2,5mg: 2 maal per dag 1 stuk; [^≠]* ≠ tegenstrijdig met: Apotheek De Vijzelmarke", words(found["10160-0"]))
    assert "woont alleen" in words(found["29762-2"])
    assert "Ria Olde Wolbers (vertegenwoordiger, dochter): 06-55500017" in words(found["contacts"])


def test_reanimation_stands_before_every_other_wish_and_admission_after_it() -> None:
    plan = planned(holder_of("brinkhof", HolderKind.GP_PRACTICE))
    told = (wish("1", "32485007", "deny", "2026-11-09"), wish("2", "89666000", "deny", "2026-01-02"), wish("3", "305351004", "permit", "2026-11-20"))
    wishes = words(sections(json.loads(handed_over(ended((plan, said("brinkhof", *told), closed("brinkhof"))))))["42348-3"])
    places = [wishes.index(subject) for subject in ("Reanimatie", "Opname op de intensive care", "Ziekenhuisopname")]

    assert places == sorted(places)


def wish(name: str, treatment: str, answer: str, day: str) -> Json:
    """A directive about one treatment."""
    system = "http://snomed.info/sct"
    return {
        "resourceType": "Consent",
        "id": name,
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]},
        "category": [{"coding": [{"system": system, "code": "129125009"}]}],
        "dateTime": day,
        "provision": {"type": answer, "code": [{"coding": [{"system": system, "code": treatment}]}]},
    }


def test_who_confirms_and_who_refutes_an_allergy_are_both_told_to() -> None:
    allergies = words(sections(json.loads(handed_over(dinas_night())))["48765-2"])

    assert "(bevestigd); 2011; Ziekenhuis Dinkelhorst ≠ tegenstrijdig met: Ziekenhuis Reggerbrug" in allergies
    assert re.search(r"Penicilline: [^(]*\([^)]*weerlegd\); [^≠]*Ziekenhuis Reggerbrug ≠", allergies)


def test_the_reason_that_was_confirmed_stands_first() -> None:
    document = json.loads(handed_over(dinas_night(), replace(TRANSFER, reason="heupfractuur <links>")))
    task = next(entry["resource"] for entry in document["entry"] if entry["resource"]["resourceType"] == "Task")

    assert "<li>Reden: heupfractuur &lt;links&gt;</li><li>Nu verantwoordelijk" in document["entry"][0]["resource"]["section"][0]["text"]["div"]
    assert task["reasonCode"] == {"text": "heupfractuur <links>"}


def test_who_reads_it_elsewhere_reads_its_title_once_and_of_no_emergency_access() -> None:
    *before, account = dinas_night()
    assert isinstance(account, Completeness)
    composition = json.loads(handed_over((*before, replace(account, emergency_offered=True))))["entry"][0]["resource"]

    assert "Verpleegkundige overdracht" not in words(composition)
    assert "noodgeval" not in words(composition)
    assert "Vraag het de patiënt en bel bij twijfel." in words(composition)


def test_of_measurements_the_last_is_handed_over_and_the_others_are_counted() -> None:
    measured = words(sections(json.loads(handed_over(dinas_night())))["measurements"])

    assert "34 mL/min" in measured
    assert "38 mL/min" not in measured
    assert "Niet opgenomen, want vervangen of beëindigd: 7" in measured
    assert "37.50 mg/L" in measured


def test_who_was_not_heard_is_named_and_nothing_is_said_not_to_be_there() -> None:
    text = handed_over(dinas_night()).decode()
    found = sections(json.loads(text))
    empty = [section["emptyReason"]["coding"][0]["code"] for section in found.values() if "emptyReason" in section]

    assert "Huisartsenpost Marksveen: Niet bereikbaar; niet gehoord." in words(found["completeness"])
    assert "Ambulance Losserveld" in words(found["48765-2"])
    assert empty
    assert set(empty) <= {"unavailable", "nothing-shown"}
    assert "nilknown" not in text
    assert "notasked" not in text


def test_p13_records_stand_in_it_byte_for_byte_and_their_references_lead_to_entries() -> None:
    events = dinas_night()
    text = handed_over(events).decode()
    kept = b"".join(event.batch.blob for event in events if isinstance(event, HolderBatch)).decode()
    entries = json.loads(text)["entry"]
    whole = {entry["fullUrl"] for entry in entries}
    starts = [found.end() for found in re.finditer(r'"fullUrl":"[^"]+/at/[^"]+","resource":', text)]

    assert len(starts) > 20
    assert re.search(r'"value": ?37\.50', text)
    assert all(text[start : json.JSONDecoder().raw_decode(text, start)[1]] in kept for start in starts)
    assert {entry["reference"] for section in entries[0]["resource"]["section"] for entry in section.get("entry", ())} <= whole
    assert len(whole) == len(entries)


def test_it_is_a_document_with_a_task_that_models_of_fhir_can_read() -> None:
    document = json.loads(handed_over(dinas_night()))
    Bundle.model_validate({**document, "entry": [one for one in document["entry"] if "/at/" not in one["fullUrl"]]})
    task = next(entry["resource"] for entry in document["entry"] if entry["resource"]["resourceType"] == "Task")

    assert document["type"] == "document"
    assert document["entry"][0]["resource"]["resourceType"] == "Composition"
    assert task["code"]["coding"][0]["code"] == "308292007"
    assert task["owner"]["identifier"]["value"] == "90000009"
    assert task["executionPeriod"] == {"start": "2026-11-26"}


def test_who_hands_over_and_what_they_add_stands_first_and_is_no_markup() -> None:
    document = json.loads(handed_over(dinas_night()))
    first = document["entry"][0]["resource"]["section"][0]

    assert "Nu verantwoordelijk: Ziekenhuis Dinkelhorst, Gerben Nieuwe Haarman" in words(first)
    assert "&lt;b&gt;achter&lt;/b&gt;" in first["text"]["div"]
    assert "verstuurd door Gerben Nieuwe Haarman" in document["entry"][0]["resource"]["text"]["div"]


def test_a_wound_by_its_code_or_its_profile_stands_among_the_wounds() -> None:
    coded = {"resourceType": "Condition", "id": "1", "code": {"coding": [{"system": "http://snomed.info/sct", "code": "399912005", "display": "decubitus"}]}}
    profiled = {
        "resourceType": "Condition",
        "id": "2",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-Wound"]},
        "code": {"text": "snee"},
    }
    plan = planned(holder_of("brinkhof", HolderKind.GP_PRACTICE))
    events = ended((plan, said("brinkhof", coded, profiled), closed("brinkhof")))
    wounds = words(sections(json.loads(handed_over(events)))["wounds"])

    assert "ecubitus" in wounds
    assert "nee" in wounds


def test_where_nobody_was_heard_every_section_says_so() -> None:
    cards = (holder_of("brinkhof", HolderKind.GP_PRACTICE), holder_of("dinkelhorst"))
    events = ended((planned(*cards), *(closed(card.name.value, Ending.UNREACHABLE) for card in cards)))
    found = sections(json.loads(handed_over(events)))

    assert {section.code.code for section in HANDOVER.sections} <= set(found)
    assert all(section["emptyReason"]["coding"][0]["code"] == "unavailable" for code, section in found.items() if code not in {"transfer", "completeness"})


_MEMBERS = (
    "code category provision type text coding display system valueQuantity value unit status clinicalStatus scope reference device subject meta profile "
    "medicationReference modifierExtension extension url valueString valueCodeableConcept effectiveDateTime component dosage name given family "
    "relationship telecom generalPractitioner contact contained"
).split()
_KINDS = "Observation Condition Consent Goal Procedure RelatedPerson MedicationRequest Patient AllergyIntolerance Flag CarePlan DeviceUseStatement".split()
_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.sampled_from(["416462003", "http://snomed.info/sct", "Patient/1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_KINDS), st.dictionaries(st.sampled_from(_MEMBERS), _SHAPES, max_size=6)), max_size=4))
def test_no_shape_of_a_record_breaks_it(records: list[tuple[str, Json]]) -> None:
    view = ClinicalView(table(), AT)
    made = [{**content, "resourceType": kind, "id": "1" if number < 2 else str(number)} for number, (kind, content) in enumerate(records)]
    view.take(batch("brinkhof", *[json.loads(json.dumps(one)) for one in made if _can_travel(one)]))
    view.finish()
    account = Completeness(QUERY, (), ())
    document = json.loads(write_handover(view, account, TRANSFER, base=BASE, at=AT))

    for section in document["entry"][0]["resource"]["section"]:
        ET.fromstring(section["text"]["div"])  # noqa: S314 - our own, written a moment ago


def _can_travel(record: Json) -> bool:
    try:
        batch("brinkhof", record)
    except Exception:  # noqa: BLE001 - an agent sends nothing of it
        return False
    return True


def test_what_is_not_in_the_register_is_called_by_its_name() -> None:
    view = ClinicalView(table(), AT)
    view.take(batch("brinkhof", {"resourceType": "Flag", "id": "1", "code": {"text": "valgevaar"}}))
    view.finish()
    text = write_handover(view, Completeness(QUERY, (), ()), TRANSFER, base=BASE, at=AT).decode()

    assert "Valgevaar; brinkhof" in text
