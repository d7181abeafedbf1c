"""A Bundle in parts, joined from bytes: a record is never parsed to be put in.

The links come first. What is known only at the end (total, tags, time) stands at the end: in JSON the order of members
is free. A Bundle that is closed is valid JSON at whatever entry it stopped.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

encode: Final = msgspec.json.encode

_MATCH: Final = b',"search":{"mode":"match"}}'
_INCLUDE: Final = b',"search":{"mode":"include"}}'
_OUTCOME: Final = b',"search":{"mode":"outcome"}}'


class BundleParts:
    """The parts of one Bundle, in the order in which they are asked for."""

    __slots__ = ("_comma",)

    def __init__(self) -> None:
        self._comma = b""

    @staticmethod
    def opening(links: Mapping[str, str]) -> bytes:
        """The part before the first entry."""
        link = encode([{"relation": relation, "url": url} for relation, url in links.items()])
        return b'{"resourceType":"Bundle","type":"searchset","link":' + link + b',"entry":['

    def entry(self, full_url: str, resource: bytes, *, match: bool) -> bytes:
        """A record, as it is."""
        return self._entry(b'{"fullUrl":' + encode(full_url) + b',"resource":' + resource + (_MATCH if match else _INCLUDE))

    def authored(self, full_url: str, resource: Mapping[str, Any], *, match: bool) -> bytes:
        """A resource that the gateway writes itself."""
        return self.entry(full_url, encode(resource), match=match)

    def outcome(self, resource: Mapping[str, Any]) -> bytes:
        """An OperationOutcome about the answer."""
        return self._entry(b'{"resource":' + encode(resource) + _OUTCOME)

    def closing(self, members: Mapping[str, Any]) -> bytes:
        """The part after the last entry."""
        rest = b"".join(b"," + encode(name) + b":" + encode(value) for name, value in members.items())
        return b"]" + rest + b"}"

    def _entry(self, content: bytes) -> bytes:
        comma, self._comma = self._comma, b","
        return comma + content
