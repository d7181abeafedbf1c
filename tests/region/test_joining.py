"""'t Noaberhoes joins: real processes, from an invitation to an answer, and everything that may go wrong on the way."""

import json
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from accord.link.certificates import key_digest
from accord.link.credentials import TlsFiles
from accord.link.desk_forms import HelloForm
from accord.region.desk_reception import Reception
from testbed.free_ports import free_port
from tests.region.joining_processes import Process, done, eventually, join_command, process, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

URA = "90001005"
#: Seconds. It passes with 20 as well; on a busy machine an agent needs that long to start, and would find itself expired.
LIFE = "60"
BSN = "999984056"
WHO = ("--ura", URA, "--name", "noaberhoes", "--title", "'t Noaberhoes", "--kind", "hospice")
RECORDS = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "resource": {
                "resourceType": "Patient",
                "id": "p1",
                "birthDate": "1942-03-01",
                "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": BSN}],
            }
        },
        {"resource": {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, "code": {"text": "heup"}}},
    ],
}


@pytest.fixture
def office(tmp_path: Path) -> Path:
    done(tmp_path, "region", "init", "--region", "twente")
    return tmp_path


@pytest.fixture
def desk(office: Path) -> Iterator[Process]:
    with process(office, "desk", "region", "serve", "--listen", "127.0.0.1:0") as running:
        running.wait_for(r"^ready ")
        yield running


def invited(office: Path, *more: str) -> list[str]:
    return [*join_command(done(office, "region", "invite", *WHO, *more)), "--address", f"127.0.0.1:{free_port()}", "--telephone", "053-5550105"]


def approve(office: Path, joining: Process) -> None:
    """What a person at the office does, who is read the phrase on the telephone."""
    phrase = joining.wait_for(r"^ +([a-z]{5}(?:-[a-z]{5}){4})$")[1]
    done(office, "region", "approve", URA, "--phrase", phrase)


@pytest.mark.usefixtures("desk")
def test_an_organisation_joins_is_checked_takes_part_and_renews_its_certificate(office: Path) -> None:
    done(office, "region", "add", "--ura", "90009000", "--name", "gateway", "--title", "Gateway", "--kind", "public-health", "--part", "gateway",
         "--address", "127.0.0.1:1", "--make-keys", "gateway")  # fmt: skip
    folder = office / "noaberhoes"
    folder.mkdir()
    (office / "records.json").write_text(json.dumps(RECORDS))
    done(office, "agent", "import", "records.json", "--store", "noaberhoes/records.db")
    with process(office, "join", *invited(office, "--certificate-seconds", LIFE)) as joining:
        approve(office, joining)
        assert joining.wait() == 0, joining.log.read_text()
    # From here on time matters: a short life has begun.
    with process(office, "agent", "agent", "run", "--config", "noaberhoes/agent.toml") as agent:
        _check_keys(office, folder)
        agent.wait_for(r"^ready ")
        first = key_digest((folder / "tls.pem").read_bytes())
        told = run(office, "agent", "activate", "--folder", "noaberhoes")
        assert (told.returncode, "not-checked" in told.stderr) == (2, True)
        report = json.loads(done(office, "agent", "check", "--config", "noaberhoes/agent.toml", "--bsns", "-", "--json", given=f"{BSN}\n"))
        assert report["passed"]
        assert BSN not in json.dumps(report)
        assert "approved, not checked" in run(office, "agent", "status", "--folder", "noaberhoes").stdout
        done(office, "agent", "activate", "--folder", "noaberhoes")
        eventually(lambda: key_digest((folder / "tls.pem").read_bytes()) != first, "another key")
        # By now it answers by a certificate that did not exist when it started.
        status = json.loads(done(office, "agent", "status", "--folder", "noaberhoes", "--json"))
        assert (status["standing"], status["agent"]) == ("active", "answering")
        assert "conformance run of" in done(office, "region", "pending", "--all")
        assert done(office, "region", "pending") == ""

        done(office, "region", "block", URA)
        agent.wait_for("organisation-blocked")
        assert run(office, "agent", "status", "--folder", "noaberhoes").stdout.splitlines()[0] in ("blocked", "certificate expired")


