"""Every doctor meets a running region: it finds nothing wrong that is right, and names what is, for each kind of source and each way."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import anyio
import httpx2
import pytest

from testbed.connect_proxy import ConnectProxy
from testbed.faults import FaultKind
from testbed.people import DINA
from testbed.region import BlockingRegion
from tests.printed_commands import check_printed

pytestmark = pytest.mark.slow

#: A FHIR server of today and one of STU3, a database, a store that a laboratory feeds, and one without a port.
R4, STU3, SQL, FED, PORTLESS = "dinkelhorst", "wieke", "brinkhof", "twickelaar", "marksveen"
HOLDERS = (R4, STU3, SQL, FED, PORTLESS)
Found = Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False, holders=HOLDERS, people=40, outbound=(PORTLESS,), patient=True) as region:
        for files in region.files.values():
            # As an operator keeps them; the region's own office does not look.
            for path in files.agent.glob("*.key"):
                path.chmod(0o600)
        yield region


def noaber(part: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of our own commands."""
    module = {"agent": "node_agent.cli", "gateway": "gateway.cli", "connect": "gateway.connect.cli"}[part]
    command = [sys.executable, "-c", f"from {module} import app; app()", *arguments]
    clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=110, env=clean | environment)  # noqa: S603 - as above


def examined(part: str, config: Path, *more: str, **environment: str) -> tuple[int, Found]:
    """The exit code, and the worst that was found of each thing."""
    done = noaber(part, "doctor", "--config", str(config), "--json", *more, **environment)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    assert DINA.bsn not in done.stdout + done.stderr
    found: dict[str, Mapping[str, str]] = {}
    for one in json.loads(done.stdout)["findings"]:
        check_printed(one["next"])
        if one["about"] not in found or one["verdict"] == "problem":
            found[one["about"]] = one
    assert all(one["next"] for one in found.values() if one["verdict"] != "ok")
    return done.returncode, found


def problems(found: Found) -> dict[str, str]:
    return {about: one["seen"] for about, one in found.items() if one["verdict"] == "problem"}


@pytest.mark.parametrize("holder", HOLDERS)
def test_of_an_agent_that_answers_nothing_is_wrong(region: BlockingRegion, holder: str) -> None:
    code, found = examined("agent", region.files[holder].agent / "agent.toml")

    assert (code, problems(found)) == (0, {})
    assert found["this agent"]["verdict"] == "ok"


def test_what_is_said_of_a_source_is_about_its_kind(region: BlockingRegion) -> None:
    told = {holder: examined("agent", region.files[holder].agent / "agent.toml")[1] for holder in (R4, STU3, SQL, FED)}

    assert told[R4]["source"]["seen"] == "fhir-server answers, FHIR R4"
    assert told[STU3]["source"]["seen"] == "fhir-server answers, FHIR STU3"
    assert told[SQL]["source rights"] == {"about": "source rights", "verdict": "ok", "seen": "a database user who can only read", "next": ""}
    assert told[R4]["source rights"]["verdict"] == "warning"
    assert told[FED]["feed"]["verdict"] == "ok"
    # What tells the time to an agent that asks no server is named by whoever looks.
    assert "--gateway" in told[SQL]["clock"]["next"]
    # The server of the testbed does not say what time it is.
    assert told[R4]["clock"]["next"].startswith("compare with another clock")


def test_a_source_that_is_not_the_one_of_the_settings_is_found_with_the_next_command(region: BlockingRegion) -> None:
    at = region.files
    _, other = examined("agent", at[STU3].agent / "agent.toml", "--set", "source.generation=r4")
    _, gone = examined("agent", at[R4].agent / "agent.toml", "--set", "source.base=http://127.0.0.1:9/fhir")
    _, unmapped = examined("agent", at[SQL].agent / "agent.toml", "--set", "source.mapping=none.toml")

    assert other["source"]["verdict"] == "problem"
    assert gone["source"]["next"].startswith("see whether it is up: `curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:9/fhir/metadata`")
    assert unmapped["source"]["verdict"] == "problem"


def test_a_store_that_is_to_be_fed_need_not_be_there_before_the_first_start(region: BlockingRegion) -> None:
    _, found = examined("agent", region.files[FED].agent / "agent.toml", "--set", "source.path=later.db", "--set", "feed.listen=127.0.0.1:9")

    assert found["source"]["verdict"] == "ok"
    assert found["feed"]["next"].startswith("start it: `noaber agent run --config ")


def test_clocks_are_compared_with_the_gateway_by_our_own_certificate(region: BlockingRegion) -> None:
    gateway = region.process_of("gateway")
    assert gateway is not None
    face = dict(part.split("=", 1) for part in gateway.told.split()[1:])["http"]

    _, found = examined("agent", region.files[SQL].agent / "agent.toml", "--gateway", f"https://{face}")

    assert found["clock"]["verdict"] == "ok"
    assert found["clock"]["seen"].endswith("the gateway")


