"""What does an agent add to the time that its care provider's own FHIR server takes?

The same person and the same pages, fetched by a plain client (`httpx2`, as many requests at once as the agent may
have) and through the agent's `Query`: for few records and for many, from a server that answers at once and from one
that takes its time. The plain client does what must be done and no more: find the person under the two systems that
a BSN may have, then fetch every page of every type.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import anyio
import httpx2
import msgspec

from accord.terms.identifiers import BSN_OID, BSN_SYSTEM
from benches.asking import Heard, ask_agent, channel_to
from benches.providers import URA, agent, fhir_server, target_of
from benches.records import BSN
from benches.staging import Finding, Stage, expect, middle, tell

_AT_ONCE = 4
_PAGE = 200
_PERCENT = 10
_MILLISECONDS = 5


class _Link(msgspec.Struct):
    relation: str
    url: str


class _Page(msgspec.Struct):
    """What a plain client must know of a page: how to go on. The entries are counted, not read."""

    link: list[_Link] = []
    entry: list[msgspec.Raw] = []


_decode = msgspec.json.Decoder(_Page).decode


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[200, 2_000])
    parser.add_argument("--delays", type=float, nargs="+", default=[0.0, 0.05], help="seconds for each request")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.records, given.delays, given.runs = [200], [0.02], 1
    measured = {}
    for records, delay in product(given.records, given.delays):
        measured[records, delay] = _measure(records, delay, given.runs)
    tell(
        "What does the agent add to the time of the FHIR server behind it?",
        [_finding(records, delay, *times) for (records, delay), times in measured.items()],
        {
            "runs": given.runs,
            "at_once": _AT_ONCE,
            "page": _PAGE,
            "ms": {
                f"{records} records, {delay * 1000:g} ms": {"plain": round(plain * 1000, 1), "agent": round(through * 1000, 1), "requests": requests}
                for (records, delay), (plain, through, requests) in measured.items()
            },
            "ratio": round(max(through / plain for plain, through, _ in measured.values()), 2),
        },
    )


def _finding(records: int, delay: float, plain: float, through: float, requests: Sequence[int]) -> Finding:
    added = (through - plain) * 1000
    figure = f"{added:+.0f} ms on {plain * 1000:.0f} ms ({(through / plain - 1) * 100:+.0f} %; {requests[1]} requests for {requests[0]})"
    holds = added <= plain * 1000 * _PERCENT / 100 + _MILLISECONDS
    return Finding(f"read-through of {records:,} records, {delay * 1000:g} ms per request", figure, f"≤ {_PERCENT} % + {_MILLISECONDS} ms", holds)


def _measure(records: int, delay: float, runs: int) -> tuple[float, float, Sequence[int]]:
    """Seconds of the plain client and of the agent, and the requests that each made."""
    plain: list[float] = []
    through: list[float] = []
    requests: list[list[int]] = [[], []]

    async def compare(base: str, control: str, target: str) -> None:
        limits = httpx2.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
        async with (
            httpx2.AsyncClient(limits=limits, timeout=30, trust_env=False) as client,
            channel_to(target) as channel,
            httpx2.AsyncClient(trust_env=False) as other,
        ):
            types = _types((await client.get(f"{base}/metadata")).content)

            async def requests_so_far() -> int:
                total: int = (await other.get(f"{control}/witness")).json()["total"]
                return total

            for run in range(runs + 1):
                first = await requests_so_far()
                seconds, found = await _plainly(client, base, types)
                second = await requests_so_far()
                heard: Heard = await ask_agent(channel, URA)
                third = await requests_so_far()
                heard.expect_all(found)
                expect(found == records + 1, f"the plain client found {found:,} records of {records + 1:,}")
                if run:
                    plain.append(seconds)
                    through.append(heard.ended)
                    requests[0].append(second - first)
                    requests[1].append(third - second)

    with Stage() as stage:
        _, base, control = fhir_server(stage, records, delay)
        # So rarely that it does not look at its source while it is measured.
        started = agent(
            stage,
            "source.kind=fhir-server",
            f"source.base={base}",
            f"source.concurrency={_AT_ONCE}",
            f"source.page_size={_PAGE}",
            "source.check_seconds=600",
        )
        anyio.run(compare, base, control, target_of(started))
    return middle(plain), middle(through), [int(middle(some)) for some in requests]


def _types(statement: bytes) -> list[str]:
    content: Any = msgspec.json.decode(statement)
    return [resource["type"] for resource in content["rest"][0]["resource"] if resource["type"] != "Patient"]


async def _plainly(client: httpx2.AsyncClient, base: str, types: Sequence[str]) -> tuple[float, int]:
    """Seconds to find the person and to fetch every page about them, and the records on those pages."""
    began = time.perf_counter()
    patients: list[msgspec.Raw] = []

    async def find(system: str) -> None:
        patients.extend((await _page(client, f"{base}/Patient/_search", {"identifier": f"{system}|{BSN.value}"})).entry)

    async with anyio.create_task_group() as tasks:
        for system in (BSN_SYSTEM, BSN_OID):
            tasks.start_soon(find, system)
    logical_id: str = msgspec.json.decode(patients[0])["resource"]["id"]
    found = 0

    async def fetch(kind: str) -> None:
        nonlocal found
        page = await _page(client, f"{base}/{kind}/_search", {"patient": logical_id, "_count": str(_PAGE)})
        while True:
            found += len(page.entry)
            following = next(_next_of(page), None)
            if following is None:
                return
            page = await _page(client, following)

    async with anyio.create_task_group() as tasks:
        for kind in types:
            tasks.start_soon(fetch, kind)
    return time.perf_counter() - began, found + 1


def _next_of(page: _Page) -> Iterator[str]:
    return (link.url for link in page.link if link.relation == "next")


async def _page(client: httpx2.AsyncClient, address: str, form: dict[str, str] | None = None) -> _Page:
    answer = await (client.get(address) if form is None else client.post(address, data=form))
    expect(answer.status_code == 200, f"the FHIR server answered {answer.status_code}")
    return _decode(answer.content)


if __name__ == "__main__":
    main()
