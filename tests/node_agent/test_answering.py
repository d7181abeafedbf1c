"""How a holder answers: what it decides, what it reads, in which order it tells, and how it ends."""

import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import anyio
import pytest

from accord.rules.consent import Choice
from accord.terms.answers import Batch, Closed, Ending, Frame, Hint, Outcome, Progress
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import RecordRef, Ura
from accord.terms.limits import MIB, RECORD_BYTES
from accord.terms.queries import DateBound, Order, Selection, SortKey, Token
from accord.terms.records import TYPE_NAME
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from accord.wire.answer_codec import frame_to_wire
from accord.wire.columns import COMPANION
from accord.wire.hashing import question_hash
from node_agent.answering import answer
from node_agent.ports import SourceBusy, SourceRecord
from testbed.contracts.records import ANNA, BERT, NOBODY, companions, observation, patient, resource
from testbed.memory_source import MemorySource
from testbed.plain import admitted
from tests.node_agent.asking import URA, YES, Answer, MemoryChoices, ask, ask_over, holder_over, question
from tests.node_agent.loop_time import time_of_its_own

pytestmark = pytest.mark.anyio

ANNAS = [patient("a", ANNA), observation("1", "a"), observation("2", "a")]
NO = Choice(permits=False)
#: In the global order a limit must be given.
LIMITS = {Order.ARRIVAL: 0, Order.GLOBAL: 1_001}


async def test_who_is_known_and_permitted_is_answered() -> None:
    told = await ask_over([*ANNAS, patient("b", BERT), observation("9", "b")])

    assert told.records == ANNAS
    assert told.closed.ending is Ending.ANSWERED
    assert told.closed.holder == URA
    assert told.closed.question_hash == question_hash(question())
    assert told.outcomes == [Outcome(frozenset({CareCategory.PATIENT, CareCategory.OBSERVATION_EXAM}), "patient-consented")]


async def test_p9_withheld_and_unknown_are_the_same_bytes() -> None:
    """Promise P9, at the holder: the same frames, and the same things asked on the way."""
    frames, asked = [], []
    for choices, records in (((NO,), ANNAS), ((), ANNAS), ((YES,), []), ((NO,), [])):
        source = MemorySource(records)
        told = await ask(holder_over(source, MemoryChoices({ANNA: choices})), question())
        frames.append([frame_to_wire(frame).SerializeToString(deterministic=True) for frame in told.frames])
        asked.append(source.asked)

    assert told.closed.ending is Ending.NOTHING_SHOWN
    assert frames[0] == frames[1] == frames[2] == frames[3]
    assert asked[0] == asked[1] == asked[2] == asked[3] == ["find"]


async def test_p5_an_objection_to_one_category_withholds_it_and_names_it_nowhere() -> None:
    allergy = resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"})
    choices = MemoryChoices({ANNA: (YES, Choice(permits=False, category=CareCategory.ALLERGY_INTOLERANCE))})

    told = await ask_over([*ANNAS, allergy], choices=choices)

    assert told.records == ANNAS
    assert all(CareCategory.ALLERGY_INTOLERANCE not in outcome.released for outcome in told.outcomes)
    assert told.closed.counts.unfit == told.closed.counts.oversized == 0


async def test_p5_an_objection_to_one_record_withholds_that_record() -> None:
    choices = MemoryChoices({ANNA: (YES, Choice(permits=False, record=RecordRef("Observation", "1")))})

    assert (await ask_over(ANNAS, choices=choices)).records == [ANNAS[0], ANNAS[2]]


async def test_p5_a_permit_for_one_record_releases_that_record_only() -> None:
    choices = MemoryChoices({ANNA: (Choice(permits=True, record=RecordRef("Observation", "2")),)})

    assert (await ask_over(ANNAS, choices=choices)).records == [ANNAS[0], ANNAS[2]]


