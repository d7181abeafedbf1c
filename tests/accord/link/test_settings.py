"""Settings in layers: who wins, where each value is from, and refusals that name a key and never a value."""

from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from accord.link.settings import Loaded, load
from accord.terms.faults import BadInput, Fault
from accord.terms.vocabulary import HolderKind


class Listen(msgspec.Struct, frozen=True):
    """A section."""

    http: str = "127.0.0.1:8000"
    port: int = 8000
    seconds: float = 1.5
    open: bool = False


class Holder(msgspec.Struct, frozen=True):
    """A section with what must be given, and with lists and fixed words."""

    ura: str
    kind: HolderKind = HolderKind.HOSPITAL
    way: Literal["a", "b"] = "a"
    types: list[str] = []
    key: str | None = None


class Settings(msgspec.Struct, frozen=True):
    """All of it."""

    holder: Holder
    listen: Listen = Listen()


URA = "holder.ura=90000001"


def read(*texts: str, folder: Path | None = None, environment: dict[str, str] | None = None, sets: tuple[str, ...] = (URA,)) -> Loaded[Settings]:
    """Load from these texts as files `0.toml`, `1.toml` … and these other layers."""
    files = []
    for number, text in enumerate(texts):
        assert folder is not None
        files.append(folder / f"{number}.toml")
        files[-1].write_text(text, encoding="utf-8")
    return load(Settings, files=files, environment=environment or {}, prefix="NOABER_X__", sets=sets)


def refusal(*texts: str, **layers: Any) -> str:
    """What is said of layers that are refused; a canary in them is never said."""
    with pytest.raises(BadInput) as caught:
        read(*texts, **layers)
    assert caught.value.fault is Fault.INVALID_SETTING
    assert "canary" not in str(caught.value) + repr(caught.value)
    return caught.value.where


def test_without_layers_the_defaults_stand_and_have_no_origin() -> None:
    loaded = read()

    assert loaded.values == Settings(Holder("90000001"))
    assert loaded.origins == {"holder.ura": "--set holder.ura"}


def test_a_later_layer_wins_and_is_named_as_the_origin(tmp_path: Path) -> None:
    loaded = read(
        '[listen]\nhttp = "one"\nport = 1\nseconds = 1\nopen = true\n[holder]\nura = "1"',
        "[listen]\nport = 2\nseconds = 2",
        folder=tmp_path,
        environment={"NOABER_X__LISTEN__SECONDS": "3", "NOABER_X__HOLDER__KIND": "pharmacy", "NOABER_Y__LISTEN__PORT": "9", "PATH": "x"},
        sets=("listen.seconds=4", "holder.way=b", "listen.seconds=5"),
    )

    assert loaded.values == Settings(Holder("1", HolderKind.PHARMACY, "b"), Listen("one", 2, 5.0, open=True))
    assert loaded.origins == {
        "listen.http": "0.toml",
        "listen.open": "0.toml",
        "holder.ura": "0.toml",
        "listen.port": "1.toml",
        "listen.seconds": "--set listen.seconds",
        "holder.kind": "NOABER_X__HOLDER__KIND",
        "holder.way": "--set holder.way",
    }


