"""The holder's service over real gRPC on a unix socket."""

from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
import grpc
import pytest
from blake3 import blake3
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from accord.audit.events import RefusedQuestion
from accord.audit.reading import accesses_in
from accord.link.addresses import loopback
from accord.rules.consent import Choice
from accord.rules.leaving_out import LeftOut
from accord.terms.answers import Batch, Closed, Ending, Frame, Standing
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.wire import answer_codec, holder_codec, question_codec
from accord.wire.columns import rows
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1 import terms_pb2
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from node_agent.api.servicer import CAPABILITIES, SERVICE, HolderService, _seconds
from node_agent.locating import Locating
from node_agent.outlet import Outlet
from node_agent.server import serving
from testbed.contracts.records import ANNA, BERT, NOBODY, TOUCHY, observation, patient, resource
from testbed.memory_source import MemorySource
from testbed.plain import PlainDoor, PlainExchange, PlainLedger, admitted, plain_safeguards
from tests.node_agent.asking import ASKER, KEY, URA, YES, Answer, MemoryChoices, holder_over, question, served
from tests.node_agent.loop_time import let_pass

pytestmark = pytest.mark.anyio

ANNAS = [patient("a", ANNA), observation("1", "a"), observation("2", "a")]


def located(bsn: str, **more: Any) -> pb.LocateRequest:
    """Is somebody known?"""
    fields: dict[str, Any] = {
        "purpose": question_codec.purpose_to_wire(question().purpose),
        "treats_the_patient": True,
        "data_user": question_codec.data_user_to_wire(ASKER.data_user),
    } | more
    professional = question_codec.professional_to_wire(ASKER.professional)
    return pb.LocateRequest(pseudonym=KEY.pseudonym(Bsn(bsn)).value, professional=professional, query_id="q-1", **fields)


def asked(**more: Any) -> pb.QueryRequest:
    """A question about Anna."""
    return pb.QueryRequest(query=question_codec.holder_query_to_wire(question(**more)))


async def frames_of(call: Any) -> list[Frame]:
    """All frames of an answer."""
    return [answer_codec.frame_from_wire(message) async for message in call]


class NarrowSource(MemorySource):
    """A source that is asked for no procedures."""

    async def left_out(self) -> LeftOut:
        """Those, whoever it is about."""
        return LeftOut.whole(["Procedure"])


async def standing_of(call: Any) -> Standing:
    """The next standing of a watch."""
    return holder_codec.standing_from_wire(await call.read())


async def test_p13_what_the_source_keeps_arrives_byte_for_byte(tmp_path: Path) -> None:
    async with served(holder_over(MemorySource([patient("a", ANNA), *TOUCHY])), tmp_path) as (stub, _):
        told = Answer(await frames_of(stub.Query(asked())))

    assert told.records == [patient("a", ANNA), *TOUCHY]
    told.check_account()


async def test_describe_says_what_the_holder_can_do(tmp_path: Path) -> None:
    async with served(holder_over(MemorySource([])), tmp_path) as (stub, _):
        described = holder_codec.description_from_wire(await stub.Describe(pb.DescribeRequest()))

    assert (described.ura, described.name, described.capabilities) == (URA, "brinkhof", CAPABILITIES)
    assert not described.copy
    assert "Observation" in described.types


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (pb.QueryRequest(), grpc.StatusCode.INVALID_ARGUMENT, Fault.NO_PATIENT),
        (pb.QueryRequest(query=pb.HolderQuery(bsn="123456789")), grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_BSN),
        (pb.QueryRequest(query=pb.HolderQuery(bsn=ANNA, query_id="q")), grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION),
    ],
)
async def test_p9_a_bad_question_ends_in_a_code_and_nothing_else(tmp_path: Path, request_: pb.QueryRequest, status: grpc.StatusCode, code: Fault) -> None:
    async with served(holder_over(MemorySource(ANNAS)), tmp_path) as (stub, _):
        with pytest.raises(aio.AioRpcError) as failed:
            await frames_of(stub.Query(request_))

    assert (failed.value.code(), failed.value.details()) == (status, code.value)


