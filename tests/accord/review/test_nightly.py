"""The nightly review of a journal finds misuse that no single question shows (D7), and says nothing about an ordinary day."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from typer.testing import CliRunner

from accord.audit.content import Asking, Event
from accord.audit.events import BudgetAlarm, decode, encode
from accord.journal_cli import app
from accord.review.nightly import Reviewed, review_events
from accord.review.reviewers import Reviewers
from accord.rules.reviewing import FindingKind, ReviewLimits
from accord.terms.vocabulary import PurposeOfUse
from tests.accord.audit.scenes import ASKING, GATEWAY, NOON, closing, decision, glass_broken, journal_of, refused, release

FROM = datetime.fromtimestamp(NOON / 1000, UTC) - timedelta(hours=1)
UNTIL = FROM + timedelta(days=1)
UNRELATED: Asking = structs.replace(ASKING, treatment=None)


def mark(number: int) -> str:
    return f"{number:064x}"


def looked(number: int, asking: Asking = ASKING, **more: object) -> list[Event]:
    """All lines of one question about one patient."""
    about: dict[str, Any] = {"patient": mark(number), "asking": asking, "moment": NOON, **more}
    return [decision(f"q{number}", **about), release(f"q{number}", **about), closing(f"q{number}", **about)]


def reviewed(events: list[Event], limits: ReviewLimits | None = None) -> Reviewed:
    return review_events([decode(encode(event)) for event in events], since=FROM, until=UNTIL, limits=limits)


def test_d7_many_patients_without_a_treatment_relationship_are_found() -> None:
    found = reviewed([line for number in range(11) for line in looked(number, UNRELATED)])

    assert [(finding.kind, finding.count, finding.professional) for finding in found.findings] == [(FindingKind.NO_RELATION, 11, "900000001")]


def test_an_ordinary_day_gives_no_findings_and_each_question_counts_once() -> None:
    found = reviewed([line for number in range(11) for line in looked(number)])

    assert (found.accesses, found.findings) == (11, ())


def test_d7_emergencies_and_budget_alarms_are_found() -> None:
    asking = structs.replace(ASKING, purpose=PurposeOfUse.EMERGENCY_TREATMENT)
    alarm = BudgetAlarm(of="professional", who="x", peer=GATEWAY, patients=61, limit=60, user="00000002", professional="900000001", moment=NOON)
    broken = [glass_broken(f"q{number}", patient=mark(number), asking=asking, moment=NOON) for number in range(4)]

    found = reviewed([alarm, *broken])

    assert {(finding.kind, finding.count) for finding in found.findings} == {(FindingKind.EMERGENCIES, 4), (FindingKind.OVER_BUDGET, 1)}
    assert found.alarms == 1


def test_what_is_outside_the_period_or_about_nobody_is_left_out() -> None:
    early = [line for number in range(11) for line in looked(number, UNRELATED, moment=NOON - 7_200_000)]
    late = [line for number in range(11) for line in looked(number, UNRELATED, moment=NOON + 86_400_000)]
    nobody = [refused(f"q{number}", moment=NOON) for number in range(20)]
    not_hex = looked(0, UNRELATED, patient="nobody knows")

    assert reviewed([*early, *late, *nobody, *not_hex]) == Reviewed(0, 0, ())


# The commands


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return journal_of(tmp_path / "journal", [structs.replace(line, moment=0) for number in range(11) for line in looked(number, UNRELATED)])


def test_the_command_prints_findings_and_ends_with_1(folder: Path) -> None:
    outcome = CliRunner().invoke(app, ["review", str(folder), "--from", f"{FROM:%Y-%m-%dT%H:%M:%S}", "--until", f"{UNTIL:%Y-%m-%dT%H:%M:%S}"])

    assert outcome.exit_code == 1
    assert "no-treatment-relationship: 11 (limit 10) organisation=00000002 professional=900000001" in outcome.output
    assert "11 questions and 0 alarms reviewed: 1 finding" in outcome.output


def test_the_command_prints_json_for_programs(folder: Path) -> None:
    outcome = CliRunner().invoke(app, ["review", str(folder), "--json", "--from", f"{FROM:%Y-%m-%d}", "--until", f"{UNTIL + timedelta(days=1):%Y-%m-%d}"])

    (finding,) = map(json.loads, outcome.stdout.splitlines())
    assert (finding["kind"], finding["count"], finding["limit"], finding["patient"]) == ("no-treatment-relationship", 11, 10, "")


def test_the_command_ends_with_0_where_there_is_nothing(folder: Path) -> None:
    assert CliRunner().invoke(app, ["review", str(folder), "--from", "2020-01-01", "--until", "2020-01-02"]).exit_code == 0


def test_the_code_of_a_new_reviewer_opens_what_its_entry_says(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["reviewer", "--identifier", "900001", "--name", 'Zoë "Z" Ünal\t'])
    file = tmp_path / "reviewers.toml"
    file.write_text(outcome.stdout, encoding="utf-8")
    code = re.search(r"not kept: (\S+)", outcome.stderr)

    assert code is not None
    known = Reviewers(file).by_code(code[1])
    assert known is not None
    assert (known.identifier, known.name) == ("900001", 'Zoë "Z" Ünal\t')
    assert code[1] not in outcome.stdout
    assert replace(known, digest=b"") != known
