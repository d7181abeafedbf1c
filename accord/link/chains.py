"""Whether a certificate of the region was shown, checked as TLS checks it, for what is proven inside TLS."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

#: A certificate, and what leads to the authority.
CHAIN_CHARACTERS: Final = 16 * 1024
_MOST: Final = 4


def read_chain(pem: str) -> list[x509.Certificate]:
    """The certificates (PEM), the own one first; none when they cannot be read."""
    try:
        read = x509.load_pem_x509_certificates(pem.encode("ascii")) if len(pem) <= CHAIN_CHARACTERS else []
    except ValueError:
        return []
    return read if len(read) <= _MOST else []


def certifies_caller(authorities: Iterable[str], chain: list[x509.Certificate], at: datetime) -> bool:
    """Whether one of these authorities (PEM) leads to the first certificate, and it is for calling."""
    try:
        _policy(authorities, at).build_client_verifier().verify(chain[0], chain[1:])
    except (VerificationError, ValueError):
        return False
    return True


def certifies_name(authorities: Iterable[str], chain: list[x509.Certificate], name: str, at: datetime) -> bool:
    """Whether one of these authorities (PEM) leads to the first certificate, and it is for answering under this name."""
    try:
        _policy(authorities, at).build_server_verifier(x509.DNSName(name)).verify(chain[0], chain[1:])
    except (VerificationError, ValueError):
        return False
    return True


def _policy(authorities: Iterable[str], at: datetime) -> PolicyBuilder:
    # No authority at all is a ValueError, and believes nobody.
    return PolicyBuilder().store(Store([x509.load_pem_x509_certificate(one.encode("ascii")) for one in authorities])).time(at)
