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
from accord.terms.next_steps import IN_THE_FILE

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


class Reviewers:
    """The people of a file. It is read anew when somebody logs in: whoever is taken out of it is out.

    *table* is what an entry is called there, so that a file for one page opens no other; *setting* is what an error names.
    """

    def __init__(self, path: Path, *, table: str = "reviewer", setting: str = "review.reviewers") -> None:
        self._path = path
        self._table = table
        self._setting = setting
        self.all()

    def all(self) -> tuple[Known, ...]:
        """Everybody in the file.

        Raises:
            BadInput: `invalid-setting`: it cannot be read, names nobody or somebody twice, or has what is no digest.
        """
        try:
            content = tomllib.loads(self._path.read_text(encoding="utf-8"))
            entries = msgspec.convert(content.pop(self._table, []), tuple[_Entry, ...])
        except (OSError, ValueError, RecursionError):
            raise self._wrong() from None
        if content:
            raise self._wrong()
        if not entries or len({entry.identifier for entry in entries}) != len(entries):
            raise self._wrong()
        if any(_DIGEST.fullmatch(entry.code_sha256) is None or not entry.identifier.strip() or not entry.name.strip() for entry in entries):
            raise self._wrong()
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

    def _wrong(self) -> BadInput:
        return BadInput(Fault.INVALID_SETTING, f"{self._setting}: {self._path.name}", then=IN_THE_FILE)


def fresh_code() -> str:
    """A new personal code."""
    return secrets.token_urlsafe(32)


def entry_of(identifier: str, name: str, code: str, *, table: str = "reviewer") -> str:
    """What stands in the file of somebody with this code."""
    digest = sha256(code.encode()).hexdigest()
    quoted = (msgspec.json.encode(text).decode() for text in (identifier, name))  # a TOML text of these is written as JSON writes it
    return f"[[{table}]]\n" + "identifier = {}\nname = {}\n".format(*quoted) + f'code_sha256 = "{digest}"\n'
