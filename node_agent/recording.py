"""The journal lines of one question at this holder: each is durable before what it tells of may happen (promise P2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any, Final, Protocol

from accord.audit.content import Asking as AskingLine
from accord.audit.content import Event, Truth, Withheld, asking_of
from accord.audit.events import BudgetAlarm, Closing, Decision, GlassBroken, Located, RefusedQuestion, Release
from accord.rules.budgets import Alarm
from accord.rules.deciding import Decision as Weighed
from accord.rules.grounds import Basis, Refusal
from accord.terms.answers import Batch, Counts
from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from accord.terms.vocabulary import CATEGORY_ORDER, CareCategory, PurposeOfUse
from accord.wire.hashing import StreamDigest
from node_agent.admitted import Asking
from node_agent.deciding import Decisions
from node_agent.emergencies import BrokenGlass
from node_agent.last_words import LastWord

#: More pieces of evidence than this say nothing more.
_MOST_EVIDENCE: Final = 50


class Ledger(Protocol):
    """Where lines become durable. `accord.audit.journal.Journal` is one."""

    async def append(self, event: Event) -> int:
        """Write a line, and return when it is durable.

        Raises:
            Unavailable: `journal-unavailable`: nothing may happen on this line.
        """


@dataclass(slots=True)
class Recording:
    """Writes the lines of one question. `about` is the patient's pseudonym in this journal, once it is known."""

    ledger: Ledger
    holder: Ura
    asking: Asking
    about: str = ""
    batches: int = 0
    may_show: bool = False
    _asked: AskingLine = field(init=False, repr=False)
    #: Our own: a gateway may give two questions one id, and these lines must not pass for those of another answer.
    _answer: str = field(init=False, repr=False, default_factory=lambda: token_hex(8))

    def __post_init__(self) -> None:
        self._asked = asking_of(self.asking.asked_by, self.asking.mandate, purpose=self.asking.purpose)

    async def located(self, *, known: bool) -> None:
        """It was asked whether somebody is known here."""
        await self.ledger.append(Located(**self._common(), known=known))

    async def decided(self, decisions: Decisions, *, may_show: bool, evidence: Sequence[str] = ()) -> None:
        """What may be released and what not, before the source is asked; *evidence* is what consent registers can name."""
        self.may_show = may_show
        released, withheld, named, basis = [], [], dict[str, None](), ""
        in_emergency: list[CareCategory] = []
        explained = set[tuple[Basis | Refusal, tuple[bool, ...]]]()
        for category in CATEGORY_ORDER:
            outcome = decisions.categories.get(category) or decisions.case.decide(category)
            # Categories of one outcome, of which the same choices speak, are decided on the same evidence.
            alike = outcome, tuple(choice.is_about(category) for choice in decisions.case.speaking)
            if alike not in explained:
                explained.add(alike)
                named |= dict.fromkeys(_evidence(decisions.explain(category)))
            if isinstance(outcome, Basis):
                released.append(category)
                basis = basis or outcome.value
                if outcome is Basis.EMERGENCY:
                    in_emergency.append(category)
            else:
                withheld.append(Withheld(category=category, refusal=outcome.value))
        named |= dict.fromkeys(evidence)
        await self.ledger.append(
            Decision(
                **self._common(),
                released=tuple(released),
                basis=basis,
                in_emergency=tuple(in_emergency),
                withheld=tuple(withheld),
                evidence=tuple(named)[:_MOST_EVIDENCE],
            )
        )

    async def releasing(self, batch: Batch, names: Sequence[str]) -> None:
        """A batch, before it leaves."""
        digest = StreamDigest()
        digest.add(batch)
        categories = tuple(category for i, category in enumerate(CATEGORY_ORDER) if batch.categories >> i & 1)
        await self._release(tuple(names), len(names), len(batch.blob), digest, categories)

    async def releasing_chunk(self, record: str, content: bytes) -> None:
        """A part of an attachment, before it leaves."""
        digest = StreamDigest()
        digest.add_chunk(content)
        await self._release((record,), 0, len(content), digest, (CareCategory.DOCUMENT,))

    async def closing(self, word: LastWord, counts: Counts) -> None:
        """How it ended, and what was behind it."""
        truth = Truth.SHOWN if counts.records or counts.bytes else Truth.NOTHING_KNOWN if self.may_show else Truth.WITHHELD
        line = Closing(
            **self._common(),
            ending=word.ending,
            truth=truth,
            batches=counts.batches,
            count=counts.records,
            bytes=counts.bytes,
            fault=word.code,
        )
        await self.ledger.append(line)

    async def alarm(self, alarm: Alarm) -> None:
        """Somebody is over a limit: that belongs before the review."""
        await self.ledger.append(_alarm_line(alarm))

    async def refused(self, fault: Fault) -> None:
        """The question is refused."""
        await self.ledger.append(RefusedQuestion(**self._common(), fault=fault))

    async def broken(self, glass: BrokenGlass) -> None:
        """Glass is broken."""
        emergency = self.asking.mandate.emergency if self.asking.mandate is not None else None
        line = GlassBroken(
            **self._common(),
            reason=glass.reason.value,
            words=emergency.words if emergency is not None else "",
            until=_ms(glass.ends),
            second_factor=_ms(emergency.second_factor_at) if emergency is not None else 0,
        )
        await self.ledger.append(line)

    async def _release(self, names: tuple[str, ...], count: int, size: int, digest: StreamDigest, categories: tuple[CareCategory, ...]) -> None:
        line = Release(**self._common(), batch=self.batches, records=names, count=count, bytes=size, digest=digest.value().hex(), categories=categories)
        await self.ledger.append(line)
        self.batches += 1

    def _common(self) -> dict[str, Any]:
        asking = self.asking
        return {
            "query": asking.query_id.value,
            "answer": self._answer,
            "patient": self.about,
            "holder": self.holder.value,
            "peer": asking.gateway.value,
            "asking": self._asked,
            "emergency": asking.purpose is PurposeOfUse.EMERGENCY_TREATMENT,
        }


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _alarm_line(alarm: Alarm) -> BudgetAlarm:
    who = "/".join(filter(None, (alarm.organisation.value if alarm.organisation is not None else "", alarm.professional))) or alarm.gateway.value
    return BudgetAlarm(
        of=alarm.level.value,
        who=who,
        peer=alarm.gateway.value,
        patients=alarm.limit + 1,
        limit=alarm.limit,
        hours=alarm.hours,
        user=alarm.organisation.value if alarm.organisation is not None else "",
        professional=alarm.professional,
    )


def _evidence(decision: Weighed) -> list[str]:
    named = [f"matrix {decision.matrix}", *(f"choice {number}" for number in decision.choices), *decision.sources]
    return [*named, *(filter(None, (decision.treatment and f"treatment {decision.treatment}", decision.legal_basis)))]
