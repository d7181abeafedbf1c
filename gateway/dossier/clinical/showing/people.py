"""People and organisations as they stand on the screen: what they are called, what they are, and how they are reached."""

from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.showing.dates import in_words
from gateway.dossier.clinical.showing.draft import Draft, Form
from gateway.dossier.clinical.showing.parties import name_of, phone_of, relation
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.references import reference, summary
from gateway.dossier.clinical.showing.shapes import said
from gateway.dossier.clinical.trees import part, parts, text


def _patient(reader: Reader, draft: Draft) -> None:
    tree = reader.tree
    draft.what = name_of(reader, tree)
    born = in_words(text(tree, "birthDate"), reader.language)
    draft.value = ", ".join(filter(None, (f"{reader.phrase('born')} {born}" if born else "", said(reader, "gender", tree.get("gender")))))
    draft.done |= {"birthDate", *({"gender"} if "_gender" not in tree else ())}
    died = in_words(text(tree, "deceasedDateTime"), reader.language)
    if died or tree.get("deceasedBoolean") is True:
        draft.states.append(f"{reader.phrase('deceased')} {died}".strip())


def _relative(reader: Reader, draft: Draft) -> None:
    draft.what = name_of(reader, reader.tree)
    draft.value = "; ".join(filter(None, (relation(reader, reader.tree), phone_of(reader, reader.tree))))


def _party(reader: Reader, draft: Draft) -> None:
    draft.what = name_of(reader, reader.tree)
    draft.value = phone_of(reader, reader.tree)


def _role(reader: Reader, draft: Draft) -> None:
    draft.what = summary(reader)
    person, house = (reader.at(part(reader.tree, name)) for name in ("practitioner", "organization"))
    numbers = [phone_of(reader, reader.tree), *(phone_of(one, one.tree) for one in (person, house) if one is not None)]
    draft.value = next(filter(None, numbers), "")
    if draft.what:
        draft.done |= {"practitioner", "organization", "code", "specialty"}


def _insurance(reader: Reader, draft: Draft) -> None:
    payers = [reference(reader, one) for one in parts(reader.tree, "payor")]
    draft.what = ", ".join(dict.fromkeys(filter(None, payers)))
    draft.value = ", ".join(filter(None, (said(reader, "type", reader.tree.get("type")), text(reader.tree, "subscriberId"))))


FORMS: Final[Mapping[str, Form]] = {
    "Patient": Form(what=("name",), more=_patient, first=("telecom", "address", "contact", "generalPractitioner")),
    "Person": Form(what=("name",), more=_patient, first=("telecom", "address")),
    "RelatedPerson": Form(what=("name", "relationship"), when=("period",), more=_relative, first=("telecom", "address")),
    "Practitioner": Form(what=("name",), more=_party, first=("telecom", "address")),
    "PractitionerRole": Form(what=("code", "specialty"), when=("period",), more=_role, first=("telecom",)),
    "Organization": Form(what=("name", "type"), more=_party, first=("telecom", "address")),
    "Location": Form(what=("name", "description", "type", "managingOrganization"), more=_party, first=("telecom", "address")),
    "Coverage": Form(what=("type",), when=("period",), more=_insurance),
}  # fmt: skip
