"""What belongs to one treatment with a substance, and where holders do not say the same of how it is used.

A substance is one thread. In it, the dosages that hold now are compared between holders: where what one holder has in
use is not what another has, all of them stand side by side. Hand-outs, requests and administrations say nothing of what
is agreed; they go with the treatment that they name. Nothing is computed into one dosage: that is for a professional.
"""

from collections.abc import Iterable
from math import inf

from accord.terms.identifiers import HolderName
from gateway.dossier.clinical.groups import Group, Rule, Standing
from gateway.dossier.clinical.lines import Course, Line, Medicated, Stage
from gateway.dossier.clinical.sides import Lines, against, gathered, together


def group_medication(lines: Lines) -> Iterable[Group]:
    """The groups of the valid lines of one substance."""
    # What nobody agreed yet stands beside it, and is never told as the same.
    proposed = [line for line in lines if _said(line).course is Course.PROPOSED]
    current, stopped, earlier, events = _by_use([line for line in lines if _said(line).course is not Course.PROPOSED])
    sides = list(gathered(current, _use).values())
    rule = Rule.SAME_TREATMENT
    if not_used := _not_used(stopped, current):
        # Beside all that is in use, also where that differs among itself.
        sides, rule = [*sides, not_used], Rule.STOPPED_AND_USED
        gone = set(map(id, not_used))
        stopped = [line for line in stopped if id(line) not in gone]
    elif current and _differ(current):
        rule = Rule.STOPPED_AND_USED if len({_use(line)[1] for line in current}) > 1 else Rule.DIFFERENT_DOSE
    left = _put_with(sides, events)
    groups = [against(sides, rule)] if rule is not Rule.SAME_TREATMENT else [together(side, rule) for side in sides]
    apart = gathered([*stopped, *earlier], lambda line: (_said(line).treatment, _said(line).dose)).values()
    groups += [together(side, Rule.SAME_TREATMENT, Standing.EARLIER) for side in apart]
    groups += [together(side, Rule.SAME_TREATMENT) for side in gathered(proposed, _use).values()]
    return [*groups, *(together(side, Rule.SAME_TREATMENT, _standing(side)) for side in gathered(left, _event).values())]


def _use(line: Line) -> tuple[str, bool]:
    """How it is used, and whether it is not to be for now: the same dose given and withheld is not the same."""
    said = _said(line)
    return said.dose, said.course is Course.WITHHELD


def _standing(events: Lines) -> Standing:
    """What was handed out lately may be in use, also where nobody who answered agreed it."""
    return Standing.VALID if any(_said(line).course is Course.CURRENT for line in events) else Standing.EARLIER


def _by_use(lines: Lines) -> tuple[list[Line], list[Line], list[Line], list[Line]]:
    """What is in use, what was stopped, what is over or replaced, and what only happened."""
    current: list[Line] = []
    stopped: list[Line] = []
    earlier: list[Line] = []
    events: list[Line] = []
    newest = _newest(lines)
    for line in lines:
        said = _said(line)
        if not said.stage.says_how_it_is_used:
            events.append(line)
        elif said.course is Course.ENDED or _is_replaced(line, newest):
            earlier.append(line)
        else:
            (stopped if said.course is Course.STOPPED else current).append(line)
    return current, stopped, earlier, events


_Place = tuple[HolderName, str, Stage]


def _newest(lines: Lines) -> dict[_Place, int]:
    """When the newest record of each building block of each treatment of each holder begins."""
    newest: dict[_Place, int] = {}
    for line in lines:
        # What begins later takes no other's place until then.
        if line.moment is not None and _said(line).course is not Course.PLANNED:
            for place in _places(line):
                newest[place] = max(newest.get(place, line.moment.begin), line.moment.begin)
    return newest


def _is_replaced(line: Line, newest: dict[_Place, int]) -> bool:
    """Whether each who states it has a newer one of the same building block in the same treatment (MP9: the newest holds)."""
    if not _said(line).treatment or line.moment is None:
        return False
    return all(newest[place] >= line.moment.end for place in _places(line))


def _places(line: Line) -> list[_Place]:
    said = _said(line)
    return [(holder, said.treatment, said.stage) for holder in line.holders]


def _differ(current: Lines) -> bool:
    """Whether two holders do not have the same dosages in use; or one holder, of one treatment, has two."""
    doses: dict[HolderName, set[tuple[str, bool]]] = {}
    of_treatment: dict[tuple[HolderName, str], set[tuple[str, bool]]] = {}
    for line in current:
        said = _said(line)
        for holder in line.holders:
            doses.setdefault(holder, set()).add(_use(line))
            if said.treatment:
                of_treatment.setdefault((holder, said.treatment), set()).add(_use(line))
    return len(set(map(frozenset, doses.values()))) > 1 or any(len(several) > 1 for several in of_treatment.values())


def _not_used(stopped: Lines, current: Lines) -> list[Line]:
    """What somebody stopped, and has not in use since, while it is in use: elsewhere, or by an older record of their own."""
    since: dict[tuple[HolderName, str | None], float] = {}
    for line in current:
        end = inf if line.moment is None else line.moment.end
        for holder in line.holders:
            # By its treatment, and by none: of whichever treatment.
            for place in ((holder, _said(line).treatment), (holder, None)):
                since[place] = max(since.get(place, -inf), end)
    return [line for line in stopped if current and any(_has_stopped(line, holder, since) for holder in line.holders)]


def _has_stopped(line: Line, holder: HolderName, since: dict[tuple[HolderName, str | None], float]) -> bool:
    treatment = _said(line).treatment
    same = [since[place] for place in ((holder, treatment or None), (holder, "")) if place in since]
    if not same:
        return (holder, None) not in since
    return line.moment is not None and line.moment.begin >= max(same)


def _put_with(sides: list[list[Line]], events: Lines) -> list[Line]:
    """Put what happened on the one side that has its treatment; what is left over comes back."""
    left: list[Line] = []
    agreed = [{_said(line).treatment for line in side} - {""} for side in sides]
    for event in events:
        fitting = [side for side, treatments in zip(sides, agreed, strict=True) if _said(event).treatment in treatments]
        (fitting[0] if len(fitting) == 1 else left).append(event)
    return left


def _event(line: Line) -> tuple[str, str]:
    """What happened again and again in one treatment stands together; without a treatment each stands alone."""
    said = _said(line)
    return said.stage, said.treatment or f"= {line.order}"


def _said(line: Line) -> Medicated:
    if line.medicated is None:
        raise TypeError("not a line of medication")
    return line.medicated
