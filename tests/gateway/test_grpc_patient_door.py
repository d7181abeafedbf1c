"""The way to the holders' desks: nobody is told more than they need, and what a holder says is believed for itself only."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode, aio

from accord.link.addresses import address
from accord.link.options import CHANNEL
from accord.link.pseudonyms import PseudonymKey
from accord.rules.data_kinds import DataKind
from accord.rules.statements import Answer, Cell, ChoiceLine, ConfirmedStatement, Side, Statement, Voice
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, HolderName, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import HolderKind
from accord.wire.v1 import patient_service_pb2 as pb
from accord.wire.v1 import terms_pb2
from accord.wire.v1.patient_service_pb2_grpc import PatientServiceServicer, add_PatientServiceServicer_to_server
from gateway.adapters.grpc_patient_door import GrpcPatientDoor
from gateway.patient.ports import Confirmed, NotConfirmed, RegionInfo
from gateway.ports import RegisteredHolder
from gateway.register import Register

pytestmark = pytest.mark.anyio

DINA, BENNIE = Bsn("999984056"), Bsn("999984123")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEYS = {"gp": PseudonymKey(b"g" * 32), "pharmacy": PseudonymKey(b"p" * 32), "hospital": PseudonymKey(b"h" * 32)}


def stated(patient: Bsn = DINA, side: Side = Side.LOOKS, provider: HolderKind = HolderKind.HOME_CARE) -> Statement:
    return Statement("testbed", patient, Voice.SELF, (ChoiceLine(Cell(side, provider, DataKind.ALERTS), Answer.OBJECTS),), NOON)


@dataclass
class ScriptedDesk(PatientServiceServicer):
    """Says what it is told to; everything that it was asked is in `asked`."""

    known: bool = True
    fails: Fault | None = None
    choices: Any = field(default_factory=pb.ReadChoicesResponse)
    looks: Any = field(default_factory=pb.ReadAccessesResponse)
    asked: list[Any] = field(default_factory=list)

    async def Recognise(self, request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's generated classes name the methods
        """Whether somebody is known."""
        self.asked.append(request)
        return pb.RecogniseResponse(known=self.known)

    async def ReadChoices(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What is on record."""
        return await self._say(request, context, self.choices)

    async def Choose(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take a choice."""
        return await self._say(request, context, pb.ChooseResponse(since_ms=1000))

    async def ReadAccesses(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Who looked."""
        return await self._say(request, context, self.looks)

    async def _say(self, request: Any, context: Any, answer: Any) -> Any:
        self.asked.append(request)
        if self.fails:
            await context.abort(StatusCode.UNAUTHENTICATED, self.fails.value)
        return answer


@dataclass
class Kit:
    """The door, and the desks behind it by name."""

    door: GrpcPatientDoor
    desks: dict[str, ScriptedDesk]


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Kit]:
    kinds = {"gp": HolderKind.GP_PRACTICE, "pharmacy": HolderKind.PHARMACY, "hospital": HolderKind.HOSPITAL}
    desks = {name: ScriptedDesk() for name in ("gp", "pharmacy")}  # nobody listens at the hospital
    holders = tuple(
        RegisteredHolder(DataHolder(HolderName(name), Ura(f"9000000{place}"), name.title(), kind, ""), address(f"unix:{tmp_path / name}"), KEYS[name])
        for place, (name, kind) in enumerate(kinds.items())
    )
    async with AsyncExitStack() as stack:
        for name, desk in desks.items():
            server = aio.server()
            add_PatientServiceServicer_to_server(desk, server)
            server.add_insecure_port(f"unix:{tmp_path / name}")
            await server.start()
            stack.push_async_callback(server.stop, None)
        door = GrpcPatientDoor(
            Register(holders),
            lambda holder: aio.insecure_channel(holder.address.target, options=CHANNEL),
            lambda: RegionInfo("testbed", "Testbed", "", emergency=False),
        )
        stack.push_async_callback(door.close)
        yield Kit(door, desks)


