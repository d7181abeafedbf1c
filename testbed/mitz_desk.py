"""The simulated Mitz from inside: what patients chose, who subscribed, what was asked, and what goes wrong on purpose."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

import anyio
import httpx2
import msgspec

from node_agent.sources.mitz_catalogue import Catalogue, read_catalogue
from testbed.mitz_reading import Question, Subscribed
from testbed.mitz_telling import notification

_REMEMBERED: Final = 100_000
Lie = Literal["", "permit", "deny", "indeterminate", "other-message", "other-patient", "two-decisions", "obligation", "entity", "bomb", "huge", "garbage"]


class MitzFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong.

    Attributes:
        delay: Seconds before each answer.
        status: This HTTP status instead of an answer; 0 for none.
        soap_fault: A SOAP fault with status 200 instead of an answer.
        lie: Another answer than the patient's choice; "" for the truth.
        push_lost: Notifications are not sent.
        for_bsn: The faults hold for this person only; "" for everybody.
    """

    delay: float = 0.0
    status: int = 0
    soap_fault: bool = False
    lie: Lie = ""
    push_lost: bool = False
    for_bsn: str = ""


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A choice: about whose data, which category of it, for which category of data users. `permits` none: taken back, as if never made.

    `holder`: about what this holder keeps only; "" for all. The more specific choice counts.
    """

    bsn: str
    data: str
    provider: str
    permits: bool | None
    holder: str = ""


@dataclass
class MitzDesk:
    """Everything that it knows. `asked` is what each question said, by word; `pushed` the status of each notification, 0 for none."""

    catalogue: Catalogue = field(default_factory=read_catalogue)
    faults: MitzFaults = field(default_factory=MitzFaults)
    asked: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    subscribed: list[Subscribed] = field(default_factory=list)
    pushed: list[int] = field(default_factory=list)
    #: Addresses to which may be pushed; empty for all.
    endpoints: frozenset[str] = frozenset()
    transport: httpx2.AsyncBaseTransport | None = None
    _chosen: dict[tuple[str, str, str, str], bool] = field(default_factory=dict)

    def choose(self, chosen: Chosen) -> None:
        """Put a choice on record; from here on it counts.

        Raises:
            ValueError: A category that is not in the catalogue.
        """
        if chosen.data not in self.catalogue.data or chosen.provider not in self.catalogue.providers:
            raise ValueError
        key = (chosen.bsn, chosen.holder, chosen.data, chosen.provider)
        if chosen.permits is None:
            self._chosen.pop(key, None)
        else:
            self._chosen[key] = chosen.permits

    def decide(self, question: Question) -> str:
        """The XACML decision that follows from the choices. The narrower category of data counts before the wider one, one holder before all."""
        said = question.said
        provider = self.catalogue.provider_of(said["user_type"])
        data = self.catalogue.data[said["data"]]
        if provider is None:
            return "Indeterminate"
        for code in (data.code, data.inside):
            for holder in (said["holder"], ""):
                permits = self._chosen.get((said["patient"], holder, code, provider.code))
                if permits is not None:
                    return "Permit" if permits else "Deny"
        return "NotApplicable"

    def faults_for(self, bsn: str) -> MitzFaults:
        """What goes wrong with a question about this person."""
        return self.faults if self.faults.for_bsn in ("", bsn) else MitzFaults()

    async def push(self, chosen: Chosen) -> None:
        """Notify whoever subscribed to this person's choices."""
        if self.faults_for(chosen.bsn).push_lost:
            return
        about = [one for one in self.subscribed if one.bsn == chosen.bsn and chosen.holder in ("", one.holder)]
        async with httpx2.AsyncClient(transport=self.transport, trust_env=False, timeout=5, verify=False) as http:
            for one in about:
                self.pushed.append(await _posted(http, one.endpoint, notification(one, {(chosen.data, chosen.provider): bool(chosen.permits)})))

    async def linger(self, seconds: float) -> None:
        """Be slow."""
        await anyio.sleep(seconds)


async def _posted(http: httpx2.AsyncClient, endpoint: str, content: bytes) -> int:
    try:
        return (await http.post(endpoint, content=content, headers={"content-type": "application/fhir+xml; charset=utf-8"})).status_code
    except httpx2.HTTPError:
        return 0
