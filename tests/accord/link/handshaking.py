"""TLS by hand, as somebody outside does it: what a server shows, which version it takes, whether it resumes."""

import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from accord.link.certificates import key_digest
from accord.link.credentials import TlsFiles, https_client_context
from tests.accord.link.small_region import GATEWAY, HOSPITAL, SmallRegion


def client_that_offers_only_tls_1_1(region: SmallRegion) -> ssl.SSLContext:
    """A client of the region in all but its version of TLS."""
    context = https_client_context([region.office.authority.certificate], region.files(GATEWAY))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is too old is what the test is about
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        # A server that takes 1.1 shows that this client can offer it.
        lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        lenient.set_ciphers("ALL:@SECLEVEL=0")
        lenient.minimum_version = ssl.TLSVersion.TLSv1_1
    lenient.load_cert_chain(region.files(HOSPITAL).certificate, region.files(HOSPITAL).key)
    with https_serving(lenient) as target:
        if served_version(target, context) != "TLSv1.1":
            pytest.skip("the OpenSSL here cannot offer TLS 1.1 at all")
    return context


def first_byte(target: str, context: ssl.SSLContext) -> bytes:
    """In TLS 1.3 a client learns at the first read that it was refused."""
    with connected(target, context) as stream:
        return stream.recv(1)


def is_resumed(target: str, client: ssl.SSLContext) -> bool | None:
    """Whether a second connection takes up the session of the first."""
    with connected(target, client) as first:
        first.recv(1)
        session = first.session
    with connected(target, client, session) as second:
        second.recv(1)
        return second.session_reused


def served_version(target: str, context: ssl.SSLContext) -> str:
    """The version of TLS that a server takes, or how it did not come to one."""
    try:
        with connected(target, context) as stream:
            return stream.version() or ""
    except ssl.SSLError as failure:
        # An alert, or hanging up, comes from the other side; anything else would be this client's own refusal.
        reason = failure.reason or ""
        return "refused by the server" if "ALERT" in reason or "EOF" in reason else reason


def served_digest(target: str, region: SmallRegion, files: TlsFiles | None) -> bytes:
    """The digest of the key that a server shows."""
    with connected(target, https_client_context([region.office.authority.certificate], files)) as stream:
        return key_digest(stream.getpeercert(binary_form=True) or b"")


@contextmanager
def connected(target: str, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> Iterator[ssl.SSLSocket]:
    """A connection to the hospital after its handshake."""
    host, _, port = target.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=f"{HOSPITAL.ura}.ura.noaber.internal", session=session) as stream,
    ):
        yield stream


@contextmanager
def https_serving(context: ssl.SSLContext) -> Iterator[str]:
    """A server that says 1 to who has a certificate, 0 to who has none, and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))
    leaving = threading.Event()

    def serve() -> None:
        while not leaving.is_set():
            plain, _ = listening.accept()
            with plain:
                try:
                    plain.settimeout(10)
                    with context.wrap_socket(plain, server_side=True) as stream:
                        stream.sendall(b"1" if stream.getpeercert(binary_form=True) else b"0")
                        stream.recv(1)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        leaving.set()
        socket.create_connection(listening.getsockname()).close()
        thread.join()
        listening.close()