def of(kit: Kit, name: str, kind: type[Any]) -> list[Any]:
    """What a desk was asked of one kind."""
    return [one for one in kit.desks[name].asked if isinstance(one, kind)]


async def test_who_does_not_know_the_patient_gets_a_pseudonym_and_nothing_else(kit: Kit) -> None:
    kit.desks["pharmacy"].known = False
    confirmed = ConfirmedStatement(stated(), bytes(32), "to.ke.n")
    said = await kit.door.choose(confirmed)
    await kit.door.choices(DINA, "to.ke.n")

    assert all(isinstance(one, pb.RecogniseRequest) for one in kit.desks["pharmacy"].asked)
    assert not any(DINA.value.encode() in one.SerializeToString() for one in kit.desks["pharmacy"].asked)
    assert of(kit, "pharmacy", pb.RecogniseRequest)[0].pseudonym == KEYS["pharmacy"].pseudonym(DINA).value
    assert [one.statement for one in of(kit, "gp", pb.ChooseRequest)] == [confirmed.statement.canonical]
    assert {one.holder.name.value: type(one) for one in said} == {"gp": Confirmed, "hospital": NotConfirmed}


async def test_who_could_not_be_asked_is_named_with_its_code(kit: Kit) -> None:
    assert [one.name.value for one in await kit.door.holders_of(DINA)] == ["gp", "pharmacy", "hospital"]
    assert {one.holder.name.value: one.code for one in await kit.door.choices(DINA, "t")} == {
        "gp": None,
        "pharmacy": None,
        "hospital": Fault.HOLDER_UNREACHABLE,
    }
    kit.desks["gp"].fails = Fault.LOGIN_REQUIRED
    assert (await kit.door.accesses(DINA, "t", NOON, NOON))[0].code is Fault.LOGIN_REQUIRED


async def test_a_statement_about_sharing_goes_to_holders_of_that_kind_only(kit: Kit) -> None:
    said = await kit.door.choose(ConfirmedStatement(stated(side=Side.KEEPS, provider=HolderKind.PHARMACY), bytes(32), "t"))

    assert [one.holder.name.value for one in said] == ["pharmacy"]
    assert not kit.desks["gp"].asked


async def test_an_evil_holder_does_not_put_words_into_a_patients_mouth(kit: Kit) -> None:
    for statements in ([stated(BENNIE).canonical], [b"{}"], [stated().canonical + b" "], [b"x"] * 2000):
        kit.desks["gp"].choices = pb.ReadChoicesResponse(statements=statements)
        kit.desks["pharmacy"].choices = pb.ReadChoicesResponse(statements=[stated().canonical], others=True)
        gp, pharmacy, _ = await kit.door.choices(DINA, "t")

        assert (gp.code, gp.lines) == (Fault.BROKEN_BATCH, ())
        assert [one.line for one in pharmacy.lines] == list(stated().lines)
        assert pharmacy.others


async def test_what_a_holder_says_of_looks_is_read_strictly(kit: Kit) -> None:
    good = pb.Access(at_ms=1000, ura="90000001", organisation="Reggerbrug", kind="hospital", professional="Sanne", role="01.015")
    good.purpose = terms_pb2.PURPOSE_OF_USE_TREAT
    good.categories.extend(["Alert", "Patient"])
    kit.desks["gp"].looks = pb.ReadAccessesResponse(accesses=[good])
    line = (await kit.door.accesses(DINA, "t", NOON, NOON))[0].lines[0]

    assert (line.organisation, line.kind, line.data) == ("Reggerbrug", HolderKind.HOSPITAL, frozenset({DataKind.ALERTS}))
    for changed in ({"kind": "casino"}, {"purpose": 0}, {"ura": "1"}, {"at_ms": 2**62}, {"organisation": "x" * 10_000}):
        bad = pb.Access()
        bad.CopyFrom(good)
        for name, value in changed.items():
            setattr(bad, name, value)
        kit.desks["gp"].looks = pb.ReadAccessesResponse(accesses=[bad])
        assert (await kit.door.accesses(DINA, "t", NOON, NOON))[0].code is Fault.BROKEN_BATCH
