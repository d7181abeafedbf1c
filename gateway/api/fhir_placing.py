"""A request for a place as FHIR: a transaction with one ServiceRequest and a Task for every provider that is asked, read once.

Whatever has no place in what a provider is told is refused rather than left out: who wrote it may think that it is told.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from accord.terms.placing import MOST_LEGS
from gateway.api.fhir_order import PASSED_OVER, check_order, read_order
from gateway.api.fhir_placing_words import HOLDERS, INPUTS, read_request_id
from gateway.api.fhir_tree import Part, resource_in
from gateway.places.ports import Draft
from gateway.places.seeking import Addressee
from gateway.places.wanting import moment, provider, refused, text

_TASK: Final = ("code", "focus", "owner", "restriction", "input")


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom a search is put to: a new one (`draft`), or one that is kept (`case`).

    `entries` are those of the Bundle in their order: the provider of a Task, none for the ServiceRequest.
    """

    addressees: tuple[Addressee, ...]
    reply_by: datetime
    draft: Draft | None = None
    case: str = ""
    entries: tuple[Addressee | None, ...] = ()


def read_asking(body: bytes) -> Asking:
    """What a transaction asks.

    Raises:
        BadInput: `not-a-resource`, `invalid-parameter`, `unknown-parameter` with the place; `invalid-bsn`.
    """
    bundle = resource_in(body, "Bundle")
    bundle.only("resourceType", "id", "meta", "type", "entry")
    bundle.needed("type", "transaction")
    entries = [_Entry.of(entry) for entry in bundle.parts("entry", MOST_LEGS + 1)]
    requests, tasks = [one for one in entries if one.kind == "ServiceRequest"], [one for one in entries if one.kind == "Task"]
    if len(requests) > 1 or not tasks:
        raise refused("Bundle.entry")
    read = [_Task.of(one.resource) for one in tasks]
    reply_by, focus = {one.reply_by for one in read}, {one.focus for one in read}
    if len(reply_by) != 1 or len(focus) != 1:
        # They are parts of one request: it is about one need, and it is looked further at one moment.
        raise refused("Task.focus" if len(focus) != 1 else "Task.restriction.period.end")
    waiting = iter(read)
    listed = tuple(next(waiting).to if one.kind == "Task" else None for one in entries)
    asking = Asking(tuple(one.to for one in read), reply_by.pop(), entries=listed)
    return _about(asking, focus.pop(), requests[0] if requests else None)


def read_task(body: bytes) -> Asking:
    """What one Task asks: another provider for a request that is kept.

    Raises:
        BadInput: As `read_asking`.
    """
    task = _Task.of(resource_in(body, "Task"))
    return Asking((task.to,), task.reply_by, case=read_request_id(task.focus), entries=(task.to,))


def _about(asking: Asking, focus: str, entry: "_Entry | None") -> Asking:
    if entry is None:
        return Asking(asking.addressees, asking.reply_by, case=read_request_id(focus), entries=asking.entries)
    if not entry.url or focus != entry.url:
        raise refused("Task.focus")
    draft = read_order(entry.resource, asking.reply_by, entry.once)
    return Asking(asking.addressees, asking.reply_by, draft, entries=asking.entries)


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: str
    resource: Part
    url: str
    once: str

    @classmethod
    def of(cls, entry: Part) -> "_Entry":
        entry.only("fullUrl", "resource", "request")
        asked, resource = entry.part("request"), entry.part("resource")
        asked.only("method", "url", "ifNoneExist")
        kind = resource.needed("resourceType", "ServiceRequest", "Task")
        asked.needed("method", "POST")
        asked.needed("url", kind)
        return cls(kind, Part(resource.tree, kind), entry.text("fullUrl"), _condition(asked, kind))


def _condition(asked: Part, kind: str) -> str:
    """Under which identifier a request is made once: the condition is a search, spelled as in a URL."""
    written = asked.text("ifNoneExist")
    if not written:
        return ""
    pairs = parse_qsl(written, keep_blank_values=True)
    if kind == "Task" or len(pairs) != 1 or pairs[0][0] != "identifier":
        raise refused(asked.at("ifNoneExist"))
    return text(pairs[0][1], asked.at("ifNoneExist"))


@dataclass(frozen=True, slots=True)
class _Task:
    to: Addressee
    reply_by: datetime
    focus: str

    @classmethod
    def of(cls, task: Part) -> "_Task":
        task.only(*PASSED_OVER, *_TASK)
        task.needed("status", "requested")
        check_order(task)
        owner = task.part("owner")
        owner.only("identifier", "display")
        named = owner.part("identifier")
        named.needed("system", HOLDERS)
        asked = {"service": "", "opening": ""}
        for one in task.parts("input"):
            system, code = one.part("type").coding()
            if system != INPUTS or asked.get(code) != "":
                raise refused("Task.input")
            asked[code] = one.needed("valueString")
        until = task.part("restriction").part("period").needed("end")
        to = Addressee(provider(named.needed("value"), "Task.owner"), asked["service"], asked["opening"])
        if not to.service:
            raise refused("Task.input")
        return cls(to, moment(until, "Task.restriction.period.end"), task.part("focus").needed("reference"))
