"""The way to another party: name, connection, TLS with the reason when it fails, proxies in between, and the clock."""

import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from accord.link.addresses import Address
from accord.link.credentials import TlsFiles, https_client_context
from accord.ops.doctor.findings import Finding, Verdict, command, ok, problem, warning
from accord.ops.doctor.proxying import ProxyRefused, connect_through
from accord.terms.faults import Faulted

_SECONDS: Final = 5.0
#: So long the other end has to refuse our certificate: with TLS 1.3 it does so after the handshake.
_SECOND_THOUGHTS: Final = 1.0
_APART_SECONDS: Final = 5.0
_TOO_FAR_APART_SECONDS: Final = 30.0
_WANTS_PASSWORD: Final = 407
_MOST_HEAD: Final = 8192

#: What OpenSSL says of their certificate, by its number.
_VERIFY: Final[Mapping[int, tuple[str, str]]] = {
    9: ("their certificate is not valid yet", "set this machine's clock: `timedatectl set-ntp true`"),
    10: ("their certificate has expired", "call whoever runs it; check this machine's clock first: `timedatectl`"),
    62: ("their certificate is of another name", "compare the address with what the office of the region has in its register"),
}
#: What the other end says of ours, by a part of OpenSSL's reason.
_ALERTS: Final[Mapping[str, tuple[str, str]]] = {
    "CERTIFICATE_REQUIRED": ("they want a certificate and were shown none", "set tls.certificate and tls.key"),
    "UNKNOWN_CA": (
        "they do not know the authority of our certificate",
        "ask the office of the region for a new certificate, and whether that authority is still its own",
    ),
    "CERTIFICATE_EXPIRED": (
        "they say that our certificate has expired",
        "ask the office of the region for a new one; one that renews itself does so while this part runs, and its log says why not",
    ),
    "BAD_CERTIFICATE": ("they do not accept our certificate", "ask the office of the region whether this certificate is still in its register"),
    "CERTIFICATE_UNKNOWN": ("they do not accept our certificate", "ask the office of the region whether this certificate is still in its register"),
    "WRONG_VERSION_NUMBER": ("what answers there does not speak TLS", "check the port, and what stands in between"),
    "PROTOCOL_VERSION": ("they speak no version of TLS that is safe", "call whoever runs it: TLS 1.2 or newer is needed"),
    "HANDSHAKE_FAILURE": ("no common cipher, or no certificate that fits", "set tls.certificate and tls.key; call whoever runs it"),
}
#: Where a gateway lets in agents whose certificate does not arrive.
_UNCERTIFIED: Final = "the address of listen.agents_uncertified"
_PROXIES: Final = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another party: what it is called here, where it answers, which name its certificate must have, and whom it must be of.

    Without *authorities* those of the machine count. *proxy* is the one by which it is called, if any; *further* authorities (PEM)
    are believed of whatever opens TLS in between. Who is `called_out_to` is called by an agent without a port, over HTTP/2.
    """

    about: str
    at: Address
    name: str
    authorities: tuple[str, ...] = ()
    files: TlsFiles | None = None
    proxy: str = field(default="", repr=False)
    further: str = ""
    called_out_to: bool = False


def listens(at: Address) -> bool:
    """Whether anybody takes a connection there, on this machine."""
    try:
        with socket.socket(socket.AF_UNIX) if at.is_socket else socket.create_connection((at.host, at.port), timeout=_SECONDS) as calling:
            if at.is_socket:
                calling.connect(at.host)
    except OSError:
        return False
    return True


def check_peer(peer: Peer) -> list[Finding]:
    """Name, connection and TLS. What comes first and fails is told, and nothing after it."""
    if peer.at.is_socket:
        return [ok(peer.about, "a socket on this machine")] if listens(peer.at) else [_nothing_there(peer)]
    if peer.proxy:
        return [_by_proxy(peer)]
    where = peer.at.target
    try:
        socket.getaddrinfo(peer.at.host, peer.at.port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return [
            problem(
                peer.about, f"the name {peer.at.host} is not known here", f"{command('getent', 'hosts', peer.at.host)}; then look at the DNS of this machine"
            )
        ]
    try:
        connection = socket.create_connection((peer.at.host, peer.at.port), timeout=_SECONDS)
    except ConnectionRefusedError:
        return [_nothing_there(peer)]
    except OSError:
        return [
            problem(
                peer.about,
                f"{where} cannot be reached",
                f"open it in the firewall, outgoing TCP to {where}; try: {command('nc', '-vz', peer.at.host, peer.at.port)}",
            )
        ]
    with connection:
        return [_shake_hands(peer, connection)]


def check_proxies(environment: Mapping[str, str]) -> list[Finding]:
    """Proxies of the environment, which no part uses but on the way to the office's desk, and an agent that calls its gateways."""
    named = sorted({name for name in _PROXIES if environment.get(name)})
    if not named:
        return [ok("proxy", "none is set")]
    return [
        warning(
            "proxy",
            f"{', '.join(named)}: only the way to the office's desk goes by it, and that of an agent to the gateways that it calls",
            "let all else of the firewall list go out directly: docs/operations.md",
        )
    ]


def check_clock(about: str, url: str, context: ssl.SSLContext | None = None, proxy: str = "") -> list[Finding]:
    """How far this machine's clock is from that of a web server, by the date in its answer. *proxy* is on the way to it, if any."""
    parts = urlsplit(url)
    secured = context or _anybody()
    try:
        if parts.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(parts.netloc, timeout=_SECONDS, context=secured)
        else:
            connection = HTTPConnection(parts.netloc, timeout=_SECONDS)
        if proxy and parts.scheme == "https":
            through = connect_through(proxy, Address(connection.host, connection.port))
            connection.sock = secured.wrap_socket(through, server_hostname=connection.host)
        connection.request("HEAD", "/")
        told = connection.getresponse().getheader("date") or ""
        connection.close()
        moment = parsedate_to_datetime(told)
    except (OSError, HTTPException, ProxyRefused, ValueError, TypeError):
        return [warning("clock", f"{about} does not say what time it is", "compare with another clock: `timedatectl timesync-status`")]
    return [_apart(about, (datetime.now(UTC) - moment).total_seconds())]


