"""The register as it travels: what the region signed is believed, and nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from accord.link import jose
from accord.link.certificates import make_authority
from accord.link.register_file import TYPE, read_register, sign_register
from accord.link.register_form import register_from_json, register_to_json
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.members import KeyUse, LoginProvider, RegionRegister, SigningKey
from accord.terms.policies import ANY_ROLE, Budget, EmergencyPolicy, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind
from tests.accord.link.small_region import GATEWAY, HOSPITAL, NOW, PLANNED, POLICY

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.generate()
MANDATES = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
SIGNING = SigningKey(jose.thumbprint(MANDATES), MANDATES, frozenset({KeyUse.MANDATE}))
FULL_POLICY = RegionPolicy(
    RoleMatrix(
        "2", {(HolderKind.GP_PRACTICE, "01.015"): frozenset(CareCategory), (None, ANY_ROLE): frozenset(), (None, "30.000"): frozenset({CareCategory.ALERT})}
    ),
    EmergencyPolicy("art. 0", frozenset({"01.015"}), NOW + timedelta(days=3), minutes=30),
    Budget(per_professional=7),
)
LOGIN = LoginProvider(
    "https://login.example", "noaber", json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}), "choices", "urn:bsn", ("high", "substantial")
)
REGISTER = RegionRegister(
    "twente",
    7,
    NOW,
    NOW + timedelta(days=30),
    (replace(HOSPITAL, certificates=frozenset({b"\1" * 32, b"\2" * 32}), keys=(SIGNING,), capabilities=frozenset({"watch"})), GATEWAY, PLANNED),
    (make_authority("twente", at=NOW, days=3).certificate,),
    FULL_POLICY,
    (LOGIN,),
)
TEXT = sign_register(REGISTER, KEY, [PUBLIC])


def signed(change: Callable[[dict[str, Any]], object]) -> str:
    """The register with its JSON changed, signed by the region all the same, and canonical."""
    form = json.loads(register_to_json(REGISTER, frozenset({PUBLIC})))
    change(form)
    return jose.sign(json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(), KEY, TYPE)


def test_what_was_signed_is_what_is_read() -> None:
    read = read_register(TEXT, trusted=[PUBLIC], at=NOW)

    assert read.register == REGISTER
    assert read.signers == {PUBLIC}
    assert read.signer == PUBLIC
    assert jose.decoded(TEXT.partition(".")[0]) == f'{{"alg":"EdDSA","kid":"{jose.thumbprint(PUBLIC)}","typ":"region-register+jwt"}}'.encode()


def test_one_register_has_one_text() -> None:
    other_order = replace(FULL_POLICY, matrix=RoleMatrix("2", dict(reversed(list(FULL_POLICY.matrix.rows.items())))))

    assert sign_register(replace(REGISTER, policy=other_order), KEY, [PUBLIC]) == TEXT


@given(place=st.integers(0, len(TEXT) - 1), flip=st.integers(1, 127))
def test_p1_a_register_with_any_byte_flipped_is_refused(place: int, flip: int) -> None:
    tampered = TEXT[:place] + chr(ord(TEXT[place]) ^ flip) + TEXT[place + 1 :]

    with pytest.raises(BadInput) as refused:
        read_register(tampered, trusted=[PUBLIC], at=NOW)
    assert refused.value.fault is Fault.REGISTER_INVALID


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é", TEXT + "\n", f"{TEXT}.", "." * 5_000_000, TEXT.rpartition(".")[0] + "."])
def test_what_is_no_signed_text_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="register-invalid"):
        read_register(text, trusted=[PUBLIC], at=NOW)


def test_a_key_that_is_not_trusted_signs_nothing() -> None:
    with pytest.raises(BadInput, match=r"register-invalid \(signature\)"):
        read_register(sign_register(REGISTER, OTHER, [PUBLIC]), trusted=[PUBLIC], at=NOW)
    with pytest.raises(BadInput, match="register-invalid"):
        read_register(jose.sign(register_to_json(REGISTER, frozenset({PUBLIC})), KEY, "mandate+jwt"), trusted=[PUBLIC], at=NOW)


def test_an_expired_older_or_future_register_is_refused() -> None:
    with pytest.raises(Unavailable, match="register-outdated"):
        read_register(TEXT, trusted=[PUBLIC], at=REGISTER.expires)
    with pytest.raises(Unavailable, match="register-outdated"):
        read_register(TEXT, trusted=[PUBLIC], at=NOW, newest=8)
    with pytest.raises(BadInput, match="register-invalid"):
        read_register(TEXT, trusted=[PUBLIC], at=NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda form: form["members"][0].update(kind="castle"), "member hospital"),
        (lambda form: form["members"][0].update(colour="red"), "member hospital"),
        (lambda form: form["members"][0].pop("status"), "member hospital"),
        (lambda form: form["members"][0].update(ura="0000100١"), "member hospital"),
        (lambda form: form["members"][0].update(title="secret\nline"), "member hospital"),
        (lambda form: form["members"][0].update(certificates=["AB" * 32]), "member hospital"),
        (lambda form: form["members"][0].update(address="127.0.0.1:1 --evil"), "member hospital"),
        (lambda form: form["members"][0]["keys"][0].update(id="else"), "member hospital"),
        (lambda form: form["members"][0]["keys"][0].update(uses=[]), "member hospital"),
        (lambda form: form["members"][1].update(name="Not A Name"), "member 2"),
        (lambda form: form["members"][1].update(name="hospital"), "member hospital"),
        (lambda form: form["members"][1].update(ura="00001001"), "member hospital"),
        (lambda form: form["members"][1].update(certificates=["01" * 32]), "member hospital"),
        (lambda form: form["members"][1].update(keys=form["members"][0]["keys"]), "member hospital"),
        (lambda form: form.update(version=0), "version"),
        (lambda form: form.update(expires=form["issued"]), "dates"),
        (lambda form: form.update(issued="2026-01-01T00:00:00"), "a date without a zone"),
        (lambda form: form.update(signers=[]), "signers"),
        (lambda form: form.update(signers=["A" * 43]), "signers"),
        (lambda form: form.update(authorities=["-----BEGIN CERTIFICATE-----"]), "authorities"),
        (lambda form: form["policy"].update(rows=[]), "policy matrix"),
        (lambda form: form["policy"]["rows"].append(form["policy"]["rows"][0]), "not canonical"),
        (lambda form: form["policy"]["rows"][0].update(categories=["Gossip"]), "policy.rows[0].categories[0]"),
        (lambda form: form["policy"]["budget"].update(per_gateway=0), "policy.budget.per_gateway"),
        (lambda form: form["policy"]["emergency"].update(roles=[]), "policy emergency"),
        (lambda form: form["logins"][0].update(issuer="http://login.example"), "logins"),
        (lambda form: form["logins"][0].update(keys='{"keys":[{"kty":"OKP","d":"AA"}]}'), "logins"),
        (lambda form: form["logins"][0].update(confirm_client_id="noaber"), "logins"),
        (lambda form: form["logins"][0].update(bsn_claim=""), "logins"),
        (lambda form: form["logins"][0].update(bsn_claim="b sn"), "logins"),
        (lambda form: form["logins"][0].update(levels=["high", "high"]), "logins"),
        (lambda form: form["logins"][0].update(levels=[""]), "logins"),
        (lambda form: form["logins"][0].update(levels=["substantial", "high"]), "not canonical"),
        (lambda form: form["members"].append(7), "member 4"),
    ],
)
def test_a_wrong_entry_is_named_and_not_quoted(change: Callable[[dict[str, Any]], object], where: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_register(signed(change), trusted=[PUBLIC], at=NOW)

    assert (refused.value.fault, refused.value.where) == (Fault.REGISTER_INVALID, where)


def test_a_member_that_occurs_twice_in_the_json_is_refused() -> None:
    payload = register_to_json(REGISTER, frozenset({PUBLIC}))

    with pytest.raises(BadInput, match="not canonical"):
        register_from_json(payload.replace(b'"status":"planned"', b'"status":"active","status":"planned"'))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(REGISTER, region="Not A Name"),
        replace(REGISTER, members=(replace(HOSPITAL, parts=frozenset()),)),
        replace(REGISTER, members=(replace(HOSPITAL, certificates=frozenset({b"short"})),)),
        replace(REGISTER, members=(replace(HOSPITAL, address="http://" + "a" * 250 + ":1/" + "b" * 100),)),
        replace(REGISTER, members=(HOSPITAL, replace(GATEWAY, name=HOSPITAL.name))),
        replace(REGISTER, policy=replace(POLICY, matrix=RoleMatrix("1", {}))),
        replace(REGISTER, authorities=("none",)),
    ],
)
def test_what_nobody_would_believe_is_not_signed(wrong: RegionRegister) -> None:
    with pytest.raises(BadInput, match="register-invalid"):
        sign_register(wrong, KEY, [PUBLIC])


def test_a_register_may_name_the_next_key() -> None:
    following = OTHER.public_key().public_bytes_raw()
    read = read_register(sign_register(REGISTER, KEY, [PUBLIC, following]), trusted=[PUBLIC], at=NOW)
    after = read_register(sign_register(replace(REGISTER, version=8), OTHER, [following]), trusted=read.signers, at=NOW, newest=7)

    assert after.register.version == 8
    assert after.signers == {following}


def test_the_text_is_not_shown_where_the_value_is_printed() -> None:
    assert TEXT not in repr(read_register(TEXT, trusted=[PUBLIC], at=NOW))
