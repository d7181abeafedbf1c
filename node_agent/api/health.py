"""Health by `grpc.health.v1`: the process as a whole, and the holder's service, which follows its standing."""

from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from node_agent.pausing import Pausing

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def add_health(server: aio.Server, service: str, pausing: Pausing) -> health_aio.HealthServicer:
    """Let *server* say how it is."""
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    await health.set("", _SERVING)
    await health.set(service, _SERVING if pausing.serving else _NOT_SERVING)
    return health


async def follow(health: health_aio.HealthServicer, service: str, pausing: Pausing) -> None:
    """Until cancelled: tell every change of the standing."""
    while True:
        change = pausing.next_change
        await health.set(service, _SERVING if pausing.serving else _NOT_SERVING)
        await change.wait()
