"""What happened with a search, as it is kept beside it."""

from dataclasses import dataclass
from datetime import datetime

from accord.terms.identifiers import HolderName


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened: when, what (a key of the words), and with whom that was asked (none: with the search itself)."""

    at: datetime
    what: str
    provider: HolderName | None = None
