"""From lines to groups: what the rules of all sections have in common. Every answer depends on the lines alone, never on their order."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from gateway.dossier.clinical.groups import Group, Kind, Rule, Standing
from gateway.dossier.clinical.lines import Course, Line

Lines = Sequence[Line]


def newest_first(lines: Iterable[Line]) -> list[Line]:
    """The lines in the order of reading."""
    return sorted(lines, key=lambda line: line.order, reverse=True)


def alone(line: Line, standing: Standing = Standing.VALID) -> Group:
    """A line that nothing is put with."""
    return Group(Kind.SINGLE, Rule.ALONE, standing, ((line,),))


def together(lines: Lines, rule: Rule, standing: Standing = Standing.VALID) -> Group:
    """Lines that say the same, by a rule; one alone needs none."""
    return alone(lines[0], standing) if len(lines) == 1 else Group(Kind.SAME, rule, standing, (tuple(newest_first(lines)),))


def against(sides: Iterable[Lines], rule: Rule) -> Group:
    """Sides that do not say the same; that of the newest line comes first."""
    ordered = sorted((tuple(newest_first(side)) for side in sides), key=lambda side: side[0].order, reverse=True)
    return Group(Kind.CONFLICT, rule, Standing.VALID, tuple(ordered))


def by_statement(lines: Lines, same: Rule, different: Rule, says: Callable[[Line], Hashable] = lambda line: line.says) -> Group:
    """Lines about one thing: together where all say the same, else against each other."""
    sides = gathered(lines, says)
    return together(lines, same) if len(sides) == 1 else against(sides.values(), different)


def gathered(lines: Iterable[Line], key: Callable[[Line], Hashable]) -> dict[Hashable, list[Line]]:
    """The lines by a key."""
    found: defaultdict[Hashable, list[Line]] = defaultdict(list)
    for line in lines:
        found[key(line)].append(line)
    return found


class Joining:
    """Joins lines two by two, and tells which are joined in the end, through however many others."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._above = list(range(len(lines)))

    def join_all(self, places: Sequence[int]) -> None:
        """Join the lines at these places."""
        first = self._top(places[0])
        for place in places[1:]:
            self._above[self._top(place)] = first
            first = self._top(first)

    def joined(self) -> list[list[Line]]:
        """The lines, those that are joined together."""
        found: defaultdict[int, list[Line]] = defaultdict(list)
        for place, line in enumerate(self._lines):
            found[self._top(place)].append(line)
        return list(found.values())

    def _top(self, place: int) -> int:
        above = self._above
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place


def in_reading_order(groups: Iterable[Group]) -> tuple[Group, ...]:
    """What holds first (what was only proposed last of that), then what was earlier, then what was entered in error; in each the newest first."""
    places = {standing: place for place, standing in enumerate(Standing)}
    newest = sorted(groups, key=lambda group: max(line.order for line in group.lines), reverse=True)
    return tuple(sorted(newest, key=lambda group: (places[group.standing], _is_proposed(group))))


def _is_proposed(group: Group) -> bool:
    said = group.lines[0].medicated
    return said is not None and said.course is Course.PROPOSED
