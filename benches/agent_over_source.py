"""What does an agent add to the time of its source?

The source's own time is what a plain client needs for the same: the same person, the same searches with the same page
size, in the same order and as many at once, over connections that are kept open, with the same library and event loop
and the same headers. It takes each page apart into its records, as bytes, and reads none of them. A second reference
decodes every record, as most clients do. The agent runs in a process of its own with a journal on disk, and is asked over
gRPC; it lets everybody in, for what mandates and mutual TLS cost is `trust_cost`.

Sources: a simulated server that answers at once; the same with a time for each page as a server of a care provider has,
30 ms and 0.2 ms for each record; and HAPI, where Java is at hand. On few cores a source that works competes with the agent.

The ways take turns, each pair in the other order than the last, so that whatever else the machine does befalls both; what
is told is the middle of the differences. Processor time is told beside it: that of the agent holds on a busy machine, too.
"""

import argparse
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import anyio
import httpx2
from grpc import aio

from accord.terms.records import TYPE_CODE
from benches.asking import ask_agent, channel_to
from benches.plain_reading import AT_ONCE, PAGE, client_of, read_plainly
from benches.providers import URA, agent, fhir_server, target_of
from benches.records import PATIENT
from benches.records import records as some_records
from benches.staging import Finding, Stage, Started, expect, tell
from testbed.hapi import Hapi, HapiUnavailable

_PERCENT = 10
_MILLISECONDS = 5
#: Seconds for each page, and for each record in it.
_PAGE_SECONDS, _RECORD_SECONDS = 0.03, 0.0002
#: HAPI's compiler learns by doing: the first runs count for nothing.
_WARMING = 3
_LONGEST = 120.0


@dataclass(slots=True)
class _Turns:
    """Seconds and processor seconds of one way, turn by turn."""

    seconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Measured:
    """The three ways over one source."""

    records: int
    plain: _Turns = field(default_factory=_Turns)
    decoding: _Turns = field(default_factory=_Turns)
    agent: _Turns = field(default_factory=_Turns)

    @property
    def ways(self) -> tuple[_Turns, _Turns, _Turns]:
        """All of them, in the order in which they are told."""
        return self.plain, self.decoding, self.agent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[20, 200, 2_000])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--without-hapi", action="store_true", help="over the simulated server only")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much, over the simulated server only")
    given = parser.parse_args()
    if given.quick:
        given.records, given.runs, given.without_hapi = [20], 1, True
    measured: dict[tuple[str, int], _Measured] = {}
    for records in given.records:
        measured["a server that answers at once", records] = _simulated(records, given.runs, 0.0, 0.0)
        measured["a server with a time for each page", records] = _simulated(records, given.runs, _PAGE_SECONDS, _RECORD_SECONDS)
    if not given.without_hapi:
        try:
            with Hapi() as hapi:
                measured |= {("HAPI", records): _hapi(hapi, records, given.runs) for records in given.records}
        except HapiUnavailable as reason:
            raise SystemExit(f"no HAPI here: {reason}") from None
    tell(
        "What does the agent add to the time of its source?",
        [_finding(server, one) for (server, _), one in measured.items()],
        {
            "runs": given.runs,
            "at_once": AT_ONCE,
            "page": PAGE,
            "ms": {f"{server}, {records} records": _figures(one) for (server, records), one in measured.items()},
            "ratio": round(max(median(one.agent.seconds) / median(one.plain.seconds) for one in measured.values()), 2),
        },
    )


def _finding(server: str, one: _Measured) -> Finding:
    plain, added = median(one.plain.seconds) * 1000, _added(one, one.plain)
    share = median(one.agent.seconds) / median(one.plain.seconds)
    busy = median(one.agent.busy) * 1e6 / one.records
    figure = f"{median(added):+.1f} ms on {plain:.0f} ms (× {share:.2f}), p95 {_p95(added):+.0f} ms; CPU of the agent {busy:.0f} µs a record"
    return Finding(
        f"agent over {server}, {one.records:,} records", figure, f"≤ {_PERCENT} % + {_MILLISECONDS} ms", median(added) <= plain * _PERCENT / 100 + _MILLISECONDS
    )


def _figures(one: _Measured) -> dict[str, object]:
    """Milliseconds: the middle, the 95th of a hundred, and processor time, of each way."""
    told: dict[str, object] = {}
    for name, turns in zip(("plain", "decoding", "agent"), one.ways, strict=True):
        milliseconds = [seconds * 1000 for seconds in turns.seconds]
        told[name] = [round(median(milliseconds), 1), round(_p95(milliseconds), 1), round(median(turns.busy) * 1000, 1)]
    return told | {"added": round(median(_added(one, one.plain)), 1), "added to decoding": round(median(_added(one, one.decoding)), 1)}


def _added(one: _Measured, reference: _Turns) -> list[float]:
    return [(through - plain) * 1000 for plain, through in zip(reference.seconds, one.agent.seconds, strict=True)]


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def _simulated(records: int, runs: int, delay: float, each: float) -> _Measured:
    with Stage() as stage:
        _, base, _ = fhir_server(stage, records, delay, each)
        return _measured(stage, base, records, runs)


def _hapi(hapi: Hapi, records: int, runs: int) -> _Measured:
    hapi.wipe()
    hapi.load([PATIENT, *some_records(records)])
    with Stage() as stage:
        return _measured(stage, hapi.base, records, runs)


def _measured(stage: Stage, base: str, records: int, runs: int) -> _Measured:
    # In the agent's own order: which search begins first decides how long all of them take.
    types = sorted({_type_of(record) for record in some_records(records)}, key=TYPE_CODE.__getitem__)
    settings = ("source.kind=fhir-server", f"source.base={base}", f"source.types={json.dumps(types)}")
    # So rarely that it does not look at its source while it is measured.
    started = agent(stage, *settings, f"source.concurrency={AT_ONCE}", f"source.page_size={PAGE}", "source.check_seconds=600", journal=True)
    return anyio.run(_compared, base, started, types, records, runs, backend_options={"use_uvloop": True})


def _type_of(record: bytes) -> str:
    return record.partition(b'"resourceType":"')[2].partition(b'"')[0].decode()


async def _compared(base: str, started: Started, types: Sequence[str], records: int, runs: int) -> _Measured:
    measured = _Measured(records)
    async with client_of() as client, channel_to(target_of(started)) as channel:
        ways = (
            (measured.plain, _plain(client, base, types, records), _own_time),
            (measured.decoding, _plain(client, base, types, records, decode=True), _own_time),
            (measured.agent, _through(channel, records), lambda: started.cpu_seconds),
        )
        for run in range(-_WARMING if runs > 1 else 0, runs):
            for turns, ask, busy in ways if run % 2 else ways[::-1]:
                worked, began = busy(), time.perf_counter()
                await ask()
                seconds, worked = time.perf_counter() - began, busy() - worked
                expect(seconds < _LONGEST, "the server is far too slow for this")
                if run >= 0:
                    turns.seconds.append(seconds)
                    turns.busy.append(worked)
    return measured


def _own_time() -> float:
    return time.process_time()


def _plain(client: httpx2.AsyncClient, base: str, types: Sequence[str], records: int, *, decode: bool = False) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        found = await read_plainly(client, base, types, decode=decode)
        expect(found == records, f"the plain client found {found:,} records of {records:,}")

    return ask


def _through(channel: aio.Channel, records: int) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        (await ask_agent(channel, URA)).expect_all(records + 1)

    return ask


if __name__ == "__main__":
    main()
