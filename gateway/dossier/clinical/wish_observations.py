"""Wishes that are observed or aimed at: place of death, euthanasia, organ donation, what matters, the goal of treatment."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from accord.terms.vocabulary import Section
from gateway.dossier.clinical import wish_words as say
from gateway.dossier.clinical.concepts import Concept, ConceptTable
from gateway.dossier.clinical.trees import Follow, Tree, codings, part, parts, text, words_of
from gateway.dossier.clinical.wish_notes import comments, modifiers, recorded_apart, validity
from gateway.dossier.clinical.wish_parties import parties
from gateway.dossier.clinical.wishes import Answer, Note, Validity, Wish
from gateway.dossier.words import Wording

_NULLS: Final = frozenset({"http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "http://terminology.hl7.org/CodeSystem/data-absent-reason"})
_SNOMED: Final = "http://snomed.info/sct"
#: The subject of all goals: the goal itself is what is said of it.
#: The roles in the table of what a wish can be about.
SUBJECTS: Final = frozenset({"wish", "treatment-goal"})
GOAL: Final = "goal.focus"


class Told(NamedTuple):
    """An answer that is given as a value. `value` is what is compared, `conditions` the record's own text, whole."""

    answer: Answer
    words: Wording
    value: str = ""
    conditions: str = ""
    notes: tuple[Note, ...] = ()


NOTHING_TOLD: Final = Told(Answer.NOT_RECORDED, say.NOT_RECORDED)


def named(table: ConceptTable, key: str) -> Concept | None:
    """The concept of a key, where the table has it."""
    try:
        return table.named(key)
    except KeyError:
        return None


def wish_of(concept: object, table: ConceptTable) -> Concept | None:
    """The subject of planning ahead that a coded concept names; none where it names none, or several."""
    found = {one.key: one for system, code, _ in codings(concept) if (one := table.of(system, code)) is not None and one.roles & SUBJECTS}
    return next(iter(found.values())) if len(found) == 1 else None


