"""Tokens: who gets one, on which assertion, and what is believed of it afterwards."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from accord.link.jose import encoded, thumbprint
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part, RegionRegister, SigningKey
from accord.terms.policies import RegionPolicy, RoleMatrix
from accord.terms.vocabulary import HolderKind
from gateway.smart.assertions import UsedOnce
from gateway.smart.clients import Clients, read_clients
from gateway.smart.door import SmartDoor

TOKEN_URL: Final = "https://gateway.test/auth/token"
URA: Final = Ura("00000001")
CLIENT: Final = f"ura:{URA}"
NOW: Final = 1_800_000_000
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC: Final = KEY.public_key().public_bytes_raw()
KID: Final = thumbprint(PUBLIC)
ANSWER_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(reversed(range(32))))
CURVE_KEY: Final = ec.derive_private_key(7, ec.SECP384R1())
RSA_KEY: Final = rsa.generate_private_key(65537, 2048)
P384_ORDER: Final = int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)


def signing_key(key: Ed25519PrivateKey, use: KeyUse) -> SigningKey:
    public = key.public_key().public_bytes_raw()
    return SigningKey(thumbprint(public), public, frozenset({use}))


MEMBER: Final = Member(
    URA,
    HolderName("esdoorn"),
    "Ziekenhuis Esdoorn",
    HolderKind.HOSPITAL,
    "",
    MemberStatus.ACTIVE,
    frozenset({Part.DATA_USER}),
    keys=(signing_key(KEY, KeyUse.MANDATE), signing_key(ANSWER_KEY, KeyUse.ANSWER)),
)
BEGIN: Final = datetime.fromtimestamp(NOW - 1000, UTC)
END: Final = datetime.fromtimestamp(NOW + 100_000, UTC)


@dataclass
class World:
    """A gateway's token endpoint, its clock and its register, which a test may change."""

    now: float = NOW
    member: Member = MEMBER
    others: dict[str, Any] = field(default_factory=dict)
    used: UsedOnce = field(default_factory=UsedOnce)

    def register(self) -> RegionRegister:
        """The register as it is now."""
        return RegionRegister("twente", 1, BEGIN, END, (self.member,), (), RegionPolicy(RoleMatrix("1", {})))

    @property
    def door(self) -> SmartDoor:
        """A door on what is there now."""
        return SmartDoor(Clients(self.register, self.others), key=bytes(64), token_url=TOKEN_URL, now=lambda: self.now, used=self.used)


def said(**changes: Any) -> dict[str, Any]:
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": TOKEN_URL, "exp": NOW + 240, "iat": NOW, "jti": "a-jti-of-22-characters"} | changes
    return {name: value for name, value in claims.items() if value is not None}


def by_ed25519(content: bytes) -> bytes:
    return KEY.sign(content)


def by_curve(content: bytes) -> bytes:
    r, s = decode_dss_signature(CURVE_KEY.sign(content, ec.ECDSA(SHA384())))
    return r.to_bytes(48) + s.to_bytes(48)


def by_rsa(content: bytes) -> bytes:
    return RSA_KEY.sign(content, padding.PKCS1v15(), SHA384())


