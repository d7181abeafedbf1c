"""What the pages of the viewer are made of: plain values in the reader's language, so that a template decides nothing but form."""

from dataclasses import dataclass, field, replace

from gateway.viewer.headings import HolderCard


def cut_text(text: str, most: int) -> str:
    """The beginning of a text that is longer than *most*, and a sign that it goes on."""
    if len(text) <= most:
        return text
    words = text[:most].rpartition(" ")[0] or text[:most]
    return f"{words.rstrip()} …"


@dataclass(frozen=True, slots=True)
class Row:
    """A record on the screen. `sources` are the titles of all holders that state the identical thing, the first one's first."""

    number: int
    what: str
    value: str
    when: str
    sources: tuple[str, ...]
    author: str = ""
    state: str = ""
    #: What the source itself says of the value (low, high, …), as a code and in words.
    attention: str = ""
    attention_words: str = ""
    #: More that is read with it, always: conditions, a reaction.
    extra: tuple[tuple[str, str], ...] = ()
    #: Everything else that the record says.
    details: tuple[tuple[str, str], ...] = ()
    has_attachments: bool = False
    is_late: bool = False
    section: str = ""
    telephones: tuple[str, ...] = ()
    is_derived: bool = False
    is_cut: bool = False

    def cut(self, most: int, *, most_of_name: int = 200) -> "Row":
        """The row with so many letters of what it says, whole words where it has any, and a sign that it goes on."""
        what, value = cut_text(self.what, most_of_name), cut_text(self.value, most)
        extra: list[tuple[str, str]] = []
        left = most
        for label, text in self.extra:
            if left > 0:
                extra.append((cut_text(label, most_of_name), cut_text(text, left)))
            left -= len(text) + len(label)
        is_whole = (what, value, tuple(extra)) == (self.what, self.value, self.extra)
        return self if is_whole else replace(self, what=what, value=value, extra=tuple(extra), is_cut=True)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Rows that belong together, with the reason in words; in a conflict one side for each statement."""

    kind: str
    standing: str
    sides: tuple[tuple[Row, ...], ...]
    rule: str = ""
    #: What all of them are about.
    about: str = ""
    #: Sides for which there was no room.
    more_sides: int = 0
    #: Lines in all, also those for which there is no row.
    total: int = 0
    #: Rows of each side that are counted here, and shown elsewhere; none where all are here.
    beside: tuple[int, ...] = ()

    def others(self, side: int) -> int:
        """How many rows a side has beside its first."""
        return len(self.sides[side]) - 1 + (self.beside[side] if self.beside else 0)

    def fewer(self, most: int) -> "Cluster":
        """The same with so many sides, and how many more there are."""
        left_out = len(self.sides) - most
        return self if left_out <= 0 else replace(self, sides=self.sides[:most], more_sides=self.more_sides + left_out)

    @property
    def title(self) -> str:
        """What it is about."""
        return self.about or self.sides[0][0].what

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of them."""
        return tuple(row for side in self.sides for row in side)


@dataclass(frozen=True, slots=True)
class Point:
    """One number of a trend, as it was written, and where it stands on the line of time."""

    number: int
    at_ms: int
    value: float
    written: str
    when: str
    source: str
    day: str = ""


@dataclass(frozen=True, slots=True)
class Trend:
    """Numbers of one thing in one unit, the oldest first."""

    key: str
    title: str
    unit: str
    points: tuple[Point, ...]

    @property
    def before(self) -> tuple[Point, ...]:
        """A few of those before the newest, the newest of these first: how it was going."""
        return tuple(reversed(self.points[-4:-1]))


@dataclass(frozen=True, slots=True)
class Strand:
    """One thing of a section: what holds, then what was before, then what should never have been there."""

    key: str
    title: str
    now: tuple[Cluster, ...]
    #: What holds too, and is older than what is shown at once.
    older: tuple[Cluster, ...] = ()
    earlier: tuple[Cluster, ...] = ()
    in_error: tuple[Cluster, ...] = ()
    trend: Trend | None = None
    #: Of the older and the earlier ones: those that are not on the page, for being too many.
    more_older: int = 0
    more_earlier: int = 0
    more_in_error: int = 0
    #: A line of it, by which the whole of it is found.
    whole: int = 0

    @property
    def has_conflict(self) -> bool:
        """Whether something in it contradicts something else."""
        return any(cluster.kind == "conflict" for cluster in (*self.now, *self.older))


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the emergency screen. `missing` are those who may have something for it and were not heard; `empty` is said when nothing is shown."""

    key: str
    title: str
    path: str
    clusters: tuple[Cluster, ...] = ()
    more: int = 0
    #: Of those: contradictions.
    more_conflicts: int = 0
    missing: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    trend: Trend | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a reader wants to see of a section. Kept in the session, never in an address."""

    holder: str = ""
    since: str = ""
    until: str = ""
    text: str = ""
    conflicts: bool = False

    @property
    def is_set(self) -> bool:
        """Whether anything is left out."""
        return bool(self.holder or self.since or self.until or self.text or self.conflicts)


@dataclass(frozen=True, slots=True)
class SectionPage:
    """A section: its strands, newest first, one page of them. `total` counts all its records, `shown` those that the filter lets by."""

    path: str
    title: str
    missing: tuple[HolderCard, ...] = ()
    waiting: tuple[HolderCard, ...] = ()
    strands: tuple[Strand, ...] = ()
    shown: int = 0
    total: int = 0
    number: int = 1
    last: int = 1
    filter: Filter = field(default_factory=Filter)
    #: Lines whose text was not searched, because there are so many.
    unread: int = 0
    holders: tuple[tuple[str, str], ...] = ()
    #: It is one strand, in full.
    is_whole: bool = False

    def at(self, number: int, last: int, shown: int) -> "SectionPage":
        """The same, as this page of so many."""
        return replace(self, number=number, last=last, shown=shown)


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the timeline, or what has no date."""

    key: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A page of the timeline."""

    path: str
    months: tuple[Month, ...]
    total: int
    number: int = 1
    last: int = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """One holder that states a line: how to reach it, which record it is there, and whether that was made from another form."""

    title: str
    telephone: str
    dial: str
    kind: str
    record: str
    is_derived: bool = False
    mapping: str = ""
    #: Where the original stands at the holder's own base; empty where the record is the original.
    original: str = ""


@dataclass(frozen=True, slots=True)
class OriginPage:
    """Everything about one line. `attachments` are places (a number), titles and kinds; `others` the lines it was put together with."""

    row: Row
    section: str
    section_path: str
    details: tuple[tuple[str, str], ...]
    origins: tuple[Origin, ...]
    rule: str = ""
    kind: str = "single"
    standing: str = ""
    others: tuple[Row, ...] = ()
    attachments: tuple[tuple[int, str, str], ...] = ()
    bytes_path: str = ""
