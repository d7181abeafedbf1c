"""What the gateway counts: how holders answer, who is there, and how long a dossier takes."""

from collections.abc import Callable, Iterable
from typing import Final

from accord.link.live_register import LiveRegister
from accord.ops.measures import JournalMeter, Level, Measures
from accord.terms.identifiers import Ura
from accord.terms.members import MemberStatus, RegionRegister
from gateway.ports import Completeness
from gateway.presence import Presence

#: The organisation under which a gateway's own measures stand: there is one in a process.
COUNTED_AS: Final = "gateway"


def journal_meter(measures: Measures, live: LiveRegister) -> JournalMeter:
    """Counts by the lines of the gateway's journal; holders by their name in the register, and nobody else by name."""

    def named(ura: str) -> str:
        member = live.newest.by_ura.get(Ura(ura)) if ura else None
        return member.name.value if member is not None else ""

    return JournalMeter(measures, COUNTED_AS, named)


def opened(measures: Measures) -> Callable[[float, Completeness], None]:
    """Counts dossiers."""

    def count(seconds: float, completeness: Completeness) -> None:
        measures.fanout.labels(COUNTED_AS).observe(seconds)
        if not completeness.complete:
            measures.partial.labels(COUNTED_AS).inc()

    return count


def levels_of(presence: Presence, register: RegionRegister) -> Iterable[Level]:
    """Who is there, of everybody who should be."""
    for member in register.holders:
        if member.status is not MemberStatus.ACTIVE:
            continue
        seen = presence.of(member.name)
        if seen.connected is not None:
            yield Level("noaber_node_up", float(seen.connected and seen.serving), (member.name.value,))
        if seen.last_heard_ms:
            yield Level("noaber_node_last_success_timestamp_seconds", seen.last_heard_ms / 1000, (member.name.value,))
