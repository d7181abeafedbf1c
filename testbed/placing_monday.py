"""What was on the screens of Monday at the transfer point, for whoever checks it afterwards."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

#: From the story's Monday on: she was operated on the day before, and can go on from Thursday.
_THURSDAY: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Spotted:
    """One line of what was found: in which group it stands, and all that it says."""

    group: str
    text: str


@dataclass(slots=True)
class Monday:
    """What was on the screens, and when."""

    #: From which day on a place is needed: the Thursday of a region that begins on a Monday.
    thursday: date = field(default_factory=lambda: datetime.now(UTC).date() + _THURSDAY)
    at_work: str = ""
    overview: str = ""
    proposed: str = ""
    evidence: str = ""
    for_dina: str = ""
    about: tuple[str, str] = ("", "")
    sheet: str = ""
    sheet_pages: int = 0
    found: list[Spotted] = field(default_factory=list)
    declined: str = ""
    #: When the gateway was gone.
    died_at: datetime | None = None
    case: str = ""
    winner: str = ""
    loser: str = ""
    placed: str = ""
    handover: str = ""
    taken_in: str = ""
    visits: str = ""
    visits_case: str = ""
    widest: dict[str, int] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    def spots(self, provider: str) -> list[Spotted]:
        """The lines of one provider."""
        return [one for one in self.found if provider in one.text]