async def test_who_permits_a_category_lets_the_patient_record_show_whose_it_is() -> None:
    choices = MemoryChoices({ANNA: (Choice(permits=True, category=CareCategory.OBSERVATION_EXAM),)})

    assert (await ask_over(ANNAS, choices=choices)).records == ANNAS


async def test_who_objects_to_the_patient_record_shows_nothing() -> None:
    choices = MemoryChoices({ANNA: (YES, Choice(permits=False, category=CareCategory.PATIENT))})

    told = await ask_over(ANNAS, choices=choices)

    assert told.frames == [told.closed]
    assert told.closed.ending is Ending.NOTHING_SHOWN


async def test_who_does_not_treat_the_patient_sees_nothing() -> None:
    query = question()
    told = await ask_over(ANNAS, replace(query, asked_by=replace(query.asked_by, treats_the_patient=False)))

    assert (told.closed.ending, told.records) == (Ending.NOTHING_SHOWN, [])


async def test_p3_without_the_choices_nothing_is_released() -> None:
    choices = MemoryChoices()
    choices.fails = True

    told = await ask_over(ANNAS, choices=choices)

    assert told.frames == [told.closed]
    assert (told.closed.ending, told.closed.code) == (Ending.UNREACHABLE, Fault.SOURCE_UNAVAILABLE)


async def test_p1_a_question_to_another_holder_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        await ask_over(ANNAS, question(holder=Ura("90001004")))

    assert refused.value.fault is Fault.NOT_THIS_HOLDER


async def test_p12_an_emergency_shows_nothing_where_the_region_does_not_offer_it() -> None:
    told = await ask_over(ANNAS, question(purpose=PurposeOfUse.EMERGENCY_TREATMENT))

    assert (told.closed.ending, told.closed.code, told.records) == (Ending.NOTHING_SHOWN, None, [])


async def test_a_paused_holder_says_so_and_looks_at_nothing() -> None:
    source = MemorySource(ANNAS)
    holder = holder_over(source)
    holder.pausing.pause()

    told = await ask(holder, question())

    assert (told.closed.ending, told.closed.code, source.asked) == (Ending.PAUSED, Fault.PAUSED, [])


async def test_pausing_ends_an_answer_under_way() -> None:
    source = MemorySource([patient("a", ANNA), *(observation(f"o{n}", "a") for n in range(100))], at_once=10)
    source.waits_after = 5
    holder = holder_over(source)
    frames: list[Frame] = []

    async def emit(frame: Frame) -> None:
        frames.append(frame)
        if isinstance(frame, Batch):
            holder.pausing.pause()
            source.go_on.set()

    await answer(holder, admitted(question()), emit)
    told = Answer(frames)

    assert told.closed.ending is Ending.PAUSED
    assert 0 < told.closed.counts.records < 101
    told.check_account()


@pytest.mark.parametrize(
    ("records", "ending", "code"),
    [
        ([resource("Patient", "a", birthDate="1941-03-02", identifier=[])], Ending.NOTHING_SHOWN, None),
        ([patient("a", ANNA, BERT), observation("1", "a")], Ending.REFUSED, Fault.SEVERAL_BSNS),
        ([patient("a", ANNA).replace(b"1941-03-02", b"1990-01-01"), observation("1", "a")], Ending.REFUSED, Fault.OTHER_PATIENT),
        ([patient("a", ANNA).replace(b"birthDate", b"birthdate"), observation("1", "a")], Ending.IDENTITY_UNVERIFIED, Fault.IDENTITY_UNVERIFIED),
        (
            [patient("a", ANNA, contact=[{"organization": {"reference": "Patient/z"}}]), observation("1", "a")],
            Ending.IDENTITY_UNVERIFIED,
            Fault.IDENTITY_UNVERIFIED,
        ),
    ],
)
async def test_p4_doubt_about_who_it_is_releases_nothing(records: list[bytes], ending: Ending, code: Fault | None) -> None:
    told = await ask_over(records)

    assert (told.closed.ending, told.closed.code, told.records) == (ending, code, [])


