"""The way back: an answer of the gateway is sent on as it comes, byte for byte, and only as fast as it is read."""

import logging
from typing import Final

import anyio
import httpx2
from starlette.types import Scope

from gateway.api.http_exchange import AnswerCut, ClientLeft, Exchange
from gateway.connect.upstream import failed

#: Of an answer everything comes back but these: they are about one connection, or about whoever sent it.
_NOT_PASSED_BACK: Final = frozenset(
    b"connection keep-alive proxy-authenticate proxy-connection te trailer transfer-encoding upgrade set-cookie server date alt-svc".split()
)

_log: Final = logging.getLogger("noaber.connect")


async def pass_back(exchange: Exchange, response: httpx2.Response) -> None:
    """Send on what comes, as it comes.

    Raises:
        AnswerCut: It broke off.
        ClientLeft: Nobody takes it any more.
    """
    headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in _NOT_PASSED_BACK]
    exchange.started = True
    await _send(exchange, {"type": "http.response.start", "status": response.status_code, "headers": headers})
    try:
        async for part in response.aiter_raw():
            await _send(exchange, {"type": "http.response.body", "body": part, "more_body": True})
    except httpx2.HTTPError as failure:
        _log.warning("answer cut request_id=%s code=%s", exchange.wishes.request_id, failed(failure).fault.value)
        raise AnswerCut from None
    await _send(exchange, {"type": "http.response.body", "body": b"", "more_body": False})


async def _send(exchange: Exchange, message: dict[str, object]) -> None:
    try:
        with anyio.fail_after(exchange.write_seconds):
            await exchange.send(message)
    except TimeoutError:
        raise ClientLeft from None


def target(scope: Scope) -> bytes:
    """Path and query as the client wrote them."""
    path: bytes = scope.get("raw_path") or scope["path"].encode("ascii", "strict")
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path
