"""Ports for processes that must be told where they listen before they do."""

import errno
import secrets
import socket
from typing import Final

#: Below what the system gives out by itself, to whoever connects or listens at port 0: one of those may be taken again at once.
_FIRST: Final = 20_000
_LAST: Final = 32_000


def free_port() -> int:
    """A port of this machine on which nobody listens, and which nobody is given by chance.

    Raises:
        OSError: Nobody may listen here at all.
    """
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as taken:
                if taken.errno == errno.EADDRINUSE:
                    continue
                raise
        return port