async def test_p4_a_merged_record_without_a_bsn_cannot_vouch_for_what_hangs_on_it() -> None:
    kept = patient("new", ANNA, link=[{"other": {"reference": "Patient/old"}, "type": "replaces"}])
    gone = patient("old", link=[{"other": {"reference": "Patient/new"}, "type": "replaced-by"}])

    told = await ask_over([kept, gone, observation("1", "old"), observation("2", "new")])

    assert told.records == [kept, observation("2", "new")]
    assert told.closed.counts.unfit == 2
    assert Hint(Fault.RECORDS_UNFIT) in told.frames


async def test_p4_two_records_of_one_person_are_both_shown_first() -> None:
    told = await ask_over([observation("1", "a"), patient("a", ANNA), patient("a2", ANNA), observation("2", "a2")])

    assert told.types == ["Patient", "Patient", "Observation", "Observation"]


async def test_p7_a_record_too_large_is_counted_and_the_others_go() -> None:
    told = await ask_over([*ANNAS, observation("big", "a", valueString="x" * RECORD_BYTES)])

    assert told.records == ANNAS
    assert told.closed.counts.oversized == 1
    assert Hint(Fault.RECORDS_OVERSIZED) in told.frames


async def test_p9_what_is_withheld_is_not_counted_as_unfit_or_too_large() -> None:
    withheld = [
        resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"}, text="x" * RECORD_BYTES),
        resource("AllergyIntolerance", "2", patient={"reference": "Patient/a"}, recorder={"reference": "Patient/b"}),
    ]
    choices = MemoryChoices({ANNA: (YES, Choice(permits=False, category=CareCategory.ALLERGY_INTOLERANCE))})

    told = await ask_over([*ANNAS, *withheld], choices=choices)

    assert (told.closed.counts.unfit, told.closed.counts.oversized) == (0, 0)


_ALLERGY = b'{"resourceType": "AllergyIntolerance", "id": "1", "patient": {"reference": "Patient/a"}'
_UNREAD = {
    "too large to read": _ALLERGY + b', "text": "' + b"x" * (16 * MIB) + b'"}',
    "cut off": _ALLERGY,
    "a number for a date": _ALLERGY + b', "recordedDate": {"x": 5}}',
    "no id": _ALLERGY.replace(b'"id": "1", ', b"") + b"}",
    "an id that is none": _ALLERGY.replace(b'"1"', b'"p_1"') + b"}",
    "the type further on": b'{"id": "1", "contained": [{"resourceType": "Observation"}], "resourceType": "AllergyIntolerance"',
    "nothing at all": b"{",
    "of no known type": _ALLERGY.replace(b"AllergyIntolerance", b"Allergy") + b"}",
}


@pytest.mark.parametrize("unread", _UNREAD)
@pytest.mark.parametrize(
    "objection",
    [
        Choice(permits=False, category=CareCategory.ALLERGY_INTOLERANCE),
        Choice(permits=False, record=RecordRef("AllergyIntolerance", "1")),
    ],
)
async def test_p9_what_is_withheld_is_not_counted_though_nobody_can_read_it(unread: str, objection: Choice) -> None:
    source = MemorySource(ANNAS)
    source.put(SourceRecord(_UNREAD[unread]))

    withheld = await ask(holder_over(source, MemoryChoices({ANNA: (YES, objection)})), question())
    released = await ask(holder_over(source, MemoryChoices({ANNA: (YES,)})), question())

    assert withheld.records == released.records == ANNAS
    assert (withheld.closed.counts.unfit, withheld.closed.counts.oversized) == (0, 0)
    assert released.closed.counts.unfit + released.closed.counts.oversized == 1


@pytest.mark.parametrize(("types", "counted"), [({"AllergyIntolerance"}, 1), ({"Condition"}, 0)])
async def test_an_unreadable_record_counts_where_its_type_is_asked_for(types: set[str], counted: int) -> None:
    source = MemorySource(ANNAS)
    source.put(SourceRecord(_UNREAD["cut off"]))
    objection = Choice(permits=False, category=CareCategory.OBSERVATION_LABORATORY)

    told = await ask(holder_over(source, MemoryChoices({ANNA: (YES, objection)})), question(selection=Selection(types=frozenset(types))))

    assert told.closed.counts.unfit == counted


