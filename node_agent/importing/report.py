"""What became of a delivery: counts for each file, and what was refused and why. No content of any record."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from node_agent.importing.reasons import Reason, Remark

#: A report lists no more refusals and files than this one by one; the counts are always of all.
LISTED: Final = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that was not taken: the file, the line (or 1), and where in that document it stood, counted from 1."""

    file: str
    line: int
    entry: int
    type: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file: how many records were new, unchanged, replaced, removed, and refused by reason."""

    name: str
    new: int
    unchanged: int
    replaced: int
    removed: int
    refused: Mapping[Reason, int]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The whole delivery."""

    files: tuple[FileReport, ...]
    files_more: int
    new: int
    unchanged: int
    replaced: int
    removed: int
    refused: Mapping[Reason, int]
    remarks: Mapping[Remark, int]
    refusals: tuple[Refusal, ...]
    seconds: float
    as_of_ms: int

    @property
    def records(self) -> int:
        """Everything that was looked at."""
        return self.new + self.unchanged + self.replaced + self.removed + sum(self.refused.values())

    @property
    def records_per_second(self) -> float:
        """How fast it went."""
        return self.records / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "records": self.records,
            "new": self.new,
            "unchanged": self.unchanged,
            "replaced": self.replaced,
            "removed": self.removed,
            "refused": dict(self.refused),
            "remarks": dict(self.remarks),
            "refusals": [{"file": one.file, "line": one.line, "entry": one.entry, "type": one.type, "reason": one.reason} for one in self.refusals],
            "files": [
                {
                    "name": file.name,
                    "new": file.new,
                    "unchanged": file.unchanged,
                    "replaced": file.replaced,
                    "removed": file.removed,
                    "refused": dict(file.refused),
                }
                for file in self.files
            ],
            "files_more": self.files_more,
            "seconds": round(self.seconds, 3),
            "as_of_ms": self.as_of_ms,
        }


class Tally:
    """Counts while a delivery is taken in."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._outcomes: list[Counter[str]] = []
        self._refused: list[Counter[Reason]] = []
        self._remarks: Counter[Remark] = Counter()
        self._refusals: list[Refusal] = []
        self.records = 0

    def begin_file(self, name: str) -> int:
        """A file begins; its number is what later counts name it by."""
        self.names.append(name)
        self._outcomes.append(Counter())
        self._refused.append(Counter())
        return len(self.names) - 1

    def took(self, file: int, outcome: str, remarks: frozenset[Remark] = frozenset()) -> None:
        """A record was taken."""
        self._outcomes[file][outcome] += 1
        for remark in remarks:
            self._remarks[remark] += 1
        self.records += 1

    def remark(self, remarks: Counter[Remark]) -> None:
        """What is to be remarked on records that were taken before."""
        self._remarks.update(remarks)

    def refused(self, file: int, line: int, entry: int, kind: str, reason: Reason) -> None:
        """Something was not taken."""
        self._refused[file][reason] += 1
        self.records += 1
        if len(self._refusals) < LISTED:
            self._refusals.append(Refusal(self.names[file], line, entry, kind, reason))

    def report(self, seconds: float, as_of_ms: int) -> ImportReport:
        """The report as it stands."""
        total: Counter[str] = sum(self._outcomes, Counter())
        refused: Counter[Reason] = sum(self._refused, Counter())
        files = tuple(
            FileReport(name, refused=dict(self._refused[number]), **{outcome: self._outcomes[number][outcome] for outcome in _OUTCOMES})
            for number, name in enumerate(self.names[:LISTED])
        )
        return ImportReport(
            files=files,
            files_more=max(0, len(self.names) - LISTED),
            **{outcome: total[outcome] for outcome in _OUTCOMES},
            refused=dict(refused.most_common()),
            remarks=dict(self._remarks.most_common()),
            refusals=tuple(self._refusals),
            seconds=seconds,
            as_of_ms=as_of_ms,
        )


_OUTCOMES: Final = ("new", "unchanged", "replaced", "removed")
