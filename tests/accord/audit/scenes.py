"""Events as they happen in a question, and journals that hold them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from accord.audit.content import Asking, Event, Truth, Withheld
from accord.audit.events import Closing, Decision, GlassBroken, RefusedQuestion, Release
from accord.audit.journal import Journal
from accord.terms.answers import Ending
from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import Fault
from accord.terms.vocabulary import CareCategory, HolderKind

HOLDER: Final = "00000001"
GATEWAY: Final = "00000009"
SYSTEM: Final = f"{HOLDER}/agent"
GATEWAY_SYSTEM: Final = f"{GATEWAY}/gateway"
PATIENT: Final = "ab" * 32
OTHER_PATIENT: Final = "cd" * 32
NOON: Final = 1_779_969_600_000

ASKING: Final = Asking(
    user="00000002",
    user_name="Huisartsenpraktijk De Linde",
    user_kind=HolderKind.GP_PRACTICE,
    professional="900000001",
    professional_name="A. de Vries",
    role="01.015",
    responsible="B. Jansen",
    treatment=TreatmentBasis.REGISTERED,
    mandate="0f" * 32,
)
ABOUT: Final[dict[str, Any]] = {"patient": PATIENT, "holder": HOLDER, "peer": GATEWAY, "asking": ASKING}


def decision(query: str = "q1", **changed: Any) -> Decision:
    """A decision by which medication is released and mental health stays in."""
    given: dict[str, Any] = {
        "released": (CareCategory.MEDICATION_USE,),
        "basis": "patient-consented",
        "withheld": (Withheld(category=CareCategory.CONDITION, refusal="patient-refused"),),
        "evidence": ("register:12", "consent:c1/3"),
    }
    return Decision(**{**ABOUT, "query": query, **given, **changed})


def release(query: str = "q1", batch: int = 1, **changed: Any) -> Release:
    """A batch of two records."""
    given: dict[str, Any] = {"records": ("MedicationStatement/1", "MedicationStatement/2"), "count": 2, "bytes": 900, "digest": "1d" * 32}
    return Release(**{**ABOUT, "query": query, "batch": batch, "categories": (CareCategory.MEDICATION_USE,), **given, **changed})


def closing(query: str = "q1", ending: Ending = Ending.ANSWERED, truth: Truth = Truth.SHOWN, **changed: Any) -> Closing:
    """The last word on a question."""
    return Closing(**{**ABOUT, "query": query, "ending": ending, "truth": truth, "batches": 1, "count": 2, "bytes": 900, **changed})


def refused(query: str = "q1", **changed: Any) -> RefusedQuestion:
    """A question whose mandate could not be believed."""
    return RefusedQuestion(**{"query": query, "peer": GATEWAY, "fault": Fault.TOKEN_INVALID, **changed})


def glass_broken(query: str = "q1", **changed: Any) -> GlassBroken:
    """Break-the-glass."""
    return GlassBroken(**{**ABOUT, "query": query, "reason": "unconscious", "words": "Niet aanspreekbaar na val.", **changed})


def opened(folder: Path, system: str = SYSTEM, **options: Any) -> Journal:
    """A journal that is patient with a busy machine, and tries a closed door at once."""
    return Journal(folder, system, **{"sync_seconds": 30.0, "retry_seconds": 0.02, **options})


def journal_of(folder: Path, events: Iterable[Event], system: str = SYSTEM, clock: Callable[[], int] | None = None, **options: Any) -> Path:
    """Write a journal with these events and close it."""
    with opened(folder, system, clock=clock or (lambda: NOON), **options) as journal:
        for event in events:
            journal.append_now(event)
    return folder


def lines_in(folder: Path) -> list[bytes]:
    """All lines of a journal as they stand in its files."""
    return [line for path in sorted(folder.glob("*.journal")) for line in path.read_bytes().splitlines(keepends=True)]
