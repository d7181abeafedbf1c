"""Documents, images and messages as they stand on the screen: title, kind, date, author and what can be fetched."""

from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.showing.coded import concept
from gateway.dossier.clinical.showing.draft import Draft, Form
from gateway.dossier.clinical.showing.findings import result_line
from gateway.dossier.clinical.showing.reader import DEEPEST, Reader
from gateway.dossier.clinical.showing.rest import narrative
from gateway.dossier.clinical.showing.shapes import said
from gateway.dossier.clinical.trees import Tree, part, parts, text


def _document(reader: Reader, draft: Draft) -> None:
    tree = reader.tree
    titles = [text(tree, "description"), *(text(part(one, "attachment"), "title") for one in parts(tree, "content"))]
    kind = concept(reader, tree.get("type")) or concept(reader, tree.get("category"))
    draft.what = next(filter(None, (*titles, kind)), "")
    draft.value = kind if kind != draft.what else ""


def _composition(reader: Reader, draft: Draft) -> None:
    kind = concept(reader, reader.tree.get("type"))
    draft.what = text(reader.tree, "title") or kind
    draft.value = kind if kind != draft.what else ""
    _sections(reader, draft, reader.tree, 0)
    draft.done.add("section")


def _sections(reader: Reader, draft: Draft, node: Tree, depth: int) -> None:
    """Each section with its text and the records that it points to."""
    if depth > DEEPEST:
        return
    for one in parts(node, "section"):
        title = ", ".join(dict.fromkeys(filter(None, (text(one, "title"), concept(reader, part(one, "code"))))))
        lines = [narrative(reader.of(one)), *(result_line(reader, each) for each in parts(one, "entry")), concept(reader, part(one, "emptyReason"))]
        draft.add(title or reader.label("section"), "; ".join(filter(None, lines)) or "–")
        _sections(reader, draft, one, depth + 1)


def _message(reader: Reader, draft: Draft) -> None:
    told = [said(reader, name, value) for one in parts(reader.tree, "payload") for name, value in one.items() if name.startswith("content")]
    reason = concept(reader, reader.tree.get("reasonCode"))
    draft.what = concept(reader, reader.tree.get("topic")) or concept(reader, reader.tree.get("category")) or reason
    draft.done |= {"payload"}
    draft.value = "; ".join(filter(None, told)) or (reason if reason != draft.what else "")


FORMS: Final[Mapping[str, Form]] = {
    "DocumentReference": Form(when=("date", "indexed"), author=("author", "custodian"), more=_document, first=("content", "context")),
    "DocumentManifest": Form(what=("description", "type"), value=("type",), when=("created",), author=("author",)),
    "Composition": Form(what=("title",), when=("date",), author=("author", "custodian"), more=_composition),
    "Media": Form(what=("type", "modality", "reasonCode"), value=("bodySite",), when=("created*", "issued"), author=("operator",), first=("content",)),
    "ImagingStudy": Form(
        what=("description", "procedureCode", "modality"), value=("modality",), when=("started",), author=("interpreter", "referrer"),
        plainly=frozenset({"available"}),
    ),
    "Binary": Form(what=("contentType",)),
    "Communication": Form(what=("category",), when=("sent", "received"), author=("sender",), more=_message),
    "CommunicationRequest": Form(what=("category",), when=("authoredOn", "occurrence*"), author=("requester", "sender"), more=_message),
    "Provenance": Form(what=("activity", "reason"), when=("occurred*", "recorded"), author=("agent.who",)),
}  # fmt: skip
