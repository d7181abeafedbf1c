"""A whole question over real gRPC, against holders that say exactly what a script tells them to."""

import asyncio
import itertools
import json
import os
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import grpc
import pytest
from grpc import aio

from accord.audit.content import Event
from accord.audit.events import Closing, RefusedQuestion, Release
from accord.audit.refusals import Refusals
from accord.link.addresses import Address
from accord.link.pseudonyms import PseudonymKey
from accord.rules.leaving_out import LeftOut
from accord.rules.places import Places
from accord.terms.answers import Counts, Ending, Frame, Hint, Outcome, Progress
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import BSN_SYSTEM, Bsn, HolderName, QueryId, Ura
from accord.terms.parties import Asker, DataHolder, DataUser, Professional
from accord.terms.queries import DossierQuery, HolderQuery, Selection
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse, Section
from accord.wire.v1 import holder_service_pb2 as pb
from gateway import fanout, last_line, opening
from gateway.fanout import Patience
from gateway.opening import Region, open_dossier
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed, HolderStatus, Planned, RegisteredHolder
from gateway.presence import Presence, watch_all
from gateway.register import Register
from testbed.plain import PlainLedger, plain_holders, plain_recorder
from testbed.scripted_holder import ALL_CATEGORIES, Script, ScriptedHolder, batch_of, batches_of, closed_of, honest

pytestmark = pytest.mark.anyio

BSN = Bsn("999984056")
PATIENT = json.dumps({"resourceType": "Patient", "id": "1", "identifier": [{"system": BSN_SYSTEM, "value": BSN.value}], "birthDate": "1942-03-01"}).encode()
#: Generous: nobody is called silent because the machine stood still.
PATIENCE = Patience(locate=60.0, first_frame=60.0, between_frames=60.0)
#: Where somebody is silent: a test waits for this, and everybody else has to answer within it.
SILENCE = 5.0
IMPATIENT = Patience(locate=SILENCE, first_frame=SILENCE, between_frames=SILENCE)
ASKER = Asker(DataUser(Ura("90000001"), "Ziekenhuis", HolderKind.HOSPITAL), Professional("1", "01.015", "Dr"), treats_the_patient=True)


def condition(number: int, **changed: object) -> bytes:
    """A problem of patient 1."""
    return json.dumps({"resourceType": "Condition", "id": str(number), "subject": {"reference": "Patient/1"}, **changed}).encode()


RECORDS = [PATIENT, condition(1), condition(2)]


class Desk:
    """A region of scripted holders, and what asking it brought."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = AsyncExitStack()
        self.holders: list[RegisteredHolder] = []
        self.scripted: dict[str, ScriptedHolder] = {}
        self.grpc = plain_holders()
        self.events: list[DossierEvent] = []

    async def holder(self, name: str, script: Script | None, *, located: bool = True, kind: HolderKind = HolderKind.HOSPITAL, active: bool = True) -> None:
        """Add a holder; without a script nothing listens at its address."""
        number = len(self.holders)
        ura = Ura(f"9000{number:04}")
        socket = self.folder / f"{name}.sock"
        if script is not None:
            self.scripted[name] = await self.stack.enter_async_context(ScriptedHolder(ura, script, socket=socket, located=located))
        card = DataHolder(HolderName(name), ura, name.title(), kind, "053 555 0100")
        self.holders.append(RegisteredHolder(card, Address(str(socket)), PseudonymKey(os.urandom(32)), active))

    @property
    def region(self) -> Region:
        """The region as it stands."""
        return Region(Register(tuple(self.holders)), self.grpc, Presence(), plain_recorder, PATIENCE, seconds=120.0)

    async def ask(self, *, seconds: float = 60.0, selection: Selection | None = None, region: Region | None = None) -> Completeness:
        """Ask, keep the events, check the law of conservation, return the account."""
        query = DossierQuery(QueryId("q-1"), BSN, None, ASKER, PurposeOfUse.TREATMENT, selection or Selection(), seconds=seconds)
        self.events = await collect(query, region or self.region)
        last = self.events[-1]
        assert isinstance(last, Completeness)
        check_conservation(self.events, last, self.holders)
        return last

    def records(self, name: str) -> int:
        """How many records of a holder were shown."""
        return sum(len(event.batch.columns) // 40 for event in self.events if isinstance(event, HolderBatch) and event.holder.value == name)


async def collect(query: DossierQuery, region: Region) -> list[DossierEvent]:
    """All events of a dossier."""
    send, receive = anyio.create_memory_object_stream[DossierEvent](8)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_dossier, query, region, send)
        async with receive:
            events = [event async for event in receive]
    return events


def check_conservation(events: Sequence[DossierEvent], account: Completeness, holders: Sequence[RegisteredHolder]) -> None:
    """Promise P8: the register is the sum of the endings, and every asked holder has one last word."""
    planned = events[0]
    assert isinstance(planned, Planned)
    assert sorted(line.holder.name for line in account.holders) == sorted(holder.name for holder in holders)
    closed = [event.holder for event in events if isinstance(event, HolderClosed)]
    assert sorted(closed) == sorted(holder.name for holder in planned.asked)
    assert len(planned.asked) + len(planned.not_asked) == len(holders)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk, None]:
    """An empty region."""
    desk = Desk(tmp_path)
    async with desk.stack:
        yield desk
        await desk.grpc.close()


def ending_of(account: Completeness, name: str) -> Ending:
    """How a holder ended."""
    return next(line.ending for line in account.holders if line.holder.name.value == name)


def code_of(account: Completeness, name: str) -> Fault | None:
    """The code of a holder's ending."""
    return next(line.code for line in account.holders if line.holder.name.value == name)


