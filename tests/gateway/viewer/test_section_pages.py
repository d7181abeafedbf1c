"""How much stands on one page: as many threads as a browser takes in at once, each on exactly one page, and what is folded away is counted."""

import re

import pytest

from gateway.viewer.pages_section import PER_PAGE
from testbed.people import DINA
from tests.gateway.viewer.conftest import Kit, opened, says
from tests.gateway.viewer.night import batch, closed, dinas_night, holder, planned, result

pytestmark = pytest.mark.anyio

_STRAND = re.compile(r'<article class="strand[^>]*id="(t\d+)"')


async def test_threads_with_many_lines_stand_on_more_pages_and_each_on_one(demo: Kit) -> None:
    codes, lines = 20, 100
    contents = [
        result(code * lines + at, f"{at}.5", f"{2000 + at // 12}-{at % 12 + 1:02}-{code + 1:02}", code=f"c-{code}")
        for code in range(codes)
        for at in range(lines)
    ]
    demo.region.events = (planned(holder("twickelaar")), batch("twickelaar", contents), closed("twickelaar"))
    root = (await opened(demo)).url.path
    first = await demo.get(f"{root}lab")
    (last,) = set(re.findall(r"Bladzijde 1 van (\d+)", first.text))
    pages = [first, *[await demo.get(f"{root}lab/{page}") for page in range(2, int(last) + 1)]]
    seen = [_STRAND.findall(page.text) for page in pages]

    assert codes < PER_PAGE
    assert int(last) > 1
    assert all(seen)
    assert len({key for page in seen for key in page}) == sum(map(len, seen)) == codes
    assert all(says(page, f"{codes * lines} gegevens") for page in pages)


async def test_what_stands_beside_the_first_row_of_a_side_is_counted_on_the_emergency_screen(demo: Kit) -> None:
    demo.region.events = dinas_night()
    page = await demo.get((await opened(demo)).url.path)
    thinners = re.search(r'<section class="block blood-thinners.*?</section>', page.text, re.DOTALL)
    others = re.search(r'<section class="block medication.*?</section>', page.text, re.DOTALL)

    assert DINA.bsn in page.text
    assert thinners
    assert others
    assert thinners[0].count("+ 1 hierbij") == 1
    assert others[0].count("+ 2 hierbij") == 1