@pytest.mark.parametrize("order", Order)
async def test_p8_a_record_that_comes_twice_is_told_once_and_counted_once(order: Order) -> None:
    class Twice(MemorySource):
        async def records_of(self, *arguments: Any) -> AsyncGenerator[Any, None]:
            for _ in range(2):
                async for some in super().records_of(*arguments):
                    yield some

    records = [*ANNAS, observation("big", "a", valueString="x" * RECORD_BYTES), observation("odd", "a", performer=[{"reference": "Patient/b"}])]
    told = await ask(holder_over(Twice(records)), question(selection=Selection(order=order, limit=LIMITS[order])))

    assert sorted(told.records) == sorted(ANNAS)
    assert (told.closed.counts.unfit, told.closed.counts.oversized) == (1, 1)


@pytest.mark.parametrize(
    "target", ["Observation/1", "https://ehr.example/fhir/Observation/1", "Observation/1/_history/3", "https://ehr.example/fhir/Observation/1/_history/3"]
)
async def test_provenance_goes_along_however_its_target_is_written(target: str) -> None:
    provenance = resource("Provenance", "p", target=[{"reference": "Patient/a"}, {"reference": target}])
    elsewhere = resource("Provenance", "q", target=[{"reference": "Patient/a"}, {"reference": "https://elsewhere.example/Observation/1"}])
    source = MemorySource([*ANNAS, provenance, elsewhere], bases=("https://ehr.example/fhir",))

    told = await ask(holder_over(source), question())

    assert told.records == [*ANNAS, provenance]


async def test_p7_the_limit_ends_the_answer_and_what_came_stands() -> None:
    told = await ask_over([patient("a", ANNA), *(observation(f"o{n}", "a") for n in range(30))], most_records=11)

    assert (told.closed.ending, told.closed.code, len(told.records)) == (Ending.OVER_LIMIT, Fault.OVER_LIMIT, 11)


async def test_p8_a_source_that_fails_half_way_is_cut_off() -> None:
    source = MemorySource([patient("a", ANNA), *(observation(f"o{n}", "a") for n in range(30))], at_once=10)
    source.fails_after, source.failure = 2, SourceBusy("memory")

    told = await ask(holder_over(source), question())

    assert (told.closed.ending, told.closed.code, len(told.records)) == (Ending.CUT_OFF, Fault.SOURCE_BUSY, 21)


@pytest.mark.parametrize("order", Order)
async def test_p8_a_source_that_fails_at_once_is_unreachable_and_shows_no_patient(order: Order) -> None:
    source = MemorySource(ANNAS)
    source.fails_after = 0

    told = await ask(holder_over(source), question(selection=Selection(order=order, limit=LIMITS[order])))

    assert (told.closed.ending, told.closed.code, told.records) == (Ending.UNREACHABLE, Fault.SOURCE_UNAVAILABLE, [])


async def test_p8_a_closed_source_is_unreachable() -> None:
    source = MemorySource(ANNAS)
    await source.close()

    assert (await ask(holder_over(source), question())).closed.ending is Ending.UNREACHABLE


async def test_the_last_word_comes_before_the_deadline() -> None:
    source = MemorySource([patient("a", ANNA), *(observation(f"o{n}", "a") for n in range(30))], at_once=10)
    source.waits_after = 2

    with time_of_its_own():
        told = await ask(holder_over(source), question(), seconds=0.05)

    assert (told.closed.ending, told.closed.code, len(told.records)) == (Ending.TOO_LATE, Fault.DEADLINE_PASSED, 21)
    assert source.left == 1


