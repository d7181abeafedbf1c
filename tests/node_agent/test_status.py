"""The status of an agent looks for itself: of everything that is wrong it says the next command, and the log has one line for it."""

import codecs
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from accord.ops.doctor.findings import Finding, Verdict, ok, problem, warning
from accord.terms.faults import Unavailable
from node_agent.control import Request, Standing, ask_agent
from node_agent.doctor import examine
from node_agent.naming import Named
from node_agent.settings import read_settings
from node_agent.status import Looked, Meant, look_at, told_at_the_end
from testbed.contracts.records import ANNA, patient
from testbed.free_ports import free_port
from testbed.postgres import NoPostgres, postgres_server
from tests.node_agent.sql_shelf import MAPPING, fill_postgres
from tests.node_agent.test_cli import PROJECT, agent, config, fill, office, running
from tests.printed_commands import check_printed

__all__ = ["config", "office"]
pytestmark = pytest.mark.slow

#: Seconds; a machine may be busy.
PATIENCE = 120


def verdicts(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    return [(one["about"], one["verdict"]) for one in json.loads(done.stdout)["findings"]]


def status(path: Path, *more: str) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and what does not work, by what it is about; the same is told to people.

    Register and certificate of these tests live for days, of which it warns: that is left out. An agent may lose or
    find again something between two commands: what people are told is compared when it was the same before and after.
    """
    done = agent("status", "--config", str(path), "--json", *more)
    before, told = None, done
    while before != verdicts(done):
        before = verdicts(done)
        told = agent("status", "--config", str(path), *more)
        done = agent("status", "--config", str(path), "--json", *more)
    assert done.stderr == "", done.stderr
    assert told.returncode == done.returncode
    assert ANNA not in told.stdout + done.stdout
    found = {one["about"]: one for one in json.loads(done.stdout)["findings"] if one["verdict"] != "ok"}
    for one in found.values():
        assert one["next"], one
        assert f"Next: {one['next']}" in told.stdout
        check_printed(one["next"])
    assert ("Nothing to do." in told.stdout) == (not found)
    return done.returncode, {about: one for about, one in found.items() if one["verdict"] == "problem"}


OK, LOOK, BROKEN = ok("x", "fine"), warning("index", "nobody can be located", "wait"), problem("source", "is gone", "start it")


@pytest.mark.parametrize(
    ("serving", "findings", "told"),
    [
        (True, [OK], "Nothing to do."),
        (True, [OK, LOOK], "1 thing to look at: see Next."),
        (True, [BROKEN, LOOK, LOOK], "1 thing to do, 2 things to look at: see Next."),
        (False, [BROKEN], "1 thing to do: see Next."),
        (False, [LOOK], "It does not answer, 1 thing to look at: see Next."),
        (False, [OK], "It does not answer."),
    ],
)
def test_the_last_line_says_where_to_look_and_never_that_it_can_wait(*, serving: bool, findings: list[Finding], told: str) -> None:
    running = Standing("brinkhof", paused=False, shadow=not serving, serving=serving, code="", since_ms=0, reason="")

    assert told_at_the_end(Looked(running, tuple(findings))) == told


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@contextmanager
def fhir_server(records: Path, port: int) -> Iterator[int]:
    """A FHIR server of the testbed as a process, and its port."""
    command = [sys.executable, "-m", "testbed.fhir_server", "--records", str(records), "--port", str(port)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - fixed arguments
        assert process.stdout is not None
        try:
            yield int(json.loads(process.stdout.readline())["base"].rpartition(":")[2].partition("/")[0])
        finally:
            process.terminate()
            process.wait(60)


def test_of_an_agent_that_does_not_run_it_says_how_it_is_started(config: Path) -> None:
    fill(config.parent)
    code, found = status(config)

    assert (code, set(found)) == (1, {"agent"})
    assert found["agent"]["next"] == f"start it: `noaber agent run --config {config}`"


def test_of_an_agent_that_answers_there_is_nothing_to_do_until_it_is_paused_or_loses_something(config: Path) -> None:
    fill(config.parent)
    with running(config):
        assert status(config) == (0, {})
        assert agent("pause", "--config", str(config), "--reason", "nieuwe schijf").returncode == 0
        paused = status(config)
        assert agent("resume", "--config", str(config)).returncode == 0
        (config.parent / "tls.pem").rename(config.parent / "away.pem")
        without = status(config)
        (config.parent / "away.pem").rename(config.parent / "tls.pem")
        # By another number it would be another organisation.
        other = status(config, "--set", "holder.ura=90001004")
        choices = config.parent / "choices.db"
        choices.rename(config.parent / "away.db")
        silent = status(config)

    assert paused[0] == without[0] == other[0] == silent[0] == 1
    assert paused[1]["agent"]["next"] == f"let it answer again: `noaber agent resume --config {config}`"
    assert "nieuwe schijf" in paused[1]["agent"]["seen"]
    assert "cannot be read" in without[1]["certificate"]["seen"]
    assert "URA 90001003" in other[1]["membership"]["seen"]
    assert silent[1]["choices"]["next"] == f"make it from a file of yours: `noaber agent choices import FILE --store {choices}`"


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Who may not look into any folder of a test; nor, maybe, into that of Python, which reads this one late."""
    codecs.lookup("idna")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as another user")
@pytest.mark.parametrize("more", [[], ["feed.listen=127.0.0.1:9", 'feed.senders=["lab|north"]']])
def test_another_user_is_told_that_and_not_that_nothing_runs_or_is_there(config: Path, more: list[str]) -> None:
    """Whoever wants to pause it must not believe that it does not run."""
    read = read_settings([config], more)
    meant = Meant.of(read.values, config.parent, Named((config,)))
    with as_somebody_else():
        looked = anyio.run(look_at, meant)
        examined = anyio.run(examine, lambda: read, config.parent, Named((config,)))
        with pytest.raises(Unavailable) as refused:
            ask_agent(meant.control, Request("pause"))

    assert "as the user of the service" in refused.value.explanation.next_step
    for findings in (looked.findings, examined):
        told = {one.about: one for one in findings if one.verdict is Verdict.PROBLEM}
        assert {"source", "choices", "register"} <= told.keys()
        assert not [one for one in told.values() if "there is no" in one.seen or "start it" in one.next or "user" not in one.seen + one.next]
    assert {"agent", "journal"} <= {one.about for one in (*looked.findings, *examined) if "as the user of the service" in one.next}


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_what_a_source_says_to_the_log_is_no_part_of_what_programs_read(config: Path, command: str) -> None:
    """Of a database that is away the log has a word of its own, which stood before the JSON."""
    (config.parent / "shelf.toml").write_text(MAPPING, encoding="utf-8")
    source = '[source]\nkind = "sql"\nurl = "postgresql://127.0.0.1:9/shelf"\nuser = "reader"\npassword = "hush"\nmapping = "shelf.toml"\n'
    config.write_text(config.read_text(encoding="utf-8") + source, encoding="utf-8")
    done = agent(command, "--config", str(config), "--json")

    assert {one["about"]: one["verdict"] for one in json.loads(done.stdout)["findings"]}["source"] == "problem"
    assert "hush" not in done.stdout + done.stderr


def test_a_source_that_is_gone_is_told_at_once_and_has_one_line_and_one_when_it_is_back(config: Path, tmp_path: Path) -> None:
    fill(config.parent)
    records = tmp_path / "served.ndjson"
    records.write_bytes(patient("a", ANNA) + b"\n")
    log = tmp_path / "agent.log"
    with fhir_server(records, free_port()) as port:
        source = f'[source]\nkind = "fhir-server"\nbase = "http://127.0.0.1:{port}/fhir"\ncheck_seconds = 0.5\n[log]\nformat = "json"\n'
        config.write_text(config.read_text(encoding="utf-8") + source, encoding="utf-8")
        with log.open("w", encoding="utf-8") as lines:
            process = subprocess.Popen([sys.executable, "-m", "node_agent", "run", "--config", str(config)], cwd=PROJECT, stderr=lines, stdout=subprocess.PIPE, text=True)  # fmt: skip  # noqa: S603 - fixed arguments
    try:
        assert process.stdout is not None
        # The server went away while it started, or just after.
        process.stdout.readline()
        eventually(lambda: "the source cannot be used" in log.read_text(encoding="utf-8"))
        code, found = status(config)
        time.sleep(3)
        with fhir_server(records, port):
            eventually(lambda: "the source is back" in log.read_text(encoding="utf-8"))
            eventually(lambda: status(config) == (0, {}))
            # While the server is there: else it might find it gone once more.
            process.terminate()
            process.wait(60)
    finally:
        process.terminate()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()

    assert code == 1
    assert f"http://127.0.0.1:{port}/fhir/metadata" in found["source"]["next"]
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    about = [(one["event"], one.get("code", "")) for one in events if "the source" in one["event"]]
    assert about == [("the source cannot be used", "source-unavailable"), ("the source is back", "")]
    assert ANNA not in log.read_text(encoding="utf-8")


def test_a_database_user_who_can_write_is_found_with_what_to_take_away(config: Path) -> None:
    fill(config.parent)
    (config.parent / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    try:
        with postgres_server() as server:
            server.make("status", "reader")
            fill_postgres(server, "status", [patient("a", ANNA)])
            source = f'[source]\nkind = "sql"\nmapping = "mapping.toml"\nurl = "{server.url("status")}"\nuser = "reader"\n'
            config.write_text(config.read_text(encoding="utf-8") + source, encoding="utf-8")
            _, reads = status(config)
            _, writes = status(config, "--set", "source.user=postgres")
    except NoPostgres as why:
        pytest.skip(str(why))

    assert set(reads) == {"agent"}
    assert writes["source"]["seen"] == "source-writable (default_transaction_read_only is off)"
    assert f"`noaber agent mapping check --config {config}`" in writes["source"]["next"]


def test_an_agent_without_a_port_tells_which_gateways_it_does_not_reach(config: Path) -> None:
    fill(config.parent)
    change(config, f'address = "unix:{config.parent}/agent.sock"', 'address = ""')
    _, nobody = status(config)
    config.write_text(f'{config.read_text(encoding="utf-8")}[outbound]\ngateways = ["127.0.0.1:9"]\n', encoding="utf-8")
    with running(config) as (process, _):
        eventually(lambda: "UNAVAILABLE" in str(status(config)[1]))
        code, found = status(config)
        process.terminate()
        assert process.stderr is not None
        log = process.stderr.read()

    assert "outbound.gateways" in nobody["ways in"]["next"]
    assert (code, set(found)) == (1, {"gateway 127.0.0.1:9"})
    assert f"`noaber agent doctor --config {config}`" in found["gateway 127.0.0.1:9"]["next"]
    # It was tried again and again, and told once.
    assert log.count("gateway lost") == 1


@pytest.mark.parametrize(
    ("wrong", "next_step"),
    [
        ('listen.address="127.0.0.1:{taken}"', "`ss -ltnp`"),
        ("locate.key_file=none.key", "`ls -l`"),
        ("tls.certificate=region.pub", "as the office of the region made them"),
        ("listn.address=x", "correct the name"),
        ("listen.address=nowhere", "write host:port"),
    ],
)
def test_a_hint_is_about_what_is_wrong(config: Path, wrong: str, next_step: str) -> None:
    fill(config.parent)
    with fhir_server(config.parent / "records.ndjson", 0) as port:
        done = agent("run", "--config", str(config), "--set", wrong.format(taken=port).replace('"', ""))

    hint = done.stderr.rpartition("Hint: ")[2]
    assert done.returncode == 2, done.stderr
    assert next_step in hint[0].lower() + hint[1:]
    check_printed(hint)


def test_the_house_is_looked_at_one_by_one(config: Path, tmp_path: Path) -> None:
    fill(config.parent)
    house = tmp_path / "house"
    (house / "brinkhof").mkdir(parents=True)
    for path in list(config.parent.iterdir()):
        if path.is_file():
            path.rename(house / "brinkhof" / path.name)
    done = agent("status", "--house", str(house))

    assert done.returncode == 1
    assert f"`noaber agent run --house {house}`" in done.stdout
    check_printed(done.stdout)


def test_whoever_checks_printed_commands_finds_a_wrong_one() -> None:
    for wrong in ("`noaber agent frobnicate`", "`noaber agent run --confg x`", "give noaber agent run", "`frobnicate -x`", "`noaber agent status --what`"):
        with pytest.raises((AssertionError, Exception), match=r".+"):
            check_printed(wrong)


def test_whoever_joined_at_a_desk_must_have_been_checked_and_need_not_mind_a_certificate_that_renews_itself(config: Path) -> None:
    fill(config.parent)
    config.write_text(config.read_text(encoding="utf-8") + '[office]\ndesk = "https://127.0.0.1:9"\n', encoding="utf-8")
    told = agent("status", "--config", str(config)).stdout

    assert "and renews itself before that" in told
    assert f"`noaber agent check --bsns FILE --config {config}`" in told
    assert check_printed(told)
