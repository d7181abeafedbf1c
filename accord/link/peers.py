"""Which organisation is at the other end, decided for each call anew by the register of that moment.

A certificate is read once and remembered; whose it is, and whether they take part, never is. So an organisation that is
blocked is out with its next call on a channel that is open for hours, and its streams end as soon as the register says so.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import anyio
from grpc.aio import ServicerContext

from accord.link.certificates import digest_of, read_certificate
from accord.link.live_register import LiveRegister
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import Member, MemberStatus, RegionRegister

_LARGEST_CERTIFICATE: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class _Certificate:
    """What of a certificate never changes."""

    digest: bytes
    begins: datetime
    ends: datetime


def peer_of(context: "ServicerContext[Any, Any]", live: LiveRegister, at: datetime) -> Member:
    """The organisation that makes this call.

    Raises:
        Unavailable: `not-a-member` without a certificate, with one that is not in the register, or one that expired since
            the handshake; `organisation-blocked` when it is blocked or does not take part yet; `register-outdated`.
    """
    return member_by_digest(live.current(at), peer_digest(context, at))


def peer_digest(context: "ServicerContext[Any, Any]", at: datetime) -> bytes:
    """The digest of the key at the other end of this call.

    Raises:
        Unavailable: `not-a-member`: no certificate, or none that is valid now.
    """
    shown = tuple(context.auth_context().get("x509_pem_cert", ()))
    if len(shown) != 1:
        raise Unavailable(Fault.NOT_A_MEMBER)
    return certificate_digest(shown[0], at)


def certificate_digest(certificate: bytes, at: datetime) -> bytes:
    """The digest of the key in a certificate (PEM, or DER as HTTPS gives it) that is valid now.

    Raises:
        Unavailable: `not-a-member`.
    """
    read = _read(certificate)
    # A handshake looks at the dates once; a channel may outlive them.
    if not read.begins <= at < read.ends:
        raise Unavailable(Fault.NOT_A_MEMBER, "certificate expired")
    return read.digest


def member_by_digest(register: RegionRegister, digest: bytes) -> Member:
    """The organisation of this key, when it takes part.

    Raises:
        Unavailable: `not-a-member`, `organisation-blocked`.
    """
    member = register.by_certificate.get(digest)
    if member is None:
        raise Unavailable(Fault.NOT_A_MEMBER)
    if member.status is not MemberStatus.ACTIVE:
        raise Unavailable(Fault.ORGANISATION_BLOCKED)
    return member


async def until_cut_off(live: LiveRegister, digest: bytes | None, *, also: Ura | None = None, clock: Callable[[], datetime] | None = None) -> Unavailable:
    """Return once the organisation of this key, or the other one, does not take part any more, with the reason."""
    now = clock or _now
    while True:
        try:
            _check_standing(live.current(now()), digest, also)
        except Unavailable as reason:
            return reason
        await live.wait_changed()


@asynccontextmanager
async def still_a_member(
    live: LiveRegister, digest: bytes | None, *, also: Ura | None = None, clock: Callable[[], datetime] | None = None
) -> AsyncIterator[None]:
    """Run what is inside for as long as the organisation of this key (none: nobody's) takes part, and *also* another one.

    When the register says otherwise, what runs inside is cancelled at once. `LiveRegister.keep_fresh` must be running.
    What is raised inside comes out as it is. Not for use around a `yield`.

    Raises:
        Unavailable: `not-a-member`, `organisation-blocked` or `register-outdated`, at the start or later.
    """
    _check_standing(live.current((clock or _now)()), digest, also)
    reason: Unavailable | None = None
    failed: Exception | None = None

    async def watch() -> None:
        nonlocal reason
        reason = await until_cut_off(live, digest, also=also, clock=clock)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        try:
            yield
        except Exception as failure:  # noqa: BLE001 - it is raised again below, outside the task group that would wrap it
            failed = failure
        tasks.cancel_scope.cancel()
    if reason is not None:
        raise reason from None
    if failed is not None:
        raise failed


def _check_standing(register: RegionRegister, digest: bytes | None, also: Ura | None) -> None:
    if digest is not None:
        member_by_digest(register, digest)
    if also is not None:
        other = register.by_ura.get(also)
        if other is None:
            raise Unavailable(Fault.NOT_A_MEMBER)
        if other.status is not MemberStatus.ACTIVE:
            raise Unavailable(Fault.ORGANISATION_BLOCKED)


@lru_cache(maxsize=512)
def _read(certificate: bytes) -> _Certificate:
    if len(certificate) > _LARGEST_CERTIFICATE:
        raise Unavailable(Fault.NOT_A_MEMBER)
    try:
        read = read_certificate(certificate)
        return _Certificate(digest_of(read), read.not_valid_before_utc, read.not_valid_after_utc)
    except BadInput:
        raise Unavailable(Fault.NOT_A_MEMBER) from None


def _now() -> datetime:
    return datetime.now(UTC)