async def test_a_silent_source_is_covered_by_signs_of_life_and_holds_up_nothing_that_came() -> None:
    source = MemorySource([patient("a", ANNA), *(observation(f"o{n}", "a") for n in range(30))], at_once=10)
    source.waits_after = 1
    frames: list[Frame] = []

    async def emit(frame: Frame) -> None:
        frames.append(frame)
        if isinstance(frame, Progress):
            source.go_on.set()

    with time_of_its_own():
        await answer(holder_over(source), admitted(question()), emit)

    kinds = [type(frame) for frame in frames]
    assert kinds[:3] == [Outcome, Batch, Progress]
    assert frames[2] == Progress(11)
    assert kinds[-1] is Closed


async def test_two_frames_are_never_told_at_once() -> None:
    source = MemorySource([patient("a", ANNA), *(observation(f"o{n}", "a", valueString="x" * 3000) for n in range(60))], at_once=3)
    telling = 0

    async def emit(_: Frame) -> None:
        nonlocal telling
        telling += 1
        assert telling == 1
        await anyio.lowlevel.checkpoint()
        telling -= 1

    await answer(holder_over(source), admitted(question()), emit)


@pytest.mark.parametrize(
    ("selection", "types"),
    [
        (Selection(types=frozenset({"Patient"})), ["Patient"]),
        (Selection(categories=frozenset({CareCategory.PATIENT})), ["Patient"]),
        (Selection(), ["Patient"]),
        (Selection(types=frozenset({"Observation"})), []),
        (Selection(dates=(DateBound("ge", "2020"),)), []),
    ],
)
async def test_a_patient_record_alone_answers_only_who_asks_for_it(selection: Selection, types: list[str]) -> None:
    told = await ask_over([patient("a", ANNA)], question(selection=selection))

    assert told.types == types
    assert told.closed.ending is (Ending.ANSWERED if types else Ending.NOTHING_SHOWN)


async def test_only_what_is_asked_for_is_told() -> None:
    pulse = observation("p", "a").replace(b'"text": "pulse"', b'"coding": [{"system": "s", "code": "8867-4"}]')
    told = await ask_over([*ANNAS, pulse], question(selection=Selection(codes=(Token("s", "8867-4"),))))

    assert told.records == [ANNAS[0], pulse]


async def test_records_are_read_by_name_where_names_are_given() -> None:
    source = MemorySource([*ANNAS, patient("b", BERT), observation("9", "b")])
    selection = Selection(types=frozenset({"Observation"}), ids=("1", "9", "none"))

    told = await ask(holder_over(source), question(selection=selection))

    assert told.records == ANNAS[:2]
    assert "records_of" not in source.asked
    # That there is a record 9 of somebody else is not told, not even as a number.
    assert told.closed.counts.unfit == 0


@pytest.mark.parametrize("ref", ["Observation/1", "Patient/a"])
async def test_a_question_about_a_record_is_about_its_patient(ref: str) -> None:
    told = await ask_over([*ANNAS, patient("b", BERT)], question(RecordRef(*ref.split("/"))))

    assert told.records == ANNAS


@pytest.mark.parametrize("ref", ["Observation/none", "Practitioner/p1", "Observation/both", "Patient/x", "Observation/x"])
async def test_a_question_about_a_record_of_nobody_in_particular_shows_nothing(ref: str) -> None:
    both = resource("Appointment", "both", participant=[{"actor": {"reference": p}} for p in ("Patient/a", "Patient/b")])
    told = await ask_over(
        [*ANNAS, patient("b", BERT), both, *companions(), patient("x"), observation("x", "x")], question(RecordRef(*ref.split("/")), birth_date=None)
    )

    assert told.frames == [told.closed]
    assert told.closed.ending is Ending.NOTHING_SHOWN


@pytest.mark.parametrize("about", [NOBODY, RecordRef("Observation", "none")])
async def test_unknown_people_cost_a_look_at_the_choices_too(about: str | RecordRef) -> None:
    choices = MemoryChoices()
    await ask_over(ANNAS, question(about), choices=choices)

    assert choices.asked == 1


