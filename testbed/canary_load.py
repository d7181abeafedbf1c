"""A mixed load on a region full of canaries: what goes well, what fails, what is refused, cut, big, and attached.

Each step says what came of it, so that whoever looks for traces afterwards knows that there was something to leave.
"""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

import anyio
import httpx2
from grpc import aio

from accord.link.options import CHANNEL
from accord.terms.answers import Frame
from accord.terms.identifiers import BSN_SYSTEM
from accord.terms.queries import HolderQuery
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1.dossier_service_pb2_grpc import DossierServiceStub
from testbed import asking
from testbed.canary_world import MISBEHAVING, READ_THROUGH, CanaryWorld, foreign_record, own_record
from testbed.fhir_server_faults import FhirFaults
from testbed.scripted_holder import ALL_CATEGORIES, batch_of, closed_of

_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_SECONDS: Final = 30.0


@dataclass(slots=True)
class Load:
    """The load, and what came of it: how often each thing happened, and which canaries were in answers."""

    world: CanaryWorld
    client: httpx2.AsyncClient
    done: Counter[str] = field(default_factory=Counter)
    passed: set[str] = field(default_factory=set)
    patient: str = ""

    def note(self, what: str, content: bytes = b"") -> None:
        """Something happened, and this is what was answered."""
        self.done[what] += 1
        canaries = self.world.canaries
        shown = {"name": canaries.family_name, "free text": canaries.free_text, "code": canaries.code, "BSN": canaries.bsn}
        self.passed |= {name for name, text in shown.items() if text.encode() in content}
        if canaries.attachment in content:
            self.passed.add("attachment")


async def mixed_load(world: CanaryWorld) -> Load:
    """Ask everything there is to ask, well and badly, over HTTP and gRPC."""
    async with httpx2.AsyncClient(base_url=world.fhir_url, timeout=_SECONDS, trust_env=False) as client:
        load = Load(world, client)
        await _what_goes_well(load)
        await _over_grpc(load)
        await _what_is_refused(load)
        await _bad_questions(load)
        await _bad_holders(load)
        await _bad_sources(load)
        await _leave_in_the_middle(load)
        return load


async def _what_goes_well(load: Load) -> None:
    found = await load.client.post("Patient/_search", data={"identifier": f"{BSN_SYSTEM}|{load.world.canaries.bsn}"})
    load.patient = found.json()["entry"][0]["resource"]["id"]
    load.note("patient", found.content)
    for encoding in ("gzip", "identity"):
        everything = await load.client.get(f"Patient/{load.patient}/$everything", headers={"accept-encoding": encoding})
        load.note("big answer" if len(everything.content) > 1_000_000 else "small answer", everything.content)
    url: str | None = f"{load.world.fhir_url}/Observation?patient={load.patient}&_count=500"
    while url is not None:
        page = await load.client.get(url)
        load.note("page", page.content)
        url = next((link["url"] for link in page.json()["link"] if link["relation"] == "next"), None)
    for accept in ("*/*", "application/fhir+json"):
        where = f"Binary/{READ_THROUGH}.letter?record=DocumentReference/{READ_THROUGH}.letter"
        attachment = await load.client.get(where, headers={"accept": accept})
        load.note(f"attachment {attachment.status_code}", attachment.content)


async def _over_grpc(load: Load) -> None:
    canaries = load.world.canaries
    dossier = await asking.ask_later(load.world.gateway_address, asking.request(canaries.bsn), _SECONDS)
    load.note(f"gRPC {dossier.holders[READ_THROUGH].ending}", b"".join(record.json for record in dossier.records))
    async with aio.insecure_channel(load.world.gateway_address, options=CHANNEL) as channel:
        about = pb.DossierServiceFetchAttachmentRequest(
            about=asking.request(canaries.bsn), holder=READ_THROUGH, url="Binary/letter", record="DocumentReference/letter"
        )
        frames = [frame.frame async for frame in DossierServiceStub(channel).FetchAttachment(about, timeout=_SECONDS)]
        load.note("gRPC attachment", b"".join(frame.chunk for frame in frames))
        for bad in (
            asking.request(canaries.code),
            asking.request(canaries.bsn, holders=[canaries.code]),
            asking.request(canaries.bsn, birth_date=canaries.free_text),
        ):
            try:
                async for _ in DossierServiceStub(channel).Open(bad, timeout=_SECONDS):
                    pass
            except aio.AioRpcError as failure:
                load.note(f"gRPC {failure.code().name}")


async def _what_is_refused(load: Load) -> None:
    refused = load.world.canaries.refused_bsn
    await _ending(load, "refused by the person", refused, READ_THROUGH)
    found = await load.client.post("Patient/_search", data={"identifier": f"{BSN_SYSTEM}|{refused}"})
    load.note(f"refused {found.status_code}")


