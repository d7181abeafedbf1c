"""What an agent in shadow writes: what would have been decided and released. None of these is an access, and nothing left on them."""

from accord.audit.content import AboutPatient, Counted, Truth, Withheld
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import CareCategory


class ShadowDecision(AboutPatient, frozen=True, kw_only=True, tag="shadow-decision"):
    """What would have been decided, in shadow: as in `decision`. Nothing was released on it."""

    code: str = "110112"
    released: tuple[CareCategory, ...] = ()
    basis: str = ""
    in_emergency: tuple[CareCategory, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    evidence: tuple[str, ...] = ()


class ShadowRelease(AboutPatient, frozen=True, kw_only=True, tag="shadow-release"):
    """One batch that would have left, in shadow: as in `release`. It went nowhere."""

    code: str = "110112"
    batch: int
    records: tuple[str, ...]
    count: int
    bytes: int
    digest: str
    categories: tuple[CareCategory, ...] = ()


class ShadowClosing(AboutPatient, frozen=True, kw_only=True, tag="shadow-closing"):
    """How an answer would have ended, in shadow, and how many records of each category would have left. Outside it is paused."""

    code: str = "110112"
    ending: Ending
    truth: Truth
    batches: int
    count: int
    bytes: int
    fault: Fault | None = None
    counted: tuple[Counted, ...] = ()
