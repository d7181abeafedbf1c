"""Test BSNs for Patients that have none: American test data has no BSN, and without one nobody can be asked for."""

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from accord.terms.identifiers import BSN_SYSTEM
from node_agent.importing.splices import Splice

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]')
_LIST_BEGINS: Final = re.compile(rb"\s*:\s*\[\s*")
_OBJECT_BEGINS: Final = re.compile(rb"\s*\{\s*")


@lru_cache(maxsize=1)
def _block() -> tuple[str, ...]:
    """All numbers 9999xxxxx that pass the eleven-test."""
    # The last digit follows from the others.
    base = 9 * 9 + 9 * 8 + 9 * 7 + 9 * 6
    found = []
    for rest in range(10_000):
        a, b, c, d = rest // 1000, rest // 100 % 10, rest // 10 % 10, rest % 10
        last = (base + 5 * a + 4 * b + 3 * c + 2 * d) % 11
        if last < 10:
            found.append(f"9999{rest:04}{last}")
    return tuple(found)


def numbers_for(logical_id: str) -> Iterator[str]:
    """Test BSNs for the Patient with this id: always in the same order, each once. The first that is free is theirs."""
    block = _block()
    start = int.from_bytes(blake2b(logical_id.encode(), digest_size=8).digest()) % len(block)
    yield from block[start:]
    yield from block[:start]


def identifier_added(patient: bytes, bsn: str) -> Splice:
    """The splice that puts a BSN before the other identifiers of a Patient."""
    identifier = b'{"system":"%s","value":"%s"}' % (BSN_SYSTEM.encode(), bsn.encode())
    at = _own_identifiers(patient)
    if at is None:
        begin = _OBJECT_BEGINS.match(patient)
        offset = begin.end() if begin else 0
        return Splice(offset, b"", b'"identifier":[' + identifier + b"],")
    return Splice(at, b"", identifier + (b"" if patient[at : at + 1] == b"]" else b","))


def _own_identifiers(patient: bytes) -> int | None:
    """Where the list of the Patient's own identifiers begins; a contained resource has others."""
    depth = 0
    for token in _TOKEN.finditer(patient):
        match token.group():
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
            case b'"identifier"' if depth == 1:
                begin = _LIST_BEGINS.match(patient, token.end())
                if begin:
                    return begin.end()
    return None
