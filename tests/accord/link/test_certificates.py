"""Certificates of the region say who somebody is, and nothing that the office did not decide."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from accord.link.certificates import (
    certify,
    key_digest,
    make_authority,
    public_pem,
    read_public_key,
    read_signing_key,
    read_tls_key,
    requested_key,
    signing_request,
    write_private,
)
from accord.terms.faults import BadInput
from accord.terms.identifiers import Ura
from tests.accord.link.small_region import NOW

URA = Ura("00001001")
AUTHORITY = make_authority("twente", at=NOW, days=30)
KEY = ec.generate_private_key(ec.SECP256R1())


def test_a_certificate_names_one_organisation_for_both_ends() -> None:
    read = x509.load_pem_x509_certificate(certify(AUTHORITY, KEY.public_key(), URA, ["localhost", "127.0.0.1", "::1"], at=NOW, days=9).encode())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uses = read.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert names.get_values_for_type(x509.DNSName) == ["00001001.ura.noaber.internal", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert set(uses) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert not read.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    read.verify_directly_issued_by(x509.load_pem_x509_certificate(AUTHORITY.certificate.encode()))


@pytest.mark.parametrize("name", ["*.example.nl", "00001002.ura.noaber.internal", "X.URA.noaber.internal", "ura.noaber.internal", "a b", "", "é.nl", "a..b"])
def test_a_name_that_would_speak_for_others_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        certify(AUTHORITY, KEY.public_key(), URA, [name], at=NOW, days=9)


def test_of_a_signing_request_only_the_key_counts() -> None:
    assert requested_key(signing_request(KEY, URA)) == KEY.public_key()


def test_a_signing_request_that_is_tampered_with_or_weak_is_refused() -> None:
    der = x509.load_pem_x509_csr(signing_request(KEY, URA)).public_bytes(Encoding.DER)
    tampered = x509.load_der_x509_csr(der.replace(b"00001001", b"00001002")).public_bytes(Encoding.PEM)
    rsa_key = rsa.generate_private_key(65537, 2048)
    of_rsa = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(rsa_key, hashes.SHA256()).public_bytes(Encoding.PEM)

    for request in (tampered, of_rsa, b"none", b""):
        with pytest.raises(BadInput, match="signing request"):
            requested_key(request)


def test_a_key_has_one_digest_in_pem_and_in_der_and_over_renewals() -> None:
    first = certify(AUTHORITY, KEY.public_key(), URA, at=NOW, days=9)
    second = certify(AUTHORITY, KEY.public_key(), URA, at=NOW, days=10)
    other = certify(AUTHORITY, ec.generate_private_key(ec.SECP256R1()).public_key(), URA, at=NOW, days=9)
    der = x509.load_pem_x509_certificate(first.encode()).public_bytes(Encoding.DER)

    assert key_digest(first.encode()) == key_digest(der) == key_digest(second.encode())
    assert key_digest(first.encode()) != key_digest(other.encode())
    for wrong in (b"", b"-----BEGIN CERTIFICATE-----", der[:-1]):
        with pytest.raises(BadInput):
            key_digest(wrong)


def test_p6_a_key_is_for_its_owner_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    write_private(path, KEY)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_tls_key(path).public_key() == KEY.public_key()
    with pytest.raises(FileExistsError):
        write_private(path, KEY)
    with pytest.raises(BadInput, match="not an Ed25519 key"):
        read_signing_key(path)
    path.chmod(0o640)
    with pytest.raises(BadInput, match="only its owner"):
        read_tls_key(path)


def test_signing_keys_travel_as_pem(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    write_private(tmp_path / "a.key", key)
    public = read_signing_key(tmp_path / "a.key").public_key().public_bytes_raw()

    assert read_public_key(public_pem(public).encode()) == public
    for wrong in (b"", KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)):
        with pytest.raises(BadInput, match="public key"):
            read_public_key(wrong)
