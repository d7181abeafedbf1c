"""Joins the FHIR face of a gateway: HTTPS with the certificate of the moment, mandated callers, and SMART Backend Services beside them."""

import os
import ssl
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import TaskGroup
from starlette.types import ASGIApp, Receive, Scope, Send

from accord.link.addresses import address
from accord.link.credentials import https_server_context, renew
from accord.link.peers import certificate_digest
from accord.ops.calls import counted_requests
from accord.ops.desk import Desk
from accord.terms.faults import BadInput, Fault, Unavailable
from gateway.adapters.mandated_callers import MandatedCallers
from gateway.api.fhir_app import make_app
from gateway.api.http_exchange import PEER
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.metering import COUNTED_AS
from gateway.opening import Region
from gateway.settings import GatewaySettings
from gateway.smart.app import TOKEN_PATH, SmartApp
from gateway.smart.clients import Client, Clients, read_clients
from gateway.smart.door import SmartDoor
from gateway.trust import Trust, now

_RENEWAL_SECONDS: Final = 1.0
#: So many questions over HTTP may be at the door beside those that the region takes.
_AT_THE_DOOR: Final = 4


async def serve_fhir(tasks: TaskGroup, settings: GatewaySettings, folder: Path, region: Region, callers: MandatedCallers, trust: Trust, ops: Desk) -> str:
    """Serve the FHIR face among these *tasks*; returns its address.

    Raises:
        BadInput: `invalid-setting`.
    """
    context = https_server_context(trust.files, trust.live.newest.authorities, clients=ssl.CERT_OPTIONAL)
    tasks.start_soon(_keep_renewing, context, trust)
    face = partial(_face, region, callers, trust, _smart_clients(settings, folder), ops)
    told: str = await tasks.start(partial(serve_http, tls=context), face, _http_settings(settings, folder), address(settings.listen.http))
    return told


def _smart_clients(settings: GatewaySettings, folder: Path) -> dict[str, Client]:
    return read_clients(folder / settings.smart.clients) if settings.smart.clients else {}


def _face(region: Region, callers: MandatedCallers, trust: Trust, clients: dict[str, Client], ops: Desk, told: HttpSettings) -> ASGIApp:
    """The FHIR face, with SMART Backend Services beside it for clients that do not come through `noaber connect`."""
    door = SmartDoor(Clients(trust.current, clients), key=told.token_key, token_url=f"{told.public_url}{TOKEN_PATH}")
    fhir = make_app(region, callers.through(door), told, trust.whose)
    smart = SmartApp(door, issuer=told.base, certificate=_peer_of)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_smart = scope["type"] == "http" and SmartApp.serves(scope["path"])
        await (smart if is_smart else fhir)(scope, receive, send)

    return counted_requests(serve, ops.measures, COUNTED_AS)


def _peer_of(scope: Scope) -> bytes:
    """The digest of the key of a client's certificate that is valid now; nothing otherwise."""
    certificate: bytes = scope.get("extensions", {}).get(PEER, b"")
    try:
        return certificate_digest(certificate, now()) if certificate else b""
    except Unavailable:
        return b""


async def _keep_renewing(context: ssl.SSLContext, trust: Trust) -> None:
    """Use new certificates for the handshakes that come after, without a restart."""
    used = trust.material.generation
    while True:
        await anyio.sleep(_RENEWAL_SECONDS)
        if (newest := trust.material.refresh()) != used:
            renew(context, trust.files)
            used = newest


def _http_settings(settings: GatewaySettings, folder: Path) -> HttpSettings:
    key_file = settings.patient_id.key_file
    try:
        key = bytes.fromhex((folder / key_file).read_text(encoding="ascii").strip()) if key_file else os.urandom(64)
    except (OSError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, "patient_id.key_file") from None
    return HttpSettings(
        public_url=settings.http.public_url,
        allow_bsn_in_url=settings.http.allow_bsn_in_url,
        strict_clients=settings.http.strict_clients,
        key=key,
        seconds=settings.region.seconds,
        # The region refuses before its door does, and says who has too many.
        questions_at_once=settings.region.questions_at_once + _AT_THE_DOOR,
        questions_of_one=settings.region.questions_of_one + _AT_THE_DOOR,
        first_frame_seconds=settings.region.first_frame_seconds,
    )
