"""The gRPC server of an agent: bounded, behind mutual TLS, and stopped with time to finish."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import grpc
from grpc import aio

from accord.link.addresses import Address, loopback
from accord.link.listening import Bystanders, Listening
from accord.link.options import MAXIMUM_CONCURRENT_RPCS, SERVER
from accord.rules.places import Places
from accord.terms.faults import BadInput, Fault
from node_agent.api.health import add_health, follow
from node_agent.api.patient_servicer import PatientService, add_patient_service
from node_agent.api.servicer import SERVICE, HolderService, add_holder_service
from node_agent.pausing import Pausing

GRACE_SECONDS: Final = 5.0
#: The part of the places for calls that one gateway may have.
_OF_ONE: Final = 0.75


@asynccontextmanager
async def serving(
    service: HolderService,
    pausing: Pausing,
    address: Address,
    credentials: grpc.ServerCredentials | None = None,
    *,
    concurrency: int = MAXIMUM_CONCURRENT_RPCS,
    grace: float = GRACE_SECONDS,
    patients: PatientService | None = None,
) -> AsyncGenerator[str, None]:
    """Serve inside the block, which gets the address; at its end answers under way have *grace* seconds to finish.

    *patients* is the patient's desk. Without *credentials* it is served plainly, on loopback only; an agent that is run always has them.

    Raises:
        BadInput: `invalid-setting`, when the address is taken; `loopback-only`.
    """
    if credentials is None and not address.is_socket:
        loopback(address.target)
    server = aio.server(options=SERVER, maximum_concurrent_rpcs=concurrency, interceptors=[Bystanders()])
    listening = Listening(Places(concurrency, of_one=max(1, round(concurrency * _OF_ONE))))
    add_holder_service(service, server, listening)
    if patients is not None:
        add_patient_service(patients, server, listening, service.note_refusal)
    health = await add_health(server, SERVICE, pausing)
    try:
        port = server.add_insecure_port(address.target) if credentials is None else server.add_secure_port(address.target, credentials)
    except RuntimeError:
        raise BadInput(Fault.INVALID_SETTING, "listen.address: it is taken, or cannot be listened on") from None
    await server.start()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow, health, SERVICE, pausing)
            yield address.target if address.is_socket else Address(address.host, port).target
            tasks.cancel_scope.cancel()
    finally:
        pausing.stop()
        with anyio.CancelScope(shield=True):
            await server.stop(grace)
