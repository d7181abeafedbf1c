"""When results, measurements and events of one concept are probably the same, and when they contradict each other.

Same result: another holder has the same value on the same day (or at the same instant, where both say one), or both
have the same business identifier. Different result: the same identifier or the same instant, and another value. Two
results of one holder are never put together by value: who measures twice has measured twice.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable

from gateway.dossier.clinical.groups import Group, Rule, Standing
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.moments import day_of, is_one_day
from gateway.dossier.clinical.sides import Joining, Lines, alone, by_statement, gathered, newest_first, together

#: A source says so of a result that takes the place of an earlier version of it (FHIR observation-status).
CORRECTING = frozenset({"corrected", "amended"})


def group_results(lines: Lines) -> Iterable[Group]:
    """The groups of the valid lines of one concept."""
    if len(lines) == 1:
        return [alone(lines[0])]
    kept, replaced = _without_replaced(lines)
    joining = Joining(kept)
    for places in _candidates(kept):
        joining.join_all(places)
    groups = [by_statement(joined, Rule.SAME_RESULT, Rule.DIFFERENT_RESULT) for joined in joining.joined()]
    return [*groups, *(together([line], Rule.CORRECTED, Standing.EARLIER) for line in replaced)]


def group_events(lines: Lines) -> Iterable[Group]:
    """The groups of what happened: the same identifier, or on the same day at different holders and with the same outcome."""
    if len(lines) == 1:
        return [alone(lines[0])]
    joining = Joining(lines)
    for places in (*_same_identifier(lines), *_same_on_a_day(lines)):
        joining.join_all(places)
    return [group for joined in joining.joined() for group in _agreeing(joined, Rule.SAME_EVENT)]


def group_papers(lines: Lines) -> Iterable[Group]:
    """The groups of what only an identifier tells to be the same."""
    joining = Joining(lines)
    for places in _same_identifier(lines):
        joining.join_all(places)
    return [together(newest_first(joined), Rule.SAME_DOCUMENT) for joined in joining.joined()]


def _agreeing(lines: Lines, rule: Rule) -> Iterable[Group]:
    return [together(side, rule) for side in gathered(lines, lambda line: line.says).values()]


def _without_replaced(lines: Lines) -> tuple[list[Line], list[Line]]:
    """The lines that stand, and those whose place a correction of the same identifier has taken."""
    corrected = {line.identifier for line in lines if line.identifier and line.status in CORRECTING}
    if not corrected:
        return list(lines), []
    newest: dict[int, Line] = {}
    for line in lines:
        if line.identifier in corrected and line.status in CORRECTING:
            known = newest.get(line.identifier)
            newest[line.identifier] = line if known is None or line.order > known.order else known
    # A copy of the uncorrected elsewhere says what was taken back; one that says the same as the correction does not.
    replaced = [line for line in lines if line.identifier in corrected and line.status not in CORRECTING and _corrects(newest[line.identifier], line)]
    gone = set(map(id, replaced))
    return [line for line in lines if id(line) not in gone], replaced


def _corrects(correction: Line, line: Line) -> bool:
    """Whether a correction takes a result's place: of the same moment. Of another moment the number was used twice, and both stand."""
    here, there = line.moment, correction.moment
    if line.says == correction.says or here is None or there is None:
        return False
    return here.begin < there.end and there.begin < here.end


def _candidates(lines: Lines) -> Iterable[list[int]]:
    return (*_same_identifier(lines), *_same_instant(lines), *_same_on_a_day(lines))


def _same_identifier(lines: Lines) -> Iterable[list[int]]:
    return _several(line.identifier or None for line in lines)


def _same_instant(lines: Lines) -> Iterable[list[int]]:
    found = _several(line.moment.begin if line.moment is not None and line.moment.is_exact else None for line in lines)
    return [places for places in found if _of_different_holders(lines, places)]


def _same_on_a_day(lines: Lines) -> Iterable[list[int]]:
    """Lines of different holders with the same statement on the same day, where no holder says it of two moments."""
    keys = ((line.says, day_of(line.moment)) if line.moment is not None and line.says and is_one_day(line.moment) else None for line in lines)
    for places in _several(keys):
        instants = {moment.begin for place in places if (moment := lines[place].moment) is not None and moment.is_exact}
        if len(instants) <= 1 and _of_different_holders(lines, places):
            yield places


def _of_different_holders(lines: Lines, places: list[int]) -> bool:
    holders = [holder for place in places for holder in lines[place].holders]
    return len(set(holders)) == len(holders)


def _several(keys: Iterable[Hashable]) -> list[list[int]]:
    """The places at which the same key stands more than once; none is no key."""
    found: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        if key is not None:
            found[key].append(place)
    return [places for places in found.values() if len(places) > 1]
