"""The overview: known, taken and unknown apart; numbers added up as they are told, and nothing worked out from what was kept back."""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.answers import Ending
from accord.terms.capacity import CareKind, Light, PlacesQuestion, Spot, Statement, Tally
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import HolderName, Ura
from accord.terms.vocabulary import HolderKind
from gateway.pages.telling import Language, joined, words
from gateway.places.overview import capacities, capacity_table, pressure_table, pressures, sights, written
from gateway.places.pages_found import unheard
from gateway.places.pages_map import draw
from gateway.places.ports import Accounted, HolderSaid, Provider
from gateway.places.rounds import Rounds
from gateway.places.site import PACKAGE
from gateway.viewer.speaking import Speech
from gateway.viewer.visits import PACKAGE as VIEWER
from tests.gateway.places.small_places import NOW, opening

GRZ = CareKind.GERIATRIC_REHABILITATION
DUTCH = words(PACKAGE, Language.DUTCH)


def said(name: str, *openings: object, tallies: tuple[Tally, ...] = (), region: str = "", ending: Ending = Ending.ANSWERED) -> HolderSaid:
    who = Provider(HolderName(name), f"Huis {name}", "074-555 0100", HolderKind.NURSING_HOME, Ura("00009002"), region)
    statement = Statement(who.title, who.telephone, NOW, openings, tallies) if ending.heard_out else None  # type: ignore[arg-type] # openings
    return HolderSaid(who, ending, None, statement)


def test_stale_is_unknown_and_counts_as_neither_free_nor_full() -> None:
    stale = opening(GRZ, 2, at=NOW - timedelta(hours=26))
    rows = capacities(sights([said("a", opening(GRZ, 3)), said("b", stale), said("c", opening(GRZ, 0))], NOW, NOW.date()))

    assert [(row.free, row.known, row.taken, row.unknown) for row in rows] == [(3, 2, 1, 1)]
    assert rows[0].oldest == timedelta(0)


def test_a_light_is_no_number() -> None:
    light = replace(opening(CareKind.EMERGENCY_DEPARTMENT, None), light=Light.GREEN)
    row = capacities(sights([said("a", light)], NOW, NOW.date()))[0]

    assert (row.free, row.lights) == (0, 1)


def test_what_was_kept_back_is_counted_and_never_worked_out_and_neighbours_are_not_added() -> None:
    told, few = Tally(GRZ, 30, 20, 8, (("no-staff", 6),), 40), Tally(GRZ, 30, None, None, (("no-staff", None),), None)
    rows = pressures([said("a", tallies=(told,)), said("b", tallies=(few,)), said("c", tallies=(told,), region="elders")])

    assert [(row.asked.told, row.asked.kept_back, row.granted.told, row.medians) for row in rows] == [(20, 1, 8, [40])]
    assert rows[0].declined["no-staff"].kept_back == 1


def test_pressure_is_told_for_each_place_and_of_a_provider_with_many_for_all_of_them() -> None:
    tally = Tally(GRZ, 30, 20, 8, (), 40)
    here, there, else_ = (replace(one, service=replace(one.service, place=place)) for place in ("Dinkelhorst", "Reggerbrug", "") for one in [opening(GRZ, 1)])
    many = [replace(here, service=replace(here.service, place=f"Dorp {n}")) for n in range(5)]
    told = [said("a", here, tallies=(tally,)), said("b", here, tallies=(tally,)), said("c", there, tallies=(tally,)), said("d", else_, tallies=(tally,))]
    rows = pressures([*told, said("e", *many, tallies=(tally,))])

    assert [(row.area, row.asked.told) for row in rows] == [("", 20), ("Dinkelhorst", 40), ("Dorp 0, Dorp 1, Dorp 2 +2", 20), ("Reggerbrug", 20)]


def test_a_reason_that_we_do_not_know_is_told_as_another() -> None:
    table = pressure_table(pressures([said("a", tallies=(Tally(GRZ, 30, 9, 5, (("met-de-noorderzon", 5),), None),))]), DUTCH, NOW)

    assert [(row[5], row[6]) for row in table if row[4] == "declined"] == [("other", "Andere reden")]


