"""Mutual TLS for both ends of every connection in the region.

gRPC's TLS (BoringSSL) speaks TLS 1.2 and 1.3 and nothing older; no option of grpcio lowers that, and a test offers 1.1 to
prove it. Who is at the other end is not decided here but for each call, in `accord.link.peers`: a handshake says only that
the region certified this key once, and a resumed session or an open channel says it for as long as it lives.
"""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final, cast

import grpc
import structlog

from accord.link.certificates import digest_of_key, host_name, key_digest, names_in, read_tls_key
from accord.link.live_register import LiveRegister
from accord.link.options import Options
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from accord.terms.next_steps import CERTIFICATE, PAIR, REGISTER_OFFICE, UNREADABLE, WHOSE_CERTIFICATE

#: For TLS 1.2; all suites of 1.3 are sound.
_SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

_log = structlog.get_logger("noaber.tls")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where a process keeps its certificate (PEM, with what leads to the authority) and the key to it (PEM, mode 600)."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class _Material:
    """What a handshake needs, read and found to fit together."""

    certificate: bytes
    key: bytes = field(repr=False)
    authorities: bytes


class TlsMaterial:
    """The files of a process and the authorities of the register, as they are now.

    `generation` goes up when `refresh` finds something new. What cannot be used (a certificate without its key, because
    one of the two files is still to be replaced) is not: what was there stays, and the next `refresh` looks again.

    Safe to use from several threads: gRPC asks from its own.

    Raises:
        BadInput: `invalid-setting`: the files cannot be read, do not belong together, or the register names no authority.
    """

    def __init__(self, files: TlsFiles, live: LiveRegister) -> None:
        self._files = files
        self._live = live
        self._lock = Lock()
        self._mark = self._stamp()
        self._material = self._read()
        self.generation = 1

    def refresh(self) -> int:
        """Look again; the generation of what is used from now on."""
        with self._lock:
            mark = self._stamp()
            if mark == self._mark:
                return self.generation
            try:
                self._material = self._read()
            except Faulted as failure:
                _log.warning("certificate not reloaded", code=failure.fault.value, where=failure.where)
                return self.generation
            self._mark = mark
            self.generation += 1
            return self.generation

    def server_configuration(self) -> grpc.ServerCertificateConfiguration:
        """For gRPC's server."""
        material = self._material
        return grpc.ssl_server_certificate_configuration([(material.key, material.certificate)], root_certificates=material.authorities)

    def uncertified_configuration(self) -> grpc.ServerCertificateConfiguration:
        """For gRPC's server that asks for no certificate."""
        material = self._material
        return grpc.ssl_server_certificate_configuration([(material.key, material.certificate)])

    def channel_credentials(self, further: bytes = b"") -> grpc.ChannelCredentials:
        """For gRPC's channels; see `to_member` for the options that go with them. *further* authorities (PEM) are believed, too."""
        material = self._material
        return grpc.ssl_channel_credentials(material.authorities + b"\n" + further if further else material.authorities, material.key, material.certificate)

    def pair(self) -> tuple[bytes, bytes]:
        """Key and certificate (PEM)."""
        return self._material.key, self._material.certificate

    def _stamp(self) -> tuple[object, ...]:
        return (_stamp_of(self._files.certificate), _stamp_of(self._files.key), self._live.newest.authorities)

    def _read(self) -> _Material:
        check_pair(self._files)
        authorities = self._live.newest.authorities
        if not authorities:
            raise BadInput(Fault.INVALID_SETTING, "the register names no authority", then=REGISTER_OFFICE)
        return _Material(self._files.certificate.read_bytes(), self._files.key.read_bytes(), "\n".join(authorities).encode("ascii"))


def server_credentials(material: TlsMaterial) -> grpc.ServerCredentials:
    """Credentials of a server that wants a certificate of the region from whoever calls.

    Each handshake uses the files and the authorities of that moment, without a restart.
    """
    return _dynamic(material, TlsMaterial.server_configuration, demands=True)


def uncertified_credentials(material: TlsMaterial) -> grpc.ServerCredentials:
    """Credentials of a server that asks for no certificate: who calls must be proven in another way.

    Each handshake uses the files of that moment, as above.
    """
    return _dynamic(material, TlsMaterial.uncertified_configuration, demands=False)