async def test_p8_every_holder_of_the_register_ends_in_exactly_one_ending(desk: Desk) -> None:
    await desk.holder("heard", honest(RECORDS))
    await desk.holder("silent-no", honest(RECORDS), located=False)
    await desk.holder("dead", None)
    await desk.holder("later", honest(RECORDS), active=False)

    account = await desk.ask()

    assert {line.holder.name.value: line.ending for line in account.holders} == {
        "heard": Ending.ANSWERED,
        "silent-no": Ending.NOTHING_SHOWN,
        "dead": Ending.UNREACHABLE,
        "later": Ending.NOT_ASKED,
    }
    assert not account.complete
    assert desk.records("heard") == 3


class GrowingRegister:
    """Somebody joins, and somebody leaves, as soon as a question has been planned."""

    def __init__(self, *versions: Sequence[RegisteredHolder]) -> None:
        self._versions = [Register(tuple(version)) for version in versions]

    @property
    def holders(self) -> tuple[RegisteredHolder, ...]:
        """Those of one version after the other."""
        return (self._versions.pop(0) if len(self._versions) > 1 else self._versions[0]).holders

    def by_name(self, name: HolderName) -> RegisteredHolder:
        """As they are now."""
        return self._versions[0].by_name(name)


async def test_p8_a_register_that_changes_while_a_question_is_under_way_fails_nobody(desk: Desk) -> None:
    await desk.holder("heard", honest(RECORDS))
    await desk.holder("leaves", honest(RECORDS))
    planned = list(desk.holders)
    await desk.holder("joins", honest(RECORDS))
    later, desk.holders = [desk.holders[0], desk.holders[2]], planned

    account = await desk.ask(region=replace(desk.region, register=GrowingRegister(planned, later)))

    assert {line.holder.name.value: line.ending for line in account.holders} == {"heard": Ending.ANSWERED, "leaves": Ending.ANSWERED}


async def test_the_bsn_goes_only_to_holders_that_located_the_patient(desk: Desk) -> None:
    await desk.holder("knows", honest(RECORDS))
    await desk.holder("unaware", honest(RECORDS), located=False)

    await desk.ask()

    assert [query.about for query in desk.scripted["knows"].asked] == [BSN]
    assert desk.scripted["unaware"].asked == []
    pseudonyms = {desk.scripted[name].located[0] for name in ("knows", "unaware")}
    assert len(pseudonyms) == 2


async def test_an_application_is_told_who_was_asked_and_says_nothing_yet(desk: Desk) -> None:
    await desk.holder("thinks", forever_silent)
    await desk.holder("knows", honest(RECORDS))
    await desk.holder("unaware", honest(RECORDS), located=False)

    await desk.ask(region=replace(desk.region, patience=replace(PATIENCE, first_frame=1.0)))

    # That everybody in the plan is being located, the plan says itself. Who answers at once shows that by answering, on a busy
    # machine perhaps only after it was told of, too; who does not know the person is never told of.
    told = [event for event in desk.events if isinstance(event, HolderStatus) and event.holder.value != "knows"]
    assert told == [HolderStatus(HolderName("thinks"), "asking")]