def test_what_was_kept_back_is_no_number_in_the_table_and_beside_what_was_told_that_is_the_least() -> None:
    told, few = Tally(GRZ, 30, 20, 0, (("no-staff", 6),), 40), Tally(GRZ, 30, None, 0, (("no-staff", None), ("no-place", None)), None)
    table = pressure_table(pressures([said("a", tallies=(told,)), said("b", tallies=(few,))]), DUTCH, NOW)
    rows = [dict(zip(table[0], row, strict=True)) for row in table[1:]]

    assert [(row["what"], row["reason"], row["number"], row["number_at_least"], row["kept_back"]) for row in rows] == [
        ("asked", "", "", "20", "1"),
        ("granted", "", "0", "", "0"),
        ("declined", "no-staff", "", "6", "1"),
        ("declined", "no-place", "", "", "1"),
        ("median-minutes-of-one-provider", "", "40", "", ""),
    ]
    assert {(row["kind"], row["kind_in_words"]) for row in rows} == {("geriatric-rehabilitation", "geriatrische revalidatie")}


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=3), max_size=4))
def test_no_text_of_a_provider_is_a_formula_or_breaks_the_table(table: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(written(table).decode("utf-8-sig"), newline=""), delimiter=";"))

    assert [len(row) for row in read] == [len(row) for row in table]
    assert not any(cell[:1] in {"=", "+", "-", "@", "\t", "\r"} for row in read for cell in row)


def test_the_table_has_every_opening_with_its_moments() -> None:
    table = capacity_table(sights([said("a", opening(GRZ, 3))], NOW, NOW.date()), DUTCH)

    assert dict(zip(table[0], table[1], strict=True))["observed_at"] == "2026-03-02T10:15:00+00:00"


class SlowRegion:
    """One provider is late at first, and answers with more patience."""

    def __init__(self, *, gone: bool = False) -> None:
        self.asked: list[tuple[frozenset[HolderName], float]] = []
        self.gone = gone

    @asynccontextmanager
    async def offers(
        self, question: PlacesQuestion, holders: frozenset[HolderName], *, patience: float
    ) -> AsyncIterator[AsyncGenerator[HolderSaid | Accounted, None]]:
        """As `TheRegion`."""
        assert question.kinds == {GRZ}
        if self.gone:
            raise Unavailable(Fault.GATEWAY_UNREACHABLE)
        self.asked.append((holders, patience))
        yield self._said(holders)

    async def _said(self, holders: frozenset[HolderName]) -> AsyncGenerator[HolderSaid | Accounted, None]:
        if not holders:
            yield said("a", opening(GRZ, 1))
        yield said("b", opening(GRZ, 2)) if holders else said("b", ending=Ending.TOO_LATE)
        yield Accounted(2, 2, 1)


@pytest.mark.anyio
async def test_who_was_too_late_is_asked_once_more_with_more_patience() -> None:
    region = SlowRegion()
    async with anyio.create_task_group() as tasks:
        made = Rounds(region, tasks, lambda: NOW).begin("x", PlacesQuestion(frozenset({GRZ})))  # type: ignore[arg-type] # it asks and nothing else

    assert region.asked == [(frozenset(), 0.4), (frozenset({HolderName("b")}), 2.0)]
    assert made.is_over
    assert made.account == Accounted(2, 2, 1)
    assert made.said["", HolderName("b")].ending is Ending.ANSWERED


@pytest.mark.anyio
async def test_a_gateway_that_is_out_of_reach_is_told_and_a_round_is_forgotten_in_time() -> None:
    at = [datetime(2026, 3, 2, tzinfo=UTC)]
    async with anyio.create_task_group() as tasks:
        rounds = Rounds(SlowRegion(gone=True), tasks, lambda: at[0])  # type: ignore[arg-type] # it asks and nothing else
        made = rounds.begin("x", PlacesQuestion(frozenset({GRZ})))
    assert made.failure is Fault.GATEWAY_UNREACHABLE
    assert rounds.last("x") is made
    at[0] += timedelta(hours=1)

    assert rounds.last("x") is None


@pytest.mark.parametrize(
    ("language", "told"),
    [(Language.DUTCH, "Doet niet mee met vrije plekken. Bel zo nodig."), (Language.ENGLISH, "Takes no part in free places. Call if need be.")],
)
@pytest.mark.anyio
async def test_who_takes_no_part_in_free_places_is_said_not_to(language: Language, told: str) -> None:
    async with anyio.create_task_group() as tasks:
        made = Rounds(SlowRegion(), tasks, lambda: NOW).begin("x", PlacesQuestion(frozenset({GRZ})))  # type: ignore[arg-type] # it asks and nothing else
    old = replace(said("old", ending=Ending.INCOMPATIBLE), code=Fault.MISSING_CAPABILITY)
    made.said["", HolderName("old")] = old
    speech = Speech(joined((VIEWER, PACKAGE), language), NOW)

    assert [one.why for one in unheard(made, speech)] == [told]


def test_a_map_needs_two_points_and_keeps_all_of_them_on_it() -> None:
    assert draw([], Spot(52.3, 6.8)) is None
