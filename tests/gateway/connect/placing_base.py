"""The local FHIR base of an asker whose providers are in memory, with a client of it; and requests as a vendor writes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import httpx2

from accord.rules.placing import provider as rules
from accord.terms.identifiers import BSN_SYSTEM
from accord.terms.placing import Terms
from gateway.api.http_settings import HttpSettings
from gateway.connect.applications import Applications
from gateway.connect.professionals import Professionals
from gateway.connect.proxy import ConnectApp, Parts
from gateway.places.seeking import Seeking
from tests.gateway.places.small_places import DINA, GERBEN, NEED, NOW, Around, Clock, SmallProvider, SmallRegion, at_home, opening

Json = dict[str, Any]
FHIR: Final = {"content-type": "application/fhir+json"}
CASE: Final = "urn:uuid:0d6a51a5-0000-4000-8000-000000000001"
REPLY_BY: Final = (NOW + timedelta(hours=4)).isoformat()


@dataclass
class _Known:
    """What of the proxy is needed where no dossier is opened."""

    professionals: Professionals
    applications: Applications


@dataclass
class Base:
    """A base that serves."""

    client: httpx2.AsyncClient
    around: Around
    providers: list[SmallProvider]

    async def post(self, path: str, body: Json | None = None, **headers: str) -> httpx2.Response:
        """Write, or let something be done."""
        return await self.client.post(f"/fhir{path}", json=body, headers=FHIR | headers) if body is not None else await self.client.post(f"/fhir{path}")

    async def get(self, path: str, **headers: str) -> Json:
        """Read."""
        answer = await self.client.get(f"/fhir{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return cast("Json", answer.json())

    def offers(self, number: int, request: str, terms: Terms) -> None:
        """A planner offers on these terms."""
        home, now = self.providers[number], self.around.clock()
        home.do(request, lambda leg: rules.offer(leg, terms, now + timedelta(hours=1), now, home.free(request)))


@asynccontextmanager
async def base(folder: Path, *places: int, applications: Applications | None = None) -> AsyncIterator[Base]:
    """Providers with so many places each, which answer when the test says so."""
    clock = Clock()
    homes = [SmallProvider(number, count, clock) for number, count in enumerate(places, 1)]
    region = SmallRegion(clock, *homes)
    region.openings = {home.name: (opening(),) for home in homes}
    around = at_home(folder, clock, region)
    parts = cast("Parts", _Known(Professionals(GERBEN, None), applications or Applications()))
    app = ConnectApp(parts, HttpSettings(public_url="http://127.0.0.1"), Seeking(region, around.searches, clock))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield Base(client, around, homes)
    around.store.close()


def order(**changes: Any) -> Json:
    """What is needed, and for whom."""
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": BSN_SYSTEM, "value": DINA.bsn}],
        "name": [{"text": DINA.name}],
        "birthDate": DINA.birth_date,
        "contact": [{"name": {"text": "Ria, dochter"}, "telecom": [{"system": "phone", "value": "06 00000000"}]}],
    }
    told: Json = {
        "resourceType": "ServiceRequest",
        "contained": [patient],
        "identifier": [{"system": "https://ehr.test/orders", "value": "4711"}],
        "status": "active",
        "intent": "order",
        "subject": {"reference": "#p"},
        "code": {"coding": [{"system": "urn:noaber:care-kind", "code": NEED.kind.value}]},
        "orderDetail": [{"coding": [{"system": "urn:noaber:place-condition", "code": "wound-care"}]}],
        "quantityQuantity": {"value": 1},
        "occurrencePeriod": {"start": NEED.since.isoformat()},
        "reasonCode": [{"text": "revalidatie na een knieoperatie"}],
        "supportingInfo": [{"display": "woont alleen"}],
        "note": [{"text": "Loopt met een rollator."}],
        "extension": [{"url": "urn:noaber:place:age", "valueUnsignedInt": 80}],
    }
    return told | changes


def task(provider: str, focus: str = CASE, **changes: Any) -> Json:
    """One provider that is asked."""
    asked = [{"type": {"coding": [{"system": "urn:noaber:place-input", "code": code}]}, "valueString": code_of} for code, code_of in _WHICH]
    told: Json = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "focus": {"reference": focus},
        "owner": {"identifier": {"system": "urn:noaber:holder", "value": provider}},
        "restriction": {"period": {"end": REPLY_BY}},
        "input": asked,
    }
    return told | changes


_WHICH: Final = (("service", "afdeling"), ("opening", "opening"))


def transaction(*tasks: Json, needed: Json | None = None) -> Json:
    """A request to some providers."""
    entries: list[Json] = [{"fullUrl": CASE, "resource": needed or order(), "request": {"method": "POST", "url": "ServiceRequest"}}]
    entries += [{"resource": one, "request": {"method": "POST", "url": "Task"}} for one in tasks]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def ids(answer: httpx2.Response) -> list[str]:
    """Of the resources in the answer to a transaction, in its order."""
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["id"] for entry in answer.json()["entry"]]


def choosing(*tasks: Json, **changes: Any) -> Json:
    """The same, where a person takes up offers."""
    chosen = order(**changes)
    chosen["extension"] = [*chosen["extension"], {"url": "urn:noaber:place:person-chooses", "valueBoolean": True}]
    return transaction(*tasks, needed=chosen)
