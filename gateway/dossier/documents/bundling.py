"""A document as bytes: a Bundle joined from its entries, of which no record is parsed to be put in."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

encode: Final = msgspec.json.encode


def document(members: Mapping[str, Any], entries: Iterable[tuple[str, bytes]]) -> bytes:
    """A document: every resource under its own address, and none of them found by a search."""
    opening = b'{"resourceType":"Bundle","type":"document"' + b"".join(b"," + encode(name) + b":" + encode(value) for name, value in members.items())
    listed = b",".join(b'{"fullUrl":' + encode(full_url) + b',"resource":' + resource + b"}" for full_url, resource in entries)
    return opening + b',"entry":[' + listed + b"]}"
