"""An asker as a process that is killed: it looks for places as fast as it can, and goes on where it was when it is started again.

Arguments: its folder, the socket of the region, and how many searches there shall be. It prints a line for each that was put
to the providers.
"""

import json
import sys
from base64 import b64decode
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from accord.ops.logs import set_up_log
from accord.ops.settings import LogSettings
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import HolderName, Ura
from gateway.places.bureau import Seeker, opened
from gateway.places.neighbourhoods import Neighbourhoods
from gateway.places.ports import Brought, PutTo
from tests.gateway.places.small_places import ASKER, ASKER_KEY, GERBEN, SmallProvider, SmallRegion, draft


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class RegionBySocket:
    """`TheRegion` of letters only: one line of JSON for each call, on a connection of its own."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    async def letters(self, provider: HolderName, heard: Mapping[str, int], envelopes: Sequence[str]) -> Brought:
        """See `TheRegion`."""
        said = await self.call({"provider": provider.value, "heard": dict(heard), "letters": list(envelopes)})
        return Brought(tuple(said["letters"]), said["heard"], said["more"])

    async def call(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One call."""
        try:
            async with await anyio.connect_unix(self._socket) as stream:
                await stream.send(json.dumps(asked).encode() + b"\n")
                answer = b""
                while not answer.endswith(b"\n"):
                    answer += await stream.receive()
                said: dict[str, Any] = json.loads(answer)
                return said
        except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
            raise Unavailable(Fault.GATEWAY_UNREACHABLE) from None

    def offers(self, *_: Any, **__: Any) -> AbstractAsyncContextManager[Any]:
        """Nobody is asked."""
        raise Unavailable(Fault.GATEWAY_UNREACHABLE)

    def changes(self) -> AbstractAsyncContextManager[Any]:
        """Nobody tells."""
        raise Unavailable(Fault.GATEWAY_UNREACHABLE)


async def main(folder: Path, socket: str, wanted: int) -> None:
    """Look until there are so many searches, and keep going."""
    region = RegionBySocket(socket)
    told = await region.call({"provider": ""})
    register = SmallRegion(now, *(SmallProvider(number, 0, now) for number in range(1, told["providers"] + 1))).register
    providers = tuple(PutTo(HolderName(f"home-{n}"), f"Huis {n}", "afdeling", "opening", b64decode(key)) for n, key in enumerate(told["keys"], 1))
    seeker = Seeker(Ura(ASKER.value), ASKER_KEY, lambda _: register, now)
    with opened(folder, seeker, region, Neighbourhoods()) as bureau:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bureau.run)
            kept = await bureau.searches.cases()
            for case in kept:
                if not case.request.legs:
                    await bureau.searches.put_to(case.request.id, providers, GERBEN)
                print(case.request.id, flush=True)  # noqa: T201 - it is read by the test
            for _ in range(wanted - len(kept)):
                at = now()
                search = await bureau.searches.begin(draft(reply_by=at.replace(year=at.year + 1)), GERBEN)
                await bureau.searches.put_to(search, providers, GERBEN)
                print(search, flush=True)  # noqa: T201 - read by the test that started this
            print("all", flush=True)  # noqa: T201 - read by the test that started this
            await anyio.sleep_forever()


if __name__ == "__main__":
    set_up_log(LogSettings(level="error"))
    anyio.run(main, Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
