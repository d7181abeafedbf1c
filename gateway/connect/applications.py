"""Which applications on this machine may ask, and which of them may say who the professional is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import IN_THE_FILE, UNREADABLE

_LINE: Final = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]{0,39}) (?P<digest>[0-9a-f]{64})(?P<trusted> trusted)?")
_BEARER: Final = re.compile(r"[Bb]earer (?P<token>[!-~]{16,512})")
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Application:
    """An application of the data user. A trusted one says by headers which professional is at work, and how they proved it."""

    name: str
    is_trusted: bool = False


#: Whoever reaches the address, where no token is needed.
ANYBODY: Final = Application("")


@dataclass(frozen=True, slots=True)
class _Token:
    digest: str
    application: Application


class Applications:
    """The applications by the digests of their tokens.

    Without any, or where *without_token* says so, who shows no token may ask, too, and is trusted with nothing.
    """

    def __init__(self, tokens: Iterable[tuple[str, Application]] = (), *, without_token: bool = False) -> None:
        self._tokens = tuple(_Token(digest, application) for digest, application in tokens)
        self._without_token = without_token or not self._tokens

    def named_by(self, authorization: str) -> Application:
        """The application whose token this is.

        Raises:
            BadInput: `login-required`.
        """
        # A token that is not known is refused everywhere: who shows one does not mean to ask as anybody.
        if self._without_token and not authorization:
            return ANYBODY
        match = _BEARER.fullmatch(authorization)
        digest = sha256(match["token"].encode("ascii")).hexdigest() if match else ""
        found = [token.application for token in self._tokens if compare_digest(token.digest, digest)]
        if not found:
            raise BadInput(Fault.LOGIN_REQUIRED)
        return found[0]


def read_applications(path: Path, *, without_token: bool = False) -> Applications:
    """Read a file with a line per application: its name, SHA-256 of its token (hexadecimal), and `trusted` if it is.

    *without_token*: see `Applications`.

    Raises:
        BadInput: `invalid-setting`, with the number of the line.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BadInput(Fault.INVALID_SETTING, f"applications.tokens: {path.name} cannot be read", then=UNREADABLE) from None
    found: list[tuple[str, Application]] = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or any(match["digest"] == digest for digest, _ in found):
            raise BadInput(Fault.INVALID_SETTING, f"{path.name}: line {number}", then=IN_THE_FILE)
        found.append((match["digest"], Application(match["name"], match["trusted"] is not None)))
    if not found:
        # An empty file must not mean that everybody may.
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: no application", then=IN_THE_FILE)
    return Applications(found, without_token=without_token)


def new_token(name: str, *, trusted: bool = False) -> tuple[str, str]:
    """A fresh token, and the line of the file that lets it in.

    Raises:
        BadInput: `invalid-setting` for a name that cannot stand in the file.
    """
    token = token_urlsafe(_TOKEN_BYTES)
    line = f"{name} {sha256(token.encode('ascii')).hexdigest()}" + (" trusted" if trusted else "")
    if _LINE.fullmatch(line) is None:
        raise BadInput(Fault.INVALID_SETTING, "name of the application")
    return token, line
