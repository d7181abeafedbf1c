"""In which words a page speaks: its own catalogue, that of the dossier, and moments as people here write them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from accord.rules.moments import AMSTERDAM, by_the_clock_here
from gateway.dossier.words import Language, Wording
from gateway.pages.telling import Language as PageLanguage
from gateway.pages.telling import Words

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Speech:
    """One language, and the moment that "today" is measured by."""

    words: Words
    now: datetime

    def __call__(self, key: str, **values: object) -> str:
        """A sentence of the pages."""
        return self.words(key, **values)

    @property
    def language(self) -> Language:
        """The language, as the dossier names it."""
        return "nl" if self.words.language is PageLanguage.DUTCH else "en"

    def say(self, wording: Wording) -> str:
        """A wording of the dossier."""
        return wording.in_language(self.language)

    def moment(self, at: datetime) -> str:
        """21-11-2026 02:41; of today the time alone."""
        here = by_the_clock_here(at)
        if here.date() == self.now.astimezone(AMSTERDAM).date():
            return f"{here:%H:%M}"
        return f"{here:%d-%m-%Y %H:%M}" if self.language == "nl" else f"{here:%Y-%m-%d %H:%M}"

    def whole_moment(self, at: datetime) -> str:
        """Day and time, whichever day it is."""
        here = by_the_clock_here(at)
        return f"{here:%d-%m-%Y %H:%M}" if self.language == "nl" else f"{here:%Y-%m-%d %H:%M}"

    def day(self, written: str) -> str:
        """A date at the precision at which it was written (1942, 1942-03, 1942-03-12); anything else as it stands."""
        pieces = written[:10].split("-")
        if self.language == "nl" and all(piece.isdecimal() for piece in pieces) and len(pieces) <= 3:
            return "-".join(reversed(pieces))
        return written[:10]

    def since_1970(self, milliseconds: int) -> str:
        """A moment as a holder told it; empty for none, or one that no calendar has."""
        at = moment_at(milliseconds)
        return "" if milliseconds <= 0 or at is None else self.moment(at)


def moment_at(milliseconds: int) -> datetime | None:
    """The moment so long after 1970, here; none where no calendar has it."""
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(AMSTERDAM)
    except (OverflowError, ValueError):
        return None
