"""Asks a simulated region for free places as its data user does, frame by frame, for whoever measures it or judges it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from grpc import aio

from accord.letters.believing import digest_of
from accord.letters.signing import ask_places, read_statement
from accord.link.certificates import read_signing_key
from accord.link.options import CHANNEL
from accord.region.member_keys import signing_key_file
from accord.terms.capacity import PlacesQuestion, Statement
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse
from accord.wire.v1 import places_service_pb2 as pb
from testbed.region_office import GATEWAY, Credentials

_OFFERS: Final = "/accord.wire.v1.PlacesService/Offers"
_CHANGES: Final = "/accord.wire.v1.PlacesService/Changes"
_FOLLOWED_SECONDS: Final = 590.0


@dataclass(frozen=True, slots=True)
class Told:
    """How the answer of one holder ended, after how many seconds, with what it stated when its signature was right."""

    holder: str
    ending: str
    seconds: float
    code: str = ""
    statement: Statement | None = None
    region: str = ""


@dataclass(slots=True)
class Round:
    """One question and all that was said to it. `seconds` until the account was there."""

    told: dict[str, Told] = field(default_factory=dict)
    asked: int = 0
    answered: int = 0
    seconds: float = 0.0

    @property
    def endings(self) -> Mapping[str, str]:
        """How each ended."""
        return {name: one.ending for name, one in self.told.items()}

    def places(self) -> dict[str, int | None]:
        """How many places each opening has, by its id."""
        openings = (opening for one in self.told.values() if one.statement is not None for opening in one.statement.openings)
        return {opening.id: opening.places for opening in openings}


class PlacesAsker:
    """A data user with a channel to its gateway. Made by `asking_places`."""

    def __init__(self, folder: Path, ura: Ura, gateway: str, run_by: Ura) -> None:
        self._own = Credentials(folder)
        self._ura = ura
        self._key = read_signing_key(signing_key_file(folder, KeyUse.MANDATE))
        keys, more = self._own.channel(run_by)
        self.channel = aio.secure_channel(gateway, keys, options=(*CHANNEL, *more))
        self._changes = self.channel.unary_stream(
            _CHANGES, request_serializer=pb.ChangesRequest.SerializeToString, response_deserializer=pb.ChangesResponse.FromString
        )
        self._call = self.channel.unary_stream(
            _OFFERS, request_serializer=pb.OffersRequest.SerializeToString, response_deserializer=pb.OffersResponse.FromString
        )

    async def ask(self, question: PlacesQuestion | None = None, *, holders: Iterable[str] = (), patience: float = 0.4, hops: int = 0) -> Round:
        """Put one question, and hear everybody out.

        Raises:
            aio.AioRpcError: The gateway refuses, or breaks off.
        """
        register = self._own.live.newest
        signed = ask_places(self._ura, question or PlacesQuestion(), register.region, self._key, datetime.now(UTC))
        begun = time.perf_counter()
        said = Round()
        request = pb.OffersRequest(question=signed, holders=sorted(holders), patience_ms=round(patience * 1000), hops=hops)
        async for frame in self._call(request, timeout=patience + 20.0):
            seconds = time.perf_counter() - begun
            if frame.WhichOneof("frame") == "account":
                said.asked, said.answered, said.seconds = frame.account.asked, frame.account.answered, seconds
            else:
                said.told[frame.holder.holder] = self._read(frame.holder, digest_of(signed), seconds)
        return said

    @asynccontextmanager
    async def following(self) -> AsyncIterator[Callable[[], Awaitable[str]]]:
        """Follow the changes of the region: what is given waits for the next one, and says whose it is."""
        call: Any = self._changes(pb.ChangesRequest(), timeout=_FOLLOWED_SECONDS)

        async def next_change() -> str:
            while not (change := await call.read()).holder:
                continue  # a sign of life
            return str(change.holder)

        try:
            yield next_change
        finally:
            call.cancel()

    def _read(self, frame: Any, question: str, seconds: float) -> Told:
        statement = None
        if frame.said and not frame.region:
            register = self._own.live.newest
            provider = next(member.ura for member in register.members if member.name.value == frame.holder)
            statement = read_statement(frame.said, provider, question, register, datetime.now(UTC)).statement
        return Told(frame.holder, frame.ending, seconds, frame.code, statement, frame.region)


@asynccontextmanager
async def asking_places(folder: Path, ura: Ura, gateway: str, run_by: Ura = GATEWAY) -> AsyncIterator[PlacesAsker]:
    """Whoever has the keys in *folder* asks the *gateway*, over one channel; it is *run_by* this organisation."""
    asker = PlacesAsker(folder, ura, gateway, run_by)
    try:
        yield asker
    finally:
        await asker.channel.close()
