"""The viewer asks as any application of this data user does: with mandate and proof, and the answer as it comes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import anyio
import grpc
import pytest
from grpc import aio

from accord.link.certificates import read_signing_key
from accord.link.mandates import read_mandate
from accord.link.proofs import read_proof
from accord.link.salts import is_about
from accord.region.member_keys import signing_key_file
from accord.terms.answers import Batch, Chunk, Closed, ContentType, Counts, Ending
from accord.terms.evidence import Asked, Emergency, TreatmentBasis, Who
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Bsn, HolderName, QueryId, RecordRef
from accord.terms.members import KeyUse
from accord.terms.parties import Professional
from accord.terms.queries import EVERYTHING
from accord.terms.vocabulary import PurposeOfUse
from accord.wire import answer_codec
from accord.wire.v1 import dossier_service_pb2 as pb
from gateway.api.dossier_messages import event_to_wire
from gateway.connect.applications import Applications
from gateway.connect.grpc_relay import GatewayChannel
from gateway.connect.mandating import MandateBook, Organisation, OwnKey
from gateway.connect.patients import Patients
from gateway.connect.professionals import Professionals
from gateway.connect.proxy import Parts
from gateway.connect.upstream import Upstream, gateway_address
from gateway.connect.viewing import AskedThroughGateway
from gateway.ports import Completeness, DossierEvent, HolderBatch, Planned
from gateway.viewer.ports import Question
from tests.accord.link.small_region import GATEWAY, HOSPITAL, SmallRegion

pytestmark = [pytest.mark.anyio]

SERVICE: Final = "accord.wire.v1.DossierService"
BSN: Final = Bsn("999900006")
GP: Final = Professional("900000001", "01.015", "J. de Vries")
TREATING: Final = Who(GP, PurposeOfUse.TREATMENT, TreatmentBasis.REGISTERED)
QUERY: Final = QueryId("0123456789abcdef0123456789abcdef")
EVENTS: Final[tuple[DossierEvent, ...]] = (
    Planned(QUERY, (), (), emergency_offered=True),
    HolderBatch(HolderName("esdoorn"), Batch(b"c" * 40, b"{}", 1), frozenset({"p1"})),
    Completeness(QUERY, (), (), emergency_offered=True),
)
SAID: Final = Closed(HOSPITAL.ura, Ending.ANSWERED, Counts(), b"", b"")
FRAMES: Final = (ContentType("application/pdf"), Chunk(b"one"), Chunk(b"two"), SAID)


@dataclass
class FakeDossiers:
    """A gateway's gRPC face: what it was asked, what it tells, and whether whoever asked left."""

    told: Sequence[pb.OpenResponse | bytes] = field(default_factory=lambda: [event_to_wire(event) for event in EVENTS])
    frames: Sequence[Any] = FRAMES
    ends: Fault | None = None
    stands: bool = False
    asked: list[Any] = field(default_factory=list)
    left: anyio.Event = field(default_factory=anyio.Event)

    async def open(self, request: pb.OpenRequest, context: Any) -> AsyncIterator[bytes]:
        """Tell it."""
        self.asked.append(request)
        context.add_done_callback(lambda _: self.left.set())
        for message in self.told:
            yield message if isinstance(message, bytes) else message.SerializeToString()
        if self.stands:
            await anyio.Event().wait()
        if self.ends is not None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, self.ends.value)

    async def fetch(self, request: pb.DossierServiceFetchAttachmentRequest, _: Any) -> AsyncIterator[bytes]:
        """Give it."""
        self.asked.append(request)
        for frame in self.frames:
            yield pb.DossierServiceFetchAttachmentResponse(frame=answer_codec.attachment_frame_to_wire(frame)).SerializeToString()

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves."""
        answers: dict[str, Any] = {
            "Open": grpc.unary_stream_rpc_method_handler(self.open, pb.OpenRequest.FromString, None),
            "FetchAttachment": grpc.unary_stream_rpc_method_handler(self.fetch, pb.DossierServiceFetchAttachmentRequest.FromString, None),
        }
        return grpc.method_handlers_generic_handler(SERVICE, answers)


@asynccontextmanager
async def asking(folder: Path, dossiers: FakeDossiers) -> AsyncIterator[tuple[AskedThroughGateway, SmallRegion]]:
    """The way to a gateway that answers so."""
    region = SmallRegion(folder)
    live = region.live("proxy")
    server = aio.server()
    server.add_generic_rpc_handlers((dossiers.handler(),))
    server.add_insecure_port(f"unix:{folder}/gateway.grpc")
    await server.start()
    upstream = Upstream(gateway_address(f"unix:{folder}/gateway.http"), GATEWAY.ura, live)
    source = OwnKey(read_signing_key(signing_key_file(folder / HOSPITAL.name.value, KeyUse.MANDATE)))
    book = MandateBook(source, Organisation(HOSPITAL.ura, live.newest.region, GATEWAY.ura))
    channel = GatewayChannel(f"unix:{folder}/gateway.grpc")
    try:
        yield AskedThroughGateway(Parts(upstream, book, Patients(), Applications(), Professionals(GP, None)), channel), region
    finally:
        await channel.close()
        await upstream.close()
        await server.stop(None)


async def heard(way: AskedThroughGateway, question: Question) -> list[DossierEvent]:
    """Everything that is told."""
    async with way.open(question) as events:
        return [event async for event in events]


@pytest.mark.parametrize(
    "who",
    [
        TREATING,
        Who(GP, PurposeOfUse.TREATMENT, None),
        Who(GP, PurposeOfUse.EMERGENCY_TREATMENT, TreatmentBasis.PRESENT, Emergency("unconscious", "", datetime.now(UTC).replace(microsecond=0))),
    ],
    ids=["treating", "not-treating", "emergency"],
)
async def test_p1_a_dossier_is_asked_for_with_a_mandate_and_a_proof_of_this_very_question(tmp_path: Path, who: Who) -> None:
    dossiers = FakeDossiers()
    async with asking(tmp_path, dossiers) as (way, region):
        events = await heard(way, Question(BSN, date(1942, 3, 14), who))
        now = datetime.now(UTC)
        (asked,) = dossiers.asked
        mandate = read_mandate(asked.evidence.mandate, region.live().newest, now)
        (proof,) = (read_proof(text, mandate, GATEWAY.ura, now) for text in asked.evidence.proofs)

    assert events == list(EVENTS)
    assert (asked.bsn, asked.birth_date, asked.treats_the_patient) == (BSN.value, "1942-03-14", who.treatment is not None)
    assert is_about(mandate.patient, asked.evidence.salt, BSN)
    assert (mandate.professional, mandate.purpose, mandate.treatment, mandate.emergency) == (who.professional, who.purpose, who.treatment, who.emergency)
    assert proof.asked == Asked(who.purpose, EVERYTHING)


@pytest.mark.parametrize("fault", [Fault.TOO_MANY_QUESTIONS, Fault.NO_HOLDERS_ELIGIBLE, Fault.ORGANISATION_BLOCKED])
async def test_a_refusal_of_the_gateway_comes_through_by_its_code(tmp_path: Path, fault: Fault) -> None:
    async with asking(tmp_path, FakeDossiers(told=(), ends=fault)) as (way, _):
        with pytest.raises(Unavailable) as refused:
            await heard(way, Question(BSN, None, TREATING))

    assert refused.value.fault is fault


@pytest.mark.parametrize(
    "told", [[b"\xff\xff"], [pb.OpenResponse()], [event_to_wire(EVENTS[1])], [event_to_wire(EVENTS[0])] * 2], ids=["noise", "nothing", "no-plan", "two-plans"]
)
async def test_a_gateway_that_says_something_else_than_agreed_is_refused(tmp_path: Path, told: list[Any]) -> None:
    async with asking(tmp_path, FakeDossiers(told=told)) as (way, _):
        with pytest.raises(Faulted) as refused:
            await heard(way, Question(BSN, None, TREATING))

    assert refused.value.fault in (Fault.BROKEN_BATCH, Fault.GATEWAY_UNREACHABLE)


async def test_nobody_at_the_address_is_told_by_a_code(tmp_path: Path) -> None:
    async with asking(tmp_path, FakeDossiers()) as (way, _):
        nowhere = GatewayChannel(f"unix:{tmp_path}/nobody")
        with pytest.raises(Unavailable, match=Fault.GATEWAY_UNREACHABLE):
            await heard(AskedThroughGateway(way._parts, nowhere), Question(BSN, None, TREATING))
        await nowhere.close()


async def test_who_leaves_withdraws_the_question(tmp_path: Path) -> None:
    dossiers = FakeDossiers(stands=True)
    async with asking(tmp_path, dossiers) as (way, _):
        async with way.open(Question(BSN, None, TREATING)) as events:
            assert await anext(aiter(events)) == EVENTS[0]
        with anyio.fail_after(60):
            await dossiers.left.wait()


async def test_an_attachment_comes_whole_with_its_own_proof(tmp_path: Path) -> None:
    dossiers = FakeDossiers()
    async with asking(tmp_path, dossiers) as (way, region):
        async with way.fetch(Question(BSN, None, TREATING), HolderName("esdoorn"), RecordRef("DocumentReference", "d1"), "Binary/b1") as attached:
            content = b"".join([chunk async for chunk in attached.chunks])
        now = datetime.now(UTC)
        (asked,) = dossiers.asked
        mandate = read_mandate(asked.about.evidence.mandate, region.live().newest, now)

    assert (attached.media_type, content) == ("application/pdf", b"onetwo")
    wanted = Asked(PurposeOfUse.TREATMENT, EVERYTHING, frozenset({HolderName("esdoorn")}), "Binary/b1", "DocumentReference/d1")
    assert [read_proof(text, mandate, GATEWAY.ura, now).asked for text in asked.about.evidence.proofs] == [wanted]


@pytest.mark.parametrize(
    ("frames", "fault"),
    [
        ((), Fault.NOT_FOUND),
        ((SAID,), Fault.NOT_FOUND),
        (FRAMES[:3], Fault.STREAM_CUT),
        ((*FRAMES[:3], Closed(HOSPITAL.ura, Ending.CUT_OFF, Counts(), b"", b"", Fault.SOURCE_UNAVAILABLE)), Fault.SOURCE_UNAVAILABLE),
        ((*FRAMES, Chunk(b"more")), Fault.BROKEN_BATCH),
        ((FRAMES[0], FRAMES[0], SAID), Fault.BROKEN_BATCH),
    ],
)
async def test_an_attachment_that_is_not_whole_is_never_taken_for_whole(tmp_path: Path, frames: Sequence[Any], fault: Fault) -> None:
    async with asking(tmp_path, FakeDossiers(frames=frames)) as (way, _):
        with pytest.raises((BadInput, Unavailable)) as failed:
            async with way.fetch(Question(BSN, None, TREATING), HolderName("esdoorn"), RecordRef("DocumentReference", "d1"), "Binary/b1") as attached:
                _ = [chunk async for chunk in attached.chunks]

    assert failed.value.fault is fault
