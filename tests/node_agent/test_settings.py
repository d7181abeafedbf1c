"""The agent's settings: layered, checked, and shown without secrets."""

from pathlib import Path

import pytest

from accord.terms.faults import BadInput, Fault
from node_agent.settings import SECRETS, AgentSettings, lines, read_settings
from node_agent.settings_example import EXAMPLE


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example as a file."""
    path = tmp_path / "agent.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


def test_the_example_is_understood(example: Path) -> None:
    settings = read_settings([example], []).values

    assert settings.holder.ura == "90001003"
    assert settings.source.kind == "embedded"
    assert settings.locate.key_file == "pseudonym.key"


def test_later_layers_win(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOABER_AGENT__LISTEN__ADDRESS", "127.0.0.1:7002")
    monkeypatch.setenv("NOABER_AGENT__SOURCE__PATH", "other.db")
    loaded = read_settings([example], ["listen.address=127.0.0.1:7003"])

    assert (loaded.values.listen.address, loaded.values.source.path) == ("127.0.0.1:7003", "other.db")
    assert "source.path = 'other.db'  # NOABER_AGENT__SOURCE__PATH" in lines(loaded)


def test_a_misspelt_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput) as refused:
        read_settings([], ["source.bse=http://127.0.0.1/"])

    assert refused.value.fault is Fault.INVALID_SETTING
    assert "did you mean base?" in refused.value.where


@pytest.mark.parametrize("wrong", ["source.kind=folder", "source.concurrency=many", "holder.kind=shop"])
def test_a_wrong_value_is_refused_without_the_value(wrong: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_settings([], [wrong])

    assert wrong.partition("=")[2] not in str(refused.value)


def test_secrets_are_masked() -> None:
    given = [f"{name}=hush" for name in sorted(SECRETS)]
    shown = lines(read_settings([], given))

    assert not any("hush" in line for line in shown)
    assert "locate.key = …  # --set locate.key" in shown


def test_every_secret_is_a_setting() -> None:
    shown = {line.partition(" = ")[0] for line in lines(read_settings([], []))}

    assert shown >= SECRETS
    named = {
        name for name in shown if any(word in name for word in ("password", "token", "client_key")) or name in {"locate.key", "office.proxy", "outbound.proxy"}
    }
    # The name of a file and the place where tokens are had are no secrets; the address of a proxy may hold a password.
    assert {name for name in named if not name.endswith(("_file", "_endpoint"))} == SECRETS


def test_every_section_is_documented() -> None:
    settings = AgentSettings()

    assert all(type(getattr(settings, section)).__doc__ for section in settings.__struct_fields__)
