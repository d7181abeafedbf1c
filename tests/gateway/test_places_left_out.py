"""A gateway that leaves a provider out, or tells of it what the provider did not sign, is found out."""

from pathlib import Path
from typing import Any

import grpc
import pytest

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.wire.v1 import places_service_pb2 as pb
from gateway.api.grpc_places import PlacesService
from gateway.places.ports import Accounted
from tests.gateway.places_rounds import HOMES, told
from tests.gateway.places_world import World

pytestmark = pytest.mark.anyio


class Forgetful:
    """A context that loses the frames of one holder, or tells another *ending* of it."""

    def __init__(self, context: Any, name: str, ending: str = "") -> None:
        self._context = context
        self._name = name
        self._ending = ending

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def write(self, message: pb.OffersResponse) -> None:
        """Write all but those."""
        if message.holder.holder != self._name:
            await self._context.write(message)
        elif self._ending:
            await self._context.write(pb.OffersResponse(holder=pb.HolderOffers(holder=self._name, ending=self._ending)))


class LeavingOut:
    """A gateway that does not tell of one holder, or tells another *ending* of it, and says that all is well."""

    def __init__(self, service: PlacesService, name: str, ending: str = "") -> None:
        self._service = service
        self._name = name
        self._ending = ending

    def handler(self) -> grpc.GenericRpcHandler:
        """Its service, with frames left out."""
        answered = grpc.unary_stream_rpc_method_handler(self._offers, pb.OffersRequest.FromString, pb.OffersResponse.SerializeToString)
        return grpc.method_handlers_generic_handler("accord.wire.v1.PlacesService", {"Offers": answered})

    async def _offers(self, request: pb.OffersRequest, context: Any) -> None:
        lossy: Any = Forgetful(context, self._name, self._ending)
        await self._service.offers(request, lossy)


async def test_p8_a_gateway_that_leaves_a_holder_out_is_found_out(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)

    def lying(parts: Any) -> LeavingOut:
        return LeavingOut(PlacesService(parts), "weefgetouw")

    async with region.running(lying), region.asker() as asker:
        heard = await told(asker)

    assert (heard["weefgetouw"].ending, heard["weefgetouw"].code) == (Ending.UNREACHABLE, Fault.NOT_ACCOUNTED_FOR)
    assert heard["weefgetouw"].ending.leaves_a_gap
    assert heard[""] == Accounted(4, 3, 2)


@pytest.mark.parametrize("ending", ["nothing-shown", "not-asked", "answered"])
async def test_p8_a_gateway_that_tells_of_a_holder_that_it_has_nothing_is_not_believed(tmp_path: Path, ending: str) -> None:
    """Only what the holder signed says that it has nothing; and whether it takes part is in the register here."""
    region = World(tmp_path / "r", "twente", HOMES)

    def lying(parts: Any) -> LeavingOut:
        return LeavingOut(PlacesService(parts), "weefgetouw", ending)

    async with region.running(lying), region.asker() as asker:
        heard = await told(asker)

    assert heard["weefgetouw"].ending.leaves_a_gap
    assert heard[""] == Accounted(4, 3, 2)
