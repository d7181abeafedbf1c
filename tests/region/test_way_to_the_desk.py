"""The way to the office's desk: by the proxy of the provider where there is one, and what it tells an agent without a port to call."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import msgspec
import pytest
from anyio import to_thread

from accord.link.certificates import key_digest, read_anchor
from accord.link.desk_forms import DoorsToldForm, StandingForm, StandingToldForm
from accord.link.live_register import LiveRegister
from accord.link.office_line import OfficeLine, pinned_authority
from accord.link.office_settings import OfficeSettings
from accord.link.renewing import Renewing
from accord.region.member_keys import tls_files
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import MemberStatus
from node_agent.doors import REMEMBERED, Doors
from node_agent.joining.flow import Joining, Wanted
from node_agent.joining.folder import AgentFolder
from node_agent.settings import read_settings
from testbed.connect_proxy import ConnectProxy, Inspection
from testbed.free_ports import free_port
from tests.printed_commands import check_printed
from tests.region.joining_processes import PATIENCE, done, join_command, process, run
from tests.region.outbound_world import QUICK, attending, region_in, until, until_here

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(900)]

URA = "90001005"
WHO = ("--ura", URA, "--name", "noaberhoes", "--title", "'t Noaberhoes", "--kind", "hospice")


@pytest.fixture
def office(tmp_path: Path) -> Path:
    done(tmp_path, "region", "init", "--region", "twente")
    return tmp_path


@pytest.fixture
def desk(office: Path) -> Iterator[str]:
    with process(office, "desk", "region", "serve", "--listen", "127.0.0.1:0", "--door", "127.0.0.1:1") as running:
        yield f"https://{running.wait_for(r'^ready (.*)$')[1]}"


async def joined(office: Path, desk: str, proxy: str, proxy_ca: str = "", seconds: str = "604800") -> AgentFolder:
    """Somebody who joined by this proxy, with a person at the office who heard the phrase."""
    command = join_command(await to_thread.run_sync(lambda: done(office, "region", "invite", *WHO, "--certificate-seconds", seconds)))
    fingerprint = command[command.index("--ca-fingerprint") + 1]
    folder = AgentFolder(office / "noaberhoes")
    wanted = Wanted(desk, fingerprint, (office / "token.txt").read_text().strip(), waits=False, proxy=proxy, proxy_ca=proxy_ca)
    said: list[str] = []
    assert not await Joining(folder, wanted, said.append).join()
    progress = folder.progress()
    assert progress is not None
    await to_thread.run_sync(lambda: done(office, "region", "approve", URA, "--phrase", progress.phrase))
    assert await Joining(folder, wanted, said.append).join()
    return folder


@pytest.mark.parametrize("by", ["setting", "environment"])
async def test_an_organisation_joins_and_renews_by_the_proxy_of_its_house(office: Path, desk: str, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    for name in ("https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with ConnectProxy(user="agent", password="secret") as proxy:
        if by == "environment":
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        setting = proxy.url if by == "setting" else ""
        folder = await joined(office, desk, setting)
        before = proxy.connections
        live = LiveRegister(folder.path / "register.jws", [read_anchor(folder.path / "region.pub")])
        line = OfficeLine(desk, live.newest.authorities, folder.tls, setting)
        told = await line.ask("/v1/standing", StandingForm(), StandingToldForm)
        with pytest.raises(Unavailable) as failure:
            # The desk knew it by its certificate, and says that it is early: half of its life is not over.
            await Renewing(OfficeSettings(desk, setting), Ura(URA), folder.tls, live).renew()

    assert told.status is MemberStatus.PLANNED
    assert failure.value.fault is Fault.TOO_MANY_QUESTIONS
    assert before >= 5
    assert (proxy.connections, proxy.refused) == (before + 2, 0)
    written = folder.settings.read_text()
    assert written.count(f'proxy = "{proxy.url}"') == (2 if by == "setting" else 0)


async def examined(folder: AgentFolder, *more: str) -> dict[str, dict[str, str]]:
    """What the doctor finds, by what it is about; the password of the proxy is in none of it."""
    done = await to_thread.run_sync(lambda: run(folder.path.parent, "agent", "doctor", "--config", str(folder.settings), "--json", *more))
    assert "secret" not in done.stdout + done.stderr
    found: dict[str, dict[str, str]] = {one["about"]: one for one in json.loads(done.stdout)["findings"]}
    for one in found.values():
        check_printed(one["next"])
    return found


async def test_the_doctor_goes_the_ways_that_the_agent_goes_now(office: Path, desk: str) -> None:
    """By the proxy to the desk, and to what the desk told, whatever stands in the settings."""
    async with ConnectProxy(user="agent", password="secret") as proxy:
        folder = await joined(office, desk, proxy.url)
        sound = await examined(folder)
        wrong = await examined(folder, "--set", f"office.proxy={proxy.bare_url}")
        (folder.path / REMEMBERED).write_bytes(msgspec.json.encode(DoorsToldForm([f"127.0.0.1:{free_port()}", "unix:/run/elsewhere", "127.0.0.1:1"])))
        told = await examined(folder)
        kept = await examined(folder, "--set", "outbound.follow=false")
        alone = await examined(folder, "--set", "outbound.proxy=none")
    gone = await examined(folder, "--set", f"office.desk=https://127.0.0.1:{free_port()}", "--set", "office.proxy=none")

    about = "the office's desk"
    assert (sound[about]["verdict"], sound["clock"]["verdict"], sound["clock"]["seen"].rpartition(" ")[2]) == ("ok", "ok", "office")
    assert " by 127.0.0.1:" in sound[about]["seen"]
    assert "wants a user and a password" in wrong[about]["seen"]
    assert (gone[about]["verdict"], "ask the office" in gone[about]["next"]) == ("warning", True)
    ways = [sorted(name for name in found if name.startswith("gateway ")) for found in (sound, told, kept)]
    assert ways[0] == ways[2] == ["gateway 127.0.0.1:1"]
    assert len(ways[1]) == 2
    assert all("nobody but whoever runs it" in one["next"] for about, one in alone.items() if about.startswith("gateway "))
    assert "what the office's desk told last" in told["outbound"]["seen"]
    assert sound["membership"]["seen"] == "noaberhoes is in the register, and not active yet: no gateway asks it, or lets it in"
    assert f"`noaber agent activate --folder {folder.path}`" in sound["membership"]["next"]


async def test_an_organisation_behind_a_proxy_that_opens_tls_joins_and_renews_again_and_again(office: Path, desk: str) -> None:
    """As the commands and a running agent do it: the settings that joining wrote lead there."""
    inspection = Inspection((office / "region" / "authority.pem").read_text(), named="127.0.0.1")
    (office / "proxy-ca.pem").write_bytes(inspection.authority)
    async with ConnectProxy(user="agent", password="secret", inspection=inspection) as proxy:
        folder = await joined(office, desk, proxy.url, str(office / "proxy-ca.pem"), seconds="60")
        way = read_settings([folder.settings], []).values.way_to_office(folder.path)
        live = LiveRegister(folder.path / "register.jws", [read_anchor(folder.path / "region.pub")])
        certificates = [key_digest(folder.tls.certificate.read_bytes())]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Renewing(way, Ura(URA), folder.tls, live).keep)
            with anyio.fail_after(PATIENCE):
                while len(certificates) < 3:
                    await anyio.sleep(0.5)
                    if (now := key_digest(folder.tls.certificate.read_bytes())) != certificates[-1]:
                        certificates.append(now)
            tasks.cancel_scope.cancel()
        told = json.loads(await to_thread.run_sync(lambda: run(office, "agent", "status", "--folder", "noaberhoes", "--json").stdout))

    assert told["desk"] == "answers"
    assert b"/v1/hello" in proxy.seen
    assert (office / "token.txt").read_bytes().strip() not in proxy.seen
    assert b"CERTIFICATE REQUEST" not in proxy.seen


async def test_without_the_password_of_the_proxy_the_desk_is_out_of_reach_and_it_says_so(desk: str) -> None:
    async with ConnectProxy(user="agent", password="secret") as proxy:
        with pytest.raises(Unavailable) as failure:
            await pinned_authority(desk, "sha256:" + "0" * 64, proxy.bare_url)

    assert failure.value.fault is Fault.DESK_UNREACHABLE
    assert "proxy" in str(failure.value.where)


@contextmanager
def desk_with(folder: Path, port: int, *doors: str) -> Iterator[str]:
    """The desk of the office of a region, which tells of these doors."""
    named = [word for door in doors for word in ("--door", door)]
    with process(
        folder, f"desk-{len(doors)}", "region", "serve", "--folder", str(folder / "region" / "office"), "--listen", f"127.0.0.1:{port}", *named
    ) as running:
        running.wait_for(r"^ready ")
        yield f"https://127.0.0.1:{port}"


async def test_an_agent_without_a_port_goes_to_a_new_replica_and_leaves_one_that_is_gone(tmp_path: Path) -> None:
    """It learns of both from the desk, while it runs, and still knows after a start while the desk is away."""
    region, port = region_in(tmp_path), free_port()
    async with region.door(times=QUICK) as first, region.door(times=QUICK) as second:
        agent = region.agent("brinkhof", [first.address])
        own, live = region.live("brinkhof")

        def line() -> OfficeLine:
            return OfficeLine(f"https://127.0.0.1:{port}", live.newest.authorities, tls_files(own))

        doors = Doors((first.address,), tmp_path / "doors.json", line, 0.1)
        agent.to = replace(agent.to, doors=doors)
        async with anyio.create_task_group() as tasks, attending(agent):
            tasks.start_soon(doors.keep)
            await until_here(first)
            for told, here in (((first.address, second.address), (1, 1)), ((), (1, 1)), ((second.address,), (0, 1))):
                with desk_with(tmp_path, port, *told):
                    await until_here(first, here[0])
                    await until_here(second, here[1])
            tasks.cancel_scope.cancel()

        assert Doors((first.address,), tmp_path / "doors.json", line, 0.1).now == (second.address,)


async def test_p8_a_desk_that_tells_of_a_door_where_nobody_is_takes_no_agent_away(tmp_path: Path) -> None:
    """One wrong word at the office would be the end of every agent without a port: each stays where it is until it stands elsewhere."""
    region, port, nobody = region_in(tmp_path), free_port(), f"127.0.0.1:{free_port()}"
    async with region.door(times=QUICK) as first, region.door(times=QUICK) as second:
        agent = region.agent("brinkhof", [first.address])
        own, live = region.live("brinkhof")
        doors = Doors((first.address,), tmp_path / "doors.json", lambda: OfficeLine(f"https://127.0.0.1:{port}", live.newest.authorities, tls_files(own)), 0.1)
        agent.to = replace(agent.to, doors=doors)
        async with anyio.create_task_group() as tasks, attending(agent):
            tasks.start_soon(doors.keep)
            await until_here(first)
            with desk_with(tmp_path, port, nobody):
                await until(lambda: doors.now == (nobody,))
                await anyio.sleep(2.5)
                stayed = len(first.agents.sessions)
            tasks.cancel_scope.cancel()

        # It starts anew, while the desk is away; and then the desk tells of where somebody is.
        agent = region.agent("brinkhof", [first.address])
        again = replace(doors, first=(first.address,))
        agent.to = replace(agent.to, doors=again)
        async with anyio.create_task_group() as tasks, attending(agent):
            tasks.start_soon(again.keep)
            await until_here(first)
            with desk_with(tmp_path, port, second.address):
                await until_here(second)
                await until_here(first, 0)
            tasks.cancel_scope.cancel()

    assert stayed == 1
