"""The register of the region as it travels: a text signed by the region, believed only when signature, dates and content are right."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link import jose, sealing
from accord.link.register_form import register_from_json, register_to_json
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.members import LoginProvider, Member, RegionRegister
from accord.terms.policies import ANY_ROLE, RegionPolicy

TYPE: Final = "region-register+jwt"
MOST_CHARACTERS: Final = 4 * 1024 * 1024
#: A register from the future means that one of two clocks is wrong.
CLOCK_SKEW: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(days=3 * 366)

#: Where a refused register is only behind.
OLDER: Final = "older"

_REGION: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
_ROLE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,19}")
_CAPABILITY: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
#: Where gRPC or HTTPS is served; no quotes, no white space, no user name.
_ADDRESS: Final = re.compile(
    r"unix:/[A-Za-z0-9._/@+=-]{1,200}|(?:https?://)?(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}(?:/[A-Za-z0-9._/-]{0,200})?"
)
_CLAIM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")
_LEVEL: Final = re.compile(r"[!-~]{1,200}")
_PRIVATE_JWK: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class SignedRegister:
    """A register that was signed: `signer` by whom, `signers` the keys that may sign the next one, `digest` SHA-256 of `text`."""

    register: RegionRegister
    signers: frozenset[bytes]
    signer: bytes
    text: str = field(repr=False)
    digest: bytes


def sign_register(register: RegionRegister, key: Ed25519PrivateKey, signers: Iterable[bytes]) -> str:
    """The register as a compact JWS. *signers* are the public keys (32 bytes) of which one must sign the next version.

    Raises:
        BadInput: `register-invalid` for a register that nobody would believe, naming the organisation or the field.
    """
    keys = frozenset(signers)
    _check(register, keys)
    payload = register_to_json(register, keys)
    register_from_json(payload)  # what cannot be read back must not be signed
    text = jose.sign(payload, key, TYPE)
    if len(text) > MOST_CHARACTERS:
        raise BadInput(Fault.REGISTER_INVALID, "too large")
    return text


def read_register(text: str, *, trusted: Iterable[bytes], at: datetime, newest: int = 0) -> SignedRegister:
    """The register in *text*, when a trusted key signed it and it is in force.

    *newest* is the version below which nothing is taken. Whether a text of that same version is the same text, the
    caller sees by its digest.

    Raises:
        BadInput: `register-invalid`: not signed by the region, or wrong inside.
        Unavailable: `register-outdated`: expired, or older than *newest*.
    """
    signed = verify_register(text, trusted=trusted)
    if signed.register.issued > at + CLOCK_SKEW:
        raise BadInput(Fault.REGISTER_INVALID, "issued in the future")
    if signed.register.expires <= at:
        raise Unavailable(Fault.REGISTER_OUTDATED, "expired")
    if signed.register.version < newest:
        raise Unavailable(Fault.REGISTER_OUTDATED, OLDER)
    return signed


def verify_register(text: str, *, trusted: Iterable[bytes]) -> SignedRegister:
    """The register in *text*, when a trusted key signed it, in force or not.

    Raises:
        BadInput: `register-invalid`.
    """
    keys = {jose.thumbprint(public): public for public in trusted}
    used: list[bytes] = []

    def key_of(key_id: str) -> bytes | None:
        public = keys.get(key_id)
        used.extend([public] if public else [])
        return public

    try:
        payload = jose.verify(text, TYPE, key_of, most=MOST_CHARACTERS)
    except BadInput:
        raise BadInput(Fault.REGISTER_INVALID, "signature") from None
    register, signers = register_from_json(payload)
    _check(register, signers)
    return SignedRegister(register, signers, used[0], text, sha256(text.encode("ascii")).digest())


def _check(register: RegionRegister, signers: frozenset[bytes]) -> None:
    """What no type can say: bounds, and what two organisations may not share."""
    _demand(_REGION.fullmatch(register.region) is not None, "region")
    _demand(register.version >= 1, "version")
    _demand(register.issued < register.expires <= register.issued + LONGEST, "dates")
    _demand(bool(signers) and not any(map(jose.is_weak, signers)), "signers")
    for authority in register.authorities:
        _demand(_is_authority(authority), "authorities")
    for member in register.members:
        check_member(member)
    _check_unique(register, lambda member: (member.ura, member.name, *member.certificates, *(key.id for key in member.keys)))
    _check_policy(register.policy)
    for login in register.logins:
        _demand(_is_login(login), "logins")
    _demand(len({login.issuer for login in register.logins}) == len(register.logins), "logins")


def check_member(member: Member) -> None:
    """Nothing, when an organisation is described as the register wants it.

    Raises:
        BadInput: `register-invalid`, naming the organisation.
    """
    _demand(_is_sound(member), f"member {member.name}")


def _check_unique(register: RegionRegister, known_by: Callable[[Member], tuple[object, ...]]) -> None:
    uses = Counter(one for member in register.members for one in known_by(member))
    for member in register.members:
        _demand(all(uses[one] == 1 for one in known_by(member)), f"member {member.name}")


def _is_sound(member: Member) -> bool:
    return (
        1 <= len(member.title) <= 200
        and member.title.isprintable()
        and len(member.telephone) <= 40
        and member.telephone.isprintable()
        and bool(member.parts)
        and (not member.address or _ADDRESS.fullmatch(member.address) is not None)
        and all(len(digest) == 32 for digest in member.certificates)
        and all(not jose.is_weak(key.public) and key.id == jose.thumbprint(key.public) and key.uses for key in member.keys)
        and all(_CAPABILITY.fullmatch(capability) for capability in member.capabilities)
        and (not member.sealing or (len(member.sealing) == sealing.KEY_BYTES and any(member.sealing)))
        and len(member.sealed) <= sealing.MOST_BOXES
        and all(sealing.KEY_ID.fullmatch(key) and len(box) == sealing.BOX_BYTES for key, box in member.sealed)
    )


def _check_policy(policy: RegionPolicy) -> None:
    rows = policy.matrix.rows
    _demand(1 <= len(policy.matrix.version) <= 100 and policy.matrix.version.isprintable(), "policy version")
    _demand(any(rows.values()) and all(role == ANY_ROLE or _ROLE.fullmatch(role) for _, role in rows), "policy matrix")
    emergency = policy.emergency
    if emergency is not None:
        _demand(bool(emergency.legal_basis.strip()) and emergency.legal_basis.isprintable(), "policy emergency")
        _demand(bool(emergency.roles) and all(map(_ROLE.fullmatch, emergency.roles)), "policy emergency")
        _demand(min(emergency.minutes, emergency.per_professional, emergency.per_organisation, emergency.factor_seconds) >= 1, "policy emergency")
    _demand(min(policy.budget.per_professional, policy.budget.per_organisation, policy.budget.per_gateway) >= 1, "policy budget")


def _is_authority(pem: str) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound):
        return False


def _is_login(login: LoginProvider) -> bool:
    """An issuer by HTTPS (or on this machine), with public keys and none that is private, and a client of its own for confirming."""
    try:
        url, keys = urlsplit(login.issuer), json.loads(login.keys)["keys"]
        secure = url.scheme == "https" or (url.scheme == "http" and (url.hostname == "localhost" or ip_address(url.hostname or "").is_loopback))
        public = all(isinstance(key, dict) and "kty" in key and not _PRIVATE_JWK & key.keys() for key in keys)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    # Were the two one, a login to look would confirm whatever a gateway makes of it.
    clients = bool(login.client_id) and login.client_id != login.confirm_client_id
    read = _CLAIM.fullmatch(login.bsn_claim) is not None and all(map(_LEVEL.fullmatch, login.levels)) and len(set(login.levels)) == len(login.levels)
    return secure and url.username is None and not url.query and not url.fragment and clients and read and bool(keys) and public


def _demand(holds: bool, where: str) -> None:  # noqa: FBT001 - it reads as the sentence that it is
    if not holds:
        raise BadInput(Fault.REGISTER_INVALID, where)
