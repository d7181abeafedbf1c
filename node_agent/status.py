"""How an agent is at this moment, looked at from beside it; of everything that is wrong, the command that comes next."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from accord.link.desk_forms import Summary
from accord.ops.doctor.findings import Finding, Verdict, ok, problem, warning
from accord.ops.doctor.region import check_region
from accord.rules.moments import local_moment
from accord.terms.counts import counted
from accord.terms.faults import CATALOGUE, Fault, Faulted
from accord.terms.members import MemberStatus, RegionRegister
from node_agent.control import GatewaySeen, Request, Standing, ask_agent, control_folder
from node_agent.doctor import activated, belonging, check_source, checked_by, has_people
from node_agent.joining.activating import SUMMARY_FILE
from node_agent.naming import Named
from node_agent.places.doctor import check_places
from node_agent.settings import AgentSettings

#: What its own people chose.
_CHOSEN = frozenset({Fault.PAUSED.value, Fault.SHADOW.value})
#: Of these the look from beside tells more.
_SEEN_FROM_BESIDE = frozenset({Fault.SOURCE_UNAVAILABLE, Fault.REGISTER_OUTDATED, Fault.CERTIFICATE_EXPIRED})
#: What is told of a gateway that does not know yet that we are active.
_NOT_LET_IN = frozenset({Fault.NOT_ACTIVE.value, Fault.ORGANISATION_BLOCKED.value})


@dataclass(frozen=True, slots=True)
class Meant:
    """The agent that is looked at: its settings, the folder that they are relative to, how commands name it, and its control folder."""

    settings: AgentSettings
    folder: Path
    named: Named
    control: Path

    @staticmethod
    def of(settings: AgentSettings, folder: Path, named: Named) -> "Meant":
        """With the control folder of its settings."""
        control = control_folder(settings.control.folder, folder, settings.journal.folder)
        return Meant(settings, folder, replace(named, only=settings.holder.name), control)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found: the process by its own word, none when it does not run, and everything that was looked at."""

    running: Standing | None
    findings: tuple[Finding, ...]

    @property
    def serves(self) -> bool:
        """Whether questions are answered."""
        return self.running is not None and self.running.serving

    @property
    def to_do(self) -> list[Finding]:
        """What does not work, and what soon will not."""
        return [one for one in self.findings if one.verdict is not Verdict.OK]

    @property
    def well(self) -> bool:
        """Whether it answers, and nothing has to be repaired."""
        return self.serves and all(one.verdict is not Verdict.PROBLEM for one in self.findings)


async def look_at(meant: Meant) -> Looked:
    """Ask the process, and look at all that it needs; nothing is changed, and nothing is asked about anybody."""
    running, own = _process(meant)
    found, settings = [own], meant.settings
    of_region, register = check_region(belonging(settings, meant.folder, meant.named))
    if running is not None:
        found += _of_itself(running, meant, register)
    if not settings.listen.address and not settings.outbound.gateways:
        found.append(problem("ways in", "nobody can ask it: it neither listens nor calls a gateway", "set listen.address or outbound.gateways"))
    looked = await check_source(settings, meant.folder, meant.named)
    if running is not None and running.code and running.code not in _CHOSEN and all(one.verdict is not Verdict.PROBLEM for one in looked):
        # From here it answers: the process looks again before long, or asks in another way than this user does.
        told = f"the agent had trouble with its source when it looked last: {running.code}"
        found.append(problem("answers", told, f"look again in half a minute; if it stays so: {meant.named.of_all('doctor')}"))
    # What cannot be seen about an account does not change from one moment to the next: the doctor tells it.
    found += [one for one in looked if one.about != "source rights"]
    found += check_places(settings.places, meant.folder)
    return Looked(running, (*found, *of_region, *_conformance(meant)))


def _process(meant: Meant) -> tuple[Standing | None, Finding]:
    named = meant.named
    try:
        running = ask_agent(meant.control, Request("status"))
    except Faulted as failure:
        if failure.then:
            return None, problem("agent", f"gives no answer ({failure.where})", failure.then)
        return None, problem("agent", "is not running", f"start it: {named.started}")
    since = local_moment(datetime.fromtimestamp(running.since_ms / 1000, UTC))
    if running.paused:
        why = f": {running.reason}" if running.reason else ""
        return running, problem("agent", f"is paused since {since}{why}", f"let it answer again: {named.of_one('resume')}")
    if running.shadow:
        then = f"see what it would have released: {named.of_one('shadow')}; to share, take holder.shadow or --shadow away and start it anew"
        return running, warning("agent", "runs in shadow: it decides, and releases nothing", then)
    return running, ok("agent", f"runs, and stands as it does since {since}")