def signed(claims: Any, header: Any = None, sign: Callable[[bytes], bytes] = by_ed25519) -> str:
    head = header if header is not None else {"alg": "EdDSA", "typ": "JWT", "kid": KID}
    parts = [encoded(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (head, claims)]
    return ".".join((*parts, encoded(sign(".".join(parts).encode()))))


def refuses(world: World, assertion: str, fault: Fault = Fault.TOKEN_INVALID) -> None:
    with pytest.raises(BadInput) as caught:
        world.door.grant(assertion, "system/*.rs")

    assert caught.value.fault is fault
    assert str(caught.value) in (str(fault), f"{fault} (scope)")


def test_a_data_user_gets_a_token_by_its_mandate_key() -> None:
    world = World()
    granted = world.door.grant(signed(said()), "system/Observation.rs system/Condition.r")
    scopes = world.door.authorise(f"Bearer {granted.token}")

    assert granted.seconds <= 300
    assert scopes is not None
    assert (scopes.client, scopes.organisation) == (CLIENT, URA)
    assert " ".join(map(str, scopes.granted)) == granted.scope == "system/Observation.rs system/Condition.r"
    assert granted.token not in repr(granted)


def test_without_a_token_there_are_no_scopes() -> None:
    assert World().door.authorise("") is None


CORPUS: Final[dict[str, str]] = {
    "nothing": "",
    "not a token": "abc",
    "two parts": "a.b",
    "four parts": signed(said()) + ".x",
    "no algorithm": signed(said(), {"alg": "none", "kid": KID}, lambda _: b"x"),
    "no signature": signed(said()).rpartition(".")[0] + ".",
    "hmac with the public key": signed(said(), {"alg": "HS256", "kid": KID}, lambda content: sha256(PUBLIC + content).digest()),
    "another algorithm than the key's": signed(said(), {"alg": "ES384", "kid": KID}),
    "algorithm in small letters": signed(said(), {"alg": "eddsa", "kid": KID}),
    "another type": signed(said(), {"alg": "EdDSA", "typ": "mandate+jwt", "kid": KID}),
    "no key id": signed(said(), {"alg": "EdDSA"}),
    "an unknown key id": signed(said(), {"alg": "EdDSA", "kid": "x"}),
    "a key for answers": signed(said(), {"alg": "EdDSA", "kid": thumbprint(ANSWER_KEY.public_key().public_bytes_raw())}, ANSWER_KEY.sign),
    "its own key inside": signed(said(), {"alg": "EdDSA", "kid": KID, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": encoded(PUBLIC)}}),
    "a key elsewhere": signed(said(), {"alg": "EdDSA", "kid": KID, "jku": "https://evil.test/keys"}),
    "critical": signed(said(), {"alg": "EdDSA", "kid": KID, "crit": ["b64"], "b64": False}),
    "signed by somebody else": signed(said(), None, ANSWER_KEY.sign),
    "changed after signing": signed(said())[:-4] + "AAAA",
    "doubled header": signed(said(), b'{"alg":"none","alg":"EdDSA","kid":"' + KID.encode() + b'"}'),
    "doubled claim": signed(b'{"iss":"x",' + json.dumps(said()).encode()[1:]),
    "claims in a list": signed([said()]),
    "expired": signed(said(exp=NOW)),
    "long expired": signed(said(exp=NOW - 100_000, iat=NOW - 100_100)),
    "living too long": signed(said(exp=NOW + 301)),
    "living too long from its issue": signed(said(iat=NOW - 200, exp=NOW + 200)),
    "of the future": signed(said(iat=NOW + 100, exp=NOW + 250)),
    "not yet": signed(said(nbf=NOW + 100)),
    "no expiry": signed(said(exp=None)),
    "expiry as text": signed(said(exp=str(NOW + 100))),
    "expiry as a fraction": signed(said(exp=NOW + 100.5)),
    "expiry as not a number": signed(json.dumps(said()).replace(str(NOW + 240), "NaN").encode()),
    "expiry as true": signed(said(exp=True)),
    "negative": signed(said(exp=-1)),
    "huge": signed(json.dumps(said()).replace(str(NOW + 240), "1" + "0" * 400).encode()),
    "for somebody else": signed(said(aud="https://elsewhere.test/auth/token")),
    "for us and others": signed(said(aud=[TOKEN_URL, "https://elsewhere.test/"])),
    "for our address with a slash": signed(said(aud=TOKEN_URL + "/")),
    "for nobody": signed(said(aud=None)),
    "subject is another": signed(said(sub="ura:00000002")),
    "no subject": signed(said(sub=None)),
    "issuer unknown": signed(said(iss="ura:00000002", sub="ura:00000002")),
    "issuer with a line end": signed(said(iss=CLIENT + "\n", sub=CLIENT + "\n")),
    "issuer in other digits": signed(said(iss="ura:0000000١", sub="ura:0000000١")),
    "issuer as a list": signed(said(iss=[CLIENT], sub=[CLIENT])),
    "no id": signed(said(jti=None)),
    "an id too short": signed(said(jti="1")),
    "an id as number": signed(said(jti=10**20)),
    "an unknown claim": signed(said(scope="system/*.rs")),
    "too long": signed(said(jti="a" * 9_000)),
    "padded": signed(said()) + "=",
    "white space": " " + signed(said()),
    "standard base64": base64.b64encode(b'{"alg":"EdDSA"}?>?>').decode() + "." + signed(said()).partition(".")[2],
}


@pytest.mark.parametrize("kind", CORPUS)
def test_a5_an_assertion_that_is_not_exactly_right_gets_nothing(kind: str) -> None:
    world = World()

    refuses(world, CORPUS[kind])
    # What was refused used nothing up.
    assert world.door.grant(signed(said()), "system/*.rs").token


def test_a5_an_assertion_is_good_for_one_use() -> None:
    world = World()
    assertion = signed(said())
    world.door.grant(assertion, "system/*.rs")

    refuses(world, assertion)
    world.now += 200
    refuses(world, assertion)
    # The same id in another text is the same id.
    refuses(world, signed(said(exp=NOW + 241)))


def test_a5_a_refused_scope_uses_the_assertion_up_as_well() -> None:
    world = World()
    with pytest.raises(BadInput):
        world.door.grant(signed(said()), "user/*.rs")

    refuses(world, signed(said()))


def test_when_no_more_ids_can_be_kept_the_door_is_closed() -> None:
    world = World(used=UsedOnce(2))
    for number in range(2):
        world.door.grant(signed(said(jti=f"a-jti-of-length-{number}")), "system/*.rs")
    with pytest.raises(Unavailable):
        world.door.grant(signed(said(jti="a-jti-of-length-2")), "system/*.rs")

    world.now += 400
    assert world.door.grant(signed(said(jti="a-jti-of-length-2", iat=NOW + 400, exp=NOW + 600)), "system/*.rs").token


def test_a5_a_token_that_was_changed_is_refused() -> None:
    world = World()
    token = world.door.grant(signed(said()), "system/*.rs").token
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]

    for text in (*changed, token + "=", token + "A", token[:-1], "", "Basic abc", token.upper()):
        with pytest.raises(BadInput, match="token-invalid"):
            world.door.authorise(f"Bearer {text}")
    with pytest.raises(BadInput, match="token-invalid"):
        world.door.authorise(token)


def test_a5_an_assertion_is_no_access_token_and_the_other_way_round() -> None:
    world = World()
    assertion = signed(said())
    with pytest.raises(BadInput, match="token-invalid"):
        world.door.authorise(f"Bearer {assertion}")

    refuses(world, world.door.grant(assertion, "system/*.rs").token)


def test_a_token_ends_within_five_minutes() -> None:
    world = World()
    token = world.door.grant(signed(said()), "system/*.rs").token
    world.now += 299
    assert world.door.authorise(f"Bearer {token}") is not None
    world.now += 1

    with pytest.raises(BadInput, match="token-invalid"):
        world.door.authorise(f"Bearer {token}")


def test_a_token_works_on_the_certificate_that_it_was_asked_for_on() -> None:
    world = World()
    token = world.door.grant(signed(said()), "system/*.rs", b"one certificate").token

    assert world.door.authorise(f"Bearer {token}", b"one certificate") is not None
    for other in (b"", b"another certificate"):
        with pytest.raises(BadInput, match="token-invalid"):
            world.door.authorise(f"Bearer {token}", other)


def test_p11_a_blocked_organisation_is_out_with_the_tokens_that_it_has() -> None:
    world = World()
    door = world.door
    token = door.grant(signed(said()), "system/*.rs").token
    world.member = replace(MEMBER, status=MemberStatus.BLOCKED)

    with pytest.raises(BadInput, match="token-invalid"):
        door.authorise(f"Bearer {token}")
    refuses(world, signed(said(jti="another-jti-of-a-length")))


def test_who_is_no_data_user_gets_no_token() -> None:
    refuses(World(member=replace(MEMBER, parts=frozenset({Part.DATA_HOLDER}))), signed(said()))


def test_a_token_of_another_gateway_or_key_is_none_of_ours() -> None:
    world = World()
    token = world.door.grant(signed(said()), "system/*.rs").token
    clients = Clients(world.register)
    for other in (
        SmartDoor(clients, key=bytes(63) + b"x", token_url=TOKEN_URL, now=lambda: NOW),
        SmartDoor(clients, key=bytes(64), token_url="https://b.test/auth/token", now=lambda: NOW),
    ):
        with pytest.raises(BadInput, match="token-invalid"):
            other.authorise(f"Bearer {token}")


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8))


