"""The journal lines of one dossier at the gateway: each batch has its line before any of it goes on (promise P2).

Patients stand in it under a key of this journal, and records as keyed marks of eight bytes: whoever has a record can find
its line, and nobody can find a record from a line.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Protocol

from blake3 import blake3

from accord.audit.content import Asking as AskingLine
from accord.audit.content import Event, Truth, asking_of
from accord.audit.events import Closing, Decision, GlassBroken, RefusedQuestion, Release
from accord.audit.refusals import Refusals
from accord.link.jose import claims, decoded
from accord.link.mandate_claims import mandate_of
from accord.rules.matrix import categories_of_role
from accord.terms.answers import Batch, Counts, Ending
from accord.terms.evidence import Mandate
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Bsn, QueryId, Ura
from accord.terms.parties import Asker
from accord.terms.policies import RegionPolicy
from accord.terms.queries import Evidence
from accord.terms.vocabulary import CATEGORY_ORDER, CareCategory, PurposeOfUse
from accord.wire.columns import rows
from accord.wire.hashing import StreamDigest
from gateway.callers import EmergencyRefused

_MARK_BYTES: Final = 8
KEY_BYTES: Final = 32
_MOST_EMERGENCIES: Final = 10_000


class Ledger(Protocol):
    """Where lines become durable. `accord.audit.journal.Journal` is one."""

    async def append(self, event: Event) -> int:
        """Write a line, and return when it is durable.

        Raises:
            Unavailable: `journal-unavailable`: nothing may happen on this line.
        """


@dataclass(frozen=True, slots=True)
class About:
    """Of one question what all its lines have in common.

    `mandate` is what its mandate says, which was verified when it came in; `line` is who asks, as its lines say it.
    """

    id: QueryId
    bsn: Bsn
    asked_by: Asker
    purpose: PurposeOfUse
    evidence: Evidence
    mandate: Mandate | None = field(init=False, repr=False)
    line: AskingLine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        mandate = _said_in(self.evidence.mandate)
        object.__setattr__(self, "mandate", mandate)
        object.__setattr__(self, "line", asking_of(self.asked_by, mandate, purpose=self.purpose))


class GlassSeen:
    """Which emergencies have their line. A dossier is read in many questions, and somebody must look at each line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def begins(self, key: tuple[str, ...], seconds: float) -> bool:
        """Whether this is the first question of an emergency that lasts so long."""
        now = self._clock()
        if self._ends.get(key, now) > now:
            return False
        self._ends[key] = now + seconds
        self._ends.move_to_end(key)
        if len(self._ends) > _MOST_EMERGENCIES:
            self._ends.popitem(last=False)
        return True

    def forget(self, key: tuple[str, ...]) -> None:
        """Its line was not written."""
        self._ends.pop(key, None)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes lines of questions. *key* (32 bytes) is for the marks of patients and records."""

    ledger: Ledger
    key: bytes
    policy: RegionPolicy
    glass: GlassSeen = field(default_factory=GlassSeen)
    refusals: Refusals | None = None

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise ValueError("a key of 32 bytes")

    async def asked(self, about: About) -> None:
        """A dossier is opened: what the role of whoever asks may see at all. Break-the-glass has its own line first (promise P12).

        Raises:
            Unavailable: `journal-unavailable`: nobody may be asked.
        """
        if about.purpose is PurposeOfUse.EMERGENCY_TREATMENT:
            await self._broken(about)
        user, professional = about.asked_by.data_user, about.asked_by.professional
        seen = categories_of_role(self.policy.matrix, user.kind, professional.role)
        released = tuple(category for category in CareCategory if category in seen)
        await self.ledger.append(Decision(**self._common(about, None), released=released, evidence=(f"matrix {self.policy.matrix.version}",)))

    async def releasing(self, about: About, holder: Ura, number: int, batch: Batch) -> None:
        """A holder's batch, before it goes on.

        Raises:
            Unavailable: `journal-unavailable`: it may not.
        """
        digest = StreamDigest()
        digest.add(batch)
        marks, begin = [], 0
        for row in rows(batch.columns):
            marks.append(self._mark(batch.blob[begin : row.end]))
            begin = row.end
        categories = tuple(category for i, category in enumerate(CATEGORY_ORDER) if batch.categories >> i & 1)
        await self.ledger.append(
            Release(
                **self._common(about, holder),
                batch=number,
                records=tuple(marks),
                count=len(marks),
                bytes=len(batch.blob),
                digest=digest.value().hex(),
                categories=categories,
            )
        )

    async def releasing_chunk(self, about: About, holder: Ura, number: int, record: str, content: bytes) -> None:
        """A part of an attachment, before it goes on.

        Raises:
            Unavailable: `journal-unavailable`: it may not.
        """
        digest = StreamDigest()
        digest.add_chunk(content)
        line = Release(
            **self._common(about, holder),
            batch=number,
            records=(self._mark(record.encode()),),
            count=0,
            bytes=len(content),
            digest=digest.value().hex(),
            categories=(CareCategory.DOCUMENT,),
        )
        await self.ledger.append(line)

    async def closing(self, about: About, holder: Ura, ending: Ending, counts: Counts, fault: Fault | None) -> None:
        """How a holder's answer ended. What is behind `nothing-shown` only the holder knows.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        truth = Truth.SHOWN if counts.records or counts.bytes else Truth.NOTHING_KNOWN
        line = Closing(**self._common(about, holder), ending=ending, truth=truth, batches=counts.batches, count=counts.records, bytes=counts.bytes, fault=fault)
        await self.ledger.append(line)

    async def refused(self, failure: Faulted, peer: str = "") -> None:
        """Somebody asked without being let in: failed authentication is an event, too (NEN 7513). *peer* is who is on the channel.

        Who asked is in the line where their mandate was verified: of an emergency that is not opened somebody must be able to ask why.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        asking = failure.asking if isinstance(failure, EmergencyRefused) else None
        line = RefusedQuestion(peer=peer, fault=failure.fault, asking=asking, emergency=asking is not None)
        await (self.refusals or Refusals(self.ledger)).note(line)

    async def _broken(self, about: About) -> None:
        """That glass is broken, once for each emergency; whether it opens anything, each holder decides."""
        emergency = about.mandate.emergency if about.mandate is not None else None
        line = GlassBroken(
            **self._common(about, None),
            reason=emergency.reason if emergency is not None else "",
            words=emergency.words if emergency is not None else "",
            second_factor=int(emergency.second_factor_at.timestamp() * 1000) if emergency is not None else 0,
        )
        minutes = self.policy.emergency.minutes if self.policy.emergency is not None else 0
        key = (line.asking.user, line.asking.professional, line.patient, line.reason, line.words)
        if self.glass.begins(key, minutes * 60.0):
            try:
                await self.ledger.append(line)
            except BaseException:
                self.glass.forget(key)
                raise

    def _mark(self, content: bytes) -> str:
        return blake3(content, key=self.key).hexdigest(length=_MARK_BYTES)

    def _common(self, about: About, holder: Ura | None) -> dict[str, Any]:
        return {
            "query": about.id.value,
            "patient": blake3(about.bsn.value.encode("ascii"), key=self.key).hexdigest(),
            "holder": holder.value if holder is not None else "",
            "peer": about.asked_by.data_user.ura.value,
            "asking": about.line,
            "emergency": about.purpose is PurposeOfUse.EMERGENCY_TREATMENT,
        }


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one question."""

    recorder: Recorder
    about: About

    async def asked(self) -> None:
        """See `Recorder.asked`."""
        await self.recorder.asked(self.about)

    async def releasing(self, holder: Ura, number: int, batch: Batch) -> None:
        """See `Recorder.releasing`."""
        await self.recorder.releasing(self.about, holder, number, batch)

    async def releasing_chunk(self, holder: Ura, number: int, record: str, content: bytes) -> None:
        """See `Recorder.releasing_chunk`."""
        await self.recorder.releasing_chunk(self.about, holder, number, record, content)

    async def closing(self, holder: Ura, ending: Ending, counts: Counts, fault: Fault | None) -> None:
        """See `Recorder.closing`."""
        await self.recorder.closing(self.about, holder, ending, counts, fault)


def _said_in(mandate: str) -> Mandate | None:
    """What a mandate says; none where there is none. Nothing is verified here."""
    parts = mandate.split(".")
    try:
        return mandate_of(claims(decoded(parts[1])), sha256(mandate.encode("ascii")).digest()) if len(parts) == 3 else None
    except (BadInput, ValueError):
        return None
