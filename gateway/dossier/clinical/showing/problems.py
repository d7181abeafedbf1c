"""What is wrong and what to watch for, as it stands on the screen: allergies, problems, alerts and vaccinations."""

from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.showing.coded import concept, whole_concept
from gateway.dossier.clinical.showing.draft import Draft, Form
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.references import reference
from gateway.dossier.clinical.showing.shapes import said
from gateway.dossier.clinical.showing.wording import code_words
from gateway.dossier.clinical.trees import Tree, codings, extensions, part, parts, text


def _allergy(reader: Reader, draft: Draft) -> None:
    """What happened and how badly, then how dangerous the source thinks that it is."""
    reactions = [_reaction(reader, one) for one in parts(reader.tree, "reaction")]
    draft.value = "; ".join(dict.fromkeys(filter(None, (*reactions, _criticality(reader)))))
    if all(one.keys() <= {"manifestation", "severity"} for one in parts(reader.tree, "reaction")):
        draft.done.add("reaction")
    if not concept(reader, reader.tree.get("code")):
        draft.what = next(filter(None, (concept(reader, part(one, "substance")) for one in parts(reader.tree, "reaction"))), "")


def _reaction(reader: Reader, one: Tree) -> str:
    signs, severity = concept(reader, one.get("manifestation")) or text(one, "description"), code_words("severity", text(one, "severity"))
    return ", ".join(filter(None, (signs, reader.say(severity) if severity else text(one, "severity"))))


def _criticality(reader: Reader) -> str:
    return said(reader, "criticality", reader.tree.get("criticality"))


def site(reader: Reader, name: str = "bodySite") -> str:
    """Where on the body, with the side."""
    found = []
    for one in parts(reader.tree, name):
        sides = [said(reader, "side", value) for ext in parts(one, "extension") for key, value in ext.items() if key.startswith("value")]
        found.append(" ".join(filter(None, (concept(reader, one), *sides))))
    return ", ".join(filter(None, found))


def _condition(reader: Reader, draft: Draft) -> None:
    more = [text(one, "valueString") for one in extensions(part(reader.tree, "code"), "ext-Problem.FurtherSpecificationProblemName")]
    named = concept(reader, reader.tree.get("code"))
    draft.what = ": ".join(filter(None, (named, *more)))
    if more and whole_concept(reader, part(reader.tree, "code")) == named:
        draft.done.add("code")
    stages = [concept(reader, part(one, "summary")) for one in parts(reader.tree, "stage")]
    draft.value = "; ".join(filter(None, (site(reader), said(reader, "severity", reader.tree.get("severity")), *stages)))
    draft.done |= {"bodySite"} if draft.value else set()


def _alert(reader: Reader, draft: Draft) -> None:
    """An alert about a problem has its words there: its own code is then often "not applicable"."""
    about = [reference(reader, part(one, "valueReference")) for one in extensions(reader.tree, "flag-detail")]
    draft.value = ", ".join(filter(None, about))
    if draft.value and any(system.endswith(("NullFlavor", "data-absent-reason")) for system, _, _ in codings(reader.tree.get("code"))):
        draft.what, draft.value = draft.value, ""
        draft.done.add("code")


def _vaccination(reader: Reader, draft: Draft) -> None:
    """Of one that was not given that is said so; a dose is told with its number in the schedule."""
    if text(reader.tree, "status") == "not-done":
        draft.states = [reader.phrase("not-given")]
    numbers = [said(reader, name, value) for one in parts(reader.tree, "protocolApplied") for name, value in one.items() if name.startswith("doseNumber")]
    schedule = [f"{reader.label('doseNumber').lower()} {one}" for one in numbers if one]
    draft.value = "; ".join(filter(None, (said(reader, "doseQuantity", reader.tree.get("doseQuantity")), *schedule)))


FORMS: Final[Mapping[str, Form]] = {
    "AllergyIntolerance": Form(
        when=("onset*", "recordedDate"), author=("recorder", "asserter"), more=_allergy,
        first=("criticality", "reaction", "type", "category", "note", "onset*", "lastOccurrence", "recordedDate"),
    ),
    "Condition": Form(
        when=("onset*", "recordedDate"), author=("recorder", "asserter"), more=_condition,
        first=("note", "category", "onset*", "abatement*", "recordedDate", "stage", "severity"),
    ),
    "Flag": Form(what=("code", "category"), when=("period",), author=("author",), more=_alert, first=("note", "category")),
    "Immunization": Form(
        what=("vaccineCode",), when=("occurrence*", "recorded"),
        author=("performer.actor",), more=_vaccination, first=("lotNumber", "expirationDate", "note"),
    ),
    "ImmunizationRecommendation": Form(what=("recommendation.vaccineCode",), value=("recommendation.forecastStatus",), when=("date",), author=("authority",)),
}  # fmt: skip
