"""Where this product may listen and whom it may call.

With mutual TLS anywhere; whatever speaks plainly, on loopback only: anything else is refused with `loopback-only`.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import ADDRESS

_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<host>[^\[\]]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and port, or the path of a unix socket (then `port` is 0)."""

    host: str
    port: int = 0

    @property
    def is_socket(self) -> bool:
        """Whether this is a unix socket."""
        return self.host.startswith("/")

    @property
    def target(self) -> str:
        """As gRPC writes it."""
        if self.is_socket:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """Read `agent.example.nl:7001`, `192.0.2.1:7001`, `[2001:db8::1]:7001` or `unix:/run/agent.sock`.

    Raises:
        BadInput: `invalid-setting` for what is no address.
    """
    read = _read(text)
    if not read.is_socket and not _HOST.fullmatch(read.host):
        raise BadInput(Fault.INVALID_SETTING, "address", then=ADDRESS)
    return read


def loopback(text: str) -> Address:
    """Read `127.0.0.1:7001`, `[::1]:7001`, `localhost:7001` or `unix:/run/agent.sock`.

    Raises:
        BadInput: `loopback-only` for any other host, `invalid-setting` for what is no address.
    """
    read = _read(text)
    if read.is_socket:
        return read
    # `localhost` is taken as the address, so that no name service can point it elsewhere.
    host = "127.0.0.1" if read.host == "localhost" else read.host
    try:
        # A scope (`::1%eth0`) is whatever somebody wrote there.
        is_loopback = ip_address(host).is_loopback and "%" not in host
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise BadInput(Fault.LOOPBACK_ONLY, "address")
    return Address(host, read.port)


def _read(text: str) -> Address:
    if text.startswith("unix:/"):
        return Address(text.removeprefix("unix:"))
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise BadInput(Fault.INVALID_SETTING, "address", then=ADDRESS)
    host = match["bracketed"] or match["host"]
    # Brackets are for IPv6 and IPv6 needs them: `::1:7001` can be read in two ways.
    if (":" in host) != (match["bracketed"] is not None):
        raise BadInput(Fault.INVALID_SETTING, "address", then=ADDRESS)
    return Address(host, int(match["port"]))
