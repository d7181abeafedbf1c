"""The points about the source and its records: what each says of what was seen, the worst first."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

from accord.rules.identity import Identity
from accord.terms.faults import Fault
from node_agent.claims import SourceTotals, TellsOfTotals
from node_agent.conformance.findings import RESTS_ON, Block, Point, Verdict, Who, people
from node_agent.conformance.seen import OF_SOMEBODY_ELSE, Seen
from node_agent.ports import Source

#: As a gateway waits by default: to locate, for the first records, and for the whole answer.
_FIND_SECONDS: Final = 1.0
_FIRST_SECONDS: Final = 4.0
_ALL_SECONDS: Final = 8.0
#: With fewer people than this, or fewer than half of the blocks that can be asked for, much was never looked at.
_ENOUGH_PEOPLE: Final = 5

_WRONG, _REMARK, _NOT_SEEN = Verdict.WRONG, Verdict.REMARK, Verdict.NOT_SEEN
#: Points about records, none of which is seen without people.
_OF_RECORDS: Final = (
    *("source keeps answering", "people found", "right person", "records readable", "ids and references", "pages agree"),
    *("totals agree", "attachments", "speed", RESTS_ON),
)


class _Case(NamedTuple):
    """A verdict, when *applies*; of several the first one counts."""

    applies: bool | int
    verdict: Verdict
    seen: str
    repair: str = ""
    who: Who = Who.SOURCE


def usable(source: Source) -> Point:
    """What is said of a source that can be asked."""
    return Point("source answers", Verdict.GOOD, f"It does; it keeps {len(source.types)} types that this product knows.")


def unusable(fault: Fault, then: str) -> Point:
    """What is said of a source that may not, or cannot, be asked anything."""
    return Point("source answers", _WRONG, f"It does not, or may not be asked: {fault}.", then, Who.SOURCE)


def records(seen: Seen, given: int, source: Source, blocks: Sequence[Block]) -> list[Point]:
    """What the visits found."""
    if not given:
        return [Point(name, _NOT_SEEN, "No BSNs were given.") for name in _OF_RECORDS]
    totals = source.totals if isinstance(source, TellsOfTotals) else None
    of_visits = [_failures(seen), _found(seen, given), _right_person(seen), _readable(seen), _references(seen), _pages(seen), _totals(seen, totals)]
    return [*of_visits, _attachments(seen), _speed(seen), _rests_on(seen, blocks)]


def _point(seen: Seen, name: str, good: str, *cases: _Case) -> Point:
    """The first case that applies, or that all is well."""
    for case in cases:
        if case.applies:
            return Point(name, case.verdict, case.seen, case.repair, case.who if case.repair else Who.NOBODY, seen.where(name))
    return Point(name, Verdict.GOOD, good)


def _failures(seen: Seen) -> Point:
    return _point(
        seen,
        "source keeps answering",
        "Nothing failed.",
        _Case(
            seen.failures.total(),
            _WRONG,
            f"For {people(seen.failures.total())} it did not answer to the end: {_told(seen.failures)}.",
            "Find out in the log of the source why, and give it less at once (source.concurrency).",
        ),
        _Case(not (seen.people or seen.unknown), _NOT_SEEN, "Nobody was asked for."),
    )


def _found(seen: Seen, given: int) -> Point:
    text = f"Of {people(given)}, {seen.people} {'was' if seen.people == 1 else 'were'} found by their BSN and {seen.unknown} not."
    system = "http://fhir.nl/fhir/NamingSystem/bsn"
    return _point(
        seen,
        "people found",
        text,
        _Case(
            seen.shared,
            _WRONG,
            f"{text} {seen.shared} of them share their Patient record with another.",
            "Have the Patient records parted.",
        ),
        _Case(not seen.people, _WRONG, text, f"Give BSNs of people who are known here, and see that Patient.identifier holds the BSN under {system}."),
        _Case(seen.unknown, _REMARK, text, "If they are known here: have their BSN put in Patient.identifier."),
    )


def _right_person(seen: Seen) -> Point:
    other = sum(seen.unfit[fault] for fault in OF_SOMEBODY_ELSE) + seen.identities[Identity.OTHER]
    unverified = seen.identities[Identity.UNVERIFIED]
    lacks = f"{unverified} Patient record{' lacks' if unverified == 1 else 's lack'} a BSN or a date of birth"
    return _point(
        seen,
        "right person",
        f"All {seen.records} records are of the person asked for.",
        _Case(
            other,
            _WRONG,
            f"{other} records are of somebody else, or of two people.",
            "They are never shown, and a Patient record with the BSN of somebody else stops the whole answer. Have them repaired.",
        ),
        _Case(
            seen.nameless,
            _WRONG,
            f"{lacks}, and no other shows who it is: nothing is shown of {seen.nameless} of these people.",
            "Without both nobody can see whose records they are. Have them completed.",
        ),
        _Case(
            seen.hidden,
            _REMARK,
            f"{lacks}. {seen.hidden} of {seen.records} records show whose they are by that alone, and are never shown.",
            "The dossier says that some records could not be sent. Where a record was merged with another, have both hold the BSN and the date of birth.",
        ),
        _Case(not seen.people, _NOT_SEEN, "Nobody was found."),
    )


def _readable(seen: Seen) -> Point:
    unfit: Counter[Fault] = Counter({fault: count for fault, count in seen.unfit.items() if fault not in OF_SOMEBODY_ELSE})
    return _point(
        seen,
        "records readable",
        f"All {seen.records} records are FHIR R4 that can be read in one way only.",
        _Case(unfit.total(), _WRONG, f"{unfit.total()} of {seen.records} records cannot be read: {_told(unfit)}.", "They are never shown. Have them repaired."),
        _Case(
            seen.oversized,
            _REMARK,
            f"{seen.oversized} of {seen.records} records are larger than 768 KiB.",
            "They are not shown, and counted. Move what is large to a Binary.",
        ),
        _Case(not seen.records, _NOT_SEEN, "There were no records."),
    )


def _references(seen: Seen) -> Point:
    return _point(
        seen,
        "ids and references",
        f"Every id is of one record; {seen.references} references to other records were followed, and all are here.",
        _Case(seen.twice, _WRONG, f"{seen.twice} records came more than once in one answer.", "An id is given to one record only. Have it repaired."),
        _Case(
            seen.dangling,
            _REMARK,
            f"Of {seen.references} references to other records, {seen.dangling} lead to nothing here.",
            "Who reads the dossier sees a reference without a name. Let the source offer these types too.",
        ),
        _Case(not seen.records, _NOT_SEEN, "There were no records."),
    )


def _pages(seen: Seen) -> Point:
    missing = ", ".join(sorted(seen.missing_by_type))
    return _point(
        seen,
        "pages agree",
        f"Asked again by type and by block of the BgZ, {seen.compared} times, the same came each time.",
        _Case(
            len(seen.missing_by_type),
            _WRONG,
            f"Asked type by type, block by block or code by code, the source brought other records than all together: {missing}.",
            "Records would be missing without anybody knowing. Have paging and searching repaired.",
        ),
        _Case(not seen.compared, _NOT_SEEN, "There was nothing to compare."),
    )


def _totals(seen: Seen, totals: SourceTotals | None) -> Point:
    known = totals or SourceTotals()
    short = ", ".join(f"{kind} {count}" for kind, count in sorted(known.short.items()))
    return _point(
        seen,
        "totals agree",
        f"{known.agreed} searches brought as many records as Bundle.total says; {known.silent} said no total.",
        _Case(totals is None, _NOT_SEEN, "This kind of source tells no totals."),
        _Case(
            known.short.total() and known.trusted,
            _WRONG,
            f"Searches that brought fewer records than Bundle.total says: {short}.",
            "Such an answer is told as cut off. Have paging repaired; where nothing is missing and the total is wrong, set source.trust_total = false.",
        ),
        _Case(
            known.short.total(),
            _REMARK,
            f"Searches that brought fewer records than Bundle.total says: {short}; source.trust_total = false passes over it.",
            "See that nothing is missing: nobody else will.",
        ),
        _Case(not known.agreed, _NOT_SEEN, f"None of {known.silent} searches said how many records there are: a page that is lost is not noticed."),
    )


def _attachments(seen: Seen) -> Point:
    return _point(
        seen,
        "attachments",
        f"{seen.attachments} were read to their end.",
        _Case(
            seen.other_attachments,
            _WRONG,
            f"Of {seen.attachments} attachments, {seen.other_attachments} are not of the size or hash that their record tells.",
            "Whoever opens it cannot know whether it is the document that was meant. Have records or documents repaired.",
        ),
        _Case(
            seen.lost_attachments,
            _REMARK,
            f"Of {seen.attachments} attachments, {seen.lost_attachments} are not there.",
            "Let the source offer Binary to the agent, or have the records repaired.",
        ),
        _Case(not seen.attachments, _NOT_SEEN, "These people have no attachments here."),
    )


def _speed(seen: Seen) -> Point:
    find, whole, first = seen.seconds_to_find or [0.0], seen.seconds_in_all or [0.0], seen.seconds_to_first or [0.0]
    text = f"Finding a person {_ms(find)}, first records {_ms(first)}, all records {_ms(whole)} (half of them within; the slowest)."
    return _point(
        seen,
        "speed",
        text,
        _Case(not seen.seconds_in_all, _NOT_SEEN, "Nothing was read."),
        _Case(
            max(whole) > _ALL_SECONDS or max(first) > _FIRST_SECONDS,
            _WRONG,
            text,
            "A gateway waits 4 seconds for the first records and 8 for all. Ask the supplier for indexes on patient, or use an embedded copy.",
        ),
        _Case(max(find) > _FIND_SECONDS, _REMARK, text, "Ask the supplier for an index on Patient.identifier."),
    )


def _rests_on(seen: Seen, blocks: Sequence[Block]) -> Point:
    """How much was looked at: a check of one person and one record passes as any other, and says little."""
    askable = [block for block in blocks if block.standing != "not askable" and block.name != "Patient"]
    unmet = [block.name for block in askable if not block.records]
    text = (
        f"{people(seen.people)}, {len(seen.coverage.types)} types, {seen.records} records of theirs"
        f" and {seen.references - seen.dangling} to which these refer (organisations, professionals, medicines);"
        f" {len(askable) - len(unmet)} of {len(askable)} blocks of the BgZ that can be asked for."
    )
    thin = seen.people < _ENOUGH_PEOPLE or 2 * len(unmet) > len(askable)
    more = [f"{_ENOUGH_PEOPLE} people or more"] if seen.people < _ENOUGH_PEOPLE else []
    more += [f"people who have: {', '.join(unmet)}"] if unmet else []
    return _point(
        seen,
        RESTS_ON,
        text,
        _Case(not seen.people, _NOT_SEEN, "Nobody was found."),
        _Case(thin, _REMARK, text, f"That is little. Give {' and '.join(more)}.", Who.AGENT),
    )


def _ms(seconds: list[float]) -> str:
    return f"{median(seconds) * 1000:.0f} ms ({max(seconds) * 1000:.0f})"


def _told(counts: Counter[Fault]) -> str:
    return ", ".join(f"{fault} {count}×" for fault, count in sorted(counts.items()))
