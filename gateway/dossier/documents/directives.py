"""A directive in one line, never saying more than the record does: a yes with conditions is no yes, and a missing answer is no yes either.

In both generations: `provision.type` with `ext-TreatmentDirective2.SpecificationOther` (2020), and `zib-TreatmentDirective-*` (2017).
On an ICD "permit" means that switching it off was agreed, and nothing means the opposite (IKNL PZP-FHIR-R4, ACP-TreatmentDirective).
"""

from collections.abc import Iterator
from typing import Final

from gateway.dossier.clinical.shown import Shown
from gateway.dossier.clinical.trees import Tree, codings, extensions, part, parts, text, words_of
from gateway.dossier.documents.codes import ICD_OFF, has_code
from gateway.dossier.words import Language, Wording

_YES: Final = Wording("ja", "yes")
_NO: Final = Wording("nee", "no")
_SWITCH_OFF: Final = Wording("uitzetten is afgesproken", "switching it off was agreed")
_NEITHER: Final = Wording("geen ja en geen nee", "neither yes nor no")
_READ: Final = Wording("lees het gegeven zelf", "read the record itself")
_EXISTS: Final = Wording("er is een wilsverklaring", "there is a living will")
#: Extensions that are read here. A modifier beyond these may turn round whatever is said.
_KNOWN: Final = ("ext-TreatmentDirective2.SpecificationOther", "zib-TreatmentDirective-TreatmentPermitted", "zib-TreatmentDirective-Restrictions")
_OTHER: Final = _KNOWN[0]
_PERMITTED: Final = _KNOWN[1]
_RESTRICTIONS: Final = _KNOWN[2]
_TREATMENT: Final = "zib-TreatmentDirective-Treatment"
_OF_2017: Final = {"JA": "permit", "NEE": "deny"}
_ANSWERS: Final = {"permit": _YES, "deny": _NO}


def directive_shown(consent: Tree, language: Language) -> Shown:
    """What it is about, what was decided, and when."""
    words = list(_texts(consent))
    answer = _answer(consent, has_words=bool(words)).in_language(language)
    value = "; ".join((answer, *words))
    period = part(consent, "provision", "period")
    ended = text(period, "end")
    state = f"{Wording('geldig tot', 'valid until').in_language(language)} {ended[:16].replace('T', ' ')}" if ended else ""
    return Shown(what=_what(consent), value=value, when=(text(consent, "dateTime") or text(period, "start"))[:16].replace("T", " "), state=state)


def _what(consent: Tree) -> str:
    treatments = [one.get("valueCodeableConcept") for one in extensions(consent, _TREATMENT)]
    treatments += list(parts(part(consent, "provision"), "code"))
    named = [words_of(one) or next((code for _, code, _ in codings(one) if code), "") for one in treatments]
    return ", ".join(dict.fromkeys(name for name in named if name)) or words_of(consent.get("category"))


def _answer(consent: Tree, *, has_words: bool) -> Wording:
    provision = part(consent, "provision")
    if any(True for _ in parts(provision, "provision")) or _is_modified(consent):
        return _READ
    said = {text(provision, "type")} | {_OF_2017.get(code, "in-words") for code in _permitted(consent)}
    said.discard("")
    if _is_living_will(consent) and not said:
        return _EXISTS
    if len(said) != 1:
        return _NEITHER
    (answer,) = said
    if has_words and answer != "deny":
        # A yes with conditions is no yes; a no stays one, with its reasons beside it.
        return _NEITHER
    if _is_about_an_icd(provision):
        # Whoever wrote "deny" here wrote what no form asks.
        return _SWITCH_OFF if answer == "permit" else _NEITHER
    return _ANSWERS.get(answer, _NEITHER)


def _permitted(consent: Tree) -> Iterator[str]:
    for name in ("modifierExtension", "extension"):
        for one in extensions(consent, _PERMITTED, name):
            yield from (code for _, code, _ in codings(one.get("valueCodeableConcept")))


def _is_modified(consent: Tree) -> bool:
    """Whether a modifier says something that is not understood here."""
    unknown = any(text(one, "url").rpartition("/")[2] not in _KNOWN for one in parts(consent, "modifierExtension"))
    return unknown or any(True for _ in parts(part(consent, "provision"), "modifierExtension"))


def _is_living_will(consent: Tree) -> bool:
    return any(code in {"acd", "11341000146107"} for _, code, _ in codings(consent.get("category")))


def _is_about_an_icd(provision: Tree) -> bool:
    (code,) = (code for _, code in ICD_OFF)
    return has_code(provision.get("code"), ICD_OFF) or any(code in text(one, "text") for one in parts(provision, "code"))


def _texts(consent: Tree) -> Iterator[str]:
    """Every condition in its own words, whole."""
    for name in ("modifierExtension", "extension"):
        for ending in (_OTHER, _RESTRICTIONS):
            yield from (text(one, "valueString") for one in extensions(consent, ending, name) if text(one, "valueString"))
