"""The examples in compose/ load as they stand, agree with each other, and the units set what there is to set and leave nothing open."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accord.link.addresses import address, loopback
from accord.link.policy_file import read_policy
from accord.link.settings import Loaded
from accord.terms.parties import Professional
from accord.terms.vocabulary import CareCategory
from gateway.connect.settings import read_settings as connect_settings
from gateway.connect.upstream import gateway_address
from gateway.settings import read_settings as gateway_settings
from node_agent.settings import read_settings as agent_settings

COMPOSE = Path(__file__).resolve().parents[2] / "compose"
SETTINGS = COMPOSE / "settings"
UNITS = {"noaber-agent@.service": agent_settings, "noaber-gateway.service": gateway_settings, "noaber-connect.service": connect_settings}
AGENTS = ("agent-embedded.toml", "agent-fhir-server.toml", "agent-lab.toml")
#: Each closes a way by which something of a patient could reach a disk, or somebody the process.
HARDENING = (
    "Type=notify",
    "WatchdogSec=30",
    "LimitCORE=0",
    "MemorySwapMax=0",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "PrivateTmp=yes",
    "UMask=0077",
    "CapabilityBoundingSet=",
    "StateDirectoryMode=0700",
)
#: Where an example stands beside the one that is read here.
READ_HERE = {*AGENTS, "gateway.toml", "connect.toml", "policy.toml"}


def test_every_example_is_loaded_by_a_test() -> None:
    assert {path.name for path in SETTINGS.iterdir()} == READ_HERE
    assert {path.name for path in (COMPOSE / "systemd").iterdir()} == set(UNITS)


def test_the_gateways_example_loads() -> None:
    settings = gateway_settings([SETTINGS / "gateway.toml"], []).values

    assert address(settings.listen.http).port == 8443
    assert (settings.member.ura, settings.region.keys) == ("90009000", "keys")
    assert (settings.tls.certificate, settings.journal.folder) == ("tls.pem", "journal")


def test_the_connect_example_loads_and_asks_the_gateway_of_the_other_example() -> None:
    settings = connect_settings([SETTINGS / "connect.toml"], []).values
    gateway = gateway_settings([SETTINGS / "gateway.toml"], []).values

    assert loopback(settings.listen.http).port == 8480
    assert settings.gateway.ura == gateway.member.ura
    assert gateway_address(settings.gateway.url).url == f"https://{gateway.listen.http}"
    assert gateway_address(settings.gateway.url).is_secured
    assert settings.gateway.grpc == gateway.listen.grpc
    assert settings.professionals.usual == Professional("900000031", "01.015", "Sanne ten Esker")


@pytest.mark.parametrize("name", AGENTS)
def test_the_agents_examples_load(name: str) -> None:
    settings = agent_settings([SETTINGS / name], []).values

    assert settings.holder.ura.startswith("9000")
    assert address(settings.listen.address).port > 0
    assert (settings.tls.certificate, settings.tls.key, settings.region.anchor) == ("tls.pem", "tls.key", "region.pub")
    assert settings.locate.key_file
    assert settings.policy.policy.never == ({CareCategory.GENOMICS} if name == "agent-embedded.toml" else frozenset())


def test_the_policys_example_can_be_put_into_force_and_offers_no_emergency_access() -> None:
    policy = read_policy(SETTINGS / "policy.toml")

    assert policy.emergency is None
    assert policy.matrix.version.endswith("example")
    rows = policy.matrix.rows
    assert CareCategory.PATIENT in rows[None, "01.015"]
    assert CareCategory.GENOMICS not in frozenset[CareCategory]().union(*rows.values())


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_hardens_its_service_and_lets_it_write_in_its_own_folder_only(name: str) -> None:
    lines = (COMPOSE / "systemd" / name).read_text(encoding="utf-8").splitlines()

    assert [line for line in HARDENING if line not in lines] == []
    assert [line for line in lines if line.startswith(("ReadWritePaths=", "DynamicUser="))] == []
    assert [line for line in lines if line.startswith("User=")] not in ([], ["User=root"])


@pytest.mark.parametrize(("name", "read"), UNITS.items())
def test_what_a_unit_sets_is_a_setting_and_stands_where_the_service_may_write(name: str, read: Callable[..., Loaded[Any]]) -> None:
    lines = (COMPOSE / "systemd" / name).read_text(encoding="utf-8").splitlines()
    folder = next(line for line in lines if line.startswith("StateDirectory=")).removeprefix("StateDirectory=")
    given = dict(line.removeprefix("Environment=").split("=", 1) for line in lines if line.startswith("Environment="))
    sets = [f"{'.'.join(variable.split('__')[1:]).lower()}={value}" for variable, value in given.items()]

    loaded = read([], sets)

    assert set(loaded.origins) == {item.partition("=")[0] for item in sets}
    assert all(value.startswith(f"%S/{folder}/") for value in given.values())
    # What begins as a copy of a register is followed by what is known of newer ones, in a file beside it.
    assert "region.register" in loaded.origins
    assert ("journal.folder" in loaded.origins) == (read is not connect_settings)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_a_unit(name: str, tmp_path: Path) -> None:
    # The program need not be installed where the unit says, to see whether the rest holds.
    text = (COMPOSE / "systemd" / name).read_text(encoding="utf-8").replace("/opt/noaber/current/bin/noaber", "/bin/true")
    unit = tmp_path / name.replace("@", "@brinkhof")
    unit.write_text(text, encoding="utf-8")

    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603, S607

    assert (done.returncode, done.stderr) == (0, "")
