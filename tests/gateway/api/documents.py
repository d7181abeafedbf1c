"""Reading a document as a receiver does: sections, entries, and what refers to what."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2

Json = dict[str, Any]
BASE = "http://gateway.test/fhir"


def resources(bundle: Json) -> dict[str, Json]:
    """The resources of a document by their address."""
    return {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}


def composition(bundle: Json) -> Json:
    """The Composition, which comes first."""
    first: Json = bundle["entry"][0]["resource"]
    assert first["resourceType"] == "Composition"
    return first


def sections(bundle: Json) -> dict[str, Json]:
    """The sections by code, without the account."""
    found = {section["code"]["coding"][0]["code"]: section for section in composition(bundle)["section"]}
    assert found.pop("completeness")["entry"]
    return found


def entries(section: Json) -> list[str]:
    """What a section refers to."""
    return [entry["reference"] for entry in section.get("entry", [])]


def reason(section: Json) -> str:
    """The code of why it is empty; empty when it is not."""
    codes = [coding["code"] for coding in section.get("emptyReason", {}).get("coding", [])]
    return "".join(codes)


def references(node: Any) -> Iterator[str]:
    """Every reference in a resource."""
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolved(full_url: str, reference: str) -> str:
    """Where a reference in the resource at an address leads to, by the rule of FHIR for Bundles."""
    if reference.startswith(("http:", "https:", "urn:")):
        return reference
    match = re.fullmatch(r"(.*)/[A-Za-z]+/[A-Za-z0-9.-]{1,64}", full_url)
    assert match is not None
    return f"{match[1]}/{reference.partition('/_history/')[0]}"


def timeless(answer: httpx2.Response) -> str:
    """A document without what differs from question to question."""
    return re.sub(r"Noaber-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.+Z]*|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}", "", answer.text)


def parameters(**values: str) -> str:
    """The body of an operation."""
    return json.dumps({"resourceType": "Parameters", "parameter": [{"name": name, "valueString": value} for name, value in values.items()]})