def observed(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
    """The wish of an observation; none where it is not of planning ahead."""
    concept = wish_of(tree.get("code"), table)
    # The code of a treatment says that it was done or measured: only what the table has among the wishes is one here.
    if concept is None or concept.section is not Section.PLANNING_AHEAD:
        return ()
    status = text(tree, "status")
    told = told_of(concept.key, tree)
    period = part(tree, "effectivePeriod")
    when = text(tree, "effectiveDateTime") or text(period, "start")
    issued = text(tree, "issued")
    own = text(tree, "code", "text")
    about = ((say.OWN_WORDS, own),) if own and own.casefold() != concept.label.nl.casefold() else ()
    notes = (*modifiers(tree), *told.notes, *dict.fromkeys(comments(tree)), *about, *components(tree))
    wish = _wish(concept, told, notes, (status, validity(status, "final", "amended", "corrected")))
    apart = recorded_apart(when, issued) if when else ()
    return (replace(wish, when=when or issued, said_with=parties(tree, ("performer",), follow), notes=(*notes, *apart)),)


def goal(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
    """The wish of a goal; none where its codes are none of planning ahead."""
    aims = [one for system, code, _ in codings(tree.get("description")) if (one := table.of(system, code)) is not None and "treatment-goal" in one.roles]
    concept = named(table, GOAL)
    if concept is None or not aims:
        return ()
    status = text(tree, "lifecycleStatus")
    told = value_of(GOAL, {"valueCodeableConcept": part(tree, "description")})
    notes = [*modifiers(tree), *told.notes, *dict.fromkeys(comments(tree))]
    if own := text(tree, "description", "text"):
        notes.append((say.OWN_WORDS, own))
    if text(tree, "statusReason"):
        notes.append((say.ENDED_BECAUSE, text(tree, "statusReason")))
    notes += [(say.ALSO_SAID, words_of(one)) for one in (part(tree, "achievementStatus"), part(tree, "outcomeCode")) if words_of(one)]
    wish = _wish(concept, told, tuple(notes), (status, validity(status, "active", "accepted")))
    return (replace(wish, when=text(tree, "statusDate") or text(tree, "startDate"), said_with=parties(tree, ("expressedBy",), follow)),)


def told_of(key: str, tree: Tree) -> Told:
    """What an observation answers: its value, else why there is none, else its notes."""
    told = value_of(key, tree)
    if told is not NOTHING_TOLD:
        return told
    absent = part(tree, "dataAbsentReason")
    if absent:
        return _absent(absent)
    remarks = "\n".join(dict.fromkeys(text for _, text in comments(tree) if text))
    return Told(Answer.IN_WORDS, say.in_words(remarks), "", remarks) if remarks else NOTHING_TOLD


def value_of(key: str, tree: Tree) -> Told:
    """What the value of an observation, or of an answer to a question, comes to."""
    if "valueCoding" in tree:
        return _coded(key, {"coding": [tree["valueCoding"]]})
    if "valueCodeableConcept" in tree:
        return _coded(key, part(tree, "valueCodeableConcept"))
    written = plain_value(tree)
    return Told(Answer.IN_WORDS, Wording(written, written), "", written) if written else NOTHING_TOLD


def plain_value(tree: Tree) -> str:
    """Any value that is no code, as it was written."""
    for name in ("valueString", "valueMarkdown", "valueDateTime", "valueDate", "valueTime", "valueUri", "valueInteger", "valueDecimal"):
        if told := _as_text(tree, name):
            return told
    if isinstance(tree.get("valueBoolean"), bool):
        return "Ja" if tree["valueBoolean"] else "Nee"
    quantity = part(tree, "valueQuantity")
    number = " ".join(filter(None, [text(quantity, "comparator"), _as_text(quantity, "value"), text(quantity, "unit") or text(quantity, "code")]))
    named_so = part(tree, "valueReference") or part(tree, "valueAttachment")
    return number or text(named_so, "display") or text(named_so, "title") or text(named_so, "url")


def _as_text(tree: Tree, name: str) -> str:
    """A text or a number; a record that is read fast has whole numbers as numbers."""
    found = tree.get(name)
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else text(tree, name)


def components(tree: Tree) -> Iterator[Note]:
    """What an observation says in parts."""
    for one in parts(tree, "component"):
        name = words_of(one.get("code")) or next((code for _, code, _ in codings(one.get("code"))), "")
        told = value_of("", one).words.nl
        yield say.ALSO_SAID, f"{name}: {told}" if name else told


def _coded(key: str, concept: Tree) -> Told:
    """A coded answer: by the table of meanings, else in its own words. Two meanings at once are both told, with a note."""
    own = text(concept, "text")
    known: dict[str, Wording] = {}
    for system, code, display in codings(concept):
        if system in _NULLS:
            if code in say.ABSENT:
                words = Wording(f"{say.ABSENT[code].nl} ({display})", f"{say.ABSENT[code].en} ({display})") if display and not own else say.ABSENT[code]
                known[code] = words
        elif system == _SNOMED and (key, code) in say.VALUES:
            known[code] = say.VALUES[key, code]
    called = own or words_of(concept) or next((code for _, code, _ in codings(concept) if code), "")
    if not known:
        return Told(Answer.IN_WORDS, Wording(called, called), called) if called else NOTHING_TOLD
    if len(known) > 1:
        both = Wording(" / ".join(one.nl for one in known.values()), " / ".join(one.en for one in known.values()))
        return Told(Answer.IN_WORDS, both, " ".join(sorted(known)), own, ((say.CONTRADICTORY, ""),))
    code, words = next(iter(known.items()))
    if code in say.ABSENT:
        if own:
            return Told(Answer.IN_WORDS, say.in_words(own), "", own)
        return Told(Answer.UNDECIDED, words)
    return Told(Answer.IN_WORDS, words, code, "", ((say.OWN_WORDS, own),) if own and own.casefold() != words.nl.casefold() else ())


def _absent(reason: Tree) -> Told:
    told = _coded("", reason)
    return Told(Answer.UNDECIDED, told.words) if told.answer is not Answer.NOT_RECORDED else Told(Answer.UNDECIDED, say.UNKNOWN)


def _wish(concept: Concept, told: Told, notes: tuple[Note, ...], status: tuple[str, Validity]) -> Wish:
    code, stands = status
    answer, words = told.answer, told.words
    if stands is not Validity.VALID:
        answer, words = Answer.IN_WORDS, say.not_valid(code, words)
    return Wish(
        concept=concept, subject=concept.label.nl, answer=answer, words=words, conditions=told.conditions, notes=notes, value=told.value, validity=stands
    )
