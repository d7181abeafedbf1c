"""Reading: the patient sees who looked, the reviewer what still has to be looked at, through an index that can be lost."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from accord.audit.content import Event, Result, Truth
from accord.audit.events import BudgetAlarm, ReviewDone
from accord.audit.reading import CameOfIt, JournalReader, accesses_in, by_day
from accord.audit.showing import Reader
from accord.terms.answers import Ending
from accord.terms.faults import Fault, Unavailable
from accord.terms.vocabulary import CareCategory
from tests.accord.audit.scenes import ASKING, NOON, OTHER_PATIENT, PATIENT, SYSTEM, closing, decision, glass_broken, journal_of, opened, refused, release

pytestmark = pytest.mark.anyio

BEGIN = datetime.fromtimestamp(NOON / 1000, UTC)
ALWAYS = (BEGIN - timedelta(days=1), BEGIN + timedelta(days=9))
HOUR = 3_600_000


async def test_p12_the_patient_sees_who_looked_at_what_by_which_right_and_whether_glass_was_broken(tmp_path: Path) -> None:
    events = [
        decision("q1"), release("q1"), release("q1", 2), closing("q1"),
        glass_broken("q2", moment=NOON + HOUR), decision("q2", emergency=True, basis="emergency", moment=NOON + HOUR),
        decision("q3", patient=OTHER_PATIENT),
    ]  # fmt: skip
    reader = JournalReader(journal_of(tmp_path, events), None)

    emergency, look = await reader.accesses(PATIENT, *ALWAYS)

    assert (look.query, look.moment, look.action, look.came_of_it, look.batches) == ("q1", BEGIN, "R", CameOfIt.SHOWN, 2)
    assert (look.categories, look.basis, look.evidence) == ((CareCategory.MEDICATION_USE,), "patient-consented", ("register:12", "consent:c1/3"))
    assert look.who is not None
    assert (look.who.organisation, look.who.professional, look.who.role, look.who.responsible) == (
        ASKING.user_name, ASKING.professional_name, ASKING.role, ASKING.responsible,
    )  # fmt: skip
    assert ASKING.professional not in repr(look)
    assert not look.emergency
    assert (emergency.emergency, emergency.reason, emergency.came_of_it) == (True, "unconscious", CameOfIt.UNKNOWN)
    reader.close()


@pytest.mark.parametrize(
    ("lines", "came_of_it"),
    [
        ([decision(), closing(ending=Ending.NOTHING_SHOWN, truth=Truth.NOTHING_KNOWN)], CameOfIt.NOTHING_KNOWN),
        ([decision(), closing(ending=Ending.NOTHING_SHOWN, truth=Truth.WITHHELD)], CameOfIt.WITHHELD),
        ([decision(), closing(ending=Ending.CUT_OFF)], CameOfIt.BROKEN_OFF),
        ([decision(), release(), closing(ending=Ending.CUT_OFF)], CameOfIt.SHOWN),
        ([decision(), release()], CameOfIt.SHOWN),
        ([decision(result=Result.REFUSED), closing(ending=Ending.REFUSED, fault=Fault.BUDGET_SPENT)], CameOfIt.REFUSED),
        ([refused(patient=PATIENT)], CameOfIt.REFUSED),
        ([decision()], CameOfIt.UNKNOWN),
    ],
)
def test_what_came_of_it_is_told_as_it_was(lines: list[Event], came_of_it: CameOfIt) -> None:
    (access,) = accesses_in(lines)

    assert access.came_of_it is came_of_it


async def test_only_what_happened_in_the_period_is_shown(tmp_path: Path) -> None:
    events = [decision(f"q{day}", moment=NOON + day * 24 * HOUR) for day in range(5)]
    reader = JournalReader(journal_of(tmp_path, events), None)

    shown = await reader.accesses(PATIENT, BEGIN + timedelta(days=1), BEGIN + timedelta(days=3))

    assert [access.query for access in shown] == ["q2", "q1"]
    assert await reader.accesses("", *ALWAYS) == []
    reader.close()


async def test_the_index_reads_what_is_new_and_no_further_than_what_is_durable(tmp_path: Path) -> None:
    index = tmp_path / "index.sqlite"
    with opened(tmp_path / "journal", SYSTEM, segment_bytes=4_000, clock=lambda: NOON) as journal:
        reader = JournalReader(journal.folder, index, lambda: journal.durable)
        for i in range(20):
            await journal.append(decision(f"q{i}"))
            assert len(await reader.accesses(PATIENT, *ALWAYS)) == i + 1
        with max(journal.folder.glob("*.journal")).open("ab") as file:
            file.write(b'{"n":1,"half')
        assert len(await reader.accesses(PATIENT, *ALWAYS)) == 20
        reader.close()
    assert stat.S_IMODE(index.stat().st_mode) == 0o600


async def test_an_index_that_is_of_another_journal_is_made_again(tmp_path: Path) -> None:
    index = tmp_path / "index.sqlite"
    first = JournalReader(journal_of(tmp_path / "one", [release("a")] * 3), index)
    assert len(await first.accesses(PATIENT, *ALWAYS)) == 1
    first.close()

    second = JournalReader(journal_of(tmp_path / "two", [decision("b")]), index)
    assert [access.query for access in await second.accesses(PATIENT, *ALWAYS)] == ["b"]
    second.close()


async def test_lines_are_shown_as_far_as_the_reader_may_see_them(tmp_path: Path) -> None:
    reader = JournalReader(journal_of(tmp_path, [decision(), release()]), None)

    mine = await reader.lines(PATIENT, *ALWAYS, Reader.PATIENT)
    reviewed = await reader.lines(PATIENT, *ALWAYS, Reader.REVIEWER)

    assert [line["event"] for line in mine] == ["decision", "release"]
    assert [line["n"] for line in mine] == [2, 3]
    assert "records" not in mine[1]
    assert reviewed[1]["records"] == ["MedicationStatement/1", "MedicationStatement/2"]
    reader.close()


async def test_p12_an_alarm_stands_in_the_queue_until_it_was_reviewed(tmp_path: Path) -> None:
    with opened(tmp_path, SYSTEM) as journal:
        reader = JournalReader(tmp_path, None, lambda: journal.durable)
        glass = await journal.append(glass_broken())
        await journal.append(decision())
        budget = await journal.append(BudgetAlarm(of="professional", who="900000001", patients=61, limit=60))
        assert [n for n, _ in await reader.review_queue()] == [glass, budget]

        await journal.append(ReviewDone(line=glass, by="reviewer-1", verdict="in-order"))

        assert [n for n, _ in await reader.review_queue()] == [budget]
        reader.close()


def test_looks_of_one_dutch_day_that_are_alike_are_grouped() -> None:
    events: list[Event] = []
    for i, hours in enumerate((0, 1, 2)):
        events += [decision(f"q{i}", moment=NOON + hours * HOUR), release(f"q{i}", moment=NOON + hours * HOUR)]
    events += [
        decision("later", moment=NOON + 48 * HOUR),
        decision("other", moment=NOON, asking=ASKING.__class__(user="00000003", professional="1", role="01.015")),
    ]

    groups = by_day(accesses_in(events))

    assert sorted(len(group.moments) for group in groups) == [1, 1, 3]
    assert all(group.first.moment in group.moments for group in groups)


async def test_a_journal_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        JournalReader(tmp_path, tmp_path / "no" / "index.sqlite")
    reader = JournalReader(tmp_path / "nowhere")
    with pytest.raises(Unavailable):
        await reader.accesses(PATIENT, *ALWAYS)
    reader.close()


def test_p12_two_looks_under_one_id_of_a_question_are_two_looks_each_with_who_looked() -> None:
    other = structs.replace(ASKING, user="00000003", user_name="Kliniek Zuid", professional_name="C. Smit", professional="900000002", mandate="1e" * 32)

    looks = accesses_in([
        decision(answer="a"), release(answer="a"), closing(answer="a"),
        decision(answer="b", asking=other, moment=NOON + 1), release(answer="b", asking=other), closing(answer="b", asking=other),
        decision(answer="c", moment=NOON + 2), release(answer="c"), closing(answer="c"),
    ])  # fmt: skip

    assert [look.who and look.who.professional for look in looks] == [ASKING.professional_name, "C. Smit", ASKING.professional_name]
    assert [look.batches for look in looks] == [1, 1, 1]


def test_p12_also_lines_without_an_id_of_the_answer_are_not_taken_together_with_those_of_another_look() -> None:
    other = structs.replace(ASKING, professional_name="C. Smit", professional="900000002")
    looks = accesses_in([decision(), release(), decision(asking=other), release(asking=other), closing(), decision(), release()])

    assert sorted((look.who.professional, look.batches) for look in looks if look.who) == [(ASKING.professional_name, 1)] * 2 + [("C. Smit", 1)]