def _check_keys(office: Path, folder: Path) -> None:
    """What is secret is for its owner only, and never left."""
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.key"))
    assert not any(
        (folder / name).read_bytes() in path.read_bytes()
        for name in ("tls.key", "answer.key", "pseudonym.key")
        for path in (office / "region").rglob("*")
        if path.is_file()
    ), "a private key is at the office"


@pytest.mark.usefixtures("desk")
def test_whoever_is_stopped_while_it_joins_goes_on_with_the_same_command(office: Path) -> None:
    command = invited(office)
    killed = Process(office, "first", *command)
    killed.wait_for("Waiting for approval")
    killed.kill()
    with process(office, "second", *command) as joining:
        approve(office, joining)
        assert joining.wait() == 0

    assert killed.wait_for(r"[a-z]{5}-[a-z]{5}-[a-z]{5}")[0] == joining.wait_for(r"[a-z]{5}-[a-z]{5}-[a-z]{5}")[0]
    assert "has joined already" in done(office, *command)
    assert "others" not in done(office, "region", "pending")


def left_in(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("desk")
def test_who_is_refused_is_told_so_first_and_finds_everything_as_it_was(office: Path) -> None:
    command = invited(office)
    with process(office, "first", *command) as first:
        first.wait_for("Waiting for approval")
    was_there = left_in(office / "noaberhoes")

    # The token is taken by the keys above: with others it is refused. Below folders that are made, and in one that holds something.
    own = office / "own"
    own.mkdir()
    (own / "records.db").write_bytes(b"records")
    for folder, left in (("new/deep", None), ("own", {"records.db": b"records"})):
        refused = run(office, *command, "--folder", folder)
        assert (refused.returncode, "join-refused" in refused.stderr, refused.stdout) == (2, True, "")
        assert (left_in(office / folder) if left else (office / "new").exists()) == (left or False)

    for desk in ("http://127.0.0.1:1", f"https://127.0.0.1:{free_port()}"):
        assert run(office, *command[:2], desk, *command[3:], "--folder", "new/deep").returncode in (1, 2)
        assert not (office / "new").exists()

    # And where somebody is joining already nothing is lost by a wrong token.
    (office / "wrong.txt").write_text("noaber-join-" + "a" * 43)
    wrong = run(office, *command, "--token-file", "wrong.txt")
    assert "join-refused" in wrong.stderr
    assert left_in(office / "noaberhoes") == was_there
    assert "WARNING: another key came 2 times" in done(office, "region", "pending")


@pytest.mark.usefixtures("desk")
def test_what_an_invitation_prints_can_be_typed_or_says_what_has_to_be_added(office: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    without = run(office, "region", "invite", *WHO)
    command = join_command(done(office, "region", "invite", *WHO, "--address", address))

    assert "They have to add where gateways reach their agent: --address" in without.stderr
    refused = run(office, *join_command(without.stdout))
    assert "--address, or --gateway" in refused.stderr
    assert not (office / "noaberhoes").exists()
    assert command[-2:] == ["--address", address]
    assert "Waiting for approval" in done(office, *command, "--no-wait")
    assert "then: `noaber region approve" in done(office, "region", "pending")


def test_a_desk_whose_office_is_gone_ends_and_says_so(office: Path) -> None:
    with process(office, "desk", "region", "serve", "--listen", "127.0.0.1:0") as desk:
        desk.wait_for("^ready")
        (office / "region").rename(office / "elsewhere")

        assert desk.wait() == 2
        assert desk.said("the office in region is gone, so its desk ends")


def test_an_office_that_restarts_loses_nobody_who_waits(office: Path) -> None:
    port = free_port()
    serve = ("region", "serve", "--listen", f"127.0.0.1:{port}")
    with process(office, "desk", *serve) as desk:
        desk.wait_for("^ready")
        command = invited(office)
        joining = Process(office, "join", *command)
        joining.wait_for("Waiting for approval")
        desk.kill()
    joining.wait_for("trying again")
    with process(office, "desk2", *serve) as desk:
        desk.wait_for("^ready")
        approve(office, joining)
        assert joining.wait() == 0


@pytest.mark.usefixtures("desk")
def test_another_authority_in_the_middle_is_found_out_before_the_token_is_sent(office: Path, tmp_path: Path) -> None:
    command = invited(office)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done(elsewhere, "region", "init", "--region", "twente")
    with process(elsewhere, "desk", "region", "serve", "--listen", "127.0.0.1:0") as theirs:
        address = theirs.wait_for(r"^ready (.*)$")[1]
        command[2] = f"https://{address}"
        refused = run(office, *command)

    assert refused.returncode == 2
    assert "wrong-authority" in refused.stderr
    assert not any((office / "noaberhoes").glob("*.key")), "nothing was made for somebody else"


@pytest.mark.usefixtures("desk")
def test_a_member_cannot_pass_for_the_desk(office: Path) -> None:
    """It has a certificate of the same authority, and the certificate of the authority is no secret."""
    done(office, "region", "add", "--ura", "90001009", "--name", "evil", "--title", "Evil", "--kind", "hospital", "--part", "data-holder",
         "--address", "127.0.0.1:1", "--make-keys", "evil")  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own = TlsFiles(office / "evil" / "tls.pem", office / "evil" / "tls.key")
    context.load_cert_chain(own.certificate, own.key)
    own.certificate.write_bytes(own.certificate.read_bytes() + (office / "region" / "authority.pem").read_bytes())
    heard = bytearray()
    command = invited(office)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command[2] = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with process(office, "join", *command) as joining, context.wrap_socket(listener.accept()[0], server_side=True) as line:
            while b"}" not in heard:
                heard += line.recv(4096)
            hello = msgspec.json.decode(heard.partition(b"\r\n\r\n")[2], type=HelloForm)
            said = msgspec.json.encode(Reception(own).hear(hello))
            line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(said), said))
            assert joining.wait() == 2

    assert "wrong-authority" in joining.log.read_text()
    assert (office / "token.txt").read_bytes().strip() not in heard


