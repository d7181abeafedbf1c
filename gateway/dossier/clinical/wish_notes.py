"""What must be read with a wish: comments, sources, documents, why it ended; and whether something changes its meaning."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from gateway.dossier.clinical.trees import Follow, Tree, codings, extensions, part, parts, text, words_of
from gateway.dossier.clinical.wish_parties import resolve
from gateway.dossier.clinical.wish_words import (
    BASED_ON,
    COMMENT,
    DISORDER,
    ENDED_BECAUSE,
    KEPT_AT,
    LIVING_WILLS,
    NOT_VERIFIED,
    RECORDED_ON,
    UNKNOWN_MODIFIER,
    UNREADABLE,
)
from gateway.dossier.clinical.wishes import Note, Validity
from gateway.dossier.words import Wording

NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/"
_COMMENTS: Final = ("/ext-Comment", "/Comment")
_SOURCES: Final = ("consent-additionalSources",)
_DISORDERS: Final = ("ext-AdvanceDirective.Disorder", "zib-AdvanceDirective-Disorder")
_VERIFICATION: Final = "zib-TreatmentDirective-Verification"
_MODIFIERS: Final = "modifierExtension"


def everywhere(tree: object, name: str) -> Iterator[Any]:
    """What stands under a name, however deep; not in records that are contained."""
    rest = [tree]
    while rest:
        one = rest.pop()
        if isinstance(one, Mapping):
            if name in one:
                yield one[name]
            rest += [value for key, value in one.items() if key != "contained"]
        elif isinstance(one, list):
            rest += reversed(one)


def modifiers(tree: Tree, known: Collection[str] = ()) -> tuple[Note, ...]:
    """One note for whatever changes the meaning of a record and is not read here: then no answer of it is plain.

    `known` are the addresses of what is read, at the record itself; deeper down nothing is.
    """
    found = [""] if tree.get("implicitRules") else []
    own = tree.get(_MODIFIERS)
    for members in everywhere(tree, _MODIFIERS):
        for one in members if isinstance(members, list) else [members]:
            url = text(one, "url")
            if members is not own or url not in known:
                found.append(own_text(one))
    return ((UNKNOWN_MODIFIER, "\n".join(dict.fromkeys(filter(None, found)))),) if found else ()


def own_text(extension: object) -> str:
    """What an extension says, where it says it in words."""
    return (
        text(extension, "valueString") or text(extension, "valueMarkdown") or text(extension, "valueCode") or words_of(part(extension, "valueCodeableConcept"))
    )


def comments(tree: Tree) -> Iterator[Note]:
    """Every comment of the record, whole."""
    for members in everywhere(tree, "extension"):
        for one in members if isinstance(members, list) else [members]:
            url = text(one, "url")
            if any(url.endswith(ending) or url == ending[1:] for ending in _COMMENTS):
                told = own_text(one)
                yield (COMMENT, told) if told else (UNREADABLE, "")
    yield from written(tree)


def written(tree: Tree) -> Iterator[Note]:
    """The annotations of a record."""
    for name in ("note", "comment"):
        for one in parts(tree, name):
            if text(one, "text"):
                yield COMMENT, text(one, "text")
        if text(tree, name):
            yield COMMENT, text(tree, name)


def of_a_consent(tree: Tree, follow: Follow) -> Iterator[Note]:
    """The notes of a consent: comments, on what it is based, where the document is, why it ended, whether it was verified."""
    yield from comments(tree)
    sources = [part(one, "valueReference") for ending in _SOURCES for one in extensions(tree, ending)]
    for reference in (part(tree, "sourceReference"), *sources):
        if told := source_words(reference, tree, follow):
            yield BASED_ON, told
    for one in parts(tree, "sourceAttachment"):
        if told := " ".join(filter(None, [text(one, "title") or text(one, "url"), f"({text(one, 'contentType')})" if text(one, "contentType") else ""])):
            yield KEPT_AT, told
    for ending in _DISORDERS:
        for one in extensions(tree, ending):
            reference = part(one, "valueReference")
            if told := words_of(part(resolve(reference, tree, follow) or {}, "code")) or text(reference, "display") or own_text(one):
                yield DISORDER, told
    for one in extensions(part(tree, "provision"), "ext-TreatmentDirective2.ReasonForEnding"):
        yield ENDED_BECAUSE, own_text(one)
    if any(member.get("valueBoolean") is False for one in extensions(tree, _VERIFICATION) for member in extensions(one, "Verified")):
        yield NOT_VERIFIED, ""


def source_words(reference: object, tree: Tree, follow: Follow) -> str:
    """What a reference leads to, as a reader knows it: a living will by its kind and date; else by what it is called here."""
    record = resolve(reference, tree, follow) or {}
    kinds = [LIVING_WILLS[code].nl for one in parts(part(record, "provision"), "code") for _, code, _ in codings(one) if code in LIVING_WILLS]
    told = " ".join(filter(None, [", ".join(kinds), text(record, "dateTime")]))
    named = text(reference, "display") or text(reference, "identifier", "value")
    return ", ".join(dict.fromkeys(filter(None, [named, told]))) or text(reference, "reference")


def verified(tree: Tree) -> tuple[str, tuple[Wording, ...]]:
    """When and with whom a directive of 2017 was discussed, as far as it says so."""
    if any(member.get("valueBoolean") is False for one in extensions(tree, _VERIFICATION) for member in extensions(one, "Verified")):
        return "", ()
    dates = [text(member, "valueDateTime") for one in extensions(tree, _VERIFICATION) for member in extensions(one, "VerificationDate")]
    told = [words_of(part(member, "valueCodeableConcept")) for one in extensions(tree, _VERIFICATION) for member in extensions(one, "VerifiedWith")]
    return next(filter(None, dates), ""), tuple(Wording(one, one) for one in dict.fromkeys(filter(None, told)))


def recorded_apart(when: str, recorded: str) -> tuple[Note, ...]:
    """That a record was written down on another day than the one of the discussion."""
    return ((RECORDED_ON, recorded),) if recorded and recorded[:10] != when[:10] else ()


def validity(status: str, *valid: str) -> Validity:
    """What a status makes of a record. One that is not known, or not there, makes it no valid one."""
    if status in valid:
        return Validity.VALID
    return Validity.IN_ERROR if status == "entered-in-error" else Validity.NOT_VALID
