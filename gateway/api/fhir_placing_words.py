"""The systems, addresses and sentences by which requests for a place are told in FHIR."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from gateway.dossier.words import Language
from gateway.pages.telling import Language as PageLanguage
from gateway.pages.telling import words
from gateway.places.site import PACKAGE
from gateway.places.wanting import refused
from gateway.viewer.speaking import Speech

KINDS: Final = "urn:noaber:care-kind"
CONDITIONS: Final = "urn:noaber:place-condition"
FUNDINGS: Final = "urn:noaber:funding"
SPECIALTIES: Final = "urn:noaber:specialty"
LANGUAGES: Final = "urn:ietf:bcp:47"
POSTCODES: Final = "urn:noaber:postcode"
HOLDERS: Final = "urn:noaber:holder"
SERVICES: Final = "urn:noaber:place-service"
#: Of `Task.input` and `Task.output`.
INPUTS: Final = "urn:noaber:place-input"
OUTPUTS: Final = "urn:noaber:place-output"
#: Of `Task.businessStatus` and `Task.statusReason`.
STATES: Final = "urn:noaber:place-state"
REASONS: Final = "urn:noaber:place-reason"
EXTENSION: Final = "urn:noaber:place:"

_REQUEST: Final = re.compile(r"[0-9a-f]{32}")
#: Of this base or spelled out: ids are random, so that no other base has the same.
_REFERENCE: Final = re.compile(r"(?:(?:https?://[!-~]{1,200}/)?ServiceRequest/)?([0-9a-f]{32})")
_TASK: Final = re.compile(r"([0-9a-f]{32})-(.{1,20})")


def speech_in(language: Language, now: datetime) -> Speech:
    """The sentences of the pages about places, for texts beside codes."""
    return Speech(words(PACKAGE, PageLanguage(language)), now)


def is_ours(logical_id: str) -> bool:
    """Whether it is the id of a request or a Task: those of the dossier have a dot behind a holder's name."""
    return _REQUEST.fullmatch(logical_id) is not None or _TASK.fullmatch(logical_id) is not None


def task_id(request: str, provider: HolderName) -> str:
    """The id of the Task of one provider."""
    return f"{request}-{provider}"


def read_task_id(logical_id: str) -> tuple[str, HolderName]:
    """The request, and the provider.

    Raises:
        BadInput: `not-found`.
    """
    found = _TASK.fullmatch(logical_id)
    try:
        if found is not None:
            return found[1], HolderName(found[2])
    except BadInput:
        pass
    raise BadInput(Fault.NOT_FOUND)


def read_request_id(reference: str) -> str:
    """The request that a reference is to.

    Raises:
        BadInput: `invalid-parameter`: it is none to a request of ours.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise refused("focus")
    return found[1]


def concept(system: str, code: str, text: str = "") -> dict[str, object]:
    """A CodeableConcept of one code, with its words."""
    return {"coding": [{"system": system, "code": code}]} | ({"text": text} if text else {})


def concepts(system: str, codes: Iterable[str]) -> list[dict[str, object]]:
    """One for each, in order."""
    return [concept(system, code) for code in sorted(codes)]
