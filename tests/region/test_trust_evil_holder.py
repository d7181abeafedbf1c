"""C6, C8, C14 and last words: what a holder, or whoever relays it, says about itself is believed for its signature alone."""

import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.certificates import read_signing_key
from accord.link.closing import sign_closed
from accord.region.member_keys import signing_key_file
from accord.terms.answers import Batch, Closed, Ending, Frame
from accord.terms.evidence import Asked
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName
from accord.terms.members import KeyUse
from accord.terms.queries import EVERYTHING, HolderQuery
from accord.terms.vocabulary import PurposeOfUse
from accord.wire import answer_codec, question_codec
from accord.wire.v1 import dossier_service_pb2 as dossier_pb
from accord.wire.v1 import holder_service_pb2 as pb
from testbed import asking
from testbed.attack_kit import AttackKit, opening
from testbed.holders import BY_NAME
from testbed.scripted_holder import ALL_CATEGORIES, Script, batch_of, closed_of
from tests.region.bad_input_desk import BSN, CANARY, HONEST, SOUND, UNSOUND, Desk, condition, patient
from tests.region.trust_world import LURES, LURING

pytestmark = pytest.mark.slow
Sign = Callable[[Closed], Closed]


def key_at(desk: Desk, name: str) -> Ed25519PrivateKey:
    """The answer key of a holder."""
    return read_signing_key(signing_key_file(desk.logs[0].parent.parent / "keys" / name, KeyUse.ANSWER))


def ending_with(*said: Callable[[Closed], Closed], records: tuple[bytes, ...] = HONEST) -> Script:
    """A script that answers soundly, and whose last word goes out as it stands after these changes."""

    async def script(query: HolderQuery) -> AsyncGenerator[Frame | pb.QueryResponse, None]:
        batches = [batch_of(records)]
        closed = closed_of(query, batches)
        yield ALL_CATEGORIES
        yield batches[0]
        for change in said:
            closed = change(closed)
        yield answer_codec.frame_to_wire(closed)

    return script


def unsigned(closed: Closed) -> Closed:
    """As it is."""
    return closed


ALTERED: Final[dict[str, Callable[[Closed], Closed]]] = {
    "the ending": lambda closed: replace(closed, ending=Ending.NOTHING_SHOWN),
    "an ending that leaves a gap": lambda closed: replace(closed, ending=Ending.TOO_LATE),
    "the records counted": lambda closed: replace(closed, counts=replace(closed.counts, records=closed.counts.records + 1)),
    "the bytes counted": lambda closed: replace(closed, counts=replace(closed.counts, bytes=1)),
    "records left out for being unfit": lambda closed: replace(closed, counts=replace(closed.counts, unfit=3)),
    "the code": lambda closed: replace(closed, code=Fault.PAUSED),
    "whether there is more": lambda closed: replace(closed, more=not closed.more),
    "the digest": lambda closed: replace(closed, digest=bytes(32)),
    "the question": lambda closed: replace(closed, question_hash=bytes(32)),
    "one bit of the signature": lambda closed: replace(closed, signature=bytes([closed.signature[0] ^ 1]) + closed.signature[1:]),
    "the name of the key": lambda closed: replace(closed, key_id="nobody"),
    "no signature any more": lambda closed: replace(closed, signature=b""),
}


def check_rejected(desk: Desk, code: Fault = Fault.SIGNATURE_INVALID) -> None:
    """Whether everything of this holder is set aside, and nothing of another."""
    dossier = asking.ask(desk.grpc_address, asking.request(BSN))
    line = dossier.holders[UNSOUND]

    assert (line.ending, line.code, dossier.of(UNSOUND)) == (Ending.REJECTED, code, [])
    assert [one.json for one in dossier.of(SOUND)] == list(HONEST)
    assert not dossier.complete


def test_p8_a_last_word_that_nobody_signed_is_set_aside_with_all_that_came_before(desk: Desk) -> None:
    desk.unsound.script = ending_with(unsigned)

    check_rejected(desk)


@pytest.mark.parametrize("name", [SOUND, ""], ids=["another holder's key", "a key that nobody knows"])
def test_p8_a_last_word_by_another_key_than_the_holders_own_is_set_aside(desk: Desk, name: str) -> None:
    key = key_at(desk, name) if name else Ed25519PrivateKey.generate()
    desk.unsound.script = ending_with(lambda closed: sign_closed(closed, key))

    check_rejected(desk)


def test_p8_a_last_word_in_the_name_of_another_holder_is_set_aside(desk: Desk) -> None:
    key = key_at(desk, SOUND)
    desk.unsound.script = ending_with(lambda closed: sign_closed(replace(closed, holder=BY_NAME[SOUND].ura), key))

    dossier = asking.ask(desk.grpc_address, asking.request(BSN))

    assert dossier.holders[UNSOUND].ending is Ending.REJECTED
    assert dossier.of(UNSOUND) == []


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_p8_a_last_word_that_a_relay_altered_is_set_aside(desk: Desk, change: Sign) -> None:
    key = key_at(desk, UNSOUND)
    desk.unsound.script = ending_with(lambda closed: sign_closed(closed, key), change)

    check_rejected(desk)


