"""What does putting together for the eye cost per record?

The records of a dossier of eight holders, a tenth of them kept by two: folding the identical, reading lines, grouping these
into threads, and all of it as the clinician's view does it while holders answer. Processor time of one process, in the same
order each time. Reference in the same run: `json.loads` of the same records, which keeps nothing.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from accord.link.surroundings import collect_garbage_rarely
from accord.terms.identifiers import HolderName
from accord.terms.limits import MIB
from accord.terms.vocabulary import Section
from accord.wire.columns import ROW_BYTES
from benches.holders import Stock
from benches.records import PATIENT_ID
from benches.staging import HOLDERS, Finding, expect, tell
from gateway.dossier.alike import Placed
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.grouping import group
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.reading import Reader
from gateway.dossier.clinical.view import ClinicalView
from gateway.dossier.clinical.wish_reading import wishes_at
from gateway.dossier.folding import Folding
from gateway.ports import HolderBatch

_GOAL = 15.0
_AT = datetime(2026, 11, 21, 1, 41, tzinfo=UTC)
_BYTES = 512 * MIB


@dataclass(slots=True)
class _Costs:
    """Microseconds per record of each part, run by run."""

    reference: list[float]
    folding: list[float]
    reading: list[float]
    grouping: list[float]
    together: list[float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.records, given.runs = [400], 2
    collect_garbage_rarely()
    table()
    costs = {number: _measured(_batches(number), given.runs) for number in given.records}
    findings: list[Finding] = []
    for number, one in costs.items():
        middle = {name: median(getattr(one, name)) for name in _Costs.__slots__}
        share = {name: f"{value:.1f} µs a record, {value / middle['reference']:.2f} × `json.loads`" for name, value in middle.items()}
        findings += [
            Finding(f"{number:,} records: putting lines together", share["grouping"], f"≤ {_GOAL:g} µs", middle["grouping"] <= _GOAL),
            Finding(f"{number:,} records: reading lines", share["reading"]),
            Finding(f"{number:,} records: folding the identical", share["folding"]),
            Finding(f"{number:,} records: all of it, as a dossier fills", share["together"]),
        ]
    largest = costs[max(costs)]
    tell(
        "What does putting together for the eye cost per record?",
        findings,
        {
            "holders": HOLDERS,
            "runs": given.runs,
            "us": {f"{number:,}": {name: round(median(getattr(one, name)), 2) for name in _Costs.__slots__} for number, one in costs.items()},
            "spread_us": {
                f"{number:,}": {name: [round(min(getattr(one, name)), 2), round(max(getattr(one, name)), 2)] for name in _Costs.__slots__}
                for number, one in costs.items()
            },
            "ratio": round(median(largest.grouping) / median(largest.reference), 2),
        },
    )


def _batches(records: int) -> list[HolderBatch]:
    """What eight holders send, in turns."""
    stock = Stock(records // HOLDERS)
    answers = [[HolderBatch(HolderName(f"h{at}"), batch, frozenset({PATIENT_ID})) for batch in stock.answer(at)] for at in range(HOLDERS)]
    return [answer[turn] for turn in range(max(map(len, answers))) for answer in answers if turn < len(answer)]


def _measured(batches: Sequence[HolderBatch], runs: int) -> _Costs:
    total = sum(len(one.batch.columns) // ROW_BYTES for one in batches)
    costs = _Costs([], [], [], [], [])
    for run in range(runs + 1):
        placed: list[Placed] = []
        lines: dict[Section, list[Line]] = defaultdict(list)
        folding = _seconds(lambda placed=placed: _fold(batches, placed))  # type: ignore[misc]
        standing = [one for one in placed if one.fold is None]
        contents = [one.content for one in placed]
        reading = _seconds(lambda standing=standing, lines=lines: _read(standing, lines))  # type: ignore[misc]
        threads: list[int] = []
        grouping = _seconds(lambda lines=lines, threads=threads: threads.extend(len(group(section, found)) for section, found in lines.items()))  # type: ignore[misc]
        view = ClinicalView(table(), _AT, most_bytes=_BYTES)
        together = _seconds(lambda view=view: _fill(view, batches))  # type: ignore[misc]
        reference = _seconds(lambda contents=contents: _load(contents))  # type: ignore[misc]
        expect(len(placed) == total, f"{len(placed):,} of {total:,} records were placed")
        expect(not view.left_out and sum(map(view.count, Section)) == sum(map(len, lines.values())), "the view has other lines")
        if run:
            found = (reference / total, folding / total, reading / max(1, len(standing)), grouping / max(1, len(standing)), together / total)
            for name, seconds in zip(_Costs.__slots__, found, strict=True):
                getattr(costs, name).append(seconds * 1e6)
    return costs


def _seconds(do: Callable[[], None]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def _fold(batches: Sequence[HolderBatch], into: list[Placed]) -> None:
    folding = Folding(window_bytes=_BYTES)
    for batch in batches:
        into.extend(folding.fold(batch))
    into.extend(folding.finish())


def _read(placed: Sequence[Placed], into: dict[Section, list[Line]]) -> None:
    reader, number = Reader(table(), _AT, wishes_at(_AT)), 0
    for one in placed:
        for line in reader.lines_of(one.holder, one.row, one.content, lambda _: None):
            line.number, number = number, number + 1
            into[line.section].append(line)


def _fill(view: ClinicalView, batches: Sequence[HolderBatch]) -> None:
    for batch in batches:
        view.take(batch)
    view.finish()
    for section in Section:
        view.threads(section)


def _load(contents: Sequence[bytes]) -> None:
    for content in contents:
        json.loads(content)


if __name__ == "__main__":
    main()
