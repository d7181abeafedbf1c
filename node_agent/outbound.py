"""An agent without a port: it calls every gateway of its settings, and answers there as it would at a port."""

import math
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import grpc
from grpc import aio

from accord.link.addresses import address
from accord.link.credentials import TlsMaterial
from accord.link.options import CHANNEL, Options
from accord.link.proxies import authorities_in
from accord.terms.limits import KIB, MESSAGE_BYTES
from node_agent.api.attending import Attending, AttendTimes, Connect, OwnSide
from node_agent.doors import Doors
from node_agent.outbound_settings import OutboundSettings, check_outbound, proxy_to

#: Answers go this way, and questions come: as at a port, with some room for what sealing adds.
_MESSAGE: Final = MESSAGE_BYTES + 160 * KIB
_BY_PROXY: Final = "grpc.enable_http_proxy"
_OURS: Final[Options] = (
    ("grpc.max_send_message_length", _MESSAGE),
    ("grpc.max_receive_message_length", 320 * KIB),
    # Through a proxy a broken connection may stay unseen for hours.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Every connection is one that we decided to make: none is shared with another session.
    ("grpc.use_local_subchannel_pool", 1),
)
#: While there is somewhere to leave: whether we stand elsewhere by now.
_LOOK_AGAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Outbound:
    """What an agent needs to call its gateways."""

    gateways: tuple[str, ...]
    own: OwnSide
    connect: Connect = field(repr=False)
    times: AttendTimes = field(default_factory=AttendTimes)
    #: Those at which it is, or tries to be, while it is served.
    attended: list[Attending] = field(default_factory=list, repr=False)
    #: Where the desk says what is called: then `gateways` is where it begins.
    doors: Doors | None = None

    @property
    def called(self) -> tuple[str, ...]:
        """The gateways to be at now."""
        return self.doors.now if self.doors is not None else self.gateways


def outbound(settings: OutboundSettings, folder: Path, material: TlsMaterial, own: OwnSide, doors: Doors | None = None) -> Outbound | None:
    """The gateways of the settings; none when the agent calls nobody.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not settings.gateways:
        return None
    check_outbound(settings)
    further = authorities_in(folder / settings.ca_file, "outbound.ca_file") if settings.ca_file else b""
    for gateway in settings.gateways:
        proxy_to(gateway, settings)

    def connect(gateway: str) -> aio.Channel:
        return channel_to(gateway, material, proxy=proxy_to(gateway, settings), further=further)

    return Outbound(tuple(settings.gateways), own, connect, doors=doors)


def channel_to(gateway: str, material: TlsMaterial, *, proxy: str, further: bytes = b"") -> aio.Channel:
    """A channel to a gateway, by the proxy where there is one. Who is at its end is proven inside, not by TLS alone."""
    material.refresh()
    # Among the common options is that no proxy is used, whatever the environment says.
    common = tuple(option for option in CHANNEL if option[0] not in {name for name, _ in _OURS} and not (proxy and option[0] == _BY_PROXY))
    by_proxy: Options = ((_BY_PROXY, 1), ("grpc.http_proxy", proxy)) if proxy else ()
    # A socket has no name of its own that a certificate could carry.
    named: Options = (("grpc.ssl_target_name_override", "localhost"),) if address(gateway).is_socket else ()
    return aio.secure_channel(gateway, material.channel_credentials(further), options=(*common, *_OURS, *by_proxy, *named))


@asynccontextmanager
async def attending(to: Outbound, calls: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]", *, grace: float) -> AsyncIterator[list[Attending]]:
    """Be at every gateway inside the block; at its end answers under way have *grace* seconds to finish."""
    each: dict[str, Attending] = {}
    async with anyio.create_task_group() as tasks:

        def be_where_wanted(at_first: Iterable[str] = ()) -> bool:
            """Whether there is nothing left to leave. Nowhere is left before we stand at one that is wanted: what was told may be wrong."""
            wanted = to.called
            for gateway in dict.fromkeys((*wanted, *at_first)):
                if gateway not in each:
                    each[gateway] = Attending(gateway, to.own, calls, to.connect, to.times)
                    tasks.start_soon(each[gateway].keep)
            others = each.keys() - set(wanted)
            if any(each[gateway].attached for gateway in wanted):
                for gone in others:
                    # It says farewell, and finishes what it has.
                    each.pop(gone).stop()
                others = set()
            to.attended[:] = each.values()
            return not others

        async def follow(doors: Doors) -> None:
            while True:
                with anyio.move_on_after(math.inf if be_where_wanted() else _LOOK_AGAIN_SECONDS):
                    await doors.wait_changed()

        be_where_wanted(to.gateways)
        if to.doors is not None:
            tasks.start_soon(follow, to.doors)
        try:
            yield list(each.values())
        finally:
            last = list(each.values())
            for one in last:
                one.stop()
            with anyio.move_on_after(grace, shield=True):
                for one in last:
                    await one.ended.wait()
            tasks.cancel_scope.cancel()
