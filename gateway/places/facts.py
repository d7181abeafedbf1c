"""What the dossier says that bears on what somebody will need afterwards: each fact with the lines that it was read from.

Only what a record states counts. That nobody wrote something down makes nothing false: it stays unknown, and is asked. Where
records contradict each other, it is unknown too, and all of them are shown.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from accord.rules.capacity.needing import Fact, Facts, Known
from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import HolderKind, Section
from gateway.dossier.clinical.groups import Standing
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.trees import Tree, codings, parts, text
from gateway.dossier.clinical.view import ClinicalView
from gateway.dossier.documents.handed import choose
from gateway.dossier.documents.handover import WOUNDS
from gateway.dossier.documents.plans import SNOMED

_COGNITIVE: Final = frozenset({"problem.dementia", "problem.alzheimer", "problem.vascular-dementia", "problem.delirium"})
# Findings of SNOMED CT, by what they say. "Able to walk" (282144007) is none of them: it leaves open with how much help.
#: Lives alone; lives with partner (zib FamilySituation, guides of FHIR in Germany).
_ALONE: Final = {"105529008": True, "408821002": False}
_WITH_PARTNER: Final = {"408821002": True}
#: Independent walking (C-CDA, functional status); needs help with walking (zib Mobility 2020, examples of nl-core); unable to walk (GECCO).
_WALKS: Final = {"165245003": True, "16581000146103": False, "282145008": False}
_WALKING: Final = frozenset({"function.walking", "function.mobility"})
#: Ability to walk: as a part of zib Mobility 2017 it is a component.
_WALKING_PART: Final = "282097004"
#: Oxygen therapy, a procedure; oxygen mask, an object (SNOMED CT to OMOP).
_OXYGEN: Final = frozenset({"57485005", "336602003"})
_UNDER_WAY: Final = frozenset({"", "active", "in-progress"})
#: Where somebody would like to die (standard for planning ahead, PZP 1.0): home, hospital, nursing home, hospice.
_HOME_AT_LAST: Final = {"264362003": True, "22232009": False, "108344006": False, "284546000": False}
#: Wishes in which somebody may have said where they would like to be. What is said in words only a person can read.
_WISHES: Final = frozenset({"wish.place-of-death", "wish.specific", "wish.other-important", "wish.hospital-admission"})
_LAST_PHASE: Final = "103735009"
#: Of one fact so many lines are shown.
_MOST_LINES: Final = 4
_MOST_READ: Final = 2_000


@dataclass(frozen=True, slots=True)
class Procedure:
    """Something that was done or is planned, or what somebody has: codes of SNOMED CT, the day (none: not said), and whether it is still to come."""

    codes: frozenset[str]
    day: date | None
    line: Line
    is_planned: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The facts, the lines that each rests on, the year in which the person was born where all agree, and what may be the occasion."""

    facts: Facts
    evidence: dict[Fact, tuple[Line, ...]] = field(default_factory=dict)
    born: date | None = None
    occasions: tuple[Procedure, ...] = ()


def read_facts(view: ClinicalView, kinds: dict[HolderName, HolderKind], today: date) -> Found:
    """What the dossier says at this moment. *kinds*: of the holders, as the register has them. It raises nothing, whatever shape a record has."""
    reading = _Reading(view, kinds)
    known: dict[Fact, Known] = {}
    evidence: dict[Fact, tuple[Line, ...]] = {}
    for fact, found in reading.all():
        said = {one for one, _ in found if one is not None}
        if said:
            known[fact] = Known.UNKNOWN if len(said) > 1 else Known.YES if True in said else Known.NO
        if found:
            evidence[fact] = tuple(line for _, line in found[:_MOST_LINES])
    born = reading.born()
    age = None if born is None else _decade(born, today)
    facts = Facts(age, **{fact.value.replace("-", "_"): value for fact, value in known.items()})
    return Found(facts, evidence, born, tuple(reading.occasions()))


#: What a line says (none: a person has to read it), and the line.
_Said = list[tuple[bool | None, Line]]


