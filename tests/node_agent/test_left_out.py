"""What a source may keep that nobody asks it for is said of everybody alike, whichever kind of source it is."""

from pathlib import Path

import pytest

from accord.ops.measures import Measures
from accord.rules.leaving_out import LeftOut
from accord.terms.answers import Ending, Hint
from accord.terms.faults import BadInput, Fault
from accord.terms.queries import Order, Selection
from node_agent.conformance.coverage import BLOCKS, askable, asked_for
from node_agent.conformance.findings import Block, Verdict
from node_agent.left_out import EXPECTED, left_out_of
from node_agent.metering import metered
from node_agent.opening import open_source
from node_agent.source_settings import SourceSettings
from node_agent.sources.fed_schema import prepare_store
from node_agent.sources.sql_mapping import read_mapping
from testbed import gp_system
from testbed.contracts.records import ANNA, NOBODY, observation, patient
from testbed.memory_source import MemorySource
from tests.node_agent.asking import MemoryChoices, ask, holder_over, question
from tests.node_agent.sql_shelf import MAPPING

pytestmark = pytest.mark.anyio


class Part(MemorySource):
    """A source of somebody's own making that answers for three types and says no more."""

    @property
    def types(self) -> frozenset[str]:
        """Those."""
        return frozenset({"Patient", "Observation", "Condition"})


class Says(Part):
    """One that says itself what it leaves out."""

    async def left_out(self) -> LeftOut:
        """Procedures, and no more."""
        return LeftOut.whole(["Procedure"])


def test_every_block_of_the_bgz_is_expected() -> None:
    assert frozenset().union(*(types for types, _ in BLOCKS.values())) - {"Patient"} <= EXPECTED


async def test_p8_a_source_of_ones_own_making_leaves_out_what_is_expected_and_not_among_its_types() -> None:
    assert await left_out_of(MemorySource([])) == LeftOut()
    assert (await left_out_of(Part([]))).types == EXPECTED - {"Observation", "Condition"}
    assert (await left_out_of(Says([]))).types == {"Procedure"}


async def test_a_source_that_is_counted_leaves_out_as_much() -> None:
    for source in (MemorySource([]), Part([]), Says([])):
        assert await left_out_of(metered(source, Measures("agent"), "h")) == await left_out_of(source)


@pytest.mark.parametrize("order", Order)
async def test_p9_who_is_withheld_unknown_or_has_nothing_here_gets_the_same_hint(order: Order) -> None:
    shelf = [patient("a", ANNA), observation("1", "a")]
    selection = Selection(types=frozenset({"Condition", "Procedure"}), order=order, limit=10 if order is Order.GLOBAL else 0)
    answers = [
        await ask(holder_over(Part(shelf), MemoryChoices(others=())), question(selection=selection)),
        await ask(holder_over(Part(shelf)), question(NOBODY, selection=selection)),
        await ask(holder_over(Part(shelf)), question(selection=selection)),
    ]

    assert {answer.closed.ending for answer in answers} == {Ending.NOTHING_SHOWN}
    assert [answer.frames[:-1] for answer in answers] == [[Hint(Fault.MISSING_CAPABILITY)]] * 3


async def test_p9_a_question_that_has_no_answer_has_none_for_anybody_and_the_source_is_not_asked() -> None:
    shelf = [patient("a", ANNA), observation("1", "a")]
    selection = Selection(types=frozenset({"Procedure"}))
    for bsn, choices in ((ANNA, None), (NOBODY, None), (ANNA, MemoryChoices(others=()))):
        source = Part(shelf)
        told = await ask(holder_over(source, choices), question(bsn, selection=selection))
        assert (told.closed.ending, told.closed.code, len(told.frames)) == (Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY, 1)
        assert source.asked == []


async def test_what_is_answered_for_has_no_hint() -> None:
    told = await ask(holder_over(Part([patient("a", ANNA), observation("1", "a")])), question(selection=Selection(types=frozenset({"Observation"}))))

    assert Hint(Fault.MISSING_CAPABILITY) not in told.frames


# -- The mapping of a database


def mapped(folder: Path, not_kept: str) -> LeftOut:
    """What the shelf's mapping leaves out when it says this."""
    (folder / "mapping.toml").write_text(MAPPING.replace("[people]", f"not_kept = {not_kept}\n[people]", 1), encoding="utf-8")
    return read_mapping(folder / "mapping.toml").left_out


def test_p8_a_type_that_has_no_table_may_be_kept_until_the_mapping_says_that_it_is_not(tmp_path: Path) -> None:
    without = mapped(tmp_path, "[]").types

    assert {"Procedure", "Flag"} <= without <= EXPECTED
    assert mapped(tmp_path, '["Procedure"]').types == without - {"Procedure"}


@pytest.mark.parametrize(("not_kept", "what"), [('["Procedur"]', "did you mean Procedure"), ('["Observation"]', "has a table"), ("[7]", "wrong value")])
def test_a_mistake_in_what_is_not_kept_is_told_with_its_place(tmp_path: Path, not_kept: str, what: str) -> None:
    with pytest.raises(BadInput, match=what) as refused:
        mapped(tmp_path, not_kept)

    assert refused.value.fault is Fault.MAPPING_INVALID


def test_the_example_practice_says_of_everything_that_is_expected_whether_it_keeps_it() -> None:
    mapping = read_mapping(gp_system.MAPPING)

    assert mapping.left_out == LeftOut()
    assert mapping.not_kept <= EXPECTED


# -- A store that messages are fed into


async def fed(folder: Path, *, by_messages: bool, **settings: list[str]) -> frozenset[str]:
    """What a store with these settings leaves out."""
    if by_messages:
        prepare_store(folder / "records.db")
    async with open_source(SourceSettings(**settings), folder) as source:  # type: ignore[arg-type]  # two lists of names
        return (await left_out_of(source)).types


async def test_p8_messages_tell_of_results_and_not_of_what_else_their_sender_keeps(tmp_path: Path) -> None:
    everything_else = EXPECTED - {"Observation"}

    assert await fed(tmp_path, by_messages=True) == everything_else
    assert await fed(tmp_path, by_messages=True, types=["Condition", "Encounter"]) == everything_else - {"Condition", "Encounter"}
    assert not await fed(tmp_path, by_messages=True, not_kept=sorted(everything_else))


# -- The check


def test_the_check_names_what_is_not_asked_for_and_what_to_do() -> None:
    point = asked_for(LeftOut.whole(["Procedure", "Flag"]))

    assert point.verdict is Verdict.REMARK
    assert "Flag, Procedure" in point.seen
    assert "not_kept" in point.repair
    assert asked_for(LeftOut()).verdict is Verdict.GOOD
    assert asked_for(None).verdict is Verdict.NOT_SEEN


def test_a_block_that_every_dossier_says_is_not_asked_for_is_not_told_as_a_silent_one() -> None:
    blocks = [Block("Procedures", "not askable"), Block("Alerts", "not askable")]

    assert "Procedures" in askable(blocks).seen
    assert "Procedures" not in askable(blocks, LeftOut.whole(["Procedure"])).seen
    assert askable(blocks, LeftOut.whole(["Procedure", "Flag"])).verdict is Verdict.GOOD
