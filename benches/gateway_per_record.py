"""What does the gateway cost per record to its gRPC face, with screening on?

Reference in the same run: a raw `grpc.aio` pass-through of the very same batches, which looks at nothing; and
parsing each record with `fhir.resources`. Eight holders in one process, the gateway in its own, CPU time of that
process only.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import anyio
import grpc
import psutil
from anyio.abc import TaskStatus
from grpc import aio

from accord.link.options import CHANNEL, SERVER
from accord.terms.answers import Batch, Frame
from accord.terms.identifiers import QueryId, Ura
from accord.terms.queries import HolderQuery
from accord.terms.vocabulary import PurposeOfUse
from accord.wire import codec
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1 import holder_service_pb2 as holder_pb
from accord.wire.v1 import terms_pb2
from benches.records import BSN, PATIENT, records
from gateway.settings import GatewaySettings
from testbed.scripted_holder import ALL_CATEGORIES, ScriptedHolder, batches_of, closed_of

HOLDERS = 8
_OPEN = "/accord.wire.v1.DossierService/Open"
_QUERY = "/accord.wire.v1.HolderService/Query"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--serve", choices=["holders", "raw"])
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    if arguments.serve == "holders":
        anyio.run(_serve_holders, Path(arguments.folder), arguments.records, backend_options={"use_uvloop": True})
    elif arguments.serve == "raw":
        anyio.run(_serve_raw, Path(arguments.folder), backend_options={"use_uvloop": True})
    else:
        _measure(arguments.records, arguments.runs)


def _measure(number: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "region.toml").write_text(_register(folder))
        settings = [f"--set=listen.grpc=unix:{folder}/noaber.sock", "--set=listen.http=127.0.0.1:0", f"--set=region.register={folder}/region.toml", "--set=region.seconds=60"]
        processes: list[subprocess.Popen[str]] = []
        try:
            for command in (
                ("benches.gateway_per_record", "--serve", "holders", "--folder", name, "--records", str(number)),
                ("benches.gateway_per_record", "--serve", "raw", "--folder", name),
                ("gateway", "run", *settings),
            ):
                processes.append(_start(*command))  # noqa: PERF401 - those that did start must be ended
            sockets = {"raw": (processes[1], f"unix:{folder}/raw.sock"), "noaber": (processes[2], f"unix:{folder}/noaber.sock")}
            # In turn, so that a machine whose speed drifts drifts for both.
            cost: dict[str, list[float]] = {kind: [] for kind in sockets}
            for run in range(runs + 1):
                for kind, (process, target) in sockets.items():
                    spent, heard = anyio.run(_ask, process.pid, target, kind)
                    if run:
                        cost[kind].append(spent / heard * 1e6)
            parsing = _parse_cost()
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
    raw, ours = (sorted(cost[kind])[runs // 2] for kind in ("raw", "noaber"))
    print(json.dumps({
        "question": "gateway CPU per record to its gRPC face", "records": number, "holders": HOLDERS, "runs": runs,
        "raw_us": round(raw, 2), "noaber_us": round(ours, 2), "fhir_resources_us": round(parsing, 1),
        "ratio_to_raw": round(ours / raw, 2), "times_cheaper_than_fhir_resources": round(parsing / ours),
        "spread_raw": [round(min(cost["raw"]), 2), round(max(cost["raw"]), 2)],
        "spread_noaber": [round(min(cost["noaber"]), 2), round(max(cost["noaber"]), 2)],
    }))  # fmt: skip


def _start(module: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    line = process.stdout.readline() if process.stdout else ""
    if not line.startswith("ready"):
        process.terminate()
        raise SystemExit(f"{module} did not start: {line}")
    return process


async def _ask(pid: int, target: str, kind: str) -> tuple[float, int]:
    process = psutil.Process(pid)
    request = pb.OpenRequest(bsn=BSN.value, treats_the_patient=True, purpose=terms_pb2.PURPOSE_OF_USE_TREAT)
    request.selection.order = terms_pb2.ORDER_ARRIVAL
    request.selection.includes.append("*")
    columns = 0
    async with aio.insecure_channel(target, options=CHANNEL) as channel:
        call = channel.unary_stream(_OPEN, request_serializer=pb.OpenRequest.SerializeToString, response_deserializer=None)
        before = process.cpu_times()
        async for message in call(request, timeout=60):
            batch = holder_pb.QueryResponse.FromString(message).batch if kind == "raw" else pb.OpenResponse.FromString(message).batch.batch
            columns += len(batch.columns)
        after = process.cpu_times()
    return after.user + after.system - before.user - before.system, columns // 40


async def _serve_holders(folder: Path, number: int) -> None:
    async with anyio.create_task_group() as tasks:
        for index in range(HOLDERS):
            await tasks.start(_serve_holder, folder, index, batches_of([PATIENT, *records(number // HOLDERS)]))
        print("ready", flush=True)


async def _serve_holder(folder: Path, index: int, batches: list[Batch], *, task_status: TaskStatus[None]) -> None:
    async def script(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield ALL_CATEGORIES
        for batch in batches:
            yield batch
        yield closed_of(query, batches)

    async with ScriptedHolder(_ura(index), script, socket=folder / f"holder{index}.sock"):
        task_status.started()
        await anyio.sleep_forever()


async def _serve_raw(folder: Path) -> None:
    """Relay every message of eight streams, in the order of arrival, without a look at it."""
    stubs = [
        aio.insecure_channel(f"unix:{folder}/holder{index}.sock", options=CHANNEL).unary_stream(
            _QUERY, request_serializer=None, response_deserializer=None
        )
        for index in range(HOLDERS)
    ]

    async def relay(_: bytes, context: aio.ServicerContext[bytes, bytes]) -> None:
        send, receive = anyio.create_memory_object_stream[bytes](8)

        async def hear(index: int) -> None:
            async with send.clone() as sink:
                async for message in stubs[index](_request(index), timeout=60):
                    await sink.send(message)

        async with anyio.create_task_group() as tasks, receive:
            for index in range(HOLDERS):
                tasks.start_soon(hear, index)
            await anyio.lowlevel.checkpoint()
            send.close()
            async for message in receive:
                await context.write(message)

    server = aio.server(options=SERVER)
    handler = grpc.unary_stream_rpc_method_handler(relay)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("accord.wire.v1.DossierService", {"Open": handler}),))
    server.add_insecure_port(f"unix:{folder}/raw.sock")
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


def _request(index: int) -> bytes:
    query = HolderQuery(QueryId("bench"), _ura(index), BSN, None, GatewaySettings().asked_by, PurposeOfUse.TREATMENT)
    return holder_pb.QueryRequest(query=codec.holder_query_to_wire(query)).SerializeToString()


def _ura(index: int) -> Ura:
    return Ura(f"9100{index:04}")


def _register(folder: Path) -> str:
    entry = '[[holder]]\nname = "h{0}"\nura = "9100{0:04}"\ntitle = "Holder {0}"\nkind = "hospital"\naddress = "unix:{1}/holder{0}.sock"\npseudonym_key = "{2}"\n'
    return "\n".join(entry.format(index, folder, "ab" * 32) for index in range(HOLDERS))


def _parse_cost() -> float:
    """Microseconds to parse one record with fhir.resources, over a sample."""
    from fhir.resources.R4B import get_fhir_model_class

    def parse() -> int:
        parsed = 0
        for record in sample:
            content = json.loads(record)
            # The library refuses some sound records; refusing costs no less than accepting.
            with suppress(ValueError):
                get_fhir_model_class(content["resourceType"]).model_validate(content)
            parsed += 1
        return parsed

    sample = records(300)
    parse()
    started = time.process_time()
    return parse() and (time.process_time() - started) / len(sample) * 1e6


if __name__ == "__main__":
    main()