def _of_itself(running: Standing, meant: Meant, register: RegionRegister | None) -> Iterator[Finding]:
    """What only the process knows."""
    named = meant.named
    for gateway in running.beside.gateways:
        yield _gateway(gateway, meant, register)
    for code in running.beside.reasons:
        fault = Fault(code) if code in set(Fault) else Fault.INTERNAL
        if fault not in _SEEN_FROM_BESIDE and code != running.code:
            yield problem("answers", f"{CATALOGUE[fault].happened} [{code}]", CATALOGUE[fault].next_step)
    if running.beside.people == 0 and has_people(meant.settings):
        yield warning("index", "nobody can be located: the agent knows no person with a BSN", f"wait until it is made; if it stays so: {named.of_one('check')}")
    elif running.beside.people > 0:
        yield ok("index", f"{counted(running.beside.people, 'person', 'people')} can be located")


def _gateway(gateway: GatewaySeen, meant: Meant, register: RegionRegister | None) -> Finding:
    about = f"gateway {gateway.address}"
    since = local_moment(datetime.fromtimestamp(gateway.since_ms / 1000, UTC))
    if gateway.attached:
        return ok(about, f"is attended since {since}")
    if gateway.code in _NOT_LET_IN and _is_active(meant.settings, register):
        # Our own register has it already: a gateway that follows the desk hears of it a moment later.
        told = f"does not let us in yet ({gateway.code}): the office has made us active, and a gateway hears of that within half a minute"
        return warning(about, told, f"look again after that; if it stays so, call the office: {meant.named.of_one('status')}")
    if gateway.code == Fault.NOT_ACTIVE.value:
        then = activated(meant.settings, meant.folder, meant.named)
        return problem(about, "does not let us in: we are not active in the register yet", then)
    why = f" ({gateway.code})" if gateway.code else ""
    then = f"the agent goes on trying; why it fails is told by {meant.named.of_all('doctor')}"
    return problem(about, f"is not reached since {since}{why}: it can ask nothing", then)


def _is_active(settings: AgentSettings, register: RegionRegister | None) -> bool:
    """Whether the register that is known here has us as active."""
    members = register.members if register is not None else ()
    return any(member.ura.value == settings.holder.ura and member.status is MemberStatus.ACTIVE for member in members)


def _conformance(meant: Meant) -> Iterator[Finding]:
    """Whether its last conformance run passed; one that joined at a desk must have one, any other may."""
    path, again = meant.folder / SUMMARY_FILE, checked_by(meant.settings, meant.named)
    who = "; FILE has the BSNs of some people who are known here" if has_people(meant.settings) else ""
    then = f"repair what it names{who}: {again}"
    try:
        summary = msgspec.json.decode(path.read_bytes(), type=Summary)
    except FileNotFoundError:
        if meant.settings.office.desk:
            yield problem("conformance", "was never checked", then)
        return
    except (OSError, msgspec.DecodeError):
        yield warning("conformance", f"{path.name} cannot be read", f"check again: {again}")
        return
    when = f"the check of {local_moment(summary.at)}"
    if summary.ura != meant.settings.holder.ura:
        yield warning("conformance", f"{when} was of another organisation", then)
    elif summary.passed:
        yield ok("conformance", f"{when} passed")
    else:
        yield problem("conformance", f"{when} did not pass", then)


def told_at_the_end(looked: Looked) -> str:
    """The last line."""
    broken = sum(one.verdict is Verdict.PROBLEM for one in looked.to_do)
    warned = len(looked.to_do) - broken
    if not looked.to_do:
        return "Nothing to do." if looked.serves else "It does not answer."
    parts = [f"{counted(broken, 'thing')} to do"] if broken else []
    if not broken and not looked.serves:
        parts.append("It does not answer")
    if warned:
        # A warning may be of the greatest weight, such as that nobody can be located: it is not for us to say that it can wait.
        parts.append(f"{counted(warned, 'thing')} to look at")
    return f"{', '.join(parts)}: see Next."
