"""Care as it stands on the screen: what was done and planned, contacts, plans with their goals, diets and aids."""

from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.showing.coded import coding, concept
from gateway.dossier.clinical.showing.dates import period
from gateway.dossier.clinical.showing.draft import Draft, Form
from gateway.dossier.clinical.showing.parties import phone_of
from gateway.dossier.clinical.showing.problems import site
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.references import called, reference
from gateway.dossier.clinical.showing.shapes import members, said
from gateway.dossier.clinical.trees import Tree, extensions, part, parts, text


def _done(reader: Reader, draft: Draft) -> None:
    where = site(reader)
    draft.value = "; ".join(filter(None, (where, concept(reader, reader.tree.get("outcome")))))
    draft.done |= {"bodySite"} if where else set()


def _contact(reader: Reader, draft: Draft) -> None:
    """What kind of contact, and what for."""
    tree = reader.tree
    kinds = (coding(reader, part(tree, "class")) or concept(reader, tree.get("class")), concept(reader, tree.get("type")))
    draft.what = ", ".join(dict.fromkeys(filter(None, kinds)))
    reasons = [concept(reader, tree.get("reasonCode")), *(reference(reader, one) for one in parts(tree, "reasonReference"))]
    reasons += [reference(reader, part(one, "condition")) for one in parts(tree, "diagnosis")]
    draft.value = "; ".join(dict.fromkeys(filter(None, reasons)))
    draft.done |= {"class", "type"}


def _episode(reader: Reader, draft: Draft) -> None:
    for ending in ("ext-EpisodeOfCare.EpisodeOfCareName", "EpisodeOfCare-Title"):
        for one in extensions(reader.tree, ending):
            draft.what = draft.what or text(one, "valueString")
    draft.value = "; ".join(dict.fromkeys(filter(None, (reference(reader, part(one, "condition")) for one in parts(reader.tree, "diagnosis")))))
    if not draft.what:
        draft.what, draft.value = draft.value, ""


def _appointment(reader: Reader, draft: Draft) -> None:
    draft.when = period(reader.tree, reader.language)
    draft.done |= {"start", "end"}


def _plan(reader: Reader, draft: Draft) -> None:
    """What is done and what for: activities and goals, followed where they are records of their own."""
    tree = reader.tree
    activities = [_activity(reader, one) for one in parts(tree, "activity")]
    draft.value = text(tree, "description") or "; ".join(filter(None, (short for short, _ in activities)))
    for short, whole in activities:
        draft.add(reader.label("activity"), whole or short)
    for one in parts(tree, "goal"):
        draft.add(reader.label("goal"), reference(reader, one))
    draft.done |= {"activity", "goal"}


def _activity(reader: Reader, one: Tree) -> tuple[str, str]:
    detail = part(one, "detail")
    short = text(detail, "description") or concept(reader, detail.get("code")) or reference(reader, part(one, "reference"))
    whole = members(reader, {name: value for name, value in one.items() if name != "detail"} | dict(detail), 1)
    return short, whole if short in whole else "; ".join(filter(None, (short, whole)))


def _team(reader: Reader, draft: Draft) -> None:
    """Everybody with role and telephone."""
    names = []
    for one in parts(reader.tree, "participant"):
        member = part(one, "member")
        who, role = reference(reader, member), concept(reader, one.get("role"))
        names.append(who)
        there = reader.at(member)
        numbers = _phones(there) if there else ""
        rest = {name: value for name, value in one.items() if name not in ("member", "role")}
        draft.add(role or reader.label("member"), "; ".join(filter(None, (who, numbers, members(reader, rest, 1)))))
    draft.value = "; ".join(dict.fromkeys(filter(None, names)))
    draft.done.add("participant")


def _phones(reader: Reader) -> str:
    """The numbers of somebody; of a role with none those of the person or the organisation."""
    found = phone_of(reader, reader.tree)
    for name in ("practitioner", "organization"):
        there = reader.at(part(reader.tree, name)) if not found else None
        found = found or (phone_of(there, there.tree) if there else "")
    return found


