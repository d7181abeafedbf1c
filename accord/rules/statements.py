"""What a patient states: for whom, about which providers and which data, yes or no or no more; and its one canonical spelling.

A statement is confirmed by a fresh login whose nonce is `nonce_of(statement, salt)`: the ID token that the login provider
signs then binds exactly this statement, and every holder can check it without believing whoever carried it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from accord.rules.data_kinds import DataKind
from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from accord.terms.vocabulary import HolderKind

VERSION: Final = "noaber-choice/1"
SALT_BYTES: Final = 32
#: Every cell there is, with room: both sides, all kinds of provider and none, all kinds of data.
_MOST_LINES: Final = 2 * (len(HolderKind) + 1) * len(DataKind)
_MOST_BYTES: Final = 64 * 1024
_MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


class Answer(StrEnum):
    """What the patient says about it."""

    PERMITS = "permits"
    OBJECTS = "objects"
    WITHDRAWN = "withdrawn"
    """No choice any more: as if nothing was ever said."""


class Side(StrEnum):
    """On which side of the sharing the provider stands."""

    KEEPS = "keeps"
    """The provider that has the data: may it share?"""
    LOOKS = "looks"
    """The provider that looks: may it see?"""


class Voice(StrEnum):
    """Who speaks."""

    SELF = "self"
    PARENT = "parent"
    """A parent with custody: until the child is 16, and alone until it is 12."""
    REPRESENTATIVE = "representative"
    """Somebody with a mandate that ends on a date."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a choice is about. `provider` none: every kind of provider."""

    side: Side
    provider: HolderKind | None
    data: DataKind

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it stands in the canonical order."""
        return self.side.value, self.provider.value if self.provider else "*", self.data.value


@dataclass(frozen=True, slots=True)
class ChoiceLine:
    """One answer about one cell."""

    cell: Cell
    answer: Answer


@dataclass(frozen=True, slots=True)
class Statement:
    """Answers given at one moment. For each cell the latest answer of each voice counts, whatever arrives when.

    `moment` is in whole seconds. No cell stands twice, and there is at least one.

    Raises:
        BadInput: `invalid-question`.
    """

    region: str
    patient: Bsn
    voice: Voice
    lines: tuple[ChoiceLine, ...] = field(repr=False)
    moment: datetime

    def __post_init__(self) -> None:
        cells = [line.cell for line in self.lines]
        if not 0 < len(cells) <= _MOST_LINES or len(set(cells)) != len(cells):
            raise BadInput(Fault.INVALID_QUESTION, "lines")
        if self.moment.tzinfo is None or self.moment.microsecond:
            raise BadInput(Fault.INVALID_QUESTION, "moment")

    @property
    def canonical(self) -> bytes:
        """The one way to write it: what is signed."""
        lines = sorted((*line.cell.place, line.answer.value) for line in self.lines)
        said = {
            "lines": lines,
            "moment": self.moment.astimezone(UTC).strftime(_MOMENT),
            "patient": self.patient.value,
            "region": self.region,
            "version": VERSION,
            "voice": self.voice.value,
        }
        return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical spelling."""
        return hashlib.sha256(self.canonical).digest()


def concerns(statement: Statement, kind: HolderKind) -> bool:
    """Whether a provider of this kind that keeps data has anything to do with it."""
    return any(line.cell.side is Side.LOOKS or line.cell.provider in (None, kind) for line in statement.lines)


@dataclass(frozen=True, slots=True)
class ConfirmedStatement:
    """A statement with its proof: the salt that went into the nonce, and the ID token that carries that nonce."""

    statement: Statement
    salt: bytes = field(repr=False)
    token: str = field(repr=False)


def nonce_of(statement: Statement, salt: bytes) -> str:
    """The nonce by which a login confirms this statement and no other; the salt keeps it from being guessed.

    Raises:
        BadInput: `invalid-question`, for a salt of another length.
    """
    if len(salt) != SALT_BYTES:
        raise BadInput(Fault.INVALID_QUESTION, "salt")
    return hashlib.sha256(statement.canonical + salt).hexdigest()


def read_statement(canonical: bytes) -> Statement:
    """Read a statement that came from elsewhere; it must be spelt canonically.

    Raises:
        BadInput: `invalid-question`, or what `strict_json` raises.
    """
    said = strict_json(canonical, limit=_MOST_BYTES)
    if not isinstance(said, Mapping) or said.get("version") != VERSION:
        raise BadInput(Fault.INVALID_QUESTION, "statement")
    try:
        statement = Statement(
            region=str(said["region"]),
            patient=Bsn(str(said["patient"])),
            voice=Voice(said["voice"]),
            lines=tuple(_line(line) for line in said["lines"]),
            moment=datetime.strptime(str(said["moment"]), _MOMENT).replace(tzinfo=UTC),
        )
    except (KeyError, TypeError, ValueError):
        raise BadInput(Fault.INVALID_QUESTION, "statement") from None
    if statement.canonical != canonical:
        raise BadInput(Fault.INVALID_QUESTION, "statement")
    return statement


def _line(said: Any) -> ChoiceLine:
    side, provider, data, answer = said
    return ChoiceLine(Cell(Side(side), None if provider == "*" else HolderKind(provider), DataKind(data)), Answer(answer))
