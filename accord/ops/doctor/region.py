"""What a part must have of its region: the register, a certificate and keys that belong to a member of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from accord.link.addresses import address
from accord.link.certificates import host_name, key_digest, read_anchor, read_certificate
from accord.link.credentials import TlsFiles, check_pair
from accord.link.live_register import Glimpse
from accord.link.short_certificates import renewal_due
from accord.ops.doctor.findings import Finding, ok, problem, warning
from accord.ops.doctor.network import Peer
from accord.ops.standing import SOON, ends_soon
from accord.rules.moments import local_moment
from accord.terms.counts import counted
from accord.terms.faults import Faulted
from accord.terms.members import MemberStatus, Part, RegionRegister

_FOLLOWS: Final = "while it runs it fetches the newest register from the office by itself; if it runs, ask the office whether there is a newer one"
_NEW_CERTIFICATE: Final = "ask the office of the region for a new certificate; how a request is made: docs/running.md"
_JOIN_AGAIN: Final = "ask the office of the region for a new token, and join again in the same folder: docs/joining.md"
_RENEWS_LATE: Final = "see in the log why it was not renewed, and that the office's desk can be reached; it renews itself only while this part runs"


@dataclass(frozen=True, slots=True)
class Belonging:
    """Where a part keeps what shows that it belongs to the region. `renews`: it gets certificates and registers at the office's desk by itself.

    `activated` says how a member becomes active that does so at the desk.
    """

    register: Path
    anchor: Path
    tls: TlsFiles | None
    ura: str
    renews: bool = False
    activated: str = ""

    @property
    def new_register(self) -> str:
        """What a member does who needs a newer register: only the office makes one."""
        return _FOLLOWS if self.renews else f"ask the office of the region for its newest register, and put it at {self.register}"


def check_region(belonging: Belonging) -> tuple[list[Finding], RegionRegister | None]:
    """The register and the certificate; and the register, where it can be believed. Nothing is remembered of it."""
    now = datetime.now(UTC)
    try:
        seen = Glimpse(belonging.register, [read_anchor(belonging.anchor)])
    except (Faulted, ValueError) as failure:
        told = failure.explanation.next_step if isinstance(failure, Faulted) else "fetch it again"
        return [problem("register", f"it is not to be believed: {failure if isinstance(failure, Faulted) else 'unreadable'}", told)], None
    except OSError:
        return [problem("register", f"{belonging.register} cannot be read", "put there the register.jws that the office of the region gives")], None
    register = seen.newest
    found = [_expiry("register", register.expires, now, f"version {register.version} of {register.region}", belonging.new_register)]
    if seen.doubt is not None:
        told = f"{belonging.register.name} is passed over ({seen.doubt}); version {register.version}, which is known here, counts"
        found.append(
            warning(
                "register file",
                told,
                f"{belonging.new_register}; after a new key of the region, also give its anchor and remove {belonging.register.name}.known",
            )
        )
    if register.issued > now:
        found.append(problem("clock", "the register is of the future", "`timedatectl set-ntp true`"))
    if belonging.tls is not None:
        found += _check_certificate(belonging, belonging.tls, register, now)
    return found, register


def gateways_of(register: RegionRegister, files: TlsFiles) -> Sequence[Peer]:
    """The gateways of the region, as they are met with our own certificate."""
    active = (member for member in register.members if Part.GATEWAY in member.parts and member.status is MemberStatus.ACTIVE and member.address)
    return [Peer(f"gateway {member.name}", address(member.address), host_name(member.ura), register.authorities, files) for member in active]


def _check_certificate(belonging: Belonging, tls: TlsFiles, register: RegionRegister, now: datetime) -> list[Finding]:
    try:
        check_pair(tls)
        content = tls.certificate.read_bytes()
        found = [_certificate(read_certificate(content), now, tls.certificate.name, renews=belonging.renews)]
        member = register.by_certificate.get(key_digest(content))
    except (Faulted, OSError) as failure:
        return [problem("certificate", f"cannot be used: {failure if isinstance(failure, Faulted) else tls.certificate}", _instead(belonging))]
    if member is None:
        found.append(problem("membership", "the certificate is of no organisation in the register", _instead(belonging)))
    elif member.ura.value != belonging.ura:
        found.append(problem("membership", f"the certificate is of {member.name}, URA {member.ura.value}", f"correct the URA {belonging.ura} in the settings"))
    elif member.status is MemberStatus.PLANNED:
        told = f"{member.name} is in the register, and not active yet: no gateway asks it, or lets it in"
        found.append(problem("membership", told, belonging.activated or "ask the office of the region when it makes you active"))
    elif member.status is not MemberStatus.ACTIVE:
        found.append(problem("membership", f"{member.name} is {member.status.value} in the register", "call the office of the region"))
    else:
        found.append(ok("membership", f"{member.name} takes part in {register.region}"))
    return found


def _instead(belonging: Belonging) -> str:
    """How a certificate that cannot be used is replaced."""
    return _JOIN_AGAIN if belonging.renews else _NEW_CERTIFICATE


def _certificate(certificate: x509.Certificate, now: datetime, name: str, *, renews: bool) -> Finding:
    """How long it counts. One that renews itself always ends soon: that is told only when it should have been renewed by now."""
    ends = certificate.not_valid_after_utc
    if not renews or ends <= now:
        return _expiry("certificate", ends, now, name, _JOIN_AGAIN if renews else _NEW_CERTIFICATE)
    seen = f"{name} counts until {local_moment(ends)}"
    if ends_soon(certificate, now, renews=True):
        return warning("certificate", f"{seen}, and should have renewed itself since {local_moment(renewal_due(certificate))}", _RENEWS_LATE)
    return ok("certificate", f"{seen}, and renews itself before that")


def _expiry(about: str, end: datetime, now: datetime, what: str, then: str) -> Finding:
    if end <= now:
        return problem(about, f"{what} expired {_days(now - end)} ago", then)
    seen = f"{what}, valid for {_days(end - now)}"
    return warning(about, seen, then) if end - now < SOON else ok(about, seen)


def _days(length: timedelta) -> str:
    return counted(length.days, "day") if length >= timedelta(days=1) else counted(int(length / timedelta(hours=1)), "hour")
