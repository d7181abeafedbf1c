"""A real agent of a provider with places, in a process of its own, behind a real door; and the channel of the region's gateway to it."""

import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from subprocess import DEVNULL, PIPE, Popen
from typing import TYPE_CHECKING, Any, Final

from grpc import aio

from accord.audit.journal import Journal
from accord.audit.refusals import Refusals
from accord.letters.believing import digest_of
from accord.letters.collecting import MOST_HEARD, collect, read_receipt
from accord.letters.envelopes import Sender
from accord.letters.signing import ask_places, read_statement
from accord.link.certificates import public_pem, read_signing_key
from accord.link.options import CHANNEL
from accord.region.member_keys import signing_key_file
from accord.terms.capacity import PlacesQuestion, Statement
from accord.terms.identifiers import Bsn, HolderName, Ura
from accord.terms.members import PLACES_ONLY, KeyUse, Part, RegionRegister
from accord.terms.vocabulary import HolderKind
from accord.wire.v1 import places_service_pb2 as pb
from accord.wire.v1.places_service_pb2_grpc import PlacesServiceStub
from node_agent.pausing import Pausing
from node_agent.places.opening import Provider, open_places
from node_agent.places_settings import PlacesSettings
from testbed.region_office import Credentials
from tests.accord.link.small_region import GATEWAY, HOSPITAL, PLANNED, SmallRegion
from tests.node_agent.places_world import SERVICES, Asker

if TYPE_CHECKING:
    # Exists in the stubs only.
    from accord.wire.v1.places_service_pb2_grpc import PlacesServiceAsyncStub

PROJECT: Final = Path(__file__).resolve().parents[2]
CLINIC: Final = replace(
    PLANNED,
    ura=Ura("00001004"),
    name=HolderName("reviant"),
    title="Reviant Reggerbrug",
    kind=HolderKind.REHABILITATION,
    status=HOSPITAL.status,
    parts=frozenset({Part.DATA_HOLDER}),
    capabilities=frozenset({PLACES_ONLY}),
)
_SETTINGS: Final = """\
[holder]
ura = "{ura}"
name = "reviant"
title = "Reviant Reggerbrug"
kind = "rehabilitation"

[listen]
address = "unix:{folder}/s"

[source]
kind = "none"

[locate]
key = "{key}"

[places]
services = "services.toml"
"""


def right_now() -> datetime:
    """The clock of the real agent."""
    return datetime.now(UTC)


@dataclass(slots=True)
class PlacesAgent:
    """The folder of an agent, and the region that it is of. *asker* is the hospital."""

    region: SmallRegion
    folder: Path
    asker: Asker
    _process: "Popen[str] | None" = field(default=None, repr=False)

    @classmethod
    def made(cls, folder: Path) -> "PlacesAgent":
        """A region with a clinic that takes part with its places only; nothing runs yet."""
        region = SmallRegion(folder / "region")
        clinic = folder / "region" / "reviant"
        with region.change() as draft:
            draft.add_with_keys(replace(CLINIC, address=f"unix:{clinic}/s"), clinic, ["localhost"])
        (clinic / "services.toml").write_text(SERVICES, encoding="utf-8")
        (clinic / "agent.toml").write_text(_SETTINGS.format(ura=CLINIC.ura, folder=clinic, key="ab" * 32), encoding="utf-8")
        key = read_signing_key(signing_key_file(folder / "region" / HOSPITAL.name.value, KeyUse.MANDATE))
        agent = cls(region, clinic, Asker(HOSPITAL.ura, key, provider=CLINIC.ura))
        agent.bring_register()
        return agent

    @property
    def register(self) -> RegionRegister:
        """As everybody has it."""
        return self.region.office.signed().register

    def bring_register(self) -> None:
        """Everybody has the newest register, and the region's key."""
        for member in (self.folder, *(self.folder.parent / one.name.value for one in (GATEWAY, HOSPITAL))):
            shutil.copy(self.region.office.register_path, member / "register.jws")
            (member / "region.pub").write_text(public_pem(self.region.office.public_key), encoding="ascii")

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Any]:
        """Its places, while the agent does not run."""
        key = read_signing_key(self.folder / "answer.key")
        with Journal(self.folder / "journal", CLINIC.ura.value) as journal:
            provider = Provider(Sender(CLINIC.ura, key), CLINIC.title, lambda: self.register, _nobody)
            places = open_places(PlacesSettings(services="services.toml"), self.folder, provider, Pausing(), journal, Refusals(journal), right_now)
            try:
                yield places
            finally:
                await places.close()

    @contextmanager
    def running(self) -> Iterator[Callable[[], None]]:
        """Run the agent; what is given kills it as `kill -9` does, and starts it anew."""
        try:
            self._start()
            yield self._kill_and_start
        finally:
            self._end(SIGTERM)

    @asynccontextmanager
    async def called(self, by: str = "gateway") -> AsyncIterator["Gate"]:
        """A channel of the gateway, or of *by*, to the agent."""
        credentials = Credentials(self.folder.parent / by, known=self.folder.parent / by / "known")
        keys, options = credentials.channel(CLINIC.ura)
        async with aio.secure_channel(f"unix:{self.folder}/s", keys, options=(*CHANNEL, *options)) as channel:
            yield Gate(self, PlacesServiceStub(channel))

    def _start(self) -> None:
        command = [sys.executable, "-m", "node_agent", "run", "--config", str(self.folder / "agent.toml")]
        self._process = Popen(command, cwd=PROJECT, stdout=PIPE, stderr=DEVNULL, text=True)  # noqa: S603 - our own program
        if self._process.stdout is None or not self._process.stdout.readline().startswith("ready"):
            raise AssertionError("the agent did not start")

    def _kill_and_start(self) -> None:
        self._end(SIGKILL)
        self._start()

    def _end(self, how: Signals) -> None:
        if self._process is not None:
            with self._process as process:
                process.send_signal(how)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gateway does: it carries signed texts that it cannot read."""

    agent: PlacesAgent
    stub: "PlacesServiceAsyncStub"

    async def stated(self, question: PlacesQuestion | None = None, *, signed: str = "") -> Statement:
        """What the provider says, by its signature."""
        region, asker = self.agent.region.office.signed().register.region, self.agent.asker
        asked = signed or ask_places(asker.ura, question or PlacesQuestion(), region, asker.key, right_now())
        frames = [frame async for frame in self.stub.Offers(pb.OffersRequest(question=asked), timeout=20)]
        (frame,) = frames
        return read_statement(frame.holder.said, CLINIC.ura, digest_of(asked), self.agent.register, right_now()).statement

    async def bring(self, envelopes: Sequence[str], *, signed: str = "") -> dict[str, int]:
        """Bring letters and read those that come back; returns how far ours were heard."""
        asker = self.agent.asker
        news = {request: seq for request, seq in asker.heard.items() if asker.said.get(request, 0) < seq}
        some = dict(list(news.items())[:MOST_HEARD])
        comes = signed or collect(asker.ura, CLINIC.ura, some, asker.key, right_now())
        given = await self.stub.Letters(pb.LettersRequest(collect=comes, letters=envelopes), timeout=20)
        asker.said.update(some)
        asker.read(given.letters, self.agent.register, right_now())
        return dict(read_receipt(given.receipt, CLINIC.ura, comes, self.agent.register, right_now()))


def _nobody(_: Bsn) -> str:
    return ""
