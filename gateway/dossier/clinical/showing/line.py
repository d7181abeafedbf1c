"""One record as it stands on the screen, whatever it is: the form of its type, and for types without one whatever names it."""

from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.showing import care, directives, documents, findings, medication, people, problems
from gateway.dossier.clinical.showing.draft import Draft, Form, fill
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.rest import all_the_rest, narrative
from gateway.dossier.clinical.showing.states import stand
from gateway.dossier.clinical.showing.wording import kind_of_record
from gateway.dossier.clinical.shown import Shown
from gateway.dossier.clinical.trees import Follow, Tree, text
from gateway.dossier.words import Language

_ANY: Final = Form(
    what=("code", "title", "name", "description", "type", "category", "summary", "topic"),
    value=("value*", "outcome"),
    when=("effective*", "occurrence*", "performed*", "period", "date", "dateTime", "authoredOn", "created", "recorded", "issued"),
    author=("author", "performer", "recorder", "requester", "asserter", "sender", "source"),
)
FORMS: Final[Mapping[str, Form]] = {
    name: form
    for family in (findings, problems, medication, care, people, documents, directives)
    for name, form in family.FORMS.items()
}  # fmt: skip


def show(tree: Tree, follow: Follow, language: Language, table: ConceptTable) -> Shown:
    """What stands on the screen of a record.

    Nothing is invented and nothing computed: numbers and words stand as the record has them; a code without words is told by
    the table, else as it is. `what` is never empty. Whatever shape a record has, this never raises.
    """
    reader = Reader(tree, follow, language, table)
    kind = text(tree, "resourceType")
    form, draft = FORMS.get(kind, _ANY), Draft()
    stand(reader, form, draft)
    if form.more is not None:
        form.more(reader, draft)
    fill(reader, form, draft)
    all_the_rest(reader, form, draft)
    named = draft.kind or reader.say(kind_of_record(kind))
    if text(tree, "text", "status") == "additional" or not (draft.what or draft.value or draft.details):
        draft.add(reader.label("text"), narrative(reader))
    return Shown(
        what=draft.what or named or reader.phrase("unnamed"),
        value=draft.value,
        when=draft.when,
        author=draft.author,
        state=", ".join(dict.fromkeys(draft.states)),
        attention=draft.attention,
        warnings=tuple(draft.warnings),
        details=(*draft.warnings, *draft.details),
        attachments=tuple(reader.attachments),
        kind=named,
    )
