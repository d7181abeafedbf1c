"""Calls to an electronic health record: bounded in time and size, never redirected, and nothing of an answer is kept or logged."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import httpx2

from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.limits import KIB

_ANSWER_BYTES: Final = 256 * KIB
_SECONDS: Final = 5.0
_ALTOGETHER_SECONDS: Final = 15.0
#: Answers by which an authorization server refuses what it was asked.
_REFUSED: Final = frozenset({400, 401, 403})


class EhrCalls:
    """A way to call. *seconds* is how long one call may take, *altogether* all of one launch."""

    def __init__(self, client: httpx2.AsyncClient, *, seconds: float = _SECONDS, altogether: float = _ALTOGETHER_SECONDS) -> None:
        for name in ("httpx2", "httpcore2"):
            # They would write down addresses, and the id of a patient stands in one.
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = client
        self._seconds = seconds
        self._altogether = altogether

    @asynccontextmanager
    async def one_launch(self) -> AsyncIterator[None]:
        """As long as this lasts; then it is over.

        Raises:
            Unavailable: `ehr-unreachable`.
        """
        try:
            with anyio.fail_after(self._altogether):
                yield
        except TimeoutError:
            raise Unavailable(Fault.EHR_UNREACHABLE, "time") from None

    async def read(self, url: str, *, token: str = "", accept: str = "application/json") -> Mapping[str, Any]:
        """The JSON object that stands there; numbers are `accord.rules.strictness.Number`.

        Raises:
            BadInput: `ehr-answer-invalid`: it is no such thing; `launch-refused`: it is not for us to read.
            Unavailable: `ehr-unreachable`: not there, or not in time.
        """
        headers = {"accept": accept} | ({"authorization": f"Bearer {token}"} if token else {})
        return await self._object("GET", url, headers=headers)

    async def send(self, url: str, form: Mapping[str, str], login: httpx2.BasicAuth | None = None) -> Mapping[str, Any]:
        """The JSON object that answers a form.

        Raises:
            BadInput: As `read`.
            Unavailable: As `read`.
        """
        return await self._object("POST", url, headers={"accept": "application/json"}, data=dict(form), auth=login)

    async def _object(self, method: str, url: str, **more: Any) -> Mapping[str, Any]:
        try:
            with anyio.fail_after(self._seconds):
                status, body = await self._answer(method, url, **more)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError):
            raise Unavailable(Fault.EHR_UNREACHABLE, "call") from None
        if status in _REFUSED:
            raise BadInput(Fault.LAUNCH_REFUSED)
        if status >= 500:
            raise Unavailable(Fault.EHR_UNREACHABLE, "status")
        if status != 200:
            raise BadInput(Fault.EHR_ANSWER_INVALID, "status")
        try:
            value = strict_json(body, limit=_ANSWER_BYTES)
        except BadInput:
            raise BadInput(Fault.EHR_ANSWER_INVALID, "json") from None
        if not isinstance(value, dict):
            raise BadInput(Fault.EHR_ANSWER_INVALID, "json")
        return value

    async def _answer(self, method: str, url: str, **more: Any) -> tuple[int, bytes]:
        body = bytearray()
        async with self._client.stream(method, url, timeout=self._seconds, follow_redirects=False, **more) as answer:
            async for chunk in answer.aiter_bytes(64 * KIB):
                body += chunk
                if len(body) > _ANSWER_BYTES:
                    raise BadInput(Fault.EHR_ANSWER_INVALID, "size")
            return answer.status_code, bytes(body)
