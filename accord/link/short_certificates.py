"""Certificates that live for days: what is asked for, what the office's joining desk gives, and when to ask again.

The desk makes them while nobody looks on. So a signing request may ask for one name only, and the desk itself has a name
that no organisation can have.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accord.link.certificates import DOMAIN, EARLIER, Authority, certify_names, host_name, requested_key
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.next_steps import SIGNING_REQUEST

#: Refused as a further name in anybody's certificate, because it ends as those of organisations do; and no URA is "desk".
DESK_NAME: Final = f"desk{DOMAIN}"
#: After this part of its life a certificate is renewed.
RENEW_AFTER: Final = 2 / 3


def key_requested_for(request: bytes, ura: Ura) -> ec.EllipticCurvePublicKey:
    """The key of a signing request (PEM) that asks for the name of this organisation and for nothing more.

    Raises:
        BadInput: `invalid-setting`.
    """
    key = requested_key(request)
    read = x509.load_pem_x509_csr(request)
    wanted = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_name(ura))])
    try:
        asks_for_more = len(read.extensions) > 0
    except ValueError:
        asks_for_more = True
    if read.subject != wanted or asks_for_more:
        raise BadInput(Fault.INVALID_SETTING, "signing request: asks for another name than that of the organisation", then=SIGNING_REQUEST)
    return key


def certify_desk(authority: Authority, key: ec.EllipticCurvePublicKey, hosts: Iterable[str] = (), *, at: datetime, life: timedelta) -> str:
    """A certificate (PEM) for the office's own desk, which is found at these hosts.

    Raises:
        BadInput: `invalid-setting` for a host that is none.
    """
    return certify_names(authority, key, [DESK_NAME, *hosts], at=at, life=life)


def lifetime(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """When a certificate of the region was made, and until when it counts."""
    return certificate.not_valid_before_utc + EARLIER, certificate.not_valid_after_utc


def renewal_due(certificate: x509.Certificate) -> datetime:
    """From when on a new one is asked for."""
    made, ends = lifetime(certificate)
    return made + (ends - made) * RENEW_AFTER


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over a certificate (DER), as people pass it on: `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{certificate.fingerprint(hashes.SHA256()).hex()}"
