"""What a gateway says on the control stream, and what may be told of it when it fails."""

import asyncio
import time
from typing import Any, Final

import anyio
import grpc
import structlog
from grpc import aio

from accord.link.introducing import Challenge
from accord.link.status import fault_of
from accord.link.withdrawing import withdrawable
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Ura
from accord.wire.v1 import agent_door_service_pb2 as pb

_RETRY_AFTER: Final = "retry-after-ms"
#: In seconds: no gateway sends us away for longer.
_LONGEST_TOLD: Final = 30.0
#: How we stand at a gateway.
_THERE: Final = "there"
_LOST: Final = "lost"
_WAITS: Final = "waits"
_ACTIVATE: Final = "noaber agent activate, once noaber agent check has passed"

_log = structlog.get_logger("noaber.outbound")


class Unheard(Exception):
    """The gateway ended the call while we spoke. gRPC forgets then what it said, and tells of an error of its own."""


async def either(one: anyio.Event, other: anyio.Event) -> None:
    """Wait until one of the two is set."""
    async with anyio.create_task_group() as tasks:

        async def wait(event: anyio.Event) -> None:
            await event.wait()
            tasks.cancel_scope.cancel()

        tasks.start_soon(wait, one)
        tasks.start_soon(wait, other)


async def said_next(call: Any, wanted: str = "") -> Any:
    """What the gateway says next, all of it, or what is wanted.

    Raises:
        Faulted: It says something else, or nothing more.
    """
    async with withdrawable():
        said = await call.read()
    if said is aio.EOF:
        raise await _ended(call)
    if said is None:  # grpc.aio's way to say that it cannot be read
        raise BadInput(Fault.SESSION_BROKEN)
    if not wanted:
        return said
    if said.WhichOneof("said") != wanted:
        raise BadInput(Fault.SESSION_BROKEN)
    return getattr(said, wanted)


async def say(call: Any, said: pb.AttendRequest) -> None:
    """Say something to the gateway.

    Raises:
        AioRpcError: It has ended the call, for this reason.
        Unheard: It ended the call while we spoke.
    """
    try:
        await call.write(said)
    except asyncio.InvalidStateError:
        raise await _ended(call) from None
    except aio.AioRpcError as failure:
        if failure.code() is grpc.StatusCode.INTERNAL and fault_of(failure.details()) is None:
            raise Unheard from None
        raise


async def _ended(call: Any) -> aio.AioRpcError:
    return aio.AioRpcError(await call.code(), aio.Metadata(), await call.trailing_metadata(), details=await call.details())


def challenge_of(said: pb.GatewayChallenge) -> Challenge:
    """The challenge, when it can be one.

    Raises:
        BadInput: It cannot.
    """
    return Challenge(Ura(said.ura), said.nonce, said.ephemeral, said.certificate, said.at_ms, said.key_id, said.signature)


def retry_after(failure: Exception) -> float:
    """In seconds: when to come back, as a gateway says to which too many come."""
    if isinstance(failure, aio.AioRpcError) and fault_of(failure.details()) is Fault.DOOR_BUSY:
        for key, value in failure.trailing_metadata() or ():
            if key == _RETRY_AFTER and isinstance(value, str) and value.isascii() and value.isdecimal():
                return min(_LONGEST_TOLD, int(value[:9]) / 1000)
    return 0.0


def code_of(failure: Exception) -> str:
    """What may be told of a failure: a code of the catalogue, gRPC's status, or its kind."""
    if isinstance(failure, Faulted):
        return failure.fault.value
    if isinstance(failure, aio.AioRpcError):
        fault = fault_of(failure.details())
        return fault.value if fault is not None else failure.code().name
    if isinstance(failure, Unheard):
        return Fault.STREAM_CUT.value
    return type(failure).__name__


class Told:
    """How we stand at one gateway, as our own people are told: a line when it changes, however often the gateway is tried in between.

    `code` is why we are not there, `since_ms` since when it is as it is, in milliseconds since 1970.
    """

    def __init__(self, gateway: str) -> None:
        self.code = ""
        self.since_ms = int(time.time() * 1000)
        self._gateway = gateway
        self._stands = ""

    def there(self) -> None:
        """The gateway let us in."""
        self.code = ""
        before = self._stands
        if self._changes(_THERE):
            _log.info("the gateway is back" if before == _LOST else "attending", gateway=self._gateway)

    def lost(self, failure: Exception, *, active: bool) -> None:
        """We are not there. Before we are *active* in the register no gateway lets us in, and that is nobody's trouble."""
        turned_away = isinstance(failure, aio.AioRpcError) and fault_of(failure.details()) in (Fault.ORGANISATION_BLOCKED, Fault.NOT_A_MEMBER)
        waits = turned_away and not active
        self.code = Fault.NOT_ACTIVE.value if waits else code_of(failure)
        if self._changes(_WAITS if waits else _LOST):
            if waits:
                _log.warning("not active yet, so this gateway does not let us in", gateway=self._gateway, code=self.code, next=_ACTIVATE)
            else:
                _log.warning("gateway lost", gateway=self._gateway, code=self.code)

    def _changes(self, stands: str) -> bool:
        if stands == self._stands:
            return False
        self._stands, self.since_ms = stands, int(time.time() * 1000)
        return True