def test_a_proxy_on_the_way_to_a_gateway_is_asked_and_its_password_is_not_told(region: BlockingRegion) -> None:
    config = region.files[PORTLESS].agent / "agent.toml"
    gateway = region.process_of("gateway")
    assert gateway is not None
    there = dict(part.split("=", 1) for part in gateway.told.split()[1:])["grpc"]

    async def by_proxy() -> tuple[Found, Found, Found]:
        def look(proxy: str) -> Found:
            return examined("agent", config, "--set", f'outbound.gateways=["{there}"]', NOABER_AGENT__OUTBOUND__PROXY=proxy)[1]

        async with ConnectProxy(user="agent", password="hush-hush") as proxy:
            welcome = await anyio.to_thread.run_sync(look, proxy.url)
            wrong = await anyio.to_thread.run_sync(look, proxy.url.replace("hush-hush", "hush"))
        return welcome, wrong, await anyio.to_thread.run_sync(look, "http://agent:hush-hush@127.0.0.1:9")

    welcome, wrong, gone = anyio.run(by_proxy)

    about = f"gateway {there}"
    # It is met; by which name its certificate knows it is another matter, and is told as that.
    assert " by 127.0.0.1:" in welcome[about]["seen"]
    assert "wants a user and a password" in wrong[about]["seen"]
    assert gone[about]["next"].startswith("`nc -vz 127.0.0.1 9`")
    assert "hush" not in json.dumps([welcome, wrong, gone])


def test_the_register_is_read_as_the_process_reads_it(region: BlockingRegion) -> None:
    """An older file beside a newer register that is known changes nothing; without what is known the file counts."""
    folder = region.files[R4].agent
    text = (folder / "register.jws").read_bytes()
    before = {path.name: path.read_bytes() for path in folder.glob("register.jws*")}
    (folder / "register.jws").write_bytes(b"not a register\n")
    try:
        code, found = examined("agent", folder / "agent.toml")
    finally:
        (folder / "register.jws").write_bytes(text)

    assert (code, problems(found)) == (0, {})
    assert found["register file"]["verdict"] == "warning"
    assert {path.name: path.read_bytes() for path in folder.glob("register.jws*")} == before


def test_the_gateways_doctor_meets_every_holder_and_finds_who_is_gone(region: BlockingRegion) -> None:
    config = region.root / "gateway" / "gateway.toml"
    code, found = examined("gateway", config)
    region.fault(R4, FaultKind.DEAD)
    _, without = examined("gateway", config)
    region.heal(R4)

    assert (code, problems(found)) == (0, {})
    assert {f"holder {name}" for name in HOLDERS if name != PORTLESS} <= set(found)
    assert set(problems(without)) == {f"holder {R4}"}


def test_connects_doctor_meets_the_gateway_and_its_clock(region: BlockingRegion) -> None:
    folder = region.root / "connect"
    code, found = examined("connect", folder / "connect.toml")
    _, elsewhere = examined("connect", folder / "connect.toml", "--set", "gateway.url=https://127.0.0.1:9")

    assert (code, problems(found)) == (0, {})
    assert (found["gateway"]["verdict"], found["clock"]["verdict"]) == ("ok", "ok")
    assert elsewhere["gateway"]["next"] == "start it, or correct the address"


@pytest.mark.parametrize(("part", "file"), [("gateway", "gateway/gateway.toml"), ("connect", "connect/connect.toml")])
def test_settings_are_validated_and_shown(region: BlockingRegion, part: str, file: str) -> None:
    config = str(region.root / file)
    sound, shown = noaber(part, "config", "validate", "--config", config), noaber(part, "config", "show", "--json", "--config", config)
    unsound = noaber(part, "config", "validate", "--config", config, "--set", "listen.htp=x")

    assert (sound.returncode, sound.stdout) == (0, "the settings can be used\n")
    assert json.loads(shown.stdout)["listen.http"]["value"]
    assert unsound.returncode != 0
    assert "did you mean" in unsound.stdout + unsound.stderr + str(unsound.returncode)


def test_connect_tells_how_it_is(region: BlockingRegion, tmp_path: Path) -> None:
    folder = region.root / "connect"
    ops = tmp_path / "ops"
    arguments = [
        "run",
        "--config",
        str(folder / "connect.toml"),
        "--set",
        f"ops.listen=unix:{ops}",
        "--set",
        "listen.http=127.0.0.1:0",
        "--set",
        "listen.grpc=",
    ]
    command = [sys.executable, "-c", "from gateway.connect.cli import app; app()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - fixed arguments
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("ready "), process.stderr.read() if process.stderr else ""
            http = dict(part.split("=", 1) for part in line.split()[1:])["http"].removeprefix("http://")
            asked = httpx2.get(f"http://{http}/fhir/metadata", timeout=30)
            with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(ops)), base_url="http://part") as client:
                health, ready, measures = client.get("/healthz"), client.get("/readyz"), client.get("/metrics").text
        finally:
            process.terminate()
            process.wait(20)

    assert asked.status_code == 200
    assert (health.status_code, ready.status_code) == (200, 200)
    assert re.search(r'^noaber_http_requests_total\{holder="connect",status="200"\} [1-9]', measures, re.MULTILINE)
    assert 'noaber_ready{holder="connect"} 1.0' in measures
