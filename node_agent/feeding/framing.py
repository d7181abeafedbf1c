"""MLLP: a message stands between 0x0B and 0x1C 0x0D. What is anything else ends the connection: nobody knows what it means.

FrameBroken         what came is no frame
FrameTooLarge       a message is larger than the limit
"""

from typing import Final

from accord.terms.limits import MIB

BEGIN: Final = b"\x0b"
END: Final = b"\x1c\r"
#: The largest message.
MESSAGE_BYTES: Final = MIB


class FrameBroken(Exception):
    """What came is no frame."""


class FrameTooLarge(FrameBroken):
    """A message is larger than the limit."""


class Frames:
    """Takes bytes as they come, and gives messages as they are complete."""

    __slots__ = ("_left", "_searched")

    def __init__(self) -> None:
        self._left = bytearray()
        self._searched = 0

    @property
    def is_between(self) -> bool:
        """Whether no message is under way."""
        return not self._left

    def feed(self, content: bytes) -> list[bytes]:
        """The messages that are complete now.

        Raises:
            FrameBroken: From here on nothing can be understood.
        """
        self._left += content
        found = []
        while self._left:
            if self._left[:1] != BEGIN:
                # Some senders put a line end between frames.
                if self._left[0] not in b"\r\n":
                    raise FrameBroken
                del self._left[:1]
                continue
            end = self._left.find(END, max(1, self._searched))
            inside = self._left[1 : end if end >= 0 else len(self._left)]
            if len(inside) > MESSAGE_BYTES:
                raise FrameTooLarge
            if BEGIN in inside or END[:1] in (inside if end >= 0 else inside[:-1]):
                raise FrameBroken
            if end < 0:
                self._searched = len(self._left) - 1
                break
            found.append(bytes(inside))
            del self._left[: end + len(END)]
            self._searched = 0
        return found


def framed(message: bytes) -> bytes:
    """A message as it travels."""
    return BEGIN + message + END