def client(**changes: Any) -> dict[str, Any]:
    point, modulus = CURVE_KEY.public_key().public_numbers(), RSA_KEY.public_key().public_numbers()
    keys = [
        {"kty": "EC", "crv": "P-384", "kid": "c", "x": encoded(point.x.to_bytes(48)), "y": encoded(point.y.to_bytes(48))},
        {"kty": "RSA", "kid": "r", "n": number(modulus.n), "e": number(modulus.e), "alg": "RS384", "use": "sig"},
    ]
    return {"client_id": "epd", "organisation": "00000001", "scope": "system/Observation.rs", "jwks": {"keys": keys}} | changes


def written(folder: Path, *clients: Any) -> Path:
    path = folder / "clients.json"
    path.write_text(json.dumps(clients))
    return path


@pytest.mark.parametrize(("kid", "algorithm", "sign"), [("c", "ES384", by_curve), ("r", "RS384", by_rsa)])
def test_a_client_of_the_file_may_use_other_kinds_of_keys(tmp_path: Path, kid: str, algorithm: str, sign: Callable[[bytes], bytes]) -> None:
    world = World(others=read_clients(written(tmp_path, client())))
    claims = said(iss="epd", sub="epd")
    granted = world.door.grant(signed(claims, {"alg": algorithm, "kid": kid}, sign), "system/Observation.s")

    assert granted.scope == "system/Observation.s"
    refuses(world, signed(said(iss="epd", sub="epd", jti="another-jti-of-a-length"), {"alg": algorithm, "kid": kid}, sign), Fault.QUESTION_WIDENED)
    other = "RS384" if algorithm == "ES384" else "ES384"
    refuses(world, signed(said(iss="epd", sub="epd", jti="a-third-jti-of-a-length"), {"alg": other, "kid": kid}, sign))


