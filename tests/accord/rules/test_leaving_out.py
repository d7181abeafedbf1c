"""What a holder leaves out, within a question."""

from hypothesis import given
from hypothesis import strategies as some

from accord.rules.leaving_out import MOST_NAMED, LeftOut, Located
from accord.terms.queries import EVERYTHING, Selection
from accord.terms.records import RESOURCE_TYPES, categories_of_type
from accord.terms.vocabulary import CareCategory
from accord.wire.answer_codec import located_from_wire, located_to_wire

_TYPES = some.frozensets(some.sampled_from([kind.name for kind in RESOURCE_TYPES if kind.owner]), max_size=6)
_LEFT_OUT = some.builds(LeftOut.whole, _TYPES)
_SELECTIONS = some.builds(Selection, types=_TYPES, categories=some.frozensets(some.sampled_from(CareCategory), max_size=4))


@given(_LEFT_OUT, _SELECTIONS)
def test_p8_whatever_could_hold_a_type_that_is_left_out_lacks_its_category(left_out: LeftOut, selection: Selection) -> None:
    lacking = left_out.within(selection)

    for name, category in left_out.parts:
        asked = (not selection.types or name in selection.types) and (not selection.categories or category in selection.categories)
        assert category in lacking or not asked
    assert not lacking or lacking <= (selection.categories or frozenset(CareCategory))


@given(_LEFT_OUT, _SELECTIONS)
def test_a_question_without_an_answer_is_one_of_which_every_type_is_left_out(left_out: LeftOut, selection: Selection) -> None:
    if left_out.holds_all_of(selection):
        assert left_out.within(selection)
    if selection.types and selection.types <= left_out.types and not selection.categories:
        assert left_out.holds_all_of(selection)


def test_a_question_for_everything_always_has_an_answer() -> None:
    assert not LeftOut.whole(kind.name for kind in RESOURCE_TYPES).holds_all_of(EVERYTHING)
    assert not LeftOut.whole(["Condition"]).holds_all_of(Selection(types=frozenset({"Condition", "Patient"})))


def test_what_is_asked_by_name_is_read_by_name_unless_there_are_too_many_names() -> None:
    left_out, few = LeftOut.whole(["Condition"]), Selection(types=frozenset({"Condition"}), ids=("1",))
    many = Selection(types=frozenset({"Condition"}), ids=tuple(map(str, range(MOST_NAMED + 1))))

    assert not left_out.within(few)
    assert left_out.within(many) == categories_of_type("Condition")


@given(_LEFT_OUT, some.booleans())
def test_it_comes_over_the_wire_as_it_was_said(left_out: LeftOut, located: bool) -> None:  # noqa: FBT001 - drawn
    assert located_from_wire(located_to_wire(Located(located, left_out))) == Located(located, left_out)
