"""Numbers of one thing in the course of time: only where they can be put on one scale."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from accord.terms.identifiers import HolderName
from gateway.dossier.clinical.groups import Standing, Thread
from gateway.dossier.clinical.lines import Line, Moment
from gateway.dossier.clinical.showing.quantities import unit
from gateway.dossier.clinical.trees import Tree, part, text
from gateway.dossier.clinical.view import ClinicalView
from gateway.viewer.shapes import Point, Trend
from gateway.viewer.speaking import Speech, moment_at

#: The newest of a very long row of numbers; the others are in the section.
_MOST_POINTS: Final = 100
_LARGEST: Final = 1e12


def trend_of(view: ClinicalView, thread: Thread, title: str, speech: Speech, title_of: Callable[[HolderName], str]) -> Trend | None:
    """The numbers of a thread in the unit that most of them have; none where there are not two. Other units are never mixed in."""
    lines = [line for group in thread.groups if group.standing is Standing.VALID for line in group.lines if line.origin.type == "Observation"]
    if len(lines) < 2:
        return None
    newest = sorted((line for line in lines if line.moment is not None), key=lambda line: line.order)[-_MOST_POINTS:]
    found = [(point, of) for line in newest for point, of in _points(view, line, speech, title_of)]
    units = Counter(of for _, of in found)
    if not units:
        return None
    usual = min(units, key=lambda one: (-units[one], one))
    points = tuple(point for point, of in found if of == usual)
    if len({point.at_ms for point in points}) < 2:
        return None
    return Trend(f"trend-{points[0].number}", title, usual or speech("trend.no_unit"), points)


def _points(view: ClinicalView, line: Line, speech: Speech, title_of: Callable[[HolderName], str]) -> Iterator[tuple[Point, str]]:
    quantity = part(view.tree(line), "valueQuantity")
    value = _number(quantity)
    moment = line.moment
    if value is None or moment is None:
        return
    yield (
        Point(line.number, moment.begin, value, text(quantity, "value"), _when(moment, speech), title_of(line.holder), _day(moment, speech)),
        unit(quantity),
    )


def _number(quantity: Tree) -> float | None:
    """The number, where it is one: `< 5` is none, and stands in its line as it was written."""
    if text(quantity, "comparator"):
        return None
    try:
        value = float(text(quantity, "value"))
    except ValueError:
        return None
    return value if abs(value) < _LARGEST else None


def _when(moment: Moment, speech: Speech) -> str:
    at = moment_at(moment.begin)
    if at is None:
        return ""
    if moment.is_exact:
        return speech.whole_moment(at)
    days = (moment.end - moment.begin) / 86_400_000
    written = f"{at:%Y-%m-%d}" if days < 2 else f"{at:%Y-%m}" if days < 40 else f"{at:%Y}"
    return speech.day(written)


def _day(moment: Moment, speech: Speech) -> str:
    at = moment_at(moment.begin)
    return _when(moment, speech) if at is None or not moment.is_exact else speech.day(f"{at:%Y-%m-%d}")
