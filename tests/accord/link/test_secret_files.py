"""Secrets stand in files: beside their setting, or in systemd's credentials, and never where others can read them."""

from pathlib import Path

import msgspec
import pytest

from accord.link.secret_files import CREDENTIALS, Secrets, kept_private
from accord.link.settings import Loaded, load, misspelt, shown
from accord.terms.faults import BadInput, Fault


class Source(msgspec.Struct, frozen=True):
    """A section with a secret."""

    password: str = ""
    user: str = ""


class Tls(msgspec.Struct, frozen=True):
    """A section with the path of a secret file."""

    key: str = "tls.key"


class Settings(msgspec.Struct, frozen=True):
    """All of it."""

    source: Source = Source()
    tls: Tls = Tls()


KEPT = Secrets(frozenset({"source.password"}), frozenset({"tls.key"}))


def read(folder: Path, text: str = "", environment: dict[str, str] | None = None, *sets: str) -> Loaded[Settings]:
    """Load from this file and these layers."""
    path = folder / "x.toml"
    path.write_text(text, encoding="utf-8")
    return load(Settings, files=[path], environment=environment or {}, prefix="NOABER_AGENT__", sets=sets, secrets=KEPT)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that only its owner can read."""
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text("hush 0123\n", encoding="utf-8")
    return path


def test_a_secret_can_be_a_file_in_every_layer_and_is_masked(tmp_path: Path, secret: Path) -> None:
    by_file = read(tmp_path, '[source]\npassword_file = "password"')
    by_variable = read(tmp_path, "", {"NOABER_AGENT__SOURCE__PASSWORD_FILE": str(secret)})
    by_option = read(tmp_path, '[source]\npassword = "old"', {}, f"source.password_file={secret}")

    assert {loaded.values.source.password for loaded in (by_file, by_variable, by_option)} == {"hush 0123"}
    assert dict(by_variable.origins) == {"source.password": "NOABER_AGENT__SOURCE__PASSWORD_FILE"}
    assert ("source.password", "…", "x.toml") in shown(by_file, KEPT)


def test_credentials_of_systemd_are_the_secret_or_the_path_of_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    for name in ("source.password", "tls.key"):
        (folder / name).write_text("hush", encoding="ascii")
        (folder / name).chmod(0o440)

    loaded = read(tmp_path, '[tls]\nkey = "elsewhere"', {CREDENTIALS: str(folder)})

    # systemd shows them as readable for a group that cannot get into the folder; elsewhere that is refused.
    assert kept_private(folder / "tls.key", {CREDENTIALS: str(folder)})
    assert not kept_private(folder / "tls.key", {})
    assert loaded.values.tls.key == str(folder / "tls.key")
    assert dict(loaded.origins) == {"source.password": CREDENTIALS, "tls.key": CREDENTIALS}


@pytest.mark.parametrize(("mode", "content"), [(0o644, "hush"), (0o640, "hush"), (0o600, ""), (0o600, "hush\nhush"), (0o600, "\0hush")])
def test_a_secret_that_others_can_read_or_that_is_no_line_is_refused_without_a_word_of_it(tmp_path: Path, secret: Path, mode: int, content: str) -> None:
    secret.write_text(content, encoding="utf-8")
    secret.chmod(mode)

    with pytest.raises(BadInput) as refused:
        read(tmp_path, '[source]\npassword_file = "password"')

    assert refused.value.fault is Fault.INVALID_SETTING
    assert "source.password_file" in refused.value.where
    assert "hush" not in str(refused.value)


def test_a_secret_and_its_file_in_one_layer_are_refused(tmp_path: Path, secret: Path) -> None:
    with pytest.raises(BadInput, match="give one"):
        read(tmp_path, f'[source]\npassword = "x"\npassword_file = "{secret}"')


def test_only_a_secret_has_a_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a setting"):
        read(tmp_path, '[source]\nuser_file = "password"')


@pytest.mark.parametrize("name", ["NOABER_AGNT__LISTEN__ADDRESS", "NOABER_AGENT_SOURCE__PATH", "Noaber_Agent__Source__Path", "NOABER_GATWAY__X__Y"])
def test_a_variable_with_a_misspelt_part_is_refused_and_not_passed_over(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="did you mean NOABER_"):
        read(tmp_path, "", {name: "canary"})


def test_variables_of_other_parts_and_of_tests_are_let_by() -> None:
    assert misspelt(["NOABER_GATEWAY__LISTEN__HTTP", "NOABER_LONG", "NOABER_SHARED_DATA", "PATH", "NOABER_TOKEN"]) == {}