async def _bad_questions(load: Load) -> None:
    """Questions that are refused, each with a canary wherever a question has room for one."""
    canaries = load.world.canaries
    text, bsn = quote(canaries.free_text), canaries.bsn
    form = urlencode({"identifier": f"{BSN_SYSTEM}|{bsn}", "family": canaries.family_name}).encode()
    send = partial(load.client.post, "Patient/_search", headers=_FORM)
    for asked in (
        load.client.get(f"Patient?identifier={BSN_SYSTEM}|{bsn}"),
        load.client.get(f"Patient/{bsn}"),
        load.client.get(f"Observation?patient={bsn}"),
        load.client.get(f"Observation?patient={load.patient}&note={text}"),
        load.client.get(f"Observation?patient={load.patient}&{text}=1"),
        load.client.get(f"Observation?patient={load.patient}&date={text}"),
        load.client.get(f"Patient/{canaries.code}/$everything"),
        load.client.get(f"Observation/{canaries.code}"),
        load.client.get(f"Observation?patient={load.patient}", headers={"accept": canaries.code}),
        load.client.get(f"{text}/{text}"),
        load.client.get("metadata", headers={"x-request-id": canaries.code, "prefer": canaries.code, "accept": canaries.code, "noaber-purpose": canaries.code}),
        send(content=form),
        send(content=b"identifier=%ff" + form),
        send(content=json_of(canaries.free_text), headers={"content-type": "application/json"}),
        load.client.post(f"Patient/{load.patient}/$everything", content=json_of(canaries.free_text)[:-3], headers={"content-type": "application/fhir+json"}),
        load.client.put("Patient/1", content=json_of(canaries.free_text)),
    ):
        answered = await asked
        load.note(f"bad question {answered.status_code}")


def json_of(text: str) -> bytes:
    """A record that nobody asked for."""
    return b'{"resourceType":"Patient","name":[{"family":"' + text.replace('"', "").encode() + b'"}]}'


async def _bad_holders(load: Load) -> None:
    """A holder that breaks off, fails with content in its text, and tells about somebody else."""
    canaries = load.world.canaries
    own, foreign = own_record(canaries), foreign_record(canaries)

    async def breaks_off(_: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield ALL_CATEGORIES
        yield batch_of(own)

    async def explodes(_: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield ALL_CATEGORIES
        raise RuntimeError(canaries.foreign_text)

    async def lies(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        batches = [batch_of(own), batch_of(foreign)]
        yield ALL_CATEGORIES
        for batch in batches:
            yield batch
        yield closed_of(query, batches)

    for script in (breaks_off, explodes, lies):
        load.world.misbehaving.script = script
        await _ending(load, script.__name__, canaries.bsn, MISBEHAVING)
        everything = await load.client.get(f"Patient/{load.patient}/$everything?_type=Condition,Patient")
        load.note(f"{script.__name__} over HTTP {everything.status_code}", everything.content)


async def _bad_sources(load: Load) -> None:
    """A FHIR server that says what is no FHIR, with content in it, or fails half-way."""
    canaries, desk = load.world.canaries, load.world.server.desk
    for name, faults in {
        "broken": FhirFaults(broken_json=True),
        "cut": FhirFaults(cut=True, only=("Observation",)),
        "fails": FhirFaults(fail_after_pages=1, only=("Observation",)),
        "complains": FhirFaults(complaint=canaries.foreign_text),
        "lies": FhirFaults(wrong_patient=True),
        "no bundle": FhirFaults(not_a_bundle=True),
        "redirects": FhirFaults(redirect=f"{load.world.server.base}/{quote(canaries.free_text)}"),
    }.items():
        desk.faults = faults
        await _ending(load, f"source {name}", canaries.bsn, READ_THROUGH)
    desk.faults = FhirFaults()


async def _leave_in_the_middle(load: Load) -> None:
    """A client that goes away while it is answered."""
    async with load.client.stream("GET", f"Patient/{load.patient}/$everything", headers={"accept-encoding": "identity"}) as answer:
        async for part in answer.aiter_bytes():
            load.note("left", part)
            break
    load.world.server.desk.faults = FhirFaults(delay=5.0)
    with anyio.move_on_after(0.3):
        await load.client.get(f"Patient/{load.patient}/$everything")
    load.note("left before the answer")
    load.world.server.desk.faults = FhirFaults()


async def _ending(load: Load, what: str, bsn: str, holder: str) -> None:
    try:
        dossier = await asking.ask_later(load.world.gateway_address, asking.request(bsn, holders=[holder]), _SECONDS)
        load.note(f"{what}: {dossier.holders[holder].ending}", b"".join(record.json for record in dossier.records))
    except asking.RegionDidNotAnswer as failure:
        load.note(f"{what}: {failure}")
