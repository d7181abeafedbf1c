"""The proxy before a gateway that believes nothing: what it adds is what the real face asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from accord.rules.rates import Rate
from gateway.adapters.mandated_callers import MandatedCallers
from gateway.api.fhir_app import FhirApp
from gateway.api.http_settings import HttpSettings
from gateway.rates import QuestionRates
from tests.accord.link.small_region import GATEWAY
from tests.gateway.api import fake_region
from tests.gateway.connect.local_proxy import FORM, Running, running

pytestmark = pytest.mark.anyio


class BelievesNothing:
    """The gateway's own face, put together once the region is there."""

    def __init__(self) -> None:
        records = [fake_region.observation("o1", "p1"), fake_region.observation("o2", "p1", day="2024-01-01")]
        self.door = fake_region.FakeDoor([fake_region.FakeHolder("esdoorn", records, [fake_region.patient("p1")])])
        self.face: FhirApp | None = None
        self.heard: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert self.face is not None
        self.heard.append({name.decode(): value.decode("latin-1") for name, value in scope["headers"]})
        await self.face(scope, receive, send)


@asynccontextmanager
async def believing_nothing(folder: Path) -> AsyncIterator[tuple[Running, BelievesNothing]]:
    gateway = BelievesNothing()
    async with running(folder, gateway, tls=True) as run:
        settings = HttpSettings(public_url="https://gateway.test", allowed_hosts=frozenset({"127.0.0.1"}))
        gateway.face = FhirApp(
            gateway.door, MandatedCallers(run.region.live("gateway-known"), GATEWAY.ura, QuestionRates(Rate(100, 100), Rate(100, 100))), settings
        )
        yield run, gateway


async def test_p1_a_patient_is_found_searched_and_paged_on_evidence_that_a_real_gateway_verifies(tmp_path: Path) -> None:
    async with believing_nothing(tmp_path) as (run, gateway):
        person = (await run.search(fake_region.BSN)).json()["entry"][0]
        page = (await run.client.get("/fhir/Observation", params={"patient": person["resource"]["id"], "_count": "1"})).json()
        following = await run.client.get(next(link["url"] for link in page["link"] if link["relation"] == "next"))
        everything = await run.client.get(f"{person['fullUrl']}/$everything")
        at_holder = await run.client.get(f"/fhir/at/esdoorn/Patient/{person['resource']['id']}/$everything")

        assert [answer.status_code for answer in (following, everything, at_holder)] == [200, 200, 200]
        assert b"37.50" in everything.content
        assert len(gateway.door.asked) == 5
        assert {query.asked_by.professional.name for query in gateway.door.asked} == {"J. de Vries"}
        # Each question has one proof of its own, and all have the same mandate.
        assert {len(query.evidence.proofs) for query in gateway.door.asked} == {1}
        assert len({query.evidence.proofs for query in gateway.door.asked}) == 5
        assert len({query.evidence.mandate for query in gateway.door.asked}) == 1


async def test_a4_what_the_proxy_sent_cannot_be_sent_again(tmp_path: Path) -> None:
    async with believing_nothing(tmp_path) as (run, gateway):
        first = await run.search(fake_region.BSN)
        overheard = {name: gateway.heard[0][name] for name in ("noaber-mandate", "noaber-proof", "noaber-salt")} | FORM
        body = f"identifier={fake_region.SYSTEM}%7C{fake_region.BSN.value}".encode()
        async with run.parts.upstream.ask("POST", b"/fhir/Patient/_search", overheard, body) as answer:
            again, told = answer.status_code, await answer.aread()

        assert (first.status_code, again) == (200, 401)
        assert b"proof-used" in told
        assert len(gateway.door.asked) == 1
