"""Whoever is told that something does not fit is told what to do about that very thing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from accord.terms import next_steps
from accord.terms.faults import CATALOGUE, BadInput, Fault

ROOT = Path(__file__).resolve().parents[2]
#: What the general word for a setting would not help with: an option, a file, an address that is taken, a register, a key.
_OF_ANOTHER_KIND = re.compile(r"^f?['\"]--|cannot be|no such|taken|already|register|request|TOML|chmod|key \(|not an? |waits|address")


def refusals() -> Iterator[tuple[str, str, bool]]:
    """Every place where `invalid-setting` is raised, what it names there, and whether it says the next step itself."""
    for path in sorted(part for folder in ("accord", "gateway", "node_agent") for part in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node).startswith(("BadInput(Fault.INVALID_SETTING", "Unavailable(Fault.INVALID_SETTING")):
                named = ast.unparse(node.args[1]) if len(node.args) > 1 else ""
                yield f"{path.relative_to(ROOT)}:{node.lineno}", named, any(one.arg == "then" for one in node.keywords)


def test_what_is_no_setting_says_its_own_next_step() -> None:
    places = list(refusals())
    silent = [f"{place} {named}" for place, named, says in places if not says and _OF_ANOTHER_KIND.search(named)]

    assert len(places) > 100
    assert silent == []


def test_a_next_step_of_its_own_goes_before_that_of_the_code() -> None:
    general = BadInput(Fault.INVALID_SETTING, "listen.address")
    own = BadInput(Fault.INVALID_SETTING, "listen.address", then=next_steps.TAKEN)

    assert general.explanation == CATALOGUE[Fault.INVALID_SETTING]
    assert own.explanation.next_step == next_steps.TAKEN
    assert str(own) == str(general) == "invalid-setting (listen.address)"


@pytest.mark.parametrize("name", [name for name in vars(next_steps) if name.isupper()])
def test_every_next_step_is_said_somewhere_and_is_a_sentence(name: str) -> None:
    used = any(
        re.search(rf"then={name}\b", path.read_text(encoding="utf-8")) for part in ("accord", "gateway", "node_agent") for path in (ROOT / part).rglob("*.py")
    )
    text = getattr(next_steps, name)

    assert used, f"{name} is said nowhere"
    assert text[0].isupper()
    assert text.endswith(".")
