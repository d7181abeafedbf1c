"""Step 2, silence and refusal: what breaking the glass opens and what it never opens, and that all of it is in both journals."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Final, TypeVar

from accord.audit.content import Event, Truth
from accord.audit.events import Closing, Decision, GlassBroken, Located, Release
from accord.audit.reconciling import reconcile
from accord.audit.verifying import events_of, verify
from accord.terms.answers import Ending
from testbed.demo_merged import FhirAnsweredOtherwise, MergedDossier, patient_id, read_everything
from testbed.people import BENNIE, DINA
from testbed.region import BlockingRegion
from testbed.story_evidence import Night, expect

#: The EHR of the emergency department, which its data user trusts to say how a professional proved to be themselves.
_TOKEN: Final = secrets.token_urlsafe(32)
_E = TypeVar("_E", bound=Event)
_WORDS: Final = "bewusteloos binnengebracht"


def nothing_without_a_choice(night: Night) -> str:
    """Bennie, who never chose, is opened for treatment: nobody shows anything, and nobody says why."""
    dossier = night.region.ask(BENNIE.bsn)
    shown = {name for name, line in dossier.holders.items() if line.records}
    expect(shown, set(), "holders that show something of him")
    told = {line.ending for line in dossier.holders.values() if line.ending.heard_out}
    expect(told, {Ending.NOTHING_SHOWN}, "endings of who was heard out")
    return f"{sum(line.ending is Ending.NOTHING_SHOWN for line in dossier.holders.values())} show nothing"


def incomplete_emergencies_are_refused(night: Night) -> str:
    """Without a reason, or without a fresh second factor, no glass is broken."""
    lacking = (
        {"noaber-purpose": "ETREAT", "noaber-second-factor": _now()},
        {"noaber-purpose": "ETREAT", "noaber-reason": "unconscious"},
        {"noaber-purpose": "ETREAT", "noaber-reason": "unconscious", "noaber-second-factor": "2026-01-01T10:00:00+01:00"},
    )
    before = len(list(_glass(night.region, "dinkelhorst")))
    for headers in lacking:
        try:
            opened = _everything(night.region, BENNIE.bsn, headers)
        except FhirAnsweredOtherwise:
            continue
        expect([record.ref for record in opened.records if record.origins], [], "records that were shown")
    expect(len(list(_glass(night.region, "dinkelhorst"))), before, "lines of broken glass in the journal")
    return f"{len(lacking)} refused"


def bennie_opened_with_a_reason(night: Night) -> str:
    """Bennie is opened with a reason and a second factor: his holders answer."""
    opened = _everything(night.region, BENNIE.bsn, _reasoned())
    origins = {origin for record in opened.records for origin in record.origins}
    expect(night.title("dinkelhorst") in origins and night.title("brinkhof") in origins, True, "his hospital and his GP answer")
    return f"{len(opened.records)} records of {len(origins)} holders"


def a_red_line_in_both_journals(night: Night) -> str:
    """Each holder that opened Bennie has its own line of it, with the reason; and so has the gateway."""
    for holder in ("dinkelhorst", "brinkhof", "gateway"):
        lines = list(_glass(night.region, holder))
        expect(len(lines) >= 1, True, f"broken glass in the journal of {holder}")
        line = lines[0]
        expect((line.reason, line.asking.professional, line.emergency), ("unconscious", "900000031", True), f"the line of {holder}")
    return "at Dinkelhorst, De Brinkhof and the gateway"


def breaking_the_glass_opens_no_refusal(night: Night) -> str:
    """Break-the-glass on Dina changes nothing at De Eschrand, which she refused."""
    before = {record.ref for record in night.merged.records if night.title("eschrand") in record.origins}
    opened = _everything(night.region, DINA.bsn, _reasoned())
    after = {record.ref for record in opened.records if night.title("eschrand") in record.origins}
    expect((before, after), (set(), set()), "records of De Eschrand")
    expect(bool(opened.records), True, "the others answer")
    return "as before"


def the_truth_is_in_the_journal(night: Night) -> str:
    """De Eschrand's own journal says that it withheld, 't Weefgetouw's that nothing is known; outside nobody can tell."""
    _ = night.full
    known = {holder: {line.known for line in _of(night.region, holder, Located)} for holder in ("eschrand", "weefgetouw")}
    expect((True in known["eschrand"], True in known["weefgetouw"]), (True, False), "who is known")
    refused = [line for line in _of(night.region, "eschrand", Closing) if line.truth is not Truth.WITHHELD]
    expect(refused, [], "last words of De Eschrand that call it nothing known")
    expect(night.full.holders["eschrand"].ending, night.full.holders["weefgetouw"].ending, "what is told outside")
    return "withheld there, nothing known here, the same outside"


def everything_is_in_both_journals(night: Night) -> str:
    """All that was shown is in the journals of holder and gateway, and the two agree; both verify."""
    gateway = night.region.root / "gateway" / "journal"
    expect(verify(gateway).breaks, [], "breaks in the gateway's journal")
    batches = 0
    for name in ("dinkelhorst", "brinkhof", "eschrand", "wieke"):
        own = night.region.files[name].agent / "journal"
        expect(verify(own).breaks, [], f"breaks in the journal of {name}")
        compared = reconcile(own, gateway)
        expect([one for one in compared.differences if not one.how.explained], [], f"differences between {name} and the gateway")
        batches += sum(1 for _ in _of(night.region, name, Release))
    decided = sum(1 for _ in _of(night.region, "dinkelhorst", Decision))
    return f"{batches} batches, {decided} decisions at Dinkelhorst"


FACTS: Final[tuple[Callable[[Night], str], ...]] = (
    nothing_without_a_choice,
    incomplete_emergencies_are_refused,
    bennie_opened_with_a_reason,
    a_red_line_in_both_journals,
    breaking_the_glass_opens_no_refusal,
    the_truth_is_in_the_journal,
    everything_is_in_both_journals,
)


@cache
def _desk(region: BlockingRegion) -> str:
    return region.connect("connect-emergency", token=_TOKEN)[0]


def _everything(region: BlockingRegion, bsn: str, headers: dict[str, str]) -> MergedDossier:
    asked = {"Authorization": f"Bearer {_TOKEN}", **headers}
    # The person is found first; it is for the dossier that the glass is broken.
    patient_id(_desk(region), bsn, asked)
    return read_everything(_desk(region), bsn, asked)


def _reasoned() -> dict[str, str]:
    return {"noaber-purpose": "ETREAT", "noaber-reason": "unconscious", "noaber-reason-words": _WORDS.replace(" ", "%20"), "noaber-second-factor": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _glass(region: BlockingRegion, holder: str) -> Iterator[GlassBroken]:
    return _of(region, holder, GlassBroken)


def _of(region: BlockingRegion, holder: str, kind: type[_E]) -> Iterator[_E]:
    folder = region.root / "gateway" if holder == "gateway" else region.files[holder].agent
    return (event for _, event in events_of(folder / "journal") if isinstance(event, kind))
