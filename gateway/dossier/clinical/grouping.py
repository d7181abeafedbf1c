"""Threads of a section: lines that share a key, and in them the groups that the rules of their family make.

What comes out depends on which lines there are and on nothing else: not on the order in which they came, nor on how they
were put together before. Every line is in exactly one group of one thread.
"""

from collections.abc import Callable, Iterable
from typing import Final

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.groups import Group, Standing, Thread
from gateway.dossier.clinical.lines import Family, Line
from gateway.dossier.clinical.rules_of_medication import group_medication
from gateway.dossier.clinical.rules_of_results import group_events, group_papers, group_results
from gateway.dossier.clinical.rules_of_statements import group_allergies, group_persons, group_problems, group_wishes
from gateway.dossier.clinical.sides import Lines, alone, in_reading_order

#: The subjects of planning ahead in the order in which they matter at the door; others follow.
FIRST_SUBJECTS: Final = {
    key: place
    for place, key in enumerate(
        (
            "wish.resuscitation",
            # Written down by the patient: it may say no to what stands above it.
            "will.no-resuscitation",
            "will.treatment-refusal",
            "wish.intensive-care",
            "wish.ventilation",
            "wish.hospital-admission",
            "wish.emergency-hospital-admission",
            "wish.icd-deactivation",
            "wish.icd-management",
            "wish.blood-products",
            "wish.antibiotics",
            "goal.focus",
        )
    )
}

_RULES: Final[dict[Family, Callable[[Lines], Iterable[Group]]]] = {
    Family.RESULT: group_results,
    Family.ALLERGY: group_allergies,
    Family.PROBLEM: group_problems,
    Family.MEDICATION: group_medication,
    Family.WISH: group_wishes,
    Family.EVENT: group_events,
    Family.PERSON: group_persons,
    Family.PAPER: group_papers,
}


class _Bucket:
    """The lines of one thread; its groups are made when somebody looks, and kept until a line comes."""

    __slots__ = ("keys", "lines", "thread")

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.lines: list[Line] = []
        self.thread: Thread | None = None


class Grouping:
    """The threads of one section. Lines come one by one; `threads` may be asked at any time."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self._buckets: dict[tuple[Family, str], _Bucket] = {}
        self._ordered: tuple[Thread, ...] | None = None
        self.count = 0

    def add(self, line: Line) -> None:
        """Take a line in."""
        self.count += 1
        self._ordered = None
        bucket = self._bucket(line)
        bucket.lines.append(line)
        bucket.thread = None

    def touch(self, line: Line) -> None:
        """Another holder was found to state the identical thing."""
        self._ordered = None
        self._buckets[line.family, line.keys[0]].thread = None

    def _bucket(self, line: Line) -> _Bucket:
        family, keys = line.family, line.keys
        bucket = self._buckets.get((family, keys[0]))
        if bucket is None:
            bucket = self._buckets[family, keys[0]] = _Bucket()
            bucket.keys.add(keys[0])
        for key in keys[1:]:
            bucket = self._joined(family, bucket, key)
        return bucket

    def _joined(self, family: Family, bucket: _Bucket, key: str) -> _Bucket:
        """The bucket, with another key that is the same thread from now on."""
        other = self._buckets.setdefault((family, key), bucket)
        if other is bucket:
            bucket.keys.add(key)
            return bucket
        if len(other.lines) > len(bucket.lines):
            bucket, other = other, bucket
        bucket.lines += other.lines
        bucket.keys |= other.keys
        bucket.thread = None
        for moved in other.keys:
            self._buckets[family, moved] = bucket
        return bucket

    def threads(self) -> tuple[Thread, ...]:
        """The threads: first those in which something holds, in each the newest first; of planning ahead by subject."""
        if self._ordered is None:
            threads = [self._thread(bucket) for bucket in {id(bucket): bucket for bucket in self._buckets.values()}.values()]
            newest = sorted(threads, key=lambda thread: thread.groups[0].lines[0].order, reverse=True)
            self._ordered = tuple(sorted(newest, key=_place))
        return self._ordered

    def _thread(self, bucket: _Bucket) -> Thread:
        if bucket.thread is None:
            bucket.thread = thread_of(self.section, bucket.lines, min(bucket.keys))
        return bucket.thread


def thread_of(section: Section, lines: Lines, about: str) -> Thread:
    """The thread of lines that share a key. There is at least one."""
    if len(lines) == 1:
        only = lines[0]
        return Thread(section, about, only.concept, (alone(only, Standing.IN_ERROR if only.in_error else _standing(only)),))
    valid = [line for line in lines if not line.in_error]
    groups = [alone(line, Standing.IN_ERROR) for line in lines if line.in_error]
    if valid:
        groups += _RULES[valid[0].family](valid)
    concept = min((line.concept for line in lines if line.concept is not None), key=lambda known: known.key, default=None)
    return Thread(section, about, concept, in_reading_order(groups))


def _place(thread: Thread) -> tuple[bool, int]:
    """What holds before what does not; and of planning ahead first what is asked first."""
    first = FIRST_SUBJECTS.get(thread.about, len(FIRST_SUBJECTS)) if thread.section is Section.PLANNING_AHEAD else 0
    return thread.groups[0].standing is not Standing.VALID, first


def _standing(line: Line) -> Standing:
    """What a line that is alone in its thread comes to by its family's rule."""
    if line.family in (Family.RESULT, Family.ALLERGY, Family.EVENT, Family.PERSON, Family.PAPER, Family.PROBLEM):
        return Standing.VALID
    return next(iter(_RULES[line.family]([line]))).standing


def group(section: Section, lines: Iterable[Line]) -> tuple[Thread, ...]:
    """The threads of all these lines."""
    grouping = Grouping(section)
    for line in lines:
        grouping.add(line)
    return grouping.threads()
