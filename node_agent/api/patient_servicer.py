"""A gRPC shell over the patient's desk: messages in, messages out, no decisions."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import grpc
from grpc import aio

from accord.link.failures import Unreadable, answering, read
from accord.link.listening import Ears, Listening
from accord.terms.faults import BadInput, Fault
from accord.terms.members import Member
from accord.wire import patient_codec as codec
from accord.wire.v1 import patient_service_pb2 as pb
from node_agent.desk import Desk
from node_agent.stating import Login

PATIENT_SERVICE: Final = pb.DESCRIPTOR.services_by_name["PatientService"].full_name

#: A patient waits in front of the page.
_LONGEST_SECONDS: Final = 60.0

_Context = aio.ServicerContext[Any, Any]


class Peers(Protocol):
    """Who is on a channel. `node_agent.api.door.Door` is one."""

    def check_peer(self, context: _Context) -> Member:
        """Who it is; whoever is no gateway of the region is refused."""


class Keys(Protocol):
    """Whether both ends have the same pseudonym key. `node_agent.locating.Locating` is one."""

    def check_key(self, key_check: bytes) -> None:
        """Refuse a question under another key."""


class PatientService:
    """Serves one holder's desk."""

    def __init__(self, desk: Desk, peers: Peers, keys: Keys) -> None:
        self._desk = desk
        self._peers = peers
        self._keys = keys

    def who(self, context: _Context) -> str:
        """The URA of whoever calls.

        Raises:
            Unavailable: They are no gateway of the region.
        """
        return self._peers.check_peer(context).ura.value

    async def Recognise(self, unchecked: pb.RecogniseRequest | Unreadable, context: _Context) -> pb.RecogniseResponse:
        """Whether somebody is known here."""
        async with answering(context, "Recognise"):
            request, gateway = read(unchecked), self._peers.check_peer(context)
            self._keys.check_key(request.key_check)
            return pb.RecogniseResponse(known=await self._desk.recognise(codec.pseudonym_from_wire(request.pseudonym), gateway))
        raise AssertionError  # `answering` ends the call or lets the answer through

    async def ReadChoices(self, unchecked: pb.ReadChoicesRequest | Unreadable, context: _Context) -> pb.ReadChoicesResponse:
        """What is on record."""
        async with answering(context, "ReadChoices"):
            request, gateway = read(unchecked), self._peers.check_peer(context)
            found = await self._desk.choices(Login(*codec.login_from_wire(request.login)), gateway.ura)
            return pb.ReadChoicesResponse(
                statements=[one.statement.canonical for one in found.statements[: codec.MOST_STATEMENTS]],
                since_ms=[codec.moment_to_wire(one.since) for one in found.statements[: codec.MOST_STATEMENTS]],
                others=found.others,
            )
        raise AssertionError

    async def Choose(self, unchecked: pb.ChooseRequest | Unreadable, context: _Context) -> pb.ChooseResponse:
        """Put a choice on record and in force."""
        async with answering(context, "Choose"):
            request, gateway = read(unchecked), self._peers.check_peer(context)
            if len(request.statement) > codec.STATEMENT_BYTES:
                raise BadInput(Fault.INVALID_QUESTION, "statement")
            login = Login(*codec.login_from_wire(request.login))
            since = await self._desk.choose(login, request.statement, request.random, gateway.ura)
            return pb.ChooseResponse(since_ms=codec.moment_to_wire(since))
        raise AssertionError

    async def ReadAccesses(self, unchecked: pb.ReadAccessesRequest | Unreadable, context: _Context) -> pb.ReadAccessesResponse:
        """Who looked."""
        async with answering(context, "ReadAccesses"):
            request, gateway = read(unchecked), self._peers.check_peer(context)
            login = Login(*codec.login_from_wire(request.login))
            since, until = codec.moment_from_wire(request.from_ms), codec.moment_from_wire(request.until_ms)
            looks, more = await self._desk.looks(login, since, until, min(request.limit, codec.MOST_LOOKS), gateway.ura)
            return pb.ReadAccessesResponse(accesses=[codec.look_to_wire(look) for look in looks], more=more)
        raise AssertionError


def patient_calls(service: PatientService, listening: Listening, noted: Callable[[Fault], Awaitable[None]]) -> dict[str, "grpc.RpcMethodHandler[Any, Any]"]:
    """What a server serves, by name. Who calls is looked at before the question is waited for."""
    ears = Ears(listening, service.who, noted, _LONGEST_SECONDS)
    return {
        "Recognise": ears.one_answer(service.Recognise, pb.RecogniseRequest, pb.RecogniseResponse),
        "ReadChoices": ears.one_answer(service.ReadChoices, pb.ReadChoicesRequest, pb.ReadChoicesResponse),
        "Choose": ears.one_answer(service.Choose, pb.ChooseRequest, pb.ChooseResponse),
        "ReadAccesses": ears.one_answer(service.ReadAccesses, pb.ReadAccessesRequest, pb.ReadAccessesResponse),
    }
