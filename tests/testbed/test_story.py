"""The story's checks hold, and every planted wrong is found by the check that is meant for it."""

import gzip
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from testbed import story, story_emergency, story_glass, story_it, story_screen
from testbed.browsing import NoBrowser, with_chromium
from testbed.cli import demo_app
from testbed.people import DINA, generate
from testbed.people import Region as Generated
from testbed.plants import PLANTS
from testbed.region import BlockingRegion
from testbed.story_canary import disguises, scan, written_files
from testbed.story_evidence import CannotBeTold, DoesNotHold, Night, expect, expect_same

slow = pytest.mark.slow
#: Whose agents ask a live system, and keep nothing.
READ_LIVE = ("dinkelhorst", "reggerbrug", "brinkhof", "vijzelmarke", "eschrand", "wieke", "losserveld")


@pytest.fixture(scope="module")
def _night() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(viewer=True) as region:
        yield region


@pytest.fixture
def region(_night: BlockingRegion) -> Iterator[BlockingRegion]:
    before = _night.spoilt
    yield _night
    _night.restore(before)


def _change_both(generated: Generated) -> Generated:
    for name in ("egfr-twice", "lost-observation"):
        change = PLANTS[name].change
        assert change is not None
        generated = change(generated)
    return generated


@slow
@pytest.mark.parametrize("fact", [*story_emergency.FACTS, *story_it.FACTS], ids=lambda fact: fact.__name__)
def test_every_must_hold_holds(night: Night, fact: story.Fact) -> None:
    assert fact(night)


@pytest.fixture(scope="module")
def _browser() -> None:
    try:
        with_chromium(lambda _: None)
    except NoBrowser as missing:
        pytest.skip(str(missing))


@slow
@pytest.mark.e2e
@pytest.mark.usefixtures("_browser")
@pytest.mark.parametrize("fact", [*story_screen.FACTS, *story_glass.FACTS], ids=lambda fact: fact.__name__)
def test_every_must_hold_holds_on_the_screen(night: Night, fact: story.Fact) -> None:
    assert fact(night)


@pytest.fixture(scope="module")
def night(_night: BlockingRegion) -> Night:
    night = Night(_night)
    night.look()
    return night


@slow
@pytest.mark.parametrize(
    ("plant", "fact"),
    [
        ("false-nothing", story_emergency.ten_holders_asked),
        ("leaked-refusal", story_emergency.ten_holders_asked),
        ("leaked-refusal", story_emergency.refusal_looks_like_nothing),
        ("canary", story_it.nothing_is_left_on_disk),
    ],
)
def test_a_planted_wrong_is_found(region: BlockingRegion, plant: str, fact: story.Fact) -> None:
    spoil = PLANTS[plant].spoil
    assert spoil is not None
    spoil(region)

    with pytest.raises(DoesNotHold):
        fact(Night(region))
    (region.root / "gateway" / "cache").unlink(missing_ok=True)


@slow
@pytest.mark.e2e
@pytest.mark.usefixtures("_browser")
@pytest.mark.parametrize(
    ("plant", "facts"),
    [
        ("false-nothing", [story_screen.ten_holders_on_the_page, story_screen.the_dead_post_has_its_telephone]),
        ("leaked-refusal", [story_screen.ten_holders_on_the_page, story_screen.silence_looks_like_refusal_on_the_page]),
    ],
)
def test_a_planted_wrong_is_found_on_the_screen(region: BlockingRegion, plant: str, facts: list[story.Fact]) -> None:
    spoil = PLANTS[plant].spoil
    assert spoil is not None
    spoil(region)
    night = Night(region)

    for fact in facts:
        with pytest.raises(DoesNotHold):
            fact(night)


@slow
@pytest.mark.e2e
@pytest.mark.usefixtures("_browser")
@pytest.mark.parametrize(
    ("plant", "wrong"),
    [
        (None, set()),
        ("granted-twice", {"exactly-one-wins", "both-journals-agree"}),
        ("line-missing", {"both-journals-agree"}),
        ("stale-as-free", {"the-stale-two-is-unknown"}),
        ("released-still-held", {"exactly-one-wins"}),
        ("handover-without-wishes", {"the-handover-arrives-with-the-wishes"}),
    ],
    ids=["sound", "twice", "line", "stale", "held", "without-wishes"],
)
def test_step_5_holds_and_each_of_its_planted_wrongs_is_found(plant: str | None, wrong: set[str]) -> None:
    found = list(story.tell(plant=plant, steps=[5]))

    assert len(found) == len(story.STEPS[5])
    assert {one.fact for one in found if one.holds is not True} == wrong, "; ".join(f"{one.fact}: {one.why}" for one in found if one.holds is not True)


@slow
def test_without_a_viewer_the_screen_cannot_be_told() -> None:
    with BlockingRegion.start(story=False, holders=["dinkelhorst"]) as region, pytest.raises(CannotBeTold, match="viewer"):
        story_screen.one_click_opens_her(Night(region))


@slow
def test_p6_what_only_root_may_look_into_is_named_and_everything_else_is_searched(region: BlockingRegion) -> None:
    written = written_files(region)

    assert written.closed == (() if os.geteuid() == 0 else ("gateway", *(name for name in region.files if name in READ_LIVE and region.process_of(name))))
    for closed in written.closed:
        assert closed in written.summary
    assert ("needs root" in written.summary) == bool(written.closed)
    assert region.root / "gateway" / "gateway.toml" in written.files


