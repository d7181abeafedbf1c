"""A holder's desk on a socket, the demo's login provider, and a gateway that sends whatever a test wants."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import grpc
from grpc import aio

from accord.audit.content import Event
from accord.audit.journal import Journal
from accord.audit.reading import JournalReader
from accord.audit.verifying import events_of
from accord.link.listening import Listening
from accord.link.options import CHANNEL, SERVER
from accord.link.pseudonyms import PseudonymKey
from accord.link.status import fault_of
from accord.rules.data_kinds import DAILY, DataKind
from accord.rules.places import Places
from accord.rules.statements import Answer, Cell, ChoiceLine, Side, Statement, Voice, nonce_of
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, HolderName, Pseudonym, Ura
from accord.terms.members import Member, MemberStatus, Part, RegionRegister
from accord.terms.vocabulary import HolderKind
from accord.wire.v1 import patient_service_pb2 as pb
from accord.wire.v1.patient_service_pb2_grpc import PatientServiceStub
from node_agent.api.patient_servicer import PATIENT_SERVICE, PatientService, patient_calls
from node_agent.deciding import WITHOUT_A_MATRIX
from node_agent.desk import Desk
from node_agent.sources.choice_store import SqliteChoices, keep_choices
from node_agent.sources.statement_store import SqliteStatements
from testbed.login_people import LoginPerson
from testbed.login_provider import DemoLogin
from testbed.people import BENNIE, DINA
from testbed.people.untidy import MINOR_FROM_12
from testbed.plain import PlainDoor, plain_safeguards
from tests.node_agent.asking import InTime

if TYPE_CHECKING:
    from accord.wire.v1.patient_service_pb2_grpc import PatientServiceAsyncStub  # of the stub file only

URA = Ura("90001003")
REGION = "testbed"
CLIENT = "noaber-pages"
CONFIRM_CLIENT = "noaber-choices"
KEY = PseudonymKey(bytes(range(32)))
HERS, HIS, CHILDS = Bsn(DINA.bsn), Bsn(BENNIE.bsn), Bsn(MINOR_FROM_12.bsn)
KNOWN = frozenset({HERS, HIS, CHILDS})
SALT = bytes(range(32))


class Clock:
    """The time as a test wants it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """What time it is."""
        return self.at


class NoPseudonymKeys:
    """Every key is right."""

    def check_key(self, _key_check: bytes) -> None:
        """Nothing."""


@dataclass
class Kit:
    """The desk, everything around it, and the way to it."""

    clock: Clock
    provider: DemoLogin
    journal: Journal
    choices: SqliteChoices
    statements: SqliteStatements
    desk: Desk
    register: RegionRegister
    stub: "PatientServiceAsyncStub"
    told: list[Bsn | None] = field(default_factory=list)
    knows: set[Pseudonym] = field(default_factory=lambda: {KEY.pseudonym(bsn) for bsn in KNOWN})

    def token(self, person: str, nonce: str = "any", *, ago: float = 0, client: str = CLIENT, **claims: Any) -> str:
        """The ID token of somebody who logged in so many seconds ago; by the client to look by, unless said otherwise."""
        who = self.person(person)
        said = self.provider.claims(who, client, nonce, self.clock() - timedelta(seconds=ago))
        return self.provider.key.sign(said | claims)

    def person(self, key: str) -> LoginPerson:
        """Somebody who can log in."""
        return next(one for one in self.provider.people() if one.key == key)

    def confirmed(self, statement: Statement, person: str = "dina", **claims: Any) -> pb.ChooseRequest:
        """A statement with the login that was made for it, as an honest gateway delivers it."""
        token = self.token(person, nonce_of(statement, SALT), **({"client": CONFIRM_CLIENT} | claims))
        return pb.ChooseRequest(login=pb.Login(id_token=token, bsn=statement.patient.value), statement=statement.canonical, random=SALT)

    def login(self, person: str = "dina", bsn: Bsn = HERS, **claims: Any) -> pb.Login:
        """A login by which one looks."""
        return pb.Login(id_token=self.token(person, **claims), bsn=bsn.value)

    async def choose(self, request: pb.ChooseRequest) -> Fault | None:
        """Deliver; the code of the refusal, or none."""
        try:
            await self.stub.Choose(request)
        except aio.AioRpcError as failure:
            return fault_of(failure.details())
        return None

    async def on_record(self, person: str = "dina", bsn: Bsn = HERS) -> pb.ReadChoicesResponse:
        """What the desk tells."""
        return await self.stub.ReadChoices(pb.ReadChoicesRequest(login=self.login(person, bsn)))

    def lines(self, kind: str = "") -> list[Event]:
        """The holder's journal."""
        return [event for _, event in events_of(self.journal.folder, kind=kind)]


def stated(
    clock: Clock,
    answer: Answer = Answer.OBJECTS,
    provider: HolderKind | None = HolderKind.HOME_CARE,
    *,
    side: Side = Side.LOOKS,
    patient: Bsn = HERS,
    voice: Voice = Voice.SELF,
    data: Iterable[DataKind] = DAILY,
    ago: float = 0,
) -> Statement:
    """A statement of this moment, or of so many seconds ago."""
    lines = tuple(ChoiceLine(Cell(side, provider, kind), answer) for kind in data)
    return Statement(REGION, patient, voice, lines, clock() - timedelta(seconds=ago))


@asynccontextmanager
async def running_desk(folder: Path) -> AsyncIterator[Kit]:
    """The desk of a GP practice, on a socket."""
    clock = Clock()
    clients = dict.fromkeys((CLIENT, CONFIRM_CLIENT), ("https://pages.example/terug",))
    provider = DemoLogin("https://login.example", clients, confirming={CONFIRM_CLIENT}, clock=clock, seed=b"k" * 32)
    path = folder / "choices.db"
    keep_choices(path, {})
    member = Member(URA, HolderName("brinkhof"), "De Brinkhof", HolderKind.GP_PRACTICE, "", MemberStatus.ACTIVE, frozenset({Part.DATA_HOLDER}))
    now = clock()
    register = RegionRegister(REGION, 1, now, now + timedelta(days=9000), (member,), (), WITHOUT_A_MATRIX, (provider.registered(CLIENT, CONFIRM_CLIENT),))
    with Journal(folder / "journal", URA.value, clock=lambda: int(clock().timestamp() * 1000), sync_seconds=30.0) as journal:
        choices, statements = SqliteChoices(path), SqliteStatements(path)
        safeguards = plain_safeguards(URA, kind=HolderKind.GP_PRACTICE, ledger=journal, pseudonym_of=KEY.pseudonym, mark=KEY.mark)
        reader = JournalReader(journal.folder, None, lambda: journal.durable)
        kit: Kit
        desk = Desk(safeguards, choices, statements, reader, knows=lambda one: one in kit.knows, register=lambda: kit.register, now=clock)
        server = aio.server(options=SERVER)
        calls = patient_calls(PatientService(desk, PlainDoor(), NoPseudonymKeys()), Listening(Places(20, of_one=20)), _unnoted)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(PATIENT_SERVICE, calls),))
        server.add_insecure_port(f"unix:{folder / 'desk'}")
        await server.start()
        async with aio.insecure_channel(f"unix:{folder / 'desk'}", options=CHANNEL) as channel:
            kit = Kit(clock, provider, journal, choices, statements, desk, register, cast("PatientServiceAsyncStub", InTime(PatientServiceStub(channel))))
            safeguards.revocations.tell_also(kit.told.append)
            yield kit
        await server.stop(None)
        reader.close()
        await choices.close()


async def _unnoted(_: Fault) -> None:
    pass
