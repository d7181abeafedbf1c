"""Treatment directives: what was agreed about a treatment, in the forms of 2020 and of 2017, closed on doubt.

The rules are those of the zibs TreatmentDirective (2017) and TreatmentDirective2 (2020) and of IKNL's guide for planning
ahead: yes is `permit` and no is `deny`, every other answer has no type and stands in a modifier extension, in words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.dossier.clinical import wish_words as say
from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.trees import Follow, Tree, codings, extensions, part, text
from gateway.dossier.clinical.wish_notes import NICTIZ, everywhere, modifiers, of_a_consent, own_text, recorded_apart, validity, verified
from gateway.dossier.clinical.wish_parties import actors, parties, together
from gateway.dossier.clinical.wish_treatments import DEACTIVATION, Treatment, treatments
from gateway.dossier.clinical.wishes import Answer, Note, Validity, Wish
from gateway.dossier.words import Wording

OTHER: Final = "ext-TreatmentDirective2.SpecificationOther"
PERMITTED: Final = "zib-TreatmentDirective-TreatmentPermitted"
_READ: Final = frozenset({NICTIZ + OTHER, NICTIZ + PERMITTED})
_RESTRICTIONS: Final = "zib-TreatmentDirective-Restrictions"
_SPECIFICATION: Final = "ext-CodeSpecification"
#: Answers of 2017, and decisions of 2020, with what they come to in `provision.type`: nothing, where there are restrictions.
_ANSWERS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4"
DECISIONS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.25.1"
_TYPES: Final = {(_ANSWERS, "JA"): "permit", (_ANSWERS, "JA_MAAR"): "", (_ANSWERS, "NEE"): "deny", (DECISIONS, "0"): "permit", (DECISIONS, "1"): "", (DECISIONS, "2"): "deny"}  # fmt: skip
_WITH_LIMITS: Final = frozenset({"JA", "JA_MAAR"})
#: The members of a provision that are read, or say nothing about the answer. Any other narrows it.
_PROVISION: Final = frozenset({"id", "extension", "modifierExtension", "type", "_type", "period", "actor", "code"})


@dataclass(frozen=True, slots=True)
class _Given:
    """What a record answers: `types` of `provision.type` and of 2017, `codes` that were given, `told` in words, and every doubt."""

    types: frozenset[str]
    codes: frozenset[str]
    told: tuple[str, ...]
    doubts: tuple[Note, ...]
    #: What the answer's code is called. A converted "yes, but" without its restrictions has this for a text.
    called: frozenset[str] = frozenset()

    @property
    def names_limits(self) -> bool:
        """Whether a text says more than that there are restrictions."""
        return bool(set(self.told) - self.called)

    @property
    def text(self) -> str:
        """The record's own text, whole."""
        return "\n".join(self.told)


def directives(tree: Tree, follow: Follow, table: ConceptTable, doubts: tuple[Note, ...] = ()) -> tuple[Wish, ...]:
    """The directive of a record: one for each treatment that it names. `doubts` are those of whoever read the record before."""
    given, named = _given(tree), treatments(tree, table)
    more = ((say.several([one.title.nl for one in named]), ""),) if len(named) > 1 or named[0].is_several else ()
    given = replace(given, doubts=(*given.doubts, *doubts, *more))
    notes = (*given.doubts, *dict.fromkeys(of_a_consent(tree, follow)))
    discussed, verified_with = verified(tree)
    provision, written_down, status = part(tree, "provision"), text(tree, "dateTime"), text(tree, "status")
    period = part(provision, "period")
    when = discussed or written_down or text(period, "start")
    stands = validity(status, "active")
    found = []
    for one in named:
        answer, words, doubtful = _answer(given, one)
        if stands is not Validity.VALID:
            answer, words = Answer.IN_WORDS, say.not_valid(status, words)
        found.append(
            Wish(
                concept=one.concept,
                subject=one.title.nl,
                answer=answer,
                words=words,
                conditions=given.text,
                when=when,
                ended=text(period, "end"),
                said_with=together(actors(provision, tree, follow), parties(tree, ("performer",), follow), verified_with),
                notes=(*doubtful, *notes, *_about(one), *recorded_apart(when, written_down)),
                value=" ".join(sorted(given.types)) if answer is Answer.IN_WORDS else "",
                recorded=written_down if written_down != when else "",
                begins=text(period, "start"),
                validity=stands,
                name=one.title,
            )
        )
    return tuple(found)


