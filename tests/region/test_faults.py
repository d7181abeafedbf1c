"""Whatever is the matter with one holder: it has its own ending, all others stand, and nobody is lost from the account."""

import pytest

from accord.terms.answers import Ending
from accord.terms.vocabulary import Section
from testbed.asking import Dossier
from testbed.demo_merged import read_everything
from testbed.faults import FaultKind, UnknownHolder
from testbed.people import BENNIE, DINA
from testbed.processes import ProcessFailed
from testbed.region import BlockingRegion

pytestmark = pytest.mark.slow

#: Those that show something of Dina when nothing is the matter.
SOUND = frozenset({"dinkelhorst", "reggerbrug", "brinkhof", "marksveen", "twickelaar", "vijzelmarke", "wieke", "losserveld"})


@pytest.fixture(scope="module")
def sound(_running_region: BlockingRegion) -> Dossier:
    return _running_region.ask(DINA.bsn)


def _check_account(region: BlockingRegion, dossier: Dossier) -> None:
    """Promise P8, at every question."""
    assert dossier.conserves(region.files)
    assert all(line.telephone for line in dossier.holders.values() if line.ending.leaves_a_gap)
    assert dossier.complete == (not any(line.ending.leaves_a_gap for line in dossier.holders.values()))


def _check_others(dossier: Dossier, sound: Dossier, but: str) -> None:
    """Promise P3: a holder that fails takes nobody with it."""
    for name, line in sound.holders.items():
        if name != but:
            assert dossier.holders[name].ending is line.ending
            assert sorted(record.json for record in dossier.of(name)) == sorted(record.json for record in sound.of(name))


def test_a_sound_region_is_heard_out(region: BlockingRegion, sound: Dossier) -> None:
    assert {name for name, line in sound.holders.items() if line.ending is Ending.ANSWERED} == SOUND
    assert {name for name, line in sound.holders.items() if line.ending is Ending.NOTHING_SHOWN} == {"eschrand", "weefgetouw"}
    assert sound.holders["reviant"].ending is Ending.NOT_ASKED
    assert sound.complete
    _check_account(region, sound)


@pytest.mark.parametrize(
    ("holder", "fault", "ending", "code"),
    [
        ("brinkhof", FaultKind.DEAD, Ending.UNREACHABLE, "holder-unreachable"),
        ("dinkelhorst", FaultKind.FROZEN, Ending.TOO_LATE, "holder-silent"),
        ("wieke", FaultKind.PAUSED, Ending.PAUSED, "paused"),
        ("reggerbrug", FaultKind.CUT, Ending.CUT_OFF, "holder-unreachable"),
        ("twickelaar", FaultKind.LYING, Ending.REJECTED, "other-patient"),
        ("losserveld", FaultKind.OVERSIZED, Ending.OVER_LIMIT, "over-limit"),
    ],
)
def test_a_fault_has_its_own_ending_and_the_others_stand(
    region: BlockingRegion, sound: Dossier, holder: str, fault: FaultKind, ending: Ending, code: str
) -> None:
    region.fault(holder, fault)
    dossier = region.ask(DINA.bsn)

    line = dossier.holders[holder]
    assert (line.ending, line.code) == (ending, code)
    assert not dossier.complete
    _check_account(region, dossier)
    _check_others(dossier, sound, holder)


def test_a_slow_source_answers_later_and_delays_nobody(region: BlockingRegion, sound: Dossier) -> None:
    region.fault("pharmacy", "slow", seconds=3.0)  # later than anybody whom a busy machine makes late
    dossier = region.ask(DINA.bsn)

    ended = {name: line.elapsed_ms for name, line in dossier.holders.items() if line.ending is not Ending.NOT_ASKED}
    assert max(ended, key=ended.__getitem__) == "vijzelmarke"
    assert ended["vijzelmarke"] >= 3_000
    assert dossier.complete
    _check_account(region, dossier)
    _check_others(dossier, sound, "")