def _goal(reader: Reader, draft: Draft) -> None:
    draft.value = "; ".join(filter(None, (members(reader, one, 1) for one in parts(reader.tree, "target"))))


def _diet(reader: Reader, draft: Draft) -> None:
    diet = part(reader.tree, "oralDiet")
    draft.what = concept(reader, diet.get("type")) or concept(reader, part(reader.tree, "supplement").get("type"))
    textures = [concept(reader, one.get(name)) for one in parts(diet, "texture") for name in ("modifier", "foodType")]
    draft.value = ", ".join(filter(None, textures))
    rest = {name: value for name, value in diet.items() if name not in ("type", "texture")}
    draft.add(reader.label("oralDiet"), members(reader, rest, 1))
    draft.done.add("oralDiet")


def _aid(reader: Reader, draft: Draft) -> None:
    """What it is, where it sits, and of the device itself: number, make and until when it keeps."""
    device = part(reader.tree, "device")
    there = reader.at(device)
    draft.what = reference(reader, device)
    draft.value = site(reader)
    draft.done |= {"device"} | ({"bodySite"} if draft.value else set())
    if there is not None:
        for label, told in _of_device(there):
            draft.add(label, told)


def _of_device(reader: Reader) -> list[tuple[str, str]]:
    names = ("udiCarrier", "manufacturer", "modelNumber", "lotNumber", "serialNumber", "expirationDate", "note")
    found = [(reader.label(name), said(reader, name, reader.tree.get(name))) for name in names]
    return [(label, told) for label, told in found if told]


def _device(reader: Reader, draft: Draft) -> None:
    draft.what = concept(reader, reader.tree.get("type")) or called(reader)


_REASONS: Final = ("reasonCode", "reasonReference", "note")

FORMS: Final[Mapping[str, Form]] = {
    "Procedure": Form(when=("performed*",), author=("performer.actor", "recorder", "asserter"), more=_done, first=_REASONS),
    "ServiceRequest": Form(value=("occurrence*", "reasonCode"), when=("authoredOn", "occurrence*"), author=("requester",), first=_REASONS),
    "DeviceRequest": Form(what=("code*",), value=("occurrence*", "reasonCode"), when=("authoredOn",), author=("requester",), first=_REASONS),
    "Encounter": Form(when=("period",), author=("participant.individual", "serviceProvider"), more=_contact, first=("location", "serviceProvider")),
    "EpisodeOfCare": Form(when=("period",), author=("careManager", "managingOrganization"), more=_episode),
    "Appointment": Form(
        what=("serviceType", "appointmentType", "specialty", "description"), value=("description", "reasonCode"), when=("start", "requestedPeriod", "created"),
        author=("participant.actor",), plainly=frozenset({"booked", "fulfilled"}), more=_appointment,
    ),
    "CarePlan": Form(what=("title", "category"), when=("period", "created"), author=("author", "contributor"), more=_plan, first=("note",)),
    "CareTeam": Form(what=("name", "category"), when=("period",), author=("managingOrganization",), more=_team),
    "Goal": Form(what=("description",), when=("start*", "statusDate"), author=("expressedBy",), more=_goal, first=("target", "addresses", "note")),
    "NutritionOrder": Form(when=("dateTime",), author=("orderer",), more=_diet, first=("oralDiet", "note")),
    "DeviceUseStatement": Form(what=(), when=("timing*", "recordedOn"), author=("source",), more=_aid, first=_REASONS),
    "Device": Form(what=("type",), value=("manufacturer", "modelNumber"), when=("manufactureDate",), more=_device, first=("udiCarrier", "lotNumber", "expirationDate")),
    "Task": Form(what=("description", "code"), value=("businessStatus",), when=("authoredOn", "executionPeriod", "lastModified"), author=("requester",)),
}  # fmt: skip
