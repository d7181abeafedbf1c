"""A small region full of canaries: a care provider whose FHIR server is read through, one that misbehaves, and a gateway.

    async with CanaryWorld.start(run, folder) as world:
        done = await world.mixed_load()

The gateway, the read-through agent and the data user's proxy are observed processes. The FHIR server and the misbehaving holder are not:
they are the care providers' own systems, where content belongs.
"""

import json
from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio.to_thread

from accord.rules.consent import Choice
from accord.terms.identifiers import BSN_SYSTEM, Bsn
from node_agent.sources.choice_store import keep_choices
from testbed.canary import Canaries, CanaryRun
from testbed.canary_watch import Watched
from testbed.fhir_server_serving import RunningFhirServer, fhir_server
from testbed.holders import BY_NAME
from testbed.region_connect import write_connect
from testbed.region_files import HolderFiles
from testbed.region_gateway import write_gateway
from testbed.region_office import Credentials, RegionOffice
from testbed.scripted_holder import ScriptedHolder, honest

Json = dict[str, Any]

READ_THROUGH: Final = "dinkelhorst"
MISBEHAVING: Final = "reggerbrug"
OBSERVATIONS: Final = 3_000
_SYSTEM: Final = "urn:oid:2.16.840.1.113883.2.4.3.11"
_LETTER: Final = "letter"


def records_of(canaries: Canaries) -> Iterator[bytes]:
    """Two people, one of whom refuses; so many observations that the answer is big; a letter with an attachment."""
    yield _written(_patient("1", canaries.bsn, canaries.family_name))
    yield _written(_patient("2", canaries.refused_bsn, canaries.family_name))
    for owner in ("1", "2"):
        yield _written(_condition(owner, canaries))
    for number in range(OBSERVATIONS):
        yield _written(_observation(str(number), canaries))
    yield _written({"resourceType": "Binary", "id": _LETTER, "contentType": "application/pdf", "data": b64encode(canaries.attachment).decode()})
    attachment = {"contentType": "application/pdf", "url": f"Binary/{_LETTER}", "title": canaries.free_text}
    yield _written(
        {
            "resourceType": "DocumentReference",
            "id": _LETTER,
            "status": "current",
            "subject": {"reference": "Patient/1"},
            "content": [{"attachment": attachment}],
        }
    )


def _patient(logical_id: str, bsn: str, family: str) -> Json:
    identifier = [{"system": BSN_SYSTEM, "value": bsn}]
    return {"resourceType": "Patient", "id": logical_id, "identifier": identifier, "name": [{"family": family}], "birthDate": "1942-03-14"}


def _condition(owner: str, canaries: Canaries) -> Json:
    code = {"coding": [{"system": _SYSTEM, "code": canaries.code}], "text": canaries.free_text}
    return {"resourceType": "Condition", "id": f"c{owner}", "subject": {"reference": f"Patient/{owner}"}, "code": code}


def _observation(logical_id: str, canaries: Canaries) -> Json:
    return {
        "resourceType": "Observation",
        "id": logical_id,
        "status": "final",
        "code": {"coding": [{"system": _SYSTEM, "code": canaries.code}]},
        "subject": {"reference": "Patient/1", "display": canaries.family_name},
        "effectiveDateTime": f"2026-{int(logical_id) % 12 + 1:02}-{int(logical_id) % 28 + 1:02}T10:00:00+01:00",
        "note": [{"text": canaries.free_text}],
    }


def _written(record: Json) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


class CanaryWorld:
    """The region, running."""

    def __init__(self, canaries: Canaries, server: RunningFhirServer, misbehaving: ScriptedHolder) -> None:
        self.canaries = canaries
        self.server = server
        self.misbehaving = misbehaving
        self.fhir_url = ""
        self.gateway_address = ""

    @classmethod
    @asynccontextmanager
    async def start(cls, run: CanaryRun, folder: Path) -> AsyncGenerator["CanaryWorld", None]:
        """Start everything, three processes of it under observation.

        Raises:
            CannotWatch: Processes cannot be observed here.
            ProcessFailed: One did not start.
        """
        canaries = run.canaries
        files = {name: HolderFiles(BY_NAME[name], folder) for name in (READ_THROUGH, MISBEHAVING)}
        (folder / "s").mkdir(mode=0o700, parents=True)
        for some in files.values():
            some.source.mkdir(mode=0o700, parents=True)
            some.agent.mkdir(mode=0o700, parents=True)
        own = files[READ_THROUGH]
        keep_choices(own.source / "choices.db", {Bsn(canaries.bsn): [Choice(permits=True)], Bsn(canaries.refused_bsn): [Choice(permits=False)]})
        office = RegionOffice(folder)
        office.enrol(some.member for some in files.values())
        for some in files.values():
            office.give(some.agent)
            office.give_keys(some.name, some.agent)
        socket, credentials = folder / "s" / MISBEHAVING, Credentials(files[MISBEHAVING].agent)
        misbehaving = ScriptedHolder(BY_NAME[MISBEHAVING].ura, honest([]), socket=socket, credentials=credentials)
        async with fhir_server(records_of(canaries)) as server, misbehaving:
            own.write_settings(server.base)
            world = cls(canaries, server, misbehaving)
            program = write_gateway(folder, office, files.values(), seconds=20.0)
            await _ready(run.watch(own.agent_program(), sources=[folder / "sources"]))
            # A gateway that finds nobody at first waits a while before it tries again.
            faces = await _ready(run.watch(program))
            connect = write_connect(folder, office, faces, http="127.0.0.1:0", grpc="127.0.0.1:0", ura=BY_NAME[READ_THROUGH].ura.value)
            told = dict(part.split("=", 1) for part in (await _ready(run.watch(connect))).split()[1:])
            world.gateway_address, world.fhir_url = told["grpc"], f"http://{told['http'].removeprefix('http://')}/fhir"
            yield world


async def _ready(watched: Watched) -> str:
    return await anyio.to_thread.run_sync(watched.wait_until_ready, "ready")


def own_record(canaries: Canaries) -> list[bytes]:
    """What another holder has about the same person."""
    return [_written(_patient("9", canaries.bsn, canaries.family_name)), _written({**_condition("9", canaries), "id": "own"})]


def foreign_record(canaries: Canaries) -> list[bytes]:
    """What that holder has about somebody else."""
    return [_written({**_condition("8", canaries), "id": "foreign"})]
