"""A record in one line of a document, by the same rules as on the screen: a wish as it is read there, anything else as it is shown there.

What a record says of planning ahead stands whole, with all that must be read with it: a condition that is cut is another
condition. Of anything else a line has a bounded part, for the record itself is in the document.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.grouping import FIRST_SUBJECTS
from gateway.dossier.clinical.showing import show
from gateway.dossier.clinical.showing.dates import in_words
from gateway.dossier.clinical.showing.wording import phrase
from gateway.dossier.clinical.shown import Attention, Shown
from gateway.dossier.clinical.trees import Follow, Tree, text, with_contained, words_of
from gateway.dossier.clinical.wish_directives import directives
from gateway.dossier.clinical.wish_reading import read_wishes
from gateway.dossier.clinical.wish_remarks import read_remarks
from gateway.dossier.clinical.wish_words import UNREADABLE
from gateway.dossier.clinical.wishes import Note, Remark, Wish
from gateway.dossier.documents.codes import is_about_care
from gateway.dossier.words import Language, Wording

#: More than this of one text is not repeated in a line: the record itself is in the document.
_LONGEST: Final = 400
_CUT: Final = Wording("… (verder in het gegeven zelf)", "… (more in the record itself)")
#: A line of wishes that is longer is not cut but left unsaid. No person writes as much; a text that long is there to fill the memory.
_LONGEST_WISH: Final = 64_000
_UNSAID: Final = Wording("te lang voor dit overzicht: lees het gegeven zelf", "too long for this overview: read the record itself")
_SAME_CONDITIONS: Final = Wording("(dezelfde tekst als hiervoor)", "(the same text as before)")
_VALID_UNTIL: Final = Wording("geldig tot", "valid until")
_VALID_FROM: Final = Wording("geldig vanaf", "valid from")
_NO_VALUE: Final = Wording("geen waarde", "no value")
_CONTRADICTED: Final = Wording("tegenstrijdig met", "contradicted by")
_ATTENTION: Final = {
    Attention.LOW: Wording("laag", "low"),
    Attention.HIGH: Wording("hoog", "high"),
    Attention.ABNORMAL: Wording("afwijkend", "abnormal"),
    Attention.CRITICAL: Wording("kritiek", "critical"),
}
#: Of these a remark says more than the record itself; a device or a person is shown as what it is.
_REMARKED: Final = frozenset({"Procedure", "Encounter", "Communication", "CommunicationRequest"})


@dataclass(frozen=True, slots=True)
class Said:
    """A record in words: what it is about and what it says of that, how it stands where that is other than plainly valid, and when."""

    told: str
    state: str = ""
    when: str = ""


def say(tree: Tree, follow: Follow, language: Language, table: ConceptTable) -> Said:
    """A record in words. It raises nothing, whatever shape the record has, and never cuts a wish or its conditions."""
    follow = with_contained(tree, follow)
    if wishes := _wishes(tree, follow, table):
        return _wished(wishes, language)
    remarks = read_remarks(tree, follow, table) if text(tree, "resourceType") in _REMARKED else ()
    if remarks:
        return _remarked(remarks, language)
    return _shown(show(tree, follow, language, table), language, has_no_value=_has_no_value(tree))


def line(said: Said, holders: Sequence[str], against: Iterable[str], language: Language) -> str:
    """The line: what is said, when, and who says it; on a line of its own below, marked as on the screen, by whom it is contradicted."""
    stated = f"{said.told} ({said.state})" if said.state else said.told
    plain = "; ".join(words for words in (stated, said.when, ", ".join(holders)) if words)
    others = ", ".join(against)
    return f"{plain}\n≠ {_CONTRADICTED.in_language(language)}: {others}" if others else plain


def _wishes(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
    """The wishes of a record. A Consent that does not say of what kind it is stands here among the directives, and is read as strictly.

    If it names no treatment that we know, either, nothing of it is a plain yes or no.
    """
    found = read_wishes(tree, follow, table)
    if found or text(tree, "resourceType") != "Consent" or not is_about_care(tree):
        return found
    found = directives(tree, follow, table)
    is_known = all(one.concept is not None for one in found)
    return found if is_known else directives(tree, follow, table, ((UNREADABLE, words_of(tree.get("category"))),))


def _wished(wishes: Sequence[Wish], language: Language) -> Said:
    """All that a record wants, what matters first at the door first, else in its own order; what holds for all of it is said once."""
    wishes = sorted(wishes, key=lambda one: FIRST_SUBJECTS.get(one.concept.key if one.concept is not None else "", len(FIRST_SUBJECTS)))
    shared = [note for note in wishes[0].notes if all(note in one.notes for one in wishes[1:])]
    whens, states = (list(dict.fromkeys(found(one, language) for one in wishes)) for found in (_when, _state))
    said_before: set[str] = set()
    statements = []
    for one in wishes:
        own = [note for note in one.notes if note not in shared]
        words = _words(one, language, said_before)
        pieces = [f"{_upper_first(one.title.in_language(language))}: {words}", *_noted(own, language)]
        pieces += [_when(one, language)] if len(whens) > 1 else []
        pieces += [_state(one, language)] if len(states) > 1 else []
        statements.append("; ".join(filter(None, pieces)))
    told = "; ".join([" | ".join(statements), *_noted(shared, language)])
    if len(told) > _LONGEST_WISH:
        titles = ", ".join(_upper_first(one.title.in_language(language)) for one in wishes)
        told = f"{_shortened(titles, language)}: {_UNSAID.in_language(language)}"
    return Said(told, states[0] if len(states) == 1 else "", whens[0] if len(whens) == 1 else "")


def _words(wish: Wish, language: Language, said_before: set[str]) -> str:
    """The answer and its conditions, whole; a long text that holds for several treatments stands at the first of them."""
    words, conditions = wish.words.in_language(language), wish.conditions
    if conditions in said_before:
        words = words.replace(conditions, _SAME_CONDITIONS.in_language(language))
    elif conditions and conditions not in words:
        words = f"{words}; {conditions}"
    if len(conditions) > _LONGEST:
        said_before.add(conditions)
    return _on_one_line(words)


def _when(wish: Wish, language: Language) -> str:
    return _shortened(in_words(wish.when, language), language)


def _state(wish: Wish, language: Language) -> str:
    """Between which days it counts, where its record says so."""
    begins = wish.begins if wish.begins != wish.when else ""
    known = ((_VALID_FROM, begins), (_VALID_UNTIL, wish.ended))
    return ", ".join(f"{name.in_language(language)} {_shortened(in_words(day, language), language)}" for name, day in known if day)


def _remarked(remarks: Sequence[Remark], language: Language) -> Said:
    told = "; ".join(piece for one in remarks for piece in (one.words.in_language(language), *_noted(one.notes, language)))
    if len(told) > _LONGEST_WISH:
        told = f"{_shortened(remarks[0].subject.in_language(language), language)}: {_UNSAID.in_language(language)}"
    whens = dict.fromkeys(_shortened(in_words(one.when, language), language) for one in remarks if one.when)
    return Said(told, when=", ".join(whens))


def _noted(notes: Iterable[Note], language: Language) -> list[str]:
    """What must be read with it, each under what it is."""
    return [_on_one_line(": ".join(filter(None, (label.in_language(language), told)))) for label, told in notes]


def _has_no_value(tree: Tree) -> bool:
    """Whether an observation says why there is no value: the reason must not be taken for one."""
    return "dataAbsentReason" in tree and not tree.get("component") and not any(name.startswith("value") for name in tree)


def _shown(shown: Shown, language: Language, *, has_no_value: bool) -> Said:
    """As on the screen, without its details; what turns its meaning round stands there first of all, and is one of these."""
    attention = phrase("attention").in_language(language)
    turned = [f"{attention}: {one.text}" for one in shown.details[:1] if one.label == attention]
    value = ": ".join(filter(None, (_NO_VALUE.in_language(language) if has_no_value else "", _shortened(shown.value, language))))
    marked = " ".join(filter(None, [value, f"[{_ATTENTION[shown.attention].in_language(language)}]" if shown.attention in _ATTENTION else ""]))
    what = _shortened(_upper_first(shown.what), language)
    told = "; ".join(filter(None, [": ".join(filter(None, (what, marked))), *turned]))
    return Said(told, _shortened(shown.state, language), _shortened(shown.when, language))


def _shortened(words: str, language: Language) -> str:
    """A text on one line, and no longer than a line may be."""
    one = " ".join(words.split())
    return one if len(one) <= _LONGEST else one[:_LONGEST] + _CUT.in_language(language)


def _on_one_line(words: str) -> str:
    """A text of several lines on one, whole."""
    return "; ".join(" ".join(piece.split()) for piece in words.splitlines() if piece.strip())


def _upper_first(words: str) -> str:
    """A sentence's capital, unless the first word has its own (eGFR, pH)."""
    first = words.partition(" ")[0]
    return words[:1].upper() + words[1:] if first.islower() else words
