"""When allergies, problems, persons and wishes are the same statement, and when they contradict each other."""

from collections.abc import Iterable

from gateway.dossier.clinical.groups import Group, Rule, Standing
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.sides import Lines, by_statement, gathered, together

REFUTED = "refuted"


def group_allergies(lines: Lines) -> Iterable[Group]:
    """One substance: affirmed here and refuted or over there is a conflict, whoever is newer."""
    return [by_statement(lines, Rule.SAME_ALLERGY, Rule.CONFIRMED_AND_REFUTED)]


def group_problems(lines: Lines) -> Iterable[Group]:
    """One problem: refuted against affirmed is a conflict; what ended once and what is there are told apart, and are none."""
    sides = gathered(lines, lambda line: line.says)
    if REFUTED in sides and len(sides) > 1:
        affirmed = [line for line in lines if line.says != REFUTED]
        return [by_statement([*affirmed, *sides[REFUTED]], Rule.SAME_PROBLEM, Rule.CONFIRMED_AND_REFUTED, lambda line: line.says == REFUTED)]
    return [together(side, Rule.SAME_PROBLEM) for side in sides.values()]


def group_persons(lines: Lines) -> Iterable[Group]:
    """One person, as every administration has them: what differs in name, birth, sex or death is shown side by side."""
    return [by_statement(lines, Rule.SAME_PERSON, Rule.DIFFERENT_PERSON_DETAILS)]


def group_wishes(lines: Lines) -> Iterable[Group]:
    """One subject of planning ahead: of each holder its newest holds, and what holds at several must agree or is shown as a conflict."""
    holding: list[Line] = []
    earlier: list[Line] = []
    for line in lines:
        replaced = all(any(holder in other.holders and _takes_its_place(other, line) for other in lines) for holder in line.holders)
        (earlier if _is_over(line) or replaced else holding).append(line)
    stating = [line for line in holding if not _states_nothing(line)]
    groups = [by_statement(stating, Rule.SAME_WISH, Rule.DIFFERENT_WISH)] if stating else []
    # That nothing was decided at one holder contradicts no decision at another; it stands beside it.
    open_still = gathered((line for line in holding if _states_nothing(line)), lambda line: line.says)
    groups += [together(side, Rule.SAME_WISH) for side in open_still.values()]
    return [*groups, *(together(side, Rule.SAME_WISH, Standing.EARLIER) for side in gathered(earlier, lambda line: line.says).values())]


def _states_nothing(line: Line) -> bool:
    return line.wish is not None and line.wish.answer.states_nothing


def _is_over(line: Line) -> bool:
    return line.wish is not None and not line.wish.holds


def _takes_its_place(other: Line, line: Line) -> bool:
    """Whether a holder said something newer of the same: for certain newer, in force, and not merely that nothing was decided. Of one day both hold."""
    if other.moment is None or line.moment is None or _is_over(other) or _states_nothing(other):
        return False
    return other.moment.begin >= line.moment.end


def contradicted(none_known: Iterable[Line], affirmed: Iterable[Line]) -> bool:
    """Whether somebody says that nothing of a kind is known while another affirms something."""
    return any(not line.in_error for line in none_known) and any(line.says != REFUTED and not line.in_error for line in affirmed)
