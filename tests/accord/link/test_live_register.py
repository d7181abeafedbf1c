"""The newest register a process knows goes forward only, after a restart too."""

import stat
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.link.certificates import read_signing_key
from accord.link.live_register import _POLLS_BEFORE_ANOTHER_LOOK, LiveRegister, replace_file
from accord.link.register_file import sign_register
from accord.terms.faults import BadInput, Unavailable
from accord.terms.members import MemberStatus, RegionRegister
from tests.accord.link.small_region import HOSPITAL, NOW, POLICY, SmallRegion

pytestmark = pytest.mark.anyio


@pytest.fixture
def region(tmp_path: Path) -> SmallRegion:
    return SmallRegion(tmp_path)


def blocked(region: SmallRegion) -> str:
    with region.change() as draft:
        draft.block(HOSPITAL.ura)
    return region.text


def test_a_newer_register_is_taken_and_an_older_one_refused(region: SmallRegion) -> None:
    live, older = region.live(), region.text
    newer = blocked(region)

    assert live.offer(newer, NOW)
    assert live.current(NOW).by_ura[HOSPITAL.ura].status is MemberStatus.BLOCKED
    assert not live.offer(newer, NOW)
    assert not live.offer(older, NOW)
    assert live.text == newer
    with pytest.raises(Unavailable, match=r"register-outdated \(older\)"):
        live.take(older, NOW)


def test_a2_an_older_register_unblocks_nobody_after_a_restart_either(region: SmallRegion) -> None:
    older = region.text
    region.live().offer(blocked(region), NOW)
    region.office.register_path.write_text(older)
    restarted = region.live()

    assert restarted.current(NOW).by_ura[HOSPITAL.ura].status is MemberStatus.BLOCKED
    assert not restarted.offer(older, NOW)


def test_without_what_was_known_the_older_register_would_be_taken(region: SmallRegion) -> None:
    older = region.text
    region.live().offer(blocked(region), NOW)
    region.office.register_path.write_text(older)

    assert region.live("another").current(NOW).by_ura[HOSPITAL.ura].status is MemberStatus.ACTIVE


def test_two_texts_of_one_version_are_one_too_many(region: SmallRegion) -> None:
    live = region.live()
    key = read_signing_key(region.office.folder / "region.key")
    twin = sign_register(replace(live.newest, issued=NOW + timedelta(seconds=1)), key, [region.office.public_key])

    with pytest.raises(Unavailable, match="another text of this version"):
        live.take(twin, NOW)


def test_an_expired_register_makes_nobody_a_member(region: SmallRegion) -> None:
    live = region.live()

    with pytest.raises(Unavailable, match="register-outdated"):
        live.current(live.newest.expires)


def test_another_regions_register_under_the_same_key_is_refused(region: SmallRegion) -> None:
    live = region.live()
    key = read_signing_key(region.office.folder / "region.key")

    with pytest.raises(BadInput, match=r"register-invalid \(region\)"):
        live.take(sign_register(replace(live.newest, region="achterhoek", version=99), key, [region.office.public_key]), NOW)


def test_what_is_known_is_for_its_owner_and_is_believed_only_with_its_signatures(region: SmallRegion) -> None:
    region.live()
    known = region.folder / "known"

    assert stat.S_IMODE(known.stat().st_mode) == 0o600
    known.write_bytes(known.read_bytes().replace(b".", b".A", 1))
    with pytest.raises(BadInput, match="register-invalid"):
        region.live()


def test_a_process_does_not_start_on_a_register_of_somebody_else(region: SmallRegion) -> None:
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()

    with pytest.raises(BadInput, match="register-invalid"):
        LiveRegister(region.office.register_path, [stranger], known=region.folder / "other")
    with pytest.raises(BadInput, match="register-invalid"):
        LiveRegister(region.folder / "none.jws", [stranger])


def test_the_region_changes_its_key_and_members_follow_also_over_a_restart(region: SmallRegion) -> None:
    anchor, live = region.office.public_key, region.live()
    old_key = read_signing_key(region.office.folder / "region.key")
    following = region.office.announce_key(NOW)
    assert live.offer(region.text, NOW)
    region.office.use_announced_key(NOW)
    assert live.offer(region.text, NOW)
    newest = blocked(region)
    assert live.offer(newest, NOW)
    restarted = LiveRegister(region.office.register_path, [anchor], known=region.folder / "known")
    with_new_anchor = LiveRegister(region.office.register_path, [following], known=region.folder / "known")

    assert restarted.text == with_new_anchor.text == newest
    # Whoever stole the old key can sign, and nobody listens.
    forged = sign_register(replace(live.newest, version=99), old_key, [anchor])
    assert not live.offer(forged, NOW)
    assert not restarted.offer(forged, NOW)


