"""Documents, and who made what: references to documents, compositions, bytes, provenance and lists."""

from node_agent.converting.moves import absent, each, keep, kept, listed, nodes, refuse, rename, renamed_list, some
from node_agent.converting.trees import Node

_URI = "urn:ietf:rfc:3986"


def document_reference(node: Node) -> None:
    """A document elsewhere. When it was indexed is its date; when it was made is kept."""
    renamed_list(node, "class", "category")
    keep(node, "created", "DocumentReference.created", "DateTime")
    rename(node, "indexed", "date")
    for context in nodes(node.get("context")):
        listed(context, "encounter")
        if "related" in context:
            context["related"] = [_related(one) for one in nodes(context["related"])]


def _related(one: Node) -> Node:
    reference = one.pop("ref", None)
    told: Node = dict(reference) if isinstance(reference, dict) else {}
    if "identifier" in one:
        if "identifier" in told:
            raise refuse("related.identifier")
        told["identifier"] = one.pop("identifier")
    if one.keys() - {"id", "extension"}:
        # It has the form of R4 already, or one that nobody knows.
        raise refuse("related")
    if "extension" in one:
        told["extension"] = [*some(told.get("extension")), *some(one["extension"])]
    return told


def document_manifest(node: Node) -> None:
    """A set of documents, each by reference; one that is given by its bytes is kept with its place in the set."""
    content: list[Node] = []
    for one in nodes(node.pop("content", None)):
        if "pReference" in one:
            content.append(one["pReference"])
        elif "pAttachment" in one:
            content.append({"extension": [kept("DocumentManifest.content.p", "Attachment", one["pAttachment"])]})
        else:
            raise refuse("content")
    if content:
        node["content"] = content


def composition(node: Node) -> None:
    """A document in sections; who attested it in several ways did so several times."""
    renamed_list(node, "class", "category")
    attested: list[Node] = []
    for attester in nodes(node.pop("attester", None)):
        modes = some(attester.get("mode"))
        attested += [attester | {"mode": mode} for mode in modes] if modes else [attester]
    if attested:
        each({"attester": attested}, "attester", lambda attester: absent(attester, "mode"))
        node["attester"] = attested


def binary(node: Node) -> None:
    """Bytes."""
    rename(node, "content", "data")


def provenance(node: Node) -> None:
    """Who made what, and from what."""
    rename(node, "period", "occurredPeriod")
    if "reason" in node:
        node["reason"] = [one if "coding" in one or "text" in one else {"coding": [one]} for one in nodes(node["reason"])]
    activity = node.get("activity")
    if isinstance(activity, dict) and "coding" not in activity and "text" not in activity:
        node["activity"] = {"coding": [activity]}
    each(node, "agent", _agent)
    for entity in nodes(node.get("entity")):
        _reference(entity, "what")
        each(entity, "agent", _agent)
    each(node, "signature", _signature)


def _agent(agent: Node) -> None:
    _reference(agent, "who")
    _reference(agent, "onBehalfOf")
    keep(agent, "relatedAgentType", "Provenance.agent.relatedAgentType", "CodeableConcept")


def _reference(node: Node, name: str) -> None:
    """What may be an address, an identifier or a reference is a reference."""
    rename(node, f"{name}Reference", name)
    address, identifier = node.pop(f"{name}Uri", None), node.pop(f"{name}Identifier", None)
    for told in (None if address is None else {"system": _URI, "value": address}, identifier):
        if told is not None:
            if name in node:
                raise refuse(name)
            node[name] = {"identifier": told}


def _signature(signature: Node) -> None:
    _reference(signature, "who")
    _reference(signature, "onBehalfOf")
    rename(signature, "contentType", "sigFormat")
    rename(signature, "blob", "data")


def listing(_: Node) -> None:
    """Both generations have the same elements."""
