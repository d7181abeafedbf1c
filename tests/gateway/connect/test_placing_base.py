"""A vendor's program asks for a place in FHIR: what it asks is kept once, stands as Tasks, and names the patient to nobody who need not know."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from fhir.resources.R4B import get_fhir_model_class

from accord.rules.placing import provider as rules
from accord.terms.placing import Asked, DeclineReason, Fit, Gist, Terms, Told
from gateway.api.fhir_places import LISTS, NUMBERS, TEXTS
from gateway.connect.applications import Application, Applications, new_token
from gateway.places import rows
from tests.gateway.connect.placing_base import CASE, FHIR, Json, base, choosing, ids, order, task, transaction
from tests.gateway.places.small_places import DINA, NEED, bundle_about

pytestmark = pytest.mark.anyio
BOTH = (task("home-1"), task("home-2"))


def outputs(told: Json) -> dict[str, Any]:
    return {one["type"]["coding"][0]["code"]: next(value for name, value in one.items() if name != "type") for one in told.get("output", [])}


async def test_two_are_asked_one_offers_a_part_and_its_task_says_so_in_words(tmp_path: Path) -> None:
    async with base(tmp_path, 4, 4) as running:
        asked = await running.post("", choosing(*BOTH, quantityQuantity={"value": 4}))
        request, first, second = ids(asked)
        await running.around.settle(3)
        received = await running.get(f"/Task/{first}")
        running.offers(0, request, Terms(Fit.PART, 3, date(2026, 3, 6), words="Alleen ochtenden."))
        running.providers[1].do(request, lambda leg: rules.decline(leg, DeclineReason.NO_STAFF, "Griep.", running.around.clock()))
        await running.around.settle(3)
        found = await running.get(f"/Task?focus=ServiceRequest/{request}")
        in_english = await running.get(f"/Task/{first}", **{"accept-language": "en"})

    assert (received["status"], received["businessStatus"]["coding"][0]["code"]) == ("received", "waiting")
    offered, declined = (entry["resource"] for entry in found["entry"])
    assert (offered["id"], declined["id"]) == (first, second)
    assert (offered["status"], offered["businessStatus"]["coding"][0]["code"]) == ("accepted", "offered-in-part")
    assert outputs(offered)["offer"] == "3 van de 4 plekken, vanaf vrijdag 6 maart 2026"
    assert (outputs(offered)["amount"], outputs(offered)["since"], outputs(offered)["words"]) == (3, "2026-03-06", "Alleen ochtenden.")
    assert outputs(in_english)["offer"].startswith("3 of the 4 places")
    assert (declined["status"], declined["statusReason"]["coding"][0]["code"]) == ("rejected", "no-staff")
    assert declined["statusReason"]["text"] == "Te weinig personeel. Griep."
    for told in (found, offered, declined, asked.json()):
        get_fhir_model_class(told["resourceType"]).model_validate(told)


async def test_an_offer_is_taken_up_and_everything_ends_as_fhir_has_it(tmp_path: Path) -> None:
    async with base(tmp_path, 1, 1) as running:
        request, first, second = ids(await running.post("", choosing(*BOTH)))
        await running.around.settle(3)
        for number in (0, 1):
            running.offers(number, request, Terms(Fit.FULL, 1))
        await running.around.settle(3)
        chosen = await running.post(f"/Task/{second}/$choose")
        again = await running.post(f"/Task/{second}/$choose", {"resourceType": "Parameters"})
        await running.around.settle(3)
        told = [await running.get(f"/Task/{one}") for one in (first, second)]
        needed = await running.get(f"/ServiceRequest/{request}")
        too_late = await running.post(f"/Task/{first}/$choose", {"resourceType": "Parameters"}, **{"accept-language": "nl"})
        whatever = await running.post(f"/Task/{first}/$choose")

    assert (chosen.status_code, chosen.json()["status"], again.json()["status"]) == (200, "in-progress", "in-progress")
    assert [one["status"] for one in told] == ["cancelled", "completed"]
    assert told[0]["statusReason"]["coding"][0]["code"] == "placed-elsewhere"
    assert needed["status"] == "completed"
    assert (too_late.status_code, too_late.json()["issue"][0]["code"]) == (409, "conflict")
    why = too_late.json()["issue"][0]["details"]
    assert (why["coding"][0]["code"], why["text"].split(":")[0]) == ("not-possible-now", "Dit kan nu niet meer")
    assert whatever.json()["issue"][0]["details"]["text"].startswith("The request for a place does not stand so")
    get_fhir_model_class("ServiceRequest").model_validate(needed)


async def test_where_nobody_offered_the_answer_is_that_there_is_nothing_to_take_up_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    async with base(tmp_path, 1) as running:
        _, first = ids(await running.post("", choosing(task("home-1"))))
        await running.around.settle(3)
        said = {
            wanted: await running.post(f"/Task/{first}/$choose", {"resourceType": "Parameters"}, **{"accept-language": wanted}) for wanted in ("nl", "en", "de")
        }

    details = {wanted: answer.json()["issue"][0]["details"] for wanted, answer in said.items()}
    assert {(answer.status_code, details[wanted]["coding"][0]["code"]) for wanted, answer in said.items()} == {(409, "no-offer")}
    assert details["nl"]["text"].startswith("Er is (nog) geen aanbod")
    assert details["en"] == details["de"]
    assert details["en"]["text"].startswith("There is no offer of this provider to take up (yet).")


async def test_who_said_no_has_said_no_also_when_another_one_has_the_place(tmp_path: Path) -> None:
    async with base(tmp_path, 1, 1) as running:
        request, first, second = ids(await running.post("", transaction(*BOTH)))
        await running.around.settle(3)
        running.providers[0].do(request, lambda leg: rules.decline(leg, DeclineReason.NO_STAFF, "", running.around.clock()))
        await running.around.settle(3)
        running.offers(1, request, Terms(Fit.FULL, 1))
        await running.around.settle(3)
        said_no, placed = [await running.get(f"/Task/{one}") for one in (first, second)]

    assert (said_no["status"], said_no["statusReason"]["coding"][0]["code"], placed["status"]) == ("rejected", "no-staff", "completed")


async def test_no_provider_learns_who_it_is_before_it_is_interested_and_no_answer_names_anybody(tmp_path: Path) -> None:
    async with base(tmp_path, 1, 1) as running:
        asked = await running.post("", transaction(*BOTH))
        request = ids(asked)[0]
        await running.around.settle(3)
        first, second = (home.legs[request] for home in running.providers)
        running.providers[0].do(request, rules.be_interested)
        await running.around.settle(3)
        introduced, others = (home.legs[request].who for home in running.providers)
        read = await running.get(f"/ServiceRequest/{request}"), await running.get(f"/Task?focus=ServiceRequest/{request}")

    assert isinstance(first.asked, Asked)
    assert (first.asked.gist, first.who, second.who) == (Gist(80, "revalidatie na een knieoperatie", ("woont alleen",), "Loopt met een rollator."), None, None)
    assert introduced is not None
    assert (introduced.bsn, introduced.name, introduced.contact, others) == (DINA.bsn, DINA.name, "Ria, dochter, 06 00000000", None)
    for told in (asked.text, *map(json.dumps, read)):
        assert not any(secret in told for secret in (DINA.bsn, DINA.birth_date, "Dina", "Ria"))


async def test_a_request_that_is_sent_twice_is_made_once_and_a_task_more_asks_one_more(tmp_path: Path) -> None:
    async with base(tmp_path, 1, 1) as running:
        body = transaction(task("home-1"))
        body["entry"][0]["request"]["ifNoneExist"] = "identifier=https://ehr.test/orders|4711"
        first, second = await running.post("", body), await running.post("", body)
        request = ids(first)[0]
        more = await running.post("/Task", task("home-2", f"ServiceRequest/{request}"))
        more_again = await running.post("/Task", task("home-2", f"ServiceRequest/{request}"))
        await running.around.settle(3)
        needed = await running.get(f"/ServiceRequest/{request}")
        letters = [len([said for said in running.around.ledger.steps if said == "asked"]), len(await running.around.searches.cases())]

    assert ids(first) == ids(second)
    assert [entry["response"]["status"] for entry in first.json()["entry"]] == ["201 Created", "201 Created"]
    assert [entry["response"]["status"] for entry in second.json()["entry"]] == ["200 OK", "200 OK"]
    assert (more.status_code, more.headers["location"].rpartition("/")[2], more_again.status_code) == (201, more.json()["id"], 200)
    assert letters == [2, 1]
    assert needed["identifier"] == [{"system": "https://ehr.test/orders", "value": "4711"}]


async def test_what_is_sent_twice_at_the_same_time_is_made_once(tmp_path: Path) -> None:
    answers: list[httpx2.Response] = []
    async with base(tmp_path, 1, 1) as running:

        async def send() -> None:
            answers.append(await running.post("", transaction(*BOTH)))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(send)
        kept = await running.around.searches.cases()
        steps = running.around.ledger.steps

    assert {tuple(ids(one)) for one in answers} == {tuple(ids(answers[0]))}
    assert sorted(entry["response"]["status"] for one in answers for entry in one.json()["entry"][1:]) == ["200 OK"] * 8 + ["201 Created"] * 2
    assert (len(kept), steps.count("begun"), steps.count("asked")) == (1, 1, 2)


async def test_an_identifier_whose_request_is_erased_is_not_used_again(tmp_path: Path) -> None:
    async with base(tmp_path, 1) as running:
        request = ids(await running.post("", transaction(task("home-1"))))[0]
        await running.around.store.change(lambda change: rows.erase(change.connection, request, running.around.clock()))
        again = await running.post("", transaction(task("home-1")))

    assert (again.status_code, again.json()["issue"][0]["details"]["coding"][0]["code"]) == (409, "not-possible-now")


async def test_one_that_is_cancelled_tells_why_and_stays_so_when_it_is_said_again(tmp_path: Path) -> None:
    reason = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueCode": "condition-changed"}]}
    async with base(tmp_path, 1) as running:
        request, only = ids(await running.post("", transaction(task("home-1"))))
        await running.around.settle(3)
        cancelled = [await running.post(f"/ServiceRequest/{request}/$cancel", reason) for _ in range(2)]
        told = await running.get(f"/Task/{only}")
        refused = await running.post("/Task", task("home-1", f"ServiceRequest/{request}"))

    assert [one.json()["status"] for one in cancelled] == ["revoked", "revoked"]
    assert (told["status"], told["statusReason"]["coding"][0]["code"], told["statusReason"]["text"]) == ("cancelled", "condition-changed", "toestand veranderd")
    assert refused.status_code == 409


async def test_a_question_puts_the_task_on_hold_until_it_is_answered(tmp_path: Path) -> None:
    words = {"resourceType": "Parameters", "parameter": [{"name": "words", "valueString": "Ja, met een rollator."}]}
    async with base(tmp_path, 1) as running:
        request, only = ids(await running.post("", transaction(task("home-1"))))
        await running.around.settle(3)
        running.providers[0].do(request, lambda leg: rules.ask(leg, "Kan zij lopen?", running.around.clock()))
        await running.around.settle(3)
        asked = await running.get(f"/Task/{only}")
        told = await running.post(f"/Task/{only}/$tell", words)
        await running.around.settle(3)
        heard = running.providers[0].legs[request]

    assert (asked["status"], asked["note"][0]["text"]) == ("on-hold", "Kan zij lopen?")
    assert (told.status_code, told.json()["status"], told.json()["note"][1]["text"]) == (200, "received", "Ja, met een rollator.")
    assert Told("Ja, met een rollator.").words in str(heard.lines)


async def test_who_is_placed_is_handed_over_and_nobody_else(tmp_path: Path) -> None:
    bundle = json.loads(bundle_about(DINA, "x" * 100_000))
    other = json.loads(bundle_about(replace(DINA, bsn="999900018"), "x"))
    async with base(tmp_path, 1) as running:
        request, _ = ids(await running.post("", transaction(task("home-1"))))
        too_soon = await running.post(f"/ServiceRequest/{request}/$hand-over", bundle)
        await running.around.settle(3)
        running.offers(0, request, Terms(Fit.FULL, 1))
        await running.around.settle(3)
        sent = await running.post(f"/ServiceRequest/{request}/$hand-over", bundle)
        wrong = [await running.post(f"/ServiceRequest/{request}/$hand-over", one) for one in ({"resourceType": "Patient"}, other)]

    assert (too_soon.status_code, sent.status_code) == (409, 200)
    assert [(one.status_code, one.json()["issue"][0]["details"]["coding"][0]["code"]) for one in wrong] == [(400, "not-a-resource"), (400, "other-patient")]
    assert {"url": "urn:noaber:place:handed-over", "valueBoolean": True} in sent.json()["extension"]


async def test_what_find_places_takes_is_told_as_an_operation_definition(tmp_path: Path) -> None:
    async with base(tmp_path, 1) as running:
        told = await running.get("/OperationDefinition/noaber-find-places")

    assert {one["name"] for one in told["parameter"] if one["use"] == "in"} == TEXTS | LISTS | NUMBERS
    assert {one["name"] for one in told["parameter"] if one["max"] == "*"} == LISTS
    get_fhir_model_class("OperationDefinition").model_validate(told)


async def test_only_few_handovers_are_held_at_once_and_none_that_is_too_large(tmp_path: Path) -> None:
    path = f"/fhir/ServiceRequest/{'0' * 32}/$hand-over"
    statuses: list[int] = []
    begun, go_on = [anyio.Event() for _ in range(4)], anyio.Event()
    async with base(tmp_path, 1) as running, anyio.create_task_group() as tasks:

        async def slowly(mine: anyio.Event) -> AsyncIterator[bytes]:
            yield b"{"
            mine.set()
            await go_on.wait()
            yield b"}"

        async def send(mine: anyio.Event) -> None:
            statuses.append((await running.client.post(path, content=slowly(mine), headers=FHIR)).status_code)

        for one in begun:
            tasks.start_soon(send, one)
        for one in begun:
            await one.wait()
        one_more = await running.client.post(path, content=b"{}", headers=FHIR)
        go_on.set()
    (tmp_path / "more").mkdir()
    async with base(tmp_path / "more", 1) as running:
        too_large = await running.client.post(path, content=b" " * (16 << 20) + b"{}", headers=FHIR)

    assert (one_more.status_code, statuses, too_large.status_code) == (503, [404] * 4, 413)


async def test_an_unknown_application_asks_nothing_and_one_that_is_known_does(tmp_path: Path) -> None:
    token, line = new_token("ward")
    async with base(tmp_path, 1, applications=Applications([(line.split()[1], Application("ward"))])) as running:
        refused = [await running.post("", transaction(task("home-1"))), await running.client.get("/fhir/Task/" + "0" * 32 + "-home-1")]
        asked = await running.post("", transaction(task("home-1")), authorization=f"Bearer {token}")
        kept = len(await running.around.searches.cases())

    assert [one.status_code for one in refused] == [401, 401]
    assert (asked.status_code, kept) == (200, 1)


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        (transaction(), "invalid-parameter", "http.Bundle.entry"),
        ({**transaction(task("home-1")), "type": "batch"}, "invalid-parameter", "http.Bundle.type"),
        (transaction(task("home-1"), needed=order(subject={"reference": "Patient/1"})), "invalid-parameter", "http.ServiceRequest.subject"),
        (
            transaction(task("home-1"), needed=order(code={"coding": [{"system": "urn:noaber:care-kind", "code": "castle"}]})),
            "invalid-parameter",
            "http.ServiceRequest.code",
        ),
        (transaction(task("home-1"), needed=order(bodySite=[{"text": "knie"}])), "unknown-parameter", "http.ServiceRequest.bodySite"),
        (transaction(task("home-1"), needed=order(extension=[{"url": "urn:noaber:place:age", "valueUnsignedInt": 84}])), "invalid-parameter", None),
        (transaction(task("home-1", priority="stat")), "invalid-parameter", "http.Task.priority"),
        (transaction(task("home-1", description="Dina")), "unknown-parameter", "http.Task.description"),
        (transaction(task("home-1", Dina="x")), "unknown-parameter", "http.Task"),
        (transaction(task("home-1"), task("home-2", restriction={"period": {"end": "2027-03-02T10:00:00Z"}})), "invalid-parameter", None),
        (transaction(task("home-1", owner={"identifier": {"system": "urn:noaber:holder", "value": "Ward 9"}})), "invalid-parameter", "http.Task.owner"),
        (transaction(task("home-1"), task("home-1")), "invalid-parameter", "http.Task.owner"),
        (transaction(task("nobody")), "unknown-holder", "http.nobody"),
        ([], "not-a-resource", None),
    ],
)
async def test_what_is_no_request_is_refused_by_its_place_and_nothing_is_kept(tmp_path: Path, body: Any, code: str, place: str | None) -> None:
    async with base(tmp_path, 1, 1) as running:
        refused = await running.post("", body)
        kept = await running.around.searches.cases()

    (issue,) = refused.json()["issue"]
    assert refused.status_code in (400, 404), refused.text
    assert issue["details"]["coding"][0]["code"] == code
    assert place is None or issue["expression"] == [place]
    assert kept == ()
    assert DINA.bsn not in refused.text


async def test_what_is_not_there_or_not_so_asked_is_refused_with_a_code(tmp_path: Path) -> None:
    nowhere = "f" * 32
    async with base(tmp_path, 1) as running:
        client = running.client
        answers = {
            "read": await client.get(f"/fhir/Task/{nowhere}-home-1"),
            "search": await client.get(f"/fhir/Task?focus=ServiceRequest/{nowhere}"),
            "of the dossier": await client.get("/fhir/Task?focus=ServiceRequest/home-1.5"),
            "unknown": await client.get(f"/fhir/Task?focus=ServiceRequest/{nowhere}&code=1"),
            "get": await client.get("/fhir"),
            "put": await client.put(f"/fhir/Task/{nowhere}-home-1", json={}, headers=FHIR),
            "form": await client.post("/fhir", content="a=b"),
            "operation": await client.post(f"/fhir/Task/{nowhere}-home-1/$eat"),
            "words in the address": await client.post(f"/fhir/Task/{nowhere}-home-1/$tell?words=Dina"),
            "xml": await client.get(f"/fhir/Task/{nowhere}-home-1", headers={"accept": "application/fhir+xml"}),
        }

    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert statuses == {
        "read": 404,
        "search": 404,
        "of the dossier": 400,
        "unknown": 400,
        "get": 405,
        "put": 405,
        "form": 415,
        "operation": 404,
        "words in the address": 400,
        "xml": 406,
    }
    assert {answer.json()["resourceType"] for answer in answers.values()} == {"OperationOutcome"}


def test_the_need_of_these_tests_is_that_of_all_others() -> None:
    assert order()["code"]["coding"][0]["code"] == NEED.kind.value
    assert CASE.startswith("urn:uuid:")