def test_a_holder_without_a_live_source_can_be_slow_too(region: BlockingRegion, sound: Dossier) -> None:
    region.fault("home-care", "slow", seconds=1.2)
    dossier = region.ask(DINA.bsn)

    assert dossier.holders["wieke"].elapsed_ms >= 1_200
    _check_others(dossier, sound, "")


def test_what_had_arrived_before_the_cut_is_shown(region: BlockingRegion) -> None:
    region.fault("reggerbrug", "cut")
    dossier = region.ask(DINA.bsn)

    assert dossier.of("reggerbrug")
    assert dossier.sections[Section.ALLERGIES].missing == ("reggerbrug",)


def test_nothing_of_a_holder_that_mixes_patients_is_shown_anywhere(region: BlockingRegion) -> None:
    region.fault("lab", "lying")
    lie = (region.files["twickelaar"].source / "somebody-else.json").read_bytes()
    dossier, merged = region.ask(DINA.bsn), read_everything(region.fhir_url, DINA.bsn)

    assert not dossier.of("twickelaar")
    assert not any("Lab Twickelaar" in record.origins for record in merged.records)
    assert lie not in b"".join(record.json for record in dossier.records)


def test_too_little_time_names_who_was_not_heard_by_section(region: BlockingRegion) -> None:
    region.fault("pharmacy", "slow", seconds=12.0)
    dossier = region.ask(DINA.bsn, seconds=5.0)

    assert dossier.holders["vijzelmarke"].ending is Ending.TOO_LATE
    assert dossier.sections[Section.MEDICATION].missing == ("vijzelmarke",)
    assert dossier.sections[Section.LAB].missing == ()
    _check_account(region, dossier)


def test_a_holder_that_comes_back_is_heard_again(region: BlockingRegion, sound: Dossier) -> None:
    region.fault("brinkhof", "dead")
    gone = region.ask(DINA.bsn, holders=["brinkhof", "wieke"])
    region.heal("brinkhof")
    dossier = region.ask(DINA.bsn)

    assert gone.holders["brinkhof"].ending is Ending.UNREACHABLE
    assert gone.holders["brinkhof"].last_heard_ms > 0
    _check_others(dossier, sound, "")


def test_many_faults_at_once_are_all_in_the_account(region: BlockingRegion) -> None:
    for holder, fault in (("brinkhof", "dead"), ("losserveld", "frozen"), ("wieke", "paused"), ("lab", "lying"), ("reggerbrug", "cut")):
        region.fault(holder, fault)
    dossier = region.ask(DINA.bsn)

    gaps = {Ending.UNREACHABLE, Ending.TOO_LATE, Ending.PAUSED, Ending.REJECTED, Ending.CUT_OFF}
    assert {ending for ending in dossier.completeness if ending.leaves_a_gap} == gaps
    assert all(dossier.completeness[ending] == 1 for ending in gaps)
    assert dossier.holders["dinkelhorst"].ending is Ending.ANSWERED
    _check_account(region, dossier)


def test_who_never_chose_looks_like_somebody_unknown(region: BlockingRegion) -> None:
    dossier = region.ask(BENNIE.bsn)

    assert {line.ending for line in dossier.holders.values()} == {Ending.NOTHING_SHOWN, Ending.NOT_ASKED}
    assert not dossier.records
    assert dossier.note
    _check_account(region, dossier)


def test_a_word_that_means_no_holder_is_refused(region: BlockingRegion) -> None:
    with pytest.raises(UnknownHolder, match="'bakery'"):
        region.fault("bakery", "slow")
    with pytest.raises(ValueError, match="sleepy"):
        region.fault("pharmacy", "sleepy")


def test_a_process_that_cannot_start_says_which(region: BlockingRegion) -> None:
    files = region.files["weefgetouw"]
    program = files.relay_program("slow", "--no-such-option")

    with pytest.raises(ProcessFailed, match="weefgetouw: relay"):
        region._processes.start(program).wait_until_ready("ready")
