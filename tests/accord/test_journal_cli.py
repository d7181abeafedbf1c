"""`noaber journal`: what it prints, and with which exit code it ends."""

import json
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from accord.audit.heads import HEAD_CHARACTERS, HEAD_TYPE, HeadKeeper, OwnHead
from accord.journal_cli import app
from accord.link import jose
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from tests.accord.audit.scenes import (
    ASKING,
    GATEWAY_SYSTEM,
    HOLDER,
    NOON,
    OTHER_PATIENT,
    PATIENT,
    SYSTEM,
    closing,
    decision,
    journal_of,
    lines_in,
    opened,
    release,
)

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return journal_of(tmp_path / "holder", [decision(), release(), closing(), decision("q2", patient=OTHER_PATIENT)])


@pytest.fixture
def with_heads(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A holder's journal with signed heads, a gateway's journal that keeps the last one, and that head in a file."""
    holder, gateway, file = tmp_path / "holder", tmp_path / "gateway", tmp_path / "head.jws"

    async def exchange() -> None:
        with opened(holder, SYSTEM) as own, opened(gateway, GATEWAY_SYSTEM) as theirs:
            signer = OwnHead(own, Ura(HOLDER), lambda payload: jose.sign(payload, KEY, HEAD_TYPE))
            keeper = HeadKeeper(theirs, lambda _party, token: jose.verify(token, HEAD_TYPE, lambda _id: PUBLIC, most=HEAD_CHARACTERS))
            for query in ("q1", "q2", "q3"):
                await own.append(decision(query))
                await keeper.keep(Ura(HOLDER), await signer.sign())
            file.write_text(signer.newest, encoding="ascii")

    anyio.run(exchange)
    return holder, gateway, file


def test_a_whole_journal_is_said_to_be_whole(folder: Path) -> None:
    told = run("verify", folder)

    assert told.exit_code == 0, told.output
    assert "6 lines verified" in told.output
    assert "No head was given" in told.output


def test_a_broken_journal_is_said_to_break_where_it_breaks(folder: Path) -> None:
    path = next(folder.glob("*.journal"))
    path.write_bytes(path.read_bytes().replace(b"Statement/2", b"Statement/3"))

    told = run("verify", folder)

    assert told.exit_code == 1
    offset = sum(map(len, lines_in(folder)[:2]))
    assert f"BROKEN line 3 ({path.name}, byte {offset}): the content is not what was written" in told.output


def test_p10_heads_of_a_file_and_of_the_other_party_find_a_journal_that_was_cut(with_heads: tuple[Path, Path, Path]) -> None:
    holder, gateway, file = with_heads
    key = jose.encoded(PUBLIC)
    assert run("verify", holder, "--head", file, "--peer", gateway, "--key", key).exit_code == 0
    path = next(holder.glob("*.journal"))
    path.write_bytes(b"".join(lines_in(holder)[:4]))

    assert run("verify", holder).exit_code == 0
    for witness in (("--head", file), ("--peer", gateway), ("--head", file, "--key", key)):
        told = run("verify", holder, *witness)
        assert told.exit_code == 1, told.output
        assert "lines are missing at the end" in told.output


def test_a_head_by_another_key_is_refused(with_heads: tuple[Path, Path, Path]) -> None:
    holder, _, file = with_heads
    other = jose.encoded(Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key().public_bytes_raw())

    told = run("verify", holder, "--head", file, "--key", other)
    assert isinstance(told.exception, BadInput)
    told = run("verify", holder, "--key", other)
    assert told.exit_code == 1
    assert "not signed with this key" in told.output


def test_lines_are_shown_to_each_reader_as_far_as_they_may_see_them(folder: Path) -> None:
    operator = run("show", folder)
    assert operator.exit_code == 0
    assert PATIENT not in operator.output
    assert ASKING.professional_name not in operator.output
    assert len(operator.stdout.splitlines()) == 6

    lines = [json.loads(line) for line in run("show", folder, "--reader", "reviewer", "--patient", PATIENT, "--json").stdout.splitlines()]
    assert [line["n"] for line in lines] == [2, 3, 4]
    assert lines[1]["records"] == ["MedicationStatement/1", "MedicationStatement/2"]


def test_lines_of_a_period_are_shown(folder: Path) -> None:
    day = datetime.fromtimestamp(NOON / 1000, UTC).date()

    assert run("show", folder, "--from", day).stdout.count("\n") == 6
    none = run("show", folder, "--until", day)
    assert (none.stdout, none.stderr) == ("", "0 lines\n")


@pytest.mark.parametrize("wrong", [("--patient", "999984056"), ("--patient", PATIENT.upper()), ("--reader", "patient")])
def test_whose_lines_a_patient_may_see_is_said_in_full(folder: Path, wrong: tuple[str, str]) -> None:
    told = run("show", folder, *wrong)

    assert told.exit_code == 2
    assert told.stdout == ""
    assert "--patient" in told.stderr


def fault_of(told: Result) -> Fault:
    assert isinstance(told.exception, BadInput | Unavailable), told.output
    return told.exception.fault


def test_a_head_that_is_no_file_is_said_to_be_none(with_heads: tuple[Path, Path, Path], tmp_path: Path) -> None:
    holder, _, file = with_heads
    empty = tmp_path / "empty"
    empty.touch()

    assert fault_of(run("verify", holder, "--head", "xx")) is Fault.HEAD_UNREADABLE
    told = run("verify", holder, "--head", file.read_text(encoding="ascii"))
    assert fault_of(told) is Fault.HEAD_UNREADABLE
    assert "no name of a file" in str(told.exception)
    assert fault_of(run("verify", holder, "--head", tmp_path)) is Fault.HEAD_UNREADABLE
    assert fault_of(run("verify", holder, "--head", empty)) is Fault.TOKEN_INVALID


def test_a_folder_without_a_journal_is_said_to_have_none(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    wrong: list[tuple[object, ...]] = [
        ("verify", folder, "--peer", tmp_path / "none"),
        ("verify", folder, "--peer", empty),
        ("verify", empty, "--ura", HOLDER),
        ("show", empty),
        ("reconcile", folder, empty),
        ("reconcile", empty, folder),
        ("prune", empty, "--before", "2016-01-01"),
    ]
    for arguments in wrong:
        assert fault_of(run(*arguments)) is Fault.NO_JOURNAL
    assert not list(empty.iterdir())


def test_a_key_that_is_none_is_wrong_use(folder: Path) -> None:
    told = run("verify", folder, "--key", "xx")

    assert told.exit_code == 2
    assert "--key" in told.stderr


def test_the_line_of_a_head_keeps_its_number_beside_that_of_the_head(with_heads: tuple[Path, Path, Path]) -> None:
    holder, gateway, _ = with_heads

    for folder, kind, numbers in ((holder, "head-signed", [(3, 2), (5, 4), (7, 6)]), (gateway, "head-kept", [(2, 2), (3, 4), (4, 6)])):
        lines = [json.loads(line) for line in run("show", folder, "--reader", "reviewer", "--json").stdout.splitlines()]
        assert [line["n"] for line in lines] == list(range(1, len(lines_in(folder)) + 1))
        assert [(line["n"], line["head_n"]) for line in lines if line["event"] == kind] == numbers


def test_two_journals_are_compared(folder: Path, tmp_path: Path) -> None:
    same = journal_of(tmp_path / "gateway", [release(), closing()], GATEWAY_SYSTEM)
    assert run("reconcile", folder, same).exit_code == 0
    other = journal_of(tmp_path / "other", [release(digest="ff"), closing()], GATEWAY_SYSTEM)

    told = run("reconcile", folder, other)

    assert told.exit_code == 1
    assert "DIFFERENT otherwise: question q1, batch 1" in told.output


def test_journals_of_other_parties_are_not_compared(folder: Path, tmp_path: Path) -> None:
    gateway = journal_of(tmp_path / "gateway", [decision(holder=""), release(), closing()], GATEWAY_SYSTEM)
    other = journal_of(tmp_path / "other", [decision(holder="00000005"), release(holder="00000005")], "00000005/agent")

    assert run("reconcile", folder, gateway).exit_code == 0
    for wrong in ((gateway, folder), (folder, other), (folder, folder), (gateway, gateway)):
        assert fault_of(run("reconcile", *wrong)) is Fault.OTHER_JOURNAL
    elsewhere = journal_of(tmp_path / "elsewhere", [], "00000008/gateway")
    told = run("reconcile", folder, elsewhere)
    assert "1 batches went to other gateways" in told.output


def test_content_past_retention_is_removed_and_younger_is_not(tmp_path: Path) -> None:
    folder = journal_of(tmp_path / "old", [decision()], clock=lambda: 1_400_000_000_000)

    told = run("prune", folder, "--before", "2016-01-01")
    assert told.exit_code == 0, told.output
    assert "of 3 lines was removed" in told.output
    assert run("verify", folder).exit_code == 0
    assert fault_of(run("prune", folder, "--before", datetime.now(UTC).date())) is Fault.TOO_YOUNG
    with opened(folder):
        assert fault_of(run("prune", folder, "--before", "2016-01-01")) is Fault.JOURNAL_IN_USE
