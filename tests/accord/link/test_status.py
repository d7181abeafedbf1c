"""One table between our codes and gRPC's: nothing falls through it, and nothing foreign passes."""

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.link.status import CODE_OF, ENDING_OF, ENDING_OF_FAULT, code_of, ending_of, fault_of
from accord.terms.answers import Ending
from accord.terms.faults import Fault


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_status_and_is_recognised_again(fault: Fault) -> None:
    assert code_of(fault) not in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED)
    assert fault_of(fault.value) is fault
    assert ending_of(code_of(fault), fault.value)[1] is fault


@pytest.mark.parametrize("code", grpc.StatusCode)
def test_every_status_is_an_ending_that_leaves_a_gap(code: grpc.StatusCode) -> None:
    # A call that failed has neither shown everything nor nothing: P8.
    for details in (None, "", "canary: patient 999970008", *Fault):
        ending, fault = ending_of(code, details)
        assert ending.leaves_a_gap
        assert isinstance(fault, Fault)


@given(st.sampled_from(grpc.StatusCode), st.text(max_size=40))
def test_p9_what_the_other_side_wrote_is_dropped(code: grpc.StatusCode, details: str) -> None:
    ending, fault = ending_of(code, details)

    if details not in set(Fault):
        assert (ending, fault) == ending_of(code, None)
        assert fault_of(details) is None


@pytest.mark.parametrize("details", ["PAUSED", "paused ", " paused", "paused\n", "paused (holder)", "Fault.PAUSED", "pausеd"])
def test_a_code_is_taken_only_when_it_is_one_to_the_letter(details: str) -> None:
    assert fault_of(details) is None
    assert ending_of(grpc.StatusCode.UNAVAILABLE, details) == (Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE)


@pytest.mark.parametrize(
    ("code", "details", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, "", (Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE)),
        (grpc.StatusCode.UNAVAILABLE, "paused", (Ending.PAUSED, Fault.PAUSED)),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", (Ending.TOO_LATE, Fault.DEADLINE_PASSED)),
        (grpc.StatusCode.CANCELLED, "", (Ending.CUT_OFF, Fault.STREAM_CUT)),
        (grpc.StatusCode.UNIMPLEMENTED, "Method not found!", (Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY)),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "", (Ending.OVER_LIMIT, Fault.OVER_LIMIT)),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "too-many-questions", (Ending.REFUSED, Fault.TOO_MANY_QUESTIONS)),
        (grpc.StatusCode.INTERNAL, "internal", (Ending.CUT_OFF, Fault.INTERNAL)),
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2", (Ending.CUT_OFF, Fault.STREAM_CUT)),
        (grpc.StatusCode.PERMISSION_DENIED, "", (Ending.REFUSED, Fault.HOLDER_REFUSED)),
        (grpc.StatusCode.INVALID_ARGUMENT, "invalid-bsn", (Ending.REFUSED, Fault.INVALID_BSN)),
        (grpc.StatusCode.UNKNOWN, "Unexpected <class 'ValueError'>: canary", (Ending.CUT_OFF, Fault.STREAM_CUT)),
    ],
)
def test_how_a_call_that_failed_ended(code: grpc.StatusCode, details: str, expected: tuple[Ending, Fault]) -> None:
    assert ending_of(code, details) == expected


def test_the_tables_agree() -> None:
    assert all(ending.leaves_a_gap for ending, _ in ENDING_OF.values())
    assert all(ending.leaves_a_gap for ending in ENDING_OF_FAULT.values())
    assert set(CODE_OF) <= set(Fault)
