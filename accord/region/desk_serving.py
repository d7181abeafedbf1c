"""The joining desk of an office as a process: its certificate, its address, until it is stopped."""

import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import anyio
import msgspec
import structlog
from anyio import to_thread
from cryptography.hazmat.primitives.asymmetric import ec

from accord.link.addresses import address
from accord.link.certificates import read_certificate, write_private
from accord.link.credentials import TlsFiles, https_server_context, renew
from accord.link.live_register import replace_file
from accord.link.serving import serve_app
from accord.link.short_certificates import certify_desk, fingerprint
from accord.link.surroundings import check_surroundings
from accord.region.bringing import hosts_of
from accord.region.desk_app import DeskApp
from accord.region.desk_reception import Reception
from accord.region.invitations import Invitations
from accord.region.joining_desk import Desk
from accord.region.office import Office
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.next_steps import OFFICE_GONE, UNWRITABLE

_log = structlog.get_logger("noaber.desk")

_LIFE: Final = timedelta(days=7)
_RENEW_SECONDS: Final = 24 * 3600.0
_LOOK_SECONDS: Final = 2.0
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - these are no names of a desk


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the desk is found, as an invitation tells it, and where gateways let in agents without a port."""

    url: str
    doors: list[str] = []


@dataclass(frozen=True, slots=True)
class _Own:
    """The desk's own certificate, in the folder of the office."""

    office: Office
    files: TlsFiles
    #: Where it is found: a proxy that opens TLS looks whether that stands in the certificate.
    hosts: tuple[str, ...]

    def make(self) -> None:
        """A new key and certificate; what was there is of an earlier run."""
        key = ec.generate_private_key(ec.SECP256R1())
        authority = self.office.authority
        certificate = certify_desk(authority, key.public_key(), self.hosts, at=_now(), life=_LIFE)
        try:
            fresh = self.files.key.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            write_private(fresh, key)
            fresh.replace(self.files.key)
            replace_file(self.files.certificate, f"{certificate}{authority.certificate}".encode("ascii"), 0o644)
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, "desk.pem: cannot be written", then=UNWRITABLE) from None

    async def keep_renewing(self, context: ssl.SSLContext, reception: Reception) -> None:
        """Until cancelled: a new certificate every day."""
        while True:
            await anyio.sleep(_RENEW_SECONDS)
            self.make()
            renew(context, self.files)
            reception.show(self.files)


async def serve_desk(office: Office, listen: str, place: Place, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. *place* is where agents find it; without a `url`, where it listens.

    Raises:
        BadInput: A setting is wrong, or the surroundings are unsafe; later, when the office's folder is gone.
    """
    check_surroundings()
    own = _Own(office, TlsFiles(office.folder / "desk.pem", office.folder / "desk.key"), _hosts(listen, place))
    own.make()
    context, reception = https_server_context(own.files), Reception(own.files)
    desk = Desk(office.folder, Invitations(office.folder), _now, tuple(address(door).target for door in place.doors))
    app = DeskApp(desk, reception).application()
    async with anyio.create_task_group() as tasks:
        taken = await tasks.start(partial(serve_app, app, address(listen), setting="--listen", tls=context))
        keep_place(office.folder, Place(place.url or f"https://{taken}", place.doors))
        tasks.start_soon(_keep_looking, office.folder)
        tasks.start_soon(own.keep_renewing, context, reception)
        tasks.start_soon(_keep_pruning, desk.invitations)
        ready(f"ready {taken}")
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                break
        tasks.cancel_scope.cancel()


def _hosts(listen: str, place: Place) -> tuple[str, ...]:
    hosts = {urlsplit(place.url).hostname or "", *hosts_of(listen)} - {""}
    return tuple(sorted(host for host in hosts if host not in _EVERYWHERE))


def keep_place(office: Path, place: Place) -> None:
    """Remember where the desk is found, for the invitations to come."""
    replace_file(office / "desk.json", msgspec.json.encode(place))


def place_of(office: Path) -> Place:
    """Where the desk is found; without a `url` when it never ran."""
    try:
        return msgspec.json.decode((office / "desk.json").read_bytes(), type=Place)
    except (OSError, msgspec.DecodeError):
        return Place("")


def authority_fingerprint(office: Office) -> str:
    """What whoever joins compares, before anything else is believed."""
    return fingerprint(read_certificate(office.authority.certificate.encode("ascii")))


async def _keep_looking(office: Path) -> None:
    """Until cancelled: a desk without its office can decide nothing, and must not look as if it could.

    Raises:
        BadInput: `invalid-setting`: the folder, or the office in it, is gone.
    """
    while True:
        await anyio.sleep(_LOOK_SECONDS)
        if not await to_thread.run_sync((office / "region.key").exists):
            raise BadInput(Fault.INVALID_SETTING, f"--folder: the office in {office} is gone, so its desk ends", then=OFFICE_GONE)


async def _keep_pruning(invitations: Invitations) -> None:
    """Until cancelled: forget old invitations, now and every day."""
    while True:
        try:
            await to_thread.run_sync(invitations.prune, _now())
        except Faulted as failure:
            _log.warning("old invitations are not forgotten", code=failure.fault.value, where=failure.where)
        await anyio.sleep(_RENEW_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)
