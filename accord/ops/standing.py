"""Whether the questions of an organisation can be answered, as the machines of an operator ask: in fixed codes, with what to do."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from accord.audit.journal import Journal
from accord.link.certificates import read_certificate
from accord.link.live_register import LiveRegister
from accord.link.short_certificates import lifetime, renewal_due
from accord.ops.measures import Level
from accord.terms.faults import CATALOGUE, BadInput, Fault

#: Renewing takes people, and people have holidays.
SOON: Final = timedelta(days=14)
#: So much of its life after it was due, a certificate that renews itself should have done so.
_LATE: Final = 1 / 12


@dataclass(frozen=True, slots=True)
class Standing:
    """Why not, and what soon will be why not."""

    reasons: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether questions can be answered."""
        return not self.reasons

    def told(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {"ready": self.ready, "reasons": [_told(code) for code in self.reasons], "warnings": [_told(code) for code in self.warnings]}


@dataclass(frozen=True, slots=True)
class Party:
    """What can be seen of one organisation's parts; each is left out where there is none.

    `trouble` is what the source says; `chosen` what its own people chose: to pause, or to begin in shadow. Such a part must stay
    within reach, for it says so itself to whoever asks: a machine that took it away would make `unreachable` of `paused` (promise
    P8). So that is told as a warning. `renews`: the certificate is renewed by the process itself. `more` are further values of the moment.
    """

    live: LiveRegister | None = None
    journal: Journal | None = None
    certificate: Path | None = None
    trouble: Callable[[], Fault | None] = field(default=lambda: None)
    chosen: Callable[[], Fault | None] = field(default=lambda: None)
    more: Callable[[], Iterable[Level]] = field(default=tuple)
    renews: bool = False

    def standing(self) -> Standing:
        """How it stands at this moment."""
        now = datetime.now(UTC)
        reasons: list[Fault] = []
        warnings: list[Fault] = []
        if self.live is not None:
            _by_end(self.live.newest.expires, now, (Fault.REGISTER_OUTDATED, Fault.REGISTER_EXPIRING), reasons, warnings)
        if self.journal is not None and not self.journal.open:
            reasons.append(Fault.JOURNAL_UNAVAILABLE)
        certificate = self._own_certificate()
        if self.certificate is not None and (certificate is None or certificate.not_valid_after_utc <= now):
            reasons.append(Fault.CERTIFICATE_EXPIRED)
        elif certificate is not None and ends_soon(certificate, now, renews=self.renews):
            warnings.append(Fault.CERTIFICATE_EXPIRING)
        trouble = self.trouble()
        if trouble is not None:
            reasons.append(trouble)
        chosen = self.chosen()
        if chosen is not None:
            warnings.append(chosen)
        return Standing(tuple(reasons), tuple(warnings))

    def certificate_expires(self) -> datetime | None:
        """When the certificate expires; none where it cannot be read."""
        certificate = self._own_certificate()
        return certificate.not_valid_after_utc if certificate is not None else None

    def _own_certificate(self) -> x509.Certificate | None:
        if self.certificate is None:
            return None
        try:
            return read_certificate(self.certificate.read_bytes())
        except (OSError, BadInput):
            return None

    def levels(self) -> Iterable[Level]:
        """The values of this moment."""
        standing = self.standing()
        yield Level("noaber_ready", float(standing.ready))
        for code in (*standing.reasons, *standing.warnings):
            yield Level("noaber_not_ready", 1, (code.value,))
        if self.live is not None:
            yield Level("noaber_register_version", self.live.newest.version)
            yield Level("noaber_register_expiry_timestamp_seconds", self.live.newest.expires.timestamp())
        if self.journal is not None:
            yield Level("noaber_journal_open", float(self.journal.open))
            yield Level("noaber_journal_lines", self.journal.durable.n)
        expires = self.certificate_expires()
        if expires is not None:
            yield Level("noaber_certificate_expiry_timestamp_seconds", expires.timestamp())
        yield from self.more()


#: Before anything can be seen.
STARTING: Final = Standing((Fault.NOT_READY_YET,))


def ends_soon(certificate: x509.Certificate, now: datetime, *, renews: bool) -> bool:
    """Whether somebody has to do something about its end: within two weeks, or, where it *renews* itself, when that is late."""
    made, ends = lifetime(certificate)
    return now > renewal_due(certificate) + (ends - made) * _LATE if renews else ends - now < SOON


def _by_end(end: datetime, now: datetime, codes: tuple[Fault, Fault], reasons: list[Fault], warnings: list[Fault]) -> None:
    if end <= now:
        reasons.append(codes[0])
    elif end - now < SOON:
        warnings.append(codes[1])


def _told(code: Fault) -> dict[str, str]:
    return {"code": code.value, "what": CATALOGUE[code].happened, "next": CATALOGUE[code].next_step}
