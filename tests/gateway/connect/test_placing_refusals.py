"""Whoever asks for a place wrongly is told which element it is and what may stand there, in one language."""

from pathlib import Path
from typing import Any

import pytest

from accord.terms.capacity import CareKind
from accord.terms.placing import EndReason
from tests.gateway.connect.placing_base import CASE, Json, base, ids, order, task, transaction
from tests.gateway.places.small_places import DINA

pytestmark = pytest.mark.anyio


def asked_for(service: str, opening: str = "opening") -> Json:
    named = (("service", service), ("opening", opening))
    return task("home-1", input=[{"type": {"coding": [{"system": "urn:noaber:place-input", "code": code}]}, "valueString": value} for code, value in named])


def kind(code: str) -> Json:
    return {"coding": [{"system": "urn:noaber:care-kind", "code": code}]}


def parameters(**given: str) -> Json:
    return {"resourceType": "Parameters", "parameter": [{"name": name, "valueCode": value} for name, value in given.items()]}


@pytest.mark.parametrize(
    "body",
    [
        transaction(asked_for("kelder")),
        transaction(asked_for("afdeling", "zolder")),
        transaction(task("home-1"), needed=order(code=kind("hospice"))),
    ],
)
async def test_a_service_that_is_not_of_that_kind_is_refused_by_its_element_with_what_to_do(tmp_path: Path, body: Json) -> None:
    async with base(tmp_path, 1) as running:
        english, dutch = [await running.post("", body, **{"accept-language": wanted}) for wanted in ("en", "nl")]
        kept = await running.around.searches.cases()

    (issue,), (in_dutch,) = english.json()["issue"], dutch.json()["issue"]
    assert (english.status_code, issue["details"]["coding"][0]["code"], issue["expression"]) == (400, "service-not-offered", ["http.Task.input"])
    assert issue["details"]["text"].startswith("Task.input: home-1 has no service of that kind, or not that opening of it. Ask $find-places again")
    assert in_dutch["details"]["text"].startswith("Task.input: home-1 heeft geen dienst van die soort")
    assert kept == ()


@pytest.mark.parametrize(
    ("body", "place", "right"),
    [
        (transaction(task("home-1"), needed=order(code=kind("castle"))), "ServiceRequest.code", "nursing-home, "),
        (transaction(task("home-1"), needed=order(status="draft")), "ServiceRequest.status", "It must be: active."),
        (transaction(task("home-1", restriction={})), "Task.restriction.period.end", "A moment to come"),
        (transaction(task("home-1", restriction={"period": {"end": "2020-01-01T00:00:00Z"}})), "Task.restriction.period.end", "A moment to come"),
        (transaction(task("home-1", input=[])), "Task.input", "service (must be there)"),
        (transaction(task("home-1", CASE + "0")), "Task.focus", "ServiceRequest/<id>"),
        (transaction(task("home-1"), needed=order(note=[{"text": DINA.name}])), "ServiceRequest.note", "without name"),
        (transaction(task("home-1"), needed=order(supportingInfo="x")), "ServiceRequest.supportingInfo", "docs/api.md"),
    ],
)
async def test_an_element_is_refused_with_what_may_stand_there(tmp_path: Path, body: Any, place: str, right: str) -> None:
    async with base(tmp_path, 1) as running:
        answer = await running.post("", body)

    (issue,) = answer.json()["issue"]
    assert (answer.status_code, issue["details"]["coding"][0]["code"], issue["expression"]) == (400, "invalid-parameter", [f"http.{place}"])
    assert issue["details"]["text"].startswith(f"{place} is missing, or cannot be used so.")
    assert right in issue["details"]["text"]
    assert DINA.name not in answer.text


async def test_who_ends_a_request_for_a_reason_that_is_none_is_told_which_there_are(tmp_path: Path) -> None:
    async with base(tmp_path, 1) as running:
        request, _ = ids(await running.post("", transaction(task("home-1"))))
        wrong, none = [await running.post(f"/ServiceRequest/{request}/$cancel", body) for body in (parameters(reason="moved"), parameters())]
        stands = await running.get(f"/ServiceRequest/{request}")

    for answer in (wrong, none):
        (issue,) = answer.json()["issue"]
        assert (answer.status_code, issue["details"]["coding"][0]["code"], issue["expression"]) == (400, "invalid-parameter", ["http.reason"])
        assert issue["details"]["text"].endswith(f"One of: {', '.join(EndReason)}.")
    assert stands["status"] == "active"


async def test_who_looks_for_a_kind_that_is_none_is_told_which_there_are(tmp_path: Path) -> None:
    async with base(tmp_path, 1) as running:
        english, dutch = [
            await running.post("/$find-places", parameters(kind="castle", since="2026-03-05"), **{"accept-language": one}) for one in ("en", "nl")
        ]

    (issue,), (in_dutch,) = english.json()["issue"], dutch.json()["issue"]
    assert (english.status_code, issue["details"]["coding"][0]["code"], issue["expression"]) == (400, "invalid-parameter", ["http.kind"])
    assert issue["details"]["text"] == f"kind is missing, or cannot be used so. One of: {', '.join(CareKind)}."
    assert in_dutch["details"]["text"] == f"kind ontbreekt, of kan zo niet worden gebruikt. Een van: {', '.join(CareKind)}."
