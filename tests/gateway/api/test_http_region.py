"""The face in front of a real region: real questions over gRPC, screening and folding included."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle

from accord.link.addresses import loopback
from accord.link.pseudonyms import PseudonymKey
from accord.rules.reading import category_of, content_hint, read_record, time_ms
from accord.rules.scope import falls_inside
from accord.terms.answers import Frame
from accord.terms.identifiers import HolderName, RecordRef, Ura
from accord.terms.parties import DataHolder
from accord.terms.queries import HolderQuery, Order, SortKey
from accord.terms.records import TYPE_CODE
from accord.terms.vocabulary import HolderKind
from accord.wire.v1 import holder_service_pb2 as pb
from gateway.api.fhir_app import make_app
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.fanout import Patience
from gateway.opening import Region
from gateway.ports import RegisteredHolder
from gateway.presence import Presence
from gateway.register import Register
from testbed.plain import plain_holders, plain_recorder
from testbed.scripted_holder import ALL_CATEGORIES, Script, ScriptedHolder, batches_of, closed_of
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.api.fake_region import BSN, SYSTEM, encounter, observation, patient

pytestmark = pytest.mark.anyio


def sound(own_patient: bytes, records: Sequence[bytes]) -> Script:
    """A holder that answers as agreed: by selection, in order, the Patient first."""

    async def script(query: HolderQuery) -> AsyncGenerator[Frame | pb.QueryResponse, None]:
        selection = query.selection
        ranked = []
        for text in records:
            record = read_record(text)
            assert record.kind is not None
            rank = SortKey(time_ms(record, record.kind), TYPE_CODE[record.kind.name], content_hint(record, record.kind), record.id).rank
            if falls_inside(selection, record, record.kind, category_of(record, record.kind)):
                ranked.append((rank, text))
        if selection.order is Order.GLOBAL:
            ranked = sorted(item for item in ranked if selection.after is None or item[0] >= selection.after.rank)
        found = [text for _, text in ranked][: selection.limit or None]
        about_nothing = isinstance(query.about, RecordRef) and query.about.type != "Patient" and not found
        batches = [] if about_nothing else [*batches_of([own_patient]), *batches_of(found)]
        yield ALL_CATEGORIES
        for batch in batches:
            yield batch
        yield replace(closed_of(query, batches), more=len(found) < len(ranked))

    return script


@asynccontextmanager
async def region(folder: Path, scripts: dict[str, Script | None]) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the FHIR face of scripted holders; a holder without a script is dead."""
    holders: list[RegisteredHolder] = []
    grpc = plain_holders()
    async with AsyncExitStack() as stack:
        for number, (name, script) in enumerate(scripts.items()):
            ura, socket = Ura(f"9000{number:04}"), folder / f"{name}.sock"
            if script is not None:
                await stack.enter_async_context(ScriptedHolder(ura, script, socket=socket))
            card = DataHolder(HolderName(name), ura, name.title(), HolderKind.HOSPITAL, "053 555 0100")
            holders.append(RegisteredHolder(card, loopback(f"unix:{socket}"), PseudonymKey(os.urandom(32)), active=True))
        asked = Region(Register(tuple(holders)), grpc, Presence(), plain_recorder, Patience(locate=60.0, first_frame=60.0, between_frames=60.0), seconds=60.0)
        async with anyio.create_task_group() as tasks:
            settings = HttpSettings(seconds=60.0, first_frame_seconds=60.0)
            address = await tasks.start(serve_http, partial(make_app, asked, FakeCallers.of(settings)), settings, loopback("127.0.0.1:0"))
            async with httpx2.AsyncClient(base_url=f"http://{address}/fhir/") as client:
                yield client
            tasks.cancel_scope.cancel()
        await grpc.close()


async def opaque_id(client: httpx2.AsyncClient) -> str:
    answer = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
    logical_id: str = answer.json()["entry"][0]["resource"]["id"]
    return logical_id


async def test_a_client_searches_pages_and_reads_at_live_holders_of_which_one_is_dead(tmp_path: Path) -> None:
    to_encounter = ', "encounter": {"reference": "Encounter/3"}'
    days = [f"2024-01-{day:02d}" for day in range(1, 26)]
    scripts: dict[str, Script | None] = {
        name: sound(
            patient(own),
            [
                encounter("3", own, day=f"202{number}-01-01"),
                *(observation(str(i), own, day=day, value=f"{number}.50", more=to_encounter) for i, day in enumerate(days)),
            ],
        )
        for number, (name, own) in enumerate({"alfa": "p1", "beta": "p1", "gamma": "7"}.items())
    }
    async with region(tmp_path, {**scripts, "dead": None}) as client:
        logical_id = await opaque_id(client)
        everything = await client.get(f"Patient/{logical_id}/$everything")
        ids: list[str] = []
        following: str | None = f"Observation?patient={logical_id}&_count=20"
        pages = []
        while following:
            page = (await client.get(following)).json()
            pages.append(page)
            ids += [entry["resource"]["id"] for entry in page["entry"] if entry["search"]["mode"] == "match"]
            following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        read = {name: (await client.get(f"Observation/{name}.1")).json() for name in scripts}
        referred = {name: (await client.get(record["encounter"]["reference"])).json() for name, record in read.items()}
        own = await client.get("at/beta/Observation/1")
        by_own_patient = await client.get("Encounter", params={"patient": "Patient/gamma.7"})
        nothing = await client.get("Observation/alfa.99")

    Bundle.model_validate_json(everything.content)
    assert everything.text.count('"mode":"match"') == 3 * 27
    assert sorted(ids) == sorted(f"{name}.{i}" for name in scripts for i in range(25))
    assert len(pages) == 4
    assert all('"unreachable"' in str(page).replace("'", '"') for page in pages)
    assert [referred[name]["period"]["start"] for name in scripts] == ["2020-01-01", "2021-01-01", "2022-01-01"]
    assert own.content == observation("1", "p1", day="2024-01-02", value="1.50", more=to_encounter)
    assert {entry["resource"]["id"] for entry in by_own_patient.json()["entry"] if entry["search"]["mode"] == "match"} == {f"{name}.3" for name in scripts}
    assert nothing.status_code == 404


async def test_a_holder_that_answers_about_somebody_else_is_set_aside_whole(tmp_path: Path) -> None:
    stranger = observation("2", "p2")
    async with region(tmp_path, {"alfa": sound(patient("p1"), [observation("1", "p1")]), "beta": sound(patient("p1"), [stranger])}) as client:
        logical_id = await opaque_id(client)
        page = (await client.get(f"Observation?patient={logical_id}")).json()

    assert [entry["resource"]["id"] for entry in page["entry"] if entry["search"]["mode"] == "match"] == ["alfa.1"]
    assert "rejected" in str(page)
