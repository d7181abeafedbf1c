"""From a record to its lines: what it is about, what it says of that, and when.

Common types are read by a partial decode, the rest as a tree. A record of another shape than its type has still gets a
line of its own: nothing is lost because it could not be read.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from accord.rules.reading import Concept as CodedConcept
from accord.terms.identifiers import HolderName
from accord.terms.records import TYPE_BY_NAME, TYPE_NAME
from accord.terms.vocabulary import CATEGORY_ORDER, SECTION_OF, CareCategory, Section
from accord.wire.columns import COMPANION, ENTERED_IN_ERROR, Row
from gateway.dossier.clinical import heads
from gateway.dossier.clinical.concepts import Concept, ConceptTable
from gateway.dossier.clinical.heads import Happened, Judged, Observed
from gateway.dossier.clinical.lines import Family, Line, Moment
from gateway.dossier.clinical.medicating import Products, begun, medicated
from gateway.dossier.clinical.moments import moment_of
from gateway.dossier.clinical.persons import person_lines
from gateway.dossier.clinical.trees import Follow, Tree, codings, read_tree_fast, text, with_contained, words_of
from gateway.dossier.clinical.values import value_of
from gateway.dossier.clinical.wish_order import days_of
from gateway.dossier.clinical.wish_remarks import read_remarks
from gateway.dossier.clinical.wishes import Validity, Wish
from gateway.dossier.window import Origin

ReadWishes = Callable[[Tree, Follow, ConceptTable], tuple[Wish, ...]]

_MEDICATION: Final = frozenset({"MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration"})
_MAY_BE_A_WISH: Final = frozenset({"Consent", "Goal", "QuestionnaireResponse", "DeviceUseStatement", "Communication", "CommunicationRequest"})
#: Of these, what stands beside the wishes is read there; a device stays among the devices.
_BESIDE_WISHES: Final = frozenset({"Communication", "CommunicationRequest", "Procedure"})
#: What happens on a day: told by two holders, it is probably the same.
_EVENTS: Final = frozenset({"Procedure", "Immunization", "Flag", "ServiceRequest"})
_REFUTED: Final = "refuted"
_ENDED: Final = frozenset({"inactive", "resolved", "remission"})


class Reader:
    """Reads the records of one dossier at one moment, by one table."""

    def __init__(self, table: ConceptTable, at: datetime, wishes: ReadWishes) -> None:
        self._table = table
        self._products = Products(table)
        self._at_ms = at.timestamp() * 1000
        self._wishes = wishes

    def lines_of(self, holder: HolderName, row: Row, content: bytes, follow: Follow) -> list[Line]:
        """The lines of a record, numbered by nobody yet; none for one that is here only because another refers to it."""
        kind = TYPE_NAME[row.type_code] if row.type_code < len(TYPE_NAME) else ""
        if row.flags & COMPANION or (kind in TYPE_BY_NAME and TYPE_BY_NAME[kind].is_companion):
            return []
        try:
            lines = self._read(kind, holder, row, content, follow)
        except heads.OTHER_SHAPE:
            lines = [self._unread(kind, holder, row, content)]
        for line in lines:
            line.flags, line.identifier, line.hint, line.content = row.flags, row.identifier_hint, row.content_hint, content
            line.in_error = line.in_error or bool(row.flags & ENTERED_IN_ERROR)
        return lines

    def _read(self, kind: str, holder: HolderName, row: Row, content: bytes, follow: Follow) -> list[Line]:
        section = section_of(row)
        if kind == "Observation":
            return self._observation(holder, section, content, follow)
        if kind in ("AllergyIntolerance", "Condition"):
            return [self._judged(kind, holder, section, heads.read_judged(content))]
        if kind in _MEDICATION:
            return [self._medication(kind, holder, section, read_tree_fast(content), follow)]
        if kind in ("Patient", "RelatedPerson"):
            return person_lines(Origin(holder, kind, heads.read_named(content).id), section, read_tree_fast(content), follow, self._table)
        if kind in _MAY_BE_A_WISH:
            return self._wished(kind, holder, section, read_tree_fast(content), follow)
        return self._happened(kind, holder, section, content, follow)

    def _observation(self, holder: HolderName, section: Section, content: bytes, follow: Follow) -> list[Line]:
        seen = heads.read_observed(content)
        concept, key = self._about(seen.code)
        if concept is not None and concept.section is Section.PLANNING_AHEAD:
            return self._wished("Observation", holder, section, read_tree_fast(content), follow)
        origin = Origin(holder, "Observation", seen.id)
        placed = concept.section if concept is not None and concept.section is not None else section
        keys = (key,) if key else (_own(origin),)
        return [Line(0, origin, placed, Family.RESULT, keys, value_of(seen), _observed_at(seen), seen.status, concept)]

    def _judged(self, kind: str, holder: HolderName, section: Section, seen: Judged) -> Line:
        concept, key = self._about(seen.code)
        origin = Origin(holder, kind, seen.id)
        verified = heads.status_code(seen.verificationStatus, "entered-in-error", _REFUTED, "confirmed", "unconfirmed", "provisional", "differential")
        clinical = heads.status_code(seen.clinicalStatus, "active", "recurrence", "relapse", *sorted(_ENDED))
        says = _REFUTED if verified == _REFUTED else "ended" if clinical in _ENDED else "affirmed"
        begun = seen.onsetDateTime or ("" if seen.onsetPeriod is None else seen.onsetPeriod.start)
        moment = moment_of(seen.recordedDate) or moment_of(begun)
        family = Family.ALLERGY if kind == "AllergyIntolerance" else Family.PROBLEM
        line = Line(0, origin, section, family, (key or _own(origin),), says, moment, verified or clinical, concept, in_error=verified == "entered-in-error")
        line.site = bytes(seen.bodySite).decode("utf-8", "replace")
        return line

    def _medication(self, kind: str, holder: HolderName, section: Section, tree: Tree, follow: Follow) -> Line:
        product = self._products.of(tree, holder, with_contained(tree, follow))
        said = medicated(tree, product, self._at_ms)
        origin = Origin(holder, kind, text(tree, "id"))
        line = Line(
            0,
            origin,
            section,
            Family.MEDICATION,
            product.keys or (_own(origin),),
            said.dose,
            _dated(tree, kind) or begun(tree),
            text(tree, "status"),
            product.concept,
        )
        line.medicated = said
        return line

    def _wished(self, kind: str, holder: HolderName, section: Section, tree: Tree, follow: Follow) -> list[Line]:
        origin, status = Origin(holder, kind, text(tree, "id")), text(tree, "status")
        follow_all = with_contained(tree, follow)
        wishes = self._wishes(tree, follow_all, self._table)
        if not wishes:
            beside = bool(read_remarks(tree, follow_all, self._table)) and kind in _BESIDE_WISHES
            return [self._paper(kind, origin, Section.PLANNING_AHEAD if beside else section, tree, follow)]
        return [wish_line(origin, status, place, wish) for place, wish in enumerate(wishes)]

    def _paper(self, kind: str, origin: Origin, section: Section, tree: Tree, follow: Follow) -> Line:
        """A record that only an identifier tells to be the same as another; a device in use is the same device on the same day."""
        concept, key = None, ""
        if kind == "DeviceUseStatement":
            device = with_contained(tree, follow)(text(tree, "device", "reference")) or {}
            concept, key = self._about_tree(device.get("type") or tree.get("device"))
        family = Family.EVENT if key else Family.PAPER
        return Line(0, origin, section, family, (key or _own(origin),), text(tree, "status"), _dated(tree, kind), text(tree, "status"), concept)

    def _happened(self, kind: str, holder: HolderName, section: Section, content: bytes, follow: Follow) -> list[Line]:
        seen = heads.read_happened(content)
        concept, key = self._about(seen.vaccineCode if seen.code is None else seen.code)
        origin, moment = Origin(holder, kind, seen.id), _happened_at(seen)
        if concept is not None and concept.section is Section.PLANNING_AHEAD:
            return self._wished(kind, holder, Section.PLANNING_AHEAD, read_tree_fast(content), follow)
        family = Family.EVENT if kind in _EVENTS and key else Family.PAPER
        placed = concept.section if concept is not None and concept.section is not None and family is Family.EVENT else section
        return [Line(0, origin, placed, family, (key if family is Family.EVENT else _own(origin),), seen.status, moment, seen.status, concept)]

    @staticmethod
    def _unread(kind: str, holder: HolderName, row: Row, content: bytes) -> Line:
        """A record of another shape than we read: by itself, in the section that its category says."""
        origin = Origin(holder, kind, heads.read_named(content).id)
        return Line(0, origin, section_of(row), Family.PAPER, (_own(origin),))

    def _about(self, code: CodedConcept | None) -> tuple[Concept | None, str]:
        if code is None:
            return None, ""
        of = self._table.of
        for coding in code.coding:
            concept = of(coding.system, coding.code)
            if concept is not None:
                return concept, concept.key
        return None, _coded([(coding.system, coding.code) for coding in code.coding], code.text)

    def _about_tree(self, code: object) -> tuple[Concept | None, str]:
        codes = [(system, value) for system, value, _ in codings(code)]
        concept = next((known for system, value in codes if (known := self._table.of(system, value))), None)
        return concept, concept.key if concept is not None else _coded(codes, words_of(code))


def wish_line(origin: Origin, status: str, place: int, wish: Wish) -> Line:
    """The line of the statement that stands at this *place* in its record, of this *status*."""
    # By whole days: clocks of sources differ, and of two of one day none takes the other's place.
    days = days_of(wish)
    moment = None if days is None else Moment(*days, is_exact=False)
    in_error = wish.validity is Validity.IN_ERROR
    section, about = Section.PLANNING_AHEAD, (wish.about,)
    return Line(0, origin, section, Family.WISH, about, wish.says, moment, status, wish.concept, in_error=in_error, part=place, wish=wish)


def section_of(row: Row) -> Section:
    """Where a record belongs by its category."""
    category = CATEGORY_ORDER[row.category_code] if row.category_code < len(CATEGORY_ORDER) else CareCategory.OTHER
    return SECTION_OF[category]


def name_of(row: Row, content: bytes) -> tuple[str, str]:
    """Type and id of a record; empty where they are not known."""
    kind = TYPE_NAME[row.type_code] if row.type_code < len(TYPE_NAME) else ""
    try:
        return kind, heads.read_named(content).id
    except heads.OTHER_SHAPE:
        return kind, ""


def _coded(codes: list[tuple[str, str]], words: str) -> str:
    """What a code means that the table does not know: itself; without a code, its words."""
    named = min((f"{system}|{code}" for system, code in codes if code), default="")
    return named or " ".join(words.split()).casefold()


def _own(origin: Origin) -> str:
    """The key of a record that is about nothing else."""
    return f"= {origin.holder} {origin.type}/{origin.id}"


def _observed_at(seen: Observed) -> Moment | None:
    period = seen.effectivePeriod
    return moment_of(seen.effectiveDateTime or seen.effectiveInstant or ("" if period is None else period.start or period.end) or seen.issued)


def _happened_at(seen: Happened) -> Moment | None:
    for when in (seen.performedDateTime, seen.occurrenceDateTime, seen.effectiveDateTime):
        if when:
            return moment_of(when)
    for period in (seen.performedPeriod, seen.occurrencePeriod, seen.effectivePeriod, seen.period):
        if period is not None and (period.start or period.end):
            return moment_of(period.start or period.end)
    return moment_of(seen.issued or seen.date or seen.recorded or seen.authoredOn)


def _dated(tree: Tree, kind: str) -> Moment | None:
    """The clinical moment of a record, by the elements that its type has for it."""
    names = TYPE_BY_NAME[kind].moments if kind in TYPE_BY_NAME else ()
    for name in names:
        found = text(tree, name) or text(tree, name, "start") or text(tree, name, "end")
        if (moment := moment_of(found)) is not None:
            return moment
    return None
