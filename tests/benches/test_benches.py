"""Every bench runs, and says what it found in one line. Figures are not judged here: the machine may be busy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benches.__main__ import BENCHES

PROJECT = Path(__file__).resolve().parents[2]
NOT_BENCHES = {
    "__init__",
    "__main__",
    "asking",
    "clinic",
    "full_region",
    "holders",
    "plain_reading",
    "plain_region",
    "providers",
    "records",
    "screens",
    "staging",
}

pytestmark = pytest.mark.slow


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the benches to its end."""
    return subprocess.run(  # noqa: S603 -- fixed arguments
        [sys.executable, "-m", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the benches read /proc")
@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_tells_its_figures_in_one_line(name: str) -> None:
    done = run(f"benches.{name}", "--quick")
    if done.returncode and ("no Chromium here" in done.stderr or "playwright is not installed" in done.stderr):
        pytest.skip(done.stderr.strip())

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    told = json.loads(done.stdout)
    assert told["question"].endswith("?")
    assert told["ratio"] > 0
    assert told["findings"]
    for one in told["findings"]:
        assert one["what"]
        assert any(letter.isdigit() for letter in one["figure"])
        assert one["met"] in (True, False, None)
        assert one["met"] is None or one["goal"]


def test_every_bench_is_in_the_list_and_on_the_page() -> None:
    modules = {path.stem for path in (PROJECT / "benches").glob("*.py")} - NOT_BENCHES
    page = (PROJECT / "docs" / "benchmarks.md").read_text(encoding="utf-8")

    assert modules == set(BENCHES)
    assert [name for name in BENCHES if f"| `{name}` |" not in page] == []


def test_a_bench_that_does_not_exist_is_refused() -> None:
    done = run("benches", "no-such-bench")

    assert done.returncode == 2
    assert "no-such-bench" in done.stderr


def test_a_quick_run_never_goes_into_the_page() -> None:
    page = PROJECT / "docs" / "benchmarks.md"
    before = page.read_bytes()
    done = run("benches", "--quick", "--into", str(page))

    assert done.returncode == 2
    assert page.read_bytes() == before
