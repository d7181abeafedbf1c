"""The registers of a holder: its own, and several as one.

Where a register leads (Mitz), it leads for what it speaks of: there a choice that the holder kept permits nothing by itself,
but an objection that the holder kept still holds. Doubt closes: when any word is unclear, nothing is released at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import anyio
import structlog

from accord.rules.choices import Choice
from accord.rules.consent import what_choices_say
from accord.rules.grounds import Basis, Refusal
from accord.rules.question import Question
from accord.terms.faults import Fault, Unavailable
from accord.terms.vocabulary import CareCategory, PurposeOfUse
from node_agent.consents import LONGEST_LEASE, ConsentAnswer, ConsentQuestion, ConsentRegister, Deny, Permit, Reason, Steady, Unclear, Word
from node_agent.ports import ChoiceStore

_log = structlog.get_logger("noaber.agent")

_JUST_AFTER: Final = 0.5


class HoldersRegister:
    """The choices that live with this holder. There is no central store: every holder keeps those that were delivered to it."""

    name = "holders"
    speaks_of = frozenset(CareCategory)

    def __init__(self, choices: ChoiceStore, *, now: Callable[[], datetime] | None = None, lease: float = LONGEST_LEASE) -> None:
        self._choices = choices
        self._now = now or Steady()
        self._lease = min(lease, LONGEST_LEASE)

    async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """All choices on record for the person, and what follows from them for each category that is asked.

        The lease ends just after the next moment at which a choice begins or ends: whoever decides anew then sees it in force.

        Raises:
            Unavailable: The choices could not be read.
        """
        # Taken before the reading: what is written meanwhile may be in it or not.
        observed = self._now()
        choices = await self._choices.choices_of(question.bsn)
        speaking = _speaking(question, choices, observed)
        words: dict[CareCategory, Word] = {
            category: Permit() if _said(speaking, category) is Basis.PATIENT_CONSENTED else Deny() for category in question.categories
        }
        return ConsentAnswer(words, choices, observed, min(self._lease, _until_a_change(choices, observed)), self.name)


def _speaking(question: ConsentQuestion, choices: Sequence[Choice], at: datetime) -> list[Choice]:
    """The choices that speak to whoever asks. Whether the patient is treated is for the rules, later."""
    asked = Question(question.asked_by, question.purpose, at, holder=question.holder, holder_kind=question.holder_kind)
    return [choice for choice in choices if choice.speaks_to(asked)]


def _said(speaking: Sequence[Choice], category: CareCategory) -> Basis | Refusal:
    """What choices say of a category as a whole, those about single records left aside."""
    about = [choice for choice in speaking if not choice.looks_at_records and choice.is_about(category)]
    return what_choices_say([choice for choice in about if choice.permits], [choice for choice in about if not choice.permits])


def _until_a_change(choices: Sequence[Choice], at: datetime) -> float:
    """Seconds to just after the next moment at which a choice begins or ends."""
    bounds = [bound for choice in choices for one in (choice, *choice.ancestors) for bound in (one.begins, one.ends) if bound is not None and bound > at]
    return min(((bound - at).total_seconds() + _JUST_AFTER for bound in bounds), default=LONGEST_LEASE)


class Consents:
    """The registers of a holder as one: its own, and those that lead for what they speak of.

    For a category that leading registers speak of, every one of them must permit, and the holder's own choices must not
    object. For the others the holder's own choices decide alone.
    """

    name = "consents"
    speaks_of = frozenset(CareCategory)

    def __init__(self, own: ConsentRegister, leading: Sequence[ConsentRegister] = ()) -> None:
        self._own = own
        self._leading = tuple(leading)

    async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """What all registers together permit, as choices by which the rules decide.

        Raises:
            Unavailable: A register could not be asked, or was not clear: nothing may be released.
        """
        own, *led = await self._answers(question)
        doubts = {f"{word.reason.value} {word.detail}".strip() for answer in (own, *led) for word in answer.words.values() if isinstance(word, Unclear)}
        if doubts:
            _log.warning("a consent register is not clear", why=sorted(doubts))
            raise _unavailable()
        if not led:
            return own
        words: dict[CareCategory, Word] = {}
        for register, answer in zip(self._leading, led, strict=True):
            for category in register.speaks_of:
                word = answer.words.get(category, Deny(Reason.NOT_ASKED))
                # Deny wins over what another leading register said.
                if category not in words or isinstance(words[category], Permit):
                    words[category] = word
        objected = _objected(question, own, words)
        return ConsentAnswer(
            {category: _both(words.get(category), own, category, objected) for category in question.categories},
            _composed(question, own, words, objected),
            min(answer.observed for answer in (own, *led)),
            min(answer.lease for answer in (own, *led)),
            "; ".join(answer.evidence for answer in (own, *led)),
        )

    async def _answers(self, question: ConsentQuestion) -> list[ConsentAnswer]:
        """The answers of all, asked at once. The first that fails ends the others."""
        registers = (self._own, *self._leading)
        if len(registers) == 1:
            return [await self._own.ask(question)]
        answers: dict[int, ConsentAnswer] = {}

        async def ask_one(place: int) -> None:
            answers[place] = await registers[place].ask(question)

        try:
            async with anyio.create_task_group() as tasks:
                for place in range(len(registers)):
                    tasks.start_soon(ask_one, place)
        except ExceptionGroup as failures:
            if failures.split(Unavailable)[1] is not None:
                raise
            raise _unavailable() from None
        return [answers[place] for place in range(len(registers))]


def _objected(question: ConsentQuestion, own: ConsentAnswer, words: Mapping[CareCategory, Word]) -> frozenset[CareCategory]:
    """The categories to which the choices that the holder kept object, by the rules among themselves."""
    speaking = _speaking(question, own.choices, own.observed)
    silent_or_yes = (Basis.PATIENT_CONSENTED, Refusal.NO_CHOICE_ON_RECORD)
    return frozenset(category for category in words if _said(speaking, category) not in silent_or_yes)


def _both(word: Word | None, own: ConsentAnswer, category: CareCategory, objected: frozenset[CareCategory]) -> Word:
    """The word that is told for a category: the leading one, the holder's own where none leads, no where the holder's own objects."""
    if word is None:
        return own.words.get(category, Deny(Reason.NOT_ASKED))
    return Deny() if isinstance(word, Permit) and category in objected else word


def _composed(question: ConsentQuestion, own: ConsentAnswer, words: Mapping[CareCategory, Word], objected: frozenset[CareCategory]) -> tuple[Choice, ...]:
    """The choices that stand for the words of the leading registers, beside the holder's own.

    A word becomes a choice of this one data user about this category, which is more specific than most. A permit is
    therefore left out where the holder's own choices object, and an own permit (it might name a record or a professional,
    and so weigh more) does not reach into a denied category.
    """
    user = question.asked_by.data_user.ura
    denied = frozenset(category for category, word in words.items() if not isinstance(word, Permit))
    kept = [narrowed for choice in own.choices if (narrowed := _kept_out_of(choice, denied)) is not None]
    led = [
        Choice(permits=category not in denied, user=user, category=category, purpose=PurposeOfUse.TREATMENT, source="consent register")
        for category in sorted(words)
        if category in denied or category not in objected
    ]
    return (*kept, *led)


def _kept_out_of(choice: Choice, denied: frozenset[CareCategory]) -> Choice | None:
    """An own choice that cannot overrule a denial; none when nothing is left of it.

    A permit that names no category never weighs more than a denial, which names one.
    """
    if not choice.permits or not choice.names_category():
        return choice
    about = frozenset(category for category in CareCategory if choice.is_about(category))
    if not about & denied:
        return choice
    # One that leaves the naming to the choice that it is within cannot be narrowed and stay the same exception.
    return None if choice.category is None or about <= denied else replace(choice, category=about - denied)


def _unavailable() -> Unavailable:
    return Unavailable(Fault.SOURCE_UNAVAILABLE, "consent register")
