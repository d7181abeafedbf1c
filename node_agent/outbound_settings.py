"""The settings of an agent that calls its gateways instead of listening, and by which proxy it goes out."""

import os
from collections.abc import Mapping
from typing import Final

import msgspec

from accord.link.addresses import Address, address
from accord.link.proxies import NO_PROXY, checked_proxy, proxy_for
from accord.terms.faults import BadInput, Fault

#: It may hold a password. Never shown, by `section.key`.
OUTBOUND_SECRETS: Final = frozenset({"outbound.proxy"})


class OutboundSettings(msgspec.Struct, frozen=True):
    """`gateways`: each gateway of the region, all its replicas, as `host:port`; empty: the agent calls nobody.

    `proxy` is the HTTP proxy to go out by (`http://user:password@host:port`), `none` for no proxy at all; when it is empty
    HTTPS_PROXY and NO_PROXY of the environment count. `ca_file` (PEM) has authorities to believe beside the region's,
    where the proxy opens TLS: for the TLS of these channels, and of that to the office's desk where `office.ca_file` is empty; for nothing else.
    With `follow` the agent calls what the office's desk tells (`office.desk`), and `gateways` only until it has told of any.
    """

    gateways: list[str] = []
    proxy: str = ""
    ca_file: str = ""
    follow: bool = False


def check_outbound(settings: OutboundSettings) -> None:
    """Nothing, when the settings can be used.

    Raises:
        BadInput: `invalid-setting`.
    """
    for gateway in settings.gateways:
        _gateway(gateway)
    if len(set(settings.gateways)) != len(settings.gateways):
        raise BadInput(Fault.INVALID_SETTING, "outbound.gateways: one stands twice")
    if settings.proxy not in ("", NO_PROXY):
        checked_proxy(settings.proxy, "outbound.proxy")


def proxy_to(gateway: str, settings: OutboundSettings, environment: Mapping[str, str] = os.environ) -> str:
    """The proxy by which this gateway is called; empty for none.

    Raises:
        BadInput: `invalid-setting`.
    """
    return proxy_for(_gateway(gateway), settings.proxy, "outbound.proxy", environment)


def _gateway(text: str) -> Address:
    try:
        return address(text)
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "outbound.gateways: host:port") from None
