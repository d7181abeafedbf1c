"""Where this product may listen and whom it may call.

Until mutual TLS and mandates stand, only loopback: anything else is refused with `loopback-only`.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from accord.terms.faults import BadInput, Fault


@dataclass(frozen=True, slots=True)
class Address:
    """A loopback address: a host and port, or the path of a unix socket (then `port` is 0)."""

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


def loopback(text: str) -> Address:
    """Read `127.0.0.1:7001`, `[::1]:7001`, `localhost:7001` or `unix:/run/agent.sock`.

    Raises:
        BadInput: `loopback-only` for any other host, `invalid-setting` for what is no address.
    """
    if text.startswith("unix:/"):
        return Address(text.removeprefix("unix:"))
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise BadInput(Fault.INVALID_SETTING, "address")
    host = host.removeprefix("[").removesuffix("]")
    # `localhost` is taken as the address, so that no name service can point it elsewhere.
    host = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise BadInput(Fault.LOOPBACK_ONLY, "address")
    return Address(host, int(port))
