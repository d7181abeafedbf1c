"""The points about the house: its journal, its clock, its choices, its place in the register."""

import ctypes
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from accord.audit.journal import SYNC_SECONDS
from accord.link.certificates import key_digest, read_anchor, read_certificate
from accord.link.live_register import Glimpse
from accord.link.short_certificates import lifetime
from accord.terms.faults import Faulted
from accord.terms.identifiers import Bsn, Ura
from accord.terms.members import MemberStatus
from node_agent.conformance.findings import Point, Verdict, Who, people
from node_agent.settings import AgentSettings
from node_agent.sources.choice_store import SqliteChoices

_TRIES: Final = 20
#: What the kernel says of a clock that nobody sets.
_UNSYNCHRONISED: Final = 5


def journal(folder: Path) -> Point:
    """Whether lines become durable in time where the journal is. The journal itself is not touched: an agent may be writing it."""
    name = "journal durable"
    repair = "Give the agent a local disk that it may write, with room; nothing is shared while lines do not become durable."
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        slowest = 0.0
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".check.") as file:
            for _ in range(_TRIES):
                began = time.monotonic()
                file.write(b"x" * 512)
                file.flush()
                os.fsync(file.fileno())
                slowest = max(slowest, time.monotonic() - began)
    except OSError:
        return Point(name, Verdict.WRONG, "Nothing can be written there.", repair, Who.AGENT)
    text = f"{_TRIES} lines became durable, the slowest within {slowest * 1000:.0f} ms."
    if slowest > SYNC_SECONDS:
        return Point(name, Verdict.WRONG, text, repair, Who.AGENT)
    return Point(name, Verdict.GOOD if slowest < SYNC_SECONDS / 4 else Verdict.REMARK, text, "" if slowest < SYNC_SECONDS / 4 else repair, Who.AGENT)


def clock() -> Point:
    """Whether somebody keeps the clock right: proofs of questions count for a minute."""
    name = "clock"
    repair = "Have the clock set by the network (chrony, systemd-timesyncd)."
    if not sys.platform.startswith("linux"):
        return Point(name, Verdict.NOT_SEEN, "This system does not say.", repair, Who.AGENT)
    room = (ctypes.c_long * 64)()  # a struct timex of zeros: it reads, and sets nothing
    try:
        state = int(ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(room)))
    except AttributeError:
        state = -1
    if state < 0:
        return Point(name, Verdict.NOT_SEEN, "This system does not say.", repair, Who.AGENT)
    if state == _UNSYNCHRONISED:
        return Point(name, Verdict.REMARK, "Nobody keeps the clock of this machine right, as far as its kernel knows.", repair, Who.AGENT)
    return Point(name, Verdict.GOOD, "The clock is kept right.")


async def choices(path: Path, bsns: Iterable[Bsn]) -> Point:
    """Whether the choices can be read, and whether anybody would be shown anything."""
    name = "choices"
    asked = list(bsns)
    store = SqliteChoices(path)
    try:
        chosen = sum([bool(await store.choices_of(bsn)) for bsn in asked])
    except Faulted as failure:
        return Point(name, Verdict.WRONG, f"It cannot be read: {failure.fault}.", "`noaber agent choices import` makes it.", Who.AGENT)
    finally:
        await store.close()
    text = f"The store can be read; of {people(len(asked))}, {chosen} made a choice."
    if asked and not chosen:
        return Point(name, Verdict.REMARK, text, "Silence is no: nothing of the others is shown. Have choices put on record, or connect Mitz.", Who.PRIVACY)
    return Point(name, Verdict.GOOD, text)


def place(settings: AgentSettings, folder: Path) -> tuple[Point, str]:
    """Whether the region knows this agent; and the name of the region."""
    name = "place in the region"
    try:
        register = _register(settings, folder).current(datetime.now(UTC))
        certificate = (folder / settings.tls.certificate).read_bytes()
        digest, (_, ends) = key_digest(certificate), lifetime(read_certificate(certificate))
    except (Faulted, OSError) as failure:
        # What is named are our own settings and files.
        code = str(failure) if isinstance(failure, Faulted) else "a file is missing"
        return Point(name, Verdict.WRONG, f"It cannot be found out: {code}.", "Join the region first, or fetch the newest register.", Who.AGENT), ""
    member = register.by_ura.get(Ura(settings.holder.ura))
    days = (ends - datetime.now(UTC)).total_seconds() / 86_400
    if member is None or digest not in member.certificates:
        return Point(name, Verdict.WRONG, "The register does not know this certificate.", "Have it registered.", Who.OFFICE), register.region
    if member.status is MemberStatus.BLOCKED or days <= 0:
        return Point(
            name, Verdict.WRONG, "Blocked, or the certificate has expired.", "Call the office of the region; it invites again.", Who.OFFICE
        ), register.region
    if not any(key.public for key in member.keys):
        return Point(name, Verdict.WRONG, "The register has no answer key of this organisation.", "Have it registered.", Who.OFFICE), register.region
    return Point(name, Verdict.GOOD, f"Registered as {member.status.value}; the certificate counts for {days:.1f} days."), register.region


def _register(settings: AgentSettings, folder: Path) -> Glimpse:
    """The register as an agent would know it. What a running one remembers is looked at, and not written; nothing is logged in the middle of a report."""
    return Glimpse(folder / settings.region.register, [read_anchor(folder / settings.region.anchor)])
