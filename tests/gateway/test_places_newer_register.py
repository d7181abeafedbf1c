"""A gateway whose register is newer than the asker's: who joined is found in the same round, and where that cannot be, nobody says that it is everybody."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.members import MemberStatus, Part
from accord.wire.v1 import places_service_pb2 as pb
from gateway.api.grpc_places import PlacesParts, PlacesService
from gateway.connect.places_through_gateway import RegionThroughGateway
from gateway.places.ports import Accounted
from tests.gateway.places_rounds import HOMES, told
from tests.gateway.places_world import World

pytestmark = pytest.mark.anyio


class Telling:
    """A gateway whose messages are changed by *told* before they go out."""

    def __init__(self, parts: PlacesParts, told: Callable[[pb.OffersResponse], None]) -> None:
        self._service = PlacesService(parts)
        self._told = told

    def handler(self) -> grpc.GenericRpcHandler:
        """Its service."""
        answered = grpc.unary_stream_rpc_method_handler(self._offers, pb.OffersRequest.FromString, pb.OffersResponse.SerializeToString)
        return grpc.method_handlers_generic_handler("accord.wire.v1.PlacesService", {"Offers": answered})

    async def _offers(self, request: pb.OffersRequest, context: Any) -> None:
        await self._service.offers(request, _Changed(context, self._told))  # type: ignore[arg-type] # it is one, but for what it changes


class _Changed:
    def __init__(self, context: Any, told: Callable[[pb.OffersResponse], None]) -> None:
        self._context = context
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def write(self, message: pb.OffersResponse) -> None:
        """Write it, changed."""
        self._told(message)
        await self._context.write(message)


def as_it_is(message: pb.OffersResponse) -> None:
    """Change nothing."""


def without_register(message: pb.OffersResponse) -> None:
    """Give no register: it does not fit, or the gateway does not give it."""
    if message.HasField("account"):
        message.account.ClearField("register")


def as_before_this(message: pb.OffersResponse) -> None:
    """As a gateway of before this tells it: nothing of registers."""
    if message.HasField("account"):
        message.account.ClearField("register")
        message.account.ClearField("register_version")


def with_a_forged_register(message: pb.OffersResponse) -> None:
    """Give a register that the region never signed."""
    if message.HasField("account"):
        header, _, signature = message.account.register.split(".")
        message.account.register = f"{header}.e30.{signature}"


@asynccontextmanager
async def joining(folder: Path, tells: Callable[[pb.OffersResponse], None] = as_it_is, **before: Any) -> AsyncIterator[RegionThroughGateway]:
    """An asker whose register is of before 't Weefgetouw took part (it stands there as *before*), and a gateway whose register is not."""
    region = World(folder, "twente", HOMES)
    now = region.member("weefgetouw")
    region.change("weefgetouw", **before)
    async with region.asker() as asker:
        region.change("weefgetouw", **{name: getattr(now, name) for name in before})
        async with region.running(lambda parts: Telling(parts, tells)):
            yield asker


NO_HOLDER = {"parts": frozenset({Part.DATA_USER})}


@pytest.mark.parametrize("before", [NO_HOLDER, {"status": MemberStatus.PLANNED}], ids=["unknown", "planned"])
async def test_p8_who_joined_after_the_register_here_was_signed_is_found_in_the_same_round(tmp_path: Path, before: dict[str, Any]) -> None:
    async with joining(tmp_path / "r", **before) as asker:
        heard = await told(asker)

    assert heard["weefgetouw"].ending is Ending.ANSWERED
    assert heard["weefgetouw"].statement.openings[0].places == 1
    assert heard[""] == Accounted(4, 3, 3)


@pytest.mark.parametrize("tells", [without_register, with_a_forged_register, as_before_this])
async def test_p8_whom_the_register_here_does_not_have_is_not_judged_and_nobody_says_that_it_is_everybody(tmp_path: Path, tells: Any) -> None:
    async with joining(tmp_path / "r", tells, **NO_HOLDER) as asker:
        heard = await told(asker)

    assert set(heard) == {"havezate", "esdoorn", ""}
    assert heard[""] == Accounted(3, 2, 2, 1, Fault.REGISTER_OUTDATED)


async def test_p8_a_gateway_with_a_newer_register_that_it_does_not_give_makes_no_round_complete(tmp_path: Path) -> None:
    async with joining(tmp_path / "r", without_register, telephone="053-2") as asker:
        heard = await told(asker)

    assert heard["weefgetouw"].ending is Ending.ANSWERED
    assert heard[""] == Accounted(4, 3, 3, 0, Fault.REGISTER_OUTDATED)


async def test_whom_only_an_older_register_of_the_gateway_has_is_nobody_who_is_missing(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    async with region.running():
        region.change("weefgetouw", **NO_HOLDER)
        async with region.asker() as asker:
            heard = await told(asker)

    assert heard[""] == Accounted(3, 2, 2)


async def test_a_name_that_neither_register_has_is_nobody_who_is_missing(tmp_path: Path) -> None:
    async with World(tmp_path / "r", "twente", HOMES).running() as region, region.asker() as asker:
        heard = await told(asker, "weefgetouw", "niemand")

    assert set(heard) == {"weefgetouw", ""}
    assert heard[""].code is None


async def test_what_a_gateway_makes_up_is_counted_and_fills_no_memory(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)

    class Inventing:
        def __init__(self, _parts: PlacesParts) -> None:
            pass

        def handler(self) -> grpc.GenericRpcHandler:
            answered = grpc.unary_stream_rpc_method_handler(self.offers, pb.OffersRequest.FromString, pb.OffersResponse.SerializeToString)
            return grpc.method_handlers_generic_handler("accord.wire.v1.PlacesService", {"Offers": answered})

        async def offers(self, _request: pb.OffersRequest, context: Any) -> None:
            for number in range(1_500):
                await context.write(pb.OffersResponse(holder=pb.HolderOffers(holder=f"huis-{number}", ending="answered", said="a" * 20_000)))
            await context.write(pb.OffersResponse(account=pb.OffersAccount(register="a.b.c", register_version=2**63)))

    async with region.running(Inventing), region.asker() as asker:
        heard = await told(asker, patience=30.0)

    assert (heard[""].unjudged, heard[""].code) == (1_000, Fault.REGISTER_OUTDATED)
    assert {one.code for name, one in heard.items() if name} == {Fault.NOT_ACCOUNTED_FOR}
