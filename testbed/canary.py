"""Shows that processes leave nothing of a patient at rest: plants canaries, observes, and looks for them everywhere.

    with CanaryRun(folder) as run:
        gateway = run.watch(program, sources=[…])      # see `testbed.canary_watch`
        …                                              # let run.canaries pass through it
        report = run.finish()
    report.findings, report.void                       # both empty: nothing was left, and leaks would have been found

Looked at: every byte that a process wrote to a file or to memory with a descriptor, deleted or not (strace); names of
files; files left in its folder, which is its home and temporary folder too; shared memory; its output; files mapped so
that they change with memory; its limit on core dumps; connections that leave this machine. A process that leaks on
purpose runs beside the others: what is not found of it makes the run void. Not looked at: swap, and memory itself.
"""

import json
import os
import resource
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from accord.terms.identifiers import passes_the_eleven_test
from testbed.canary_forms import Canary, Scanner
from testbed.canary_leaks import NOWHERE, OF_CONTENT, OF_SURROUNDINGS
from testbed.canary_watch import Seen, Watched
from testbed.processes import Program

#: Dutch and typographic letters and characters that every escape spells in its own way.
_MARK: Final = "ëÿ“/”&"
_ATTACHMENT_BYTES: Final = 3_000
LEAKING: Final = "leaking control"
CLEAN: Final = "clean control"


class Detector(StrEnum):
    """By what something was found."""

    WRITTEN = "written"
    NAMED = "named"
    LEFT = "left"
    OUTPUT = "output"
    MAPPED = "mapped"
    UNSEEN = "unseen"
    CORE_DUMPS = "core-dumps"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that must not be: at which process, found by what, where. Content is named, never shown."""

    process: str
    detector: Detector
    place: str
    canary: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `void` says why the run shows nothing, if it does not; `excluded` counts bytes written at the sources.

    `closed` names the processes of which only root may see what they have mapped: their traces say what they mapped, and nothing
    says it a second time. For root that is a reason why the run shows nothing.
    """

    findings: tuple[Finding, ...]
    controls: tuple[Finding, ...]
    void: tuple[str, ...]
    excluded: dict[str, int] = field(default_factory=dict)
    closed: tuple[str, ...] = ()


def draw_bsn() -> str:
    """A number of the test range (9999…) that passes the eleven-test, by chance."""
    while not passes_the_eleven_test(number := f"9999{secrets.randbelow(100_000):05}"):
        pass
    return number


class Canaries:
    """What is planted: unique in this run. Each is random, so that it is found nowhere by accident."""

    def __init__(self) -> None:
        self.family_name = f"Kanarie-{secrets.token_hex(8)} {_MARK}"
        self.free_text = f"vertelt dat {secrets.token_hex(12)} {_MARK} al weken zo is"
        self.code = f"code-{secrets.token_hex(10)}"
        self.bsn = draw_bsn()
        self.refused_bsn = next(number for number in iter(draw_bsn, "") if number != self.bsn)
        self.attachment = secrets.token_bytes(_ATTACHMENT_BYTES)
        self.foreign_text = f"fout bij {secrets.token_hex(12)} {_MARK}"

    @property
    def all(self) -> tuple[Canary, ...]:
        """Everything that is looked for. Of an attachment a piece is enough."""
        texts = {
            "name": self.family_name,
            "free text": self.free_text,
            "code": self.code,
            "BSN": self.bsn,
            "BSN of who refused": self.refused_bsn,
            "text of a failure": self.foreign_text,
        }
        return (*(Canary(name, text.encode()) for name, text in texts.items()), Canary("attachment", self.attachment[:64]))


