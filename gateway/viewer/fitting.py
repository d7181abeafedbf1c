"""How much of the emergency screen there is room for on 1366 × 768 without scrolling; the rest stands behind "+ n more", never silently gone.

Heights are estimated with the letters of a wide typeface, so that what is estimated to fit does fit. On a larger screen, or
with other letters, there is room to spare: a screen that says "+ 2 more" where it could show them is right, one that must be
scrolled to see an allergy is not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from gateway.viewer.headings import Head
from gateway.viewer.shapes import Block, Cluster, Row

WINDOW: Final = (1366, 768)
_COLUMNS: Final = 3
#: Widths of a letter in pixels: of what is said (bold, plain), of where it is from.
_BOLD: Final = 8.9
_PLAIN: Final = 7.7
_SMALL: Final = 6.7
_STRIP: Final = 7.2
_SAID: Final = 18.3
_FROM: Final = 16.3
_TAG: Final = 14
#: What is tried one after another: so many letters of a text (with the way to the whole of it beside it), so many things of a block
#: (of an urgent one more, by its weight, as long as that can be), so many sides of a contradiction. Two sides of each are always
#: seen: that there is a contradiction is never hidden.
_STEPS: Final = ((900, 5, 6), (480, 4, 4), (480, 3, 4), (280, 2, 4), (280, 1, 4), (160, 1, 2), (90, 1, 2), (60, 1, 2), (40, 1, 2), (40, 0, 2))
#: With texts this short nobody has precedence any more.
_SHORT: Final = 90
#: How many things of an urgent block weigh as much as one of another.
_WEIGHTS: Final = {"wishes": 3, "allergies": 3, "blood-thinners": 3}
#: Who gives way first, where a column is too long.
_YIELDS: Final = ("problems", "medication", "kidney", "implants", "people", "wishes", "allergies", "blood-thinners")
_FEWEST_GAPS: Final = 3
_WIDTH: Final = (WINDOW[0] - 24 - 8 * (_COLUMNS - 1)) / (_COLUMNS + 0.05) - 24
_PIECE: Final = 40


@dataclass(frozen=True, slots=True)
class _Room:
    width: float
    height: float


def fit(head: Head, columns: Sequence[Sequence[Block]]) -> tuple[Head, tuple[tuple[Block, ...], ...]]:
    """What stands above, and the blocks of the emergency screen: as much of each as there is room for.

    Every block shows something before all of those that were not heard are named at the top; a few of these always are.
    """
    gaps = head.heard.gaps
    for most in range(len(gaps), min(len(gaps), _FEWEST_GAPS) - 1, -1):
        heard = replace(head.heard, gaps=gaps[:most], more_gaps=head.heard.more_gaps + len(gaps) - most)
        shorter = replace(head, heard=heard)
        room = _Room(_WIDTH, WINDOW[1] - _above(shorter) + 8)
        fitted = [_column(tuple(column), room) for column in columns]
        if all(is_enough for _, is_enough in fitted):
            break
    return shorter, tuple(blocks for blocks, _ in fitted)


def _column(blocks: tuple[Block, ...], room: _Room) -> tuple[tuple[Block, ...], bool]:
    """The blocks with what there is room for, and whether each shows something that has something."""
    fitted, too_long = blocks, True
    for most, keeps, sides in _STEPS:
        fitted = tuple(replace(block, clusters=tuple(_cut(cluster.fewer(sides), most) for cluster in block.clusters)) for block in blocks)
        while (too_long := _height(fitted, room) > room.height) and (at := _gives_way(fitted, keeps, weighted=most > _SHORT)) is not None:
            fitted = (*fitted[:at], _less(fitted[at]), *fitted[at + 1 :])
        if not too_long:
            break
    return fitted, not too_long and all(len(one.clusters) >= min(1, len(block.clusters)) for one, block in zip(fitted, blocks, strict=True))


def _gives_way(blocks: tuple[Block, ...], keeps: int, *, weighted: bool) -> int | None:
    """The block that shows one thing less: the longest of those that may. Where all show their last one, the least urgent."""
    weights = [_WEIGHTS.get(block.key, 1) if weighted else 1 for block in blocks]
    able = [at for at, block in enumerate(blocks) if len(block.clusters) > max(keeps, 1) * weights[at]]
    if able:
        return max(able, key=lambda at: (len(blocks[at].clusters) / weights[at], -_YIELDS.index(blocks[at].key)))
    last = [at for at, block in enumerate(blocks) if len(block.clusters) > keeps] if keeps == 0 else []
    return min(last, key=lambda at: _YIELDS.index(blocks[at].key), default=None)


def _less(block: Block) -> Block:
    """Without the last thing that is no conflict; without the last conflict where there is nothing else."""
    plain = [at for at, cluster in enumerate(block.clusters) if cluster.kind != "conflict"]
    at = plain[-1] if plain else len(block.clusters) - 1
    conflicts = block.more_conflicts + (not plain)
    return replace(block, clusters=block.clusters[:at] + block.clusters[at + 1 :], more=block.more + 1, more_conflicts=conflicts)


def _cut(cluster: Cluster, most: int) -> Cluster:
    return replace(cluster, sides=tuple(tuple(row.cut(most, most_of_name=max(most // 3, _PIECE)) for row in side) for side in cluster.sides))


def _lines(letters: float, width: float) -> int:
    # A line rarely fills to its end: words do not break.
    return max(1, ceil(letters / (width * 0.97)))


def _height(blocks: Iterable[Block], room: _Room) -> float:
    return sum(_block(block, room.width) + 8 for block in blocks)


def _block(block: Block, width: float) -> float:
    lack = _names(block.missing) + _names(block.waiting)
    height = 37.0 + (_lines(lack * _SMALL, width) * _FROM if lack else 0)
    if not block.clusters:
        height += 27
    return height + sum(_cluster(cluster, width) for cluster in block.clusters) + (26 if block.more else 0) + _before(block, width)


def _before(block: Block, width: float) -> float:
    if block.trend is None or not block.clusters:
        return 0
    shown = block.trend.before
    return _lines(sum((len(point.written) + len(point.day) + 6) * _SMALL for point in shown) + 150, width) * 24 if shown else 0


def _names(names: Sequence[str]) -> int:
    return sum(len(name) + 2 for name in names) + 22 if names else 0


def _cluster(cluster: Cluster, width: float) -> float:
    if cluster.kind != "conflict":
        return _entry(cluster.rows[0], width, named=True) + 6 if cluster.rows else 0
    across = min(len(cluster.sides), max(1, int(width // 156)))
    narrow = (width - 24 - 12 * (across - 1)) / across - 10
    tall = [max(_side(side[0], narrow, cluster.title) for side in cluster.sides[at : at + across]) for at in range(0, len(cluster.sides), across)]
    return 34 + sum(tall) + (24 if cluster.more_sides else 0)


def _side(row: Row, width: float, title: str) -> float:
    name = _lines(len(row.what) * _PLAIN, width) * _SAID if row.what != title else 0
    return name + _entry(row, width, named=False) + (8 if row.is_cut else 0)


def _entry(row: Row, width: float, *, named: bool) -> float:
    tags = sum(len(tag) * 7.2 + _TAG for tag in (row.attention_words, row.state, "after you looked" if row.is_late else "") if tag)
    value = len(row.value) + sum(len(one) + 3 for one in row.telephones)
    said = (len(row.what) + 1) * _BOLD * named + value * (_PLAIN if named else _BOLD) + tags + (90 if row.is_cut else 0)
    source = (len(row.when or "geen datum") + len("".join(row.sources[:1])) + len(row.author) + 4 + 12 * (len(row.sources) > 1)) * _SMALL
    extra = sum(_lines((len(label) + 2 + len(text)) * 7.4, width) for label, text in row.extra) * 17.3
    if named and not row.extra and said + source + 10 <= width:
        return _SAID
    return _lines(said, width) * (_SAID + (3 if tags else 0)) + extra + _lines(source, width) * _FROM


def _above(head: Head) -> float:
    """Everything above and below the blocks."""
    width = WINDOW[0] - 24
    height = 30.0 + 2 + 6 + 5 + 6 + 2
    if head.failure:
        height += 48
    if head.emergency:
        height += 12 + _lines(len(head.emergency) * 8.6 + 130, width) * 22
    who = head.who
    if who is None:
        height += 40
    else:
        facts = len(who.name) * 12 + (len(who.born + who.age + who.sex + who.bsn + who.deceased) + 4) * 10 + 250
        rest = (len(who.according_to) + sum(len(other) + 14 for other in who.differs)) * 7.2 + 24 * (1 + len(who.differs))
        height += 8 + _lines(facts, width) * 27 + (_lines(rest, width) * 21 if facts % width + rest > width else 0)
    return height + _strip(head, width)


def _strip(head: Head, width: float) -> float:
    heard = head.heard
    height = 4.0
    if heard.gaps:
        gaps = [(len(card.title) * 1.1 + len(card.short) + len(card.telephone) * 1.1 + len(card.last_heard)) * _STRIP + 64 for card in heard.gaps]
        beside = sum(gaps) + 20 * len(gaps) + 140 <= width
        height += 4 + 24 * (1 if beside else _rows([one + 6 for one in gaps], width - 30) + 1)
    chips = [(len(card.title) + len(card.short) + len(card.telephone)) * _STRIP + 60 for card in heard.waiting[:4]]
    line = [290.0] * bool(heard.waiting) + chips + [100.0] * bool(heard.heard) + [150.0] * bool(heard.not_asked) + [len(head.note) * 6.6 + 16]
    return height + 24 * _rows(line, width)


def _rows(widths: Iterable[float], width: float) -> int:
    """On how many lines boxes of these widths stand."""
    lines, left = 1, width
    for one in widths:
        if one > left and left < width:
            lines, left = lines + 1, width
        left -= one + 24
    return lines
