"""A plain client of a FHIR server: what must be done to have all records of a person, and no more.

It finds the person under the two systems that a BSN may have, looks at the same time for Patient records that were merged
into theirs, and fetches every page of every type; who goes on with a search comes before who begins one.
"""

from collections.abc import Sequence
from typing import Final

import anyio
import httpx2
import msgspec

from accord.terms.identifiers import BSN_OID, BSN_SYSTEM
from benches.records import BSN
from benches.staging import expect
from node_agent.sources.fhir_turns import Turns

AT_ONCE: Final = 4
PAGE: Final = 200


class _Link(msgspec.Struct, gc=False):
    relation: str
    url: str


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw


class _Page(msgspec.Struct, gc=False):
    link: list[_Link] = []
    entry: list[_Entry] = []


_decode: Final = msgspec.json.Decoder(_Page).decode


def client_of() -> httpx2.AsyncClient:
    """The same library as the agent's, asked in the same way."""
    headers = {"accept": "application/fhir+json", "accept-encoding": "gzip", "prefer": "handling=strict"}
    limits = httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    return httpx2.AsyncClient(headers=headers, limits=limits, timeout=60, trust_env=False)


async def read_plainly(client: httpx2.AsyncClient, base: str, types: Sequence[str], *, decode: bool) -> int:
    """How many records the pages held. Each was taken apart from the others, and with *decode* also read into a dictionary."""
    turns = Turns(AT_ONCE)
    people: list[_Entry] = []
    found = 0

    async def find(parameter: str, value: str) -> None:
        async with turns.turn(goes_on=False):
            page = await _page(client, f"{base}/Patient/_search", {parameter: value, "_count": str(PAGE)})
        people.extend(page.entry)

    async def fetch(kind: str, logical_id: str) -> None:
        nonlocal found
        address, form = f"{base}/{kind}/_search", {"patient": logical_id, "_count": str(PAGE)}
        goes_on = False
        while True:
            async with turns.turn(goes_on=goes_on):
                page = await _page(client, address, {} if goes_on else form)
            bodies = [bytes(entry.resource) for entry in page.entry]
            found += len(bodies)
            if decode:
                for body in bodies:
                    msgspec.json.decode(body)
            following = next((link.url for link in page.link if link.relation == "next"), None)
            if following is None:
                return
            address, goes_on = following, True

    async with anyio.create_task_group() as tasks:
        for system in (BSN_SYSTEM, BSN_OID):
            tasks.start_soon(find, "identifier", f"{system}|{BSN.value}")
    logical_id: str = msgspec.json.decode(people[0].resource)["id"]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(find, "link", f"Patient/{logical_id}")
        for kind in types:
            tasks.start_soon(fetch, kind, logical_id)
    return found


async def _page(client: httpx2.AsyncClient, address: str, form: dict[str, str]) -> _Page:
    answer = await (client.post(address, data=form) if form else client.get(address))
    expect(answer.status_code == 200, f"the FHIR server answered {answer.status_code}")
    return _decode(answer.content)
