"""Indents JSON that is on its way out without reading it: white space between tokens changes, tokens do not."""

import re
from typing import Final

# A string, a bracket, a comma, a colon, or a number or word. White space outside strings is dropped.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_INDENT: Final = b"  "


class Indenter:
    """Indents one document that comes in parts. Each part must end where a token ends."""

    __slots__ = ("_depth", "_opened")

    def __init__(self) -> None:
        self._depth = 0
        self._opened = False

    def feed(self, part: bytes) -> bytes:
        """The part, indented."""
        out: list[bytes] = []
        for token in _TOKEN.findall(part):
            if token in (b"}", b"]"):
                self._depth -= 1
                # Nothing inside stays together: {} and [].
                out.append(token if self._opened else self._line() + token)
                self._opened = False
                continue
            if self._opened:
                out.append(self._line())
                self._opened = False
            if token in (b"{", b"["):
                self._depth += 1
                self._opened = True
                out.append(token)
            elif token == b",":
                out.append(token + self._line())
            else:
                out.append(b": " if token == b":" else token)
        return b"".join(out)

    def _line(self) -> bytes:
        return b"\n" + _INDENT * self._depth
