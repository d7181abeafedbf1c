"""Failures and gaps as OperationOutcomes. Every failure leaves with a fixed code and a correlation id, and no more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from accord.terms.answers import Ending
from accord.terms.faults import CATALOGUE, BadInput, Fault, Faulted
from gateway.api.http_exchange import BodyTooSlow, UnsupportedBody
from gateway.dossier.provenance import AUTHORED
from gateway.dossier.refusal_words import dutch_of
from gateway.dossier.words import Language, Wording

Json = dict[str, Any]

#: System of the fixed codes of the catalogue.
CODE_SYSTEM: Final = "urn:noaber:code"

#: HTTP status by code. A code that is not here is the failure of a holder: 502.
STATUS: Final[dict[Fault, int]] = {
    **dict.fromkeys(
        (
            Fault.MALFORMED_JSON,
            Fault.INVALID_ENCODING,
            Fault.DUPLICATE_KEY,
            Fault.TOO_DEEP,
            Fault.NOT_A_RESOURCE,
            Fault.UNKNOWN_TYPE,
            Fault.WRONG_FHIR_VERSION,
            Fault.MISSING_ID,
            Fault.INVALID_ID,
            Fault.INVALID_BSN,
            Fault.SEVERAL_BSNS,
            Fault.BSN_IN_URL,
            Fault.NO_PATIENT,
            Fault.SEVERAL_PATIENTS,
            Fault.INVALID_PARAMETER,
            Fault.UNKNOWN_PARAMETER,
            Fault.CURSOR_INVALID,
            Fault.INVALID_QUESTION,
            Fault.SERVICE_NOT_OFFERED,
        ),
        400,
    ),
    **dict.fromkeys((Fault.EVIDENCE_MISSING, Fault.TOKEN_INVALID, Fault.MANDATE_EXPIRED, Fault.PROOF_EXPIRED, Fault.PROOF_USED, Fault.LOGIN_REQUIRED), 401),
    **dict.fromkeys(
        (
            Fault.EMERGENCY_NOT_OFFERED,
            Fault.EMERGENCY_INCOMPLETE,
            Fault.EMERGENCY_SPENT,
            Fault.NOT_A_MEMBER,
            Fault.ORGANISATION_BLOCKED,
            Fault.QUESTION_WIDENED,
            Fault.OTHER_PATIENT_MANDATED,
            Fault.APPLICATION_NOT_TRUSTED,
        ),
        403,
    ),
    Fault.BUDGET_SPENT: 429,
    Fault.JOURNAL_UNAVAILABLE: 503,
    Fault.REGISTER_OUTDATED: 503,
    **dict.fromkeys((Fault.NOT_FOUND, Fault.UNKNOWN_HOLDER, Fault.UNKNOWN_PATIENT_ID), 404),
    Fault.METHOD_NOT_ALLOWED: 405,
    **dict.fromkeys((Fault.NOT_POSSIBLE_NOW, Fault.NO_OFFER, Fault.NO_PLACE_LEFT), 409),
    Fault.UNSUPPORTED_FORMAT: 406,
    Fault.CURSOR_EXPIRED: 410,
    Fault.TOO_LARGE: 413,
    Fault.DOCUMENT_TOO_LARGE: 422,
    **dict.fromkeys((Fault.INTERNAL, Fault.INVALID_SETTING, Fault.UNSAFE_ENVIRONMENT, Fault.LOOPBACK_ONLY), 500),
    **dict.fromkeys(
        (Fault.TOO_MANY_QUESTIONS, Fault.PARTIAL_NOT_ACCEPTED, Fault.NO_HOLDERS_ELIGIBLE, Fault.PAUSED, Fault.SHADOW, Fault.SOURCE_BUSY, Fault.OVER_LIMIT), 503
    ),
    **dict.fromkeys((Fault.DEADLINE_PASSED, Fault.HOLDER_SILENT), 504),
}

#: FHIR issue type by HTTP status, where the code has none of its own below.
_ISSUE_BY_STATUS: Final = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    409: "conflict",
    410: "expired",
} | {
    413: "too-long",
    415: "not-supported",
    422: "too-costly",
    429: "throttled",
    500: "exception",
    502: "transient",
    503: "transient",
    504: "timeout",
}
_ISSUE: Final = {
    Fault.UNKNOWN_PARAMETER: "not-supported",
    Fault.NO_PATIENT: "required",
    Fault.SEVERAL_PATIENTS: "multiple-matches",
    Fault.BSN_IN_URL: "security",
    Fault.TOO_MANY_QUESTIONS: "throttled",
    Fault.PARTIAL_NOT_ACCEPTED: "incomplete",
    Fault.OVER_LIMIT: "too-costly",
    Fault.CURSOR_EXPIRED: "expired",
}
#: FHIR issue type by how a holder's answer ended.
ISSUE_BY_ENDING: Final[dict[Ending, str]] = {
    Ending.ANSWERED: "informational",
    Ending.NOTHING_SHOWN: "informational",
    Ending.NOT_ASKED: "informational",
    Ending.TOO_LATE: "timeout",
    Ending.UNREACHABLE: "transient",
    Ending.CUT_OFF: "incomplete",
    Ending.PAUSED: "transient",
    Ending.REFUSED: "business-rule",
    Ending.INCOMPATIBLE: "not-supported",
    Ending.REJECTED: "business-rule",
    Ending.IDENTITY_UNVERIFIED: "business-rule",
    Ending.OVER_LIMIT: "too-costly",
}


class WrongBody(BadInput):
    """Something is wrong with what the client sent that may be wrong with what a holder says, too: here it is the client's."""