def _answer(given: _Given, treatment: Treatment) -> tuple[Answer, Wording, tuple[Note, ...]]:
    """What the answer comes to for one treatment, in words, and what makes it doubtful."""
    if not given.types:
        return (*_without_type(given), ())
    is_yes = given.types == {"permit"}
    is_device = treatment.concept is not None and treatment.codes == {DEACTIVATION}
    doubtful: tuple[Note, ...] = ()
    if not is_device and treatment.concept is not None and "icd" in treatment.concept.roles:
        doubtful = ((say.OTHER_ICD_TREATMENT, treatment.own),)
        said = say.yes_or_no("", Wording(treatment.own, treatment.own) if treatment.own else treatment.title, is_yes=is_yes)
    elif is_device:
        said = say.SWITCH_OFF if is_yes else say.LEAVE_ON
    else:
        said = say.yes_or_no(treatment.key, treatment.title, is_yes=is_yes)
    if len(given.types) > 1:
        other = say.yes_or_no(treatment.key, treatment.title, is_yes=True)
        said = Wording(f"{other.nl} / {said.nl}", f"{other.en} / {said.en}")
    if given.told or given.doubts or doubtful or len(given.types) > 1:
        return Answer.IN_WORDS, say.with_reservation(said, given.text), doubtful
    if is_device:
        return (Answer.SWITCH_OFF if is_yes else Answer.LEAVE_ON), said, ()
    return (Answer.YES if is_yes else Answer.NO), said, ()


def _without_type(given: _Given) -> tuple[Answer, Wording]:
    """An answer without a type is never "no objection": it is what its text says, or there is none."""
    has_limits = bool(given.codes & _WITH_LIMITS)
    if given.told and (given.names_limits or not has_limits):
        return Answer.IN_WORDS, say.provided_that(given.text) if has_limits else say.in_words(given.text)
    if has_limits:
        return Answer.IN_WORDS, say.LIMITS_MISSING
    if given.doubts:
        return Answer.IN_WORDS, say.DOUBTFUL
    return Answer.NOT_RECORDED, say.NOT_RECORDED


def _given(tree: Tree) -> _Given:
    provision = part(tree, "provision")
    doubts: list[Note] = list(modifiers(tree, _READ))
    types: set[str] = set()
    if "type" in provision:
        if provision["type"] in ("permit", "deny"):
            types.add(text(provision, "type"))
        else:
            doubts.append((say.UNREADABLE, text(provision, "type")))
    given, coded = _answers_of_2017(tree, doubts), _coded(extensions(part(provision, "_type"), _SPECIFICATION))
    types |= {_TYPES[one] for one in given} - {""}
    claimed = {_TYPES[one] for one in (*given, *coded)}
    told = tuple(_told(tree, doubts))
    if len(types) > 1 or (types and claimed and claimed != types) or (not types and "deny" in claimed and not told):
        doubts.append((say.CONTRADICTORY, ""))
    if tree.get("provision") is not None and not isinstance(tree["provision"], Mapping):
        doubts.append((say.UNREADABLE, ""))
    if provision.keys() - _PROVISION:
        doubts.append((say.FURTHER_RULES, ""))
    called = frozenset(display for one in extensions(part(provision, "_type"), _SPECIFICATION) for *_, display in codings(part(one, "valueCodeableConcept")))
    return _Given(frozenset(types), frozenset(code for _, code in (*given, *coded)), told, tuple(dict.fromkeys(doubts)), called)


def _answers_of_2017(tree: Tree, doubts: list[Note]) -> list[tuple[str, str]]:
    """What the extension of 2017 answers; also where it stands as a plain one, for it says the same there."""
    found: list[tuple[str, str]] = []
    for name in ("modifierExtension", "extension"):
        for one in extensions(tree, NICTIZ + PERMITTED, name):
            coded = _coded(iter([one]))
            found += coded
            if not coded:
                doubts.append((say.UNREADABLE, own_text(one)))
    return found


def _coded(found: Iterator[Tree]) -> list[tuple[str, str]]:
    return [(system, code) for one in found for system, code, _ in codings(part(one, "valueCodeableConcept")) if (system, code) in _TYPES]


def _told(tree: Tree, doubts: list[Note]) -> Iterator[str]:
    """All text that stands in the place of a yes or a no, or restricts one."""
    for one in extensions(tree, OTHER, "modifierExtension"):
        told = own_text(one)
        if told:
            yield told
        else:
            doubts.append((say.UNREADABLE, ""))
    for members in everywhere(tree, "extension"):
        for one in extensions({"extension": members}, _RESTRICTIONS):
            if own_text(one):
                yield own_text(one)
            else:
                doubts.append((say.UNREADABLE, ""))


def _about(treatment: Treatment) -> Iterator[Note]:
    if treatment.concept is not None and treatment.written and treatment.written.casefold() != treatment.title.nl.casefold():
        yield say.OWN_WORDS, treatment.written