async def test_a_reader_that_is_busy_keeps_no_holder_from_being_asked(desk: Desk) -> None:
    for number in range(12):
        await desk.holder(f"holder{number}", honest(RECORDS))
    query = DossierQuery(QueryId("q-1"), BSN, None, ASKER, PurposeOfUse.TREATMENT, Selection(), seconds=60.0)
    send, receive = anyio.create_memory_object_stream[DossierEvent](1)

    async with anyio.create_task_group() as tasks, receive:
        tasks.start_soon(open_dossier, query, desk.region, send)
        with anyio.fail_after(60):
            while not all(holder.asked for holder in desk.scripted.values()):
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def test_questions_at_the_same_moment_each_get_a_whole_account(desk: Desk) -> None:
    await desk.holder("heard", honest(RECORDS))
    await desk.holder("silent", forever_silent)
    region = desk.region
    accounts: list[Completeness] = []

    async def ask() -> None:
        query = DossierQuery(QueryId("q-1"), BSN, None, ASKER, PurposeOfUse.TREATMENT, Selection(), seconds=SILENCE)
        events = await collect(query, region)
        last = events[-1]
        assert isinstance(last, Completeness)
        check_conservation(events, last, desk.holders)
        accounts.append(last)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)

    assert [(ending_of(account, "heard"), ending_of(account, "silent")) for account in accounts] == [(Ending.ANSWERED, Ending.TOO_LATE)] * 20


