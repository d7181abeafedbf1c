"""Where Mitz answers and by which certificate we are known to it: the settings of the connection."""

import logging
import ssl
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import is_base_address
from accord.terms.next_steps import TLS_FILES
from node_agent.consents import LONGEST_ASKING


@dataclass(frozen=True, slots=True)
class MitzEndpoint:
    """The connection to Mitz.

    Attributes:
        base: The base address, for instance of the test environment; `http` on this machine only (the stub).
        certificate: Our certificate and those above it (PEM): Mitz knows us by it.
        key: Its private key (PEM, not encrypted).
        authorities: The certificate authorities by which Mitz is believed (PEM); none for the system's.
        concurrency: No more questions than this at once.
        connect_seconds: Time to connect.

    Raises:
        BadInput: `invalid-setting`, with the name of the setting.
    """

    base: str
    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None
    concurrency: int = 16
    connect_seconds: float = 3.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.base)
        if not is_base_address(self.base) or parts.query or parts.fragment or "@" in parts.netloc:
            raise BadInput(Fault.INVALID_SETTING, "mitz.base")
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise BadInput(Fault.INVALID_SETTING, "mitz.base: https, and our certificate")
        if parts.scheme == "https" and (self.certificate is None or self.key is None):
            raise BadInput(Fault.INVALID_SETTING, "mitz.certificate and mitz.key: Mitz answers nobody whom it does not know")
        if self.concurrency < 1 or self.connect_seconds <= 0:
            raise BadInput(Fault.INVALID_SETTING, "mitz.concurrency, mitz.connect_seconds")

    def client(self, transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
        """An HTTP client for Mitz: no redirects, no cookies, no proxy on this machine; it logs nothing.

        Raises:
            BadInput: `invalid-setting`: a certificate or key cannot be used.
        """
        _keep_the_libraries_quiet()
        return httpx2.AsyncClient(
            headers={"accept-encoding": "identity", "user-agent": "noaber"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=self._tls(),
            timeout=httpx2.Timeout(LONGEST_ASKING, connect=self.connect_seconds),
            limits=httpx2.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency),
            follow_redirects=False,
            trust_env=not _is_loopback(urlsplit(self.base).hostname or ""),
            transport=transport,
        )

    def _tls(self) -> ssl.SSLContext:
        if self.base.startswith("http:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and takes no time to load: there is no TLS here
        try:
            context = ssl.create_default_context(cafile=self.authorities)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                # An encrypted key would have OpenSSL ask for a password at the terminal.
                context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ssl.SSLError):
            raise BadInput(Fault.INVALID_SETTING, "mitz.certificate, mitz.key or mitz.authorities: cannot be used", then=TLS_FILES) from None
        return context


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keep_the_libraries_quiet() -> None:
    """They log addresses and headers."""
    for name in ("httpx2", "httpcore2", *(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
