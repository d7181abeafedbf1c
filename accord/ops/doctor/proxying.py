"""The way to another party by an HTTP proxy (CONNECT): whether it is there, and whether it lets us through."""

import re
import socket
from base64 import b64encode
from typing import Final
from urllib.parse import unquote, urlsplit

from accord.link.addresses import Address
from accord.ops.doctor.findings import command

_SECONDS: Final = 5.0
_MOST_HEAD: Final = 16 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (?P<code>[0-9]{3})")
_REFUSED: Final = {
    407: ("the proxy wants a user and a password, or does not know these", "set outbound.proxy = http://user:password@host:port (percent-encoded)"),
    403: ("the proxy does not let us go there", "have {target} allowed at the proxy"),
}


class ProxyRefused(Exception):
    """The proxy is not there, or does not let us through. Carries what to say, and what to do; never the password."""

    def __init__(self, seen: str, then: str) -> None:
        super().__init__(seen)
        self.seen = seen
        self.then = then


def connect_through(proxy: str, to: Address) -> socket.socket:
    """A connection to a party, by a proxy (`http://user:password@host:port`).

    Raises:
        ProxyRefused: There is none.
    """
    parts = urlsplit(proxy)
    host, port = parts.hostname or "", parts.port or 0
    at = Address(host, port).target
    try:
        connection = socket.create_connection((host, port), timeout=_SECONDS)
    except socket.gaierror:
        raise ProxyRefused(
            f"the name of the proxy, {host}, is not known here", f"{command('getent', 'hosts', host)}; then look at outbound.proxy, or HTTPS_PROXY"
        ) from None
    except OSError:
        raise ProxyRefused(f"the proxy {at} cannot be reached", f"{command('nc', '-vz', host, port)}; then look at outbound.proxy, or HTTPS_PROXY") from None
    try:
        _ask(connection, parts.username, parts.password, at, to)
    except BaseException:
        connection.close()
        raise
    return connection


def _ask(connection: socket.socket, user: str | None, password: str | None, at: str, to: Address) -> None:
    target = to.target
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if user is not None:
        credentials = b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {credentials}")
    try:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _MOST_HEAD:
            # One by one: what comes behind it is the other party's.
            more = connection.recv(1)
            if not more:
                break
            head += more
    except OSError:
        head = b""
    status = _STATUS.match(head)
    if status is None:
        raise ProxyRefused(f"what answers at {at} is no HTTP proxy", "look at outbound.proxy, or HTTPS_PROXY")
    code = int(status["code"])
    if code // 100 != 2:
        seen, then = _REFUSED.get(code, (f"the proxy cannot bring us there ({code})", "see whether {target} is right, and whether the proxy may go there"))
        raise ProxyRefused(seen, then.format(target=target))