async def test_companions_come_before_whoever_refers_to_them_and_once_each() -> None:
    role = resource("PractitionerRole", "r1", practitioner={"reference": "Practitioner/p1"}, organization={"reference": "Organization/o1"})
    first = observation("1", "a", performer=[{"reference": "PractitionerRole/r1"}])
    second = observation("2", "a", performer=[{"reference": "Practitioner/p1"}, {"reference": "PractitionerRole/r1"}])
    told = await ask_over([patient("a", ANNA), *companions(), role, first, second])

    assert told.records == [patient("a", ANNA), companions()[0], companions()[1], role, first, second]
    assert [bool(row.flags & COMPANION) for row, _ in told.rows] == [False, True, True, True, False, False]
    assert {CareCategory.PRACTITIONER, CareCategory.CARE_SERVICE_ENTITIES} <= told.outcomes[0].released


async def test_companions_of_the_patient_share_the_first_batch() -> None:
    who = patient("a", ANNA, generalPractitioner=[{"reference": "Practitioner/p1"}])
    told = await ask_over([who, *companions(), *(observation(f"o{n}", "a", valueString="x" * 20_000) for n in range(3))])

    assert told.records[:2] == [who, companions()[0]]
    assert told.batches[0].blob.startswith(who + companions()[0])


async def test_companions_below_the_sources_own_address_are_found() -> None:
    base = "https://ehr.example/fhir"
    mine = observation("1", "a", performer=[{"reference": f"{base}/Practitioner/p1"}]).replace(b"Patient/a", f"{base}/Patient/a".encode())
    told = await ask(holder_over(MemorySource([patient("a", ANNA), *companions(), mine], bases=(base,))), question())

    assert told.records == [patient("a", ANNA), companions()[0], mine]
    assert told.outcomes[0].bases == (base,)


async def test_companions_are_left_out_unless_asked_for() -> None:
    mine = observation("1", "a", performer=[{"reference": "Practitioner/p1"}], device={"reference": "Location/l1"})
    records = [patient("a", ANNA), *companions(), mine]

    assert (await ask_over(records, question(selection=Selection(includes=())))).records == [patient("a", ANNA), mine]
    assert (await ask_over(records, question(selection=Selection(includes=("Observation:performer",))))).records == [patient("a", ANNA), companions()[0], mine]


async def test_p4_an_implant_may_name_this_person_and_nobody_else() -> None:
    own, others = resource("Device", "d1", patient={"reference": "Patient/a"}), resource("Device", "d2", patient={"reference": "Patient/b"})
    mine = [observation("1", "a", device={"reference": "Device/d1"}), observation("2", "a", device={"reference": "Device/d2"})]
    told = await ask_over([patient("a", ANNA), own, others, *mine])

    assert told.types == ["Patient", "Device", "Observation", "Observation"]
    assert own in told.records
    assert told.closed.counts.unfit == 1


async def test_a_companion_whose_category_is_objected_to_stays() -> None:
    choices = MemoryChoices({ANNA: (YES, Choice(permits=False, category=CareCategory.PRACTITIONER, user=HolderKind.HOSPITAL))})
    told = await ask_over([patient("a", ANNA), *companions(), observation("1", "a", performer=[{"reference": "Practitioner/p1"}])], choices=choices)

    assert told.types == ["Patient", "Observation"]


async def test_a_binary_is_never_sent_inline() -> None:
    told = await ask_over([patient("a", ANNA), resource("Binary", "7", data="aGk="), observation("1", "a", derivedFrom=[{"reference": "Binary/7"}])])

    assert told.types == ["Patient", "Observation"]


async def test_provenance_goes_only_with_all_that_it_speaks_of() -> None:
    def provenance(number: int, *targets: str) -> bytes:
        return resource("Provenance", str(number), target=[{"reference": target} for target in ("Patient/a", *targets)])

    fine, tells_too_much = provenance(1, "Observation/1", "Observation/2"), provenance(2, "Observation/1", "AllergyIntolerance/1")
    allergy = resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"})
    choices = MemoryChoices({ANNA: (YES, Choice(permits=False, category=CareCategory.ALLERGY_INTOLERANCE))})

    told = await ask_over([tells_too_much, fine, *ANNAS, allergy], choices=choices)

    assert told.records == [*ANNAS, fine]