class CanaryRun:
    """Observes processes, and a leaking and a clean one beside them. The traces are gone when its context ends."""

    def __init__(self, folder: Path) -> None:
        self.canaries = Canaries()
        self._folder = folder
        self._traces = folder / "traces"
        self._watched: list[tuple[Watched, tuple[Path, ...]]] = []
        self._leaks = {name: f"{secrets.token_hex(12)} {_MARK.replace('/', '')}" for name in (*OF_CONTENT, *OF_SURROUNDINGS)}

    def __enter__(self) -> Self:
        self._traces.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for watched, _ in self._watched:
            watched.kill()
        for path in self._traces.iterdir():
            path.unlink()

    def watch(self, program: Program, *, sources: Iterable[Path] = (), given: bytes = b"") -> Watched:
        """Start a program under observation. *sources* are folders where content belongs: the care provider's own systems.

        Raises:
            CannotWatch: Processes cannot be observed here.
        """
        watched = Watched(program, self._traces / f"{len(self._watched)}", given)
        self._watched.append((watched, tuple(path.resolve() for path in sources)))
        return watched

    def finish(self) -> Report:
        """End every process, and look everywhere."""
        controls = [(self._control(LEAKING, self._leaks), LEAKING), (self._control(CLEAN, {}), CLEAN)]
        for watched, _ in controls:
            watched.wait_until_ready("ready")
        leaks = Scanner(Canary(name, text.encode()) for name, text in self._leaks.items())
        found = [finding for watched, _ in controls for finding in findings_of(watched.stop(), leaks, ())]
        canaries = Scanner(self.canaries.all)
        findings: list[Finding] = []
        excluded: dict[str, int] = defaultdict(int)
        closed: list[str] = []
        void = [f"not found: {name}" for name in sorted(_missed(found))]
        void += [f"found at the clean control: {finding.place}" for finding in found if finding.process == CLEAN]
        for watched, sources in self._watched:
            if watched.program.name in (LEAKING, CLEAN):
                continue
            seen = watched.stop()
            if not seen.trace.calls:
                void.append(f"not observed: {seen.name}")
            if seen.is_closed:
                closed.append(seen.name)
            findings += findings_of(seen, canaries, sources)
            for name, content in seen.trace.written.items():
                if _is_under(name, sources):
                    excluded[name] += len(content)
        if os.geteuid() == 0:
            void += [f"not looked into: {name}" for name in closed]
        return Report(tuple(sorted(findings)), tuple(sorted(found)), tuple(void), dict(excluded), tuple(closed))

    def _control(self, name: str, leaks: dict[str, str]) -> Watched:
        program = Program(name, "testbed.canary_leaks:main", (), self._folder / name.replace(" ", "-"))
        return self.watch(program, given=json.dumps(leaks).encode() + b"\n")


def findings_of(seen: Seen, scanner: Scanner, sources: tuple[Path, ...]) -> Iterator[Finding]:
    """Everything about one process that must not be."""
    places = [(Detector.WRITTEN, name, bytes(content)) for name, content in seen.trace.written.items()]
    places += [(Detector.LEFT, name, content) for name, content in seen.left.items()]
    places = [(detector, name, content) for detector, name, content in places if not _is_under(name, sources)]
    places += [(Detector.NAMED, "a name", name) for name in seen.trace.named]
    places.append((Detector.OUTPUT, "output", seen.output))
    for detector, place, content in places:
        for sighting in scanner.scan(content):
            yield Finding(seen.name, detector, place, sighting.canary, sighting.form)
    for detector, names in (
        (Detector.MAPPED, seen.trace.mapped | seen.mapped),
        (Detector.UNSEEN, seen.trace.unseen),
        (Detector.ELSEWHERE, seen.trace.elsewhere),
    ):
        yield from (Finding(seen.name, detector, name) for name in names if not _is_under(name, sources))
    if seen.core_bytes != "0":
        yield Finding(seen.name, Detector.CORE_DUMPS, seen.core_bytes)


def _is_under(name: str, folders: tuple[Path, ...]) -> bool:
    return any(Path(name).is_relative_to(folder) for folder in folders)


def _missed(found: Iterable[Finding]) -> set[str]:
    """Leaks that were planted and not found, each by what it is."""
    mine = [finding for finding in found if finding.process == LEAKING]
    missed = set(OF_CONTENT) - {finding.canary for finding in mine}
    if not any(finding.detector is Detector.ELSEWHERE and finding.place == NOWHERE for finding in mine):
        missed.add("connection elsewhere")
    # Where nobody may dump core, this leak cannot be planted.
    if resource.getrlimit(resource.RLIMIT_CORE)[1] and not any(finding.detector is Detector.CORE_DUMPS for finding in mine):
        missed.add("core dumps")
    if not any(finding.detector is Detector.MAPPED for finding in mine):
        missed.add("file mapped for writing")
    return missed
