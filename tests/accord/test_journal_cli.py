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
from accord.terms.faults import BadInput, Unavailable
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


def test_two_journals_are_compared(folder: Path, tmp_path: Path) -> None:
    same = journal_of(tmp_path / "gateway", [release(), closing()], GATEWAY_SYSTEM)
    assert run("reconcile", folder, same).exit_code == 0
    other = journal_of(tmp_path / "other", [release(digest="ff"), closing()], GATEWAY_SYSTEM)

    told = run("reconcile", folder, other)

    assert told.exit_code == 1
    assert "DIFFERENT otherwise: question q1, batch 1" in told.output


def test_content_past_retention_is_removed_and_younger_is_not(tmp_path: Path) -> None:
    folder = journal_of(tmp_path / "old", [decision()], clock=lambda: 1_400_000_000_000)

    told = run("prune", folder, "--before", "2016-01-01")
    assert told.exit_code == 0, told.output
    assert "of 3 lines was removed" in told.output
    assert run("verify", folder).exit_code == 0
    assert isinstance(run("prune", folder, "--before", datetime.now(UTC).date()).exception, BadInput)


def test_a_journal_that_does_not_say_whose_it_is_is_not_pruned(tmp_path: Path) -> None:
    assert isinstance(run("prune", tmp_path, "--before", "2016-01-01").exception, Unavailable)
