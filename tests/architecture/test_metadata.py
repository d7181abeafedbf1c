"""What the project says of itself says the same in every place."""

import re
import sys
import tomllib
from importlib.metadata import entry_points, packages_distributions, version
from pathlib import Path

import pytest

from accord.cli import GROUP, PARTS
from tests.architecture import nets

PROJECT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PYPROJECT["project"]["version"]


def test_the_version_is_the_same_everywhere() -> None:
    public_code = (PROJECT / "publiccode.yml").read_text(encoding="utf-8")
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert version("noaber") == VERSION
    assert f"softwareVersion: {VERSION}\n" in public_code
    assert re.search(rf"^## \[({re.escape(VERSION)}|Unreleased)\]", changelog, re.MULTILINE)


def test_the_licence_is_named_as_its_text_is() -> None:
    text = (PROJECT / "LICENSE").read_text(encoding="utf-8")

    assert PYPROJECT["project"]["license"] == "EUPL-1.2"
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    assert (PROJECT / "LICENSES" / "EUPL-1.2.txt").read_text(encoding="utf-8") == text


def test_every_command_that_is_declared_is_installed_and_told_of() -> None:
    declared = PYPROJECT["project"]["entry-points"][GROUP]
    installed = {entry.name: entry.value for entry in entry_points(group=GROUP) if entry.dist and entry.dist.name == "noaber"}

    assert installed == declared
    assert set(PARTS) == set(declared)
    assert {part.extra for part in PARTS.values()} <= set(PYPROJECT["project"]["optional-dependencies"])


def test_locks_pin_every_package_by_hash() -> None:
    for lock in (PROJECT / "requirements").glob("*.lock"):
        requirements = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()

        assert all("==" in line and "--hash=sha256:" in line for line in requirements if line.strip()), lock.name


def test_both_locks_of_one_environment_agree() -> None:
    run, dev = (set(re.findall(r"^(\S+==\S+)", (PROJECT / "requirements" / f"{name}.lock").read_text(), re.MULTILINE)) for name in ("run", "dev"))

    assert run <= dev


#: Pages of the accord, which a gateway, an agent or the office serves, and the line to its desk: loaded by nobody else, so that its commands need nothing more.
SERVED = ("accord/review/", "accord/link/serving.py", "accord/link/office_line.py", "accord/region/desk_app.py")
BRINGS = {
    "accord": (),
    "gateway": ("gateway",),
    "node_agent": ("agent", "sql", "postgres"),
    "testbed": ("agent", "gateway", "sql", "postgres", "testbed"),
}


@pytest.mark.parametrize("part", BRINGS)
def test_every_package_that_a_part_imports_is_declared_for_it(part: str) -> None:
    project = PYPROJECT["project"]
    lines = [*project["dependencies"], *(line for extra in BRINGS[part] for line in project["optional-dependencies"][extra])]
    declared = {_normal(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in lines}
    distributions = packages_distributions()

    undeclared = {
        name: where
        for where, imported in nets.imports_of(PROJECT, part)
        if not where.startswith(SERVED)
        if (name := imported.partition(".")[0]) not in sys.stdlib_module_names | set(BRINGS)
        if not declared & {_normal(distribution) for distribution in distributions.get(name, [name])}
    }

    assert undeclared == {}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
