"""The read-through adapter passes the acceptance suite of sources over a real HAPI FHIR server.

HAPI reads what it is given, adds what it keeps about each version, and writes it anew when it is asked. So a record of this
source is what HAPI itself serves, and not what was put there: where the suite compares records with those given, what
comes is first found to say the same, apart from `meta`. That no byte of what HAPI serves is changed is a test of its own.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING
from node_agent.ports import LocalPatient, Source, SourceFailure
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, TOUCHY, observation, patient
from testbed.contracts.source import SourceContract, SourceOver, everything, known
from testbed.fhir_server_serving import serving
from testbed.fhir_server_witness import Witness
from testbed.hapi import Hapi, HapiUnavailable
from tests.node_agent.as_given import NOT_KEPT, TYPES, AsGiven

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def hapi() -> Iterator[Hapi]:
    """One server for all tests here: it takes its time to start."""
    try:
        with Hapi() as running:
            yield running
    except HapiUnavailable as reason:
        pytest.skip(f"no HAPI here: {reason}")


class TestOverHapi(SourceContract):
    """By POST, in pages of 200, for the types of the suite: HAPI offers more than sixty, and each takes a search."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def source_over(self, hapi: Hapi) -> SourceOver:
        """The one server, wiped."""

        @asynccontextmanager
        async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
            hapi.wipe()
            hapi.load(records)
            async with AsGiven(FhirEndpoint(hapi.base, types=TYPES, not_kept=NOT_KEPT, patience=300, request_seconds=60), records) as source:
                yield source

        return over

    async def test_bytes_are_sacred(self, hapi: Hapi) -> None:  # type: ignore[override]
        """What HAPI serves to anybody else."""
        hapi.wipe()
        hapi.load([patient("a", ANNA), *TOUCHY])
        refs = [RecordRef("Observation", f"t{place}") for place in range(1, len(TOUCHY) + 1)]
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client, FhirServer(FhirEndpoint(hapi.base)) as source:
            served = [(await client.get(f"{hapi.base}/{ref}")).content for ref in refs]

            assert sorted(await everything(source, await known(source, ANNA))) == sorted(served)
            assert [(await source.read(refs))[ref].fhir_json for ref in refs] == served
        assert b'"value":37.50' in served[0]


@pytest.mark.anyio
async def test_hapi_is_asked_for_all_that_it_says_it_offers(hapi: Hapi) -> None:
    hapi.wipe()
    hapi.load([patient("a", ANNA), *(observation(str(number), "a") for number in range(450))])
    async with FhirServer(FhirEndpoint(hapi.base, patience=300, request_seconds=60)) as source:
        await source.check()

        assert len(source.types) > 60
        assert len(await everything(source, await known(source, ANNA))) == 450


@pytest.mark.anyio
async def test_hapi_that_is_gone_is_unavailable(hapi: Hapi) -> None:
    async with FhirServer(FhirEndpoint(hapi.base.replace("/fhir", "/elsewhere"))) as source:
        with pytest.raises(SourceFailure):
            await source.find(Bsn(ANNA))


@pytest.mark.anyio
async def test_p7_hapi_is_asked_no_more_at_once_and_no_faster_than_agreed(hapi: Hapi) -> None:
    """Counted by what stands in front of it."""
    per_second, witness = 20.0, Witness()
    hapi.wipe()
    hapi.load([patient("a", ANNA), *(observation(str(number), "a") for number in range(20))])
    origin = hapi.base.removesuffix("/fhir")
    async with httpx2.AsyncClient(base_url=origin, trust_env=False, timeout=60) as behind:

        async def pass_on(request: Request) -> Response:
            async with witness.watching():
                told = await behind.request(
                    request.method,
                    str(request.url.path),
                    params=dict(request.query_params),
                    content=await request.body(),
                    headers={name: value for name, value in request.headers.items() if name in {"accept", "content-type", "prefer"}},
                )
            return Response(told.content, told.status_code, media_type=told.headers.get("content-type"))

        app = Starlette(routes=[Route("/{path:path}", pass_on, methods=["GET", "POST"])])
        async with serving(app) as front:
            endpoint = FhirEndpoint(
                f"{front}/fhir",
                also_known_as=(hapi.base,),
                concurrency=3,
                per_second=per_second,
                slow_seconds=0,
                patience=60,
                request_seconds=60,
                types=TYPES,
                not_kept=NOT_KEPT,
            )
            async with FhirServer(endpoint) as source:
                ((_, who),) = [pair async for pair in source.everyone()]
                begun = anyio.current_time()
                async with anyio.create_task_group() as tasks:
                    for _ in range(4):
                        tasks.start_soon(_read_all, source, who)
                seconds = anyio.current_time() - begun
    print(f"{witness.total} requests in {seconds:.1f} s, {witness.high_water} at once, {witness.most_within(1.0)} in the busiest second")  # noqa: T201 - for who measures

    assert 0 < witness.high_water <= 3
    assert witness.total <= per_second * (anyio.current_time() - witness.arrived[0]) + 1


async def _read_all(source: FhirServer, who: LocalPatient) -> None:
    async for _ in source.records_of(who, EVERYTHING):
        pass