def test_a5_a_signature_on_the_curve_written_in_another_way_is_refused(tmp_path: Path) -> None:
    world = World(others=read_clients(written(tmp_path, client())))

    def as_der(content: bytes) -> bytes:
        return CURVE_KEY.sign(content, ec.ECDSA(SHA384()))

    for sign in (as_der, lambda _: bytes(96), lambda content: by_curve(content)[:48] + P384_ORDER.to_bytes(48)):
        refuses(world, signed(said(iss="epd", sub="epd"), {"alg": "ES384", "kid": "c"}, sign))


def test_a5_a_signature_turned_into_its_twin_does_not_use_an_assertion_twice(tmp_path: Path) -> None:
    world = World(others=read_clients(written(tmp_path, client())))
    assertion = signed(said(iss="epd", sub="epd"), {"alg": "ES384", "kid": "c"}, by_curve)
    content, _, signature = assertion.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = content + "." + encoded(raw[:48] + (P384_ORDER - int.from_bytes(raw[48:])).to_bytes(48))
    world.door.grant(assertion, "system/Observation.s")

    refuses(world, twin)


@pytest.mark.parametrize(
    "changes",
    [
        {"jwks": {"keys": []}},
        {"jwks": {}},
        {"scope": "user/*.rs"},
        {"client_id": "ura:00000009"},
        {"client_id": ""},
        {"organisation": "1"},
        {"jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": encoded(bytes(32))}]}},
        {"jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": encoded(PUBLIC), "d": "secret"}]}},
        {"jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": encoded(PUBLIC)}]}},
        {"jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": encoded(PUBLIC), "alg": "RS384"}]}},
        {"jwks": {"keys": [{"kty": "RSA", "kid": "k", "n": number(3**600), "e": number(65537)}]}},
        {"jwks": {"keys": [{"kty": "oct", "kid": "k", "k": "secret"}]}},
        {"more": True},
    ],
)
def test_a_file_of_clients_with_a_mistake_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        read_clients(written(tmp_path, client(), client(client_id="second") | changes))

    assert caught.value.fault is Fault.INVALID_SETTING
    assert "client 2" in caught.value.where