def _apart(about: str, seconds: float) -> Finding:
    seen = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {about}"
    # A date has whole seconds, and the answer travelled.
    if abs(seconds) <= _APART_SECONDS:
        return ok("clock", seen)
    return (problem if abs(seconds) > _TOO_FAR_APART_SECONDS else warning)("clock", seen, "`timedatectl set-ntp true`")


def _by_proxy(peer: Peer) -> Finding:
    try:
        connection = connect_through(peer.proxy, peer.at)
    except ProxyRefused as refused:
        return problem(peer.about, refused.seen, refused.then)
    with connection:
        return _shake_hands(peer, connection)


def _shake_hands(peer: Peer, connection: socket.socket) -> Finding:
    try:
        context = https_client_context(peer.authorities, peer.files) if peer.authorities else ssl.create_default_context()
    except Faulted as failure:
        return problem(peer.about, f"our own certificate cannot be used: {failure}", "correct the files that are named")
    try:
        return _welcomed(peer, connection, context)
    except ssl.SSLCertVerificationError as failure:
        return _opened(peer) if peer.further else _unbelieved(peer, failure)
    except ssl.SSLError as failure:
        reason = failure.reason or ""
        what, then = next(
            (told for part, told in _ALERTS.items() if part in reason),
            ("the handshake failed", f"see what answers there: {command('openssl', 's_client', '-connect', peer.at.target)}"),
        )
        return problem(peer.about, f"{what} ({reason or 'no reason'})", then)
    except OSError:
        return problem(peer.about, "the connection ended during the handshake", "look at the log of whoever runs it, and at what stands in between")


def _welcomed(peer: Peer, connection: socket.socket, context: ssl.SSLContext) -> Finding:
    # Whoever speaks gRPC hangs up on those who do not offer it.
    context.set_alpn_protocols(["h2", "http/1.1"])
    heard = b"?"
    with context.wrap_socket(connection, server_hostname=peer.name) as secured:
        secured.settimeout(_SECOND_THOUGHTS)
        with suppress(TimeoutError):
            heard = secured.recv(1)
        if peer.called_out_to and secured.selected_alpn_protocol() != "h2":
            return problem(peer.about, "what is in between does not let HTTP/2 through", f"have {peer.at.target} taken out of the inspection of TLS")
        if peer.called_out_to and not heard:
            return problem(peer.about, "it hung up after the handshake: our certificate did not arrive", f"call {_UNCERTIFIED} of the gateway instead")
        # It waits for us, or has the first word: we are welcome.
        return ok(peer.about, f"{secured.version()} with {peer.name}{f' by {_host_of(peer.proxy)}' if peer.proxy else ''}")


def _opened(peer: Peer) -> Finding:
    """Something in between opens TLS, and there are authorities to believe of it: whether it is one of these."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata="\n".join((*peer.authorities, peer.further)))
        with _connected(peer) as connection:
            found = _welcomed(peer, connection, context)
    except ssl.SSLCertVerificationError as failure:
        return _unbelieved(peer, failure)
    except (OSError, ProxyRefused):
        return problem(peer.about, "the connection ended during the handshake", "look at the log of whoever runs it, and at what stands in between")
    if found.verdict is not Verdict.OK:
        return found
    return ok(peer.about, f"{found.seen}; {_issuer(peer)} opens TLS on the way, and sees that we speak and nothing of what is said")


def _connected(peer: Peer) -> socket.socket:
    return connect_through(peer.proxy, peer.at) if peer.proxy else socket.create_connection((peer.at.host, peer.at.port), timeout=_SECONDS)


def _host_of(proxy: str) -> str:
    """A proxy as it may be told: without its password."""
    parts = urlsplit(proxy)
    return Address(parts.hostname or "", parts.port or 0).target


def _unbelieved(peer: Peer, failure: ssl.SSLCertVerificationError) -> Finding:
    """Their certificate is not believed: why, and who issued it."""
    told = _VERIFY.get(failure.verify_code)
    if told is not None:
        return problem(peer.about, *told)
    issuer = _issuer(peer)
    return problem(
        peer.about,
        f"their certificate is issued by {issuer}, which is not believed here: something in between opens TLS (a proxy), or it is somebody else",
        f"have {peer.at.target} taken out of the inspection of TLS, or compare the address with the register"
        + (f"; or set outbound.ca_file to the certificate of that authority (PEM), and call {_UNCERTIFIED} of the gateway" if peer.called_out_to else ""),
    )


def _issuer(peer: Peer) -> str:
    """Who issued the certificate that is shown to us, without believing anything of it."""
    try:
        with (
            _connected(peer) as plain,
            _anybody().wrap_socket(plain, server_hostname=peer.name) as secured,
        ):
            shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError, ProxyRefused):
        return "an authority that cannot be read"
    names: Iterable[x509.NameAttribute[str | bytes]] = shown.issuer
    told = next((str(one.value) for one in names if one.oid == x509.NameOID.COMMON_NAME), shown.issuer.rfc4514_string())
    return f"“{''.join(letter for letter in told[:60] if letter.isprintable())}”"


def _anybody() -> ssl.SSLContext:
    """To look, and never to say anything to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _nothing_there(peer: Peer) -> Finding:
    return problem(peer.about, f"nothing listens at {peer.at.target}", "start it, or correct the address")
