"""Who may review: people with a personal code, of which a file keeps the digest and nobody the code.

A code is 256 bits of chance, so its digest can be read by whoever may read the file, and tells nothing.
"""

import hmac
import re
import secrets
import tomllib
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from accord.terms.faults import BadInput, Fault

#: What is shorter was not made by `fresh_code`, and might be guessed.
_SHORTEST: Final = 40
_LONGEST: Final = 200
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Known:
    """A person who may review. `identifier` is what the journal has of them: their own accesses they do not review."""

    identifier: str
    name: str
    digest: bytes = field(repr=False)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    identifier: str
    name: str
    code_sha256: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reviewer: tuple[_Entry, ...]


class Reviewers:
    """The people of a file. It is read anew when somebody logs in: whoever is taken out of it is out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.all()

    def all(self) -> tuple[Known, ...]:
        """Everybody in the file.

        Raises:
            BadInput: `invalid-setting`: it cannot be read, names nobody or somebody twice, or has what is no digest.
        """
        try:
            entries = msgspec.convert(tomllib.loads(self._path.read_text(encoding="utf-8")), _File).reviewer
        except (OSError, ValueError, RecursionError):
            raise _wrong(self._path) from None
        if not entries or len({entry.identifier for entry in entries}) != len(entries):
            raise _wrong(self._path)
        if any(_DIGEST.fullmatch(entry.code_sha256) is None or not entry.identifier.strip() or not entry.name.strip() for entry in entries):
            raise _wrong(self._path)
        return tuple(Known(entry.identifier, entry.name, bytes.fromhex(entry.code_sha256)) for entry in entries)

    def by_code(self, code: str) -> Known | None:
        """Whose code this is; none when it is nobody's.

        Raises:
            BadInput: `invalid-setting`: the file cannot be read any more.
        """
        if not _SHORTEST <= len(code) <= _LONGEST:
            return None
        digest = sha256(code.encode("utf-8", "replace")).digest()
        found = None
        for known in self.all():
            if hmac.compare_digest(known.digest, digest):
                found = known
        return found

    def still(self, known: Known) -> bool:
        """Whether this person, with this code, is in the file.

        Raises:
            BadInput: `invalid-setting`: the file cannot be read any more.
        """
        return known in self.all()


def fresh_code() -> str:
    """A new personal code."""
    return secrets.token_urlsafe(32)


def entry_of(identifier: str, name: str, code: str) -> str:
    """What stands in the file of somebody with this code."""
    digest = sha256(code.encode()).hexdigest()
    quoted = (msgspec.json.encode(text).decode() for text in (identifier, name))  # a TOML text of these is written as JSON writes it
    return "[[reviewer]]\nidentifier = {}\nname = {}\n".format(*quoted) + f'code_sha256 = "{digest}"\n'


def _wrong(path: Path) -> BadInput:
    return BadInput(Fault.INVALID_SETTING, f"review.reviewers: {path.name}")
