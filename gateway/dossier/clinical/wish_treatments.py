"""What a treatment directive is about: the treatments that its codes and its own words name, in both generations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.dossier.clinical.concepts import Concept, ConceptTable
from gateway.dossier.clinical.trees import Tree, codings, extensions, part, parts, text, words_of
from gateway.dossier.words import Wording

SNOMED: Final = "http://snomed.info/sct"
#: Deactivation of a cardioverter-defibrillator in the last phase of life. IKNL's profile writes it in `provision.code.text`.
DEACTIVATION: Final = "400231000146108"
OF_2017: Final = "zib-TreatmentDirective-Treatment"
_NULL: Final = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_NOTHING_NAMED: Final = Wording("Behandeling niet genoemd", "Treatment not named")


@dataclass(frozen=True, slots=True)
class Treatment:
    """A treatment that a directive is about. `own` is what it is called there, `written` what somebody wrote of it, `codes` by which it is known."""

    concept: Concept | None
    own: str
    codes: frozenset[str]
    written: str = ""
    #: Whether it stands for more than one that the table does not know.
    is_several: bool = False

    @property
    def title(self) -> Wording:
        """What it is called."""
        if self.concept is not None:
            return self.concept.label
        return Wording(self.own, self.own) if self.own else _NOTHING_NAMED

    @property
    def key(self) -> str:
        """The key of its concept; empty where there is none."""
        return self.concept.key if self.concept is not None else ""


def treatments(tree: Tree, table: ConceptTable) -> tuple[Treatment, ...]:
    """Each that the table knows, and one for all others, in an order that does not depend on that of the record; at least one.

    Two codings of one concept may say the same in two systems: what the table does not know counts only where it knows none.
    """
    found: dict[str, Treatment] = {}
    for concept in _concepts(tree):
        for one in _named(concept, table):
            before = found.get(_identity(one))
            found[_identity(one)] = (
                one if before is None else Treatment(one.concept, before.own or one.own, before.codes | one.codes, before.written or one.written)
            )
    known = [found[key] for key in sorted(found) if found[key].concept is not None]
    others = sorted({one.own for one in found.values() if one.concept is None})
    if others or not known:
        known.append(Treatment(None, " / ".join(others), frozenset(), is_several=len(others) > 1))
    return tuple(known)


def _concepts(tree: Tree) -> Iterator[Tree]:
    """The concepts of R4's provision, and those that 2017 wrote in an extension."""
    yield from parts(part(tree, "provision"), "code")
    for extension in extensions(tree, OF_2017):
        yield part(extension, "valueCodeableConcept")


def _named(concept: Tree, table: ConceptTable) -> Iterator[Treatment]:
    """The treatments of one concept: each that the table knows, else the one of its words."""
    own = text(concept, "text") or words_of(concept)
    codes = [(system, code) for system, code, _ in codings(concept) if system != _NULL and code]
    if DEACTIVATION in text(concept, "text"):
        codes.append((SNOMED, DEACTIVATION))
    known = {code: found for system, code in codes if (found := table.of(system, code)) is not None and found.key.startswith("wish.")}
    for key in sorted({one.key for one in known.values()}):
        yield Treatment(table.named(key), own, frozenset(code for code, one in known.items() if one.key == key), text(concept, "text"))
    if not known and (own or codes):
        yield Treatment(None, own or codes[0][1], frozenset(code for _, code in codes), text(concept, "text"))


def _identity(treatment: Treatment) -> str:
    return treatment.key or f"~{' '.join(treatment.own.split()).casefold()}"
