"""A running process that renews: what it does when the office is not as it should be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from accord.link.certificates import Authority, certify, key_digest, make_authority, read_anchor, write_private
from accord.link.credentials import TlsFiles
from accord.link.desk_forms import RenewedForm
from accord.link.live_register import LiveRegister
from accord.link.next_certificate import next_key
from accord.link.office_line import OfficeLine
from accord.link.office_settings import OfficeSettings
from accord.link.policy_file import default_policy
from accord.link.renewing import Renewing
from accord.region.office import Office
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura

pytestmark = pytest.mark.anyio

URA = Ura("90001005")


@pytest.fixture
def renewing(tmp_path: Path) -> Callable[[timedelta], Renewing]:
    """A process whose certificate was made so long ago, for a day; the register does not know it."""

    def made(ago: timedelta) -> Renewing:
        at = datetime.now(UTC) - timedelta(days=30)
        office = Office.found(tmp_path / "office", "twente", default_policy(), at=at)
        files = TlsFiles(tmp_path / "tls.pem", tmp_path / "tls.key")
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(files.key, key)
        files.certificate.write_text(certify(office.authority, key.public_key(), URA, at=datetime.now(UTC) - ago, days=1))
        live = LiveRegister(office.register_path, [read_anchor(office.folder / "region.pub")])
        return Renewing(OfficeSettings("https://127.0.0.1:1"), URA, files, live)

    return made


async def test_a_certificate_by_which_nobody_would_know_us_is_not_put_in_place(
    renewing: Callable[[timedelta], Renewing], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An office whose folder was put back signs registers that nobody takes."""
    ours = renewing(timedelta(hours=20))
    elsewhere: Authority = make_authority("twente", at=datetime.now(UTC), days=2)

    async def ask(*_: Any) -> RenewedForm:
        following = next_key(ours.files)
        return RenewedForm(certify(elsewhere, following.public_key(), URA, at=datetime.now(UTC), days=1), ours.live.text)

    monkeypatch.setattr(OfficeLine, "ask", ask)
    before = key_digest(ours.files.certificate.read_bytes())
    with pytest.raises(Unavailable) as failure:
        await ours.renew()

    assert failure.value.fault is Fault.REGISTER_OUTDATED
    assert key_digest(ours.files.certificate.read_bytes()) == before


async def test_that_a_certificate_has_expired_is_said_once(
    renewing: Callable[[timedelta], Renewing], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ours, looks = renewing(timedelta(days=2)), 0

    async def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            raise KeyError("enough")

    monkeypatch.setattr(anyio, "sleep", sleep)
    with pytest.raises(KeyError):
        await ours._keep_renewing()

    assert "".join(capfd.readouterr()).count(Fault.CERTIFICATE_EXPIRED.value) == 1
