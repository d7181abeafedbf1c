"""The records of a document: byte for byte, once each, closed, and nothing of whoever is set aside."""

import json

import pytest

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from gateway.dossier.splicing import unsplice
from tests.gateway.api.conftest import Opened
from tests.gateway.api.documents import (
    BASE,
    asked,
    coded,
    entries,
    gp,
    reason,
    record,
    references,
    resolved,
    resources,
    sections,
    timeless,
)
from tests.gateway.api.fake_region import FakeDoor, FakeHolder, encounter, observation, patient

pytestmark = pytest.mark.anyio


async def test_p13_records_are_there_byte_for_byte_but_for_their_splices(face: Opened) -> None:
    holder = gp()
    async with face([holder]) as client:
        answer = await asked(client)

    assert b'"value": 37.50' in answer.content
    for text in holder.records:
        kind, own_id = json.loads(text)["resourceType"], json.loads(text)["id"]
        if own_id in ("privacy", "r1"):
            continue
        start = answer.content.index(f'"fullUrl":"{BASE}/{kind}/gp.{own_id}","resource":'.encode())
        body = answer.content[start:].split(b'"resource":', 1)[1]
        spliced = body[: len(text) + body[: len(text) * 2].split(b'},{"fullUrl"')[0].count(b"gp.") * len("gp.")]
        assert unsplice(spliced, holder.registered.name, BASE) == text


async def test_the_identical_stands_once_with_everybody_who_said_it_and_what_refers_to_it_still_resolves(face: Opened) -> None:
    def holder(name: str) -> FakeHolder:
        because = record(
            "MedicationStatement",
            f"{name}-m",
            status="active",
            medicationCodeableConcept={"text": name},
            reasonReference=[{"reference": f"Condition/{name}-c"}],
        )
        same = record("Condition", f"{name}-c", code=coded("22298006"), onsetDateTime="2020-01-01")
        return FakeHolder(name, [same, because], [patient("p1")])

    async with face([holder("alfa"), holder("beta")]) as client:
        bundle = (await asked(client)).json()
        apart = (await asked(client, prefer="noaber-fold=none")).json()
    found = sections(bundle)

    assert entries(found["11450-4"]) == ["Condition/alfa.alfa-c"]
    assert "Instelling alfa, Instelling beta" in found["11450-4"]["text"]["div"]
    assert f"{BASE}/Condition/beta.beta-c" in resources(bundle), "beta's medication refers to it"
    assert len(entries(sections(apart)["11450-4"])) == 2
    provenance = {one["id"].split("-")[2]: one for one in resources(bundle).values() if one["resourceType"] == "Provenance"}
    assert [{"reference": "Condition/alfa.alfa-c"} in one["target"] for one in provenance.values()] == [True, True]


async def test_every_reference_to_what_is_there_resolves(face: Opened) -> None:
    long = "o" * 62
    linked = ', "hasMember": [{"reference": "Observation/o2"}], "performer": [{"reference": "Practitioner/x"}]'
    more = [observation(long, "p1", more=linked), observation("o2", "p1"), b'{"resourceType":"Practitioner","id":"x"}']
    unreferred = b'{"resourceType":"Practitioner","id":"y"}'
    async with face([FakeHolder("alfa", [*more, unreferred], [patient("p1")])]) as client:
        bundle = (await asked(client)).json()
        exact = (await asked(client, prefer="noaber-bytes=exact")).json()
    found = resources(bundle)

    for url, resource in found.items():
        if resource["resourceType"] != "Provenance":
            assert all(resolved(url, reference) in found for reference in references(resource)), url
    assert f"{BASE}/at/alfa/Observation/{long}" in entries(sections(bundle)["30954-2"])
    assert f"{BASE}/Practitioner/alfa.y" not in found, "nothing leads to it"
    assert all(reference.startswith(f"{BASE}/at/alfa/") for reference in entries(sections(exact)["30954-2"]))
    assert set(entries(sections(exact)["30954-2"])) <= set(resources(exact))


async def test_what_was_entered_in_error_is_left_out_and_counted(face: Opened) -> None:
    wrong = record("AllergyIntolerance", "a1", verificationStatus=coded("entered-in-error", "x"), code={"text": "pinda"})
    goal = record("Goal", "g1", lifecycleStatus="entered-in-error", description=coded("713148004"))
    flagged = FakeHolder("alfa", [wrong, goal], [patient("p1")])
    async with face([flagged]) as client:
        answer = await asked(client)
        ahead = await asked(client, "$planning-ahead")
    allergies = sections(answer.json())["48765-2"]

    assert "pinda" not in answer.text
    assert "1 record is left out" in allergies["text"]["div"]
    assert reason(allergies) == "nothing-shown"
    assert "1 record is left out" in sections(ahead.json())["goals-of-care"]["text"]["div"]


