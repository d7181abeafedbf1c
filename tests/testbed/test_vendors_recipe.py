"""The recipe of docs/vendors.md for a place asks for what the demo has: services, kinds and providers cannot drift apart from the testbed's."""

import json
import re
from pathlib import Path

from accord.terms.capacity import CareKind
from gateway.api.fhir_placing import read_asking
from testbed.holders import BY_NAME
from testbed.places import OPENINGS, FictionalOpening

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_RECIPE = (_DOCS / "vendors.md").read_text(encoding="utf-8").partition("\n## A place\n")[2].partition("\n## ")[0]
#: What is reckoned by the shell.
_SHELL = {"$DAY": "2026-11-26", "$END": "2026-11-23T16:00:00Z"}


def _request() -> bytes:
    body = _RECIPE.partition("cat > request.json <<EOF\n")[2].partition("\nEOF\n")[0]
    for name, value in _SHELL.items():
        body = body.replace(name, value)
    return body.encode()


def _of_service(provider: str, service: str) -> list[FictionalOpening]:
    return [one for one in OPENINGS.get(provider, ()) if one.service.id == service]


def test_whoever_the_recipe_asks_has_that_service_of_that_kind_and_that_opening() -> None:
    asking = read_asking(_request())

    assert asking.draft is not None
    need = asking.draft.need
    assert len(asking.addressees) == 2
    for to in asking.addressees:
        openings = _of_service(to.provider.value, to.service)
        assert openings, to
        assert {one.service.kind for one in openings} == {need.kind}
        assert all(need.conditions <= one.service.conditions for one in openings)
        assert to.opening in ("", *(one.id for one in openings))


def test_what_the_recipe_finds_is_of_the_kind_that_it_asks_for() -> None:
    (kind,) = re.findall(r'"name": "kind", "valueCode": "([^"]+)"', _RECIPE)
    asked = json.loads(_request())["entry"][0]["resource"]["code"]["coding"][0]["code"]
    found = [line.split(" | ") for line in re.findall(r"^[a-z0-9-]+ \| .+ \| .+ \| .+$", _RECIPE, re.MULTILINE)]
    # What begins so is of the neighbouring region.
    ours = [(provider, service, title) for provider, service, title, _ in found if not provider.startswith("via-")]

    assert kind == asked
    assert ours
    for provider, service, title in ours:
        openings = _of_service(provider, service)
        assert {(one.service.title, one.service.kind) for one in openings} == {(title, CareKind(kind))}


def test_the_providers_that_the_recipe_names_are_called_so() -> None:
    titles = {line.partition(" | ")[0] for line in re.findall(r"^.+ \| (?:received|accepted|rejected|completed) \|.*$", _RECIPE, re.MULTILINE)}
    asked = {BY_NAME[to.provider.value].title for to in read_asking(_request()).addressees}

    assert titles == asked