@slow
def test_wrong_records_are_found() -> None:
    with BlockingRegion.start(story=False, change=_change_both, holders=["dinkelhorst", "twickelaar", "reggerbrug"], viewer=True) as region:
        night = Night(region)

        with pytest.raises(DoesNotHold, match="times that the eGFR is shown: 2"):
            story_emergency.egfr_once_with_two_origins(night)
        with pytest.raises(DoesNotHold, match="Observation/1 of twickelaar: 0"):
            story_emergency.both_observation_1(night)
        with suppress(CannotBeTold), pytest.raises(DoesNotHold, match="the eGFR: "):
            story_screen.egfr_stands_once(night)


@slow
def test_the_command_says_each_must_hold_in_a_line_of_json_and_fails_on_a_plant() -> None:
    told = CliRunner().invoke(demo_app, ["--story", "dina", "--json", "--plant", "lost-observation", "--step", "1"])

    lines = [line for line in map(json.loads, told.stdout.splitlines()) if "fact" in line]
    assert [line["fact"] for line in lines if line["holds"] is False] == ["both-observation-1"]
    assert len(lines) == len(story.STEPS[1])
    assert told.exit_code == 1


@slow
def test_where_there_is_no_browser_step_5_was_not_checked_and_the_command_says_so_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOABER_CHROMIUM", str(tmp_path / "chromium"))
    told = CliRunner().invoke(demo_app, ["--story", "dina", "--json", "--step", "5"])

    *lines, last = [json.loads(line) for line in told.stdout.splitlines()]
    assert [line["holds"] for line in lines] == [None] * len(story.STEPS[5])
    assert (last["not_checked"], last["of"], len(last["why"])) == (len(lines), len(lines), 1)
    assert "make .venv/.dev" in last["next"]
    assert told.exit_code == story.NOT_CHECKED


@pytest.mark.parametrize(
    ("held", "code"),
    [([True, True], 0), ([True, None], story.NOT_CHECKED), ([None, False], story.FAILS), ([True, False], story.FAILS), ([], story.NOT_CHECKED)],
)
def test_only_what_was_all_checked_and_holds_ends_well(held: list[bool | None], code: int) -> None:
    findings = [story.Finding(5, "fact", "It holds", holds, "no browser" if holds is None else "") for holds in held]

    assert story.exit_code(findings) == code
    missing = story.unchecked(findings)
    assert (missing is not None) == (None in held)
    assert missing is None or str(missing).count("no browser") == 1


def test_a_story_or_plant_that_does_not_exist_is_refused() -> None:
    for arguments in (["--story", "alice"], ["--plant", "rose"], ["--story", "dina", "--step", "7"]):
        told = CliRunner().invoke(demo_app, arguments)
        assert told.exit_code == 2


def test_every_plant_says_what_is_wrong_and_does_something() -> None:
    assert set(PLANTS) == {
        "false-nothing",
        "egfr-twice",
        "lost-observation",
        "leaked-refusal",
        "canary",
        "granted-twice",
        "line-missing",
        "stale-as-free",
        "released-still-held",
        "handover-without-wishes",
    }
    assert all(plant.wrong and (plant.change or plant.spoil or plant.is_of_places) for plant in PLANTS.values())


def test_plants_change_one_record_each() -> None:
    generated = generate(people=40)
    changed = _change_both(generated)

    differing = {(name, record.ref) for name, records in generated.kept.items() for record in records if record not in changed.kept[name]}
    assert {ref for name, ref in differing if name == "twickelaar"} == {"Observation/1"}
    assert len([ref for name, ref in differing if name == "dinkelhorst"]) == 1
    assert replace(changed, kept=generated.kept) == generated


@pytest.mark.parametrize("disguise", ["utf-8", "utf-16-le", "hex", "base64", "gzip"])
def test_a_canary_is_found_in_every_disguise(tmp_path: Path, disguise: str) -> None:
    plain = f"…{DINA.bsn}…".encode("utf-16-le" if disguise == "utf-16-le" else "utf-8")
    content = {"hex": lambda: plain.hex().encode(), "base64": lambda: b64encode(plain), "gzip": lambda: gzip.compress(plain)}.get(disguise, lambda: plain)()
    planted, harmless = tmp_path / "planted", tmp_path / "harmless"
    planted.write_bytes(b"x" * 100_000 + content if disguise != "gzip" else content)
    harmless.write_bytes(b"999984055 " * 1000)

    assert scan([planted, harmless], [DINA.bsn]) == [planted]


def test_base64_is_recognised_at_every_alignment() -> None:
    wanted = disguises(["999984056"])
    for before in range(7):
        packed = b64encode(b"z" * before + b"999984056" + b"z" * 5)
        assert any(word in packed for word in wanted)


def test_a_comparison_says_only_the_differences() -> None:
    expect_same(["a", "b"], ["b", "a"], "records")
    with pytest.raises(DoesNotHold, match=r"^records: too few: b, b; too many: c$"):
        expect_same(["a", "c"], ["a", "b", "b"], "records")


def test_a_check_says_what_was_found_instead() -> None:
    expect(1, 1, "one")
    with pytest.raises(DoesNotHold, match="holders asked: 9, and should be 10"):
        expect(9, 10, "holders asked")
