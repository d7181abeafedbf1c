"""One round of looking: in order, with everybody's ending, and the late ones once more."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.capacity.ranking import Group
from accord.terms.answers import Ending
from accord.terms.capacity import PlacesQuestion, Spot, Wishes
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import HolderName
from gateway.places.neighbourhoods import Neighbourhoods, read_neighbourhoods
from gateway.places.ports import Accounted, HolderSaid
from gateway.places.searching import Found, Looking, free
from tests.gateway.places.small_places import NEED, NOW, Clock, SmallProvider, SmallRegion, opening

pytestmark = pytest.mark.anyio


class LateRegion(SmallRegion):
    """Some are too late at first, and some always."""

    late: frozenset[HolderName] = frozenset()
    always: frozenset[HolderName] = frozenset()

    @asynccontextmanager
    async def offers(
        self, question: PlacesQuestion, holders: frozenset[HolderName], *, patience: float
    ) -> AsyncIterator[AsyncGenerator[HolderSaid | Accounted, None]]:
        """See `TheRegion`."""
        async with super().offers(question, holders, patience=patience) as said, aclosing(self._later(said, again=bool(holders))) as later:
            yield later

    async def _later(self, said: AsyncGenerator[HolderSaid | Accounted, None], *, again: bool) -> AsyncGenerator[HolderSaid | Accounted, None]:
        async for event in said:
            late = isinstance(event, HolderSaid) and (event.provider.name in self.always or (not again and event.provider.name in self.late))
            yield HolderSaid(event.provider, Ending.TOO_LATE, Fault.HOLDER_SILENT) if isinstance(event, HolderSaid) and late else event


def looking(region: SmallRegion, **changes: object) -> tuple[Looking, list[Found]]:
    told: list[Found] = []

    async def tell(found: Found) -> None:
        told.append(found)

    return Looking(region, NEED, Wishes(), region.clock, tell=tell, **changes), told  # type: ignore[arg-type]  # as they come


async def test_who_is_late_is_asked_once_more_while_the_others_can_be_seen() -> None:
    clock = Clock()
    one, other, mute = (SmallProvider(number, 1, clock) for number in (1, 2, 3))
    region = LateRegion(clock, one, other, mute)
    region.openings = {one.name: (opening(),), other.name: (opening(places=2),)}
    region.late, region.always = frozenset({other.name}), frozenset({mute.name})
    look, told = looking(region)

    found = await look.look()

    assert [holders for _, holders in region.questions] == [frozenset(), {other.name, mute.name}]
    assert {one.provider for one in free(told[0])} == {one.name}
    assert {ranked.provider for ranked in free(found)} == {one.name, other.name}
    assert [said.provider.name for said in found.unheard] == [mute.name]
    assert all(said.provider.telephone for said in found.unheard)
    assert found.is_over
    assert not found.complete
    assert found.account == Accounted(3, 3, 3)


async def test_p8_everybody_has_one_ending_and_stale_is_unknown() -> None:
    clock = Clock()
    fresh, stale = SmallProvider(1, 1, clock), SmallProvider(2, 1, clock)
    region = SmallRegion(clock, fresh, stale)
    region.openings = {fresh.name: (opening(),), stale.name: (opening(places=2, at=NOW - timedelta(hours=26)),)}
    look, _ = looking(region)

    found = await look.look()

    assert found.complete
    assert [(ranked.provider, ranked.group) for ranked in found.ranked] == [(fresh.name, Group.FREE), (stale.name, Group.UNKNOWN)]
    put = found.put_to(found.ranked[0])
    assert put is not None
    assert (put.provider, put.key) == (fresh.name, fresh.put_to.key)


async def test_when_nobody_can_be_asked_that_is_said() -> None:
    region = SmallRegion(Clock())
    region.gone = True
    look, _ = looking(region)

    with pytest.raises(Faulted):
        await look.look()


def test_a_table_of_neighbourhoods_says_where_each_lies(tmp_path: Path) -> None:
    path = tmp_path / "near.csv"
    path.write_text("\ufeffpostcode,latitude,longitude,name\n7591,52.3712,6.9893,Denekamp\n7576,52.3141,6.9261,Oldenzaal\n")

    known = read_neighbourhoods(path)

    assert known.spot("7591") == Spot(52.3712, 6.9893)
    assert known.name("7576") == "Oldenzaal"
    assert (known.spot("9999"), known.name("")) == (None, "")
    assert Neighbourhoods().spot("7591") is None


@pytest.mark.parametrize(
    "wrong",
    ["", "postcode,name\n7591,x\n", "postcode,latitude,longitude,name\n", "759\x00"][:2]
    + [
        f"postcode,latitude,longitude,name\n{row}\n"
        for row in (
            "759,52,6,x",
            "7591,x,6,x",
            "7591,152,6,x",
            "7591,nan,6,x",
            "7591,52",
            "0591,52,6,x",
            "٧٥٩١,52,6,x",
            "7591,52,6,x\n7591,52,6,y",
            "7591,52,6," + "x" * 81,
        )
    ],
)
def test_a_table_with_a_mistake_is_refused_with_its_line(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "near.csv"
    path.write_text(wrong)

    with pytest.raises(BadInput) as refused:
        read_neighbourhoods(path)

    assert refused.value.fault is Fault.INVALID_SETTING


@given(content=st.binary(max_size=300))
def test_no_table_breaks_whoever_reads_it(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "near.csv"
    path.write_bytes(b"postcode,latitude,longitude,name\n" + content)
    with suppress(BadInput):
        read_neighbourhoods(path)


async def test_p14_a_neighbour_with_the_name_of_one_of_ours_takes_nobody_s_place_on_the_list() -> None:
    clock = Clock()
    one = SmallProvider(1, 1, clock)
    region = SmallRegion(clock, one)
    region.openings = {one.name: (opening(),)}
    look, _ = looking(region)
    found = await look.look()
    (ours,) = found.said
    assert ours.statement is not None
    theirs = replace(
        ours, provider=replace(ours.provider, region="achterhoek", ura=None), statement=replace(ours.statement, openings=(replace(opening(), id="far"),))
    )
    await look._take(theirs)
    both = look._found(is_over=True)

    assert {(both.said_of(spot).provider.region, both.put_to(spot) is not None) for spot in both.ranked} == {("", True), ("achterhoek", False)}
