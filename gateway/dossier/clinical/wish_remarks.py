"""What stands beside the wishes: a conversation took place, relatives are to be told, there is an ICD, somebody is legally capable."""

from collections.abc import Iterator
from typing import Final

from gateway.dossier.clinical import wish_words as say
from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.trees import Follow, Tree, codings, extensions, part, parts, text, words_of
from gateway.dossier.clinical.wish_notes import comments, modifiers, validity
from gateway.dossier.clinical.wish_parties import parties, party, resolve
from gateway.dossier.clinical.wishes import Note, Remark, Validity
from gateway.dossier.words import Wording

_SNOMED: Final = "http://snomed.info/sct"
#: Advance care planning, and the advice to tell somebody.
_PLANNING: Final = (_SNOMED, "713603004")
_ADVICE: Final = (_SNOMED, "223449006")
#: Implantable cardioverter-defibrillator, as IKNL's profile of the device has it.
_ICD: Final = (_SNOMED, "72506001")
_CAPABLE: Final = "ext-LegallyCapable-MedicalTreatmentDecisions"

_CONVERSATION: Final = Wording("Gesprek over planning vooruit", "Conversation about planning ahead")
_RELATIVES: Final = Wording("Naasten informeren", "Informing relatives")
_DEVICE: Final = Wording("ICD", "ICD")
_CAPACITY: Final = Wording("Wilsbekwaamheid", "Legal capacity")
_TOOK_PLACE: Final = Wording("Er is een gesprek over planning vooruit gevoerd", "A conversation about planning ahead took place")
_ASKED_TO_TELL: Final = Wording("Gevraagd is de naasten over de afspraken te vertellen", "It was asked that relatives are told of the agreements")
_WERE_TOLD: Final = Wording("De naasten zijn over de afspraken geïnformeerd", "Relatives were told of the agreements")
_HAS_ICD: Final = Wording("Heeft een ICD", "Has an ICD")
_NOT_SAID: Final = Wording("Niet vastgelegd", "Not recorded")


def read_remarks(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Remark, ...]:
    """What a record beside the wishes says that their reader wants to know; empty where it says none of that."""
    match tree.get("resourceType"):
        case "Procedure":
            return _conversation(tree, follow, "performedDateTime", "performedPeriod", "completed") if _is(tree.get("code"), _PLANNING, table) else ()
        case "Encounter":
            return _conversation(tree, follow, "", "period", "finished") if _is_about_planning(tree, follow, table) else ()
        case "CommunicationRequest" | "Communication":
            return _relatives(tree, follow, table)
        case "DeviceUseStatement":
            return _icd(tree, follow)
        case "Patient":
            return _capacity(tree)
    return ()


def _is(concept: object, code: tuple[str, str], table: ConceptTable) -> bool:
    return any((system, given) == code or getattr(table.of(system, given), "key", "") == "planning.conversation" for system, given, _ in codings(concept))


def _is_about_planning(tree: Tree, follow: Follow, table: ConceptTable) -> bool:
    reasons = [part(resolve(one, tree, follow) or {}, "code") for one in parts(tree, "reasonReference")]
    return any(_is(one, _PLANNING, table) for one in (*reasons, *parts(tree, "reasonCode"), *parts(tree, "type")))


def _conversation(tree: Tree, follow: Follow, moment: str, period: str, done: str) -> tuple[Remark, ...]:
    when = text(tree, moment) or text(tree, period, "start")
    return (_remark(tree, _CONVERSATION, _TOOK_PLACE, when, parties(tree, ("performer", "participant"), follow), done),)


def _relatives(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Remark, ...]:
    concepts = [one for name in ("reasonCode", "category") for one in parts(tree, name)]
    if not any(_is(one, _PLANNING, table) or any((system, code) == _ADVICE for system, code, _ in codings(one)) for one in concepts):
        return ()
    is_request = tree.get("resourceType") == "CommunicationRequest"
    when = text(tree, "authoredOn") if is_request else text(tree, "sent") or text(tree, "received")
    notes = [(say.TOLD_TO, one.nl) for one in parties(tree, ("recipient",), follow)]
    notes += [(say.ALSO_SAID, plain) for one in parts(tree, "payload") if (plain := text(one, "contentString"))]
    notes += [(say.OWN_WORDS, text(one, "text")) for one in parts(tree, "category") if text(one, "text")]
    who = parties(tree, ("requester", "sender"), follow)
    return (_remark(tree, _RELATIVES, _ASKED_TO_TELL if is_request else _WERE_TOLD, when, who, "active", "completed", more=tuple(notes)),)


def _icd(tree: Tree, follow: Follow) -> tuple[Remark, ...]:
    device = resolve(part(tree, "device"), tree, follow) or {}
    if not any((system, code) == _ICD for system, code, _ in codings(device.get("type"))):
        return ()
    when = text(tree, "timingDateTime") or text(tree, "timingPeriod", "start") or text(tree, "recordedOn")
    site = part(tree, "bodySite")
    sides = [words_of(part(one, "valueCodeableConcept")) for one in extensions(site, "ext-AnatomicalLocation.Laterality")]
    notes = [(say.WHERE, told) for told in [" ".join(filter(None, [words_of(site), *sides]))] if told]
    for one in extensions(tree, "ext-MedicalDevice.HealthProfessional"):
        who = party(part(one, "valueReference"), tree, follow)
        notes += [(say.CARRIED_OUT_BY, who.nl)] if who is not None else []
    return (_remark(tree, _DEVICE, _HAS_ICD, when, (), "active", more=tuple(notes)),)


def _capacity(tree: Tree) -> tuple[Remark, ...]:
    found = []
    for one in extensions(tree, _CAPABLE):
        told = [member.get("valueBoolean") for member in extensions(one, "legallyCapable")]
        words = say.CAPABLE if told and all(one is True for one in told) else say.INCAPABLE if told and all(one is False for one in told) else _NOT_SAID
        notes = [(say.COMMENT, text(member, "valueString")) for member in extensions(one, "legallyCapableComment") if text(member, "valueString")]
        found.append(Remark(_CAPACITY, words, notes=tuple(notes)))
    return tuple(found)


def _remark(tree: Tree, subject: Wording, words: Wording, when: str, who: tuple[Wording, ...], *valid: str, more: tuple[Note, ...] = ()) -> Remark:
    status = text(tree, "status")
    stands = validity(status, *valid)
    if stands is not Validity.VALID:
        told = say.STATUS.get(status, say.UNKNOWN_STATUS)
        words = Wording(f"{subject.nl}: {told.nl}", f"{subject.en}: {told.en}")
    return Remark(subject, words, when, who, (*modifiers(tree), *more, *_unique(comments(tree))), stands)


def _unique(notes: Iterator[Note]) -> tuple[Note, ...]:
    return tuple(dict.fromkeys(notes))
