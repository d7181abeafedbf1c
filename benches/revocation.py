"""How long until an objection is enforced? From the moment when a holder has it on disk to the last byte that anybody gets to see.

In each trial an application reads a large answer while another puts one question after another about the same person; in the
middle of it the holder's desk writes an objection down. Told are the last byte of the stream at the application, the last line
with which the holder let something go, and the last record that a new question showed. Applications read at two speeds; one
that reads very slowly is told apart: what waits for it on its way has left the holder before the objection.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from benches.staging import Finding, expect, middle, tell
from testbed import asking
from testbed.asking import RegionDidNotAnswer
from testbed.bulk import grown
from testbed.killing import releases
from testbed.people import DINA
from testbed.region import BlockingRegion
from testbed.revoking import Desk, Reading, read_slowly

_HOLDER = "reggerbrug"
_BYTES = 16_000_000
_AFTER_BATCHES = 5
#: Seconds of rest after each batch of 192 KB: about 8 and 3 MB a second; and 0.7, which is told apart.
_BRISK, _SLOW, _VERY_SLOW = 0.02, 0.06, 0.25
_P99, _MOST = 2.0, 5.0


@dataclass(slots=True)
class Asker:
    """Puts one small question after another, and notes when records came. On the clock that nobody sets."""

    address: str
    shown: list[float] = field(default_factory=list)
    questions: int = 0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While the block runs."""
        over = threading.Event()
        thread = threading.Thread(target=self._ask_on, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _ask_on(self, over: threading.Event) -> None:
        while not over.is_set():
            try:
                for _, event in asking.events(self.address, asking.request(DINA.bsn, holders=[_HOLDER], types=["Patient"]), 10.0):
                    if event.WhichOneof("event") == "batch":
                        self.shown.append(time.monotonic())
            except RegionDidNotAnswer:
                pass
            self.questions += 1


@dataclass(slots=True)
class Trials:
    """Seconds after the objection, by trial."""

    last_byte: list[float] = field(default_factory=list)
    last_line: list[float] = field(default_factory=list)
    last_shown: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    bytes_afterwards: list[int] = field(default_factory=list)
    not_cut: int = 0
    questions: int = 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--very-slow", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.trials, given.very_slow = 2, 1
    with BlockingRegion.start(story=False, holders=(_HOLDER, "brinkhof"), change=grown({_HOLDER: _BYTES}), seconds=60.0) as region:
        desk = Desk(region.files[_HOLDER].source / "choices.db", DINA.bsn)
        desk.permit()
        begun = time.monotonic()
        whole = read_slowly(region.gateway_address, _HOLDER, after_batches=1, then=lambda: None, pause=_BRISK)
        untouched = time.monotonic() - begun
        expect(whole.ending is Ending.ANSWERED and whole.bytes >= _BYTES, f"{whole.ending}, {whole.bytes} bytes")
        trials, crawling = Trials(), Trials()
        for _, pause in zip(range(given.trials), cycle((_BRISK, _SLOW)), strict=False):
            _try(region, desk, pause, trials)
        for _ in range(given.very_slow):
            _try(region, desk, _VERY_SLOW, crawling)
    _tell(trials, crawling, untouched)


def _try(region: BlockingRegion, desk: Desk, pause: float, trials: Trials) -> None:
    desk.permit()
    asker, objected = Asker(region.gateway_address), [0.0, 0.0]

    def object_now() -> None:
        desk.object()
        objected[:] = time.monotonic(), time.time()

    with asker.asking():
        reading: Reading = read_slowly(region.gateway_address, _HOLDER, after_batches=_AFTER_BATCHES, then=object_now, pause=pause)
    lines = releases(region.root / "agents" / _HOLDER / "journal")
    afterwards = region.ask(DINA.bsn, holders=[_HOLDER])
    expect(not afterwards.records, "something was shown after the objection")
    trials.not_cut += (reading.ending, reading.code) != (Ending.CUT_OFF, Fault.SHARING_CHANGED.value)
    trials.last_byte.append(reading.seconds_to_last_byte)
    trials.ended.append(reading.seconds_to_end)
    trials.bytes_afterwards.append(reading.bytes_afterwards)
    trials.last_line.append(max(0.0, lines[-1].moment / 1000 - objected[1]))
    trials.last_shown.append(max([0.0, *(moment - objected[0] for moment in asker.shown)]))
    trials.questions += asker.questions


def _tell(trials: Trials, crawling: Trials, untouched: float) -> None:
    expect(trials.not_cut == 0, f"{trials.not_cut} streams were not cut off")
    number = len(trials.last_byte)
    p99, most = _part(trials.last_byte, 0.99), max(trials.last_byte)
    new = max(trials.last_shown)
    tell(
        "How long until an objection is enforced?",
        [
            Finding(f"the last byte of a stream under way, at the application, {number} trials: p99", *_against(trials.last_byte, p99, _P99)),
            Finding("the same: the longest", f"{most:.2f} s", f"≤ {_MOST:g} s", most <= _MOST),
            Finding("the last batch that the holder let go", _told(trials.last_line)),
            Finding(f"the last record that a new question showed ({trials.questions} questions): the longest", f"{new:.2f} s", f"≤ {_MOST:g} s", new <= _MOST),
            *(
                [
                    Finding(
                        "the last byte at an application that reads 0.7 MB a second",
                        f"{_told(crawling.last_byte)}; {max(crawling.bytes_afterwards) / 1e6:.1f} MB",
                    )
                ]
                if crawling.last_byte
                else []
            ),
        ],
        {
            "trials": number,
            "p50_s": round(middle(trials.last_byte), 3),
            "p99_s": round(p99, 3),
            "max_s": round(most, 3),
            "last_line_max_s": round(max(trials.last_line), 3),
            "new_questions_max_s": round(new, 3),
            "untouched_s": round(untouched, 2),
            "ratio": round(middle(trials.last_byte) / untouched, 3),
        },
    )


def _against(values: list[float], reached: float, goal: float) -> tuple[str, str, bool]:
    return f"{reached:.2f} s (p50 {middle(values):.2f} s)", f"≤ {goal:g} s", reached <= goal


def _told(values: list[float]) -> str:
    return f"p50 {middle(values):.2f} s, p99 {_part(values, 0.99):.2f} s, longest {max(values):.2f} s"


def _part(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


if __name__ == "__main__":
    main()
