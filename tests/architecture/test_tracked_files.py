"""No file of the project holds a secret, a path of somebody's machine or the address of a package registry."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

# Written with brackets so that this file does not find itself.
FORBIDDEN = {
    "a home directory": r"(?<![\w.~$}])/(?:home|Users)/[a-z][\w.-]*/|(?<![\w.])/[r]oot/\w",
    "a package index": r"pypi[.]org/simple|files[.]pythonhosted[.]org|registry[.](?:npmjs|yarnpkg)[.]|--(?:extra-)?index-[u]rl|--[f]ind-links",
    "an address in a lock file": r'"resolved": *"[h]ttp',
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE [K]EY-----",
    "a token": r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|xox[abp]-[A-Za-z0-9-]{10,}|eyJ[\w-]{10,}[.]eyJ[\w-]{10,}[.][\w-]+)",
}

PLANTED = {
    "a home directory": ("see /home/" + "alice/notes", "/Users/" + "bob/x", "in /root" + "/work"),
    "a package index": ("https://pypi.org/" + "simple", "--index-" + "url https://x", "https://registry." + "npmjs.org/x"),
    "an address in a lock file": ('"resolved": ' + '"https://x/y.tgz"',),
    "a private key": ("-----BEGIN EC PRIVATE " + "KEY-----",),
    "a token": ("AKIA" + "A" * 16, "ghp_" + "a" * 36, "eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + ".c"),
}


def forbidden_in(text: str) -> list[str]:
    """What *text* holds that no file may hold."""
    return [kind for kind, pattern in FORBIDDEN.items() if re.search(pattern, text)]


def tracked() -> list[Path]:
    """The files of the project: as git knows them, or all but what tools made where there is no git."""
    git = shutil.which("git")
    if git and (PROJECT / ".git").exists():
        command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout.decode().split("\0")  # noqa: S603 -- fixed arguments
        return [PROJECT / name for name in names if name and (PROJECT / name).is_file()]
    made = re.compile(r"^\.venv|^\..*_cache$|^__pycache__$|^node_modules$|^build$|^dist$|\.egg-info$")
    return [path for path in PROJECT.rglob("*") if path.is_file() and not any(made.search(part) for part in path.relative_to(PROJECT).parts)]


def test_no_file_holds_what_is_not_for_everybody() -> None:
    found = {}
    for path in tracked():
        if kinds := forbidden_in(path.read_text(encoding="utf-8", errors="ignore")):
            found[path.relative_to(PROJECT).as_posix()] = kinds

    assert found == {}


def test_no_file_holds_the_place_of_this_checkout() -> None:
    here = str(PROJECT)
    found = [path.relative_to(PROJECT).as_posix() for path in tracked() if here in path.read_text(encoding="utf-8", errors="ignore")]

    assert found == []


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PLANTED.items() for text in texts])
def test_what_is_planted_is_found(kind: str, text: str) -> None:
    assert forbidden_in(f"before {text} after") == [kind]


@pytest.mark.parametrize("text", ["$HOME/notes", "~/notes", "/var/lib/noaber/", "https://pypi.org/project/grpcio/", "s3://home/x"])
def test_what_is_harmless_is_let_by(text: str) -> None:
    assert forbidden_in(text) == []
