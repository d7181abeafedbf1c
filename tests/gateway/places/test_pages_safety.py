"""The pages about places tell nobody who has not logged in, nothing of whom in an address, and all of it in both languages."""

import re

import pytest

from tests.gateway.places.page_hands import asked, fields, placed, searched, the_form
from tests.gateway.places.pages_world import PlacesKit
from tests.gateway.viewer.conftest import says

pytestmark = pytest.mark.anyio


async def test_nobody_comes_in_without_having_logged_in_and_a_form_of_another_page_does_nothing(places: PlacesKit) -> None:
    outside = [await places.kit.get(path) for path in ("/plekken", "/plekken/overzicht", "/plekken/x", "/plekken/x/blad", "/plekken/overzicht/capaciteit")]
    assert {page.url.path for page in outside} <= {"/", "/uitgelogd"}
    case = await searched(places)
    answer = await places.kit.post(f"/plekken/{case}", csrf="x" * 43, do="cancel", reason="other")

    assert answer.status_code == 403
    assert (await places.site.placing.case(case)).request.cancelled is None


async def test_p6_no_address_and_no_title_tells_of_whom(places: PlacesKit, capsys: pytest.CaptureFixture[str]) -> None:
    case = await placed(places)
    for path in ("", "/zoek", "/overdracht", "/blad"):
        page = await places.kit.get(f"/plekken/{case}{path}")
        title = re.search(r"<title>(.*?)</title>", page.text, re.DOTALL)
        assert title is not None
        assert "Dina" not in title[1]
        assert page.headers["cache-control"] == "no-store"
    said = " ".join(places.kit.went) + capsys.readouterr().out

    for secret in ("Dina", "Wolbers", "999984056", "1942"):
        assert secret not in said


async def test_the_other_language_has_every_page(places: PlacesKit) -> None:
    case = await placed(places)
    await places.kit.get(f"/plekken/{case}")
    page = await places.kit.post("/taal", language="en", page=f"/plekken/{case}")
    pages = [await places.kit.get(f"/plekken/{case}{path}") for path in ("/zoek", "/overdracht", "/blad")]

    assert page.url.path == f"/plekken/{case}"
    assert says(page, "Place at Zorghuis")
    assert {one.status_code for one in pages} == {200}
    assert (await places.kit.get("/plekken/overzicht")).status_code == 200


async def test_p9_words_that_say_who_it_is_are_told_to_whoever_wrote_them_and_go_to_nobody(places: PlacesKit) -> None:
    page = await the_form(places)
    form = fields(page) | {"kind": "geriatric-rehabilitation", "since": "2026-11-26", "amount": "1", "do": "confirm"}
    name = max(form["name"].split(), key=len)
    unkept = await places.kit.post(page.url.path, **(form | {"words": f"Mevrouw {name} is vrolijk."}))
    case = await searched(places)
    found = await places.kit.get(f"/plekken/{case}/zoek")
    key = re.search(r'name="(ask\.[0-9a-f]{12})"', found.text)
    assert key is not None
    unput = await places.kit.post(f"/plekken/{case}/zoek", do="put", minutes="60", words=name, **{key[1]: "1"})
    asked_of = await asked(places, "Weefgetouw")
    untold = await places.kit.post(f"/plekken/{asked_of}", do="tell", provider="weefgetouw", words=name)

    assert [answer.status_code for answer in (unkept, unput, untold)] == [422, 422, 422]
    assert says(unkept, "Een aanbieder weet dat nog niet")
    assert says(unput, "Deze aanbieder weet dat nog niet")
    assert says(untold, "Deze aanbieder weet dat nog niet")
    assert not (await places.site.placing.case(case)).request.legs
