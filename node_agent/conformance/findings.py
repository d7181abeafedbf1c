"""What a conformance run says: a verdict for each point, in words for people, with counts and never with content."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from accord.link.desk_forms import Summary

#: The point about how much was looked at.
RESTS_ON: Final = "what it rests on"
#: The point of who has no source: it has nobody to look at.
PLACES_ONLY: Final = "places only"


class Verdict(StrEnum):
    """How a point came out."""

    GOOD = "good"
    REMARK = "remark"
    """Nothing that keeps an agent from answering; somebody should know it."""
    WRONG = "wrong"
    """To be repaired before it answers."""
    NOT_SEEN = "not-seen"
    """It could not be found out from here, or nothing was there to see it by."""
    NOT_TRIED = "not-tried"
    """Only an attempt shows it, and there was none."""


class Who(StrEnum):
    """Who can do something about it."""

    NOBODY = ""
    AGENT = "whoever runs the agent"
    SOURCE = "the supplier or administrator of the source"
    PRIVACY = "the privacy officer"
    OFFICE = "the office of the region"


class Point(msgspec.Struct, frozen=True):
    """One thing that was looked at. `where` leads to what is at fault: by which of the people that were given, and by type."""

    name: str
    verdict: Verdict
    seen: str
    repair: str = ""
    who: Who = Who.NOBODY
    where: list[str] = []


class Block(msgspec.Struct, frozen=True):
    """One block of the BgZ: `found`, `nothing` or `not askable`, and how many records of these people: in all, and by generation of zibs."""

    name: str
    standing: str
    records: int = 0
    generations: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose run it is."""

    ura: str
    region: str
    software: str
    at: datetime


class Report(msgspec.Struct, frozen=True):
    """All of it; it stays in the house. No point may name a person, or anything that stands in a record."""

    ura: str
    at: datetime
    software: str
    people: int
    records: int
    points: list[Point]
    blocks: list[Block]

    @property
    def passed(self) -> bool:
        """Whether nothing has to be repaired, and records were looked at where there are any."""
        looked = self.people > 0 or any(point.name == PLACES_ONLY for point in self.points)
        return looked and all(point.verdict is not Verdict.WRONG for point in self.points)

    @property
    def thin(self) -> bool:
        """Whether it rests on little: what was not met was not looked at."""
        return any(point.name == RESTS_ON and point.verdict is not Verdict.GOOD for point in self.points)

    def summary(self, region: str) -> Summary:
        """What the office learns: counts and verdicts, and by which report."""
        return Summary(
            ura=self.ura,
            region=region,
            at=self.at,
            software=self.software,
            passed=self.passed,
            verdicts={point.name: point.verdict.value for point in self.points},
            people=self.people,
            records=self.records,
            report=sha256(msgspec.json.encode(self)).hexdigest(),
        )


def people(count: int) -> str:
    """So many people, in words that fit one as well."""
    return f"{count} {'person' if count == 1 else 'people'}"
