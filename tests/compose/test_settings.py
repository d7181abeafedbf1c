"""The examples in compose/ are settings that load."""

from pathlib import Path

import pytest

from accord.link.addresses import loopback
from gateway.register import read_register
from gateway.settings import read_settings as gateway_settings
from node_agent.settings import read_settings as agent_settings

SETTINGS = Path(__file__).resolve().parents[2] / "compose" / "settings"


def test_the_gateways_example_loads() -> None:
    settings = gateway_settings([SETTINGS / "gateway.toml"], []).values

    assert settings.asked_by.data_user.ura.value == "90001001"
    assert loopback(settings.listen.http).port == 8480


def test_the_registers_example_loads_with_its_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    for name in ("brinkhof", "dinkelhorst"):
        (tmp_path / "keys" / name).write_text("ab" * 32)
    (tmp_path / "region.toml").write_text((SETTINGS / "region.toml").read_text())

    assert [holder.name.value for holder in read_register(tmp_path / "region.toml").holders] == ["brinkhof", "dinkelhorst"]


@pytest.mark.parametrize("name", ["agent-embedded.toml", "agent-fhir-server.toml"])
def test_the_agents_examples_load(name: str) -> None:
    settings = agent_settings([SETTINGS / name], []).values

    assert settings.holder.ura.startswith("9000")
    assert loopback(settings.listen.address).port > 0
