"""Each rule bites: one violation at a time is planted in a copy of the tree, and its net must catch it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture import nets

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("accord", "gateway", "node_agent", "testbed")

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Plant:
    """One wrong line: in which file (a new one where `new`), and by which net it must be caught."""

    wrong: str
    file: str
    line: str
    net: str | Callable[[Path], list[str]]
    new: bool = False


PLANTS = (
    Plant("the gateway knows the agent", "gateway/ports.py", "import node_agent.ports", "parties"),
    Plant("the agent knows the gateway", "node_agent/ports.py", "import gateway.ports", "parties"),
    Plant("production knows the testbed", "node_agent/ports.py", "import testbed", "parties"),
    Plant("a rule knows the wire", "accord/rules/consent.py", "import accord.wire.columns", "accord"),
    Plant("a use case sees messages", "gateway/fanout.py", "from accord.wire.v1 import terms_pb2", "messages"),
    Plant("siblings know each other", "gateway/adapters/grpc_holders.py", "import gateway.api.outcomes", "gateway"),
    Plant("a use case knows an adapter", "node_agent/answering.py", "import node_agent.sources.fhir_rest", "node_agent"),
    Plant("a module without a place in the gateway", "gateway/utils.py", '"""Anything."""', "gateway", new=True),
    Plant("a module without a place in the accord", "accord/helpers.py", '"""Anything."""', "accord", new=True),
    Plant("a word knows gRPC", "accord/terms/queries.py", "import grpc", nets.impure_imports),
    Plant("a word fetches", "accord/terms/parties.py", "import requests", nets.impure_imports),
    Plant("a rule has a watch", "accord/rules/consent.py", "from time import time", nets.impure_imports),
    Plant("a rule asks what time it is", "accord/rules/moments.py", "NOW = datetime.now(UTC)", nets.impure_calls),
    Plant("a second gate", "node_agent/answering.py", "RELEASED = ReleasedRecord(b'')", nets.second_gates),
    Plant("a word of another field", "accord/terms/parties.py", "requester_name = 1", nets.foreign_words),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources and of the contracts."""
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.wrong)
def test_a_planted_violation_is_caught(plant: Plant, tree: Path) -> None:
    file = tree / plant.file
    assert file.exists() is not plant.new
    with file.open("a", encoding="utf-8") as module:
        module.write(f"\n{plant.line}\n")

    if callable(plant.net):
        assert [caught for caught in plant.net(tree) if caught.startswith(plant.file)]
    else:
        code, told = contracts(tree, plant.net)
        assert (code, "Contracts: 0 kept, 1 broken." in told) == (1, True), told
        assert file.stem in told


def test_a_copy_in_which_nothing_is_planted_keeps_every_contract(tree: Path) -> None:
    code, told = contracts(tree)

    assert (code, "0 broken." in told) == (0, True), told


def contracts(tree: Path, *only: str) -> tuple[int, str]:
    """What import-linter says of *tree*, about these contracts or about all."""
    chosen = [f"--contract={name}" for name in only]
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-logo", "--no-cache", *chosen]
    # The copy comes first on the path: what is installed must not be looked at instead.
    environment = os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 -- fixed arguments
    return done.returncode, done.stdout + done.stderr
