"""Mitz, the national register of choices, as a `ConsentRegister`: one closed question for each category of data, at once.

httpx2.TimeoutException, TimeoutError     Unclear(out-of-time)
anything else of httpx2                   Unclear(unreachable), after one more try when a connection broke off
an answer larger than the limit           Unclear(unreadable)
429, 503                                  Unclear(busy)
any other status but 200, SOAP faults     Unclear(turned-away)
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import uuid4

import anyio
import httpx2

from accord.terms.vocabulary import CareCategory
from node_agent.consents import LONGEST_ASKING, LONGEST_LEASE, ConsentAnswer, ConsentQuestion, Permit, Reason, Steady, Unclear, Word
from node_agent.sources.mitz_answer import word_of
from node_agent.sources.mitz_catalogue import Catalogue
from node_agent.sources.mitz_endpoint import MitzEndpoint
from node_agent.sources.mitz_question import ClosedQuestion, NotCovered, attributes_of, envelope
from node_agent.sources.mitz_xml import LARGEST

QUESTION_PATH: Final = "/geslotenautorisatievraag/xacml3"
_HEADERS: Final = {"content-type": "application/soap+xml; charset=utf-8", "accept": "application/soap+xml, text/xml"}


class MitzRegister:
    """Asks Mitz. Close it by `close`."""

    name = "mitz"

    def __init__(
        self,
        endpoint: MitzEndpoint,
        catalogue: Catalogue,
        *,
        now: Callable[[], datetime] | None = None,
        lease: float = LONGEST_LEASE,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._address = endpoint.base.rstrip("/") + QUESTION_PATH
        self._http = endpoint.client(transport)
        self._asking = anyio.CapacityLimiter(endpoint.concurrency)
        self._catalogue = catalogue
        self._now = now or Steady()
        self._lease = min(lease, LONGEST_LEASE)

    @property
    def speaks_of(self) -> frozenset[CareCategory]:
        """What the catalogue covers."""
        return frozenset(self._catalogue.code_of)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """The word of Mitz on every category that is asked and that the catalogue covers. It raises nothing: doubt is `Unclear`."""
        observed = self._now()
        codes = sorted({self._catalogue.code_of[category] for category in question.categories if category in self._catalogue.code_of})
        words: dict[str, Word] = {}
        messages: dict[str, str] = {}

        async def ask_one(code: str) -> None:
            messages[code] = f"urn:uuid:{uuid4()}"
            words[code] = await self._word(question, code, messages[code])

        async with anyio.create_task_group() as tasks:
            for code in codes:
                tasks.start_soon(ask_one, code)
        told = {category: words[code] for category, code in self._catalogue.code_of.items() if category in question.categories}
        evidence = "; ".join([f"mitz {self._catalogue.version}", *(f"{code}={_said(words[code])} {messages[code]}" for code in codes)])
        return ConsentAnswer(told, (), observed, self._lease, evidence)

    async def _word(self, question: ConsentQuestion, code: str, message: str) -> Word:
        try:
            closed = ClosedQuestion(message, attributes_of(question, code, self._catalogue))
        except NotCovered as why:
            return Unclear(why.reason)
        try:
            with anyio.fail_after(max(0.0, min(LONGEST_ASKING, question.seconds))):
                async with self._asking:
                    status, body = await self._sent(envelope(closed, self._address))
        except (TimeoutError, httpx2.TimeoutException):
            return Unclear(Reason.OUT_OF_TIME)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError):
            return Unclear(Reason.UNREACHABLE)
        return Unclear(Reason.UNREADABLE) if body is None else word_of(status, body, closed)

    async def _sent(self, message: bytes) -> tuple[int, bytes | None]:
        """The answer; no body when there is more of it than there may be."""
        try:
            return await self._sent_once(message)
        except (httpx2.NetworkError, httpx2.RemoteProtocolError):
            # A connection that was kept may have been closed meanwhile; to ask again changes nothing there.
            return await self._sent_once(message)

    async def _sent_once(self, message: bytes) -> tuple[int, bytes | None]:
        async with self._http.stream("POST", self._address, content=message, headers=_HEADERS) as response:
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    return response.status_code, None
            return response.status_code, body


def _said(word: Word) -> str:
    """A word with its reason, for the journal."""
    return "permit" if isinstance(word, Permit) else f"{type(word).__name__.lower()}:{word.reason.value}"
