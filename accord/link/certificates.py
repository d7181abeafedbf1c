"""Certificates of the region: its authority, what it certifies for each organisation, and the digest by which the register knows a key."""

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from accord.link.secret_files import kept_private
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.next_steps import ADDRESS, CERTIFICATE, KEY, NOT_PRIVATE, SIGNING_REQUEST, UNREADABLE

PRIVATE: Final = 0o600
#: A certificate counts from a little earlier, for clocks that differ.
EARLIER: Final = timedelta(minutes=5)
DOMAIN: Final = ".ura.noaber.internal"
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1)


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate authority of a region. `certificate` is PEM."""

    certificate: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def host_name(ura: Ura) -> str:
    """The name that only this organisation's certificate carries, and by which it is called."""
    return f"{ura}{DOMAIN}"


def make_authority(region: str, *, at: datetime, days: int) -> Authority:
    """A new authority: its certificate may sign those of organisations and no other authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, region), x509.NameAttribute(NameOID.COMMON_NAME, f"{region} authority")])
    builder = _builder(name, name, key.public_key(), at=at, life=timedelta(days=days))
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate.public_bytes(Encoding.PEM).decode("ascii"), key)


def signing_request(key: ec.EllipticCurvePrivateKey, ura: Ura) -> bytes:
    """A request (PEM) for a certificate over this key, which never leaves who made it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_name(ura))])
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a signing request (PEM) whose sender has the private half. Its names do not count: the office decides them.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        read = x509.load_pem_x509_csr(request)
        if not read.is_signature_valid:
            raise BadInput(Fault.INVALID_SETTING, "signing request: signature", then=SIGNING_REQUEST)
        key = read.public_key()
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        raise BadInput(Fault.INVALID_SETTING, "signing request", then=SIGNING_REQUEST) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
        raise BadInput(Fault.INVALID_SETTING, "signing request: use an ECDSA key, P-256 or P-384", then=SIGNING_REQUEST)
    return key


def certify(authority: Authority, key: ec.EllipticCurvePublicKey, ura: Ura, names: Iterable[str] = (), *, at: datetime, days: int) -> str:
    """A certificate (PEM) for an organisation, for both ends of a connection.

    *names* are further DNS names and IP addresses at which it is found.

    Raises:
        BadInput: `invalid-setting` for a name that is none.
    """
    return certify_names(authority, key, [host_name(ura), *names], at=at, life=timedelta(days=days))


def certify_names(authority: Authority, key: ec.EllipticCurvePublicKey, names: list[str], *, at: datetime, life: timedelta) -> str:
    """A certificate (PEM) for the first of these names, which is the region's to give, and for hosts and addresses besides.

    Raises:
        BadInput: `invalid-setting` for a name that is none.
    """
    own, *others = names
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode("ascii"))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, own)])
    certificate = (
        _builder(subject, issuer.subject, key, at=at, life=life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(own), *map(_general_name, others)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def read_certificate(certificate: bytes) -> x509.Certificate:
    """A certificate in PEM (the first one in it) or DER.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        if certificate.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(certificate)
        return x509.load_der_x509_certificate(certificate)
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, "certificate", then=CERTIFICATE) from None


def names_in(certificate: bytes) -> frozenset[str]:
    """The DNS names that a certificate (PEM or DER) is for.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        names = read_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, "certificate", then=CERTIFICATE) from None
    return frozenset(names.get_values_for_type(x509.DNSName))


def key_digest(certificate: bytes) -> bytes:
    """SHA-256 over the public key (SubjectPublicKeyInfo, DER) of a certificate in PEM or DER.

    Raises:
        BadInput: `invalid-setting`.
    """
    return digest_of(read_certificate(certificate))


def digest_of(certificate: x509.Certificate) -> bytes:
    """SHA-256 over the public key (SubjectPublicKeyInfo, DER) of a certificate.

    Raises:
        BadInput: `invalid-setting` for a key of a kind that nobody here knows.
    """
    try:
        return digest_of_key(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        raise BadInput(Fault.INVALID_SETTING, "certificate", then=CERTIFICATE) from None


def digest_of_key(key: CertificatePublicKeyTypes) -> bytes:
    """SHA-256 over a public key (SubjectPublicKeyInfo, DER)."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def write_private(path: Path, key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey | X25519PrivateKey) -> None:
    """Write a private key (PKCS 8, PEM) that only its owner can read.

    Raises:
        FileExistsError: There is something already; a key is never written over.
    """
    content = key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), PRIVATE)
        file.write(content)


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """An Ed25519 key that `write_private` wrote.

    Raises:
        BadInput: `invalid-setting`: unreadable, of another kind, or open to others than its owner.
    """
    key = _private(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: not an Ed25519 key", then=KEY)
    return key


def read_tls_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """An ECDSA key that `write_private` wrote.

    Raises:
        BadInput: `invalid-setting`, as `read_signing_key`.
    """
    key = _private(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: not an ECDSA key", then=KEY)
    return key


def read_public_key(pem: bytes) -> bytes:
    """The 32 bytes of an Ed25519 public key (PEM).

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadInput(Fault.INVALID_SETTING, "public key", then=KEY) from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadInput(Fault.INVALID_SETTING, "public key: use Ed25519", then=KEY)
    return key.public_bytes_raw()


def public_pem(public: bytes) -> str:
    """An Ed25519 public key of 32 bytes as PEM."""
    return Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _private(path: Path) -> object:
    try:
        if not kept_private(path):
            raise BadInput(Fault.INVALID_SETTING, f"{path.name}: only its owner may be able to read a key (chmod 600)", then=NOT_PRIVATE)
        return serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: no key that can be read", then=UNREADABLE) from None


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, at: datetime, life: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - EARLIER)
        .not_valid_after(at + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    # A wildcard would speak for others, and so would a name made from another URA.
    labels_fit = all(part and part.replace("-", "").isalnum() for part in name.split("."))
    if not name.isascii() or not labels_fit or f".{name.lower()}".endswith(DOMAIN):
        raise BadInput(Fault.INVALID_SETTING, "name of a host", then=ADDRESS)
    return x509.DNSName(name)


def read_anchor(path: Path) -> bytes:
    """The public key of the region (PEM file), 32 bytes.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        return read_public_key(path.read_bytes())
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be read", then=UNREADABLE) from None
