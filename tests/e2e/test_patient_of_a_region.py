"""The patient's pages of a real region in a real browser: every holder confirms, and the page says so without a word on the console."""

from collections.abc import Iterator
from typing import Any

import pytest

from testbed.region import BlockingRegion
from tests.e2e.patient_browser import Pages, Visitor, browsing, visiting
from tests.gateway.patient.fake_region import Clock, dinas_region

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HOLDERS = ("dinkelhorst", "brinkhof", "wieke")


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False, holders=HOLDERS, patients=True, patient=True) as region:
        yield region


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def visitor(browser: Any, region: BlockingRegion) -> Iterator[Visitor]:
    unused = dinas_region(None, Clock())  # type: ignore[arg-type]  # the region behind these pages is a real one
    with visiting(browser, Pages(region.patients_url, unused, Clock())) as visitor:
        yield visitor


def sound(visitor: Visitor, name: str) -> None:
    visitor.picture(name)

    assert visitor.violations() == []
    assert visitor.console == []


def test_ria_stops_home_care_for_dina_and_every_holder_confirms(visitor: Visitor, region: BlockingRegion) -> None:
    region.ask()
    visitor.enter("ria")
    sound(visitor, "region-overview")
    visitor.go("/keuzes")
    sound(visitor, "region-choices")
    visitor.page.locator('button[value="looks:home-care"]').click()
    visitor.page.locator('input[name="overall"][value="objects"]').check()
    visitor.page.locator("main button.main").click()
    sound(visitor, "region-changing")
    visitor.page.locator("main button.main").click()
    visitor.log_in("ria")
    visitor.page.wait_for_url("**/keuzes/resultaat")
    sound(visitor, "region-result")

    assert all(visitor.shows(region.files[name].holder.title) for name in HOLDERS)
    assert visitor.page.locator(".state.yes").count() == len(HOLDERS)
    assert visitor.page.locator(".state.no").count() == 0
    visitor.go("/inzage")
    sound(visitor, "region-accesses")
    assert visitor.shows("Sanne ten Esker")