@pytest.mark.parametrize("method", ["Describe", "Locate", "Query", "FetchAttachment", "Watch"])
async def test_p9_what_is_no_message_is_refused_in_our_own_words(tmp_path: Path, method: str) -> None:
    holder = holder_over(MemorySource(ANNAS))
    service = HolderService(holder, "brinkhof", Locating(holder, KEY), PlainDoor(), PlainExchange())
    async with serving(service, holder.pausing, loopback(f"unix:{tmp_path}/agent.sock"), grace=0.1) as target, aio.insecure_channel(target) as channel:
        # For one answer and for many the request is the same, and so is a refusal.
        call: aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(f"/{SERVICE}/{method}", request_serializer=None, response_deserializer=None)
        with pytest.raises(aio.AioRpcError) as failed:
            await call(b"\xff\xff\xff", timeout=30).read()

    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION)


@pytest.mark.parametrize("method", ["Describe", "Locate", "Query", "FetchAttachment", "Exchange"])
@pytest.mark.parametrize("seconds", [None, 400.0])
async def test_p7_a_call_that_could_keep_its_place_for_ever_is_refused(tmp_path: Path, method: str, seconds: float | None) -> None:
    async with served(holder_over(MemorySource(ANNAS)), tmp_path) as (stub, _):
        request = getattr(pb, f"{method}Request")()
        with pytest.raises(aio.AioRpcError) as failed:
            await _first(getattr(stub, method)(request, timeout=seconds))

    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, Fault.DEADLINE_MISSING)


async def test_p7_a_watch_may_last_longer_than_a_question_and_not_for_ever(tmp_path: Path) -> None:
    async with served(holder_over(MemorySource(ANNAS)), tmp_path) as (stub, _):
        call = stub.Watch(pb.WatchRequest(), timeout=600)
        told = await standing_of(call)
        call.cancel()
        with pytest.raises(aio.AioRpcError) as failed:
            await stub.Watch(pb.WatchRequest(), timeout=700).read()

    assert told.serving
    assert failed.value.details() == Fault.DEADLINE_MISSING


async def _first(call: Any) -> Any:
    """The one answer of a call, or the first."""
    return await (call.read() if hasattr(call, "read") else call)


async def test_p1_a_question_to_another_holder_is_refused(tmp_path: Path) -> None:
    request = asked()
    request.query.holder_ura = "90001004"
    async with served(holder_over(MemorySource(ANNAS)), tmp_path) as (stub, _):
        with pytest.raises(aio.AioRpcError) as failed:
            await frames_of(stub.Query(request))

    assert failed.value.details() == Fault.NOT_THIS_HOLDER


async def test_p9_what_fails_inside_tells_nothing_of_itself(tmp_path: Path) -> None:
    class Broken(MemorySource):
        async def find(self, bsn: Bsn) -> Any:
            raise RuntimeError(f"something about {bsn.value}")

    async with served(holder_over(Broken(ANNAS)), tmp_path) as (stub, _):
        with pytest.raises(aio.AioRpcError) as failed:
            await frames_of(stub.Query(asked()))

    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.INTERNAL, Fault.INTERNAL)


async def test_cancelling_reaches_the_source(tmp_path: Path) -> None:
    source = MemorySource([patient("a", ANNA), *(observation(f"o{n}", "a", valueString="x" * 2_000) for n in range(30))], at_once=10)
    source.waits_after = 2
    left = anyio.Event()

    class Watched(MemorySource):
        async def records_of(self, *arguments: Any) -> AsyncGenerator[Any, None]:
            try:
                async for some in source.records_of(*arguments):
                    yield some
            finally:
                left.set()

    async with served(holder_over(Watched([patient("a", ANNA)])), tmp_path) as (stub, _):
        call = stub.Query(asked())
        await call.read()
        call.cancel()
        # Before the deadline of the call would have had it left.
        with anyio.fail_after(30):
            await left.wait()


