"""A doctor finds what keeps an agent from answering, says the next step, and changes nothing; a service is printed for this very agent."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest

from node_agent.settings import KEPT, SECRETS
from testbed.contracts.records import ANNA
from testbed.region_office import RegionOffice
from tests.node_agent.test_cli import agent, config, fill, office, running
from tests.printed_commands import check_printed

__all__ = ["config", "office"]
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _kept_well(config: Path) -> None:
    """The key of the pseudonyms is its owner's alone."""
    (config.parent / "pseudonym.key").chmod(0o600)


def examined(path: Path, **environment: str) -> tuple[int, Mapping[str, Mapping[str, str]]]:
    """The exit code, and the worst finding about each thing."""
    done = agent("doctor", "--config", str(path), "--json", **environment)
    assert done.stderr == "", done.stderr
    assert ANNA not in done.stdout
    found: dict[str, Mapping[str, str]] = {}
    for one in json.loads(done.stdout)["findings"]:
        check_printed(one["next"])
        if one["about"] not in found or one["verdict"] == "problem":
            found[one["about"]] = one
    return done.returncode, found


def seen_in(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All that is in a folder."""
    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_of_a_sound_agent_nothing_is_wrong_and_nothing_is_changed(config: Path) -> None:
    fill(config.parent)
    before = seen_in(config.parent)

    code, found = examined(config)

    assert seen_in(config.parent) == before
    # It is not started yet; that is all.
    assert (code, {about for about, one in found.items() if one["verdict"] == "problem"}) == (0, set())
    assert found["this agent"]["verdict"] == "warning"
    assert found["membership"]["seen"] == "brinkhof takes part in testbed"
    assert "within" in found["journal"]["seen"]
    assert all(one["next"] for one in found.values() if one["verdict"] != "ok")


def test_an_agent_that_runs_is_met_with_a_handshake(config: Path) -> None:
    fill(config.parent)
    with running(config, "--set", "listen.address=127.0.0.1:0") as (_, address):
        # As it listens.
        config.write_text(config.read_text(encoding="utf-8").replace(f"unix:{config.parent}/agent.sock", address), encoding="utf-8")
        _, found = examined(config)

    assert found["this agent"]["verdict"] == "ok"
    assert "TLS" in found["this agent"]["seen"]


def test_what_is_missing_or_open_or_misspelt_is_found_with_what_to_do(config: Path) -> None:
    (config.parent / "tls.key").chmod(0o644)
    (config.parent / "answer.key").unlink()

    code, found = examined(config)

    assert code == 1
    assert found["tls.key"]["next"] == f"`chmod 600 {config.parent / 'tls.key'}`"
    assert "there is no file" in found["holder.answer_key"]["seen"]
    assert found["source"]["next"] == f"make it from a file of yours: `noaber agent import FILE --store {config.parent / 'records.db'}`"
    assert found["choices"]["verdict"] == "problem"
    assert found["register"]["verdict"] != "problem"


def test_a_setting_or_a_variable_that_is_none_is_found(config: Path) -> None:
    config.write_text(config.read_text(encoding="utf-8") + "[sorce]\npath = 'x'\n", encoding="utf-8")
    code, found = examined(config, NOABER_AGNT__LISTEN__ADDRESS="127.0.0.1:1")

    assert code == 1
    assert "did you mean NOABER_AGENT__" in found["environment"]["next"]
    assert "did you mean" in found["settings"]["seen"]


def test_a_register_of_somebody_else_is_found(config: Path, tmp_path: Path) -> None:
    stranger = RegionOffice(tmp_path / "elsewhere")
    stranger.enrol([])
    (tmp_path / "other").mkdir()
    stranger.give(tmp_path / "other")
    (config.parent / "region.pub").write_bytes((tmp_path / "other" / "region.pub").read_bytes())

    code, found = examined(config)

    assert (code, found["register"]["verdict"]) == (1, "problem")


def test_settings_are_shown_for_programs_and_validated(config: Path) -> None:
    secret = config.parent / "password"
    secret.touch(mode=0o600)
    secret.write_text("hush", encoding="ascii")
    shown = agent("config", "show", "--config", str(config), "--json", NOABER_AGENT__SOURCE__PASSWORD_FILE=str(secret))
    sound = agent("config", "validate", "--config", str(config))
    (config.parent / "tls.key").unlink()
    unsound = agent("config", "validate", "--config", str(config))

    assert json.loads(shown.stdout)["source.password"] == {"value": "…", "origin": "NOABER_AGENT__SOURCE__PASSWORD_FILE"}
    assert "hush" not in shown.stdout + shown.stderr
    assert (sound.returncode, unsound.returncode) == (0, 2)


def test_the_unit_of_a_service_is_about_this_very_agent(config: Path) -> None:
    done = agent("service", "--print", "--config", str(config), "--program", "/opt/noaber/current/bin/noaber")
    lines = done.stdout.splitlines()

    assert done.returncode == 0, done.stderr
    # The unit is as good as it was: it may be for another machine.
    assert ("WARNING /opt/noaber/current/bin/noaber: not on this machine" in done.stderr) is not Path("/opt/noaber/current/bin/noaber").exists()
    assert f"ExecStart=/opt/noaber/current/bin/noaber agent run --config {config}" in lines
    assert {"Type=notify", "WatchdogSec=30", "User=noaber-brinkhof", "ProtectSystem=strict", "MemorySwapMax=0", "LimitCORE=0"} <= set(lines)
    assert {line for line in lines if line.startswith("ReadWritePaths=")} == {f"ReadWritePaths={config.parent}"}
    assert {line for line in lines if line.startswith("LoadCredential=")} == {
        f"LoadCredential={setting}:{config.parent / name}"
        for setting, name in (("holder.answer_key", "answer.key"), ("locate.key_file", "pseudonym.key"), ("tls.key", "tls.key"))
    }


def test_with_credentials_as_systemd_gives_them_an_agent_serves(config: Path, tmp_path: Path) -> None:
    fill(config.parent)
    given = tmp_path / "credentials"
    given.mkdir(mode=0o700)
    for setting, name in (("holder.answer_key", "answer.key"), ("locate.key_file", "pseudonym.key"), ("tls.key", "tls.key")):
        (config.parent / name).rename(given / setting)
        (given / setting).chmod(0o440)
    command = [sys.executable, "-m", "node_agent", "run", "--config", str(config)]
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(given)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603 - fixed arguments
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()

        assert line.startswith("ready "), process.stderr.read() if process.stderr else ""


def test_a_house_tells_of_everybody_at_one_listener_and_each_settings_file_of_none(config: Path, tmp_path: Path) -> None:
    fill(config.parent)
    house = tmp_path / "house"
    (house / "brinkhof").mkdir(parents=True)
    for path in list(config.parent.iterdir()):
        if path.is_file():
            path.rename(house / "brinkhof" / path.name)
    (house / "house.toml").write_text(f'[ops]\nlisten = "unix:{tmp_path}/ops"\n', encoding="utf-8")
    (house / "other").mkdir()
    (house / "other" / "agent.toml").write_text('[holder]\nura = "90001004"\nname = "other"\n[ops]\nlisten = "127.0.0.1:1"\n', encoding="utf-8")
    command = [sys.executable, "-m", "node_agent", "run", "--house", str(house)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - fixed arguments
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=f"{tmp_path}/ops"), base_url="http://agent", timeout=60) as client:
            everybody, one, measures = client.get("/readyz"), client.get("/readyz/brinkhof"), client.get("/metrics").text
        process.terminate()

    assert lines[1] == "ready 1 of 2\n"
    assert (everybody.status_code, one.status_code) == (503, 200)
    assert everybody.json()["organisations"]["other"]["reasons"][0]["code"] == "not-ready-yet"
    assert 'noaber_ready{holder="brinkhof"} 1.0' in measures
    assert "127.0.0.1:1" not in measures


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_printed_unit_and_finds_it_little_exposed(config: Path, tmp_path: Path) -> None:
    done = agent("service", "--print", "--config", str(config), "--program", "/bin/true", "--user", "daemon")
    unit = tmp_path / "noaber-brinkhof.service"
    unit.write_text(done.stdout, encoding="utf-8")

    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603, S607
    judged = subprocess.run(  # noqa: S603 - fixed arguments
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=25", str(unit)],  # noqa: S607 - as whoever runs it has it
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    print(judged.stdout.splitlines()[-1])  # noqa: T201 - for who measures

    assert (verified.returncode, verified.stderr) == (0, "")
    # Of 100; the program exits 1 above the threshold.
    assert judged.returncode == 0, judged.stdout


def test_a_certificate_that_renews_itself_is_no_credential_for_that_could_not_be_written(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    (config.parent / "control").mkdir()
    more = '[office]\ndesk = "https://office.example:8447"\n[control]\nfolder = "control/brinkhof"\n[it]\nkey = "it.key"\n'
    config.write_text(text.replace('certificate = "tls.pem"\nkey = "tls.key"', 'certificate = "own/tls.pem"\nkey = "own/tls.key"') + more, encoding="utf-8")
    lines = agent("service", "--print", "--config", str(config)).stdout.splitlines()

    assert {line.partition(":")[0] for line in lines if line.startswith("LoadCredential=")} == {
        f"LoadCredential={setting}" for setting in ("holder.answer_key", "it.key", "locate.key_file")
    }
    # The folder of its settings is written in all the same here, and what is below it with it.
    assert f"ReadWritePaths={config.parent}" in lines


def test_the_unit_of_a_house_may_write_in_the_house_and_is_given_no_credentials(config: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    (house / "brinkhof").mkdir(parents=True)
    apart = tmp_path / "apart"
    (house / "brinkhof" / "agent.toml").write_text(config.read_text(encoding="utf-8") + f'[journal]\nfolder = "{apart}/journal"\n', encoding="utf-8")
    done = agent("service", "--print", "--house", str(house), "--program", "/opt/noaber/current/bin/noaber")
    lines = done.stdout.splitlines()

    assert done.returncode == 0, done.stderr
    assert {"User=noaber-house", f"ExecStart=/opt/noaber/current/bin/noaber agent run --house {house}"} <= set(lines)
    assert {line for line in lines if line.startswith("ReadWritePaths=")} == {f"ReadWritePaths={house}", f"ReadWritePaths={apart}"}
    assert [line for line in lines if line.startswith("LoadCredential=")] == []


def test_the_doctor_of_a_house_examines_everybody_and_names_whom_it_is_about(config: Path, tmp_path: Path) -> None:
    fill(config.parent)
    house = tmp_path / "house"
    (house / "brinkhof").mkdir(parents=True)
    for path in list(config.parent.iterdir()):
        if path.is_file():
            path.rename(house / "brinkhof" / path.name)
    (house / "other").mkdir()
    (house / "other" / "agent.toml").write_text('[holder]\nura = "90001004"\nname = "another"\n', encoding="utf-8")
    done = agent("doctor", "--house", str(house), "--json")
    found = json.loads(done.stdout)["findings"]

    assert done.returncode == 1
    assert {one["about"] for one in found if one["verdict"] == "problem"} == {"other"}
    assert {"brinkhof: register", "brinkhof: source", "brinkhof: this agent"} <= {one["about"] for one in found}


@pytest.mark.parametrize("secret", ["source.token", "source.password", "outbound.proxy"])
def test_a_secret_can_be_a_file_is_not_shown_and_must_be_its_owners(config: Path, secret: str) -> None:
    """Also of a database: its password is `source.password`."""
    path = config.parent / "secret"
    path.touch(mode=0o600)
    path.write_text("hush-hush\n", encoding="ascii")
    variable = f"NOABER_AGENT__{secret.replace('.', '__').upper()}_FILE"
    shown = agent("config", "show", "--config", str(config), "--json", **{variable: str(path)})
    path.chmod(0o644)
    refused = agent("config", "show", "--config", str(config), **{variable: str(path)})

    assert json.loads(shown.stdout)[secret] == {"value": "…", "origin": variable}
    assert refused.returncode == 2
    assert "chmod 600" in refused.stderr
    assert "hush-hush" not in shown.stdout + shown.stderr + refused.stdout + refused.stderr


def test_every_secret_can_be_a_file() -> None:
    """Those that are not read for us have a setting that is the path of a file, since they have several lines or are checked by whoever reads them."""
    paths = {"locate.key", "source.client_key"}

    assert {f"{secret}_file" for secret in paths} <= KEPT.files
    assert SECRETS - paths == {"source.token", "source.password", "office.proxy", "outbound.proxy"}


def test_an_agent_without_a_port_is_examined_by_the_way_to_its_gateways(config: Path) -> None:
    fill(config.parent)
    text = config.read_text(encoding="utf-8").replace(f'address = "unix:{config.parent}/agent.sock"', 'address = ""')
    config.write_text(f'{text}[outbound]\ngateways = ["127.0.0.1:9", "unix:{config.parent}/door"]\n', encoding="utf-8")
    without_proxy = {"HTTPS_PROXY": "", "https_proxy": "", "NO_PROXY": "", "no_proxy": ""}

    code, found = examined(config, **without_proxy)
    _, by_proxy = examined(config, **without_proxy | {"HTTPS_PROXY": "http://agent:hush@127.0.0.1:9"})
    _, wrong = examined(config, **without_proxy | {"HTTPS_PROXY": "https://agent:hush@127.0.0.1:9"})

    assert (code, found["this agent"]["verdict"]) == (1, "ok")
    assert found["gateway 127.0.0.1:9"]["seen"] == "nothing listens at 127.0.0.1:9"
    assert found[f"gateway unix:{config.parent}/door"]["verdict"] == "problem"
    assert by_proxy["gateway 127.0.0.1:9"]["seen"] == "the proxy 127.0.0.1:9 cannot be reached"
    assert by_proxy[f"gateway unix:{config.parent}/door"]["seen"] == found[f"gateway unix:{config.parent}/door"]["seen"]
    assert "HTTPS_PROXY" in wrong["outbound"]["seen"]
    assert "hush" not in str(by_proxy) + str(wrong)


def test_an_agent_that_neither_listens_nor_calls_is_found(config: Path) -> None:
    text = config.read_text(encoding="utf-8").replace(f'address = "unix:{config.parent}/agent.sock"', 'address = ""')
    config.write_text(text, encoding="utf-8")

    assert "outbound.gateways" in examined(config)[1]["settings"]["seen"]
