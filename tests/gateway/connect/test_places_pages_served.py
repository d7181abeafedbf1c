"""The viewer of `noaber connect` has the pages about places where searches are kept, and nowhere else."""

from pathlib import Path

import httpx2
import pytest

from testbed.free_ports import free_port
from tests.accord.link.small_region import SmallRegion
from tests.gateway.connect.test_process import started, written

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def overview_of(tmp_path: Path, *, folder: str) -> httpx2.Response:
    """What somebody sees who logged in at the demonstration, and goes to the overview."""
    path, url = written(SmallRegion(tmp_path)), f"http://127.0.0.1:{free_port()}"
    viewer = f'[viewer]\nlisten = "{url.removeprefix("http://")}"\npublic_url = "{url}"\ndemo = true\n'
    path.write_text(f'{path.read_text()}\n{viewer}\n[places]\nfolder = "{folder}"\n')
    async with started(path), httpx2.AsyncClient(base_url=url, trust_env=False, follow_redirects=True) as browser:
        page = await browser.get("/")
        token = page.text.split('name="csrf" value="')[1].split('"')[0]
        dossier = await browser.post("/openen", data={"csrf": token, "bsn": "999984056"})
        assert ("/plek" in dossier.text) is bool(folder)
        return await browser.get("/plekken/overzicht")


async def test_where_searches_are_kept_the_pages_are_there(tmp_path: Path) -> None:
    page = await overview_of(tmp_path, folder="places")
    assert page.status_code == 200
    assert "Plekken in de regio" in page.text
    # The gateway of this region is not there.
    assert "Er wordt gevraagd" in page.text or "banner stop" in page.text


async def test_where_none_are_kept_there_are_no_such_pages(tmp_path: Path) -> None:
    page = await overview_of(tmp_path, folder="")

    assert page.status_code == 404
