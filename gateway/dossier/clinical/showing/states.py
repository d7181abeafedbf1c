"""How a record stands, where that is other than plainly valid: said in words, because a reader must not have to guess it."""

from typing import Final

from gateway.dossier.clinical.showing.coded import concept, specified
from gateway.dossier.clinical.showing.draft import Draft, Form
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.wording import label, state
from gateway.dossier.clinical.trees import codings, extensions, part, text

_ELEMENTS: Final = ("status", "clinicalStatus", "verificationStatus", "lifecycleStatus", "achievementStatus", "docStatus")
_ALWAYS_PLAIN: Final = frozenset({"active", "confirmed", "final", "current"})
_SPECIFIED: Final = ("ext-CodeSpecification", "code-specification")
#: Confirmed present, and active.
_PLAIN_IN_SNOMED: Final = frozenset({"410605003", "55561003"})
#: A status that says "done" of an event that is done goes without saying; of a medicine or a plan it says that it is over.
_DONE: Final = frozenset({"completed", "finished"})
_ONGOING: Final = frozenset(
    "MedicationRequest MedicationStatement ServiceRequest CarePlan Goal EpisodeOfCare Task NutritionOrder DeviceUseStatement DeviceRequest Flag CareTeam".split()
)


def stand(reader: Reader, form: Form, draft: Draft) -> None:
    """Say in the draft how the record stands."""
    for name in _ELEMENTS:
        value = reader.tree.get(name)
        beside = reader.tree.get("_" + name)
        if value is None and beside is None:
            continue
        code, told = _code_and_words(reader, value)
        exact = specified(reader, beside if value is None or isinstance(value, str) else value)
        if not code and exact:
            _by_specification(reader, draft, name, exact)
            continue
        if not code and not told:
            continue
        draft.done.add(name)
        if exact and exact.casefold() not in told.casefold():
            draft.add(reader.say(label(name)), exact)
        if code != "entered-in-error" and _goes_without_saying(reader, form, code):
            continue
        if told and told not in draft.states:
            draft.states.append(told)
    if reader.tree.get("doNotPerform") is True:
        draft.states.insert(0, reader.phrase("not-do"))
        draft.done.add("doNotPerform")
    if reader.tree.get("intent") in ("order", "plan"):
        draft.done.add("intent")
    if reader.tree.get("active") is False:
        draft.states.append(reader.phrase("not-in-use"))
    if isinstance(reader.tree.get("active"), bool):
        draft.done.add("active")


def _by_specification(reader: Reader, draft: Draft, name: str, exact: str) -> None:
    """Where only the national code says how it stands: in front, but for "confirmed" and "active"."""
    found = {code for ending in _SPECIFIED for one in extensions(reader.tree.get(name), ending) for _, code, _ in codings(part(one, "valueCodeableConcept"))}
    if found & _PLAIN_IN_SNOMED:
        draft.add(reader.say(label(name)), exact)
    else:
        draft.states.append(exact)
    draft.done.add(name)


def _code_and_words(reader: Reader, value: object) -> tuple[str, str]:
    if isinstance(value, str):
        found = state(value)
        return value, reader.say(found) if found else value
    for _, code, _ in codings(value):
        known = state(code)
        if known is not None:
            return code, reader.say(known)
    return "", concept(reader, value)


def _goes_without_saying(reader: Reader, form: Form, code: str) -> bool:
    if code in form.plainly or code in _ALWAYS_PLAIN:
        return True
    return code in _DONE and text(reader.tree, "resourceType") not in _ONGOING
