"""Bad questions over HTTP and gRPC: each is refused with a fixed code that names the next step, and repeats nothing."""

import select
import socket
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

import grpc
import pytest

from accord.terms.faults import CATALOGUE, Fault
from accord.terms.identifiers import BSN_SYSTEM
from accord.terms.limits import MIB
from accord.wire.v1 import dossier_service_pb2 as pb
from testbed import asking
from tests.region.bad_input_desk import BSN, CANARY, ENGLISH, OTHER_BSN, Desk

pytestmark = pytest.mark.slow

FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
FHIR: Final = {"content-type": "application/fhir+json"}


def parameters(content: bytes) -> bytes:
    """A FHIR Parameters resource with this in it."""
    return b'{"resourceType":"Parameters",' + content + b"}"


_C: Final = CANARY.encode()
_SEARCH: Final = "Patient/_search"
_EVERYTHING: Final = "Patient/{id}/$everything"
_OWN: Final = b"identifier=" + quote(f"{BSN_SYSTEM}|{BSN}", safe="").encode()

#: method, path, body, headers; then status and code.
BAD_QUESTIONS: Final[dict[str, tuple[str, str, bytes, dict[str, str], int, Fault]]] = {
    "form that is not UTF-8": ("POST", _SEARCH, b"identifier=%ff" + _C, FORM, 400, Fault.INVALID_ENCODING),
    "form that is not ASCII": ("POST", _SEARCH, b"identifier=\xff" + _C, FORM, 400, Fault.INVALID_ENCODING),
    "malformed form": ("POST", _SEARCH, _C, FORM, 400, Fault.INVALID_PARAMETER),
    "form with too many fields": ("POST", _SEARCH, b"&".join(b"a%d=%b" % (n, _C) for n in range(101)), FORM, 400, Fault.INVALID_PARAMETER),
    "no form": ("POST", _SEARCH, _OWN + b"&family=" + _C, {"content-type": "text/plain"}, 415, Fault.UNSUPPORTED_FORMAT),
    "BSN that fails the eleven-test": ("POST", _SEARCH, _OWN[:-1] + b"7", FORM, 400, Fault.INVALID_BSN),
    "BSN that is no number": ("POST", _SEARCH, _OWN[:-9] + _C, FORM, 400, Fault.INVALID_BSN),
    "BSN in other digits": ("POST", _SEARCH, _OWN[:-9] + quote("٩٩٩٩٨٤٠٥٦").encode(), FORM, 400, Fault.INVALID_BSN),
    "BSN with a line break": ("POST", _SEARCH, _OWN + b"%0a", FORM, 400, Fault.INVALID_PARAMETER),
    "two BSNs": ("POST", _SEARCH, _OWN + b"&" + _OWN[:-9] + OTHER_BSN.encode(), FORM, 400, Fault.SEVERAL_PATIENTS),
    "two BSNs in one value": ("POST", _SEARCH, _OWN + b"," + OTHER_BSN.encode(), FORM, 400, Fault.SEVERAL_PATIENTS),
    "unknown parameter": ("POST", _SEARCH, _OWN + b"&family=" + _C, FORM, 400, Fault.UNKNOWN_PARAMETER),
    "unknown parameter with a name like content": ("POST", _SEARCH, _OWN + b"&" + _C + b"=1", FORM, 400, Fault.UNKNOWN_PARAMETER),
    "date that is none": ("POST", _SEARCH, _OWN + b"&birthdate=" + _C, FORM, 400, Fault.INVALID_PARAMETER),
    "no patient": ("GET", "Condition", b"", ENGLISH, 400, Fault.NO_PATIENT),
    "BSN in the URL": ("GET", f"Patient?identifier={BSN_SYSTEM}|{BSN}", b"", ENGLISH, 400, Fault.BSN_IN_URL),
    "two patients": ("GET", f"Condition?patient={{id}},{CANARY}", b"", ENGLISH, 400, Fault.SEVERAL_PATIENTS),
    "wrong FHIR type": ("GET", "Klant?patient={id}", b"", ENGLISH, 404, Fault.NOT_FOUND),
    "wrong FHIR type in a list": ("GET", f"{_EVERYTHING}?_type={CANARY}", b"", ENGLISH, 400, Fault.INVALID_PARAMETER),
    "unknown holder": ("GET", f"at/{CANARY[:16]}/metadata", b"", ENGLISH, 404, Fault.UNKNOWN_HOLDER),
    "record of an unknown holder": ("GET", f"Condition/niemand.{CANARY}", b"", ENGLISH, 404, Fault.UNKNOWN_HOLDER),
    "unknown patient": ("GET", f"Patient/{CANARY}/$everything", b"", ENGLISH, 404, Fault.UNKNOWN_PATIENT_ID),
    "cursor of somebody else": ("GET", f"Condition?patient={{id}}&_cursor={CANARY}", b"", ENGLISH, 400, Fault.CURSOR_INVALID),
    "format that is not offered": ("GET", f"Condition?patient={{id}}&_format={CANARY}", b"", ENGLISH, 406, Fault.UNSUPPORTED_FORMAT),
    "purpose that nobody knows": ("GET", "Patient/{id}", b"", {**ENGLISH, "noaber-purpose": CANARY}, 400, Fault.INVALID_PARAMETER),
    "malformed JSON": ("POST", _EVERYTHING, parameters(b'"x":"%b"' % _C)[:-1], FHIR, 400, Fault.MALFORMED_JSON),
    "another resource": ("POST", _EVERYTHING, b'{"resourceType":"Klant","x":"%b"}' % _C, FHIR, 400, Fault.NOT_A_RESOURCE),
    "no resource": ("POST", _EVERYTHING, b'["%b"]' % _C, FHIR, 400, Fault.NOT_A_RESOURCE),
    "duplicate key": ("POST", _EVERYTHING, parameters(b'"x":"%b","x":1' % _C), FHIR, 400, Fault.DUPLICATE_KEY),
    "invalid UTF-8": ("POST", _EVERYTHING, parameters(b'"x":"%b\xff"' % _C), FHIR, 400, Fault.INVALID_ENCODING),
    "lone surrogate": ("POST", _EVERYTHING, parameters(b'"x":"%b\\ud800"' % _C), FHIR, 400, Fault.INVALID_ENCODING),
    "byte order mark": ("POST", _EVERYTHING, b"\xef\xbb\xbf" + parameters(b'"x":"%b"' % _C), FHIR, 400, Fault.INVALID_ENCODING),
    "deep nesting": ("POST", _EVERYTHING, parameters(b'"x":"%b","y":' % _C + b"[" * 30_000 + b"]" * 30_000), FHIR, 400, Fault.TOO_DEEP),
    "10 MB of JSON": ("POST", _EVERYTHING, parameters(b'"x":"%b"' % _C + b" " * (10 * MIB)), FHIR, 413, Fault.TOO_LARGE),
    "10 MB form": ("POST", _SEARCH, _OWN + b"&family=" + _C + b"x" * (10 * MIB), FORM, 413, Fault.TOO_LARGE),
    "method that is not taken": ("PUT", "Patient/{id}", b'{"x":"%b"}' % _C, FHIR, 405, Fault.METHOD_NOT_ALLOWED),
}


