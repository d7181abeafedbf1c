"""What a doctor finds: each thing with a verdict, what was seen, and the exact next step where there is one."""

import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from msgspec import json


class Verdict(StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and may not tomorrow, or is less safe than it could be."""
    PROBLEM = "problem"


_MARKS: Final = {Verdict.OK: "ok      ", Verdict.WARNING: "WARNING ", Verdict.PROBLEM: "PROBLEM "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `next` is what to do about it, empty when all is well.

    What stands in it between backticks is a command that can be given as it stands; words in capitals are for whoever gives it.
    """

    about: str
    verdict: Verdict
    seen: str
    next: str = ""


def ok(about: str, seen: str) -> Finding:
    """All is well."""
    return Finding(about, Verdict.OK, seen)


def warning(about: str, seen: str, then: str) -> Finding:
    """It works, but."""
    return Finding(about, Verdict.WARNING, seen, then)


def problem(about: str, seen: str, then: str) -> Finding:
    """It does not work."""
    return Finding(about, Verdict.PROBLEM, seen, then)


def command(*parts: object) -> str:
    """A command that can be given as it is printed."""
    return f"`{shlex.join(str(part) for part in parts)}`"


def exit_code(findings: Iterable[Finding]) -> int:
    """1 when there is a problem, else 0."""
    return int(any(finding.verdict is Verdict.PROBLEM for finding in findings))


def as_text(findings: Iterable[Finding]) -> str:
    """For people: a line each, and below it what to do."""
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.verdict]}{finding.about}: {finding.seen}")
        if finding.next:
            lines.append(f"        Next: {finding.next}")
    return "\n".join(lines)


def as_json(findings: Iterable[Finding]) -> str:
    """For programs."""
    told = list(findings)
    return json.encode({"ok": not exit_code(told), "findings": [asdict(finding) for finding in told]}).decode()
