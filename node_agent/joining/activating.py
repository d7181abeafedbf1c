"""The signed summary of a conformance run, given to the office: then this organisation is active in the register."""

from collections.abc import Callable
from typing import Final

import msgspec

from accord.link import jose
from accord.link.desk_forms import SUMMARY_TYPE, ActivateForm, StandingToldForm, Summary
from accord.link.live_register import replace_file
from accord.link.office_line import OfficeLine
from accord.rules.moments import local_moment
from accord.terms.faults import BadInput, Fault
from accord.terms.members import MemberStatus
from node_agent.joining.folder import AgentFolder
from node_agent.settings import read_settings
from node_agent.write_attempts import Attempts

#: Where `noaber agent check` leaves the summary of its last run, beside the settings.
SUMMARY_FILE: Final = "conformance.json"
#: What is known here, and not more: whether a gateway has the register yet, only that gateway knows.
_ACTIVE: Final = (
    "It is active in the register from now on. A gateway asks it once it has this register: within half a minute where its settings name the desk\n"
    "([office] desk), and otherwise when the office gives it the register. The agent has to run: noaber agent run"
)


async def activate(folder: AgentFolder, say: Callable[[str], None]) -> None:
    """Tell the office of the last run, and keep the register in which we take part.

    Raises:
        BadInput: `not-checked`: there is no run that passed; or what the desk refuses.
        Unavailable: `desk-unreachable`.
    """
    settings = read_settings([folder.settings], []).values
    try:
        summary = msgspec.json.decode((folder.path / SUMMARY_FILE).read_bytes(), type=Summary)
        authority = folder.authority.read_text(encoding="ascii")
    except (OSError, msgspec.DecodeError):
        raise BadInput(Fault.NOT_CHECKED) from None
    if not summary.passed or summary.ura != settings.holder.ura:
        raise BadInput(Fault.NOT_CHECKED, f"the run of {local_moment(summary.at)}")
    attempt = Attempts.of(settings.source, folder.path).newest()
    if attempt is not None and attempt.let_in:
        # It may have ended before it could write its summary.
        raise BadInput(Fault.NOT_CHECKED, "the source let the agent's account write; run it with --try-write once that is mended")
    token = jose.sign(msgspec.json.encode(summary), folder.answer_key(), SUMMARY_TYPE)
    way = settings.way_to_office(folder.path)
    line = OfficeLine(way.desk, (authority,), folder.tls, way.proxy, way.ca_file)
    told = await line.ask("/v1/activate", ActivateForm(token), StandingToldForm)
    if told.register:
        # A running agent follows this file; the gateways hear of it from the office and from each other.
        replace_file(folder.path / settings.region.register, f"{told.register}\n".encode("ascii"), 0o644)
    active = told.status is MemberStatus.ACTIVE
    say(f"The office knows of the run of {local_moment(summary.at)} ({'passed' if told.passed else 'not passed'}).")
    say(_ACTIVE if active else f"It stands as {told.status.value}.")
