"""`noaber connect` with a folder of searches: it comes up, has the folder alone, and comes up again when it was killed."""

import signal
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from accord.link.certificates import write_private
from accord.link.failures import only_cause
from accord.ops.doctor.findings import Verdict
from accord.terms.faults import BadInput, Fault, Faulted
from gateway.connect.composition import run
from gateway.connect.places_doctor import check_places
from gateway.connect.settings import ConnectSettings, read_settings
from tests.accord.link.evidence_world import private_key
from tests.accord.link.small_region import SmallRegion
from tests.gateway.connect.test_process import started, written

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
_SETS = ["listen.grpc=", "places.folder=places"]


def settings_of(path: Path, *sets: str) -> ConnectSettings:
    return read_settings([path], [*_SETS, *sets]).values


async def test_killed_and_started_again_it_has_its_folder_and_nobody_else_has_it(tmp_path: Path) -> None:
    path = written(SmallRegion(tmp_path))
    path.write_text(path.read_text() + '\n        [places]\n        folder = "places"\n')
    async with started(path) as (process, _):
        with pytest.raises(BaseException) as second:  # noqa: PT011 - out of a task group it comes in a group
            await run(settings_of(path, "listen.http=unix:/x"), tmp_path, print)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with started(path) as (process, _):
        process.send_signal(signal.SIGTERM)
        with anyio.fail_after(60):
            code = await process.wait()

    refused = only_cause(second.value)
    assert isinstance(refused, Faulted)
    assert refused.fault is Fault.JOURNAL_IN_USE
    assert code == 0
    assert (tmp_path / "places" / "searches.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("setting", ["places.neighbourhoods=gone.csv", "places.key=gone.key", "gateway.grpc="])
async def test_a_setting_of_places_that_cannot_work_ends_it_at_once(tmp_path: Path, setting: str) -> None:
    settings = settings_of(written(SmallRegion(tmp_path)), setting)

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - as above
        await run(settings, tmp_path, print)

    failure = only_cause(caught.value)
    assert isinstance(failure, BadInput)
    assert failure.fault is Fault.INVALID_SETTING


def test_the_doctor_says_nothing_where_it_is_off(tmp_path: Path) -> None:
    assert check_places(ConnectSettings(), tmp_path, None) == []


def test_the_doctor_finds_nothing_wrong_with_a_new_folder(tmp_path: Path) -> None:
    region = SmallRegion(tmp_path)
    table = tmp_path / "near.csv"
    table.write_text("postcode,latitude,longitude,name\n7591,52.37,6.99,Dinkelhorst\n")
    found = check_places(settings_of(written(region), "places.neighbourhoods=near.csv"), tmp_path, region.live().newest)

    assert {one.verdict for one in found} == {Verdict.OK}, found
    assert not (tmp_path / "places").exists()


def _lose_key(folder: Path) -> None:
    (folder / "searches.db").touch(mode=0o600)


def _show_key(folder: Path) -> None:
    (folder / "places.key").touch()
    (folder / "places.key").chmod(0o644)


@pytest.mark.parametrize("harm", [_lose_key, _show_key])
def test_the_doctor_finds_keys_that_are_lost_or_open_to_others(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    region = SmallRegion(tmp_path)
    folder = tmp_path / "places"
    folder.mkdir(mode=0o700)
    harm(folder)

    found = check_places(settings_of(written(region)), tmp_path, region.live().newest)

    assert [one.about for one in found if one.verdict is Verdict.PROBLEM] == ["places.folder"]


def test_the_doctor_finds_a_key_that_the_register_does_not_have(tmp_path: Path) -> None:
    region = SmallRegion(tmp_path)
    write_private(tmp_path / "other.key", private_key(77))
    settings = settings_of(written(region), "places.key=other.key", "places.neighbourhoods=gone.csv")

    found = check_places(settings, tmp_path, region.live().newest)
    missing = check_places(settings_of(written(region), "organisation.mandate_key="), tmp_path, None)

    assert [one.about for one in found if one.verdict is Verdict.PROBLEM] == ["places.key", "places.neighbourhoods"]
    assert [one.about for one in missing if one.verdict is Verdict.PROBLEM] == ["places.key"]
