"""How this organisation stands in the region, for the person who runs its agent."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from accord.link.certificates import read_certificate
from accord.link.desk_forms import StandingForm, StandingToldForm
from accord.link.office_line import OfficeLine
from accord.link.short_certificates import lifetime
from accord.ops.doctor.findings import command
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.members import MemberStatus
from accord.terms.next_steps import UNREADABLE
from node_agent.control import Request, ask_agent, control_folder
from node_agent.control import Standing as Running
from node_agent.joining.folder import AgentFolder
from node_agent.naming import Named
from node_agent.settings import AgentSettings, read_settings


class Standing(StrEnum):
    """In one word."""

    NOT_JOINED = "not joined"
    WAITING = "waiting for approval"
    NOT_CHECKED = "approved, not checked"
    ACTIVE = "active"
    PAUSED = "paused"
    BLOCKED = "blocked"
    EXPIRED = "certificate expired"
    UNKNOWN = "unknown"


class Status(msgspec.Struct, frozen=True):
    """What is told. `agent` says how the process on this machine is: answering, paused or in trouble, or not running."""

    standing: Standing
    next_step: str
    agent: str = ""
    certificate_until: datetime | None = None
    certificate_days: float | None = None
    checked: datetime | None = None
    desk: str = ""


def _next(standing: Standing, folder: AgentFolder, settings: AgentSettings | None = None) -> str:
    """What its own people do about it; empty when there is nothing."""
    named = Named((folder.settings,))
    # Who takes part with places only has nobody to look for.
    check = named.of_one("check", "--bsns", "FILE") + ", in which FILE has some BSNs that are known here"
    check = named.of_one("check") if settings is not None and settings.source.kind == "none" else check
    return {
        Standing.NOT_JOINED: "Ask the office for an invitation, and give the command that it prints.",
        Standing.WAITING: "Wait for the call of the office; `noaber agent join` with the same token collects the certificate.",
        Standing.NOT_CHECKED: f"Give {check}; and then {command('noaber', 'agent', 'activate', '--folder', folder.path)}.",
        Standing.ACTIVE: "",
        Standing.PAUSED: f"{named.of_one('resume')} lets it answer again.",
        Standing.BLOCKED: "Call the office of the region.",
        Standing.EXPIRED: "Ask the office for a new token, and join again in the same folder with the command that it prints.",
        Standing.UNKNOWN: f"The desk could not be asked; look at its address in {named.by_settings('config', 'show')}, and at the firewall.",
    }[standing]


async def status_of(folder: AgentFolder) -> Status:
    """How it stands, as far as it can be found out from here.

    Raises:
        BadInput: `invalid-setting`: the settings cannot be read.
    """
    progress = folder.progress()
    if not folder.settings.exists() or not folder.tls.certificate.exists():
        standing = Standing.WAITING if progress is not None else Standing.NOT_JOINED
        said = f" The phrase for the telephone: {progress.phrase}" if progress is not None else ""
        return Status(standing, _next(standing, folder) + said)
    settings = read_settings([folder.settings], []).values
    try:
        _, ends = lifetime(read_certificate(folder.tls.certificate.read_bytes()))
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{folder.tls.certificate.name}: cannot be read", then=UNREADABLE) from None
    now = datetime.now(UTC)
    days = round((ends - now) / timedelta(days=1), 3)
    if now >= ends:
        return Status(Standing.EXPIRED, _next(Standing.EXPIRED, folder), certificate_until=ends, certificate_days=days)
    agent = _agent(settings, folder)
    checked, desk = None, "answers"
    try:
        told = await _line(settings, folder).ask("/v1/standing", StandingForm(), StandingToldForm)
        standing = {MemberStatus.PLANNED: Standing.NOT_CHECKED, MemberStatus.ACTIVE: Standing.ACTIVE, MemberStatus.BLOCKED: Standing.BLOCKED}[told.status]
        checked = told.checked
    except Faulted as failure:
        standing = Standing.BLOCKED if failure.fault is Fault.ORGANISATION_BLOCKED else Standing.UNKNOWN
        desk = failure.fault.value
    if standing is Standing.ACTIVE and agent.paused:
        standing = Standing.PAUSED
    return Status(standing, _next(standing, folder, settings), _in_words(agent), ends, days, checked, desk)


def _in_words(agent: Running) -> str:
    if agent.code == Fault.AGENT_NOT_RUNNING:
        return "not running"
    if agent.paused:
        return "paused"
    return "in shadow" if agent.shadow else "answering" if not agent.code else f"answering, but its source has trouble: {agent.code}"


def _line(settings: AgentSettings, folder: AgentFolder) -> OfficeLine:
    way = settings.way_to_office(folder.path)
    return OfficeLine(way.desk, (folder.authority.read_text(encoding="ascii"),), folder.tls, way.proxy, way.ca_file)


def _agent(settings: AgentSettings, folder: AgentFolder) -> Running:
    """How the process on this machine is, by its own word."""
    try:
        return ask_agent(control_folder(settings.control.folder, folder.settings.parent, settings.journal.folder), Request("status"))
    except Faulted as failure:
        return Running(code=failure.fault.value)
