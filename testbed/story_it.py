"""Step 3, IT: a holder dies in mid-answer, comes back, pauses; a laboratory lies; nothing is left on any disk."""

from collections.abc import Callable
from typing import Final

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from gateway.dossier.words import fault_words
from node_agent.control import Request, ask_agent
from testbed.demo_merged import read_everything
from testbed.faults import FaultKind
from testbed.people import DINA, DINA_EGFR_NUMBER
from testbed.story_canary import scan, written_files
from testbed.story_evidence import Night, bytes_of, expect, others

_NAME: Final = "Olde Wolbers-Nijkamp"


def cut_off_in_mid_answer(night: Night) -> str:
    """After kill -9 of Reggerbrug in mid-answer its part is marked cut off, and the rest stands."""
    night.region.fault("reggerbrug", FaultKind.CUT)
    dossier = night.region.ask(DINA.bsn)
    line = dossier.holders["reggerbrug"]
    expect(line.ending, Ending.CUT_OFF, "Reggerbrug")
    expect(bool(dossier.of("reggerbrug")), True, "what had arrived is shown")
    expect(others(dossier, "reggerbrug"), others(night.full, "reggerbrug"), "the others")
    expect(bytes_of(dossier, but="reggerbrug") == bytes_of(night.full, but="reggerbrug"), True, "the others' records are the same")
    return f"{line.records} records had arrived; {line.code or 'no code'}"


def restarted_it_answers(night: Night) -> str:
    """Restarted, Reggerbrug answers as before."""
    night.region.heal("reggerbrug")
    before, after = night.full, night.region.ask(DINA.bsn, holders=["reggerbrug"])
    expect(after.holders["reggerbrug"].ending, Ending.ANSWERED, "Reggerbrug")
    expect(sorted(one.json for one in after.of("reggerbrug")) == sorted(one.json for one in before.of("reggerbrug")), True, "the same records")
    return f"{len(after.of('reggerbrug'))} records"


def paused_by_the_holder(night: Night) -> str:
    """Paused by the holder, Reggerbrug is shown as paused, since when, and nothing else."""
    control = night.region.files["reggerbrug"].agent / "journal.control"
    ask_agent(control, Request("pause", "maintenance"))
    dossier = night.region.ask(DINA.bsn)
    line = dossier.holders["reggerbrug"]
    expect((line.ending, line.code, line.records), (Ending.PAUSED, "paused", 0), "Reggerbrug")
    expect(others(dossier, "reggerbrug"), others(night.full, "reggerbrug"), "the others")
    since = fault_words(Fault.PAUSED, paused_since_ms=line.paused_since_ms).en
    expect(since.startswith("Paused by the holder since ") or not line.paused_since_ms, True, "since when")
    expect(ask_agent(control, Request("resume")).serving, True, "resumed")
    return since


def a_lie_is_rejected_whole(night: Night) -> str:
    """A laboratory that answers with somebody else's record is rejected whole; the eGFR remains, from Dinkelhorst."""
    night.region.fault("twickelaar", FaultKind.LYING)
    lie = (night.region.files["twickelaar"].source / "somebody-else.json").read_bytes()
    dossier, merged = night.region.ask(DINA.bsn), read_everything(night.region.fhir_url, DINA.bsn)
    line = dossier.holders["twickelaar"]
    expect((line.ending, line.code), (Ending.REJECTED, "other-patient"), "the laboratory")
    expect([event.batch.holder for _, event in dossier.messages if event.batch.holder == "twickelaar"], [], "batches of it over gRPC")
    expect([record.ref for record in merged.records if night.title("twickelaar") in record.origins], [], "records of it in the merged view")
    expect(lie[30:] in merged.raw or lie in b"".join(record.json for record in dossier.records), False, "the lie is in an answer")
    found = [record.origins for record in merged.records if DINA_EGFR_NUMBER.encode() in record.json]
    expect(found, [(night.title("dinkelhorst"),)], "origins of the eGFR")
    expect(others(dossier, "twickelaar"), others(night.full, "twickelaar"), "the others")
    night.region.heal("twickelaar")
    return "nothing of it is shown"


def the_scan_finds_a_planted_canary(night: Night) -> str:
    """A scan of everything that gateway and read-through agents may have written finds a planted canary."""
    folder = night.region.files["dinkelhorst"].agent
    for number, content in enumerate((DINA.bsn.encode(), _NAME.encode("utf-16"))):
        canary = folder / f"canary-{number}"
        canary.write_bytes(b"cache " + content)
        found = scan(written_files(night.region).files, [DINA.bsn, _NAME])
        canary.unlink()
        expect(canary in found, True, "the canary was found")
    return "as text, and as UTF-16"


def nothing_is_left_on_disk(night: Night) -> str:
    """The same scan finds nothing of Dina: neither her number nor her name."""
    written = written_files(night.region)
    found = scan(written.files, [DINA.bsn, _NAME])
    expect(
        [str(path.relative_to(night.region.root)) if path.is_relative_to(night.region.root) else str(path) for path in found], [], "files with content of hers"
    )
    return written.summary


FACTS: Final[tuple[Callable[[Night], str], ...]] = (
    cut_off_in_mid_answer,
    restarted_it_answers,
    paused_by_the_holder,
    a_lie_is_rejected_whole,
    the_scan_finds_a_planted_canary,
    nothing_is_left_on_disk,
)
