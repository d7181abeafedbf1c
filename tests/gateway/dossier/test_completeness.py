"""The account of a dossier: every holder of the register exactly once, every gap where it hurts."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.answers import Counts, Ending
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName, QueryId, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import SECTION_OF, CareCategory, HolderKind, Section, sections_fed_by
from gateway.dossier.completeness import AccountDoesNotClose, account
from gateway.ports import HolderClosed, NotAsked

QUERY = QueryId("q1")


def holder(name: str, kind: HolderKind = HolderKind.HOSPITAL) -> DataHolder:
    """A holder of the register."""
    return DataHolder(HolderName(name), Ura("00000101"), name.title(), kind, "074 000 0000")


def closed(name: str, ending: Ending = Ending.ANSWERED, counts: Counts = Counts(3)) -> HolderClosed:  # noqa: B008 - a frozen value
    """A holder's last word."""
    return HolderClosed(HolderName(name), ending, counts, None, None, 120, 9)


HOSPITAL, PHARMACY, LAB = holder("mst"), holder("dorpspoort", HolderKind.PHARMACY), holder("twickelaar", HolderKind.LABORATORY)


def test_a_missing_pharmacy_harms_medication_and_not_the_laboratory() -> None:
    told = account(QUERY, [HOSPITAL, PHARMACY, LAB], [], [closed("mst"), closed("dorpspoort", Ending.TOO_LATE), closed("twickelaar")], {})
    missing = {line.section: line.missing for line in told.sections}

    assert missing[Section.MEDICATION] == (PHARMACY.name,)
    assert missing[Section.LAB] == ()
    assert not told.complete


def test_records_are_counted_by_section() -> None:
    shown = {CareCategory.MEDICATION_USE: 2, CareCategory.MEDICATION_REQUEST: 3, CareCategory.CONDITION: 1}
    told = account(QUERY, [HOSPITAL], [], [closed("mst")], shown)

    assert {line.section: line.records for line in told.sections if line.records} == {Section.MEDICATION: 5, Section.PROBLEMS: 1}
    assert [line.section for line in told.sections] == list(Section)


def test_a_narrow_question_is_accounted_for_its_own_sections_and_what_came_along() -> None:
    told = account(QUERY, [LAB], [], [closed("twickelaar", Ending.UNREACHABLE)], {CareCategory.PATIENT: 1}, {Section.MEDICATION})

    assert [(line.section, line.records, line.missing) for line in told.sections] == [
        (Section.PERSON, 1, (LAB.name,)),
        (Section.MEDICATION, 0, ()),
    ]


def test_a_holder_that_was_not_asked_has_its_reason_and_leaves_no_gap() -> None:
    told = account(QUERY, [HOSPITAL, LAB], [NotAsked(LAB, Fault.NOT_CHOSEN)], [closed("mst")], {})

    assert [(line.holder.name.value, line.ending, line.code) for line in told.holders] == [
        ("mst", Ending.ANSWERED, None),
        ("twickelaar", Ending.NOT_ASKED, Fault.NOT_CHOSEN),
    ]
    assert told.complete


def test_records_that_could_not_be_sent_are_a_gap() -> None:
    told = account(QUERY, [PHARMACY], [], [closed("dorpspoort", counts=Counts(3, oversized=1))], {})

    assert [line.section for line in told.sections if line.missing] == [section for section in Section if section in sections_fed_by(HolderKind.PHARMACY)]


@pytest.mark.parametrize(
    ("not_asked", "last_words"),
    [
        ([], ["mst"]),
        ([LAB], ["mst", "twickelaar"]),
        ([LAB, LAB], ["mst"]),
        ([], ["mst", "twickelaar", "twickelaar"]),
        ([], ["mst", "twickelaar", "stranger"]),
        ([LAB], ["stranger"]),
    ],
)
def test_an_account_that_does_not_close_is_a_broken_promise(not_asked: list[DataHolder], last_words: list[str]) -> None:
    with pytest.raises(AccountDoesNotClose) as broken:
        account(QUERY, [HOSPITAL, LAB], [NotAsked(each, Fault.NOT_CHOSEN) for each in not_asked], [closed(name) for name in last_words], {})

    assert broken.value.fault is Fault.INTERNAL


def test_a_register_that_names_a_holder_twice_does_not_close() -> None:
    with pytest.raises(AccountDoesNotClose):
        account(QUERY, [HOSPITAL, HOSPITAL], [], [closed("mst"), closed("mst")], {})


_ENDED = st.sampled_from([ending for ending in Ending if ending is not Ending.NOT_ASKED])
_COUNTS = st.builds(Counts, st.integers(0, 9), unfit=st.integers(0, 2), oversized=st.integers(0, 1))


@given(
    st.lists(st.tuples(st.sampled_from(HolderKind), st.none() | st.tuples(_ENDED, _COUNTS)), max_size=12),
    st.dictionaries(st.sampled_from(CareCategory), st.integers(0, 50)),
)
def test_the_register_is_the_sum_of_the_endings(region: list[tuple[HolderKind, tuple[Ending, Counts] | None]], shown: dict[CareCategory, int]) -> None:
    register = [holder(f"h{number}", kind) for number, (kind, _) in enumerate(region)]
    ended = [closed(card.name.value, *end) for card, (_, end) in zip(register, region, strict=True) if end is not None]
    left_out = [NotAsked(card, Fault.NOT_CHOSEN) for card, (_, end) in zip(register, region, strict=True) if end is None]

    told = account(QUERY, register, left_out, ended, shown)

    assert [line.holder for line in told.holders] == register
    assert sum(Counter(line.ending for line in told.holders).values()) == len(register)
    assert sum(line.records for line in told.sections) == sum(shown.values())
    assert {line.section: line.records for line in told.sections} == {
        section: sum(n for c, n in shown.items() if SECTION_OF[c] is section) for section in Section
    }
    for line in told.holders:
        harmed = {section.section for section in told.sections if line.holder.name in section.missing}
        gap = line.ending.leaves_a_gap or line.unfit or line.oversized
        assert harmed == (sections_fed_by(line.holder.kind) if gap else set())


_KINDS = st.sampled_from(HolderKind)
_LACKING = st.frozensets(st.sampled_from(CareCategory), max_size=4)


@given(st.lists(st.tuples(_KINDS, _LACKING, st.booleans()), min_size=1, max_size=5))
def test_p8_a_section_never_reads_as_complete_when_a_holder_that_feeds_it_lacks_a_category_of_it(
    told: list[tuple[HolderKind, frozenset[CareCategory], bool]],
) -> None:
    """Whatever was shown, and whether anything was; and no other section is harmed by it."""
    register = [holder(f"h{number}", kind) for number, (kind, _, _) in enumerate(told)]
    words = []
    for card, (_, lacking, shows) in zip(register, told, strict=True):
        word = closed(card.name.value, *((Ending.ANSWERED, Counts(3)) if shows else (Ending.NOTHING_SHOWN, Counts())))
        words.append(replace(word, code=Fault.MISSING_CAPABILITY if lacking else None, lacking=lacking))
    told_of = account(QUERY, register, [], words, {CareCategory.CONDITION: 1})

    for line in told_of.sections:
        for card, (kind, lacking, _) in zip(register, told, strict=True):
            lacks = line.section in {SECTION_OF[category] for category in lacking} & sections_fed_by(kind)
            assert (card.name in line.missing) == lacks
    assert told_of.complete == (not any(lacking for _, lacking, _ in told))
