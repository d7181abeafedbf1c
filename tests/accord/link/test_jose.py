"""Signed texts: what we write we read, and every other way to write a token gets one and the same answer."""

import hmac
import json
from hashlib import sha256
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from accord.link.jose import claims, decoded, encoded, is_weak, sign, thumbprint, verify
from accord.terms.faults import BadInput, Fault

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC: Final = KEY.public_key().public_bytes_raw()
KID: Final = thumbprint(PUBLIC)
TYP: Final = "mandate+jwt"
MOST: Final = 8_192
PAYLOAD: Final = b'{"iss":"ura:00000001"}'


def key_of(kid: str) -> bytes | None:
    return PUBLIC if kid == KID else None


def forged(header: Any, payload: bytes = PAYLOAD) -> str:
    """A token with a header of our choice, and a signature that is right for it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    signed = f"{encoded(text)}.{encoded(payload)}"
    return f"{signed}.{encoded(KEY.sign(signed.encode()))}"


def header(**more: Any) -> dict[str, Any]:
    return {"alg": "EdDSA", "typ": TYP, "kid": KID} | more


def refuses(token: str) -> None:
    with pytest.raises(BadInput) as caught:
        verify(token, TYP, key_of, most=MOST)
    assert (caught.value.fault, caught.value.where, caught.value.__cause__) == (Fault.TOKEN_INVALID, "", None)


@given(st.binary())
def test_what_is_signed_is_read_back(payload: bytes) -> None:
    if not payload:
        refuses(sign(payload, KEY, TYP))
        return
    assert verify(sign(payload, KEY, TYP), TYP, key_of, most=MOST) == payload


def test_the_header_says_algorithm_type_and_key_and_nothing_else() -> None:
    assert json.loads(decoded(sign(PAYLOAD, KEY, TYP).split(".")[0])) == header()


def test_the_helper_that_forges_can_also_make_a_token_that_passes() -> None:
    assert verify(forged(header()), TYP, key_of, most=MOST) == PAYLOAD


def test_a_key_is_known_by_the_thumbprint_of_rfc_8037() -> None:
    assert thumbprint(decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def hs256() -> str:
    signed = f"{encoded(json.dumps(header(alg='HS256')).encode())}.{encoded(PAYLOAD)}"
    return f"{signed}.{encoded(hmac.digest(PUBLIC, signed.encode(), sha256))}"


GOOD: Final = sign(PAYLOAD, KEY, TYP)
HEAD, BODY, SIGNATURE = GOOD.split(".")
EDDSA: Final = f'"alg":"EdDSA","typ":"{TYP}","kid":"{KID}"'.encode()
A5: Final = {
    "alg none, signature right": forged(header(alg="none")),
    "alg none, no signature": f"{encoded(json.dumps(header(alg='none')).encode())}.{BODY}.",
    "alg None": forged(header(alg="None")),
    "alg HS256 with the public key": hs256(),
    "alg Ed25519": forged(header(alg="Ed25519")),
    "alg in lower case": forged(header(alg="eddsa")),
    "alg a list": forged(header(alg=["EdDSA"])),
    "alg a number": forged(header(alg=1)),
    "alg missing": forged({"typ": TYP, "kid": KID}),
    "crit unknown": forged(header(crit=["exp"], exp=1)),
    "crit empty": forged(header(crit=[])),
    "b64 false": forged(header(crit=["b64"], b64=False)),
    "zip": forged(header(zip="DEF")),
    "jwk": forged(header(jwk={"kty": "OKP", "crv": "Ed25519", "x": encoded(PUBLIC)})),
    "jku": forged(header(jku="https://attacker.example/keys")),
    "x5u": forged(header(x5u="https://attacker.example/chain")),
    "x5c": forged(header(x5c=["AAAA"])),
    "cty": forged(header(cty="JWT")),
    "another typ": forged(header(typ="question-proof+jwt")),
    "typ with application/": forged(header(typ="application/mandate+jwt")),
    "typ in capitals": forged(header(typ=TYP.upper())),
    "typ missing": forged({"alg": "EdDSA", "kid": KID}),
    "kid missing": forged({"alg": "EdDSA", "typ": TYP}),
    "kid null": forged(header(kid=None)),
    "kid of nobody": forged(header(kid="nobody")),
    "kid a path": forged(header(kid="../../../dev/null")),
    "kid a number": forged(b'{"alg":"EdDSA","typ":"mandate+jwt","kid":7}'),
    "duplicate alg": forged(b'{"alg":"none",' + EDDSA + b"}"),
    "duplicate alg by escape": forged(b'{"\\u0061lg":"none",' + EDDSA + b"}"),
    "header a list": forged([header()]),
    "header a string": forged("EdDSA"),
    "header not JSON": forged(b"{alg:EdDSA}"),
    "header with a byte order mark": forged(b"\xef\xbb\xbf{" + EDDSA + b"}"),
    "header not UTF-8": forged(b'{"\xff":1,' + EDDSA + b"}"),
    "header with more behind it": forged(b"{" + EDDSA + b"}{}"),
    "header nested deeply": forged(b'{"alg":' + b"[" * 100 + b"]" * 100 + b"}"),
    "header large": forged(b"{" + EDDSA + b" " * 4_000 + b"}"),
    "JSON serialisation with two signatures": json.dumps({"payload": BODY, "signatures": [{"protected": HEAD, "signature": SIGNATURE}] * 2}),
    "flattened JSON serialisation": json.dumps({"payload": BODY, "protected": HEAD, "signature": SIGNATURE}),
    "JWE with p2c of two billion": ".".join(
        [encoded(b'{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AAAA"}'), "AAAA", "AAAA", "AAAA", "AAAA"]
    ),
    "two megabytes": GOOD + "A" * 2_000_000,
    "two megabytes of payload": forged(header(), b'"' + b"a" * 1_500_000 + b'"'),
    "two megabytes of dots": "." * 2_000_000,
    "empty": "",
    "two parts": f"{HEAD}.{BODY}",
    "four parts": f"{GOOD}.{SIGNATURE}",
    "no payload (detached)": f"{HEAD}..{SIGNATURE}",
    "no signature": f"{HEAD}.{BODY}.",
    "padding": f"{HEAD}.{BODY}.{SIGNATURE}==",
    "padding after the payload": f"{HEAD}.{BODY}==.{SIGNATURE}",
    "newline at the end": GOOD + "\n",
    "space in front": " " + GOOD,
    "NUL at the end": GOOD + "\0",
    "trailing bytes in the signature": f"{HEAD}.{BODY}.{encoded(decoded(SIGNATURE) + b'x')}",
    "signature cut": f"{HEAD}.{BODY}.{encoded(decoded(SIGNATURE)[:-1])}",
    "signature of zeros": f"{HEAD}.{BODY}.{encoded(bytes(64))}",
    "non-canonical last character": GOOD[:-1] + chr(ord(GOOD[-1]) + 1),
    "base64 of the other alphabet": f"{HEAD}.{BODY}.+/{SIGNATURE[2:]}",
    "not ASCII": f"{HEAD}.{BODY}.é{SIGNATURE[1:]}",
    "digits that are not ASCII": f"{HEAD}.{BODY}.٣{SIGNATURE[1:]}",
    "a surrogate": f"{HEAD}.{BODY}.\ud800{SIGNATURE[1:]}",
    "another payload": f"{HEAD}.{encoded(PAYLOAD + b' ')}.{SIGNATURE}",
    "signature plus the order of the group": (
        f"{HEAD}.{BODY}."
        + encoded(
            decoded(SIGNATURE)[:32]
            + (int.from_bytes(decoded(SIGNATURE)[32:], "little") + 2**252 + 27742317777372353535851937790883648493).to_bytes(32, "little")
        )
    ),
}


@pytest.mark.parametrize("token", A5.values(), ids=A5.keys())
def test_a5_a_token_that_wants_to_be_checked_in_its_own_way_is_refused_like_every_other(token: str) -> None:
    refuses(token)


@given(st.integers(0, len(GOOD) - 1), st.characters(min_codepoint=0, max_codepoint=0x2FF))
def test_a5_a_token_with_one_other_character_is_refused(at: int, character: str) -> None:
    if character != GOOD[at]:
        refuses(GOOD[:at] + character + GOOD[at + 1 :])


@given(st.text(max_size=200) | st.lists(st.binary(max_size=50).map(encoded), max_size=5).map(".".join))
def test_a5_whatever_is_sent_gets_the_one_answer(token: str) -> None:
    refuses(token)


def test_a_token_as_large_as_may_be_passes_and_one_larger_does_not() -> None:
    assert verify(GOOD, TYP, key_of, most=len(GOOD)) == PAYLOAD
    with pytest.raises(BadInput):
        verify(GOOD, TYP, key_of, most=len(GOOD) - 1)


def test_a_key_under_which_anybody_can_sign_is_no_key() -> None:
    forger = bytes([1]) + bytes(31)  # the neutral element: R = B·s, whatever was signed
    base = bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666")
    signed = f"{encoded(json.dumps(header()).encode())}.{encoded(PAYLOAD)}"
    token = f"{signed}.{encoded(base + (1).to_bytes(32, 'little'))}"

    with pytest.raises(BadInput):
        verify(token, TYP, lambda _: forger, most=MOST)
    assert is_weak(forger)
    assert is_weak(bytes(32))
    assert is_weak(b"short")
    assert not is_weak(PUBLIC)


@pytest.mark.parametrize("payload", [b"", b"[]", b'"x"', b"{", b'{"a":1,"a":2}', b'{"a":{"b":1,"b":2}}', b'{"a":NaN}', b"\xff", b'{"a":"\\ud800"}'])
def test_a5_claims_that_can_be_read_in_two_ways_are_refused(payload: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        claims(payload)
    assert caught.value.fault is Fault.TOKEN_INVALID
