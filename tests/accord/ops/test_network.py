"""Why a connection fails is told, and not only that it does."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from anyio.from_thread import start_blocking_portal
from cryptography.hazmat.primitives.asymmetric import ec

from accord.link.addresses import Address
from accord.link.certificates import Authority, certify, host_name, make_authority, write_private
from accord.link.credentials import TlsFiles, https_server_context
from accord.ops.doctor import network
from accord.ops.doctor.findings import Finding, Verdict
from accord.ops.doctor.network import Peer, check_clock, check_peer, check_proxies
from accord.terms.identifiers import Ura
from testbed.connect_proxy import ConnectProxy, Inspection

NOW = datetime.now(UTC)
URA, OTHER = Ura("90001003"), Ura("90001001")


@pytest.fixture
def region() -> Authority:
    return make_authority("twente", at=NOW - timedelta(days=100), days=400)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers here is a thread of this process: on a busy machine it comes late, and is there all the same."""
    monkeypatch.setattr(network, "_SECONDS", 60.0)


@pytest.fixture
def hears_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """For who is refused: that comes after the handshake, whenever the other thread gets to it."""
    monkeypatch.setattr(network, "_SECOND_THOUGHTS", 60.0)


def files_of(folder: Path, authority: Authority, ura: Ura = URA, *, at: datetime = NOW - timedelta(days=50), days: int = 200) -> TlsFiles:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"{len(list(folder.iterdir()))}"
    files = TlsFiles(folder / f"{name}.pem", folder / f"{name}.key")
    files.certificate.write_text(certify(authority, key.public_key(), ura, ["localhost"], at=at, days=days), encoding="ascii")
    write_private(files.key, key)
    return files


@contextmanager
def answering(
    files: TlsFiles | None, authority: Authority, *, clients: ssl.VerifyMode = ssl.CERT_NONE, says: bytes = b"", alpn: Sequence[str] = ()
) -> Iterator[Address]:
    """Somebody who shakes hands with everybody who comes, or says something plain."""
    context = https_server_context(files, [authority.certificate], clients=clients) if files is not None else None
    if context is not None and alpn:
        context.set_alpn_protocols(alpn)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    try:
                        if context is None:
                            connection.recv(1000)
                            connection.sendall(says)
                            continue
                        with context.wrap_socket(connection, server_side=True) as secured:
                            secured.recv(1)
                    except OSError:
                        continue

        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Address(*listening.getsockname()[:2])
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(20)


def seen(at: Address, authority: Authority, files: TlsFiles | None = None, ura: Ura = URA) -> Finding:
    (found,) = check_peer(Peer("gateway", at, host_name(ura), (authority.certificate,), files))
    assert (found.verdict is Verdict.OK) == (found.next == "")
    return found


def test_a_handshake_that_succeeds_is_told_with_its_version(tmp_path: Path, region: Authority) -> None:
    with answering(files_of(tmp_path, region), region, clients=ssl.CERT_REQUIRED) as at:
        assert seen(at, region, files_of(tmp_path, region, OTHER)).seen == f"TLSv1.3 with {host_name(URA)}"


@pytest.mark.usefixtures("hears_out")
def test_a_missing_certificate_of_ours_is_told(tmp_path: Path, region: Authority) -> None:
    with answering(files_of(tmp_path, region), region, clients=ssl.CERT_REQUIRED) as at:
        assert "were shown none" in seen(at, region).seen


@pytest.mark.usefixtures("hears_out")
def test_an_authority_that_they_do_not_know_is_told(tmp_path: Path, region: Authority) -> None:
    stranger = make_authority("elsewhere", at=NOW - timedelta(days=100), days=400)
    with answering(files_of(tmp_path, region), region, clients=ssl.CERT_REQUIRED) as at:
        assert "authority of our certificate" in seen(at, region, files_of(tmp_path, stranger, OTHER)).seen


def test_something_in_between_that_opens_tls_is_told_by_who_issued_what_it_shows(tmp_path: Path, region: Authority) -> None:
    proxy = make_authority("Inspector", at=NOW - timedelta(days=100), days=400)
    with answering(files_of(tmp_path, proxy), proxy) as at:
        found = seen(at, region)

    assert "Inspector" in found.seen
    assert "opens TLS" in found.seen


@pytest.mark.parametrize(("at", "days", "what"), [(NOW - timedelta(days=50), 10, "has expired"), (NOW + timedelta(days=5), 10, "not valid yet")])
def test_a_certificate_of_another_time_is_told(tmp_path: Path, region: Authority, at: datetime, days: int, what: str) -> None:
    with answering(files_of(tmp_path, region, at=at, days=days), region) as where:
        assert what in seen(where, region).seen


def test_a_certificate_of_another_name_is_told(tmp_path: Path, region: Authority) -> None:
    with answering(files_of(tmp_path, region), region) as at:
        assert "of another name" in seen(at, region, ura=OTHER).seen