@pytest.mark.parametrize(
    "text", ["90000001", "00000001", "1e5", "true", "2026-11-21", "127.0.0.1:80", "", "a=b", "x # y", "'", "[1]", "inf", "{a = 1}", "9" * 5_000]
)
def test_a_text_setting_takes_any_text_as_it_was_typed(text: str) -> None:
    assert read(sets=(f"holder.ura={text}",)).values.holder.ura == text
    assert read(environment={"NOABER_X__HOLDER__URA": text}, sets=()).values.holder.ura == text
    assert read(sets=(URA, f"holder.key={text}")).values.holder.key == text


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen.port=80", 80),
        ("listen.seconds=2", 2.0),
        ("listen.seconds=0.25", 0.25),
        ("listen.open=true", True),
        ("listen.open=false", False),
        ('holder.types=["A", "B"]', ["A", "B"]),
        ("holder.types=[]", []),
        ('holder.ura="90000001"', "90000001"),
        ("holder.kind=gp-practice", HolderKind.GP_PRACTICE),
    ],
)
def test_other_settings_are_read_as_toml_reads_them(setting: str, value: object) -> None:
    key = setting.partition("=")[0]
    section, _, name = key.partition(".")

    for loaded in (read(sets=(URA, setting)), read(sets=(URA,), environment={f"NOABER_X__{section}__{name}".upper(): setting.partition("=")[2]})):
        if key != "holder.ura":
            assert getattr(getattr(loaded.values, section), name) == value
        assert key in loaded.origins


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen.prot=1", "--set listen.prot: listen.prot is not a setting, did you mean port?"),
        ("lisen.port=1", "--set lisen.port: lisen is not a setting, did you mean listen?"),
        ("listen.qqqqqq=1", "--set listen.qqqqqq: listen.qqqqqq is not a setting"),
        ("listen=1", "--set listen: write section and key"),
        ("listen.http.x=canary", "--set listen.http.x: write section and key"),
        ("=canary", "--set : write section and key"),
        ("canary", "--set: write section.key=value"),
        ("listen.port canary", "--set: write section.key=value"),
        ("listen.port=canary", "listen.port (--set listen.port)"),
        ("listen.port=1\ncanary = 2", "listen.port (--set listen.port)"),
        ("listen.port=1.5", "listen.port (--set listen.port)"),
        ("listen.open=canary", "listen.open (--set listen.open)"),
        ("holder.kind=canary", "holder.kind (--set holder.kind)"),
        ("holder.way=canary", "holder.way (--set holder.way)"),
        ("holder.types=canary", "holder.types (--set holder.types)"),
        ("holder.types=[1]", "holder.types (--set holder.types)"),
        ("holder.types=" + "[" * 5_000, "holder.types (--set holder.types)"),
    ],
)
def test_a_refusal_names_the_origin_and_the_key_and_never_the_value(text: str, said: str) -> None:
    assert refusal(sets=(URA, text)) == said


def test_a_wrong_value_is_found_in_the_layer_that_it_came_from(tmp_path: Path) -> None:
    assert refusal('[listen]\nport = "canary"', folder=tmp_path) == "listen.port (0.toml)"
    assert refusal("[holder]\ntypes = ['a', 1]", folder=tmp_path) == "holder.types[1] (0.toml)"
    assert refusal("[listen]\nport = 1", "[listen]\nport = 'canary'", folder=tmp_path) == "listen.port (1.toml)"
    assert refusal(environment={"NOABER_X__LISTEN__PORT": "canary"}) == "listen.port (NOABER_X__LISTEN__PORT)"


def test_what_must_be_given_and_is_not_is_named() -> None:
    assert refusal(sets=()) == "holder (missing)"
    assert refusal(sets=("holder.way=a",)) == "holder.ura (missing)"


@pytest.mark.parametrize("name", ["NOABER_X__LISTEN", "NOABER_X__", "NOABER_X__LISTEN__HTTP__X"])
def test_a_variable_that_names_no_setting_is_refused(name: str) -> None:
    assert refusal(environment={name: "canary"}) == f"{name}: write section and key"


def test_a_variable_with_a_misspelt_key_is_refused_with_the_nearest() -> None:
    assert refusal(environment={"NOABER_X__LISTEN__PROT": "canary"}) == "NOABER_X__LISTEN__PROT: listen.prot is not a setting, did you mean port?"


def test_a_file_that_cannot_be_used_is_named_without_its_folder(tmp_path: Path) -> None:
    assert refusal("canary = ", folder=tmp_path) == "0.toml: is not TOML"
    assert refusal("[listen]\nport = 1\nport = 2", folder=tmp_path) == "0.toml: is not TOML"
    assert refusal("a = " + "[" * 5_000, folder=tmp_path) == "0.toml: is not TOML"
    assert refusal("listen = 'canary'", folder=tmp_path) == "0.toml: listen is a section"
    assert refusal("[lissen]\nport = 1", folder=tmp_path) == "0.toml: lissen is not a setting, did you mean listen?"
    assert refusal("[listen]\nprot = 1", folder=tmp_path) == "0.toml: listen.prot is not a setting, did you mean port?"

    (tmp_path / "latin.toml").write_bytes("[listen]\nhttp = 'caf\xe9'".encode("latin-1"))
    for path, said in (
        (tmp_path / "latin.toml", "latin.toml: is not TOML"),
        (tmp_path / "none.toml", "none.toml: cannot be read"),
        (tmp_path, f"{tmp_path.name}: cannot be read"),
    ):
        with pytest.raises(BadInput) as caught:
            load(Settings, files=[path], environment={}, prefix="NOABER_X__")
        assert caught.value.where == said
