"""What the patient's desk works on: logins, statements with their proof in the order in which they came, choices, and looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from accord.audit.content import Event
from accord.audit.reading import Access, CameOfIt
from accord.rules.consent import Basis, Choice
from accord.rules.data_kinds import BASICS
from accord.rules.stated import KeptLine, with_statement
from accord.rules.statements import SALT_BYTES, Statement, read_statement
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Ura
from accord.terms.looks import Look
from accord.terms.vocabulary import CareCategory, PurposeOfUse


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """What a patient stated, with its proof: the salt of the nonce, and the ID token that carries it.

    `born` is the patient's day of birth as the token has it; `since` when it was put on record here; `settled`: what follows
    from it is in force.
    """

    statement: Statement
    salt: bytes = field(repr=False)
    token: str = field(repr=False)
    born: date | None = field(repr=False)
    since: datetime
    settled: bool = False


class StatementStore(Protocol):
    """What patients stated on their pages. All methods raise `Unavailable` when the store cannot be used."""

    async def of(self, bsn: Bsn) -> Sequence[KeptStatement]:
        """All statements of a person, in the order in which they came."""

    async def add(self, kept: KeptStatement) -> datetime:
        """Put it on record, synced to disk; returns since when, which is later than all before. The same statement twice is one."""

    async def settled(self, bsn: Bsn) -> None:
        """What follows from all statements of this person is in force."""

    async def unsettled(self) -> Sequence[Bsn]:
        """The people of whom a statement is on record that is not in force yet."""


class Lookers(Protocol):
    """Who looked. `accord.audit.reading.JournalReader` is one."""

    async def events(self, patient: str, since: datetime, until: datetime) -> list[Event]:
        """The lines about a patient, oldest first.

        Raises:
            Unavailable: `journal-unavailable`, `journal-broken`.
        """


class Choices(Protocol):
    """The choices by which this holder decides. `node_agent.sources.choice_store.SqliteChoices` is one."""

    async def choices_of(self, bsn: Bsn) -> tuple[Choice, ...]:
        """All that is on record for a person."""

    async def put(self, bsn: Bsn, choices: Sequence[Choice], source: str, at: datetime) -> bool:
        """Put on record what a source states, in place of what it stated before; false when that is newer."""


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What is on record about a patient: statements, newest first, and whether there are choices that came another way."""

    statements: tuple[KeptStatement, ...]
    others: bool


@dataclass(frozen=True, slots=True)
class Login:
    """A login as it came: an ID token, and the patient whom it is said to be about."""

    token: str = field(repr=False)
    bsn: Bsn


def given_statement(canonical: bytes, salt: bytes) -> Statement:
    """A statement as it came, with the salt of its nonce.

    Raises:
        BadInput: `invalid-question`.
    """
    if len(salt) != SALT_BYTES:
        raise BadInput(Fault.INVALID_QUESTION, "random")
    try:
        return read_statement(canonical)
    except BadInput:
        raise BadInput(Fault.INVALID_QUESTION, "statement") from None


def lines_of(kept: Sequence[KeptStatement]) -> tuple[KeptLine, ...]:
    """What all statements come to: for each cell and voice the latest answer."""
    lines: tuple[KeptLine, ...] = ()
    for one in kept:
        lines = with_statement(lines, one.statement.lines, one.statement.voice, one.statement.moment)
    return lines


def check_counts(statement: Statement, kept: Sequence[KeptStatement]) -> None:
    """Evidence never goes back in time: a statement that changes nothing any more is refused.

    Raises:
        BadInput: `proof-expired`.
    """
    before = lines_of(kept)
    after = with_statement(before, statement.lines, statement.voice, statement.moment)
    if set(after) == set(before):
        raise BadInput(Fault.PROOF_EXPIRED, "statement")


def looks_of(access: Access) -> tuple[Look, ...]:
    """As the patient is told: one look, or one for each right where it was not the same for all that was shown.

    None for a question of which nobody knows who put it.
    """
    who = access.who
    if who is None:
        return ()
    return tuple(
        Look(
            access.moment,
            Ura(who.ura),
            who.organisation,
            who.kind,
            who.professional,
            who.role,
            categories,
            basis,
            PurposeOfUse(who.purpose),
            who.treatment.value if who.treatment else "",
            access.emergency,
            access.reason,
            access.came_of_it.value,
        )
        for basis, categories in _by_right(access).items()
    )


def _by_right(access: Access) -> dict[str, frozenset[CareCategory]]:
    shown = frozenset(access.shown)
    if access.came_of_it is not CameOfIt.SHOWN:
        return {"": shown}
    if not access.in_emergency:
        return {access.basis: shown}
    opened = shown.intersection(access.in_emergency)
    permitted = shown - opened
    # Whose record it is goes along with the rest, and is no look by itself.
    if opened - BASICS and permitted - BASICS:
        return {Basis.PATIENT_CONSENTED.value: permitted, Basis.EMERGENCY.value: opened}
    is_permitted = bool(permitted - BASICS) or not opened
    return {(Basis.PATIENT_CONSENTED if is_permitted else Basis.EMERGENCY).value: shown}
