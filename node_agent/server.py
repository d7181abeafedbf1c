"""What an agent serves: at a port behind mutual TLS, at the gateways that it calls, or both; bounded, and stopped with time to finish."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import anyio
import grpc
from grpc import aio

from accord.link.addresses import Address, loopback
from accord.link.listening import Bystanders, Listening
from accord.link.options import MAXIMUM_CONCURRENT_RPCS, SERVER
from accord.rules.places import Places
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import TAKEN
from node_agent.api.health import add_health, follow
from node_agent.api.patient_servicer import PATIENT_SERVICE, PatientService, patient_calls
from node_agent.api.places_servicer import PLACES_SERVICE, PlacesService, places_calls
from node_agent.api.servicer import SERVICE, HolderService, holder_calls
from node_agent.outbound import Outbound, attending
from node_agent.pausing import Pausing

GRACE_SECONDS: Final = 5.0
#: The part of the places for calls that one gateway may have.
_OF_ONE: Final = 0.75

#: What is served, by service and name.
_Calls = Mapping[str, Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]]
#: What counts the calls of a service and a method, around what answers them.
Counted = Callable[[str, str, "grpc.RpcMethodHandler[Any, Any]"], "grpc.RpcMethodHandler[Any, Any]"]


def _uncounted(_service: str, _method: str, handler: "grpc.RpcMethodHandler[Any, Any]") -> "grpc.RpcMethodHandler[Any, Any]":
    return handler


@asynccontextmanager
async def serving(
    service: HolderService,
    pausing: Pausing,
    address: Address | None,
    credentials: grpc.ServerCredentials | None = None,
    *,
    concurrency: int = MAXIMUM_CONCURRENT_RPCS,
    grace: float = GRACE_SECONDS,
    patients: PatientService | None = None,
    places: PlacesService | None = None,
    outbound: Outbound | None = None,
    counted: Counted = _uncounted,
) -> AsyncGenerator[str, None]:
    """Serve inside the block, which gets the address; at its end answers under way have *grace* seconds to finish.

    *patients* is the patient's desk, *places* are those that it can give. Without an *address* nothing listens, and the address that the block gets is `outbound`.
    *counted* is put around every call, whichever way it comes. Without *credentials* it is served plainly, on loopback only; an
    agent that is run always has them.

    Raises:
        BadInput: `invalid-setting`, when the address is taken; `loopback-only`.
    """
    # Whichever way a question comes, it has the same places.
    listening = Listening(Places(concurrency, of_one=max(1, round(concurrency * _OF_ONE))))
    calls: dict[str, Mapping[str, grpc.RpcMethodHandler[Any, Any]]] = {SERVICE: holder_calls(service, listening)}
    if patients is not None:
        calls[PATIENT_SERVICE] = patient_calls(patients, listening, service.note_refusal)
    if places is not None:
        calls[PLACES_SERVICE] = places_calls(places, listening)
    calls = {name: {call: counted(name, call, handler) for call, handler in each.items()} for name, each in calls.items()}
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(_at_a_port(calls, pausing, address, credentials, concurrency, grace)) if address is not None else "outbound"
        if outbound is not None:
            by_full_name = {f"/{name}/{call}": handler for name, each in calls.items() for call, handler in each.items()}
            await stack.enter_async_context(attending(outbound, by_full_name, grace=grace))
        # Whoever watches need not stay until the time to finish is over.
        stack.callback(pausing.stop)
        yield served


@asynccontextmanager
async def _at_a_port(
    calls: _Calls, pausing: Pausing, address: Address, credentials: grpc.ServerCredentials | None, concurrency: int, grace: float
) -> AsyncIterator[str]:
    if credentials is None and not address.is_socket:
        loopback(address.target)
    server = aio.server(options=SERVER, maximum_concurrent_rpcs=concurrency, interceptors=[Bystanders()])
    for name, each in calls.items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, dict(each)),))
    health = await add_health(server, SERVICE, pausing)
    try:
        port = server.add_insecure_port(address.target) if credentials is None else server.add_secure_port(address.target, credentials)
    except RuntimeError:
        raise BadInput(Fault.INVALID_SETTING, "listen.address: it is taken, or cannot be listened on", then=TAKEN) from None
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
