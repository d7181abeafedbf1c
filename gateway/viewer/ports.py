"""What the viewer needs of the region, and nothing more: a dossier as it arrives, and an attachment."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from accord.terms.evidence import Who
from accord.terms.identifiers import Bsn, HolderName, RecordRef
from gateway.ports import DossierEvent


@dataclass(frozen=True, slots=True)
class Question:
    """About whom is asked (the birth date where it is known), and on whose behalf, for what purpose and by which right.

    `name` is what the health record that launched us calls them. Nobody is asked by it: it is for a form that a person fills in.
    """

    bsn: Bsn
    birth_date: date | None = field(repr=False)
    who: Who
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment on its way: its media type as the holder says it, and its bytes."""

    media_type: str
    chunks: AsyncIterator[bytes]


class Asking(Protocol):
    """The way to the region. Every call is a question of its own, with its own evidence and its own lines in the journals."""

    def open(self, question: Question) -> AbstractAsyncContextManager[AsyncIterator[DossierEvent]]:
        """The events of a dossier, in order of arrival. Leaving the context withdraws the question.

        Raises:
            BadInput: At entering or while iterating: this cannot be asked so.
            Unavailable: At entering or while iterating: no evidence can be had, or the gateway cannot be reached or refuses.
        """

    def fetch(self, question: Question, holder: HolderName, record: RecordRef, url: str) -> AbstractAsyncContextManager[Attached]:
        """An attachment that a record of a holder points to. Leaving the context withdraws the question.

        Raises:
            BadInput: As `open`.
            Unavailable: As `open`, also while the bytes are read; `not-found`: it is not there, or not shared.
        """