def _dynamic(material: TlsMaterial, configured: Callable[[TlsMaterial], grpc.ServerCertificateConfiguration], *, demands: bool) -> grpc.ServerCredentials:
    served = material.generation

    def newer() -> grpc.ServerCertificateConfiguration | None:
        nonlocal served
        generation = material.refresh()
        if generation == served:
            return None  # grpcio's way to say: as before
        served = generation
        return configured(material)

    # The stubs leave out that None may be returned.
    fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", newer)
    return grpc.dynamic_ssl_server_credentials(configured(material), fetch, require_client_authentication=demands)


class ChannelKeys:
    """Credentials for channels, made anew when files or authorities change.

    An open channel keeps what it was opened with: whoever keeps one compares `generation` now and then, and opens another.
    """

    def __init__(self, material: TlsMaterial) -> None:
        self._material = material
        self._made = material.channel_credentials()
        self.generation = material.generation

    def current(self) -> grpc.ChannelCredentials:
        """The credentials of this moment."""
        generation = self._material.refresh()
        if generation != self.generation:
            self.generation = generation
            self._made = self._material.channel_credentials()
        return self._made


def to_member(ura: Ura) -> Options:
    """Options of a channel that ends at this organisation and no other, whatever address it was given."""
    return (("grpc.ssl_target_name_override", host_name(ura)), ("grpc.default_authority", host_name(ura)))


def https_server_context(files: TlsFiles, authorities: Iterable[str] = (), *, clients: ssl.VerifyMode = ssl.CERT_NONE) -> ssl.SSLContext:
    """TLS of an HTTPS server. *clients* says whether a certificate of the region is asked for, or demanded.

    Every connection begins with a full handshake: no session is resumed, and nothing is renegotiated.

    Raises:
        BadInput: `invalid-setting`.
    """
    check_pair(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _strict(context)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0  # TLS 1.3 has tickets of its own kind
    context.verify_mode = clients
    if clients is not ssl.CERT_NONE:
        _trust(context, authorities)
    renew(context, files)
    return context


def https_client_context(authorities: Iterable[str], files: TlsFiles | None = None) -> ssl.SSLContext:
    """TLS of an HTTPS client that believes these authorities only; with *files* it says who it is.

    Raises:
        BadInput: `invalid-setting`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _strict(context)
    _trust(context, authorities)
    if files is not None:
        check_pair(files)
        renew(context, files)
    return context


def renew(context: ssl.SSLContext, files: TlsFiles) -> None:
    """Use these files for the handshakes that begin after this.

    Raises:
        BadInput: `invalid-setting`; then nothing changed.
    """
    check_pair(files)
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError):
        raise BadInput(Fault.INVALID_SETTING, files.certificate.name, then=PAIR) from None


def check_pair(files: TlsFiles) -> None:
    """Nothing, when certificate and key can be read and belong together.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        digest = key_digest(files.certificate.read_bytes())
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{files.certificate.name}: cannot be read", then=UNREADABLE) from None
    if digest_of_key(read_tls_key(files.key).public_key()) != digest:
        raise BadInput(Fault.INVALID_SETTING, f"{files.key.name}: not the key of {files.certificate.name}", then=PAIR)


def check_whose(certificate: bytes, ura: Ura, register: RegionRegister) -> None:
    """Nothing, when a certificate (PEM) is of this organisation: by the register, or by its name where the register does not know it yet.

    Raises:
        BadInput: `invalid-setting`: it is of another one. Nobody would believe whoever answers with it.
    """
    member = register.by_certificate.get(key_digest(certificate))
    if member is None and host_name(ura) in names_in(certificate):
        return
    if member is None or member.ura != ura:
        whose = f"that of {member.name}, URA {member.ura}" if member is not None else "of another organisation, or of none"
        raise BadInput(Fault.INVALID_SETTING, f"holder.ura: the certificate is not of URA {ura}, but {whose}", then=WHOSE_CERTIFICATE)


def _strict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.verify_flags |= ssl.VERIFY_X509_STRICT


def _trust(context: ssl.SSLContext, authorities: Iterable[str]) -> None:
    pem = "\n".join(authorities)
    if not pem:
        raise BadInput(Fault.INVALID_SETTING, "no authority to believe", then=CERTIFICATE)
    try:
        context.load_verify_locations(cadata=pem)
    except (ValueError, ssl.SSLError):
        raise BadInput(Fault.INVALID_SETTING, "authorities", then=CERTIFICATE) from None


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