def test_what_speaks_no_tls_and_what_is_not_there_are_told(region: Authority) -> None:
    with answering(None, region, says=b"HTTP/1.1 400 Bad Request\r\n\r\n") as at:
        plain = seen(at, region)

    assert "does not speak TLS" in plain.seen
    assert seen(at, region).seen == f"nothing listens at {at.target}"
    assert "not known" in seen(Address("no-such-host.invalid", 443), region).seen


@pytest.mark.parametrize(("offset", "verdict"), [(0, Verdict.OK), (20, Verdict.WARNING), (-600, Verdict.PROBLEM)])
def test_a_clock_that_differs_is_told_with_how_much(region: Authority, offset: int, verdict: Verdict) -> None:
    date = (datetime.now(UTC) - timedelta(seconds=offset)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with answering(None, region, says=f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode()) as at:
        (found,) = check_clock("the gateway", f"http://{at.target}")

    assert found.verdict is verdict


def test_a_proxy_of_the_environment_is_told() -> None:
    assert check_proxies({"HTTPS_PROXY": "x"})[0].verdict is Verdict.WARNING
    assert check_proxies({})[0].verdict is Verdict.OK


class Proxied:
    """A proxy in a thread of its own, for whoever blocks."""

    def __init__(self, proxy: ConnectProxy) -> None:
        self.proxy = proxy

    def seen(self, peer: Peer) -> Finding:
        """What is found of the way to a party by it."""
        (found,) = check_peer(peer)
        assert (found.verdict is Verdict.OK) == (found.next == "")
        assert "s3cr" not in found.seen + found.next
        return found


@contextmanager
def by_proxy(proxy: ConnectProxy) -> Iterator[Proxied]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(proxy):
        yield Proxied(proxy)


def called(at: Address, authority: Authority, files: TlsFiles, proxy: str, further: str = "") -> Peer:
    return Peer("gateway", at, "localhost", (authority.certificate,), files, proxy, further, called_out_to=True)


@contextmanager
def speaking_h2(files: TlsFiles, authority: Authority, clients: ssl.VerifyMode = ssl.CERT_REQUIRED) -> Iterator[Address]:
    """A gateway's listener, as far as a handshake goes."""
    with answering(files, authority, clients=clients, alpn=["h2"]) as at:
        yield at


def test_the_way_by_a_proxy_is_told(tmp_path: Path, region: Authority) -> None:
    ours = files_of(tmp_path, region, OTHER)
    with speaking_h2(files_of(tmp_path, region), region) as at, by_proxy(ConnectProxy(user="agent", password="s3cr@t")) as way:
        right = way.seen(called(at, region, ours, way.proxy.bare_url.replace("//", "//agent:s3cr%40t@")))
        without = way.seen(called(at, region, ours, way.proxy.bare_url))

    assert right.seen == f"TLSv1.3 with localhost by {way.proxy.bare_url.removeprefix('http://')}"
    assert "password" in without.seen
    assert "outbound.proxy" in without.next


def test_a_proxy_that_opens_tls_is_told_with_what_to_set(tmp_path: Path, region: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    inspection = Inspection(region.certificate)
    ours = files_of(tmp_path, region, OTHER)
    with speaking_h2(files_of(tmp_path, region), region, ssl.CERT_NONE) as at, by_proxy(ConnectProxy(inspection=inspection)) as way:
        unbelieved = way.seen(called(at, region, ours, way.proxy.url))
        believed = way.seen(called(at, region, ours, way.proxy.url, inspection.authority.decode()))
    monkeypatch.setattr(network, "_SECOND_THOUGHTS", 60.0)  # it is refused after the handshake
    with speaking_h2(files_of(tmp_path, region), region) as at, by_proxy(ConnectProxy(inspection=inspection)) as way:
        wants_ours = way.seen(called(at, region, ours, way.proxy.url, inspection.authority.decode()))

    assert "proxy" in unbelieved.seen
    assert "outbound.ca_file" in unbelieved.next
    assert "listen.agents_uncertified" in unbelieved.next
    assert (believed.verdict, "opens TLS" in believed.seen) == (Verdict.OK, True)
    assert "did not arrive" in wants_ours.seen
    assert "listen.agents_uncertified" in wants_ours.next


def test_a_proxy_that_is_none_or_not_there_is_told(tmp_path: Path, region: Authority) -> None:
    ours = files_of(tmp_path, region, OTHER)
    nowhere = Address("127.0.0.1", 9)
    with answering(None, region, says=b"220 mail.example ESMTP\r\n\r\n") as at:
        (none,) = check_peer(called(nowhere, region, ours, f"http://{at.target}"))
    (away,) = check_peer(called(nowhere, region, ours, f"http://{at.target}"))
    (unknown,) = check_peer(called(nowhere, region, ours, "http://no-such-proxy.invalid:3128"))

    assert "is no HTTP proxy" in none.seen
    assert "cannot be reached" in away.seen
    assert "not known here" in unknown.seen
