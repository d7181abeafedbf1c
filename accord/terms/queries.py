"""What is asked: the question about a person, and the question as put to one holder."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from accord.terms.identifiers import Bsn, HolderName, QueryId, RecordRef, Ura
from accord.terms.parties import Asker
from accord.terms.vocabulary import CareCategory, PurposeOfUse

#: `SortKey.time_ms` and the column of a record that has no clinical moment.
NO_TIME: Final = -(2**63)
#: Stands in the place of an attachment's URL: what a derived record itself was made from.
ORIGINAL: Final = "$original"


@dataclass(frozen=True, slots=True)
class Token:
    """A code with its system. An empty system matches every system, an empty code every code of it."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class DateBound:
    """A bound on a moment: a FHIR search prefix (`eq ge gt le lt sa eb`) and a partial date as given."""

    prefix: str
    value: str


class Order(StrEnum):
    """In which order a holder sends."""

    ARRIVAL = "arrival"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class SortKey:
    """A record's place in the global order: newest first, then type code, content hint and logical id ascending.

    `time_ms` is `NO_TIME` for a record without a moment; such records come last.
    """

    time_ms: int
    type_code: int
    content_hint: int
    id: str

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """Ascending by this tuple is the global order."""
        return (-self.time_ms, self.type_code, self.content_hint, self.id)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are asked for. All conditions hold together; inside one, a single match is enough.

    `includes` names companions to send along as `Type:element`, or `*` for all. `after`, `after_inclusive` and
    `limit` belong to the global order.
    """

    types: frozenset[str] = frozenset()
    categories: frozenset[CareCategory] = frozenset()
    codes: tuple[Token, ...] = ()
    category_tokens: tuple[Token, ...] = ()
    statuses: tuple[str, ...] = ()
    identifiers: tuple[Token, ...] = ()
    ids: tuple[str, ...] = ()
    dates: tuple[DateBound, ...] = ()
    updated: tuple[DateBound, ...] = ()
    includes: tuple[str, ...] = ("*",)
    order: Order = Order.ARRIVAL
    after: SortKey | None = None
    after_inclusive: bool = False
    limit: int = 0

    @property
    def looks_inside(self) -> bool:
        """Whether more than type and category must be read to know if a record is asked for."""
        return bool(self.codes or self.category_tokens or self.statuses or self.identifiers or self.ids or self.dates or self.updated)


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What travels with a question, unread until it is verified: two signed texts, and what tells whom the mandate is about.

    `proofs` holds one proof per inner question, of which a holder gets the one that covers its own. `salt` is the mandate's
    (32 bytes), or what is sent in its stead to a holder: the salt sealed under the BSN.
    """

    mandate: str = field(default="", repr=False)
    proofs: tuple[str, ...] = field(default=(), repr=False)
    salt: bytes = field(default=b"", repr=False)


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class DossierQuery:
    """A question about one person, put to the region. `seconds` is the whole time it may take."""

    id: QueryId
    bsn: Bsn
    birth_date: date | None
    asked_by: Asker
    purpose: PurposeOfUse
    selection: Selection = EVERYTHING
    holders: frozenset[HolderName] = frozenset()
    seconds: float = 8.0
    evidence: Evidence = field(default=NO_EVIDENCE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HolderQuery:
    """The question as put to one holder: about a person by BSN, or by one of the holder's own records."""

    id: QueryId
    holder: Ura
    about: Bsn | RecordRef
    birth_date: date | None
    asked_by: Asker
    purpose: PurposeOfUse
    selection: Selection = field(default=EVERYTHING)
    evidence: Evidence = field(default=NO_EVIDENCE, compare=False, repr=False)