async def test_the_last_word_arrives_before_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Time for a busy machine: it is kept for the last word, as the next test asks.
    monkeypatch.setattr("node_agent.api.servicer._MARGIN_SECONDS", 20.0)
    source = MemorySource(ANNAS, at_once=1)
    source.waits_after = 1
    frames: list[Frame] = []
    is_over = False
    async with served(holder_over(source), tmp_path) as (stub, _):
        async for message in stub.Query(asked(), timeout=200.0):
            frames.append(answer_codec.frame_from_wire(message))
            if not is_over and sum(len(list(rows(frame.columns))) for frame in frames if isinstance(frame, Batch)) == 2:
                # What the holder may take is over, and the deadline is still to come.
                let_pass(185.0)
                is_over = True
    told = Answer(frames)

    assert (told.closed.ending, told.records) == (Ending.TOO_LATE, ANNAS[:2])
    told.check_account()


@pytest.mark.parametrize(("left", "used"), [(60.0, 59.8), (2.0, 1.8), (1.0, 0.9), (0.0, 0.0), (-1.0, 0.0)])
def test_an_answer_keeps_some_of_its_time_for_the_last_word(left: float, used: float) -> None:
    class Call:
        def time_remaining(self) -> float:
            return left

    assert _seconds(cast("Any", Call())) == pytest.approx(used)


async def test_known_people_are_located_and_others_are_not(tmp_path: Path) -> None:
    async with served(holder_over(MemorySource([*ANNAS, patient("b", BERT)]), MemoryChoices({BERT: ()})), tmp_path) as (stub, locating):
        await locating.refresh()
        told = {bsn: await stub.Locate(located(bsn)) for bsn in (ANNA, BERT, NOBODY)}
        untreated = await stub.Locate(located(ANNA, treats_the_patient=False))

    assert locating.people == 2
    assert {bsn: answer.located for bsn, answer in told.items()} == {ANNA: True, BERT: False, NOBODY: False}
    # Promise P9: withheld and unknown are the same bytes.
    assert told[BERT].SerializeToString() == told[NOBODY].SerializeToString() == untreated.SerializeToString() == b""


async def test_p9_what_the_source_is_not_asked_for_is_told_of_everybody_alike(tmp_path: Path) -> None:
    source = NarrowSource([*ANNAS, patient("b", BERT)])
    async with served(holder_over(source, MemoryChoices({BERT: ()})), tmp_path) as (stub, locating):
        await locating.refresh()
        told = {bsn: await stub.Locate(located(bsn)) for bsn in (ANNA, BERT, NOBODY)}

    assert told[BERT].SerializeToString() == told[NOBODY].SerializeToString()
    assert [answer_codec.located_from_wire(answer).left_out.types for answer in told.values()] == [frozenset({"Procedure"})] * 3


async def test_p9_for_withheld_and_unknown_the_same_work_is_done(tmp_path: Path) -> None:
    choices = MemoryChoices({ANNA: (Choice(permits=False),)})
    async with served(holder_over(MemorySource(ANNAS), choices), tmp_path) as (stub, locating):
        await locating.refresh()
        await stub.Locate(located(ANNA))
        await stub.Locate(located(NOBODY))

    assert choices.asked == 2


async def test_p8_without_an_index_nobody_hears_no(tmp_path: Path) -> None:
    async with served(holder_over(MemorySource(ANNAS)), tmp_path) as (stub, _):
        with pytest.raises(aio.AioRpcError) as failed:
            await stub.Locate(located(NOBODY))

    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.UNAVAILABLE, Fault.SOURCE_UNAVAILABLE)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"evidence": terms_pb2.Evidence(salt=bytes(33))}, grpc.StatusCode.UNAUTHENTICATED, Fault.TOKEN_INVALID),
        ({"purpose": 0}, grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION),
    ],
)
async def test_locate_is_refused_for_no_purpose_and_for_evidence_that_is_none(
    tmp_path: Path, fields: dict[str, Any], status: grpc.StatusCode, code: Fault
) -> None:
    async with served(holder_over(MemorySource(ANNAS)), tmp_path) as (stub, locating):
        await locating.refresh()
        with pytest.raises(aio.AioRpcError) as failed:
            await stub.Locate(located(ANNA, **fields))

    assert (failed.value.code(), failed.value.details()) == (status, code)


async def test_p3_locate_without_the_choices_is_no_answer(tmp_path: Path) -> None:
    choices = MemoryChoices()
    choices.fails = True
    async with served(holder_over(MemorySource(ANNAS), choices), tmp_path) as (stub, locating):
        await locating.refresh()
        with pytest.raises(aio.AioRpcError) as failed:
            await stub.Locate(located(ANNA))

    assert failed.value.details() == Fault.SOURCE_UNAVAILABLE


