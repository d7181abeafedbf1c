"""The processes of a region without TLS, evidence, signatures and journal, beside those of a real one: same code, same sources.

What decides stays: the matrix, the patients' choices, the locating by pseudonym. So what is shown is the same, and the
difference in time is what trust costs.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import anyio
from grpc import aio

from accord.link.addresses import address
from accord.link.certificates import read_anchor
from accord.link.live_register import LiveRegister
from accord.link.options import CHANNEL, MAXIMUM_CONCURRENT_RPCS, SERVER
from accord.link.pseudonyms import pseudonym_key
from accord.link.surroundings import collect_garbage_rarely
from accord.terms.answers import Closed
from accord.terms.evidence import Asked
from accord.terms.identifiers import Bsn, Ura
from accord.terms.members import RegionRegister
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import NO_EVIDENCE, Evidence, Selection
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from gateway.adapters.grpc_holders import GrpcHolders
from gateway.api.grpc_dossier import DossierService
from gateway.callers import Caller
from gateway.connect.grpc_relay import DossierRelay, GatewayChannel
from gateway.fanout import Patience
from gateway.opening import Region
from gateway.ports import RegisteredHolder
from gateway.presence import Presence, watch_all
from gateway.recording import Recorder
from gateway.register import LiveHolders, read_keys
from node_agent.admitted import Asking
from node_agent.api.servicer import HolderService
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.opening import open_source
from node_agent.pausing import Pausing
from node_agent.recording import Recording
from node_agent.safeguards import Safeguards
from node_agent.server import serving
from node_agent.settings import read_settings
from node_agent.sources.choice_store import SqliteChoices
from testbed.holders import BY_NAME
from testbed.plain import PlainDoor, PlainExchange, PlainLedger, plain_safeguards
from testbed.processes import Processes, Program
from testbed.region import BlockingRegion
from testbed.region_files import DATA_USER, PROFESSIONAL

_PLAIN: Final = "-plain"
_USER: Final = BY_NAME[DATA_USER]
_ASKER: Final = Asker(
    DataUser(_USER.ura, _USER.title, HolderKind.HOSPITAL), Professional(PROFESSIONAL["id"], PROFESSIONAL["role"], PROFESSIONAL["name"]), treats_the_patient=True
)


def start_plain(region: BlockingRegion, processes: Processes) -> tuple[str, list[int]]:
    """Start the twins of a running region: where they are asked, and the numbers of their processes."""
    folder = region.root / "plain"
    agents = [
        processes.start(Program(f"plain {name}", "benches.plain_region:agent", (str(files.agent),), folder)) for name, files in region.files.items()
    ]  # fmt: skip
    for one in agents:
        one.wait_until_ready("ready")
    gateway = processes.start(Program("plain gateway", "benches.plain_region:gateway", (str(region.root / "gateway"),), folder))
    relay = processes.start(Program("plain connect", "benches.plain_region:connect", (gateway.wait_until_ready("ready").split()[1],), folder))
    return relay.wait_until_ready("ready").split()[1], [one.pid for one in (*agents, gateway, relay)]


def agent() -> None:
    """An agent over the source and the choices of a real one."""
    anyio.run(_serve_agent, Path(sys.argv[1]), backend_options={"use_uvloop": True})


def gateway() -> None:
    """A gateway over the plain agents."""
    anyio.run(_serve_gateway, Path(sys.argv[1]), backend_options={"use_uvloop": True})


def connect() -> None:
    """The data user's relay, which adds nothing."""
    anyio.run(_serve_connect, sys.argv[1], backend_options={"use_uvloop": True})


async def _serve_agent(folder: Path) -> None:
    settings = read_settings([folder / "agent.toml"], []).values
    ura, policy = Ura(settings.holder.ura), _register_of(folder).newest.policy
    key = pseudonym_key(settings.locate.key)
    safeguards = _unrecorded(ura, kind=settings.holder.kind, pseudonym_of=key.pseudonym, mark=key.mark, region=lambda: policy)
    choices = SqliteChoices(Path(settings.choices.path))
    async with open_source(settings.source, folder) as source:
        holder = Holder(ura, source, choices, Pausing(), safeguards)
        locating = Locating(holder, key, refresh_seconds=600)
        collect_garbage_rarely()
        service = HolderService(holder, settings.holder.title, locating, PlainDoor(), PlainExchange())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(locating.keep_fresh)
            tasks.start_soon(safeguards.revocations.keep_polling, choices.changes)
            async with serving(service, holder.pausing, address(settings.listen.address + _PLAIN)) as served:
                await locating.made.wait()
                await _stay(served)


