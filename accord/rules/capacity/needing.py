"""What somebody will probably need after a procedure, proposed from a table and from what the dossier says about them.

The table is data that a region may change; it only proposes. A person confirms, and is told what each proposal rests on
and what the dossier does not say: an unknown fact neither makes nor breaks a proposal, it is a question to ask.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from accord.terms.capacity import AT_HOME, CareKind, Condition, Funding, Need


class Known(StrEnum):
    """What is known of a yes-or-no question."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Fact(StrEnum):
    """What the table may ask about somebody."""

    LIVES_ALONE = "lives-alone"
    HELP_AT_HOME = "help-at-home"
    """Somebody near who can help: partner, child, neighbour."""
    HOME_CARE = "home-care"
    """Care at home already, before this."""
    WALKS = "walks"
    """Walks and gets up without help of another, before this."""
    COGNITIVE_PROBLEMS = "cognitive-problems"
    WANTS_HOME = "wants-home"
    OXYGEN = "oxygen"
    WOUND = "wound"
    AGE = "age"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the dossier says about somebody, as far as it bears on what they will need. `age`: by ten years, 80 for 80 to 89."""

    age: int | None = None
    lives_alone: Known = Known.UNKNOWN
    help_at_home: Known = Known.UNKNOWN
    home_care: Known = Known.UNKNOWN
    walks: Known = Known.UNKNOWN
    cognitive_problems: Known = Known.UNKNOWN
    wants_home: Known = Known.UNKNOWN
    oxygen: Known = Known.UNKNOWN
    wound: Known = Known.UNKNOWN

    def known(self, fact: Fact) -> Known:
        """What is known of a yes-or-no fact."""
        known: Known = getattr(self, fact.value.replace("-", "_"))
        return known


@dataclass(frozen=True, slots=True)
class Row:
    """One proposal of the table: what is needed from so many days after the day of the procedure, and for whom.

    `when`: facts that must be so; `age_from`: ten years of age from which it holds. `also`: conditions that a fact adds.
    """

    kind: CareKind
    after_days: int
    amount: int = 1
    conditions: frozenset[Condition] = frozenset()
    funding: Funding | None = None
    specialty: str = ""
    when: tuple[tuple[Fact, bool], ...] = ()
    age_from: int | None = None
    also: tuple[tuple[Fact, Condition], ...] = ()


@dataclass(frozen=True, slots=True)
class Occasion:
    """What care may be needed after: a procedure, or a condition. `codes` are of SNOMED CT; titles are shown."""

    key: str
    codes: frozenset[str]
    title_nl: str
    title_en: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class NeedTable:
    """All that is proposed, in the order in which it is."""

    version: str
    occasions: tuple[Occasion, ...]


@dataclass(frozen=True, slots=True)
class Because:
    """A fact on which a proposal rests. `age`: of the person, where it is about that."""

    fact: Fact
    holds: bool = True
    age: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A need that somebody may confirm: on which occasion and facts it rests, and what is to be asked before."""

    need: Need
    occasion: Occasion
    because: tuple[Because, ...] = ()
    ask: tuple[Fact, ...] = ()


def propose(table: NeedTable, codes: frozenset[str], facts: Facts, day: date, near: str = "") -> tuple[Proposal, ...]:
    """What *table* proposes after a procedure on *day*, in its order; each kind of care once.

    Of somebody who wants to go home, care at home that nothing has to be asked for stands first; of who does not, last.
    *codes*: of the procedures and conditions that the care is for. *near*: the neighbourhood where the person lives,
    of which only care at home learns.
    """
    found: dict[CareKind, Proposal] = {}
    for occasion in table.occasions:
        if not occasion.codes & codes:
            continue
        for row in occasion.rows:
            proposal = _proposal(occasion, row, facts, day, near)
            if proposal is not None:
                before = found.get(row.kind)
                found[row.kind] = proposal if before is None else _both(before, proposal)
    return _by_wish(found.values(), facts.wants_home)


def _by_wish(proposals: Iterable[Proposal], wants_home: Known) -> tuple[Proposal, ...]:
    """Those that the wish to go home speaks for before the others, those that it speaks against after them; it is told as their reason."""
    if wants_home is Known.UNKNOWN:
        return tuple(proposals)
    first: list[Proposal] = []
    rest: list[Proposal] = []
    last: list[Proposal] = []
    for one in proposals:
        if one.need.kind not in AT_HOME:
            rest.append(one)
            continue
        because = tuple(dict.fromkeys((*one.because, Because(Fact.WANTS_HOME, wants_home is Known.YES))))
        (last if wants_home is Known.NO else rest if one.ask else first).append(replace(one, because=because))
    return (*first, *rest, *last)


def _both(one: Proposal, other: Proposal) -> Proposal:
    """Two proposals of one kind are one need. What is surer goes before what has a question left; both bring their conditions."""
    first, second = (other, one) if one.ask and not other.ask else (one, other)
    need = replace(first.need, amount=max(first.need.amount, second.need.amount), conditions=first.need.conditions | second.need.conditions)
    return replace(first, need=need, because=tuple(dict.fromkeys((*first.because, *second.because))))


def _proposal(occasion: Occasion, row: Row, facts: Facts, day: date, near: str) -> Proposal | None:
    because: list[Because] = []
    ask: list[Fact] = []
    for fact, wanted in row.when:
        known = facts.known(fact)
        if known is Known.UNKNOWN:
            ask.append(fact)
        elif (known is Known.YES) is not wanted:
            return None
        else:
            because.append(Because(fact, wanted))
    if row.age_from is not None:
        if facts.age is None:
            ask.append(Fact.AGE)
        elif facts.age < row.age_from:
            return None
        else:
            because.append(Because(Fact.AGE, age=facts.age))
    conditions = set(row.conditions)
    for fact, condition in row.also:
        known = facts.known(fact)
        if known is Known.YES:
            conditions.add(condition)
            because.append(Because(fact))
        elif known is Known.UNKNOWN:
            ask.append(fact)
    need = Need(
        row.kind,
        day + timedelta(days=row.after_days),
        row.amount,
        row.specialty,
        frozenset(conditions),
        frozenset(),
        row.funding,
        near if row.kind in AT_HOME else "",
    )
    return Proposal(need, occasion, tuple(dict.fromkeys(because)), tuple(dict.fromkeys(ask)))