async def test_whoever_watches_hears_the_state_and_each_change(tmp_path: Path) -> None:
    holder = holder_over(MemorySource(ANNAS))
    # Only changes are to be heard, and no heartbeat between two of them.
    async with served(holder, tmp_path, heartbeat_seconds=60.0) as (stub, locating):
        await locating.refresh()
        call = stub.Watch(pb.WatchRequest())
        told = [await standing_of(call)]
        holder.pausing.pause()
        told.append(await standing_of(call))
        with pytest.raises(aio.AioRpcError) as failed:
            await stub.Locate(located(ANNA))
        holder.pausing.resume()
        told.append(await standing_of(call))
        call.cancel()

    assert [(standing.sequence, standing.serving, standing.code) for standing in told] == [(1, True, None), (2, False, Fault.PAUSED), (3, True, None)]
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.UNAVAILABLE, Fault.PAUSED)


async def test_a_change_while_the_standing_is_told_is_heard_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = holder_over(MemorySource(ANNAS))
    put = Outlet.put

    async def changes_meanwhile(self: Outlet[Any], frames: Any) -> None:
        await put(self, frames)
        if holder.pausing.serving:
            holder.pausing.pause()

    monkeypatch.setattr(Outlet, "put", changes_meanwhile)
    async with served(holder, tmp_path, heartbeat_seconds=60.0) as (stub, _):
        call = stub.Watch(pb.WatchRequest())
        with anyio.fail_after(20):
            told = [await standing_of(call), await standing_of(call)]
        call.cancel()

    assert [standing.serving for standing in told] == [True, False]


async def test_a_watch_has_a_heartbeat(tmp_path: Path) -> None:
    async with served(holder_over(MemorySource(ANNAS)), tmp_path, heartbeat_seconds=0.01) as (stub, _):
        call = stub.Watch(pb.WatchRequest())
        told = [await standing_of(call) for _ in range(3)]
        call.cancel()

    assert [standing.sequence for standing in told] == [1, 2, 3]
    assert len({standing.since_ms for standing in told}) == 1


async def test_p7_only_so_many_of_one_gateway_may_watch(tmp_path: Path) -> None:
    async with served(holder_over(MemorySource(ANNAS)), tmp_path) as (stub, _):
        calls = [stub.Watch(pb.WatchRequest()) for _ in range(8)]
        for call in calls:
            await call.read()
        with pytest.raises(aio.AioRpcError) as failed:
            await stub.Watch(pb.WatchRequest()).read()
        for call in calls:
            call.cancel()

    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, Fault.TOO_MANY_QUESTIONS)


async def test_health_follows_the_standing(tmp_path: Path) -> None:
    holder = holder_over(MemorySource(ANNAS))
    service = HolderService(holder, "brinkhof", Locating(holder, KEY), PlainDoor(), PlainExchange())
    async with serving(service, holder.pausing, loopback(f"unix:{tmp_path}/agent.sock"), grace=0.1) as target, aio.insecure_channel(target) as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))  # type: ignore[attr-defined]  # the stubs do not know it
        before = (await call.read()).status
        holder.pausing.pause()
        after = (await call.read()).status
        call.cancel()

    assert (before, after) == (health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING)


# -- Attachments

CONTENT = bytes(range(256)) * 2_000


def with_document(url: str = "Binary/7", about: str = "a") -> list[bytes]:
    """Anna, a document and its content."""
    document = resource("DocumentReference", "3", subject={"reference": f"Patient/{about}"}, content=[{"attachment": {"url": url}}])
    binary = resource("Binary", "7", contentType="application/pdf", data=b64encode(CONTENT).decode())
    return [patient("a", ANNA), patient("b", BERT), document, binary]


