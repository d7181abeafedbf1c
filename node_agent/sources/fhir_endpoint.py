"""Where a FHIR server answers, as whom we ask, and how gently: the settings of one read-through source."""

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urljoin, urlsplit

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_OID, BSN_SYSTEM, is_base_address
from accord.terms.limits import MIB
from accord.terms.next_steps import ONE_OF_TWO, TLS_FILES
from accord.terms.records import TYPE_BY_NAME
from node_agent.left_out import check_not_kept
from node_agent.sources.fhir_generation import R4, Generation
from node_agent.sources.fhir_tokens import BackendClient


@dataclass(frozen=True, slots=True)
class FhirEndpoint:
    """One FHIR server. Secrets are not shown by `repr`.

    Attributes:
        base: Its base address, without query or user.
        name: A word for diagnostics.
        authorization: The `Authorization` header; see `basic` and `bearer`. Empty for none.
        also_known_as: Other base addresses by which its records refer to each other.
        types: The patient-related types to ask for; empty for what its CapabilityStatement offers.
        not_kept: Patient-related types that it offers and does not keep: they are not asked for, and nobody misses them.
        search_by_get: Search with GET, for servers without `POST [type]/_search`. A BSN then travels in a URL.
        trust_total: Take fewer matches than `Bundle.total` for an answer that is not whole. Off for a server that counts too many.
        bsn_systems: The identifier systems under which it may keep a BSN.
        concurrency: No more questions than this at once, whoever asks.
        per_second: No more requests than this begin in a second, whoever asks; 0 for no limit.
        slow_seconds: An answer that takes longer makes it ask less, until answers come sooner again; 0 for never.
        attachments_at_once: No more attachments than this at once.
        page_size: `_count`.
        page_bytes: A larger answer is not read.
        page_limit: No search is followed for more pages.
        connect_seconds: Time to connect.
        request_seconds: Time for one whole answer.
        patience: Time for one question to the source when whoever asks sets no limit.
        tls: How to check the server's certificate, and our own; none for the system's defaults. See `tls_of`.
        backend: Who we are to its authorisation server (SMART Backend Services); none where there is none.
        generation: Which FHIR it speaks. A server that says otherwise is not asked.
        searches: `all` of a type, or for servers that cannot be asked so `bgz`: the questions of the national agreements.

    Raises:
        BadInput: `invalid-setting`, with the name of the setting.
    """

    base: str
    name: str = "fhir"
    authorization: str = field(default="", repr=False)
    also_known_as: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    not_kept: frozenset[str] = frozenset()
    search_by_get: bool = False
    trust_total: bool = True
    bsn_systems: tuple[str, ...] = (BSN_SYSTEM, BSN_OID)
    concurrency: int = 4
    per_second: float = 0.0
    slow_seconds: float = 5.0
    attachments_at_once: int = 2
    page_size: int = 200
    page_bytes: int = 32 * MIB
    page_limit: int = 5_000
    connect_seconds: float = 3.0
    request_seconds: float = 20.0
    patience: float = 30.0
    tls: ssl.SSLContext | None = None
    backend: BackendClient | None = None
    generation: Generation = R4
    searches: Literal["all", "bgz"] = "all"

    def __post_init__(self) -> None:
        for name, base in (("base", self.base), *(("also_known_as", other) for other in self.also_known_as)):
            if not _is_base(base):
                raise BadInput(Fault.INVALID_SETTING, name)
        for name in ("concurrency", "attachments_at_once", "page_size", "page_bytes", "page_limit", "connect_seconds", "request_seconds", "patience"):
            if getattr(self, name) <= 0:
                raise BadInput(Fault.INVALID_SETTING, name)
        for name in ("per_second", "slow_seconds"):
            if getattr(self, name) < 0:
                raise BadInput(Fault.INVALID_SETTING, name)
        if not self.name or "/" in self.name:
            raise BadInput(Fault.INVALID_SETTING, "name")
        if any(kind not in TYPE_BY_NAME for kind in self.types):
            raise BadInput(Fault.INVALID_SETTING, "types")
        check_not_kept(self.not_kept, self.types)
        if not self.authorization.isascii() or not self.authorization.isprintable():
            raise BadInput(Fault.INVALID_SETTING, "authorization")
        if self.authorization and self.backend:
            raise BadInput(Fault.INVALID_SETTING, "authorization and backend: one of them", then=ONE_OF_TWO)

    @property
    def bases(self) -> tuple[str, ...]:
        """All base addresses, the one that is asked first; without a slash at the end."""
        return tuple(base.rstrip("/") for base in (self.base, *self.also_known_as))

    @property
    def is_loopback(self) -> bool:
        """Whether it runs on this machine: then no proxy is asked."""
        host = urlsplit(self.base).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def below(self, link: str) -> str | None:
        """The full address that *link* stands for, if it is on this server and below its base, by any of its names; otherwise none."""
        base, *others = self.bases
        for other in others:
            # A server behind a proxy may call itself what it is called there; it is asked where it was set.
            if link.startswith((f"{other}/", f"{other}?")):
                link = base + link.removeprefix(other)
        if any(character in link for character in "\\\t\r\n"):
            return None
        try:
            address = urlsplit(urljoin(base + "/", link))
            own = urlsplit(base)
            if (address.scheme, address.hostname, _port(address.scheme, address.port)) != (own.scheme, own.hostname, _port(own.scheme, own.port)):
                return None
        except ValueError:
            return None
        spelled = address.path.lower()
        if "@" in address.netloc or "%2e" in spelled or "%2f" in spelled or "%5c" in spelled:
            return None
        # A whole address keeps its dots when it is joined; the server would climb by them.
        if {".", ".."} & set(address.path.split("/")):
            return None
        if address.path != own.path and not address.path.startswith(own.path + "/"):
            return None
        return address._replace(fragment="").geturl()


def basic(user: str, password: str) -> str:
    """The `Authorization` header of HTTP basic authentication."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def bearer(token: str) -> str:
    """The `Authorization` header that carries a token."""
    return f"Bearer {token}"


def tls_of(authorities: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """How a server is believed: by these authorities (PEM) and no others, where they are given; and by which certificate it knows us.

    None where nothing is given: then the authorities of the system count, or those of `SSL_CERT_FILE`.

    Raises:
        BadInput: `invalid-setting`: a file cannot be read or used, or a certificate has no key.
    """
    if authorities is None and certificate is None and key is None:
        return None
    if (certificate is None) != (key is None):
        raise BadInput(Fault.INVALID_SETTING, "source.certificate and source.certificate_key: both or none")
    try:
        context = ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError):
        raise BadInput(Fault.INVALID_SETTING, "source.ca_file: not a file of certificates (PEM)", then=TLS_FILES) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        try:
            # An encrypted key would have OpenSSL ask for a password at the terminal.
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ssl.SSLError):
            raise BadInput(
                Fault.INVALID_SETTING, "source.certificate, source.certificate_key: not a certificate and its key (PEM, not encrypted)", then=TLS_FILES
            ) from None
    return context


_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def _port(scheme: str, port: int | None) -> int | None:
    return port or _DEFAULT_PORTS.get(scheme)


def _is_base(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(
            parts.scheme in _DEFAULT_PORTS
            and parts.hostname
            and "@" not in parts.netloc
            and not parts.query
            and not parts.fragment
            and _port(parts.scheme, parts.port)
            and is_base_address(text)
        )
    except ValueError:
        return False