def test_p7_a_flood_of_connections_and_messages_leaves_the_desk_answering(office: Path, desk: Process) -> None:
    command = invited(office)
    host, port = command[2].removeprefix("https://").split(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def ask(head: bytes, body: bytes) -> bytes:
        with context.wrap_socket(socket.create_connection((host, int(port)), 20)) as line:
            try:
                line.sendall(head + b"host: desk\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                return line.recv(65_536) or b"closed"
            except (ConnectionError, ssl.SSLError):
                return b"closed"

    idle = [socket.create_connection((host, int(port)), 20) for _ in range(200)]
    hello = b'{"nonce": "%s", "key": "%s"}' % ((b64encode(bytes(range(32))),) * 2)
    for path in (b"/v1/hello", b"/v1/sealed"):
        for body in (b"x" * 1_000_000, b"{", b"[" * 30_000, b'{"hello": "' + b"x" * 90_000 + b'"}', b"\xff\xfe"):
            answer = ask(b"POST " + path + b" HTTP/1.1\r\n", body)
            assert answer == b"closed" or answer.split()[1] in (b"400", b"413"), answer[:200]
    assert ask(b"POST /v1/sealed HTTP/1.1\r\n", b'{"hello": %s, "ticket": "", "box": ""}' % hello).split()[1] == b"409"
    # What is asked in a box is asked in no other way.
    for path in (b"/", b"/v1/join", b"/v1/renew", b"/v1/standing", b"/v1/activate", b"/../region.key"):
        assert ask(b"POST " + path + b" HTTP/1.1\r\n", b"{}").split()[1] == b"404"
    for line in idle:
        line.close()
    with process(office, "join", *command) as joining:
        approve(office, joining)
        assert joining.wait() == 0
    assert desk.runs
    assert "Traceback" not in desk.log.read_text()
