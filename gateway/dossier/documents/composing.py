"""The Composition of a document: what each section holds, and for each why it holds no more (promises P8 and P9).

A section is empty for one of two reasons, and they have different codes: everybody who feeds it was heard and nothing was shown
(`nothing-shown`, ours), or somebody was not heard out (`unavailable`, HL7). Never is it said that something is known not to be there,
that it was withheld or that it was not asked: nobody outside a holder can know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from accord.terms.parties import DataHolder
from gateway.dossier.documents.narrative import clean, listed, narrative, paragraph
from gateway.dossier.documents.plans import SECTION_SYSTEM, Code, DocumentPlan, SectionPlan
from gateway.dossier.provenance import AUTHORED
from gateway.dossier.words import CONSTANT_NOTE, EMERGENCY_NOTE, Language, Wording, not_heard
from gateway.ports import Completeness

HOLDER_SYSTEM: Final = "urn:noaber:holder"
#: Extension of a section: a holder that feeds it and was not heard out.
NOT_HEARD: Final = "urn:noaber:not-heard"
NOTHING_SHOWN: Final = Code("urn:noaber:empty-reason", "nothing-shown", "Nothing shown")
UNAVAILABLE: Final = Code("http://terminology.hl7.org/CodeSystem/list-empty-reason", "unavailable", "Unavailable")
COMPLETENESS: Final = Code(SECTION_SYSTEM, "completeness", "Completeness")

_NOTHING: Final = Wording("Niets getoond. Dat betekent niet dat er niets is.", "Nothing shown. That does not mean that there is nothing.")
_COMPLETENESS: Final = Wording("Wie is gehoord", "Who was heard")
_EVERYBODY: Final = Wording("Iedereen aan wie dit is gevraagd, is gehoord.", "Everybody who was asked was heard.")
GENERATED: Final = Wording(
    "Automatisch samengesteld uit wat de instellingen in de regio tonen; door niemand nagelezen.",
    "Put together automatically from what the holders of the region show; read through by nobody.",
)


def _left_out(count: int) -> Wording:
    if count == 1:
        return Wording(
            "1 gegeven is weggelaten: de bron zegt dat het onjuist is ingevoerd.", "1 record is left out: its source says that it was entered in error."
        )
    return Wording(
        f"{count} gegevens zijn weggelaten: de bron zegt dat ze onjuist zijn ingevoerd.",
        f"{count} records are left out: their sources say that they were entered in error.",
    )


def _replaced(count: int) -> Wording:
    return Wording(
        f"Niet opgenomen, want vervangen of beëindigd: {count}. Zie het dossier.", f"Not included, because replaced or ended: {count}. See the dossier."
    )


@dataclass(frozen=True, slots=True)
class Item:
    """A record in a section: how the document refers to it (empty: it is in no record), its type, and its line."""

    reference: str
    kind: str
    line: str


@dataclass(frozen=True, slots=True)
class SectionContent:
    """What a section holds, newest first; how many records its sources call mistakes; who feeds it and was not heard out."""

    plan: SectionPlan
    items: Sequence[Item]
    in_error: int
    missing: Sequence[DataHolder]
    earlier: int = 0
    """Records left out because something newer took their place, or they ended."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the sections: ids and references of what the document names, when it was made, and the account in words."""

    id: str
    identifier: dict[str, str]
    date: str
    subject: str
    author: str
    custodian: str
    outcomes: Sequence[str]
    told: Sequence[str]


def missing_of(completeness: Completeness, plan: SectionPlan) -> list[DataHolder]:
    """Who feeds a section and may have more, in the order of the register."""
    return [line.holder for line in completeness.holders if line.gaps & plan.fed_by]


def compose(
    plan: DocumentPlan,
    frame: Frame,
    sections: Sequence[SectionContent],
    completeness: Completeness,
    language: Language,
    *,
    made: Wording = GENERATED,
    is_sent: bool = False,
) -> dict[str, Any]:
    """The Composition. *made* says who or what put it together, and whether anybody read it.

    *is_sent*: it is read elsewhere, under its title, where nobody can ask for emergency access.
    """
    written: dict[str, Any] = {
        "resourceType": "Composition",
        "id": frame.id,
        "meta": {"tag": [AUTHORED]},
        "language": language,
        "text": _text(plan, completeness, language, made, is_sent=is_sent),
        "identifier": frame.identifier,
        "status": "final",
        "type": {"coding": [plan.type.coding]},
        "subject": {"reference": frame.subject},
        "date": frame.date,
        "author": [{"reference": frame.author}],
        "title": plan.title.in_language(language),
        "confidentiality": "N",
        "custodian": {"reference": frame.custodian},
        "section": [*(_section(section, language) for section in sections), _account(frame, completeness, language)],
    }
    if plan.profile and all(item.kind in section.plan.types for section in sections for item in section.items):
        written["meta"] = {"profile": [plan.profile], **written["meta"]}
    return written


def _text(plan: DocumentPlan, completeness: Completeness, language: Language, made: Wording, *, is_sent: bool) -> dict[str, Any]:
    """The note that stands on everything, whatever is in it; then who was not heard."""
    titles = [] if is_sent else [plan.title]
    notes = [CONSTANT_NOTE, *([EMERGENCY_NOTE] if completeness.emergency_offered and not is_sent else []), made]
    return narrative(*(paragraph(words.in_language(language)) for words in (*titles, *notes)), paragraph(_heard(completeness, language)))


def _heard(completeness: Completeness, language: Language) -> str:
    gaps = [line.holder.title for line in completeness.holders if line.leaves_a_gap]
    return (not_heard(gaps) if gaps else _EVERYBODY).in_language(language)


def _section(content: SectionContent, language: Language) -> dict[str, Any]:
    plan, missing = content.plan, content.missing
    gap = not_heard([holder.title for holder in missing]).in_language(language)
    nothing = "" if content.items else _NOTHING.in_language(language)
    in_error = _left_out(content.in_error).in_language(language) if content.in_error else ""
    earlier = _replaced(content.earlier).in_language(language) if content.earlier else ""
    blocks = [
        paragraph(gap) if gap else "",
        listed(item.line for item in content.items),
        *(paragraph(words) for words in (nothing, in_error, earlier) if words),
    ]
    written: dict[str, Any] = {
        "title": plan.title.in_language(language),
        "code": {"coding": [plan.code.coding]},
        "text": narrative(*blocks),
    }
    if missing:
        written["extension"] = [_not_heard(holder) for holder in missing]
    # Of one record there may be several lines.
    if references := [one for one in dict.fromkeys(item.reference for item in content.items) if one]:
        written["entry"] = [{"reference": reference} for reference in references]
    elif not content.items:
        reason = UNAVAILABLE if missing else NOTHING_SHOWN
        written["emptyReason"] = {"coding": [reason.coding], "text": gap or nothing}
    return written


def _not_heard(holder: DataHolder) -> dict[str, Any]:
    return {"url": NOT_HEARD, "valueCoding": {"system": HOLDER_SYSTEM, "code": holder.name.value, "display": clean(holder.title)}}


def _account(frame: Frame, completeness: Completeness, language: Language) -> dict[str, Any]:
    """The account of the question, at the end: it refers to the same OperationOutcomes that end every other answer."""
    return {
        "title": _COMPLETENESS.in_language(language),
        "code": {"coding": [COMPLETENESS.coding]},
        "text": narrative(paragraph(_heard(completeness, language)), listed(frame.told), paragraph(CONSTANT_NOTE.in_language(language))),
        "entry": [{"reference": reference} for reference in frame.outcomes],
    }
