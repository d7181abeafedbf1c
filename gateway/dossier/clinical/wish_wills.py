"""Advance directives: that somebody wrote down (or said) what they want, of which kind, when, and where it is kept."""

from collections.abc import Iterator

from gateway.dossier.clinical import wish_words as say
from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.trees import Follow, Tree, codings, part, parts, text, words_of
from gateway.dossier.clinical.wish_notes import modifiers, of_a_consent, validity
from gateway.dossier.clinical.wish_observations import named
from gateway.dossier.clinical.wish_parties import actors, parties, together
from gateway.dossier.clinical.wishes import Answer, Note, Validity, Wish
from gateway.dossier.words import Wording

_KINDS = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1"
_UNKNOWN_KIND = Wording("Wilsverklaring, soort niet vastgelegd", "Living will, kind not recorded")
#: A will of a kind that the table does not know.
_ANY_WILL = "block.advance-directive"


def living_wills(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
    """The living will of a record: one for each kind that it names. What it wants is in the document, so it is never a yes or a no."""
    status = text(tree, "status")
    stands = validity(status, "active")
    notes = (*_doubts(tree), *dict.fromkeys(of_a_consent(tree, follow)))
    provision = part(tree, "provision")
    period = part(provision, "period")
    found = []
    for kind, words in _kinds(tree):
        concept = table.of(_KINDS, kind)
        found.append(
            Wish(
                concept=concept or named(table, _ANY_WILL),
                subject=words.nl,
                answer=Answer.IN_WORDS,
                words=words if stands is Validity.VALID else say.not_valid(status, words),
                when=text(tree, "dateTime") or text(period, "start"),
                ended=text(period, "end"),
                said_with=together(actors(provision, tree, follow), parties(tree, ("performer",), follow)),
                notes=notes,
                value=kind,
                kind="" if concept is not None else kind,
                begins=text(period, "start"),
                validity=stands,
            )
        )
    return tuple(found)


def _kinds(tree: Tree) -> list[tuple[str, Wording]]:
    """The kinds by code, or by what the record calls them: of R4's provision, else of 2017's categories."""
    found: dict[str, Wording] = {}
    for holder in (parts(part(tree, "provision"), "code"), _of_the_list(parts(tree, "category"))):
        for concept in holder:
            own = words_of(concept)
            codes = [code for system, code, _ in codings(concept) if system == _KINDS]
            for code in codes or ([own] if own else []):
                found.setdefault(code, say.LIVING_WILLS.get(code) or Wording(own or code, own or code))
        if found:
            break
    return sorted(found.items()) or [("", _UNKNOWN_KIND)]


def _of_the_list(concepts: Iterator[Tree]) -> Iterator[Tree]:
    return (one for one in concepts if any(system == _KINDS for system, _, _ in codings(one)))


def _doubts(tree: Tree) -> tuple[Note, ...]:
    """A living will has no `provision.type`: where there is one, it is told and not taken for an answer."""
    provision = part(tree, "provision")
    found = list(modifiers(tree))
    if "type" in provision:
        found.append((say.ALSO_SAID, f"provision.type {text(provision, 'type')}".strip()))
    if "provision" in provision:
        found.append((say.FURTHER_RULES, ""))
    return tuple(found)
