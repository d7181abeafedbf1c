"""Joins the gRPC faces of a gateway: dossiers and free places on one listening address, with health and reflection beside them."""

from collections.abc import Callable, Iterable
from typing import Protocol

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from accord.link.addresses import Address, address
from accord.link.credentials import TlsMaterial, server_credentials
from accord.link.listening import Bystanders
from accord.link.options import MAXIMUM_CONCURRENT_RPCS, SERVER
from accord.ops.calls import CountedCalls
from accord.ops.desk import Desk
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import TAKEN
from gateway.adapters.grpc_holders import GrpcHolders
from gateway.adapters.grpc_places import GrpcPlaces
from gateway.agent_serving import AgentSide
from gateway.api.grpc_dossier import SERVICE
from gateway.api.grpc_places import SERVICE as PLACES
from gateway.api.grpc_places import PlacesParts, PlacesService
from gateway.metering import COUNTED_AS
from gateway.neighbours import LivePlaces
from gateway.places_stacking import Signing
from gateway.presence import Presence
from gateway.rates import QuestionRates
from gateway.recording import Recorder
from gateway.settings import PlacesSettings


class Face(Protocol):
    """A service, as a server serves it."""

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves."""


def places_service(settings: PlacesSettings, side: AgentSide, holders: GrpcHolders, presence: Presence, recorder: Callable[[], Recorder]) -> PlacesService:
    """The face of free places. *side* is what is proven to others: that we are who asks them."""
    live, now = side.live, side.now
    parts = PlacesParts(
        live,
        LivePlaces(lambda: live.current(now()), side.ura).register,
        GrpcPlaces(holders),
        presence,
        Signing(side.ura, side.key, lambda: live.current(now()), now),
        recorder,
        QuestionRates.per_second(settings.questions, settings.questions_in_total),
        QuestionRates.per_second(settings.letters, settings.letters_in_total),
        settings.patience_seconds,
    )
    return PlacesService(parts)


async def serve_grpc(listen: str, faces: Iterable[Face], material: TlsMaterial, ops: Desk) -> tuple[aio.Server, str]:
    """Serve these faces; returns the server, and where it is.

    Raises:
        BadInput: `invalid-setting`, when the address is taken.
    """
    at = address(listen)
    interceptors = [CountedCalls(ops.measures, COUNTED_AS), Bystanders()]
    server = aio.server(options=SERVER, maximum_concurrent_rpcs=MAXIMUM_CONCURRENT_RPCS, interceptors=interceptors)
    server.add_generic_rpc_handlers(tuple(face.handler() for face in faces))
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = ("", SERVICE, PLACES)
    for name in names:
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((*names[1:], reflection.SERVICE_NAME, "grpc.health.v1.Health"), server)
    try:
        port = server.add_secure_port(at.target, server_credentials(material))
    except RuntimeError:
        raise BadInput(Fault.INVALID_SETTING, "listen.grpc: the address is taken", then=TAKEN) from None
    await server.start()
    return server, at.target if at.is_socket else Address(at.host, port).target
