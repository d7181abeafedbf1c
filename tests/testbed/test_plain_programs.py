"""The programs without trust serve this machine and nobody else, and do not grow by what they would have journalled."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import anyio
import pytest

from accord.audit.events import RefusedQuestion
from accord.link.pseudonyms import pseudonym_key
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from accord.terms.queries import EVERYTHING, NO_EVIDENCE
from accord.terms.vocabulary import PurposeOfUse
from testbed.plain_gateway import PLAIN_KEY, ForgetfulLedger, PlainCallers, read_holders

PROJECT: Final = Path(__file__).resolve().parents[2]
KEY: Final = pseudonym_key(PLAIN_KEY)
AGENT: Final = ("testbed.plain_agent", "--set=holder.ura=90001003", "--set=holder.name=plain", f"--set=locate.key={PLAIN_KEY}")


@pytest.mark.parametrize("address", ["192.0.2.1:7001", "gateway.example:8444", "0.0.0.0:7001"])
def test_a_holder_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_holders([f"h0,91000000,{address}"], KEY)

    assert refused.value.fault is Fault.LOOPBACK_ONLY


def test_holders_on_this_machine_are_read() -> None:
    register = read_holders(["h0,91000000,unix:/tmp/h0.sock", "h1,91000001,127.0.0.1:7001"], KEY)

    assert [(holder.name.value, holder.card.ura.value, holder.address.target, holder.active) for holder in register.holders] == [
        ("h0", "91000000", "unix:/tmp/h0.sock", True),
        ("h1", "91000001", "127.0.0.1:7001", True),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("testbed.plain_gateway", "--set=listen.grpc=0.0.0.0:0"),
        ("testbed.plain_gateway", "--set=listen.http=192.0.2.1:0", "--set=listen.grpc=127.0.0.1:0"),
        (*AGENT, "--set=listen.address=0.0.0.0:0"),
        (*AGENT, "--set=listen.address=127.0.0.1:0", "--set=source.kind=fhir-server", "--set=source.base=http://192.0.2.1:80/fhir"),
    ],
)
def test_it_does_not_listen_or_ask_elsewhere(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - fixed arguments

    assert done.returncode == 1
    assert done.stdout == ""
    assert "loopback-only" in done.stderr


def test_a_dropped_line_leaves_nothing_behind() -> None:
    ledger = ForgetfulLedger()

    async def append() -> list[int]:
        return [await ledger.append(RefusedQuestion(fault=Fault.PROOF_USED)) for _ in range(3)]

    assert anyio.run(append) == [1, 2, 3]
    assert vars(ledger) == {"_lines": 3}


def test_everybody_is_let_in_about_the_patient_that_their_header_names() -> None:
    caller = PlainCallers().caller({"noaber-patient": "abc"}, b"")

    assert (caller.patient, caller.base, caller.purpose) == ("abc", "", PurposeOfUse.TREATMENT)
    assert caller.narrowed(EVERYTHING) == EVERYTHING
    assert caller.evidence_for(Bsn("999984056"), None) == NO_EVIDENCE  # type: ignore[arg-type]  # it looks at nothing
