"""A running agent or gateway renews its certificate by the present one, and hears of newer registers, at the office's desk.

The desk may be away for long: two thirds into its life a certificate is renewed, and the last third is time to try again.
Nothing here stops the process: it answers for as long as its certificate counts.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio
import structlog

from accord.link.certificates import digest_of_key, read_certificate, signing_request
from accord.link.credentials import TlsFiles
from accord.link.desk_forms import RenewedForm, RenewForm, StandingForm, StandingToldForm
from accord.link.live_register import LiveRegister
from accord.link.next_certificate import next_key, put_in_place
from accord.link.office_line import OfficeLine
from accord.link.office_settings import OfficeSettings
from accord.link.short_certificates import lifetime, renewal_due
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister

_LOOK_SECONDS: Final = 30.0
_LONGEST_PAUSE: Final = timedelta(hours=1)

_log = structlog.get_logger("noaber.office")


@dataclass(frozen=True, slots=True)
class Renewing:
    """Keeps one certificate fresh. *sealed* gives the boxes that a holder still owes gateways of a register."""

    settings: OfficeSettings
    ura: Ura
    files: TlsFiles
    live: LiveRegister
    sealed: Callable[[RegionRegister], dict[str, str]] = lambda _: {}
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def keep(self) -> None:
        """Until cancelled: renew in time, and follow the register."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_renewing)
            tasks.start_soon(self._keep_following)

    async def renew(self) -> datetime:
        """Get a certificate for a new key, now; until when it counts.

        Raises:
            BadInput: The desk refuses, or a file cannot be written.
            Unavailable: The desk cannot be reached; `register-outdated`: what it says is older than what we know.
        """
        key = next_key(self.files)
        request = signing_request(key, self.ura).decode("ascii")
        renewed = await self._line().ask("/v1/renew", RenewForm(request, self.sealed(self.live.newest)), RenewedForm)
        # The register first: by it the new key is known, before anybody sees it.
        self.live.offer(renewed.register, self.now())
        member = self.live.newest.by_ura.get(self.ura)
        if member is None or digest_of_key(key.public_key()) not in member.certificates:
            # An office whose folder was put back signs what nobody takes: with this certificate nobody would know us.
            raise Unavailable(Fault.REGISTER_OUTDATED, "the desk")
        put_in_place(self.files, renewed.certificate)
        _, ends = lifetime(read_certificate(renewed.certificate.encode("ascii")))
        _log.info("certificate renewed", until=ends.isoformat(timespec="seconds"))
        return ends

    async def _keep_renewing(self) -> None:
        failures, told = 0, None
        while True:
            try:
                certificate = read_certificate(self.files.certificate.read_bytes())
            except (OSError, BadInput):
                await anyio.sleep(_LOOK_SECONDS)
                continue
            made, ends = lifetime(certificate)
            now = self.now()
            if now >= ends:
                if told != ends:
                    # Once: whoever watches the log has it, and nothing changes before a person joins again.
                    told = ends
                    _log.error("the certificate has expired", code=Fault.CERTIFICATE_EXPIRED.value, since=ends.isoformat(timespec="seconds"))
                await anyio.sleep(_LOOK_SECONDS)
                continue
            wait = (renewal_due(certificate) - now).total_seconds()
            if wait > 0:
                # A file that somebody else replaced is noticed before long.
                await anyio.sleep(min(wait, _LOOK_SECONDS))
                continue
            try:
                await self.renew()
                failures = 0
            except Faulted as failure:
                failures += 1
                _log.warning("certificate not renewed", code=failure.fault.value, where=failure.where, times=failures, until=ends.isoformat(timespec="seconds"))
                await anyio.sleep(pause(ends - made, failures).total_seconds() * random.uniform(0.8, 1.2))  # noqa: S311 - so that not all come at once

    async def _keep_following(self) -> None:
        unheard: Fault | None = None
        while True:
            try:
                told = await self._line().ask("/v1/standing", StandingForm(self.live.newest.version), StandingToldForm)
                if unheard is not None:
                    _log.info("the desk is heard again")
                unheard = None
                if told.register:
                    self.live.offer(told.register, self.now())
            except Faulted as failure:
                # The register comes by way of the gateways too. Once for each reason: it may be away for days.
                if unheard is not failure.fault:
                    _log.warning("the desk was not heard", code=failure.fault.value)
                unheard = failure.fault
            await anyio.sleep(self.settings.follow_seconds)

    def _line(self) -> OfficeLine:
        return OfficeLine(self.settings.desk, self.live.newest.authorities, self.files, self.settings.proxy, self.settings.ca_file)


def pause(life: timedelta, failures: int) -> timedelta:
    """How long to wait before trying again: longer each time, and never so long that the rest of a life passes in a few tries."""
    longest = min(life / 24, _LONGEST_PAUSE)
    return min(longest, life / 400 * (1 << min(failures, 10)))
