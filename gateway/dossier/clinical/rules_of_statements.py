"""When allergies, problems, persons and wishes are the same statement, and when they contradict each other."""

from collections.abc import Iterable
from typing import Final

from accord.terms.identifiers import HolderName
from gateway.dossier.clinical.groups import Group, Rule, Standing
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.sides import Lines, by_statement, gathered, together

REFUTED = "refuted"
#: How sure a source is of a diagnosis, where it is not (FHIR condition-ver-status).
_UNSURE = frozenset({"unconfirmed", "provisional", "differential"})
#: Before every date that a record can have.
_NEVER: Final = -(1 << 62)


def group_allergies(lines: Lines) -> Iterable[Group]:
    """One substance: affirmed here and refuted or over there is a conflict, whoever is newer."""
    return [by_statement(lines, Rule.SAME_ALLERGY, Rule.CONFIRMED_AND_REFUTED)]


def group_problems(lines: Lines) -> Iterable[Group]:
    """One problem: refuted against affirmed is a conflict; what ended once and what is there are told apart, and are none."""
    sides = gathered(lines, lambda line: line.says)
    if REFUTED in sides and len(sides) > 1:
        affirmed = [line for line in lines if line.says != REFUTED]
        return [by_statement([*affirmed, *sides[REFUTED]], Rule.SAME_PROBLEM, Rule.CONFIRMED_AND_REFUTED, lambda line: line.says == REFUTED)]
    # Left and right are two; so are what is thought of and what is found.
    apart = gathered(lines, lambda line: (line.says, line.site, line.status if line.status in _UNSURE else ""))
    return [together(side, Rule.SAME_PROBLEM) for side in apart.values()]


def group_persons(lines: Lines) -> Iterable[Group]:
    """One person, as every administration has them: what differs in name, birth, sex or death is shown side by side."""
    return [by_statement(lines, Rule.SAME_PERSON, Rule.DIFFERENT_PERSON_DETAILS)]


def group_wishes(lines: Lines) -> Iterable[Group]:
    """One subject of planning ahead: of each holder its newest holds, and what holds at several must agree or is shown as a conflict."""
    newest = _newest_of_each(lines)
    holding: list[Line] = []
    earlier: list[Line] = []
    for line in lines:
        replaced = line.moment is not None and all(newest.get(holder, _NEVER) >= line.moment.end for holder in line.holders)
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


def _newest_of_each(lines: Lines) -> dict[HolderName, int]:
    """When each holder last said something that takes the place of what it said before: in force, and not merely that nothing was decided.

    What it said earlier is replaced where it is of before that moment for certain. Of one day both hold.
    """
    newest: dict[HolderName, int] = {}
    for line in lines:
        if line.moment is None or _is_over(line) or _states_nothing(line):
            continue
        for holder in line.holders:
            newest[holder] = max(newest.get(holder, _NEVER), line.moment.begin)
    return newest


def contradicted(none_known: Iterable[Line], affirmed: Iterable[Line]) -> bool:
    """Whether somebody says that nothing of a kind is known while another affirms something."""
    return any(not line.in_error for line in none_known) and any(line.says != REFUTED and not line.in_error for line in affirmed)
