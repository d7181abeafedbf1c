"""What does the gateway cost per record to its gRPC face, with screening on?

Reference in the same run: a raw `grpc.aio` pass-through of the very same batches, which looks at nothing; and
parsing each record with `fhir.resources`. Eight holders in one process, the gateway in its own, CPU time of that
process only.
"""

import argparse
import json
import time
from contextlib import suppress
from pathlib import Path

import anyio
import grpc
from grpc import aio

from accord.link.options import CHANNEL, SERVER
from accord.wire import question_codec
from accord.wire.columns import ROW
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1 import holder_service_pb2 as holder_pb
from benches.asking import channel_to, holder_query, open_request
from benches.records import records
from benches.staging import HOLDERS, Finding, Group, Stage, Started, expect, grpc_of, middle, tell, ura_of

_OPEN = "/accord.wire.v1.DossierService/Open"
_QUERY = "/accord.wire.v1.HolderService/Query"
_SAMPLE = 300


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    parser.add_argument("--serve", choices=["raw"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        anyio.run(_serve_raw, given.folder, backend_options={"use_uvloop": True})
    elif given.quick:
        _measure(1_600, 1, 60)
    else:
        _measure(given.records, given.runs, _SAMPLE)


def _measure(number: int, runs: int, sample: int) -> None:
    with Stage() as stage:
        stage.holders(Group(0, HOLDERS, number // HOLDERS))
        relay = stage.start("benches.gateway_per_record", "--serve", "raw", "--folder", str(stage.folder))
        gateway = stage.gateway()
        faces = {"raw": (relay, f"unix:{stage.folder}/raw.sock"), "noaber": (gateway, grpc_of(gateway))}
        # In turn, so that a machine whose speed drifts drifts for both.
        cost: dict[str, list[float]] = {kind: [] for kind in faces}
        for run in range(runs + 1):
            for kind, (process, target) in faces.items():
                spent, heard = anyio.run(_ask, process, target, kind)
                expect(heard == number // HOLDERS * HOLDERS + HOLDERS, f"{heard:,} records came through {kind}")
                if run:
                    cost[kind].append(spent / heard * 1e6)
        parsing = _parse_cost(sample)
    raw, ours = middle(cost["raw"]), middle(cost["noaber"])
    times = round(parsing / ours)
    tell(
        "What does the gateway cost per record to its gRPC face?",
        [
            Finding("CPU of the gateway, against a raw `grpc.aio` pass-through", f"{ours:.2f} µs a record, {ours / raw:.2f} ×", "≤ 2.5 ×", ours / raw <= 2.5),
            Finding("the same, against parsing with `fhir.resources`", f"{times} × cheaper", "≥ 100 ×", parsing / ours >= 100),
        ],
        {
            "records": number,
            "holders": HOLDERS,
            "runs": runs,
            "raw_us": round(raw, 2),
            "noaber_us": round(ours, 2),
            "fhir_resources_us": round(parsing, 1),
            "ratio": round(ours / raw, 2),
            "times_cheaper_than_fhir_resources": times,
            "spread_raw": [round(min(cost["raw"]), 2), round(max(cost["raw"]), 2)],
            "spread_noaber": [round(min(cost["noaber"]), 2), round(max(cost["noaber"]), 2)],
        },
    )


async def _ask(process: Started, target: str, kind: str) -> tuple[float, int]:
    """Processor seconds that the process spent on one question, and the records that came."""
    heard = 0
    async with channel_to(target) as channel:
        call: aio.UnaryStreamMultiCallable[pb.OpenRequest, bytes] = channel.unary_stream(
            _OPEN, request_serializer=pb.OpenRequest.SerializeToString, response_deserializer=None
        )
        before = process.cpu_seconds
        async for message in call(open_request(), timeout=60):
            batch = holder_pb.QueryResponse.FromString(message).batch if kind == "raw" else pb.OpenResponse.FromString(message).batch.batch
            heard += len(batch.columns)
        spent = process.cpu_seconds - before
    return spent, heard // ROW.size


async def _serve_raw(folder: Path) -> None:
    """Relay every message of eight streams, in the order of arrival, without a look at it."""
    stubs: list[aio.UnaryStreamMultiCallable[bytes, bytes]] = [
        aio.insecure_channel(f"unix:{folder}/holder{index}.sock", options=CHANNEL).unary_stream(_QUERY, request_serializer=None, response_deserializer=None)
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
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(relay)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("accord.wire.v1.DossierService", {"Open": handler}),))
    server.add_insecure_port(f"unix:{folder}/raw.sock")
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


def _request(index: int) -> bytes:
    return holder_pb.QueryRequest(query=question_codec.holder_query_to_wire(holder_query(ura_of(index)))).SerializeToString()


def _parse_cost(number: int) -> float:
    """Microseconds to parse one record with fhir.resources, over a sample of all types that there are."""
    from fhir.resources.R4B import get_fhir_model_class

    def parse() -> None:
        for record in sample:
            content = json.loads(record)
            # The library refuses some sound records; refusing costs no less than accepting.
            with suppress(ValueError):
                get_fhir_model_class(content["resourceType"]).model_validate(content)

    sample = records(number)
    parse()
    started = time.process_time()
    parse()
    return (time.process_time() - started) / len(sample) * 1e6


if __name__ == "__main__":
    main()
