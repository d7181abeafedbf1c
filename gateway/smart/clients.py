"""The clients that may ask for an access token, and their public keys: members of the register, and a file of further clients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from accord.link.jose import decoded, is_weak
from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, MemberStatus, Part, RegionRegister
from accord.terms.next_steps import IN_THE_FILE, UNREADABLE
from gateway.smart.scopes import Scope, read_scopes

ALGORITHMS: Final = ("EdDSA", "ES384", "RS384")
_URA: Final = "ura:"
_FILE_BYTES: Final = 1 << 20
_CLIENT_MEMBERS: Final = frozenset({"client_id", "organisation", "scope", "jwks"})
_P384_BYTES: Final = 48
_P384_ORDER: Final = int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)
_SMALLEST_RSA_BITS: Final = 2048
_LARGEST_RSA_BITS: Final = 8192
_MOST_KEYS: Final = 10

_PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A public key of a client, and the one algorithm that it may be used with."""

    id: str
    algorithm: str
    public: _PublicKey = field(repr=False)

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Whether this key signed it."""
        try:
            match self.public:
                case Ed25519PublicKey():
                    self.public.verify(signature, content)
                case ec.EllipticCurvePublicKey():
                    self.public.verify(_der(signature), content, ec.ECDSA(SHA384()))
                case _:
                    self.public.verify(signature, content, padding.PKCS1v15(), SHA384())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Client:
    """A client: whose it is, its keys by id, and the most that it may ask for (none: everything)."""

    id: str
    organisation: Ura
    keys: Mapping[str, ClientKey] = field(repr=False)
    scopes: tuple[Scope, ...] = ()


@dataclass(frozen=True, slots=True)
class Clients:
    """Who is known now. `ura:<URA>` is a data user of the register, by its mandate keys; others stand in a file.

    *register* gives the register as it is now: an organisation that is blocked has no client from that moment on.
    """

    register: Callable[[], RegionRegister]
    others: Mapping[str, Client] = field(default_factory=dict)

    def find(self, client_id: str) -> Client | None:
        """The client of this id, as long as its organisation takes part as a data user."""
        if not client_id.startswith(_URA):
            other = self.others.get(client_id)
            return other if other is not None and self._takes_part(other.organisation) else None
        try:
            ura = Ura(client_id.removeprefix(_URA))
        except BadInput:
            return None
        if not self._takes_part(ura):
            return None
        member = self.register().by_ura[ura]
        keys = {
            key.id: ClientKey(key.id, "EdDSA", Ed25519PublicKey.from_public_bytes(key.public))
            for key in member.keys
            if KeyUse.MANDATE in key.uses and not is_weak(key.public)
        }
        return Client(client_id, ura, keys)

    def _takes_part(self, ura: Ura) -> bool:
        member = self.register().by_ura.get(ura)
        return member is not None and member.status is MemberStatus.ACTIVE and Part.DATA_USER in member.parts


def read_clients(path: Path) -> dict[str, Client]:
    """Read a file of clients: a JSON list of `{"client_id", "organisation" (URA), "scope", "jwks": {"keys": […]}}`.

    Raises:
        BadInput: `invalid-setting`, naming the place in the file.
    """
    try:
        listed = strict_json(path.read_bytes(), limit=_FILE_BYTES)
    except (OSError, BadInput):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be read", then=UNREADABLE) from None
    if not isinstance(listed, list):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: is no list of clients", then=IN_THE_FILE)
    found: dict[str, Client] = {}
    for number, entry in enumerate(listed, 1):
        try:
            client = _client(entry)
        except (BadInput, ValueError, TypeError, KeyError):
            raise BadInput(Fault.INVALID_SETTING, f"{path.name}: client {number}", then=IN_THE_FILE) from None
        if client.id in found or client.id.startswith(_URA):
            raise BadInput(Fault.INVALID_SETTING, f"{path.name}: client {number}: client_id", then=IN_THE_FILE)
        found[client.id] = client
    return found


def _client(entry: Any) -> Client:
    if (
        not isinstance(entry, dict)
        or frozenset(entry) != _CLIENT_MEMBERS
        or not all(type(entry[name]) is str for name in ("client_id", "organisation", "scope"))
    ):
        raise BadInput(Fault.INVALID_SETTING)
    listed = entry["jwks"]["keys"]
    keys = {key.id: key for key in map(_key, listed)}
    client_id: str = entry["client_id"]
    if (
        not keys
        or len(keys) != len(listed)
        or len(keys) > _MOST_KEYS
        or not client_id.isascii()
        or not client_id.isprintable()
        or not 0 < len(client_id) <= 128
    ):
        raise BadInput(Fault.INVALID_SETTING)
    return Client(client_id, Ura(entry["organisation"]), keys, read_scopes(entry["scope"]))


def _key(jwk: Any) -> ClientKey:
    """A public key of a JWK set. A private one does not belong there, and is refused."""
    if "d" in jwk or type(jwk["kid"]) is not str or jwk.get("use", "sig") != "sig":
        raise BadInput(Fault.INVALID_SETTING)
    public: _PublicKey
    match jwk["kty"], jwk.get("crv"):
        case "OKP", "Ed25519":
            content = decoded(jwk["x"])
            if is_weak(content):
                raise BadInput(Fault.INVALID_SETTING)
            algorithm, public = "EdDSA", Ed25519PublicKey.from_public_bytes(content)
        case "EC", "P-384":
            x, y = (int.from_bytes(decoded(jwk[name])) for name in ("x", "y"))
            algorithm, public = "ES384", ec.EllipticCurvePublicNumbers(x, y, ec.SECP384R1()).public_key()
        case "RSA", None:
            exponent, modulus = (int.from_bytes(decoded(jwk[name])) for name in ("e", "n"))
            if not _SMALLEST_RSA_BITS <= modulus.bit_length() <= _LARGEST_RSA_BITS or exponent != 65537:
                raise BadInput(Fault.INVALID_SETTING)
            algorithm, public = "RS384", rsa.RSAPublicNumbers(exponent, modulus).public_key()
        case _:
            raise BadInput(Fault.INVALID_SETTING)
    if jwk.get("alg", algorithm) != algorithm:
        raise BadInput(Fault.INVALID_SETTING)
    return ClientKey(jwk["kid"], algorithm, public)


def _der(signature: bytes) -> bytes:
    """An ECDSA signature as JOSE writes it, as X.509 does.

    Raises:
        ValueError: It is not two numbers of the curve.
    """
    if len(signature) != 2 * _P384_BYTES:
        raise ValueError
    r, s = int.from_bytes(signature[:_P384_BYTES]), int.from_bytes(signature[_P384_BYTES:])
    if not (0 < r < _P384_ORDER and 0 < s < _P384_ORDER):
        raise ValueError
    return encode_dss_signature(r, s)