@dataclass(slots=True)
class _Reading:
    view: ClinicalView
    kinds: dict[HolderName, HolderKind]

    def all(self) -> Iterator[tuple[Fact, _Said]]:
        """Every fact that a dossier may say something about, and what it says."""
        yield Fact.LIVES_ALONE, self._coded(Section.SOCIAL, {"social.living-situation"}, _ALONE)
        yield Fact.HELP_AT_HOME, self._coded(Section.SOCIAL, {"social.living-situation"}, _WITH_PARTNER)
        yield Fact.WALKS, self._coded(Section.MEASUREMENTS, _WALKING, _WALKS)
        yield Fact.HOME_CARE, self._stated(Section.CARE_PLAN, self._is_home_care)
        yield Fact.COGNITIVE_PROBLEMS, self._stated(Section.PROBLEMS, lambda line: line.concept is not None and line.concept.key in _COGNITIVE)
        yield Fact.WANTS_HOME, self._wishes()
        yield Fact.OXYGEN, [*self._stated(Section.DEVICES, self._is_oxygen), *self._stated(Section.PROCEDURES, self._is_oxygen)]
        yield Fact.WOUND, [(True, one.line) for one in choose(self.view).handed if one.code == WOUNDS and one.line.says != "refuted"]

    def born(self) -> date | None:
        """The day of birth, where nobody says another."""
        said = {text(self.view.tree(line), "birthDate") for line in self._valid(Section.PERSON) if line.origin.type == "Patient"} - {""}
        try:
            return date.fromisoformat(next(iter(said))) if len(said) == 1 else None
        except ValueError:
            return None

    def occasions(self) -> Iterator[Procedure]:
        """What care may be needed after: what is requested first, then what was done, then what somebody has; each the newest first."""
        for section, is_planned in ((Section.CARE_PLAN, True), (Section.PROCEDURES, False), (Section.PROBLEMS, False)):
            for line in sorted(self._valid(section), key=lambda one: one.order, reverse=True):
                if section is Section.CARE_PLAN and line.origin.type != "ServiceRequest":
                    continue
                tree = self.view.tree(line)
                codes = frozenset(code for system, code, _ in codings(tree.get("code")) if system == SNOMED)
                if codes:
                    yield Procedure(codes, _day(tree), line, is_planned)

    def _valid(self, section: Section) -> list[Line]:
        found = (
            line
            for thread in self.view.threads(section)
            for group in thread.groups
            if group.standing is Standing.VALID
            for line in group.lines
            if not line.in_error
        )
        return [line for _, line in zip(range(_MOST_READ), found, strict=False)]

    def _coded(self, section: Section, keys: frozenset[str] | set[str], codes: dict[str, bool]) -> _Said:
        """What the newest of each holder says by these codes."""
        found: dict[HolderName, tuple[bool | None, Line]] = {}
        for line in sorted(self._valid(section), key=lambda one: one.order, reverse=True):
            if line.concept is None or line.concept.key not in keys or line.holder in found:
                continue
            said = {codes[code] for value in _values(self.view.tree(line)) for _, code, _ in codings(value) if code in codes}
            if len(said) == 1:
                found[line.holder] = (said.pop(), line)
        return list(found.values())

    def _wishes(self) -> _Said:
        """Where somebody would like to be. Where they would like to die says it only for who is in the last phase of life; else it is shown, and asked."""
        is_last = any(_LAST_PHASE in one.codes for one in self.occasions())
        decided = self._coded(Section.PLANNING_AHEAD, {"wish.place-of-death"}, _HOME_AT_LAST) if is_last else []
        lines = [line for _, line in decided]
        others = (line for line in self._valid(Section.PLANNING_AHEAD) if line.concept is not None and line.concept.key in _WISHES and line not in lines)
        return [*decided, *((None, line) for line in others)]

    def _stated(self, section: Section, is_one: Callable[[Line], bool]) -> _Said:
        return [(True, line) for line in self._valid(section) if is_one(line) and line.says != "refuted"]

    def _is_home_care(self, line: Line) -> bool:
        """A plan of care that a home-care organisation holds, and that is not over."""
        tree = self.view.tree(line)
        is_active = text(tree, "status") in {"", "active", "draft", "on-hold", "unknown"}
        return line.origin.type == "CarePlan" and is_active and self.kinds.get(line.holder) is HolderKind.HOME_CARE

    def _is_oxygen(self, line: Line) -> bool:
        tree = self.view.tree(line)
        if text(tree, "status") not in _UNDER_WAY:
            return False  # what was given once is not needed now
        device = self.view.follow(line, tree)(text(tree, "device", "reference")) or {}
        return any(code in _OXYGEN for concept in (tree.get("code"), device.get("type")) for _, code, _ in codings(concept))


def _values(tree: Tree) -> Iterator[object]:
    """The coded values of an observation: its own, and that of its part about walking."""
    yield tree.get("valueCodeableConcept")
    for component in parts(tree, "component"):
        if any(code == _WALKING_PART for _, code, _ in codings(component.get("code"))):
            yield component.get("valueCodeableConcept")


def _decade(born: date, today: date) -> int | None:
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return years // 10 * 10 if 0 <= years < 130 else None


def _day(tree: Tree) -> date | None:
    """On which day it is planned or was done, where the record says a whole day."""
    periods = (text(one, "start") for name in ("occurrencePeriod", "performedPeriod") for one in parts(tree, name))
    for written in (text(tree, "occurrenceDateTime"), text(tree, "performedDateTime"), *periods):
        try:
            return date.fromisoformat(written[:10])
        except ValueError:
            continue
    return None
