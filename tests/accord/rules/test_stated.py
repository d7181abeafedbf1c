"""What a statement comes to at a holder: the answers that count on any day, and the choices that hold without asking again."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from accord.rules.consent import Basis, decide
from accord.rules.data_kinds import BASICS, CATEGORIES_OF, DAILY, DataKind
from accord.rules.moments import AMSTERDAM
from accord.rules.speaking import birthday
from accord.rules.stated import KeptLine, choices_at, choices_in_time, in_force
from accord.rules.statements import Answer, Cell, ChoiceLine, Side, Statement, Voice, concerns
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GP = HolderKind.GP_PRACTICE
_lines = st.builds(
    KeptLine,
    st.builds(
        ChoiceLine,
        st.builds(Cell, st.sampled_from(Side), st.sampled_from([None, GP, HolderKind.HOME_CARE]), st.sampled_from([DataKind.ALERTS, DataKind.WISHES])),
        st.sampled_from(Answer),
    ),
    st.sampled_from(Voice),
    st.integers(0, 5).map(lambda seconds: NOW - timedelta(seconds=seconds)),
)
_kept = st.lists(_lines, max_size=12, unique_by=lambda one: (one.line.cell, one.voice))


def line(answer: Answer, user: HolderKind | None, data: DataKind) -> ChoiceLine:
    return ChoiceLine(Cell(Side.LOOKS, user, data), answer)


@given(_kept, st.none() | st.dates(date(2005, 1, 1), date(2026, 11, 1)), st.integers(0, 6000))
def test_what_holds_without_asking_again_is_what_would_be_decided_on_the_day(kept: list[KeptLine], born: date | None, days: int) -> None:
    later = NOW + timedelta(days=days)
    standing = choices_in_time(GP, kept, born, NOW)
    that_day = [one for one in standing if (one.begins is None or one.begins <= later) and (one.ends is None or later < one.ends)]
    asked = choices_at(GP, in_force(kept, born, later.astimezone(AMSTERDAM).date()))

    assert {(one.permits, one.user, one.category) for one in that_day} == {(one.permits, one.user, one.category) for one in asked}


def test_a_birthday_begins_at_midnight_in_the_netherlands() -> None:
    kept = [KeptLine(line(Answer.PERMITS, GP, DataKind.ALERTS), Voice.PARENT, NOW)]
    turns = {choice.ends for choice in choices_in_time(GP, kept, date(2016, 2, 29), NOW)}

    assert datetime.combine(birthday(date(2016, 2, 29), 12), time.min, AMSTERDAM) in turns
    assert birthday(date(2016, 2, 29), 12) == date(2028, 2, 29)
    assert birthday(date(2012, 2, 29), 13) == date(2025, 3, 1)


def test_to_whom_nothing_may_be_shown_not_even_the_name_is_shown() -> None:
    asker = Asker(DataUser(Ura("90000001"), "", HolderKind.HOME_CARE), Professional("", "", ""), treats_the_patient=True)
    everybody_may = choices_at(GP, [line(Answer.PERMITS, None, kind) for kind in DataKind])
    daily = [line(Answer.OBJECTS, HolderKind.HOME_CARE, kind) for kind in DAILY]

    def shown(*lines: ChoiceLine) -> set[CareCategory]:
        said = (*everybody_may, *choices_at(GP, lines))
        return {category for category in CareCategory if isinstance(decide(asker, PurposeOfUse.TREATMENT, category, said, at=NOW), Basis)}

    assert shown(*daily) == CATEGORIES_OF[DataKind.WISHES] | BASICS
    assert shown(*daily, line(Answer.OBJECTS, HolderKind.HOME_CARE, DataKind.WISHES)) == set()
    assert shown(*daily, line(Answer.OBJECTS, None, DataKind.WISHES)) == set()
    assert shown(*daily, line(Answer.OBJECTS, None, DataKind.WISHES), line(Answer.PERMITS, HolderKind.HOME_CARE, DataKind.WISHES)) >= BASICS


def test_a_statement_concerns_who_shares_and_everybody_when_it_is_about_who_looks() -> None:
    def about(side: Side, provider: HolderKind | None) -> Statement:
        return Statement("r", Bsn("999984056"), Voice.SELF, (ChoiceLine(Cell(side, provider, DataKind.ALERTS), Answer.OBJECTS),), NOW)

    assert concerns(about(Side.LOOKS, HolderKind.PHARMACY), GP)
    assert concerns(about(Side.KEEPS, GP), GP)
    assert concerns(about(Side.KEEPS, None), GP)
    assert not concerns(about(Side.KEEPS, HolderKind.PHARMACY), GP)
