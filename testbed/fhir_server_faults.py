"""What can be wrong with a FHIR server, by name: each was met in the field, each can be switched on alone."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec


class FhirFaults(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """How this server misbehaves. Everything is off by default.

    The ones that concern searches apply to the types in `only`, to all when it is empty.

    Attributes:
        only: Types whose searches misbehave.
        max_page: No page holds more entries, whatever `_count` says.
        no_post_search: `POST [type]/_search` is not offered (405).
        relative_next: `next` links are relative.
        foreign_next: `next` links point to this origin.
        internal_name: Addresses in answers begin with this origin, as those of a server that does not know by which name it is called.
        empty_first: A search begins with an empty page and a `next` link.
        stranger: Searches bring a record of the same type about somebody else along (`include`).
        endless: The last page's `next` link leads back to that page.
        endless_fresh: After the last page come empty pages without end, each at an address of its own.
        busy_every: Every n-th request is answered with `busy_status`; 1 is each of them.
        busy_status: 429 or 503.
        retry_after: The header of such an answer, as given; empty for none.
        delay: Seconds before each answer.
        delay_each: Seconds more for each record in it.
        frozen: No answer ever comes.
        fail_after_pages: A search's pages after so many are answered with 500; 0 is the first, -1 never.
        broken_json: Answers are not JSON: the last brace is missing.
        cut: The connection is closed in the middle of the body.
        html: An HTML page with status 200, as a portal or firewall sends.
        not_a_bundle: An OperationOutcome with status 200 where a Bundle is due.
        wrong_patient: Searches by patient also find a record about somebody else.
        companions: Searches also bring a Practitioner along (`include`) and a remark (`outcome`).
        complaint: Searches bring an OperationOutcome of this severity along.
        lenient: Unknown parameters are ignored, whatever `Prefer` says.
        ignores: Parameters that are ignored although they are known.
        one_code: Of a list of codes (`category=a,b`) only the first counts.
        another_total: `Bundle.total` is not the number of matches.
        no_total: It does not say how many matches there are.
        careless_xml: XML unless `Accept` asks for JSON and for nothing else.
        authorization: The `Authorization` header that every request must carry.
        redirect: Every request is redirected to this address.
        fhir_version: What the CapabilityStatement says.
        no_metadata: There is no CapabilityStatement (404).
        packed: `gzip` packs answers for who takes that, `cut` sends half of that, `other` packs them as nobody asked.
        binary_as_json: A Binary is always sent as JSON, whatever `Accept` says.
    """

    only: tuple[str, ...] = ()
    max_page: int = 1_000
    no_post_search: bool = False
    relative_next: bool = False
    foreign_next: str = ""
    internal_name: str = ""
    empty_first: bool = False
    stranger: bool = False
    endless: bool = False
    endless_fresh: bool = False
    busy_every: int = 0
    busy_status: int = 429
    retry_after: str = "1"
    delay: float = 0.0
    delay_each: float = 0.0
    frozen: bool = False
    fail_after_pages: int = -1
    broken_json: bool = False
    cut: bool = False
    html: bool = False
    not_a_bundle: bool = False
    wrong_patient: bool = False
    companions: bool = False
    complaint: str = ""
    lenient: bool = False
    ignores: tuple[str, ...] = ()
    one_code: bool = False
    another_total: bool = False
    no_total: bool = False
    careless_xml: bool = False
    authorization: str = ""
    redirect: str = ""
    fhir_version: str = "4.0.1"
    no_metadata: bool = False
    packed: str = ""
    binary_as_json: bool = False

    def concerns(self, kind: str) -> bool:
        """Whether searches of this type misbehave."""
        return not self.only or kind in self.only


#: Names that a demonstration uses, and what they stand for.
NAMED: Final[Mapping[str, Mapping[str, Any]]] = {
    "none": {},
    "slow": {"delay": 1.5},
    "busy": {"busy-every": 1, "retry-after": "30"},
    "half-way": {"cut": True, "only": ["Observation"]},
    "lying": {"wrong-patient": True},
    "broken": {"broken-json": True},
}


def read_faults(text: str) -> FhirFaults:
    """Read `slow`, `frozen,delay=0.2` or `only=Observation+Condition,fail-after-pages=0`.

    Raises:
        msgspec.ValidationError: A name or value is unknown.
    """
    members: dict[str, Any] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = item.partition("=")
        if not equals:
            members.update(NAMED.get(name, {name: True}))
        else:
            members[name] = value.split("+") if name in ("only", "ignores") else value
    return msgspec.convert(members, FhirFaults, strict=False)
