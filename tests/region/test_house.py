"""Several organisations behind one agent, as real processes: each answers for itself, and nothing of one is in reach of another."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accord.audit.events import Closing, Decision
from accord.audit.verifying import verify
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from testbed.attack_kit import AttackKit
from testbed.people import Region as Generated
from testbed.region import BlockingRegion
from testbed.scripted_gateway import question
from tests.region.trust_world import HOLDER, STRANGER, VICTIM, choose, events_at, looks, with_victims

pytestmark = pytest.mark.slow

HOUSE = ("brinkhof", "holterloo", "waterveld")
OTHERS = HOUSE[1:]


@pytest.fixture(scope="module")
def house() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False, holders=("dinkelhorst", *HOUSE), housed=HOUSE, people=60, change=with_victims, patient=True) as region:
        yield region


@pytest.fixture(scope="module")
def kit(house: BlockingRegion) -> Iterator[AttackKit]:
    with AttackKit.of(house) as kit:
        yield kit


def comes_true(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def known_at(generated: Generated, holder: str) -> set[str]:
    """Everybody with a choice at a holder."""
    return {str(choice["bsn"]) for choice in generated.choices_at(holder) if "bsn" in choice}


def ending_of(region: BlockingRegion, holder: str) -> Ending:
    return region.ask(VICTIM, holders=[holder]).holders[holder].ending


def test_they_are_one_process(house: BlockingRegion) -> None:
    assert len({running.pid for name in HOUSE if (running := house.process_of(name))}) == 1


def test_everybody_answers_with_their_own_records_and_no_other(house: BlockingRegion) -> None:
    for holder in HOUSE:
        own = set(house.generated.records_at(holder))
        elsewhere = {record for other in HOUSE if other != holder for record in house.generated.records_at(other)} - own
        people = known_at(house.generated, holder)
        assert people, "nobody there would make this say nothing"
        for bsn in sorted(people)[:12]:
            dossier = house.ask(bsn, holders=[holder])
            shown = {record.json for record in dossier.records}
            assert shown <= own
            assert not shown & elsewhere


def test_p9_somebody_whom_only_a_neighbour_knows_looks_like_nobody(kit: AttackKit) -> None:
    def told(bsn: str, holder: str) -> tuple[object, ...]:
        return looks(kit.gateway(holder).query(question(kit.user().mandate(bsn), kit.ura(holder), bsn)))

    assert ending_of(kit.region, HOLDER) is Ending.ANSWERED
    for other in OTHERS:
        assert told(VICTIM, other) == told(STRANGER, other)


def test_one_is_paused_by_its_name_and_its_neighbours_answer(house: BlockingRegion) -> None:
    folder = str(house.files[HOUSE[0]].agent.parent)

    def noaber(do: str) -> str:
        command = [sys.executable, "-m", "node_agent", do, "--house", folder, "--only", HOUSE[0]]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed arguments

    told = noaber("pause")
    try:
        house.settle(HOUSE[0], frozenset({Ending.PAUSED}))
        found = {name: house.ask(VICTIM, holders=[name]).holders[name].ending for name in HOUSE}
    finally:
        noaber("resume")
    house.settle(HOUSE[0])

    assert "paused since" in told
    assert [name for name in HOUSE if found[name] is Ending.PAUSED] == [HOUSE[0]]
    assert len(told.splitlines()) == 1


def test_a_question_to_one_is_not_answered_by_a_neighbour(kit: AttackKit) -> None:
    before = {name: len(events_at(kit.region, name)) for name in HOUSE}
    told = kit.gateway("holterloo").query(question(kit.user().mandate(VICTIM), kit.ura(HOLDER), VICTIM))

    assert told.refused
    assert told.batches == ()
    assert Fault.NOT_THIS_HOLDER.value in told.details
    # And it stands in nobody's journal as if it had been asked.
    assert [len(events_at(kit.region, name)) for name in (HOLDER, "waterveld")] == [before[HOLDER], before["waterveld"]]


def test_p12_every_line_is_in_the_journal_of_who_was_asked(house: BlockingRegion) -> None:
    before = {name: len(events_at(house, name)) for name in HOUSE}
    query = house.ask(VICTIM, holders=[HOLDER]).query_id

    def lines(name: str) -> list[object]:
        return [line for line in events_at(house, name)[before[name] :] if isinstance(line, Decision | Closing) and line.query == query]

    assert comes_true(lambda: any(isinstance(line, Closing) for line in lines(HOLDER)))
    assert [lines(name) for name in OTHERS] == [[], []]


def test_p11_a_choice_at_one_is_no_choice_at_a_neighbour(house: BlockingRegion) -> None:
    bsn = min(known_at(house.generated, "holterloo"))
    before = house.ask(bsn, holders=["holterloo"]).holders["holterloo"]
    choose(house, {"permits": False}, bsn=bsn)  # at De Brinkhof
    after = house.ask(bsn, holders=["holterloo"]).holders["holterloo"]

    assert (after.ending, after.records) == (before.ending, before.records)


def test_somebody_elses_trouble_is_nobodys(house: BlockingRegion) -> None:
    settings = house.files[HOLDER].agent / "agent.toml"
    sound = settings.read_text(encoding="utf-8")
    people = {name: min(known_at(house.generated, name)) for name in OTHERS}
    before = {name: house.ask(bsn, holders=[name]).holders[name] for name, bsn in people.items()}
    try:
        # Its settings are sound and its store is not there: it is tried again and again.
        settings.write_text(sound.replace("records.db", "gone.db"), encoding="utf-8")
        assert comes_true(lambda: ending_of(house, HOLDER) is Ending.UNREACHABLE)
        for name, bsn in people.items():
            after = house.ask(bsn, holders=[name]).holders[name]
            assert (after.ending, after.records) == (before[name].ending, before[name].records)
    finally:
        settings.write_text(sound, encoding="utf-8")
    assert comes_true(lambda: ending_of(house, HOLDER) is Ending.ANSWERED)


def test_who_moves_out_is_out_and_who_moves_in_answers_while_the_others_go_on(house: BlockingRegion) -> None:
    settings = house.files[HOLDER].agent / "agent.toml"
    running = house.process_of(HOLDER)
    aside = settings.with_suffix(".off")
    settings.rename(aside)
    assert comes_true(lambda: ending_of(house, HOLDER) is Ending.UNREACHABLE)
    for name in OTHERS:
        assert house.ask(STRANGER, holders=[name]).holders[name].ending is not Ending.UNREACHABLE
    aside.rename(settings)
    assert comes_true(lambda: ending_of(house, HOLDER) is Ending.ANSWERED)

    assert house.process_of(HOLDER) is running


def test_a_newcomer_that_reaches_for_what_is_anothers_gets_nothing_and_disturbs_nobody(house: BlockingRegion) -> None:
    thief = house.files[HOLDER].agent.parent / "thief"
    thief.mkdir()
    text = (house.files["holterloo"].agent / "agent.toml").read_text(encoding="utf-8")
    own = {house.files["holterloo"].holder.ura.value: "90001999", '"holterloo"': '"thief"'}
    for old, new in own.items():
        text = text.replace(old, new)
    (thief / "agent.toml").write_text(text, encoding="utf-8")
    log = house.files[HOLDER].agent.parent / "log"

    assert comes_true(lambda: "thief" in log.read_text(encoding="utf-8"))
    assert "is also of holterloo" in log.read_text(encoding="utf-8")
    assert ending_of(house, HOLDER) is Ending.ANSWERED
    bsn = min(known_at(house.generated, "holterloo"))
    assert house.ask(bsn, holders=["holterloo"]).holders["holterloo"].ending is not Ending.UNREACHABLE
    assert not (thief / "journal").exists()


def test_whose_certificate_is_of_another_organisation_does_not_answer_and_the_others_do(house: BlockingRegion) -> None:
    mistaken, files = "90001998", house.files["waterveld"]
    settings, log = files.agent / "agent.toml", files.agent.parent / "log"
    before = settings.read_text(encoding="utf-8")
    _in_one_step(settings, before.replace(files.holder.ura.value, mistaken))
    try:
        assert comes_true(lambda: f"the certificate is not of URA {mistaken}, but that of waterveld" in log.read_text(encoding="utf-8"))
        assert ending_of(house, "waterveld") is Ending.UNREACHABLE
        assert ending_of(house, HOLDER) is Ending.ANSWERED
    finally:
        _in_one_step(settings, before)
    assert comes_true(lambda: ending_of(house, "waterveld") is not Ending.UNREACHABLE)


def test_an_agent_alone_whose_certificate_is_of_another_organisation_does_not_start(house: BlockingRegion) -> None:
    settings = house.files["dinkelhorst"].agent / "agent.toml"
    command = [sys.executable, "-m", "node_agent", "run", "--config", str(settings), "--set", "holder.ura=90001998"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - fixed arguments

    assert ran.returncode != 0
    assert "ready" not in ran.stdout
    assert "invalid-setting (holder.ura: the certificate is not of URA 90001998, but that of dinkelhorst" in ran.stderr
    assert "put the certificate and key of this organisation" in ran.stderr


def _in_one_step(path: Path, text: str) -> None:
    """Nobody sees half of it."""
    fresh = path.with_name(".fresh")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def test_p12_the_journals_verify_each_by_itself(house: BlockingRegion) -> None:
    for name in HOUSE:
        assert verify(house.files[name].agent / "journal").breaks == []