async def test_what_a_holder_sends_twice_stands_once_and_two_under_one_id_are_counted(face: Opened) -> None:
    one, again, other = observation("o", "p1"), observation("o", "p1"), observation("o", "p1", value="99")
    async with face([FakeHolder("alfa", [one, again], [patient("p1")])]) as same, face([FakeHolder("alfa", [one, other], [patient("p1")])]) as different:
        twice, two = (await asked(same)).json(), (await asked(different)).json()

    for bundle, tag in ((twice, "complete"), (two, "partial")):
        assert entries(sections(bundle)["30954-2"]) == ["Observation/alfa.o"]
        assert len(resources(bundle)) == len(bundle["entry"])
        assert bundle["meta"]["tag"][0]["code"] == tag
    assert "extension" in sections(two)["30954-2"]


async def test_a_holder_that_is_set_aside_takes_nothing_of_the_others_with_it(face: Opened) -> None:
    evil = FakeHolder("evil", [observation("a", "p1")], [patient("p1")], ending=Ending.REJECTED, code=Fault.OTHER_PATIENT)
    good = FakeHolder("good", [observation("b", "p1")], [patient("p1")], waits_for=evil.sent)
    async with face([evil, good]) as client:
        answer = await asked(client)

    assert entries(sections(answer.json())["30954-2"]) == ["Observation/good.b"]
    assert "evil.a" not in answer.text
    assert "evil.p1" not in answer.text
    assert "Instelling evil" in answer.text


@pytest.mark.parametrize(("language", "words"), [("nl", "tegenstrijdig met"), ("en", "contradicted by")])
async def test_a_line_says_which_holder_contradicts_it(face: Opened, language: str, words: str) -> None:
    def judged(name: str, verification: str) -> FakeHolder:
        allergy = record("AllergyIntolerance", name, code=coded("764146007"), verificationStatus=coded(verification, "x"))
        wish = record("Consent", f"{name}-c", status="active", category=[coded("129125009")], provision={"code": [coded("89666000")], "type": "deny"})
        return FakeHolder(name, [allergy, wish], [patient("p1")])

    async with face([judged("alfa", "confirmed"), judged("beta", "refuted")]) as client:
        found = sections((await asked(client, **{"accept-language": language})).json())

    lines = found["48765-2"]["text"]["div"].split("<li>")[1:]
    assert [f"{words}: Instelling {other}" in line for line, other in zip(sorted(lines, key=len), ("beta", "alfa"), strict=True)] == [True, True]
    assert words not in found["42348-3"]["text"]["div"], "who agree contradict nobody"


async def test_a_line_names_everybody_who_states_the_identical_against_it(face: Opened) -> None:
    def judged(name: str, verification: str) -> FakeHolder:
        allergy = record("AllergyIntolerance", "a", code=coded("764146007"), verificationStatus=coded(verification, "x"))
        return FakeHolder(name, [allergy], [patient("p1")])

    async with face([judged("alfa", "confirmed"), judged("beta", "confirmed"), judged("gamma", "refuted")]) as client:
        section = sections((await asked(client)).json())["48765-2"]

    assert len(entries(section)) == 2
    assert "Instelling gamma<br/>≠ contradicted by: Instelling alfa, Instelling beta<" in section["text"]["div"]


async def test_the_order_of_arrival_changes_nothing(face: Opened) -> None:
    def region(*, backwards: bool) -> FakeDoor:
        one, other = (FakeHolder(name, [observation(f"{name}-o", "p1"), encounter("e", "p1")], [patient("p1")]) for name in ("alfa", "beta"))
        (one if backwards else other).waits_for = (other if backwards else one).sent
        return FakeDoor([one, other])

    async with face(region(backwards=False), key=b"k" * 64) as first, face(region(backwards=True), key=b"k" * 64) as second:
        assert timeless(await asked(first)) == timeless(await asked(second))


async def test_p11_of_a_holder_whose_patient_chose_otherwise_under_way_nothing_is_in_the_document(face: Opened) -> None:
    changed = FakeHolder("alfa", [observation("secret", "p1")], [patient("p1")], ending=Ending.CUT_OFF, code=Fault.SHARING_CHANGED)
    async with face([changed, gp()]) as client:
        answer = await asked(client)

    assert "alfa.secret" not in answer.text
    assert "alfa.p1" not in answer.text
    assert [one["valueCoding"]["code"] for one in sections(answer.json())["11450-4"]["extension"]] == ["alfa"]
