"""What Gerben does at the transfer desk, step by step: the form filled in, a search confirmed, put to some, a place found."""

import re
from datetime import UTC, datetime
from typing import Final

import httpx2

from tests.gateway.places.pages_world import PlacesKit
from tests.gateway.viewer.conftest import opened

MONDAY: Final = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


async def the_form(places: PlacesKit) -> httpx2.Response:
    """The need of Dina, as it is proposed."""
    page = await opened(places.kit)
    return await places.kit.get(f"{page.url.path}plek")


def fields(page: httpx2.Response) -> dict[str, str]:
    """What stands in the fields of a form, as a browser would send it."""
    found: dict[str, str] = {}
    main = page.text[page.text.index("<main") :]
    for tag in re.findall(r"<input [^>]*>", main):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="([^"]+)"', tag)
        if name and (kind is None or kind[1] not in {"checkbox", "radio"} or " checked" in tag):
            found[name[1]] = value[1] if value else ""
    for name_, body in re.findall(r'<select id="[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', main, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', body) or re.search(r'<option value="([^"]*)"', body)
        found[name_] = chosen[1] if chosen else ""
    found.update(dict(re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', main, re.DOTALL)))
    found.pop("csrf", None)
    return found


async def searched(places: PlacesKit, **changes: str) -> str:
    """A search of Dina that is confirmed; its id."""
    page = await the_form(places)
    form = fields(page) | {"kind": "geriatric-rehabilitation", "since": "2026-11-26", "near": "7597", "amount": "1", "do": "confirm"} | changes
    answer = await places.kit.post(page.url.path, **form)
    assert answer.status_code == 200, answer.text
    return answer.url.path.split("/")[2]


async def asked(places: PlacesKit, *providers: str, choosing: str = "first", **changes: str) -> str:
    """A search that is put to these; its id."""
    case = await searched(places, **changes)
    page = await places.kit.get(f"/plekken/{case}/zoek")
    keys = {name: key for key, name in re.findall(r'name="ask\.([0-9a-f]{12})"[^>]*>.*?<bdi>([^<]+)</bdi>', page.text, re.DOTALL)}
    ticked = {f"ask.{key}": "1" for name, key in keys.items() if any(part.casefold() in name.casefold() for part in providers)}
    assert len(ticked) == len(providers), keys
    await places.kit.post(f"/plekken/{case}/zoek", do="put", minutes="60", choosing=choosing, words="Graag snel.", **ticked)
    await places.settle()
    return case


async def placed(places: PlacesKit) -> str:
    """Dina has a place; the id of the search."""
    case = await asked(places, "Weefgetouw")
    places.offer("weefgetouw", case)
    await places.settle()
    return case
