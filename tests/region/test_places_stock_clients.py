"""FHIR clients made by others find a place, ask two providers and take up the offer of one, while a third provider is dead."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhirpy import SyncFHIRClient

from testbed.people import DINA
from testbed.places_crowd import KIND, crowd
from testbed.region_places import PlacesRegion
from tests.region.joining_processes import eventually

pytestmark = pytest.mark.slow
Json = dict[str, Any]
CROWD: Final = crowd(3, places=4, instant=True)
DEAD: Final = "huis-02"
_KIT: Final = Path(__file__).parents[1] / "e2e" / "fhir_kit_client"
_REQUEST: Final = "urn:uuid:request"


@pytest.fixture(scope="module")
def region() -> Iterator[PlacesRegion]:
    """Three providers whose offers come at once, of which one is dead, and a proxy that keeps searches."""
    with PlacesRegion.start(holders=CROWD.holders, story=False, people=40, places=CROWD.places) as running:
        running.be_patient()
        running.kill(DEAD)
        yield running


def need() -> Json:
    """What is looked for, from today."""
    told = [{"name": "kind", "valueCode": KIND.value}, {"name": "since", "valueDate": datetime.now(UTC).date().isoformat()}]
    return {"resourceType": "Parameters", "parameter": told}


def order(number: str) -> Json:
    """A request about Dina, of which a person takes up the offer."""
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": DINA.bsn}],
        "name": [{"text": "Dina Olde Wolbers-Nijkamp"}],
        "birthDate": DINA.birth_date,
    }
    return {
        "resourceType": "ServiceRequest",
        "contained": [patient],
        "identifier": [{"system": "https://ehr.test/orders", "value": number}],
        "status": "active",
        "intent": "order",
        "subject": {"reference": "#p"},
        "code": {"coding": [{"system": "urn:noaber:care-kind", "code": KIND.value}]},
        "occurrencePeriod": {"start": datetime.now(UTC).date().isoformat()},
        "reasonCode": [{"text": "revalidatie na een knieoperatie"}],
        "extension": [{"url": "urn:noaber:place:person-chooses", "valueBoolean": True}],
    }


def reply_by() -> str:
    return (datetime.now(UTC) + timedelta(hours=4)).isoformat(timespec="seconds")


def extension(resource: Json, name: str) -> Any:
    """The value of one of ours."""
    found: Json = next((one for one in resource["extension"] if one["url"] == f"urn:noaber:place:{name}"), {})
    return next((value for member, value in found.items() if member.startswith("value")), None)


def check_found(found: Json) -> None:
    """Two are free, with why; the third one is told of with a telephone number."""
    *services, outcome = (entry["resource"] for entry in found["entry"])
    assert {one["providedBy"]["identifier"]["value"]: extension(one, "group") for one in services} == {"huis-00": "free", "huis-01": "free"}
    reasons = [one["extension"] for one in services[0]["extension"] if one["url"].endswith(":reason")]
    assert {(told[0]["valueCode"], told[1]["valueCode"]) for told in reasons} >= {("kind", "yes"), ("date", "yes"), ("amount", "yes")}
    assert services[0]["comment"].startswith("4 plekken vrij")
    dead, count = outcome["issue"]
    assert (dead["code"], dead["expression"], dead["details"]["coding"][0]["code"]) == ("transient", [f"holder.{DEAD}"], "unreachable")
    assert dead["details"]["text"].startswith("Huis 02 053-5560002: Niet bereikbaar; niet gehoord.")
    assert (count["code"], count["details"]["text"].split(". ")[0]) == ("incomplete", "Niet iedereen die zo'n plek kan hebben is gehoord: 2 van 3")
    get_fhir_model_class("Bundle").model_validate(found)


def check_placed(completed: Json, placed: Json, tasks: list[Json]) -> None:
    """One has it, the other is released, and nobody is named."""
    assert (completed["status"], completed["businessStatus"]["coding"][0]["code"]) == ("completed", "granted")
    assert sorted(one["status"] for one in tasks) == ["cancelled", "completed"]
    assert (placed["status"], placed["subject"]["extension"][0]["valueCode"]) == ("completed", "masked")
    assert DINA.bsn not in json.dumps([completed, placed, tasks])
    for one in (completed, placed, *tasks):
        get_fhir_model_class(one["resourceType"]).model_validate(one)


def test_fhirpy_finds_a_place_asks_two_and_reads_the_task_of_the_chosen_one_as_completed(region: PlacesRegion) -> None:
    client = SyncFHIRClient(region.fhir_url)
    found = client.execute("$find-places", data=need())
    check_found(json.loads(json.dumps(found)))

    request = {"fullUrl": _REQUEST, "resource": order("4711"), "request": {"method": "POST", "url": "ServiceRequest"}}
    tasks = [{"resource": task_of(entry["resource"]), "request": {"method": "POST", "url": "Task"}} for entry in found["entry"][:-1]]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [request, *tasks]}
    answer = client.execute("", data=bundle)
    again = client.execute("", data=bundle)
    focus = f"ServiceRequest/{answer['entry'][0]['resource']['id']}"

    def tasks_in(*statuses: str) -> list[Any] | None:
        told = client.resources("Task").search(focus=focus).fetch()
        return told if {one["status"] for one in told} <= {*statuses} else None

    offered = eventually(lambda: tasks_in("accepted"), "two offers")
    words = {one["type"]["coding"][0]["code"]: one for one in offered[1]["output"]}
    offered[1].execute("$choose")
    told = eventually(lambda: tasks_in("completed", "cancelled"), "the word of the chosen one")
    patient = {"resourceType": "Patient", "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": DINA.bsn}]}
    handover = {
        "resourceType": "Bundle",
        "type": "document",
        "entry": [{"resource": patient}, {"resource": {"resourceType": "Binary", "data": "A" * 2_000_000}}],
    }
    sent = client.execute(f"{focus}/$hand-over", data=handover)
    completed, placed = client.get("Task", offered[1]["id"]), client.get("ServiceRequest", focus.partition("/")[2])

    assert again["entry"][0]["resource"]["id"] == answer["entry"][0]["resource"]["id"]
    assert extension(sent, "handed-over") is True
    assert words["offer"]["valueString"].startswith("1 plek, vanaf ")
    check_placed(plain(completed), plain(placed), [plain(one) for one in told])


def test_fhir_kit_client_does_the_same_and_reads_what_this_base_can_do(region: PlacesRegion) -> None:
    node = shutil.which("node")
    if node is None or not (_KIT / "node_modules" / "fhir-kit-client").is_dir():
        pytest.skip("fhir-kit-client is not installed here: run make clients (it needs npm)")

    asked = json.dumps({"base": region.fhir_url, "need": need(), "request": order("4712"), "replyBy": reply_by()})
    ran = subprocess.run([node, "ask_for_a_place.js"], cwd=_KIT, input=asked, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - the script beside the other one

    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    check_found(told["found"])
    assert (told["taken"]["id"], told["taken"]["status"] in ("in-progress", "completed")) == (told["offered"][0]["id"], True)
    check_placed(told["completed"], told["placed"], [told["completed"], told["offered"][1] | {"status": "cancelled"}])
    (rest,) = told["statement"]["rest"]
    assert [one["name"] for one in rest["operation"]] == ["find-places"]
    resources = {one["type"]: one for one in rest["resource"]}
    assert {one["code"] for one in resources["Task"]["interaction"]} == {"read", "search-type", "create"}
    assert {one["name"] for one in resources["ServiceRequest"]["operation"]} == {"cancel", "hand-over"}
    get_fhir_model_class("CapabilityStatement").model_validate(told["statement"])


def test_where_one_cannot_be_asked_nobody_is_and_the_same_identifier_can_be_used_again(region: PlacesRegion) -> None:
    request = {"fullUrl": _REQUEST, "resource": order("4713"), "request": {"method": "POST", "url": "ServiceRequest"}}
    with httpx2.Client(base_url=region.fhir_url, trust_env=False, timeout=60, headers={"content-type": "application/fhir+json"}) as client:
        refused = {name: client.post("", json=bundle(request, "huis-00", name)) for name in (DEAD, "via-2404bb172eb2")}
        asked = client.post("", json=bundle(request, "huis-00"))

    codes = {name: (one.status_code, one.json()["issue"][0]["details"]["coding"][0]["code"]) for name, one in refused.items()}
    assert codes == {DEAD: (502, "holder-unreachable"), "via-2404bb172eb2": (404, "unknown-holder")}
    assert [entry["response"]["status"] for entry in asked.json()["entry"]] == ["201 Created", "201 Created"]


def bundle(request: Json, *names: str) -> Json:
    """A request to these."""
    services = [{"providedBy": {"identifier": {"system": "urn:noaber:holder", "value": name}}, "identifier": [{"value": f"{name}-grz"}]} for name in names]
    opening = [{"url": "urn:noaber:place:opening", "valueString": ""}]
    tasks = [task_of({**one, "extension": opening}) for one in services]
    for told in tasks:
        del told["input"][1]
    entries = [{"resource": told, "request": {"method": "POST", "url": "Task"}} for told in tasks]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [request, *entries]}


def task_of(service: Any) -> Json:
    """The Task that asks for a place that was found."""
    which = (("service", service["identifier"][0]["value"]), ("opening", extension(service, "opening")))
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "focus": {"reference": _REQUEST},
        "owner": {"identifier": dict(service["providedBy"]["identifier"])},
        "restriction": {"period": {"end": reply_by()}},
        "input": [{"type": {"coding": [{"system": "urn:noaber:place-input", "code": code}]}, "valueString": value} for code, value in which],
    }


def plain(resource: Any) -> Json:
    """As it came."""
    told: Json = json.loads(json.dumps(dict(resource)))
    return told
