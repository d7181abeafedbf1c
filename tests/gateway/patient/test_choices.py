"""What a patient says, what it means at a holder, and what is told about it beforehand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.consent import Basis, decide
from accord.rules.data_kinds import BASICS, CATEGORIES_OF, DAILY, KIND_OF, DataKind, kinds_in
from accord.rules.speaking import Acting, age
from accord.rules.stated import KeptLine, choices_at, in_force, with_statement
from accord.rules.statements import SALT_BYTES, Answer, Cell, ChoiceLine, Side, Statement, Voice, nonce_of, read_statement
from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from gateway.patient.changes import Sight, Staying, Stays, what_changes, what_stays
from gateway.patient.choice_words import answers_of_form, cells_of
from gateway.patient.ports import HolderChoices, RegionInfo
from gateway.patient.sessions import Subject
from tests.gateway.patient.fake_region import BRINKHOF, DINKELHORST, ESCHRAND, NOON

DINA = Bsn("999984056")
SELF = Acting(DINA, "Dina", "Dina", Voice.SELF, choosing=True)
REGION = RegionInfo("demo", "Demo", "0", emergency=True)

cells = st.builds(Cell, st.sampled_from(Side), st.none() | st.sampled_from(HolderKind), st.sampled_from(DataKind))
lines = st.lists(st.builds(ChoiceLine, cells, st.sampled_from(Answer)), min_size=1, max_size=12, unique_by=lambda line: line.cell).map(tuple)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001 - bounds
statements = st.builds(Statement, st.text(max_size=20), st.just(DINA), st.sampled_from(Voice), lines, moments)


def permitted(holder: HolderKind, user: HolderKind, data: DataKind, kept: tuple[KeptLine, ...], purpose: PurposeOfUse = PurposeOfUse.TREATMENT) -> bool:
    asker = Asker(DataUser(Ura("00000000"), "", user), Professional("", "", ""), treats_the_patient=True)
    choices = choices_at(holder, in_force(kept, None, NOON.date()))
    return all(isinstance(decide(asker, purpose, category, choices, at=NOON), Basis) for category in CATEGORIES_OF[data])


def kept(side: Side, provider: HolderKind | None, data: DataKind, answer: Answer, voice: Voice = Voice.SELF, hours: int = 0) -> KeptLine:
    return KeptLine(ChoiceLine(Cell(side, provider, data), answer), voice, NOON - timedelta(hours=hours))


def test_every_category_belongs_to_one_kind_of_data_or_goes_along() -> None:
    counted = [category for categories in CATEGORIES_OF.values() for category in categories]

    assert len(counted) == len(set(counted))
    assert set(counted) | BASICS == set(CareCategory)
    assert not set(counted) & BASICS
    assert kinds_in(frozenset(CareCategory)) == tuple(DataKind)
    assert set(KIND_OF) == set(counted)


@given(statements)
def test_a_statement_has_one_spelling_and_can_be_read_back(statement: Statement) -> None:
    again = read_statement(statement.canonical)

    assert again.canonical == statement.canonical
    assert set(again.lines) == set(statement.lines)
    assert again.digest == statement.digest


@given(statements, statements)
def test_another_statement_has_another_nonce(one: Statement, other: Statement) -> None:
    salt = b"s" * SALT_BYTES

    assert (nonce_of(one, salt) == nonce_of(other, salt)) == (one.canonical == other.canonical)
    assert nonce_of(one, salt) != nonce_of(one, b"t" * SALT_BYTES)


@pytest.mark.parametrize(
    "change", [(b":", b": "), (b"noaber-choice/1", b"noaber-choice/2"), (b'"self"', b'"me"'), (b"999984056", b"123456789"), (b"Z", b"+00:00")]
)
def test_a_statement_that_is_spelt_otherwise_is_refused(change: tuple[bytes, bytes]) -> None:
    statement = Statement("demo", DINA, Voice.SELF, (kept(Side.LOOKS, None, DataKind.WISHES, Answer.PERMITS).line,), NOON)
    with pytest.raises(BadInput):
        read_statement(statement.canonical.replace(*change))


def test_a_statement_says_something_once_at_a_whole_second() -> None:
    line = kept(Side.LOOKS, None, DataKind.WISHES, Answer.PERMITS).line
    for said, moment in (((), NOON), ((line, line), NOON), ((line,), NOON.replace(microsecond=1)), ((line,), NOON.replace(tzinfo=None))):
        with pytest.raises(BadInput):
            Statement("demo", DINA, Voice.SELF, said, moment)
    with pytest.raises(BadInput):
        nonce_of(Statement("demo", DINA, Voice.SELF, (line,), NOON), b"short")


def test_p5_a_no_to_sharing_wins_from_every_yes_to_looking() -> None:
    no = kept(Side.KEEPS, HolderKind.MENTAL_HEALTH, DataKind.RESULTS, Answer.OBJECTS)
    yes = kept(Side.LOOKS, HolderKind.HOSPITAL, DataKind.RESULTS, Answer.PERMITS)

    assert not permitted(HolderKind.MENTAL_HEALTH, HolderKind.HOSPITAL, DataKind.RESULTS, (no, yes))
    assert not permitted(HolderKind.MENTAL_HEALTH, HolderKind.HOSPITAL, DataKind.RESULTS, (no, yes), PurposeOfUse.EMERGENCY_TREATMENT)
    assert permitted(HolderKind.GP_PRACTICE, HolderKind.HOSPITAL, DataKind.RESULTS, (no, yes))


def test_p5_a_no_to_looking_wins_from_a_yes_to_sharing() -> None:
    yes = kept(Side.KEEPS, HolderKind.GP_PRACTICE, DataKind.RESULTS, Answer.PERMITS)
    no = kept(Side.LOOKS, HolderKind.HOME_CARE, DataKind.RESULTS, Answer.OBJECTS)

    assert not permitted(HolderKind.GP_PRACTICE, HolderKind.HOME_CARE, DataKind.RESULTS, (no, yes))
    assert permitted(HolderKind.GP_PRACTICE, HolderKind.HOSPITAL, DataKind.RESULTS, (no, yes))
    assert not permitted(HolderKind.LABORATORY, HolderKind.HOSPITAL, DataKind.RESULTS, (no, yes))


@given(st.sampled_from(HolderKind), st.sampled_from(HolderKind), lines)
def test_p5_what_is_shown_has_a_yes_and_no_no_that_is_as_specific(holder: HolderKind, user: HolderKind, said: tuple[ChoiceLine, ...]) -> None:
    """A slow second reading of the same lines, cell by cell."""
    on_record = with_statement((), said, Voice.SELF, NOON)
    for data in DataKind:
        looks = {line.cell.provider: line.answer for line in said if line.cell.side is Side.LOOKS and line.cell.data is data}
        keeps = {line.cell.provider: line.answer for line in said if line.cell.side is Side.KEEPS and line.cell.data is data}
        at_holder = [keeps[one] for one in (None, holder) if one in keeps]
        own = looks.get(user, Answer.WITHDRAWN)
        # Whoever keeps it: every no counts against everybody; a yes speaks for all, as a yes for everybody that looks does.
        general = [looks.get(None, Answer.WITHDRAWN), *at_holder]
        expected = Answer.OBJECTS not in (own, *at_holder) and (own is Answer.PERMITS or (Answer.PERMITS in general and Answer.OBJECTS not in general))

        assert permitted(holder, user, data, on_record) == expected


@given(lines, lines, moments, moments)
def test_p11_whatever_arrives_first_the_latest_word_counts(
    one: tuple[ChoiceLine, ...], other: tuple[ChoiceLine, ...], first: datetime, second: datetime
) -> None:
    forward = with_statement(with_statement((), one, Voice.SELF, first), other, Voice.SELF, second)
    backward = with_statement(with_statement((), other, Voice.SELF, second), one, Voice.SELF, first)

    assert set(forward) == set(backward)
    assert set(with_statement(forward, other, Voice.SELF, second)) == set(forward), "saying it twice changes nothing"


def test_of_a_child_from_twelve_to_sixteen_a_yes_needs_two_and_a_no_one() -> None:
    born, cell = date(2013, 3, 1), (Side.LOOKS, HolderKind.HOSPITAL, DataKind.RESULTS)
    child, parent = kept(*cell, Answer.PERMITS), kept(*cell, Answer.PERMITS, Voice.PARENT)
    no = kept(*cell, Answer.OBJECTS, Voice.PARENT, hours=5)
    at = NOON.date()

    assert in_force((child,), born, at) == ()
    assert in_force((parent,), born, at) == ()
    assert [line.answer for line in in_force((child, parent), born, at)] == [Answer.PERMITS]
    assert [line.answer for line in in_force((child, no), born, at)] == [Answer.OBJECTS]
    assert [line.answer for line in in_force((child, no), born, date(2029, 3, 1))] == [Answer.PERMITS], "sixteen: their own last word"
    assert in_force((child,), born, date(2020, 1, 1)) == (), "of a small child only the parents' word counts"
    assert age(date(2012, 2, 29), date(2028, 2, 28)) == 15
    assert age(date(2012, 2, 29), date(2028, 2, 29)) == 16


def changes(on_record: tuple[KeptLine, ...], *said: KeptLine, region: RegionInfo = REGION) -> list[tuple[int, tuple[DataKind, ...], Sight, Sight, int]]:
    known = [HolderChoices(card, on_record) for card in (BRINKHOF, DINKELHORST, ESCHRAND)]
    found = what_changes(known, [one.line for one in said], SELF, region, NOON + timedelta(seconds=1))
    return [(len(change.users), change.data, change.before, change.after, len(change.holders)) for change in found]


def test_what_changes_is_what_the_rules_decide_otherwise() -> None:
    yes = kept(Side.LOOKS, HolderKind.HOME_CARE, DataKind.RESULTS, Answer.PERMITS)
    no = kept(Side.LOOKS, HolderKind.HOME_CARE, DataKind.RESULTS, Answer.OBJECTS)
    nothing = kept(Side.LOOKS, HolderKind.HOME_CARE, DataKind.RESULTS, Answer.WITHDRAWN)
    stop = kept(Side.KEEPS, HolderKind.MENTAL_HEALTH, DataKind.RESULTS, Answer.OBJECTS)

    assert changes((yes,), no) == [(1, (DataKind.RESULTS,), Sight.ALWAYS, Sight.NOTHING, 3)]
    assert changes((yes,), nothing) == [(1, (DataKind.RESULTS,), Sight.ALWAYS, Sight.IN_EMERGENCY, 3)]
    assert changes((), no) == [(1, (DataKind.RESULTS,), Sight.IN_EMERGENCY, Sight.NOTHING, 3)]
    assert changes((), no, region=RegionInfo("demo", "", "", emergency=False)) == []
    assert changes((yes,), yes) == []
    assert changes((yes,), stop) == [
        (1, (DataKind.RESULTS,), Sight.ALWAYS, Sight.NOTHING, 1),
        (15, (DataKind.RESULTS,), Sight.IN_EMERGENCY, Sight.NOTHING, 1),
    ]


def test_nobody_is_promised_what_the_region_shows_them_anyhow_not() -> None:
    yes = kept(Side.LOOKS, HolderKind.HOME_CARE, DataKind.RESULTS, Answer.PERMITS)
    narrow = RegionInfo("demo", "", "", emergency=True, shown_to={HolderKind.HOME_CARE: frozenset({CareCategory.MEDICATION_USE})})

    assert changes((), yes, region=narrow) == []


def stays(on_record: tuple[KeptLine, ...], *said: KeptLine, region: RegionInfo = REGION, others: bool = False) -> Staying:
    known = [HolderChoices(card, on_record, others=others) for card in (BRINKHOF, DINKELHORST, ESCHRAND)]
    return what_stays(known, [one.line for one in said], SELF, region, NOON + timedelta(seconds=1))


def test_what_a_no_to_everything_leaves_in_sight_is_said() -> None:
    nothing = tuple(kept(Side.LOOKS, HolderKind.HOSPITAL, data, Answer.OBJECTS) for data in DAILY)
    wishes = kept(Side.LOOKS, None, DataKind.WISHES, Answer.PERMITS)
    no_wishes = kept(Side.LOOKS, None, DataKind.WISHES, Answer.OBJECTS)
    quiet = RegionInfo("demo", "", "", emergency=False)
    narrow = RegionInfo("demo", "", "", emergency=True, shown_to={HolderKind.HOSPITAL: CATEGORIES_OF[DataKind.WISHES]})

    assert stays((wishes,), *nothing) == Staying(tuple(Stays), (), ())
    assert stays((wishes,), *nothing, region=narrow) == Staying((Stays.WISHES,), (), ())
    assert stays((), *nothing) == Staying((), tuple(Stays), ()), "silence about the wishes leaves them for an emergency"
    assert stays((), *nothing, region=quiet) == Staying((), (), ())
    assert stays((no_wishes,), *nothing) == Staying((), (), ()), "who may see nothing at all sees no name either"
    assert stays((wishes,), *nothing[1:]) == Staying((), (), ()), "where not everything is refused, nothing was said to be nothing"
    assert stays((), *nothing, region=quiet, others=True) == Staying((), (), tuple(Stays)), "a yes on paper still counts"
    assert stays((no_wishes,), *nothing, region=quiet, others=True) == Staying((), (), ())


@pytest.mark.parametrize("side", Side)
@given(lines)
def test_what_is_said_to_stay_is_what_the_rules_decide(side: Side, before: tuple[ChoiceLine, ...]) -> None:
    on_record = with_statement((), before, Voice.SELF, NOON)
    said = tuple(kept(side, HolderKind.HOSPITAL, data, Answer.OBJECTS) for data in DAILY)
    after = with_statement(on_record, [one.line for one in said], Voice.SELF, NOON + timedelta(seconds=1))
    choices = choices_at(HolderKind.HOSPITAL, in_force(after, None, NOON.date()))
    asker = Asker(DataUser(Ura("00000000"), "", HolderKind.HOSPITAL), Professional("", "", ""), treats_the_patient=True)
    seen = isinstance(decide(asker, PurposeOfUse.TREATMENT, CareCategory.PATIENT, choices, at=NOON + timedelta(hours=1)), Basis)
    known = [HolderChoices(DINKELHORST, on_record)]
    told = what_stays(known, [one.line for one in said], SELF, REGION, NOON + timedelta(seconds=1)).always

    # At a hospital a hospital may see; where it is the one that keeps, others may, too.
    assert (Stays.NAME in told) == seen or side is Side.KEEPS
    assert not seen or Stays.NAME in told


def test_a_form_answers_every_cell_of_its_subject() -> None:
    home_care, wishes = Subject(Side.LOOKS, HolderKind.HOME_CARE), Subject()
    said = answers_of_form(home_care, {"overall": "objects"})
    assert said is not None
    assert {(line.cell.data, line.answer) for line in said} == {(data, Answer.OBJECTS) for data in DAILY}
    each = {f"each-{data}": "permits" for data in DAILY}
    assert answers_of_form(home_care, {"overall": "each"} | each)
    assert answers_of_form(home_care, {"overall": "each"} | dict(list(each.items())[1:])) is None
    assert answers_of_form(home_care, {"overall": "maybe"}) is None

    said = answers_of_form(wishes, {"overall": "permits"})
    assert said is not None
    assert [line.answer for line in said if line.cell.provider is None] == [Answer.PERMITS]
    assert {line.answer for line in said if line.cell.provider} == {Answer.WITHDRAWN}
    assert len(said) == len(cells_of(wishes)) == len(HolderKind) + 1