async def _serve_gateway(folder: Path) -> None:
    live = _register_of(folder)

    def current() -> RegionRegister:
        return live.newest

    recorder = _NoRecorder(PlainLedger(), bytes(32), live.newest.policy)
    region = Region(
        LiveHolders(current, read_keys(folder / "keys")), GrpcHolders(_connect, _is_believed), Presence(), lambda: recorder, Patience(1.0, 4.0, 3.0), 10.0
    )  # fmt: skip
    collect_garbage_rarely()
    await _serve(DossierService(region, _PlainCallers()).handler(), lambda: watch_all(region.presence, region.register, region.holders, anyio.sleep_forever))


async def _serve_connect(target: str) -> None:
    parts: Any = SimpleNamespace(upstream=SimpleNamespace(check_standing=lambda: None))
    await _serve(_PlainRelay(parts, GatewayChannel(target)).handler(), anyio.sleep_forever)


async def _serve(handler: Any, beside: Callable[[], Any]) -> None:
    server = aio.server(options=SERVER, maximum_concurrent_rpcs=MAXIMUM_CONCURRENT_RPCS)
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(beside)
        await _stay(f"127.0.0.1:{port}")


async def _stay(served: str) -> None:
    sys.stdout.write(f"ready {served}\n")
    sys.stdout.flush()
    await anyio.sleep_forever()


def _register_of(folder: Path) -> LiveRegister:
    return LiveRegister(folder / "register.jws", [read_anchor(folder / "region.pub")], known=folder / "plain.known")


def _connect(holder: RegisteredHolder) -> aio.Channel:
    return aio.insecure_channel(holder.address.target + _PLAIN, options=CHANNEL)


def _is_believed(_: Closed) -> bool:
    return True


def _unrecorded(ura: Ura, **parts: Any) -> "_Unrecorded":
    made = plain_safeguards(ura, **parts)
    return _Unrecorded(*(getattr(made, part.name) for part in fields(Safeguards) if part.init))


class _Unrecorded(Safeguards):
    """Safeguards that write no line, and make none."""

    __slots__ = ()

    def recording(self, asking: Asking) -> Recording:
        """Nothing is recorded."""
        return _NoRecording(self.ledger, self.ura, asking)


class _NoRecording(Recording):
    __slots__ = ()

    async def located(self, *_: Any, **__: Any) -> None: ...

    async def decided(self, *_: Any, may_show: bool, **__: Any) -> None:
        self.may_show = may_show

    async def releasing(self, *_: Any, **__: Any) -> None: ...

    async def closing(self, *_: Any, **__: Any) -> None: ...


class _NoRecorder(Recorder):
    __slots__ = ()

    async def asked(self, *_: Any, **__: Any) -> None: ...

    async def releasing(self, *_: Any, **__: Any) -> None: ...

    async def closing(self, *_: Any, **__: Any) -> None: ...


class _PlainRelay(DossierRelay):
    async def _add_evidence(self, about: Any, context: Any, attachment: Any) -> None: ...


class _PlainCaller:
    """Dr Sanne ten Esker, whoever it is."""

    asked_by = _ASKER
    purpose = PurposeOfUse.TREATMENT
    patient = base = ""
    categories: frozenset[CareCategory] = frozenset()

    def narrowed(self, selection: Selection) -> Selection:
        return selection

    def evidence_for(self, _bsn: Bsn, _asked: Asked) -> Evidence:
        return NO_EVIDENCE


@asynccontextmanager
async def _always() -> AsyncIterator[None]:
    yield


class _PlainCallers:
    def who(self, _context: Any) -> str:
        return ""

    def while_a_member(self, _caller: Caller) -> AbstractAsyncContextManager[None]:
        return _always()

    def caller_of(self, _context: Any, _evidence: Evidence) -> Caller:
        return _PlainCaller()
