"""The next certificate takes the place of the present one, whenever somebody pulls the plug."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accord.link.certificates import Authority, certify_names, host_name, key_digest, make_authority
from accord.link.credentials import TlsFiles, check_pair
from accord.link.next_certificate import next_key, put_in_place, settle
from accord.link.renewing import pause
from accord.terms.faults import BadInput
from accord.terms.identifiers import Ura

URA = Ura("90001005")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority("twente", at=datetime.now(UTC), days=1)


def certificate(authority: Authority, files: TlsFiles) -> str:
    return certify_names(authority, next_key(files).public_key(), [host_name(URA)], at=datetime.now(UTC), life=timedelta(days=7))


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> TlsFiles:
    files = TlsFiles(tmp_path / "tls.pem", tmp_path / "tls.key")
    put_in_place(files, certificate(authority, files))
    return files


def test_a_key_that_was_not_answered_is_used_again(files: TlsFiles) -> None:
    assert next_key(files).private_numbers() == next_key(files).private_numbers()


def test_a_pair_takes_the_place_of_the_other(files: TlsFiles, authority: Authority) -> None:
    before = key_digest(files.certificate.read_bytes())
    put_in_place(files, certificate(authority, files))

    check_pair(files)
    assert key_digest(files.certificate.read_bytes()) != before
    assert sorted(path.name for path in files.key.parent.iterdir()) == ["tls.key", "tls.pem"]
    assert files.key.stat().st_mode & 0o077 == 0


def test_a_certificate_of_another_key_changes_nothing(files: TlsFiles, authority: Authority, tmp_path: Path) -> None:
    elsewhere = TlsFiles(tmp_path / "other.pem", tmp_path / "other.key")
    next_key(files)
    with pytest.raises(BadInput):
        put_in_place(files, certificate(authority, elsewhere))
    settle(files)

    check_pair(files)


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_whoever_pulls_the_plug_finds_a_pair_that_fits(files: TlsFiles, authority: Authority, moved: int) -> None:
    folder = files.key.parent
    following = certificate(authority, files)
    (folder / "tls.next.pem").write_text(following)
    digest = key_digest(following.encode())
    if moved >= 1:
        (folder / "tls.next.key").replace(files.key)
    if moved >= 2:
        (folder / "tls.next.pem").replace(files.certificate)
    settle(files)

    check_pair(files)
    assert key_digest(files.certificate.read_bytes()) == digest


def test_a_half_written_key_is_made_again(files: TlsFiles) -> None:
    (files.key.parent / ".tls.next.key.half").write_text("-----BEGIN")

    assert next_key(files).key_size == 256


def test_an_old_certificate_that_fits_nothing_is_thrown_away(files: TlsFiles, authority: Authority) -> None:
    folder = files.key.parent
    shutil.copy(files.certificate, folder / "kept.pem")
    (folder / "tls.next.pem").write_text(certificate(authority, TlsFiles(folder / "o.pem", folder / "o.key")))
    settle(files)

    check_pair(files)
    assert files.certificate.read_bytes() == (folder / "kept.pem").read_bytes()


def test_the_last_third_of_a_life_has_room_for_several_tries() -> None:
    for life in (timedelta(seconds=20), timedelta(days=7), timedelta(days=90)):
        waited = sum((pause(life, failures) * 1.2 for failures in range(1, 5)), timedelta())

        assert waited < life / 3
        assert pause(life, 50) <= timedelta(hours=1)