async def fetched(
    folder: Path, records: list[bytes], *, choices: MemoryChoices | None = None, url: str = "Binary/7", record: str = "DocumentReference/3"
) -> Any:
    """Fetch it: the media type, the content and the last word."""
    request = pb.FetchAttachmentRequest(query=question_codec.holder_query_to_wire(question()), url=url, record=record)
    source = MemorySource(records, bases=("https://ehr.example/fhir",))
    async with served(holder_over(source, choices), folder) as (stub, _):
        messages = [answer_codec.attachment_frame_from_wire(message) async for message in stub.FetchAttachment(request)]
    closed = messages[-1]
    assert isinstance(closed, Closed)
    kind = [message.value for message in messages if hasattr(message, "value")]
    return kind, b"".join(message.content for message in messages if hasattr(message, "content")), closed


async def test_an_attachment_comes_in_chunks_with_a_digest(tmp_path: Path) -> None:
    kind, content, closed = await fetched(tmp_path, with_document())

    assert (kind, content) == (["application/pdf"], CONTENT)
    assert (closed.ending, closed.counts.bytes, closed.digest) == (Ending.ANSWERED, len(CONTENT), blake3(CONTENT).digest())


async def test_an_attachment_below_the_sources_own_address_is_found_either_way(tmp_path: Path) -> None:
    full = "https://ehr.example/fhir/Binary/7"

    assert (await fetched(tmp_path, with_document(full)))[1] == CONTENT
    assert (await fetched(tmp_path, with_document(full), url=full))[1] == CONTENT


@pytest.mark.parametrize("wrong", ["withheld", "of another", "not in the record", "no such record", "no such content"])
async def test_p9_an_attachment_that_is_withheld_looks_like_none(tmp_path: Path, wrong: str) -> None:
    told = await fetched(
        tmp_path,
        {"of another": with_document(about="b"), "not in the record": with_document("Binary/8"), "no such content": with_document()[:3]}.get(
            wrong, with_document()
        ),
        choices=MemoryChoices(others=() if wrong == "withheld" else (YES,)),
        record="DocumentReference/4" if wrong == "no such record" else "DocumentReference/3",
    )
    kind, content, closed = told

    assert (kind, content, closed.ending, closed.code) == ([], b"", Ending.NOTHING_SHOWN, None)
    assert closed.counts.unfit == closed.counts.records == 0


async def test_one_record_may_be_objected_to_with_what_it_points_to(tmp_path: Path) -> None:
    choices = MemoryChoices({ANNA: (YES, Choice(permits=False, record=RecordRef("DocumentReference", "3")))})

    assert (await fetched(tmp_path, with_document(), choices=choices))[2].ending is Ending.NOTHING_SHOWN


async def test_a_stop_does_not_wait_for_those_who_watch(tmp_path: Path) -> None:
    holder = holder_over(MemorySource(ANNAS))
    service = HolderService(holder, "brinkhof", Locating(holder, KEY), PlainDoor(), PlainExchange())
    with anyio.fail_after(20):
        async with serving(service, holder.pausing, loopback(f"unix:{tmp_path}/agent.sock"), grace=60) as target:
            channel = aio.insecure_channel(target)
            call = HolderServiceStub(channel).Watch(pb.WatchRequest(), timeout=60)
            await call.read()
        # The server closes its connection right after the call's end: a client that is writing just then sees that first.
        with suppress(aio.AioRpcError):
            assert await call.read() is aio.EOF
        assert await call.code() in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
        await channel.close()


async def test_p7_who_is_refused_without_end_does_not_fill_the_journal_of_a_holder() -> None:
    ledger = PlainLedger()
    safeguards = plain_safeguards(URA, ledger=ledger)
    holder = replace(holder_over(MemorySource(ANNAS)), safeguards=safeguards)
    service = HolderService(holder, "brinkhof", Locating(holder, KEY), PlainDoor(), PlainExchange())
    for _ in range(500):
        await service.note_refusal(Fault.NOT_A_MEMBER)

    assert len(ledger.lines) == 10


async def test_p12_two_answers_under_one_id_of_a_question_are_two_looks() -> None:
    ledger = PlainLedger()
    safeguards = plain_safeguards(URA, ledger=ledger)
    for _ in range(2):
        await safeguards.recording(admitted(question()).asking).refused(Fault.BUDGET_SPENT)

    first, second = ledger.lines
    assert isinstance(first, RefusedQuestion)
    assert isinstance(second, RefusedQuestion)
    assert first.query == second.query
    assert first.answer != second.answer
    assert len(accesses_in(ledger.lines)) == 2