async def test_p11_a_changed_file_is_noticed_and_told_of(region: SmallRegion) -> None:
    live = region.live()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(live.keep_fresh, every=0.01))
        blocked(region)
        with anyio.fail_after(5):
            await live.wait_changed()
        tasks.cancel_scope.cancel()

    assert live.current(NOW).by_ura[HOSPITAL.ura].status is MemberStatus.BLOCKED


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"a.b.c", b"." * 5_000_000])
def test_a_file_that_cannot_be_believed_changes_nothing(region: SmallRegion, content: bytes) -> None:
    live, before = region.live(), region.text
    path = region.office.register_path
    replace_file(path, content)
    live._refresh()

    assert live.text == before
    replace_file(path, before.encode())
    newer = blocked(region)
    live._refresh()
    assert live.text == newer


def test_a_file_that_was_refused_is_looked_at_again_though_nobody_touched_it(region: SmallRegion) -> None:
    time = [NOW]
    live = LiveRegister(region.office.register_path, [region.office.public_key], known=region.folder / "k", clock=lambda: time[0])
    newer = blocked(region)
    time[0] = NOW - timedelta(days=1)
    live._refresh()
    assert live.text != newer
    time[0] = NOW
    for _ in range(_POLLS_BEFORE_ANOTHER_LOOK):
        live._refresh()

    assert live.text == newer


def test_a_file_that_is_lost_has_one_line_and_one_when_it_is_believed_again(region: SmallRegion) -> None:
    live = region.live()
    text = region.office.register_path.read_bytes()
    with structlog.testing.capture_logs() as logged:
        region.office.register_path.write_bytes(b"no register")
        for _ in range(3 * _POLLS_BEFORE_ANOTHER_LOOK):
            live._refresh()
        region.office.register_path.write_bytes(text)
        live._refresh()
        live._refresh()

    assert [line["event"] for line in logged] == ["register file refused, the known register stays", "register file can be believed again"]


async def test_whoever_waits_is_told_when_the_register_expires(region: SmallRegion) -> None:
    time = [NOW]
    live = LiveRegister(region.office.register_path, [region.office.public_key], known=region.folder / "k", clock=lambda: time[0])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(live.keep_fresh, every=0.01))
        time[0] = live.newest.expires
        with anyio.fail_after(60):
            await live.wait_changed()
        tasks.cancel_scope.cancel()

    with pytest.raises(Unavailable):
        live.current(time[0])


def test_p3_what_cannot_be_remembered_is_not_taken(region: SmallRegion) -> None:
    live, before = region.live(), region.text
    (region.folder / "known").unlink()
    (region.folder / "known").mkdir()

    with pytest.raises(Unavailable, match="cannot be written"):
        live.take(blocked(region), NOW)
    assert live.text == before


KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
BASE = RegionRegister("twente", 1, NOW, NOW + timedelta(days=1), (HOSPITAL,), (), POLICY)
#: Of each version two texts: only the one that came first may count.
TEXTS = {
    (version, twin): sign_register(replace(BASE, version=version, issued=NOW - timedelta(seconds=twin)), KEY, [PUBLIC])
    for version in range(1, 6)
    for twin in (0, 1)
}


@pytest.mark.slow
@settings(max_examples=50)
@given(steps=st.lists(st.sampled_from([*TEXTS, None]), max_size=12))
def test_whatever_is_offered_and_however_often_it_restarts_the_register_goes_forward_only(steps: list[tuple[int, int] | None]) -> None:
    with TemporaryDirectory() as name:
        file = Path(name, "register.jws")
        file.write_text(TEXTS[1, 0])
        live, expected = LiveRegister(file, [PUBLIC], clock=lambda: NOW), (1, 0)
        for step in steps:
            if step is None:
                live = LiveRegister(file, [PUBLIC], clock=lambda: NOW)
            else:
                assert live.offer(TEXTS[step], NOW) == (step[0] > expected[0])
                expected = step if step[0] > expected[0] else expected
            assert live.text == TEXTS[expected]
