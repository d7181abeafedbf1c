"""An ID token is believed only when everything about it is right."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from accord.link.logins import Expected, expected_of, identity_of, login_of, read_keys
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn
from accord.terms.members import LoginProvider
from testbed.login_tokens import TokenKey
from tests.gateway.patient.fake_region import NOON

KEY = TokenKey(b"k" * 32)
KEYS = read_keys(json.dumps(KEY.jwks))
EXPECTED = Expected("https://login.example", "pages", "n" * 43, levels=("strong",), fresh_since=NOON)
NOW = int(NOON.timestamp())
GOOD: dict[str, Any] = {
    "iss": "https://login.example", "aud": "pages", "sub": "dina", "name": "Dina", "bsn": "999984056", "birth_date": "1942-03-14",
    "iat": NOW, "exp": NOW + 300, "auth_time": NOW, "acr": "strong", "nonce": "n" * 43,
}  # fmt: skip
PROVIDER = LoginProvider("https://login.example", "pages", json.dumps(KEY.jwks), "choices", levels=("strong",))
MANDATE = {"bsn": "999984056", "name": "Dina", "until": "2027-01-01", "scope": ["look"]}


def refused(token: str, keys: Any = KEYS, expected: Expected = EXPECTED) -> str:
    with pytest.raises(BadInput) as failure:
        identity_of(token, keys, expected, NOON)

    assert failure.value.fault is Fault.TOKEN_INVALID
    assert "999984056" not in str(failure.value)
    return failure.value.where


def test_a_good_token_tells_who_it_is() -> None:
    identity = identity_of(KEY.sign(GOOD), KEYS, EXPECTED, NOON)

    assert identity.bsn is not None
    assert identity.bsn.value == "999984056"
    assert "Dina" not in repr(identity)
    assert "999984056" not in repr(identity)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://login.example/"}, {"iss": "HTTPS://login.example"}, {"aud": "other"}, {"aud": ["pages", "other"]}, {"azp": "other"}, {"aud": None},
        {"exp": NOW}, {"exp": NOW - 1}, {"exp": "soon"}, {"exp": str(NOW + 300)}, {"exp": NOW + 10**6}, {"iat": NOW + 31}, {"iat": None}, {"iat": -1},
        {"exp": NOW + 300.5}, {"exp": True}, {"nonce": "x"}, {"nonce": None}, {"nonce": "é"}, {"auth_time": NOW - 31}, {"auth_time": None},
        {"auth_time": NOW + 31}, {"acr": "weak"}, {"acr": None}, {"acr": ["strong"]}, {"acr": {}}, {"sub": ""}, {"sub": 7}, {"name": None}, {"bsn": None}, {"bsn": "123456789"},
        {"bsn": 999984056}, {"birth_date": "14-03-1942"}, {"represents": []}, {"represents": MANDATE | {"until": "later"}},
        {"represents": MANDATE | {"scope": "look"}}, {"represents": MANDATE | {"scope": []}}, {"represents": MANDATE | {"bsn": "1"}},
    ],
)  # fmt: skip
def test_a_token_with_one_wrong_claim_is_refused(claims: dict[str, Any]) -> None:
    changed = {name: value for name, value in (GOOD | claims).items() if value is not None}

    assert refused(KEY.sign(changed))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"}, {"alg": "HS256"}, {"alg": "eddsa"}, {"alg": "RS256"}, {"kid": "other"}, {"kid": None}, {"typ": "at+jwt"}, {"crit": ["exp"]},
        {"jwk": KEY.jwks["keys"][0]}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"}, {"b64": False}, {"zip": "DEF"}, {"extra": 1},
    ],
)  # fmt: skip
def test_a_token_with_an_odd_header_is_refused(header: dict[str, Any]) -> None:
    assert refused(KEY.sign(GOOD, **header)) in ("header", "key")


def test_a_token_by_another_key_or_changed_on_its_way_is_refused() -> None:
    token = KEY.sign(GOOD)
    head, body, signature = token.split(".")
    other = base64.urlsafe_b64encode(json.dumps(GOOD | {"bsn": "999984123"}).encode()).decode().rstrip("=")

    assert refused(TokenKey(b"o" * 32).sign(GOOD, kid=KEY.id)) == "signature"
    assert refused(f"{head}.{other}.{signature}") == "signature"
    assert refused(f"{head}.{body}.") == "signature"
    for broken in ("", "a.b", f"{token}.x", f"{head}.{body}.{signature}=", f"{head}.{body}.{signature[:-1]}+", "é.b.c", "x" * 20_000):
        assert refused(broken)


def test_a_claim_that_stands_twice_is_refused() -> None:
    text = json.dumps(GOOD)[:-1] + ', "bsn": "999984123"}'
    head = base64.urlsafe_b64encode(json.dumps({"alg": "EdDSA", "kid": KEY.id}).encode()).decode().rstrip("=")
    body = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    signed = f"{head}.{body}"
    token = f"{signed}.{base64.urlsafe_b64encode(KEY._key.sign(signed.encode())).decode().rstrip('=')}"

    assert refused(token) == "form"


@pytest.mark.parametrize(
    ("algorithm", "make"),
    [("ES256", lambda: ECKey.generate_key("P-256")), ("RS256", lambda: RSAKey.generate_key(2048)), ("PS256", lambda: RSAKey.generate_key(2048))],
)
def test_keys_of_other_kinds_work_with_their_own_algorithm_only(algorithm: str, make: Any) -> None:
    key = make()
    keys = read_keys(json.dumps({"keys": [key.as_dict(private=False) | {"kid": "1"}]}))
    token = jws.serialize_compact({"alg": algorithm, "kid": "1"}, json.dumps(GOOD).encode(), key, algorithms=[algorithm])

    assert identity_of(token, keys, EXPECTED, NOON).subject == "dina"
    assert refused(KEY.sign(GOOD, kid="1"), keys) == "key"


@pytest.mark.filterwarnings("ignore")
def test_a_short_rsa_key_is_refused() -> None:
    key = RSAKey.generate_key(1024, auto_kid=False)
    keys = read_keys(json.dumps({"keys": [key.as_dict(private=False) | {"kid": "1"}]}))
    token = jws.serialize_compact({"alg": "RS256", "kid": "1"}, json.dumps(GOOD).encode(), key, algorithms=["RS256"])

    assert refused(token, keys) == "key"


@pytest.mark.parametrize(
    "keys",
    [
        "",
        "{}",
        '{"keys":[]}',
        '{"keys":[{"kty":"OKP"}]}',
        '{"keys":[{"kid":"1","d":"x"}]}',
        '{"keys":[{"kid":"1"},{"kid":"1"}]}',
        '{"keys":[{"kid":"1","use":"enc"}]}',
        "[]",
    ],
)
def test_keys_that_are_none_are_refused_at_once(keys: str) -> None:
    with pytest.raises(BadInput) as failure:
        read_keys(keys)

    assert failure.value.fault is Fault.INVALID_SETTING


def test_a_login_that_did_not_have_to_be_fresh_may_be_older() -> None:
    old = GOOD | {"auth_time": NOW - 3000}
    expected = Expected("https://login.example", "pages", "n" * 43)

    assert identity_of(KEY.sign(old), KEYS, expected, NOON).authenticated == NOON - timedelta(seconds=3000)


def test_a_login_to_look_never_confirms_and_one_that_confirms_never_looks() -> None:
    """Whoever sends a patient to log in picks the nonce: only the client says what the patient was told."""
    looks, confirms = KEY.sign(GOOD), KEY.sign(GOOD | {"aud": "choices"})

    assert login_of(looks, [PROVIDER], None, NOON).subject == "dina"
    assert login_of(confirms, [PROVIDER], "n" * 43, NOON).subject == "dina"
    for token, nonce in ((looks, "n" * 43), (confirms, None)):
        with pytest.raises(BadInput) as failure:
            login_of(token, [PROVIDER], nonce, NOON)
        assert (failure.value.fault, failure.value.where) == (Fault.TOKEN_INVALID, "aud")


def test_where_no_client_confirms_no_token_does() -> None:
    looking_only = replace(PROVIDER, confirm_client_id="")

    for audience in ("pages", "choices", ""):
        with pytest.raises(Unavailable) as failure:
            login_of(KEY.sign(GOOD | {"aud": audience}), [looking_only], "n" * 43, NOON)
        assert (failure.value.fault, failure.value.where) == (Fault.LOGIN_REQUIRED, "confirm_client_id")
    assert expected_of(looking_only, None).audience == "pages"


def test_levels_and_the_claim_with_the_bsn_are_those_of_the_register() -> None:
    named = replace(PROVIDER, bsn_claim="urn:bsn", levels=("strong", "stronger"))

    assert login_of(KEY.sign(GOOD | {"urn:bsn": "999984123", "acr": "stronger"}), [named], None, NOON).patient == Bsn("999984123")
    for wrong, where in ((GOOD, "urn:bsn"), (GOOD | {"urn:bsn": "999984123", "acr": "weak"}, "acr")):
        with pytest.raises(BadInput) as failure:
            login_of(KEY.sign(wrong), [named], None, NOON)
        assert failure.value.where == where
