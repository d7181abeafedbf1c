"""Where the demonstration listens: where it is asked to, or elsewhere where somebody else listens there already; then it says so."""

import socket
from collections.abc import Iterable
from typing import Final

from gateway.dossier.words import Language
from testbed.demo_words import word

#: Whatever port is free.
ANY: Final = "127.0.0.1:0"
#: What listens, in the order in which it is told.
_FACES: Final = ("FHIR", "gRPC", "office desk")


def free_or_any(address: str) -> str:
    """The address when nobody listens there, else any port that is free."""
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            return ANY
    return address


def said_of_taken(wanted: Iterable[str], found: Iterable[str], used: Iterable[str], language: Language) -> str:
    """One line that says which of the wanted addresses were taken, and what is used instead; empty when none was.

    `found` is what `free_or_any` made of each, `used` where it listens by now (an address, or a URL).
    """
    told = [
        word("instead of", language).format(face, first, instead)
        for face, first, chosen, instead in zip(_FACES, wanted, found, used, strict=True)
        if chosen != first
    ]
    return f"{word('taken', language)} {'; '.join(told)}." if told else ""
