"""Whoever looks for places, as a process that does what it is told and can be killed at any moment: the asker's own parts, without pages.

    python -m testbed.placing_asker FOLDER GATEWAY SOCKET

A line of JSON on the socket says what to do: `{"ask": [[provider, service, opening], ...]}` puts a request to these providers
(with `need` and `gist` where they matter) and answers with its id once it is on disk; `{"case": id}` tells how it stands, with
`choose`, `tell` or `cancel` after having done that; any other tells who has places.
"""

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from accord.link.certificates import read_anchor, read_signing_key
from accord.link.credentials import ChannelKeys, TlsMaterial, to_member
from accord.link.live_register import LiveRegister
from accord.region.member_keys import signing_key_file, tls_files
from accord.rules.placing.asker import At
from accord.terms.capacity import Need, PlacesQuestion, Wishes
from accord.terms.faults import Faulted
from accord.terms.identifiers import HolderName
from accord.terms.members import KeyUse
from accord.terms.parties import Professional
from accord.terms.placing import EndReason, Gist, Introduction
from gateway.connect.applications import Applications
from gateway.connect.grpc_relay import GatewayChannel
from gateway.connect.mandating import MandateBook, Organisation, OwnKey
from gateway.connect.patients import Patients
from gateway.connect.places_through_gateway import RegionThroughGateway
from gateway.connect.professionals import Professionals
from gateway.connect.proxy import Parts
from gateway.connect.upstream import Upstream, gateway_address
from gateway.places.bureau import Bureau, Seeker, opened
from gateway.places.neighbourhoods import Neighbourhoods
from gateway.places.ports import Draft, HolderSaid, PutTo
from testbed.ehr_records import GERBEN
from testbed.holders import BY_NAME
from testbed.people import DINA
from testbed.places_crowd import KIND
from testbed.region_files import DATA_USER
from testbed.region_office import GATEWAY

#: The file of the searches, in the folder of the asker.
STORE: Final = "places/searches.db"
_LINE_BYTES: Final = 1 << 20
_REPLY_BY: Final = timedelta(hours=4)
_BY: Final = Professional(GERBEN.number, GERBEN.role, GERBEN.name)
_WHO: Final = Introduction(DINA.bsn, DINA.birth_date, "Dina Olde Wolbers-Nijkamp")
_URA: Final = BY_NAME[DATA_USER].ura


def _now() -> datetime:
    return datetime.now(UTC)


class Asker:
    """Answers the lines of whoever drives it."""

    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau
        self._keys: dict[str, bytes] = {}

    async def answer(self, stream: SocketStream) -> None:
        """One line after another, until the driver hangs up."""
        lines = BufferedByteReceiveStream(stream)
        async with stream:
            with suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                while True:
                    asked = json.loads(await lines.receive_until(b"\n", _LINE_BYTES))
                    try:
                        said = await self._done(asked)
                    except Faulted as failure:
                        said = {"fault": failure.fault.value}
                    await stream.send(json.dumps(said).encode() + b"\n")

    async def _done(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "case" in asked:
            return await self._case(asked["case"], asked)
        if "ask" not in asked:
            return {"openings": await self._look()}
        if any(provider not in self._keys for provider, _, _ in asked["ask"]):
            await self._look()
        return {"case": await self._ask(asked["ask"], asked)}

    async def _case(self, case: str, asked: dict[str, Any]) -> dict[str, Any]:
        searches = self._bureau.searches
        if "choose" in asked:
            await searches.choose(case, HolderName(asked["choose"]), _BY)
        elif "tell" in asked:
            await searches.tell(case, HolderName(asked["tell"]), asked["words"], _BY)
        elif "cancel" in asked:
            await searches.cancel(case, EndReason(asked["cancel"]), _BY)
        request = (await searches.case(case)).request
        return {
            "winner": request.winner.provider.value if request.winner else "",
            "offers": [leg.provider.value for leg in request.legs if leg.at is At.OFFERED],
            "asked": [leg.provider.value for leg in request.legs if leg.questioned],
            "over": request.cancelled is not None,
        }

    async def _look(self) -> dict[str, int | None]:
        """What everybody has; with it come the keys under which they are written to."""
        found: dict[str, int | None] = {}
        async with self._bureau.region.offers(PlacesQuestion(), frozenset(), patience=2.0) as told:
            async for said in told:
                if isinstance(said, HolderSaid) and said.statement is not None:
                    self._keys[said.provider.name.value] = said.statement.key
                    found |= {opening.id: opening.places for opening in said.statement.openings}
        return found

    async def _ask(self, of: Sequence[tuple[str, str, str]], asked: dict[str, Any]) -> str:
        now = _now()
        need = msgspec.convert(asked["need"], Need) if "need" in asked else Need(KIND, now.date())
        gist = msgspec.convert(asked["gist"], Gist) if "gist" in asked else Gist(80, "revalidatie")
        draft = Draft(_WHO, need, Wishes(), gist, now + _REPLY_BY)
        case = await self._bureau.searches.begin(draft, _BY)
        providers = (PutTo(HolderName(provider), provider, service, opening, self._keys.get(provider, b"")) for provider, service, opening in of)
        await self._bureau.searches.put_to(case, tuple(providers), _BY)
        return case


@asynccontextmanager
async def _region(folder: Path, grpc: str) -> AsyncIterator[tuple[RegionThroughGateway, LiveRegister]]:
    """The way of this organisation to its region."""
    live = LiveRegister(folder / "register.jws", [read_anchor(folder / "region.pub")])
    keys = ChannelKeys(TlsMaterial(tls_files(folder), live))
    key = read_signing_key(signing_key_file(folder, KeyUse.MANDATE))
    book = MandateBook(OwnKey(key), Organisation(_URA, live.newest.region, GATEWAY))
    upstream = Upstream(gateway_address(f"unix:{folder}/http"), GATEWAY, live)
    parts = Parts(upstream, book, Patients(), Applications(), Professionals(_BY, None))
    channel = GatewayChannel(grpc, to_member(GATEWAY), lambda: (keys.current(), keys.generation))
    try:
        yield RegionThroughGateway(parts, channel, key), live
    finally:
        await channel.close()
        await upstream.close()


async def serve(folder: Path, grpc: str, socket: Path) -> None:
    """Bring and fetch letters, and do what is asked, until ended."""
    async with _region(folder, grpc) as (region, live):
        seeker = Seeker(_URA, read_signing_key(signing_key_file(folder, KeyUse.MANDATE)), live.current, _now)
        with opened(folder / "places", seeker, region, Neighbourhoods()) as bureau:
            await anyio.Path(socket).unlink(missing_ok=True)
            listener = await anyio.create_unix_listener(socket)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(bureau.run)
                tasks.start_soon(live.keep_fresh)
                print("ready", flush=True)  # noqa: T201 - it talks to whoever started it
                await listener.serve(Asker(bureau).answer)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one asker."""
    folder, grpc, socket = sys.argv[1:] if arguments is None else arguments
    anyio.run(serve, Path(folder), grpc, Path(socket), backend_options={"use_uvloop": True})


if __name__ == "__main__":
    main()
