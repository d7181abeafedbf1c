"""The questionnaire of planning ahead, filled in: its answers by what they are coded as; everything else as question and answer.

IKNL's questionnaire (`ACP-zib2020`) names the subject of a group with a code, in an answer that is always there, beside
the answer proper. So the groups are read by their codes and not by their numbers, which each version has anew.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from accord.terms.limits import JSON_DEPTH
from gateway.dossier.clinical import wish_words as say
from gateway.dossier.clinical.concepts import Concept, ConceptTable
from gateway.dossier.clinical.trees import Follow, Tree, part, parts, text, words_of
from gateway.dossier.clinical.wish_directives import DECISIONS
from gateway.dossier.clinical.wish_notes import comments, modifiers, recorded_apart, validity
from gateway.dossier.clinical.wish_observations import GOAL, NOTHING_TOLD, Told, plain_value, value_of, wish_of
from gateway.dossier.clinical.wish_parties import parties
from gateway.dossier.clinical.wish_treatments import DEACTIVATION
from gateway.dossier.clinical.wishes import Answer, Note, Validity, Wish
from gateway.dossier.words import Wording

_OTHER: Final = ("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "OTH")
_TREATMENT: Final = "Behandeling"
_REST: Final = Wording("Gespreksverslag planning vooruit", "Report of the planning conversation")
_REST_WORDS: Final = Wording("Overige vragen en antwoorden", "Other questions and answers")
_OTHER_LIMITS: Final = Wording("Overige behandelgrenzen", "Other limits of treatment")
#: Numbers in IKNL's questionnaire 0.1.3: date of filling in, name and speciality of who led the conversation, who was there.
_DATE, _LED_BY, _SPECIALITY, _PRESENT = "963", "16", "1405", "78"
#: A heading is repeated with each answer below it, up to so many characters: a long one with many answers would fill the memory.
_HEADING: Final = 240
#: And all headings of an answer together: however deep it stands.
_HEADINGS: Final = 480
_PLAIN: Final = frozenset({Answer.YES, Answer.NO, Answer.SWITCH_OFF, Answer.LEAVE_ON})


@dataclass(frozen=True, slots=True)
class _Item:
    """A question, its answers in words, and the questions below it, also those below its answers."""

    number: str
    question: str
    answers: tuple[Tree, ...]
    below: tuple["_Item", ...]

    @property
    def told(self) -> str:
        """Its answers, as a reader has them."""
        return ", ".join(filter(None, (answer_words(one) for one in self.answers)))


def answer_words(answer: Tree) -> str:
    """An answer to a question, in its own words."""
    coding = part(answer, "valueCoding")
    return text(coding, "display") or text(coding, "code") or words_of(answer.get("valueCodeableConcept")) or plain_value(answer)


def questionnaire(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
    """The wishes of a questionnaire that was filled in, and one with all that is no wish; none where it is not of planning ahead."""
    items = tuple(_items(tree, JSON_DEPTH))
    found, used = _groups(items, table)
    is_theirs = text(tree, "questionnaire").partition("|")[0].rpartition("/")[2].startswith("ACP")
    if not (found or is_theirs):
        return ()
    frame = _frame(tree, items, follow, is_theirs=is_theirs)
    wishes = [frame.around(one) for one in found]
    rest = tuple((Wording(question, question), told) for question, told in _rest(items, used, ""))
    if rest:
        value = "\n".join(f"{question.nl} {told}" for question, told in rest)
        notes = (*rest, *dict.fromkeys(comments(tree)))
        wishes.append(frame.around(Wish(None, _REST.nl, Answer.IN_WORDS, _REST_WORDS, notes=notes, value=value, kind="questionnaire", name=_REST)))
    return tuple(wishes)


class _Frame(NamedTuple):
    """What all wishes of a questionnaire have in common."""

    when: str
    authored: str
    present: tuple[Wording, ...]
    status: str
    doubts: tuple[Note, ...]

    def around(self, wish: Wish) -> Wish:
        """A wish as one of this questionnaire."""
        stands, words, answer = validity(self.status, "completed", "amended"), wish.words, wish.answer
        if stands is not Validity.VALID:
            words, answer = say.not_valid(self.status, words), Answer.IN_WORDS
        elif self.doubts and answer in _PLAIN:
            words, answer = say.with_reservation(words, ""), Answer.IN_WORDS
        notes = (*self.doubts, *wish.notes, *recorded_apart(self.when, self.authored))
        apart = self.authored if self.authored != self.when else ""
        return replace(wish, words=words, answer=answer, notes=notes, when=self.when, recorded=apart, said_with=self.present, validity=stands)


def _frame(tree: Tree, items: tuple[_Item, ...], follow: Follow, *, is_theirs: bool) -> _Frame:
    authored = text(tree, "authored")
    dates = (text(answer, "valueDateTime") or text(answer, "valueDate") for one in _all(items) if one.number == _DATE for answer in one.answers)
    present = dict.fromkeys((*(_present(items) if is_theirs else ()), *parties(tree, ("author", "source"), follow)))
    return _Frame((next(filter(None, dates), "") if is_theirs else "") or authored, authored, tuple(present), text(tree, "status"), modifiers(tree))


def _items(tree: Tree, deep: int) -> Iterator[_Item]:
    if not deep:
        return
    for one in parts(tree, "item"):
        answers = tuple(parts(one, "answer"))
        below = (*_items(one, deep - 1), *(item for answer in answers for item in _items(answer, deep - 1)))
        yield _Item(text(one, "linkId"), text(one, "text") or text(one, "definition"), answers, below)


def _all(items: tuple[_Item, ...]) -> Iterator[_Item]:
    for one in items:
        yield one
        yield from _all(one.below)


def _groups(items: tuple[_Item, ...], table: ConceptTable) -> tuple[list[Wish], set[int]]:
    """The wishes of all groups of which one answer says what they are about, and the items that told them."""
    found: list[Wish] = []
    used: set[int] = set()
    for group in _all(items):
        about = {id(one): (one, _subject(one, table)) for one in group.below}
        subjects = [(one, concept) for one, concept in about.values() if concept is not None or _is_other(one)]
        named_so = {id(one) for one, _ in subjects}
        rest = [one for one in group.below if id(one) not in named_so and one.answers]
        if not subjects or (subjects[0][1] is None and not rest):
            continue
        told = _all_told(rest) if rest and len(subjects) > 1 else None
        for subject, concept in {concept: (one, concept) for one, concept in subjects}.values():
            found.append(_wish(concept, group, subject, rest, told))
        used |= {*named_so, *(id(one) for one in _all(tuple(rest)))}
    return found, used


def _subject(item: _Item, table: ConceptTable) -> Concept | None:
    """What an item says that its group is about: an answer that names a subject of planning ahead."""
    for answer in item.answers:
        concept = wish_of({"coding": [part(answer, "valueCoding")]}, table)
        # A goal is the answer to what the goal is, and not its subject.
        if concept is not None and ("wish" in concept.roles or concept.key == GOAL):
            return concept
    return None


def _is_other(item: _Item) -> bool:
    return item.question.startswith(_TREATMENT) and any(
        (text(one, "valueCoding", "system"), text(one, "valueCoding", "code")) == _OTHER for one in item.answers
    )


def _wish(concept: Concept | None, group: _Item, subject: _Item, rest: list[_Item], several: Told | None) -> Wish:
    """The wish of a group about one subject; `several` is what it tells where it has more than one."""
    codes = {text(one, "valueCoding", "code") for one in subject.answers}
    explained = "\n".join(filter(None, (one.told for one in _all(rest[0].below)))) if len(rest) == 1 and several is None else ""
    told = several or (_told(concept, codes, rest[0], explained) if len(rest) == 1 else _all_told(rest) if rest else NOTHING_TOLD)
    name = concept.label if concept is not None else _OTHER_LIMITS
    notes: list[Note] = [*told.notes]
    if explained and explained not in told.conditions:
        notes.append((say.COMMENT, explained))
    if concept is None:
        notes.append((say.OWN_WORDS, group.question))
    kind = told.conditions if concept is None else ""
    return Wish(concept, name.nl, told.answer, told.words, told.conditions, notes=tuple(notes), value=told.value, kind=kind, name=name)


def _all_told(rest: list[_Item]) -> Told:
    """Several answers to one subject: all of them with their questions, and none is taken for the answer."""
    words = "\n".join(f"{one.question}: {one.told}" for one in _all(tuple(rest)) if one.told)
    return Told(Answer.IN_WORDS, say.in_words(words), "", words)


def _told(concept: Concept | None, codes: set[str], item: _Item, explained: str) -> Told:
    """What the answer proper comes to. A decision that is explained is read with its explanation, for that may restrict it."""
    key = concept.key if concept is not None else ""
    answers = [value_of(key, one) for one in item.answers]
    if len(answers) != 1:
        words = item.told or say.DOUBTFUL.nl
        return Told(Answer.IN_WORDS, say.in_words(words), "", words)
    decision = part(item.answers[0], "valueCoding")
    if text(decision, "system") != DECISIONS:
        return answers[0]
    if text(decision, "code") not in {"0", "2"}:
        told = explained or text(decision, "display") or text(decision, "code")
        return Told(Answer.IN_WORDS, say.in_words(told), "", told)
    is_yes = text(decision, "code") == "0"
    title = concept.label if concept is not None else _OTHER_LIMITS
    said, answer = say.yes_or_no(key, title, is_yes=is_yes), Answer.YES if is_yes else Answer.NO
    if codes == {DEACTIVATION}:
        said, answer = (say.SWITCH_OFF, Answer.SWITCH_OFF) if is_yes else (say.LEAVE_ON, Answer.LEAVE_ON)
    elif concept is not None and "icd" in concept.roles:
        return Told(Answer.IN_WORDS, say.with_reservation(said, explained), "permit" if is_yes else "deny", explained, ((say.OTHER_ICD_TREATMENT, ""),))
    if explained:
        return Told(Answer.IN_WORDS, say.with_reservation(said, explained), "permit" if is_yes else "deny", explained)
    return Told(answer, said)


def _present(items: tuple[_Item, ...]) -> Iterator[Wording]:
    """Who led the conversation, and who was there."""
    role = next((item.told for item in _all(items) if item.number == _SPECIALITY), "")
    for one in _all(items):
        if one.number == _LED_BY:
            name = " ".join(filter(None, (item.told for item in one.below)))
            if name:
                yield Wording(f"{name} ({role})", f"{name} ({role})") if role else Wording(name, name)
        elif one.number == _PRESENT:
            yield from (Wording(item.told, item.told) for item in _all(one.below) if item.told)


def _rest(items: tuple[_Item, ...], used: set[int], above: str) -> Iterator[tuple[str, str]]:
    """Every answer that told no wish, with the question and what it stands under."""
    for one in items:
        if one.told and id(one) not in used:
            yield " › ".join(filter(None, (above, one.question or one.number))), one.told
        if one.below:
            heading = textwrap.shorten(one.question, _HEADING, placeholder="…")
            yield from _rest(one.below, used, textwrap.shorten(" › ".join(filter(None, (above, heading))), _HEADINGS, placeholder=" …"))
