"""In shadow the agent decides and reads and writes down, and nothing leaves, whatever is asked (promises P1, P2, P8, P9)."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import anyio
import grpc
import pytest
from grpc import aio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.audit.content import Event
from accord.audit.events import BudgetAlarm, Closing, Decision, GlassBroken, Located, RefusedQuestion, Release, Started
from accord.audit.reading import accesses_in
from accord.audit.shadow_events import ShadowClosing, ShadowDecision, ShadowRelease
from accord.link.addresses import loopback
from accord.link.options import CHANNEL
from accord.rules.choices import Choice
from accord.terms.answers import Ending
from accord.terms.evidence import Emergency, Mandate, TreatmentBasis
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.policies import EmergencyPolicy
from accord.terms.queries import Order, Selection
from accord.terms.vocabulary import CareCategory, PurposeOfUse
from accord.wire import answer_codec, question_codec
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from node_agent.answering import MOST_IN_ORDER
from node_agent.api.servicer import HolderService
from node_agent.emergencies import Emergencies
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.server import serving
from node_agent.shadow_report import as_json, as_row, tried
from node_agent.shadowing import Shadow, Trial
from testbed.contracts.records import ANNA, observation, patient
from testbed.memory_source import MemorySource
from testbed.plain import PlainDoor, PlainExchange, PlainLedger, admitted
from tests.accord.audit.scenes import ASKING, closing, decision, glass_broken, refused, release
from tests.node_agent.asking import ASKER, KEY, NOW, MemoryChoices, ask, holder_over, question

pytestmark = pytest.mark.anyio

RECORDS = [patient("a", ANNA), *(observation(str(number), "a") for number in range(60))]
STRANGER = "999990019"
#: All that may be said to whoever asks.
SAID = (Ending.PAUSED, Fault.SHADOW, 0, 0)


def shadowed(records: Iterable[bytes] = RECORDS, choices: MemoryChoices | None = None) -> tuple[Holder, Locating, Shadow]:
    holder = holder_over(MemorySource(records), choices)
    holder.pausing.shadow = True
    locating = Locating(holder, KEY)
    return holder, locating, Shadow(holder, locating)


def lines(holder: Holder) -> Sequence[Event]:
    return holder.safeguards.ledger.lines  # type: ignore[attr-defined, no-any-return]


def of_kind(holder: Holder, *kinds: type[Event]) -> list[Event]:
    return [line for line in lines(holder) if isinstance(line, kinds)]


async def until_tried(holder: Holder, shadow: Shadow, number: int) -> None:
    """Let the shadow work until so many questions have their last line."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.keep)
        with anyio.fail_after(60):
            while len(of_kind(holder, ShadowClosing)) < number:  # noqa: ASYNC110 - a ledger in memory tells nobody
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def over_grpc(folder: Path) -> AsyncGenerator[tuple[Holder, aio.Channel], None]:
    """A holder in shadow behind a real server, and a bare channel to it."""
    holder, locating, shadow = shadowed()
    await locating.refresh()
    service = HolderService(holder, "Huisartsen", locating, PlainDoor(), PlainExchange(), shadow=shadow)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.keep)
        async with (
            serving(service, holder.pausing, loopback(f"unix:{folder / 'agent.sock'}")) as target,
            aio.insecure_channel(target, options=CHANNEL) as channel,
        ):
            yield holder, channel
        tasks.cancel_scope.cancel()