async def test_an_include_that_nobody_knows_is_said_to_be_missing() -> None:
    told = await ask_over(ANNAS, question(selection=Selection(includes=("Observation:encounter-of-the-third-kind",))))

    assert (told.closed.ending, told.closed.code) == (Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY)


def _dated(number: int, moment: str) -> bytes:
    return observation(f"o{number}", "a", effectiveDateTime=moment)


DATED = [_dated(n, f"20{n % 20 + 5:02}-01-{n % 28 + 1:02}") for n in range(60)] + [observation("undated", "a")]


@pytest.mark.parametrize("limit", [0, 1_002, 2**32 - 1])
async def test_p7_a_page_in_the_global_order_is_no_larger_than_agreed(limit: int) -> None:
    with pytest.raises(BadInput) as refused:
        await ask_over([patient("a", ANNA), *DATED], question(selection=Selection(order=Order.GLOBAL, limit=limit)))

    assert refused.value.fault is Fault.INVALID_QUESTION


async def test_global_order_is_newest_first_and_undated_last() -> None:
    told = await ask_over([patient("a", ANNA), *DATED], question(selection=Selection(order=Order.GLOBAL, limit=100)))

    moments = [row.time_ms for row, _ in told.rows[1:]]
    assert moments == sorted(moments, reverse=True)
    assert told.records[-1] == observation("undated", "a")
    assert not told.closed.more


@pytest.mark.parametrize("inclusive", [False, True])
async def test_pages_in_global_order_are_the_whole_and_nothing_twice(inclusive: bool) -> None:  # noqa: FBT001
    seen: list[bytes] = []
    after: SortKey | None = None
    while True:
        selection = Selection(types=frozenset({"Observation"}), order=Order.GLOBAL, limit=7, after=after, after_inclusive=inclusive and after is not None)
        told = await ask_over([patient("a", ANNA), *DATED], question(selection=selection))
        page = [(row, record) for row, record in told.rows if TYPE_NAME[row.type_code] != "Patient"]
        assert len(page) <= 7
        last = page[-1]
        after = SortKey(last[0].time_ms, last[0].type_code, last[0].content_hint, json.loads(last[1])["id"])
        seen += [record for _, record in (page[1:] if inclusive and seen else page)]
        if not told.closed.more:
            break

    assert len(seen) == len(DATED)
    assert set(seen) == set(DATED)


async def test_a_page_brings_the_companions_of_that_page_only() -> None:
    records = [observation(f"o{n}", "a", effectiveDateTime=f"2020-01-0{n}", performer=[{"reference": f"Practitioner/p{n}"}]) for n in range(1, 5)]
    people = [resource("Practitioner", f"p{n}") for n in range(1, 5)]
    told = await ask_over([patient("a", ANNA), *people, *records], question(selection=Selection(order=Order.GLOBAL, limit=2)))

    assert told.records == [patient("a", ANNA), people[3], records[3], people[2], records[2]]
    assert told.closed.more


async def test_the_page_after_the_last_does_not_show_the_patient_alone() -> None:
    selection = Selection(order=Order.GLOBAL, limit=5, after=SortKey(-(2**63), 65_535, 2**64 - 1, "z"))
    told = await ask_over(ANNAS, question(selection=selection))

    assert told.frames == [told.closed]


async def test_a_limit_keeps_memory_small_and_the_order_right() -> None:
    many = [_dated(n, f"{1900 + n % 120}-06-01") for n in range(2_000)]
    told = await ask_over([patient("a", ANNA), *many], question(selection=Selection(order=Order.GLOBAL, limit=3)))

    assert [record for record in told.records[1:] if b"2019-06-01" not in record] == []
    assert told.closed.more
