"""A gateway WITHOUT TRUST: a reference that benches measure against. IT MUST NEVER SERVE A PATIENT.

It believes whoever asks, believes every holder, and keeps no journal: no mutual TLS, no mandates, no proofs, no register that
anybody signed. The parts between its faces and its holders are those of the real gateway, so that what is measured here and
there is alike. It listens on loopback and on unix sockets, calls nobody elsewhere, and refuses any other address.

    python -m testbed.plain_gateway --set listen.grpc=unix:/tmp/g.sock --holder h0,91000000,unix:/tmp/h0.sock

The settings are those of `noaber gateway`, as far as they make sense without trust: `listen`, and the times in `region`.
"""

import argparse
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import anyio
from grpc import aio
from grpc.aio import ServicerContext

from accord.audit.content import Event
from accord.link.addresses import Address, loopback
from accord.link.options import MAXIMUM_CONCURRENT_RPCS, SERVER
from accord.link.pseudonyms import PseudonymKey, pseudonym_key
from accord.link.surroundings import collect_garbage_rarely
from accord.rules.places import Places
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, HolderName, Ura
from accord.terms.parties import Asker, DataHolder, DataUser, Professional
from accord.terms.queries import NO_EVIDENCE, Evidence, Selection
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from gateway.api.fhir_app import make_app
from gateway.api.grpc_dossier import DossierService
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.callers import Caller
from gateway.fanout import Patience
from gateway.opening import Region
from gateway.ports import RegisteredHolder
from gateway.presence import Presence, watch_all
from gateway.recording import KEY_BYTES, Recorder
from gateway.register import Register
from gateway.settings import GatewaySettings, read_settings
from node_agent.deciding import WITHOUT_A_MATRIX
from testbed.plain import plain_holders

_ASKER: Final = Asker(
    DataUser(Ura("90001001"), "Ziekenhuis Dinkelhorst", HolderKind.HOSPITAL), Professional("900000031", "01.071", "Sanne ten Esker"), treats_the_patient=True
)
#: No secret: nobody may be asked for real under it.
PLAIN_KEY: Final = "ab" * 32
_GRACE_SECONDS: Final = 1.0


class ForgetfulLedger:
    """Counts lines and keeps none: a bench writes very many, and they must not fill the memory that it measures."""

    def __init__(self) -> None:
        self._lines = 0

    async def append(self, event: Event) -> int:
        """Drop the line; its number."""
        del event
        self._lines += 1
        return self._lines


@dataclass(frozen=True, slots=True)
class PlainCaller:
    """Somebody at a hospital, who says whom it is about and is believed."""

    patient: str
    base: str = ""
    asked_by: Asker = _ASKER
    purpose: PurposeOfUse = PurposeOfUse.TREATMENT
    categories: frozenset[CareCategory] = frozenset()

    def narrowed(self, selection: Selection) -> Selection:
        """All of it."""
        return selection

    def evidence_for(self, bsn: Bsn, asked: Asked) -> Evidence:
        """None."""
        del bsn, asked
        return NO_EVIDENCE


class PlainCallers:
    """`gateway.callers.Callers`, and the same over gRPC, without any evidence: everybody is let in."""

    def caller(self, headers: Mapping[str, str], peer: bytes) -> PlainCaller:
        """Who asks over HTTP, about the patient of the `noaber-patient` header."""
        del peer
        return PlainCaller(headers.get("noaber-patient", ""), headers.get("noaber-base", ""))

    def who(self, _context: ServicerContext[Any, Any]) -> str:
        """Anybody."""
        return ""

    def while_a_member(self, _caller: Caller) -> AbstractAsyncContextManager[None]:
        """For ever."""
        return _always()

    def caller_of(self, context: ServicerContext[Any, Any], evidence: Evidence) -> PlainCaller:
        """Who asks over gRPC."""
        del context, evidence
        return PlainCaller("")


@asynccontextmanager
async def _always() -> AsyncIterator[None]:
    yield


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; says `ready http=… grpc=…` once questions can be asked."""
    parser = argparse.ArgumentParser(prog="testbed.plain_gateway", description="A gateway without trust, for benches. Never for patients.")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting of `noaber gateway`: of listen or region")
    parser.add_argument("--holder", action="append", default=[], metavar="NAME,URA,ADDRESS", help="a holder on this machine")
    parser.add_argument("--key", default=PLAIN_KEY, help="the pseudonym key of them all: 64 hexadecimal digits")
    given = parser.parse_args(arguments)
    settings = read_settings([], given.set).values
    holders = read_holders(given.holder, pseudonym_key(given.key))
    anyio.run(_run, settings, holders, _say, backend_options={"use_uvloop": True})


def read_holders(texts: Iterable[str], key: PseudonymKey) -> Register:
    """The holders on a command line.

    Raises:
        BadInput: `invalid-setting`, or `loopback-only` for one that is not on this machine.
    """
    return Register(tuple(_holder(text, key) for text in texts))


def _holder(text: str, key: PseudonymKey) -> RegisteredHolder:
    name, _, rest = text.partition(",")
    ura, _, at = rest.partition(",")
    card = DataHolder(HolderName(name), Ura(ura), f"Holder {name}", HolderKind.HOSPITAL, "")
    return RegisteredHolder(card, loopback(at), key)


async def _run(settings: GatewaySettings, register: Register, ready: Callable[[str], None]) -> None:
    collect_garbage_rarely()
    # Looked at before anything listens: none of it may be reached from elsewhere.
    grpc_at, http_at = loopback(settings.listen.grpc), loopback(settings.listen.http)
    os.umask(0o077)
    holders = plain_holders()
    recorder = Recorder(ForgetfulLedger(), bytes(KEY_BYTES), WITHOUT_A_MATRIX)
    times = settings.region
    patience = Patience(times.locate_seconds, times.first_frame_seconds, times.between_frames_seconds)
    region = Region(register, holders, Presence(), lambda: recorder, patience, times.seconds, Places(times.questions_at_once, of_one=times.questions_of_one))
    callers = PlainCallers()
    http = HttpSettings(seconds=times.seconds, first_frame_seconds=times.first_frame_seconds)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_all, region.presence, register, holders, anyio.sleep_forever)
        server, taken = await _serve_grpc(DossierService(region, callers), grpc_at)
        http_address = await tasks.start(serve_http, partial(make_app, region, callers), http, http_at)
        ready(f"ready http={http_address} grpc={taken}")
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                break
        await server.stop(_GRACE_SECONDS)
        tasks.cancel_scope.cancel()
    await holders.close()


async def _serve_grpc(service: DossierService, at: Address) -> tuple[aio.Server, str]:
    server = aio.server(options=SERVER, maximum_concurrent_rpcs=MAXIMUM_CONCURRENT_RPCS)
    server.add_generic_rpc_handlers((service.handler(),))
    try:
        port = server.add_insecure_port(at.target)
    except RuntimeError:
        raise BadInput(Fault.INVALID_SETTING, "listen.grpc: the address is taken") from None
    await server.start()
    return server, at.target if at.is_socket else Address(at.host, port).target


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a program, and this is how it says that it is ready


if __name__ == "__main__":
    main()
