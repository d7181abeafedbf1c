"""One table between our codes and gRPC's status.

A failed call carries the fixed code in the status text and nothing else: no cause, no stack, no content.
"""

from typing import Final

import grpc

from accord.terms.answers import Ending
from accord.terms.faults import Fault

CODE_OF: Final[dict[Fault, grpc.StatusCode]] = {
    Fault.NOT_THIS_HOLDER: grpc.StatusCode.FAILED_PRECONDITION,
    Fault.WRONG_KEY: grpc.StatusCode.FAILED_PRECONDITION,
    Fault.EMERGENCY_NOT_OFFERED: grpc.StatusCode.PERMISSION_DENIED,
    **dict.fromkeys(
        (
            Fault.EMERGENCY_INCOMPLETE,
            Fault.EMERGENCY_SPENT,
            Fault.NOT_A_MEMBER,
            Fault.ORGANISATION_BLOCKED,
            Fault.QUESTION_WIDENED,
            Fault.OTHER_PATIENT_MANDATED,
            Fault.APPLICATION_NOT_TRUSTED,
        ),
        grpc.StatusCode.PERMISSION_DENIED,
    ),
    **dict.fromkeys(
        (Fault.EVIDENCE_MISSING, Fault.TOKEN_INVALID, Fault.MANDATE_EXPIRED, Fault.PROOF_EXPIRED, Fault.PROOF_USED, Fault.LOGIN_REQUIRED),
        grpc.StatusCode.UNAUTHENTICATED,
    ),
    Fault.SESSION_BROKEN: grpc.StatusCode.UNAUTHENTICATED,
    Fault.WORK_GONE: grpc.StatusCode.NOT_FOUND,
    Fault.DOOR_BUSY: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Fault.BUDGET_SPENT: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Fault.REGISTER_OUTDATED: grpc.StatusCode.UNAVAILABLE,
    Fault.JOURNAL_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Fault.UNKNOWN_HOLDER: grpc.StatusCode.NOT_FOUND,
    Fault.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Fault.PAUSED: grpc.StatusCode.UNAVAILABLE,
    Fault.SHADOW: grpc.StatusCode.UNAVAILABLE,
    Fault.SOURCE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Fault.SOURCE_BUSY: grpc.StatusCode.UNAVAILABLE,
    Fault.SOURCE_ANSWER_INVALID: grpc.StatusCode.UNAVAILABLE,
    Fault.NO_HOLDERS_ELIGIBLE: grpc.StatusCode.FAILED_PRECONDITION,
    Fault.ALL_HOLDERS_FAILED: grpc.StatusCode.UNAVAILABLE,
    Fault.DEADLINE_PASSED: grpc.StatusCode.DEADLINE_EXCEEDED,
    Fault.STREAM_CUT: grpc.StatusCode.UNAVAILABLE,
    Fault.MISSING_CAPABILITY: grpc.StatusCode.UNIMPLEMENTED,
    Fault.TOO_MANY_QUESTIONS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Fault.INTERNAL: grpc.StatusCode.INTERNAL,
}

#: What a call that failed without one of our codes means for the holder's ending.
ENDING_OF: Final[dict[grpc.StatusCode, tuple[Ending, Fault]]] = {
    grpc.StatusCode.UNAVAILABLE: (Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE),
    grpc.StatusCode.DEADLINE_EXCEEDED: (Ending.TOO_LATE, Fault.DEADLINE_PASSED),
    grpc.StatusCode.CANCELLED: (Ending.CUT_OFF, Fault.STREAM_CUT),
    grpc.StatusCode.UNIMPLEMENTED: (Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (Ending.OVER_LIMIT, Fault.OVER_LIMIT),
    # A program that fails has not refused anything.
    grpc.StatusCode.UNKNOWN: (Ending.CUT_OFF, Fault.STREAM_CUT),
    grpc.StatusCode.INTERNAL: (Ending.CUT_OFF, Fault.STREAM_CUT),
    grpc.StatusCode.DATA_LOSS: (Ending.CUT_OFF, Fault.STREAM_CUT),
}

#: What our own codes mean for the holder's ending, when a holder fails the call with one.
ENDING_OF_FAULT: Final[dict[Fault, Ending]] = {
    Fault.PAUSED: Ending.PAUSED,
    Fault.SHADOW: Ending.PAUSED,
    Fault.SOURCE_UNAVAILABLE: Ending.UNREACHABLE,
    Fault.SOURCE_BUSY: Ending.UNREACHABLE,
    Fault.SOURCE_ANSWER_INVALID: Ending.UNREACHABLE,
    Fault.DEADLINE_PASSED: Ending.TOO_LATE,
    Fault.MISSING_CAPABILITY: Ending.INCOMPATIBLE,
    Fault.WRONG_KEY: Ending.INCOMPATIBLE,
    Fault.TOO_MANY_QUESTIONS: Ending.REFUSED,
    Fault.SESSION_BROKEN: Ending.CUT_OFF,
    Fault.INTERNAL: Ending.CUT_OFF,
    Fault.STREAM_CUT: Ending.CUT_OFF,
}


def code_of(fault: Fault) -> grpc.StatusCode:
    """The gRPC status of a fault; what is not in the table is the sender's mistake."""
    return CODE_OF.get(fault, grpc.StatusCode.INVALID_ARGUMENT)


def fault_of(details: str | None) -> Fault | None:
    """The fault in a status text, when it is one of ours."""
    try:
        return Fault(details or "")
    except ValueError:
        return None


def ending_of(code: grpc.StatusCode, details: str | None) -> tuple[Ending, Fault]:
    """How a holder ended whose call failed, and the code that may be told.

    Whatever the other side wrote in the status text is dropped unless it is a code of the catalogue.
    """
    fault = fault_of(details)
    if fault is not None:
        return ENDING_OF_FAULT.get(fault, Ending.REFUSED), fault
    return ENDING_OF.get(code, (Ending.REFUSED, Fault.HOLDER_REFUSED))
