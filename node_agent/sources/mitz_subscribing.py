"""Subscribing at Mitz to what a patient chooses, so that a change is pushed to the agent (`mitz_notifying` takes it in)."""

from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

import anyio
import httpx2

from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura, is_base_address
from accord.terms.next_steps import CONSENT_REGISTER
from accord.terms.vocabulary import HolderKind
from node_agent.consents import LONGEST_ASKING
from node_agent.sources.mitz_catalogue import Catalogue
from node_agent.sources.mitz_endpoint import MitzEndpoint

SUBSCRIPTION_PATH: Final = "/abonnementen/fhir/Subscription"
FHIR_XML: Final = "application/fhir+xml"
_HEADERS: Final = {"content-type": f"{FHIR_XML}; charset=utf-8", "accept": FHIR_XML}
#: Statuses after which the same subscription never works.
_NEVER: Final = {400: "refused", 401: "not authorised", 403: "not authorised", 404: "no such service", 422: "against the rules of Mitz"}


@dataclass(frozen=True, slots=True)
class Subscriber:
    """On whose behalf, and to where: Mitz pushes to addresses that it knows only. `gateway` and `source` are OIDs of the systems, where Mitz wants them.

    Raises:
        BadInput: `invalid-setting`.
    """

    holder: Ura
    kind: HolderKind
    endpoint: str
    gateway: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if not is_base_address(self.endpoint) or urlsplit(self.endpoint).query:
            raise BadInput(Fault.INVALID_SETTING, "mitz.notify")
        if any(oid and not oid.removeprefix("urn:oid:").replace(".", "").isdecimal() for oid in (self.gateway, self.source)):
            raise BadInput(Fault.INVALID_SETTING, "mitz.gateway_system, mitz.source_system")


def subscription(subscriber: Subscriber, bsn: Bsn, catalogue: Catalogue, birth_date: date | None = None) -> bytes:
    """The Subscription as it travels: the number of the patient is in its body and in no address.

    Raises:
        BadInput: `invalid-setting`: the catalogue has no code for this kind of holder.
    """
    kind = catalogue.types.get(subscriber.kind)
    if kind is None:
        raise BadInput(Fault.INVALID_SETTING, "mitz.catalogue: no code for this kind of holder")
    criteria = f"Consent?_query=otv&patientid={bsn.value}&providerid={subscriber.holder.value}&providertype={kind}"
    extensions = (
        ("Patient.birthDate", "valueDate", birth_date.isoformat() if birth_date else ""),
        ("GatewaySystem", "valueOid", _oid(subscriber.gateway)),
        ("SourceSystem", "valueOid", _oid(subscriber.source)),
    )
    said = "".join(
        f'<extension url="http://fhir.nl/StructureDefinition/{name}"><{element} value={quoteattr(value)}/></extension>'
        for name, element, value in extensions
        if value
    )
    return (
        f'<Subscription xmlns="http://hl7.org/fhir">{said}<status value="requested"/><reason value="OTV"/>'
        f"<criteria value={quoteattr(criteria)}/>"
        f'<channel><type value="rest-hook"/><endpoint value={quoteattr(subscriber.endpoint)}/><payload value="{FHIR_XML}"/></channel></Subscription>'
    ).encode()


class MitzSubscriptions:
    """Places subscriptions at Mitz. Close it by `close`."""

    def __init__(self, endpoint: MitzEndpoint, subscriber: Subscriber, catalogue: Catalogue, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._address = endpoint.base.rstrip("/") + SUBSCRIPTION_PATH
        self._http = endpoint.client(transport)
        self._subscriber = subscriber
        self._catalogue = catalogue

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def subscribe(self, bsn: Bsn, birth_date: date | None = None) -> None:
        """Have changes of this patient's choices pushed. Without it a change is seen when the lease ends.

        Raises:
            BadInput: `invalid-setting`: Mitz will never take this subscription.
            Unavailable: It may later.
        """
        content = subscription(self._subscriber, bsn, self._catalogue, birth_date)
        try:
            with anyio.fail_after(LONGEST_ASKING):
                response = await self._http.post(self._address, content=content, headers=_HEADERS)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError):
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, "consent register: subscription") from None
        if response.status_code in (200, 201, 202):
            return
        if response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            raise Unavailable(Fault.SOURCE_BUSY, "consent register: subscription")
        if response.status_code in _NEVER:
            raise BadInput(Fault.INVALID_SETTING, f"consent register: subscription: {_NEVER[response.status_code]}", then=CONSENT_REGISTER)
        raise Unavailable(Fault.SOURCE_UNAVAILABLE, f"consent register: subscription: HTTP {response.status_code}")


def _oid(oid: str) -> str:
    return f"urn:oid:{oid.removeprefix('urn:oid:')}" if oid else ""
