"""The two addresses of SMART Backend Services, as a small ASGI application: what there is, and the token endpoint."""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl

import anyio
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from accord.terms.faults import BadInput, Fault, Faulted
from gateway.smart.clients import ALGORITHMS
from gateway.smart.door import SmartDoor

CONFIGURATION_PATHS: Final = frozenset({"/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"})
TOKEN_PATH: Final = "/auth/token"  # noqa: S105 - an address
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM: Final = "application/x-www-form-urlencoded"
_BODY_BYTES: Final = 16_384
_BODY_SECONDS: Final = 10.0
_PARAMETERS: Final = frozenset({"grant_type", "client_assertion_type", "client_assertion", "scope"})
_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"pragma", b"no-cache"),
    (b"x-content-type-options", b"nosniff"),
)


class Refused(Exception):
    """A request for a token that is refused, with the status and the code of OAuth 2.0 (RFC 6749, 5.2), and nothing more."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


class SmartApp:
    """Serves the two addresses. *certificate* tells the digest of the TLS certificate of whoever sent a request, or nothing."""

    def __init__(self, door: SmartDoor, *, issuer: str, certificate: Callable[[Scope], bytes]) -> None:
        self._door = door
        self._issuer = issuer
        self._certificate = certificate

    @staticmethod
    def serves(path: str) -> bool:
        """Whether a path is one of its own."""
        return path in CONFIGURATION_PATHS or path == TOKEN_PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method = scope["method"]
        try:
            if scope["path"] in CONFIGURATION_PATHS:
                await _answer(send, *((200, self.configuration()) if method in ("GET", "HEAD") else (405, {})), head=method == "HEAD")
            elif scope["path"] == TOKEN_PATH:
                await _answer(send, 200, await self._token(scope, receive))
            else:
                await _answer(send, 404, {})
        except Refused as refused:
            await _answer(send, refused.status, {"error": refused.error})

    def configuration(self) -> dict[str, Any]:
        """What there is, and no more: no user logs in here, so there is no authorisation endpoint and no code challenge."""
        return {
            "issuer": self._issuer,
            "token_endpoint": self._door.token_url,
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "scopes_supported": ["system/*.rs", "system/*.r", "system/*.s"],
            "capabilities": ["client-confidential-asymmetric", "permission-v2"],
            "tls_client_certificate_bound_access_tokens": True,
        }

    async def _token(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        if scope["method"] != "POST":
            raise Refused("invalid_request", 405)
        given = _parameters(Headers(scope=scope), scope["query_string"], await _body(receive))
        if given.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type" if "grant_type" in given else "invalid_request")
        if frozenset(given) != _PARAMETERS or given["client_assertion_type"] != _ASSERTION_TYPE:
            raise Refused("invalid_request")
        try:
            granted = self._door.grant(given["client_assertion"], given["scope"], self._certificate(scope))
        except BadInput as failure:
            raise (Refused("invalid_client", 401) if failure.fault is Fault.TOKEN_INVALID else Refused("invalid_scope")) from None
        except Faulted:
            raise Refused("temporarily_unavailable", 503) from None
        return {"access_token": granted.token, "token_type": "Bearer", "expires_in": granted.seconds, "scope": granted.scope}


def _parameters(headers: Headers, query: bytes, body: bytes) -> dict[str, str]:
    """The form, in which nothing stands twice. In a URL it would end up in logs."""
    if query or headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise Refused("invalid_request")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=10)
    except ValueError:
        raise Refused("invalid_request") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise Refused("invalid_request")
    return given


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    try:
        with anyio.fail_after(_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Refused("invalid_request")
                body += message.get("body", b"")
                if len(body) > _BODY_BYTES:
                    raise Refused("invalid_request", 413)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Refused("invalid_request", 408) from None


async def _answer(send: Send, status: int, content: dict[str, Any], *, head: bool = False) -> None:
    body = json.dumps(content, separators=(",", ":")).encode()
    await send({"type": "http.response.start", "status": status, "headers": [*_HEADERS, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": b"" if head else body})