def test_p8_the_last_word_of_an_earlier_answer_does_not_serve_again(desk: Desk) -> None:
    key, said = key_at(desk, UNSOUND), []

    def keep_the_first(closed: Closed) -> Closed:
        said.append(sign_closed(closed, key))
        return said[0]

    desk.unsound.script = ending_with(keep_the_first)
    first = asking.ask(desk.grpc_address, asking.request(BSN)).holders[UNSOUND]

    assert first.ending is Ending.ANSWERED
    # Signed by the right one, for another question.
    check_rejected(desk, Fault.WRONG_QUESTION)


def test_c6_whose_a_record_is_comes_from_the_channel_and_not_from_what_it_says(desk: Desk) -> None:
    honest = BY_NAME[SOUND]
    claims = (
        condition("7", "valse herkomst")[:-1]
        + (
            f',"meta":{{"source":"https://{SOUND}.example/fhir"}},"recorder":{{"display":"{honest.title}"}},'
            f'"identifier":[{{"system":"http://fhir.nl/fhir/NamingSystem/ura","value":"{honest.ura}"}}]}}'
        ).encode()
    )
    desk.unsound.script = _answering(desk, patient(BSN), claims)

    dossier = asking.ask(desk.grpc_address, asking.request(BSN))
    merged = desk.everything().json()
    forged = [entry for entry in merged["entry"] if entry["resource"].get("code", {}).get("text") == "valse herkomst"]

    assert [record.holder for record in dossier.records if b"valse herkomst" in record.json] == [UNSOUND]
    assert len(forged) == 1
    assert f"/at/{UNSOUND}/" in str(forged[0]) or forged[0]["resource"]["id"].startswith(f"{UNSOUND}.")
    assert not forged[0]["resource"]["id"].startswith(f"{SOUND}.")


def _answering(desk: Desk, *records: bytes) -> Script:
    key = key_at(desk, UNSOUND)
    return ending_with(lambda closed: sign_closed(closed, key), records=records)


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, UnicodeError])
def test_c14_what_a_holder_says_when_it_fails_reaches_no_client_and_no_log(desk: Desk, kind: type[Exception]) -> None:
    async def explode(_: HolderQuery) -> AsyncGenerator[Frame | Batch, None]:
        yield ALL_CATEGORIES
        raise kind(f"{CANARY} of {BSN}")

    desk.unsound.script = explode
    dossier = asking.ask(desk.grpc_address, asking.request(BSN))
    merged = desk.everything()

    assert dossier.holders[UNSOUND].ending in (Ending.CUT_OFF, Ending.REFUSED)
    desk.check_that_nothing_shows(merged.content, str(dossier.messages))


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_c8_whatever_a_record_points_to_the_gateway_connects_to_nobody_but_registered_holders(kit: AttackKit) -> None:
    gateway = kit.region.process_of("gateway")
    assert gateway is not None
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        command = ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-e", "signal=none", "-p", str(gateway.pid), "-o", str(trace)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:  # noqa: S603 - our own command
            _wait_for_the_tracer(gateway.pid)
            dossier = kit.region.ask(LURING)
            with kit.dossiers() as stub:
                _fetch_lures(kit, stub)
            # A connection that must be seen, or the trace has seen nothing: a holder is asked anew over a new channel.
            kit.region.fault("brinkhof", "dead")
            kit.region.heal("brinkhof")
            tracer.terminate()
            tracer.communicate()
        connects = [line for line in trace.read_text(encoding="utf-8", errors="replace").splitlines() if " connect(" in line]
    elsewhere = [line for line in connects if f'sun_path="{kit.region.root}/s/' not in line]

    assert sum(b"DocumentReference" in record.json for record in dossier.of("brinkhof")) >= 5
    assert connects
    assert elsewhere == []


def _wait_for_the_tracer(pid: int) -> None:
    status = Path(f"/proc/{pid}/status")
    for _ in range(2_000):
        if "TracerPid:\t0\n" not in status.read_text(encoding="ascii"):
            return
    pytest.skip("this process may not be traced here")


def _fetch_lures(kit: AttackKit, stub: Any) -> None:
    for number, url in enumerate(LURES):
        mandate, record = kit.user().mandate(LURING), f"DocumentReference/lure{number}"
        about = opening(mandate, LURING)
        asked = Asked(PurposeOfUse.TREATMENT, EVERYTHING, frozenset({HolderName("brinkhof")}), url, record)
        about.evidence.CopyFrom(question_codec.evidence_to_wire(mandate.evidence(asked)))
        request = dossier_pb.DossierServiceFetchAttachmentRequest(about=about, holder="brinkhof", url=url, record=record)
        try:
            frames = list(stub.FetchAttachment(request, timeout=10))
        except grpc.RpcError:
            continue
        assert not any(frame.frame.chunk for frame in frames)
