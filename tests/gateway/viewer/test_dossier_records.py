"""What a record may contain, and what the pages make of it: text, and never anything else."""

import json
from typing import Any

import pytest

from accord.wire.columns import ROW
from tests.gateway.viewer.conftest import Kit
from tests.gateway.viewer.night import batch, closed, holder, patient, planned, result, said
from tests.gateway.viewer.test_dossier_pages import PAGES, dossier_of

HOSTILE = {
    "a script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "marks that turn the direction": "\u202eevoba\u202c \u2066x\u2069 \u200f",
    "a word of 10,000 letters": "W" * 10_000,
    "emoji": "👩🏽‍⚕️🏳️‍🌈 ok",
    "quotes and braces": "\"'`{{ 7 * 7 }}{% raw %}${x}</bdi></p>",
    "a null character": "a\x00b",
}


@pytest.mark.anyio
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_whatever_a_record_says_is_text_and_nothing_else(demo: Kit, text: str) -> None:
    records = (
        patient(name=text),
        {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/1"}, "code": {"text": text}, "note": [{"text": text}]},
        {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/1"}, "code": {"text": text}},
    )
    root = await dossier_of(demo, planned(holder("brinkhof")), said("brinkhof", *records), closed("brinkhof"))
    for path in (*PAGES, "regel/0", "regel/1", "regel/2"):
        page = await demo.get(f"{root}{path}")

        assert page.status_code == 200, path
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert " 49" not in page.text.partition("<title>")[2].partition("</title>")[0]
        assert text not in page.text.partition("<title>")[2].partition("</title>")[0]


SHAPES: list[dict[str, Any]] = [
    {"resourceType": "Observation", "id": "1", "code": [], "valueQuantity": [{"value": "x"}], "subject": {"reference": "Patient/1"}},
    {
        "resourceType": "Observation",
        "id": "2",
        "valueQuantity": {"value": {"a": 1}, "unit": 7},
        "effectiveDateTime": "never",
        "subject": {"reference": "Patient/1"},
    },
    {"resourceType": "Patient", "id": "1", "name": "Dina", "birthDate": 1942, "gender": ["female"], "contact": 3},
    {"resourceType": "Patient", "id": "1", "name": [[], {"given": 4, "family": {"x": 1}}], "birthDate": "0000-99-99"},
    {"resourceType": "Consent", "id": "3", "provision": [], "category": 3, "patient": {"reference": "Patient/1"}},
    {"resourceType": "MedicationRequest", "id": "4", "dosageInstruction": {"timing": 3}, "subject": {"reference": "Patient/1"}},
]


@pytest.mark.anyio
@pytest.mark.parametrize("record", SHAPES, ids=[str(at) for at in range(len(SHAPES))])
async def test_a_record_of_another_shape_breaks_no_page(demo: Kit, record: dict[str, Any]) -> None:
    # Columns as an agent makes them of a sound record: what is inside may still be anything.
    sound = said("brinkhof", {"resourceType": record["resourceType"], "id": "x", "subject": {"reference": "Patient/1"}, "patient": {"reference": "Patient/1"}})
    content = json.dumps(record).encode()
    told = type(sound)(sound.holder, type(sound.batch)(_ending_at(sound.batch.columns, len(content)), content, 0), sound.patients)
    root = await dossier_of(demo, planned(holder("brinkhof")), told, closed("brinkhof"))
    for path in (*PAGES, "regel/0"):
        answer = await demo.get(f"{root}{path}")

        assert answer.status_code in (200, 404), path


def _ending_at(columns: bytes, end: int) -> bytes:
    fields = list(ROW.unpack(columns))
    fields[4] = end
    return ROW.pack(*fields)


@pytest.mark.anyio
async def test_an_attachment_is_fetched_when_asked_and_is_never_a_page(demo: Kit) -> None:
    document = {
        "resourceType": "DocumentReference",
        "id": "d",
        "status": "current",
        "subject": {"reference": "Patient/1"},
        "content": [{"attachment": {"contentType": "text/html", "url": "Binary/7", "title": "Brief"}}],
    }
    root = await dossier_of(demo, planned(holder("brinkhof")), said("brinkhof", document), closed("brinkhof"))
    answer = await demo.get(f"{root}regel/0/bijlage/0")

    assert answer.content.endswith(b"Binary/7")
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "Brief" not in answer.headers["content-disposition"]
    assert (await demo.get(f"{root}regel/0/bijlage/1")).status_code == 404


@pytest.mark.anyio
async def test_what_may_change_the_meaning_is_read_with_the_record_everywhere(demo: Kit) -> None:
    odd = [{"url": "urn:example:only-on-sundays", "valueBoolean": True}]
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "patient": {"reference": "Patient/1"},
        "code": {"text": "Latex"},
        "modifierExtension": odd,
    }
    root = await dossier_of(demo, planned(holder("brinkhof")), said("brinkhof", patient(), allergy), closed("brinkhof"))
    for path in ("", "allergies", "print"):
        assert "toevoeging die de betekenis kan veranderen" in (await demo.get(f"{root}{path}")).text, path


@pytest.mark.anyio
async def test_the_original_of_a_derived_record_is_fetched_at_its_holder(demo: Kit) -> None:
    content = result(1, "37.50", "2026-11-12")
    told = (planned(holder("twickelaar")), batch("twickelaar", [content], derived=True), batch("twickelaar", [result(2, "1", "2026-11-13")]))
    root = await dossier_of(demo, *told, closed("twickelaar"))

    answer = await demo.get(f"{root}regel/0/origineel")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (await demo.get(f"{root}regel/1/origineel")).status_code == 404


@pytest.mark.anyio
async def test_what_a_search_for_words_did_not_read_is_said(demo: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.viewer.filtering.MOST_READ", 1)
    contents = [result(1, "51", "2025-01-02"), result(2, "47.0", "2025-06-03", code="1988-5")]
    root = await dossier_of(demo, planned(holder("twickelaar")), batch("twickelaar", contents), closed("twickelaar"))
    await demo.post(f"{root}lab", text="nergens")

    assert "Van 1 gegevens is de tekst niet doorzocht" in (await demo.get(f"{root}lab")).text
