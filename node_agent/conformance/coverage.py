"""Which blocks of the BgZ a source can be asked for, and whether both generations of codes in it are understood."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from accord.rules.leaving_out import LeftOut
from accord.rules.reading import Record, category_of, codings
from accord.terms.records import OBSERVATION_CATEGORIES, ResourceType
from accord.terms.vocabulary import CareCategory
from node_agent.conformance.findings import Block, Point, Verdict, Who

C = CareCategory
#: The blocks of the BgZ: types of R4, and for Observation and Consent the categories that belong to it.
BLOCKS: Final[dict[str, tuple[frozenset[str], frozenset[CareCategory]]]] = {
    "Patient": (frozenset({"Patient"}), frozenset()),
    "Payer": (frozenset({"Coverage"}), frozenset()),
    "Advance and treatment directives": (frozenset({"Consent"}), frozenset({C.ADVANCE_DIRECTIVE, C.CONSENT})),
    "Problems": (frozenset({"Condition"}), frozenset()),
    "Social history": (frozenset({"Observation"}), frozenset({C.OBSERVATION_SOCIAL_HISTORY})),
    "Functional status": (frozenset({"Observation"}), frozenset({C.OBSERVATION_SURVEY})),
    "Alerts": (frozenset({"Flag"}), frozenset()),
    "Allergies": (frozenset({"AllergyIntolerance"}), frozenset()),
    "Medication": (frozenset({"MedicationRequest", "MedicationStatement", "MedicationDispense"}), frozenset()),
    "Medical devices": (frozenset({"DeviceUseStatement"}), frozenset()),
    "Vaccinations": (frozenset({"Immunization"}), frozenset()),
    "Vital signs": (frozenset({"Observation"}), frozenset({C.OBSERVATION_VITAL_SIGNS})),
    "Laboratory results": (frozenset({"Observation"}), frozenset({C.OBSERVATION_LABORATORY})),
    "Procedures": (frozenset({"Procedure"}), frozenset()),
    "Encounters": (frozenset({"Encounter"}), frozenset()),
    "Planned care": (
        frozenset({"CarePlan", "ServiceRequest", "Appointment", "ImmunizationRecommendation", "DeviceRequest", "NutritionOrder"}),
        frozenset(),
    ),
}
_GENERATIONS: Final = (
    ("2017", re.compile(rb'"http://(?:nictiz\.nl/fhir/StructureDefinition/zib-|fhir\.nl/fhir/StructureDefinition/nl-core-)')),
    ("2020", re.compile(rb'"http://nictiz\.nl/fhir/StructureDefinition/nl-core-')),
)


def blocks_of(kind: str, category: CareCategory) -> list[str]:
    """The blocks to which a record of this type and category belongs."""
    return [name for name, (kinds, categories) in BLOCKS.items() if kind in kinds and (not categories or category in categories)]


def asked_for(left_out: LeftOut | None) -> Point:
    """What may be kept and is not asked for: every dossier that could hold it says so, until somebody asks or says that it is not kept."""
    name = "asked for"
    if left_out is None:
        return Point(name, Verdict.NOT_SEEN, "The source did not say what it offers.")
    if not left_out.parts:
        return Point(name, Verdict.GOOD, "Whatever is kept is asked for, as far as the source and its settings say.")
    seen = (
        f"May be kept, and is not (all) asked for: {', '.join(sorted(left_out.types))}. Every dossier that could hold these says that there may be more here."
    )
    repair = "What is kept: name it in source.types, or give it a table in the mapping. What is not kept, and that alone: name it in not_kept, of [source] or of the mapping."
    return Point(name, Verdict.REMARK, seen, repair, Who.AGENT)


def askable(blocks: Sequence[Block], left_out: LeftOut | None = None) -> Point:
    """Which blocks the source tells nothing of, and no dossier says so: neither offered nor left out, they count as not kept."""
    told = left_out.types if left_out else frozenset()
    untold = [block.name for block in blocks if block.standing == "not askable" and not BLOCKS[block.name][0] & told]
    if not untold and all(block.standing != "not askable" for block in blocks):
        return Point("blocks of the BgZ", Verdict.GOOD, "All of them can be asked for.")
    if not untold:
        return Point("blocks of the BgZ", Verdict.GOOD, "Of those that are not asked for, every dossier says so.")
    seen = f"This source tells nothing of: {', '.join(untold)}. Who reads the dossier sees nothing of these from here, and takes it for nothing there."
    repair = "Where they are kept: let the server offer them, name them in source.types, or give them a table in the mapping. Else there is nothing to do."
    return Point("blocks of the BgZ", Verdict.REMARK, seen, repair, Who.AGENT)


@dataclass(slots=True)
class Coverage:
    """What was met, counted; nothing of a record stays."""

    counts: Counter[tuple[str, CareCategory]] = field(default_factory=Counter)
    generations: Counter[str] = field(default_factory=Counter)
    by_block: dict[str, Counter[str]] = field(default_factory=dict)
    observations: int = 0
    uncategorised: int = 0

    def note(self, text: bytes, record: Record, kind: ResourceType) -> None:
        """Count one record."""
        category = category_of(record, kind)
        self.counts[kind.name, category] += 1
        for name, profile in _GENERATIONS:
            if profile.search(text):
                self.generations[name] += 1
                for block in blocks_of(kind.name, category):
                    self.by_block.setdefault(block, Counter())[name] += 1
        if kind.name == "Observation":
            self.observations += 1
            if all((coding.system, coding.code) not in OBSERVATION_CATEGORIES for coding in codings(record.category)):
                self.uncategorised += 1

    @property
    def types(self) -> frozenset[str]:
        """The types that were met."""
        return frozenset(kind for kind, _ in self.counts)

    def blocks(self, types: frozenset[str], *, incapable: bool) -> list[Block]:
        """Each block: found, nothing, or not askable. *incapable* says that the source could not be asked for everything it keeps."""
        return [self._block(name, kinds, categories, types, incapable=incapable) for name, (kinds, categories) in BLOCKS.items()]

    def points(self) -> list[Point]:
        """Whether the codes are understood."""
        if not self.counts:
            return [Point("codes", Verdict.NOT_SEEN, "No records were seen.")]
        met = ", ".join(f"{count} by profiles of zib {name}" for name, count in sorted(self.generations.items())) or "none says by which profile"
        seen = f"Of {sum(self.counts.values())} records: {met}. Of {self.observations} observations, {self.uncategorised} have no category that is known."
        if not self.uncategorised:
            return [Point("codes", Verdict.GOOD, seen)]
        return [
            Point(
                "codes",
                Verdict.REMARK,
                seen,
                "They count as examinations: who asks for laboratory results or vital signs will not see them there. Have a category written in them.",
                Who.SOURCE,
            )
        ]

    def _block(self, name: str, kinds: frozenset[str], categories: frozenset[CareCategory], types: frozenset[str], *, incapable: bool) -> Block:
        count = sum(number for (kind, category), number in self.counts.items() if kind in kinds and (not categories or category in categories))
        askable = bool(kinds & types)
        if count:
            return Block(name, "found", count, dict(sorted(self.by_block.get(name, {}).items())))
        return Block(name, "nothing" if askable and not (incapable and not kinds <= types) else "not askable")