class WrongElement(WrongBody):
    """An element of a body, with words on what may stand there: more than the catalogue can know."""

    def __init__(self, fault: Fault, where: str, told: Wording) -> None:
        super().__init__(fault, where)
        self.told = told


@contextmanager
def of_the_client() -> Iterator[None]:
    """Whatever is refused inside is refused to the client.

    Raises:
        WrongBody: In place of a fault of which the status would blame a holder.
    """
    try:
        yield
    except BadInput as failure:
        if failure.fault in (Fault.OTHER_PATIENT, Fault.IDENTITY_UNVERIFIED):
            raise WrongBody(failure.fault, failure.where) from None
        raise


def issue(severity: str, code: str, text: str, codings: Sequence[tuple[str, str]], diagnostics: str) -> Json:
    """One issue: a FHIR issue type, stable codes, words for people, and the id under which it can be found again."""
    coding = [{"system": system, "code": value} for system, value in codings]
    return {"severity": severity, "code": code, "details": {"coding": coding, "text": text}, "diagnostics": diagnostics}


def authored_outcome(issues: list[Json]) -> Json:
    """An OperationOutcome, marked as the gateway's own."""
    return {"resourceType": "OperationOutcome", "meta": {"tag": [AUTHORED]}, "issue": issues}


def status_of(failure: Faulted) -> int:
    """The HTTP status of a failure."""
    if isinstance(failure, UnsupportedBody):
        return 415
    if isinstance(failure, WrongBody):
        return 400
    return 408 if isinstance(failure, BodyTooSlow) else STATUS.get(failure.fault, 502)


def failure_issue(failure: Faulted, language: Language, correlation_id: str) -> Json:
    """What happened and what to do, with the fixed code; `where` names a parameter, never content."""
    explanation = CATALOGUE[failure.fault]
    text = dutch_of(failure.fault) if language == "nl" else f"{explanation.happened} {explanation.next_step}"
    if isinstance(failure, WrongElement):
        text = failure.told.in_language(language)
    kind = _ISSUE.get(failure.fault, _ISSUE_BY_STATUS[status_of(failure)])
    found = issue("error", kind, text, [(CODE_SYSTEM, failure.fault.value)], correlation_id)
    return found | ({"expression": [f"http.{failure.where}"]} if failure.where else {})


def ignored_issue(name: str, language: Language, correlation_id: str) -> Json:
    """A parameter that was left out because the client said that it may be."""
    text = f"De parameter {name} is niet gebruikt." if language == "nl" else f"The parameter {name} was not used."
    return issue("warning", "not-supported", text, [(CODE_SYSTEM, Fault.UNKNOWN_PARAMETER.value)], correlation_id) | {"expression": [f"http.{name}"]}