SELECTIONS = st.builds(
    Selection,
    types=st.frozensets(st.sampled_from(["Patient", "Observation", "Condition", "Consent", "Practitioner"])),
    categories=st.frozensets(st.sampled_from(list(CareCategory))),
    ids=st.lists(st.sampled_from(["1", "2", "a"]), max_size=2).map(tuple),
    order=st.sampled_from(list(Order)),
    limit=st.integers(0, 1_001),
)
ABOUT = st.sampled_from([Bsn(ANNA), Bsn(STRANGER), RecordRef("Observation", "1"), RecordRef("Patient", "a"), RecordRef("Observation", "none")])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=15)
@given(
    questions=st.lists(
        st.tuples(ABOUT, SELECTIONS, st.sampled_from(list(PurposeOfUse)), st.sampled_from([None, date(1941, 3, 2), date(2001, 1, 1)])), min_size=1, max_size=5
    ),
    method=st.sampled_from(["Query", "FetchAttachment"]),
)
async def test_p1_nothing_leaves_in_shadow_whatever_is_asked(
    questions: list[tuple[Bsn | RecordRef, Selection, PurposeOfUse, date | None]], method: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Over bare gRPC: every message that comes back is looked at, and every line that is written."""
    async with over_grpc(tmp_path_factory.mktemp("s")) as (holder, channel):
        stub = HolderServiceStub(channel)
        for about, selection, purpose, born in questions:
            query = question_codec.holder_query_to_wire(replace(question(selection=selection, purpose=purpose, birth_date=born), about=about))
            request: Any = pb.QueryRequest(query=query)
            if method == "FetchAttachment":
                request = pb.FetchAttachmentRequest(query=query, url="Binary/1", record="Observation/1")
            if method == "Query" and selection.order is Order.GLOBAL and not 1 <= selection.limit <= MOST_IN_ORDER:
                # What no gateway of ours asks is refused before anybody is looked at.
                with pytest.raises(aio.AioRpcError) as refused:
                    await stub.Query(request, timeout=30).read()
                assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
                continue
            frames = [message async for message in getattr(stub, method)(request, timeout=30)]

            assert [frame.WhichOneof("frame") for frame in frames] == ["closed"]
            closed = answer_codec.closed_from_wire(frames[0].closed)
            assert (closed.ending, closed.code, closed.counts.records, closed.counts.bytes) == SAID
        assert of_kind(holder, Release, Decision, GlassBroken, Located) == []


async def test_p9_somebody_known_and_a_stranger_are_told_the_same_before_anything_is_read() -> None:
    holder, _, _ = shadowed()
    known, stranger = await ask(holder, question()), await ask(holder, question(STRANGER))

    assert [type(frame).__name__ for frame in known.frames] == [type(frame).__name__ for frame in stranger.frames] == ["Closed"]
    assert known.closed.counts == stranger.closed.counts
    assert holder.source.asked == []  # type: ignore[attr-defined]


async def test_p8_locate_is_refused_as_shadow_and_never_as_nothing_known(tmp_path: Path) -> None:
    async with over_grpc(tmp_path) as (_, channel):
        for bsn in (ANNA, STRANGER):
            query = question(bsn)
            request = pb.LocateRequest(
                pseudonym=KEY.pseudonym(Bsn(bsn)).value,
                data_user=question_codec.data_user_to_wire(query.asked_by.data_user),
                purpose=question_codec.purpose_to_wire(query.purpose),
                query_id="q-1",
                treats_the_patient=True,
                professional=question_codec.professional_to_wire(query.asked_by.professional),
                key_check=KEY.check,
            )
            with pytest.raises(aio.AioRpcError) as refused:
                await HolderServiceStub(channel).Locate(request, timeout=30)

            assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.UNAVAILABLE, "shadow")


async def test_what_would_have_left_is_counted_with_the_names_and_the_digest_of_a_real_answer() -> None:
    plain = holder_over(MemorySource(RECORDS))
    real = await ask(plain, question())
    (release,) = of_kind(plain, Release)
    holder, _, shadow = shadowed()
    await shadow.note(admitted(question()))
    await until_tried(holder, shadow, 1)

    (decision,) = of_kind(holder, ShadowDecision)
    (would,) = of_kind(holder, ShadowRelease)
    (closing,) = of_kind(holder, ShadowClosing)
    assert isinstance(would, ShadowRelease)
    assert isinstance(release, Release)
    assert (would.records, would.count, would.bytes, would.digest, would.categories) == (
        release.records,
        release.count,
        release.bytes,
        release.digest,
        release.categories,
    )
    assert isinstance(closing, ShadowClosing)
    assert (closing.ending, sum(one.count for one in closing.counted)) == (Ending.ANSWERED, len(real.records))
    assert isinstance(decision, ShadowDecision)
    assert decision.patient == would.patient == closing.patient


async def test_a_region_that_only_locates_is_tried_out_too() -> None:
    holder, locating, shadow = shadowed()
    await locating.refresh()
    for bsn in (ANNA, STRANGER):
        await shadow.note_located(KEY.pseudonym(Bsn(bsn)), admitted(question(bsn)).asking)
    await until_tried(holder, shadow, 2)

    counts = {line.count for line in of_kind(holder, ShadowClosing) if isinstance(line, ShadowClosing)}
    assert counts == {0, len(RECORDS)}


async def test_p2_no_line_of_a_disclosure_is_written_and_no_access_is_shown_to_a_patient() -> None:
    holder, _, shadow = shadowed()
    await ask(holder, question())
    await shadow.note(admitted(question()))
    await until_tried(holder, shadow, 1)

    assert of_kind(holder, Release, Decision, GlassBroken, Located, RefusedQuestion) == []
    assert [line.ending for line in of_kind(holder, Closing) if isinstance(line, Closing)] == [Ending.PAUSED]
    assert accesses_in(line for line in lines(holder) if getattr(line, "patient", "")) == []


def test_p2_what_is_written_in_shadow_is_of_shadow_and_only_an_alarm_is_as_it_is() -> None:
    trial = Trial(PlainLedger())
    made = (decision(), release(), closing(), refused(asking=ASKING), glass_broken(), Started(), BudgetAlarm(of="gateway", who="1", patients=2, limit=1))
    told = [type(line) for event in made if (line := trial._instead_of(event)) is not None]

    assert told == [ShadowDecision, ShadowRelease, ShadowClosing, ShadowClosing, BudgetAlarm]
    assert not any(issubclass(one, Release | Decision | Closing) for one in told)


async def test_p7_what_is_too_much_to_try_out_has_a_line_that_says_so() -> None:
    holder, locating, _ = shadowed()
    shadow = Shadow(holder, locating, most_waiting=1)
    for _ in range(3):
        await shadow.note(admitted(question()))

    assert [(line.ending, line.fault) for line in of_kind(holder, ShadowClosing) if isinstance(line, ShadowClosing)] == [
        (Ending.NOT_ASKED, Fault.TOO_MANY_QUESTIONS)
    ] * 2


async def test_paused_beats_shadow_and_nothing_is_tried() -> None:
    holder, _, shadow = shadowed()
    holder.pausing.pause()
    answer = await ask(holder, question())
    await shadow.note(admitted(question()))

    assert (answer.closed.ending, answer.closed.code) == (Ending.PAUSED, Fault.PAUSED)
    assert not shadow._waiting


async def test_p6_the_report_says_who_and_how_much_and_nothing_about_the_patient() -> None:
    refuses = (Choice(permits=True), Choice(category=CareCategory.PATIENT, permits=True), Choice(category=CareCategory.OBSERVATION_LABORATORY, permits=False))
    holder, _, shadow = shadowed(choices=MemoryChoices({ANNA: refuses}))
    await shadow.note(admitted(question()))
    await until_tried(holder, shadow, 1)
    (one,) = tried(lines(holder))
    told = f"{as_json(one)} {as_row(one)}"

    assert one.would_refuse["ObservationLaboratory"] == "patient-refused" or "patient-refused" in one.would_refuse.values()
    assert "Ziekenhuis" in told
    assert ANNA not in told
    assert getattr(of_kind(holder, ShadowClosing)[0], "patient") not in told  # noqa: B009 - of its own kind of line
    assert "Observation/" not in told


async def test_p12_glass_that_is_broken_in_shadow_begins_no_emergency_and_is_told_as_what_it_would_have_been() -> None:
    """docs/adr/0016: nobody was shown anything, so there is nothing to review, and nothing of it for the patient's page."""
    policy = EmergencyPolicy("Wkkgz", frozenset({ASKER.professional.role}), ends=NOW + timedelta(days=100))
    holder, locating, _ = shadowed()
    own = Emergencies(lambda: policy)
    region = replace(holder.safeguards.region(), emergency=policy)
    holder = replace(holder, safeguards=replace(holder.safeguards, emergencies=own, region=lambda: region))
    shadow = Shadow(holder, locating)
    asked = question(purpose=PurposeOfUse.EMERGENCY_TREATMENT)
    plain = admitted(asked)
    mandate = Mandate(
        "m",
        ASKER.data_user.ura,
        "region",
        ASKER.professional,
        PurposeOfUse.EMERGENCY_TREATMENT,
        bytes(32),
        TreatmentBasis.PRESENT,
        frozenset(),
        NOW,
        NOW + timedelta(minutes=10),
        bytes(32),
        bytes(32),
        Emergency("unconscious", "not responding", NOW),
    )
    await shadow.note(replace(plain, asking=replace(plain.asking, mandate=mandate)))
    await until_tried(holder, shadow, 1)

    told = [as_json(one) for one in tried(lines(holder))]
    assert [one["purpose"] for one in told] == ["ETREAT"]
    assert [one["ending"] for one in told] == ["answered"]
    assert {type(line) for line in lines(holder)} == {ShadowDecision, ShadowRelease, ShadowClosing}
    # What outlasts the shadow begins with the first question in earnest.
    assert len(own) == 0


async def test_paused_in_earnest_a_locate_has_a_line_of_its_refusal_and_none_about_anybody(tmp_path: Path) -> None:
    holder = holder_over(MemorySource(RECORDS))
    locating = Locating(holder, KEY)
    await locating.refresh()
    holder.pausing.pause("maintenance")
    query = question()
    request = pb.LocateRequest(
        pseudonym=KEY.pseudonym(Bsn(ANNA)).value,
        data_user=question_codec.data_user_to_wire(query.asked_by.data_user),
        purpose=question_codec.purpose_to_wire(query.purpose),
        query_id="q-1",
        treats_the_patient=True,
        professional=question_codec.professional_to_wire(query.asked_by.professional),
        key_check=KEY.check,
    )
    service = HolderService(holder, "Huisartsen", locating, PlainDoor(), PlainExchange())
    async with (
        serving(service, holder.pausing, loopback(f"unix:{tmp_path / 'agent.sock'}")) as target,
        aio.insecure_channel(target, options=CHANNEL) as channel,
    ):
        with pytest.raises(aio.AioRpcError) as told:
            await HolderServiceStub(channel).Locate(request, timeout=30)

    assert (told.value.code(), told.value.details()) == (grpc.StatusCode.UNAVAILABLE, "paused")
    (line,) = of_kind(holder, RefusedQuestion)
    assert isinstance(line, RefusedQuestion)
    assert (line.fault, line.patient, line.asking) == (Fault.PAUSED, "", None)
