"""The page of promises says which tests hold them, and is as the tests are."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_promises_is_as_the_tests_are() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "promises.py"), "--check"], capture_output=True, text=True, check=False)  # noqa: S603 - our own

    assert done.returncode == 0, done.stdout


def test_every_promise_has_tests() -> None:
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")

    assert {int(number) for number in re.findall(r"^\| P([0-9]+) \| [1-9]", page, re.MULTILINE)} == set(range(1, 15))