@pytest.mark.parametrize("bad", BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_p9_a_bad_question_over_http_is_refused_with_a_fixed_code_and_the_next_step(
    desk: Desk, bad: tuple[str, str, bytes, dict[str, str], int, Fault]
) -> None:
    method, path, body, headers, status, code = bad

    answer = desk.http.request(method, path.replace("{id}", desk.patient_id()), content=body, headers={**ENGLISH, **headers})

    assert answer.status_code == status
    (issue,) = answer.json()["issue"]
    assert [coding["code"] for coding in issue["details"]["coding"]] == [code]
    assert CATALOGUE[code].next_step in issue["details"]["text"]
    assert issue["diagnostics"] == answer.headers["x-request-id"]
    desk.check_that_nothing_shows(answer.content, str(answer.headers))


def test_p7_a_body_without_end_is_refused_at_the_limit(desk: Desk) -> None:
    with desk.connection() as connection:
        connection.sendall(
            b"POST /fhir/Patient/_search HTTP/1.1\r\nHost: %b\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
            % (desk.host, FORM["content-type"].encode())
        )
        # Whoever still sends after the refusal finds the connection gone; the refusal can be read all the same.
        with suppress(ConnectionError):
            while not select.select([connection], [], [], 0)[0]:
                connection.sendall(b"1000\r\n" + _C.ljust(4096, b"x") + b"\r\n")
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    desk.check_that_nothing_shows(answer)


def test_p7_a_body_that_breaks_off_harms_nobody(desk: Desk) -> None:
    with desk.connection() as connection:
        head = b"POST /fhir/Patient/_search HTTP/1.1\r\nHost: %b\r\nContent-Type: %b\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head % (desk.host, FORM["content-type"].encode()) + _OWN + _C)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65_536)

    assert answer == b""
    assert desk.patient_id()
    desk.check_that_nothing_shows()


# -- What an application sends over gRPC


def question(**members: Any) -> pb.OpenRequest:
    """A sound question with some members changed."""
    asked = asking.request(BSN, holders=members.pop("holders", ()))
    for name, value in members.items():
        setattr(asked, name, value)
    return asked


BAD_CALLS: Final[dict[str, tuple[bytes, grpc.StatusCode, Fault]]] = {
    "BSN that fails the eleven-test": (question(bsn="999984057").SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_BSN),
    "BSN that is no number": (question(bsn=CANARY).SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_BSN),
    "date that is none": (question(birth_date=CANARY).SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION),
    "no purpose": (question(purpose=0).SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION),
    "unknown holder": (question(holders=["niemand"]).SerializeToString(), grpc.StatusCode.NOT_FOUND, Fault.UNKNOWN_HOLDER),
    "holder that is no name": (question(holders=[f"{CANARY} {CANARY}"]).SerializeToString(), grpc.StatusCode.NOT_FOUND, Fault.UNKNOWN_HOLDER),
    "too many holders": (question(holders=["x"] * 201).SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION),
    "bytes that are no question": (b"\xff" * 9 + _C, grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION),
    "invalid UTF-8": (b"\x0a\x09\xff\xfe9984056", grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION),
    "question that breaks off": (question(birth_date=CANARY).SerializeToString()[:-3], grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION),
}


def refused(desk: Desk, message: bytes) -> tuple[grpc.StatusCode, str]:
    """How the gateway refuses a message as it stands."""
    with grpc.insecure_channel(desk.grpc_address, options=[("grpc.max_send_message_length", -1)]) as channel:
        ask: Any = channel.unary_stream("/accord.wire.v1.DossierService/Open")
        with pytest.raises(grpc.RpcError) as failure:
            list(ask(message, timeout=60))
        told: Any = failure.value
        desk.check_that_nothing_shows(told.details(), repr(told.trailing_metadata()))
        return told.code(), told.details()


@pytest.mark.parametrize("bad", BAD_CALLS.values(), ids=BAD_CALLS)
def test_p9_a_bad_question_over_grpc_is_refused_with_a_fixed_code(desk: Desk, bad: tuple[bytes, grpc.StatusCode, Fault]) -> None:
    message, status, code = bad

    assert refused(desk, message) == (status, code.value)
    assert CATALOGUE[code].next_step


def test_p7_a_question_of_10_mb_is_not_even_read(desk: Desk) -> None:
    status, _ = refused(desk, question(birth_date=CANARY + "x" * (10 * MIB)).SerializeToString())

    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_p8_a_type_that_fhir_does_not_have_is_not_answered_with_nothing(desk: Desk) -> None:
    assert refused(desk, asking.request(BSN, types=["Klant"]).SerializeToString()) == (grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION.value)


def pour(connection: socket.socket) -> None:
    """Send far more than the limit, and than what waits in the buffers of both ends."""
    for _ in range(16 * 1024):
        connection.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")


def test_p7_a_connection_whose_body_was_refused_is_closed(desk: Desk) -> None:
    with desk.connection() as connection:
        head = b"POST /fhir/Patient/_search HTTP/1.1\r\nHost: %b\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head % (desk.host, FORM["content-type"].encode()))
        with pytest.raises(OSError, match=r"."):
            pour(connection)
