"""Joins the door of agents that call us: the proofs of who they are, and where it listens."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import anyio
import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc import aio

from accord.link.addresses import Address, address
from accord.link.credentials import TlsMaterial, server_credentials, uncertified_credentials
from accord.link.listening import Bystanders
from accord.link.live_register import LiveRegister
from accord.link.options import SERVER, Options
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import KIB, MESSAGE_BYTES
from accord.terms.next_steps import TAKEN
from gateway.adapters.agent_channel import AgentChannel
from gateway.adapters.agent_door import AgentDoor, DoorTimes, OurSide
from gateway.adapters.agent_sessions import Sessions
from gateway.adapters.grpc_holders import Connect
from gateway.ports import RegisteredHolder
from gateway.settings import Listen

#: Each agent has one stream for signals and one for each piece of work.
_MOST_CALLS: Final = 16_384
_GRACE_SECONDS: Final = 2.0

_OURS: Final[Options] = (
    # Answers come this way; sealing adds a little to each.
    ("grpc.max_receive_message_length", MESSAGE_BYTES + 160 * KIB),
    ("grpc.max_concurrent_streams", 600),
    # As on the channels by which we call: what is read ahead of a slow reader is bounded.
    ("grpc.http2.lookahead_bytes", 512 * KIB),
    ("grpc.http2.bdp_probe", 0),
    # A session renews itself; one that does not ends with its channel.
    ("grpc.max_connection_age_ms", 30 * 60_000),
    ("grpc.max_connection_age_grace_ms", 60_000),
    # Whoever is frozen, or cut off without a word, must not keep a connection.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


@dataclass(frozen=True, slots=True)
class AgentSide:
    """What the door needs of the process that it is of."""

    ura: Ura
    live: LiveRegister
    material: TlsMaterial
    key: Ed25519PrivateKey = field(repr=False)
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Doors:
    """Where agents come in; an empty address is off."""

    certified: str = ""
    uncertified: str = ""

    @property
    def told(self) -> str:
        """For the line that says that the gateway is ready."""
        return "".join(f" {name}={at}" for name, at in (("agents", self.certified), ("agents_uncertified", self.uncertified)) if at)


class Agents:
    """The agents that are here. *inbound* is the way to whoever has an address."""

    def __init__(self, inbound: Connect) -> None:
        self._inbound = inbound
        self.sessions = Sessions()

    def connect(self, holder: RegisteredHolder) -> aio.Channel:
        """The channel to a holder, whichever way it goes."""
        return AgentChannel(self.sessions, holder.card.ura) if holder.outbound else self._inbound(holder)


@asynccontextmanager
async def serving_agents(listen: Listen, agents: Agents, side: AgentSide, times: DoorTimes | None = None) -> AsyncIterator[Doors]:
    """Let agents in inside the block, which gets where.

    Raises:
        BadInput: `invalid-setting`, when an address is taken.
    """
    if not listen.agents and not listen.agents_uncertified:
        yield Doors()
        return
    door = AgentDoor(OurSide(side.ura, side.live, side.key, lambda: side.material.pair()[1], side.now), agents.sessions, times)
    ours = dict(_OURS)
    options = (*(option for option in SERVER if option[0] not in ours), *_OURS)
    server = aio.server(options=options, maximum_concurrent_rpcs=_MOST_CALLS, interceptors=[Bystanders()])
    server.add_generic_rpc_handlers((door.handler(),))
    certified = _listen(server, listen.agents, "listen.agents", server_credentials(side.material))
    uncertified = _listen(server, listen.agents_uncertified, "listen.agents_uncertified", uncertified_credentials(side.material))
    await server.start()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(door.keep_out_others)
            yield Doors(certified, uncertified)
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            for session in agents.sessions.everyone:
                session.end()
            await server.stop(_GRACE_SECONDS)


def _listen(server: aio.Server, wanted: str, setting: str, credentials: grpc.ServerCredentials) -> str:
    if not wanted:
        return ""
    at = address(wanted)
    try:
        port = server.add_secure_port(at.target, credentials)
    except RuntimeError:
        raise BadInput(Fault.INVALID_SETTING, f"{setting}: the address is taken", then=TAKEN) from None
    return at.target if at.is_socket else Address(at.host, port).target