async def forever_silent(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Say nothing, ever."""
    await anyio.sleep_forever()
    yield Progress(0)


async def stalls_half_way(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Send something, then nothing."""
    yield ALL_CATEGORIES
    yield batch_of(RECORDS)
    await anyio.sleep_forever()


async def breaks_half_way(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Send something, then end without a last word."""
    yield ALL_CATEGORIES
    yield batch_of(RECORDS)


async def explodes(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Fail with patient content in the text."""
    yield ALL_CATEGORIES
    raise RuntimeError("Dina Olde Wolbers has HIV")


async def never_ends(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Send signs of life without end."""
    while True:
        yield Progress(1)
        await anyio.lowlevel.checkpoint()


async def another_patient_later(query: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Begin honestly, then send somebody else's record."""
    batches = [batch_of(RECORDS), batch_of([condition(9, subject={"reference": "Patient/2"})])]
    yield ALL_CATEGORIES
    for batch in batches:
        yield batch
    yield closed_of(query, batches)


def lying_close(**changed: Any) -> Script:
    """An honest answer with another last word."""

    async def script(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        batches = batches_of(RECORDS)
        yield ALL_CATEGORIES
        for batch in batches:
            yield batch
        yield replace(closed_of(query, batches), **changed)

    return script


async def undecided(query: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Send a category without having decided on it."""
    yield Outcome(frozenset({CareCategory.PATIENT}), "patient-consented")
    yield batch_of(RECORDS)
    yield closed_of(query, [batch_of(RECORDS)])


async def an_unknown_frame(_: HolderQuery) -> AsyncGenerator[pb.QueryResponse, None]:
    """Send a frame without anything."""
    yield pb.QueryResponse()


@pytest.mark.parametrize(
    ("script", "ending", "code"),
    [
        (forever_silent, Ending.TOO_LATE, Fault.HOLDER_SILENT),
        (stalls_half_way, Ending.CUT_OFF, Fault.HOLDER_SILENT),
        (breaks_half_way, Ending.CUT_OFF, Fault.STREAM_CUT),
        (explodes, Ending.CUT_OFF, Fault.STREAM_CUT),
        (never_ends, Ending.OVER_LIMIT, Fault.OVER_LIMIT),
        (another_patient_later, Ending.REJECTED, Fault.OTHER_PATIENT),
        (lying_close(digest=b"\0" * 32), Ending.REJECTED, Fault.WRONG_DIGEST),
        (lying_close(question_hash=b"\0" * 32), Ending.REJECTED, Fault.WRONG_QUESTION),
        (lying_close(holder=Ura("99999999")), Ending.REJECTED, Fault.WRONG_QUESTION),
        (lying_close(ending=Ending.NOTHING_SHOWN), Ending.REJECTED, Fault.BROKEN_BATCH),
        (lying_close(ending=Ending.REJECTED), Ending.REJECTED, Fault.BROKEN_BATCH),
        (undecided, Ending.REJECTED, Fault.NOT_DECIDED),
        (an_unknown_frame, Ending.REJECTED, Fault.BROKEN_BATCH),
    ],
)
async def test_p3_a_broken_or_evil_holder_is_labelled_and_harms_nobody_else(desk: Desk, script: Script, ending: Ending, code: Fault) -> None:
    await desk.holder("sound", honest(RECORDS))
    await desk.holder("unsound", script)

    silent = code is Fault.HOLDER_SILENT
    account = await desk.ask(region=replace(desk.region, patience=IMPATIENT if silent else PATIENCE))

    assert (ending_of(account, "unsound"), code_of(account, "unsound")) == (ending, code)
    assert ending_of(account, "sound") is Ending.ANSWERED
    assert desk.records("sound") == 3
    assert "Dina" not in repr(desk.events)


async def test_p8_hints_on_records_left_out_make_the_dossier_incomplete(desk: Desk) -> None:
    async def leaves_some_out(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        batches = batches_of(RECORDS)
        yield ALL_CATEGORIES
        yield Hint(Fault.RECORDS_OVERSIZED)
        for batch in batches:
            yield batch
        closed = closed_of(query, batches)
        yield replace(closed, counts=replace(closed.counts, oversized=2))

    await desk.holder("large", leaves_some_out)

    account = await desk.ask()

    assert ending_of(account, "large") is Ending.ANSWERED
    assert account.holders[0].oversized == 2
    assert not account.complete


async def test_p8_zero_eligible_holders_is_an_error_and_not_an_empty_dossier(desk: Desk) -> None:
    await desk.holder("later", honest(RECORDS), active=False)

    with pytest.raises(BaseExceptionGroup) as caught:
        await desk.ask()

    assert isinstance(caught.value.exceptions[0], Unavailable)
    assert caught.value.exceptions[0].fault is Fault.NO_HOLDERS_ELIGIBLE


async def test_a_question_to_a_holder_that_is_not_registered_is_refused(desk: Desk) -> None:
    await desk.holder("heard", honest(RECORDS))
    query = DossierQuery(QueryId("q"), BSN, None, ASKER, PurposeOfUse.TREATMENT, holders=frozenset({HolderName("stranger")}))

    with pytest.raises(BaseExceptionGroup) as caught:
        await collect(query, desk.region)

    assert isinstance(caught.value.exceptions[0], BadInput)


async def test_a_slow_reader_is_not_the_holders_fault(desk: Desk) -> None:
    many = [PATIENT, *(condition(i, note=[{"text": "x" * 2_000}]) for i in range(2_000))]
    await desk.holder("large", honest(many))
    query = DossierQuery(QueryId("q"), BSN, None, ASKER, PurposeOfUse.TREATMENT, seconds=60.0)
    send, receive = anyio.create_memory_object_stream[DossierEvent](0)
    endings, is_rested = [], False
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_dossier, query, replace(desk.region, patience=replace(PATIENCE, between_frames=SILENCE)), send)
        async with receive:
            async for event in receive:
                if isinstance(event, HolderBatch) and not is_rested:
                    # Once, for longer than a holder may be silent: meanwhile the next batch waits to be taken.
                    await anyio.sleep(SILENCE + 0.5)
                    is_rested = True
                if isinstance(event, HolderClosed):
                    endings.append(event.ending)

    assert endings == [Ending.ANSWERED]


async def test_leaving_withdraws_the_question_at_every_holder(desk: Desk) -> None:
    await desk.holder("stuck", stalls_half_way)
    send, receive = anyio.create_memory_object_stream[DossierEvent](8)
    # Longer than is waited below: it is not the deadline that withdraws it.
    query = DossierQuery(QueryId("q"), BSN, None, ASKER, PurposeOfUse.TREATMENT, seconds=110.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_dossier, query, desk.region, send)
        async for event in receive:
            if isinstance(event, HolderBatch):
                tasks.cancel_scope.cancel()
    receive.close()

    with anyio.fail_after(60):
        await desk.scripted["stuck"].withdrawn.wait()


async def test_p8_the_deadline_ends_every_holder_that_is_still_at_it(desk: Desk) -> None:
    async def trickles(_: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield ALL_CATEGORIES
        while True:
            yield Progress(1)
            await anyio.sleep(0.05)

    await desk.holder("trickle", trickles)
    await desk.holder("sound", honest(RECORDS))

    account = await desk.ask(seconds=SILENCE)

    assert (ending_of(account, "trickle"), code_of(account, "trickle")) == (Ending.TOO_LATE, Fault.DEADLINE_PASSED)


async def test_p8_a_missing_pharmacy_harms_medication_and_not_the_lab(desk: Desk) -> None:
    await desk.holder("sound", honest(RECORDS))
    await desk.holder("pharmacy", None, kind=HolderKind.PHARMACY)

    account = await desk.ask()
    missing = {line.section: [name.value for name in line.missing] for line in account.sections}

    assert missing[Section.MEDICATION] == ["pharmacy"]
    assert missing[Section.LAB] == []
    assert {line.section: line.records for line in account.sections}[Section.PROBLEMS] == 2


async def test_p7_questions_beyond_the_bound_are_refused_at_once(desk: Desk) -> None:
    await desk.holder("stuck", forever_silent)
    region = replace(desk.region, questions=Places(1, of_one=1))
    query = DossierQuery(QueryId("q"), BSN, None, ASKER, PurposeOfUse.TREATMENT)
    refused: list[Fault] = []

    async def second() -> None:
        try:
            await collect(query, region)
        except BaseExceptionGroup as group:
            refused.extend(failure.fault for failure in group.exceptions if isinstance(failure, Unavailable))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(collect, query, region)
        await anyio.sleep(0.05)
        await second()
        tasks.cancel_scope.cancel()

    assert refused == [Fault.TOO_MANY_QUESTIONS]


NO_MESSAGE = b"\xff\xff\xff\xff"


@pytest.mark.parametrize("method", ["Describe", "Locate", "Query", "Watch"])
async def test_p3_bytes_that_are_no_message_harm_only_their_sender(desk: Desk, tmp_path: Path, method: str) -> None:
    await desk.holder("sound", honest(RECORDS))
    socket = tmp_path / "garbled.sock"
    server = aio.server()
    server.add_generic_rpc_handlers((garbling(method),))
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    card = DataHolder(HolderName("garbled"), Ura("99990000"), "Garbled", HolderKind.HOSPITAL, "")
    desk.holders.append(RegisteredHolder(card, Address(str(socket)), PseudonymKey(os.urandom(32))))
    region = desk.region
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_all, region.presence, region.register, region.holders, anyio.sleep_forever)
        await anyio.sleep(0.1)
        account = await desk.ask(region=region)
        tasks.cancel_scope.cancel()
    await server.stop(None)

    assert ending_of(account, "sound") is Ending.ANSWERED
    assert ending_of(account, "garbled") is not Ending.ANSWERED


def garbling(method: str) -> grpc.GenericRpcHandler:
    """A holder of which one method answers with bytes that are no message; the others answer nothing in particular."""

    async def one(_: bytes, __: aio.ServicerContext[bytes, bytes]) -> bytes:
        return NO_MESSAGE if method in ("Describe", "Locate") else pb.LocateResponse(located=True).SerializeToString()

    async def many(_: bytes, context: aio.ServicerContext[bytes, bytes]) -> None:
        await context.write(NO_MESSAGE)

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        **{name: grpc.unary_unary_rpc_method_handler(one) for name in ("Describe", "Locate")},
        **{name: grpc.unary_stream_rpc_method_handler(many) for name in ("Query", "Watch")},
    }
    return grpc.method_handlers_generic_handler("accord.wire.v1.HolderService", handlers)


async def test_p3_whatever_one_holder_makes_us_do_the_others_do_not_suffer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.holder("sound", honest(RECORDS))
    await desk.holder("odd", honest(RECORDS))
    ask = desk.grpc.ask

    def breaking(holder: RegisteredHolder, query: HolderQuery, *, seconds: float) -> Any:
        if holder.name.value == "odd":
            raise UnicodeError("Dina")
        return ask(holder, query, seconds=seconds)

    monkeypatch.setattr(desk.grpc, "ask", breaking)
    account = await desk.ask()

    assert (ending_of(account, "odd"), code_of(account, "odd")) == (Ending.REJECTED, Fault.INTERNAL)
    assert ending_of(account, "sound") is Ending.ANSWERED


async def test_p7_a_reader_that_stands_still_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_GRACE_SECONDS", 0.2)
    await desk.holder("sound", honest(RECORDS))
    send, receive = anyio.create_memory_object_stream[DossierEvent](0)
    query = DossierQuery(QueryId("q"), BSN, None, ASKER, PurposeOfUse.TREATMENT, seconds=0.3)
    region = replace(desk.region, questions=Places(1, of_one=1))
    with receive, pytest.raises(Unavailable) as caught:
        await open_dossier(query, region, send)

    assert caught.value.fault is Fault.DEADLINE_PASSED
    assert region.questions.held == 0


async def test_p7_decisions_without_end_are_cut(desk: Desk) -> None:
    async def decides_for_ever(_: HolderQuery) -> AsyncGenerator[Frame, None]:
        while True:
            yield ALL_CATEGORIES
            await anyio.lowlevel.checkpoint()

    await desk.holder("undecided", decides_for_ever)

    account = await desk.ask(seconds=60.0)

    assert ending_of(account, "undecided") is Ending.OVER_LIMIT


class FrozenHolder(ScriptedHolder):
    """A holder that takes the question and then does nothing at all."""

    async def Locate(self, _request: pb.LocateRequest, _context: Any) -> pb.LocateResponse:  # noqa: N802 - gRPC's name
        """Never answer."""
        await anyio.sleep_forever()
        return pb.LocateResponse()


@pytest.mark.parametrize("seconds", [SILENCE - 0.1, 60.0])
async def test_p8_a_deadline_that_passes_while_a_holder_is_frozen_is_its_ending_and_nobody_elses(desk: Desk, tmp_path: Path, seconds: float) -> None:
    await desk.holder("sound", honest(RECORDS))
    socket = tmp_path / "frozen.sock"
    frozen = await desk.stack.enter_async_context(FrozenHolder(Ura("90009999"), honest(RECORDS), socket=socket))
    card = DataHolder(HolderName("frozen"), frozen.ura, "Frozen", HolderKind.AMBULANCE, "")
    desk.holders.append(RegisteredHolder(card, Address(str(socket)), PseudonymKey(os.urandom(32))))

    account = await desk.ask(seconds=seconds, region=replace(desk.region, patience=IMPATIENT))

    assert ending_of(account, "frozen") is Ending.TOO_LATE
    assert ending_of(account, "sound") is Ending.ANSWERED


async def test_p8_types_that_a_holder_cannot_be_asked_for_are_a_gap_though_it_answered(desk: Desk) -> None:
    async def cannot_do_all(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        batches = batches_of(RECORDS)
        yield ALL_CATEGORIES
        for batch in batches:
            yield batch
        yield Hint(Fault.MISSING_CAPABILITY)
        yield closed_of(query, batches)

    await desk.holder("old", cannot_do_all)

    account = await desk.ask()

    assert (ending_of(account, "old"), code_of(account, "old")) == (Ending.ANSWERED, Fault.MISSING_CAPABILITY)
    assert not account.complete
    assert all("old" in [name.value for name in line.missing] for line in account.sections)


@pytest.mark.parametrize("hints", [True, False])
async def test_p8_a_holder_that_says_ahead_what_it_leaves_out_is_missing_in_those_sections_alone(desk: Desk, *, hints: bool) -> None:
    async def all_but_procedures(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        batches = batches_of(RECORDS)
        yield ALL_CATEGORIES
        for batch in batches:
            yield batch
        if hints:
            yield Hint(Fault.MISSING_CAPABILITY)
        yield closed_of(query, batches)

    await desk.holder("narrow", all_but_procedures)
    desk.scripted["narrow"].left_out = LeftOut.whole(["Procedure", "Flag"])

    account = await desk.ask()
    narrower = await desk.ask(selection=Selection(types=frozenset({"Patient", "Condition"})))

    assert (ending_of(account, "narrow"), code_of(account, "narrow")) == (Ending.ANSWERED, Fault.MISSING_CAPABILITY)
    assert {line.section for line in account.sections if line.missing} == {Section.PROCEDURES, Section.ALERTS}
    assert not account.complete
    assert narrower.complete == (not hints)


async def test_p9_a_holder_lacks_as_much_of_who_is_not_known_there_as_of_who_is_and_is_not_shown(desk: Desk) -> None:
    async def nothing_shown(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield Hint(Fault.MISSING_CAPABILITY)
        yield closed_of(query, [])

    async def cannot(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield replace(closed_of(query, []), ending=Ending.INCOMPATIBLE, code=Fault.MISSING_CAPABILITY)

    for name, script, located in (("known", nothing_shown, True), ("unknown", nothing_shown, False), ("asked", cannot, True), ("unasked", cannot, False)):
        await desk.holder(name, script, located=located)
        desk.scripted[name].left_out = LeftOut.whole(["Procedure"])

    account = await desk.ask()
    named = await desk.ask(selection=Selection(types=frozenset({"Procedure"})))

    for one, other, told in (("known", "unknown", account), ("asked", "unasked", named)):
        first, second = (next(line for line in told.holders if line.holder.name.value == name) for name in (one, other))
        assert (first.ending, first.code, first.lacking, first.gaps) == (second.ending, second.code, second.lacking, second.gaps)
        assert first.leaves_a_gap
    told_of = {event.holder.value: event.code for event in desk.events if isinstance(event, HolderStatus)}
    assert Fault.MISSING_CAPABILITY not in told_of.values()


async def test_what_a_holders_kind_does_not_keep_is_not_missed_there(desk: Desk) -> None:
    await desk.holder("laboratory", honest(RECORDS), kind=HolderKind.LABORATORY)
    desk.scripted["laboratory"].left_out = LeftOut.whole(["Procedure"])

    account = await desk.ask()

    assert account.complete
    assert code_of(account, "laboratory") is None


async def test_p7_an_answer_cut_to_small_pieces_does_not_fill_our_journal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "SMALL_BATCHES", 20)

    async def in_pieces(_: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield ALL_CATEGORIES
        yield batch_of([PATIENT])
        for number in range(10_000):
            yield batch_of([condition(number)])
            await anyio.lowlevel.checkpoint()

    await desk.holder("evil", in_pieces)
    ledger = PlainLedger()
    recorder = replace(plain_recorder(), ledger=ledger)

    account = await desk.ask(region=replace(desk.region, recorder=lambda: recorder))

    assert ending_of(account, "evil") is Ending.OVER_LIMIT
    assert sum(isinstance(line, Release) for line in ledger.lines) == 20


async def test_p7_who_is_refused_without_end_does_not_fill_the_journal_of_a_gateway() -> None:
    ledger = PlainLedger()
    refusals = Refusals(ledger)
    for _ in range(500):
        await replace(plain_recorder(), ledger=ledger, refusals=refusals).refused(BadInput(Fault.TOKEN_INVALID), "90000001")

    assert [line.peer for line in ledger.lines if isinstance(line, RefusedQuestion)] == ["90000001"] * 10


async def two_batches_then_silence(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Send something twice, then nothing."""
    yield ALL_CATEGORIES
    yield batch_of(RECORDS)
    yield batch_of([condition(3)])
    await anyio.sleep_forever()


async def never_done(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Send something, then ever more: whoever takes nothing any more is noticed."""
    yield ALL_CATEGORIES
    yield batch_of(RECORDS)
    for number in itertools.count(3):
        await anyio.sleep(0.05)
        yield batch_of([condition(number)])


class SlowLedger(PlainLedger):
    """Lines of one kind are in it before they are durable: `written` tells when the first is, and they wait for `go_on`."""

    def __init__(self, slow: type[Event]) -> None:
        super().__init__()
        self.slow = slow
        self.written, self.go_on = anyio.Event(), anyio.Event()

    async def append(self, event: Event) -> int:
        """As the port promises."""
        number = await super().append(event)
        if isinstance(event, self.slow):
            self.written.set()
            await self.go_on.wait()
        return number


def check_last_lines(ledger: PlainLedger, holders: Sequence[RegisteredHolder], *, released: Ura) -> None:
    """Every holder has one line that says that its answer was broken off, and that counts the lines of what was released."""
    closings = [line for line in ledger.lines if isinstance(line, Closing)]
    releases = [line for line in ledger.lines if isinstance(line, Release)]
    assert sorted(line.holder for line in closings) == sorted(holder.card.ura.value for holder in holders)
    assert {(line.ending, line.fault) for line in closings} == {(Ending.CUT_OFF, Fault.STREAM_CUT)}
    assert {line.holder for line in releases} == {released.value}
    for line in closings:
        own = [release for release in releases if release.holder == line.holder]
        assert (line.batches, line.count, line.bytes) == (len(own), sum(release.count for release in own), sum(release.bytes for release in own))


@pytest.mark.parametrize("how", ["is cancelled", "takes nothing more"])
async def test_p8_an_application_that_hangs_up_leaves_one_last_line_of_every_holder(desk: Desk, how: str) -> None:
    await desk.holder("half", never_done)
    await desk.holder("silent", forever_silent)
    ledger, query = PlainLedger(), DossierQuery(QueryId("q-1"), BSN, None, ASKER, PurposeOfUse.TREATMENT, Selection(), seconds=60.0)
    recorder = replace(plain_recorder(), ledger=ledger)
    region = replace(desk.region, recorder=lambda: recorder)
    send, receive = anyio.create_memory_object_stream[DossierEvent](0)

    async def open_until_they_leave() -> None:
        with suppress(BaseExceptionGroup):  # that nobody takes anything is told as itself
            await open_dossier(query, region, send)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(open_until_they_leave)
            async for event in receive:
                if isinstance(event, HolderBatch) and desk.scripted["silent"].asked:
                    break
            if how == "is cancelled":
                tasks.cancel_scope.cancel()
            await receive.aclose()

    check_last_lines(ledger, desk.holders, released=desk.holders[0].card.ura)


async def test_p2_an_application_that_hangs_up_while_a_line_is_written_has_it_counted(desk: Desk) -> None:
    await desk.holder("half", two_batches_then_silence)
    ledger = SlowLedger(Release)
    await _cancelled_when_written(desk, ledger)

    check_last_lines(ledger, desk.holders, released=desk.holders[0].card.ura)


async def test_p8_what_has_its_line_and_comes_too_late_to_be_shown_is_not_told_as_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_line, "LINE_SECONDS", 60.0)
    await desk.holder("half", two_batches_then_silence)
    ledger = SlowLedger(Release)
    recorder = replace(plain_recorder(), ledger=ledger)
    region = replace(desk.region, recorder=lambda: recorder)

    async def later() -> None:
        # Counted from the line, which stands there within the time of the question: when this is over, so is that.
        await ledger.written.wait()
        await anyio.sleep(SILENCE + 0.1)
        ledger.go_on.set()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(later)
            account = await desk.ask(seconds=SILENCE, region=region)

    closed = next(event for event in desk.events if isinstance(event, HolderClosed))
    assert desk.records("half") == 0
    assert (closed.ending, closed.counts) == (Ending.TOO_LATE, Counts())
    assert all(not line.records for line in account.sections)
    (line,) = [line for line in ledger.lines if isinstance(line, Closing)]
    assert (line.batches, line.count) == (1, len(RECORDS))


@pytest.mark.parametrize("room", [0, 1])
async def test_p8_what_a_reader_takes_at_the_very_deadline_is_told_as_shown(desk: Desk, room: int) -> None:
    await desk.holder("half", two_batches_then_silence)
    region = desk.region
    query = DossierQuery(QueryId("q-1"), BSN, None, ASKER, PurposeOfUse.TREATMENT, Selection(), seconds=1.0)
    send, receive = anyio.create_memory_object_stream[DossierEvent](room)
    takes, loop, events = anyio.Event(), asyncio.get_running_loop(), list[DossierEvent]()

    def wake() -> None:
        takes.set()
        time.sleep(0.02)  # the deadline passes in the turn in which the reader wakes

    async with anyio.create_task_group() as tasks, receive:
        loop.call_later(0.99, wake)
        tasks.start_soon(open_dossier, query, region, send)
        events.append(await receive.receive())
        await takes.wait()
        events += [event async for event in receive]

    closed = next(event for event in events if isinstance(event, HolderClosed))
    account = next(event for event in events if isinstance(event, Completeness))
    shown = sum(len(event.batch.columns) // 40 for event in events if isinstance(event, HolderBatch))
    assert closed.counts.records == shown == sum(line.records for line in account.sections)


async def test_p8_an_application_that_hangs_up_while_the_last_line_is_written_leaves_that_one(desk: Desk) -> None:
    await desk.holder("sound", honest(RECORDS))
    ledger = SlowLedger(Closing)
    await _cancelled_when_written(desk, ledger)

    assert [line.ending for line in ledger.lines if isinstance(line, Closing)] == [Ending.ANSWERED]


async def test_a_journal_that_hangs_holds_up_nobody_who_hangs_up_for_long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_line, "LINE_SECONDS", 0.05)
    await desk.holder("half", two_batches_then_silence)
    ledger = SlowLedger(Closing)
    with anyio.fail_after(60):
        await _cancelled_when_written(desk, ledger, goes_on=False, hangs_up=lambda: bool(desk.scripted["half"].asked))


async def _cancelled_when_written(desk: Desk, ledger: SlowLedger, *, goes_on: bool = True, hangs_up: Callable[[], bool] = lambda: False) -> None:
    recorder = replace(plain_recorder(), ledger=ledger)
    query = DossierQuery(QueryId("q-1"), BSN, None, ASKER, PurposeOfUse.TREATMENT, Selection(), seconds=60.0)
    send, receive = anyio.create_memory_object_stream[DossierEvent](100)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks, receive:
            tasks.start_soon(open_dossier, query, replace(desk.region, recorder=lambda: recorder), send)
            while not ledger.written.is_set() and not hangs_up():  # noqa: ASYNC110 - nobody tells of what a holder was asked
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
            if goes_on:
                ledger.go_on.set()
