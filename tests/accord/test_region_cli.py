"""`noaber region`: every change is one new signed version, and a wrong one is none."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from accord.link.certificates import key_digest, public_pem, read_public_key, signing_request
from accord.link.policy_file import POLICY_FILE, default_policy, read_policy
from accord.link.register_file import SignedRegister, read_register
from accord.region.member_keys import signing_key_file, tls_files
from accord.region_cli import app
from accord.terms.faults import Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part

URA = "00001001"
ADD = ["--ura", URA, "--name", "hospital", "--title", "Ziekenhuis Esdoorn", "--kind", "hospital", "--part", "data-holder", "--part", "data-user"]
WHERE = ["--address", "127.0.0.1:7001", "--telephone", "+31 53 000 1001"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "region"
    assert run(folder, "init", "--region", "twente", "--days", "30").exit_code == 0
    return folder


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--folder", str(folder)])


def done(folder: Path, *arguments: str) -> SignedRegister:
    """The register after a command that must succeed."""
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.output
    return read(folder)


def refused(folder: Path, *arguments: str) -> Fault:
    """The code of a command that must fail, and leave the register as it was."""
    before = (folder / "register.jws").read_bytes()
    failure = run(folder, *arguments).exception
    assert isinstance(failure, Faulted), failure
    assert (folder / "register.jws").read_bytes() == before
    return failure.fault


def read(folder: Path) -> SignedRegister:
    """As a member reads it: by the key that it was given."""
    anchor = read_public_key((folder / "region.pub").read_bytes())
    return read_register((folder / "register.jws").read_text().strip(), trusted=[anchor], at=datetime.now(UTC))


def member(signed: SignedRegister) -> Member:
    return signed.register.by_ura[Ura(URA)]


def test_a_region_begins_without_members_and_keeps_its_keys_to_itself(folder: Path) -> None:
    register = read(folder).register

    assert (register.region, register.version, register.members) == ("twente", 1, ())
    assert {path.name for path in folder.iterdir() if path.suffix == ".key"} == {"region.key", "authority.key"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.glob("*.key"))
    assert run(folder, "init", "--region", "twente").exit_code != 0


def test_an_organisation_on_a_trial_is_given_all_its_keys(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    added = member(done(folder, "add", *ADD, *WHERE, "--make-keys", str(keys)))

    assert added.status is MemberStatus.ACTIVE
    assert added.parts == {Part.DATA_HOLDER, Part.DATA_USER}
    assert added.certificates == {key_digest(tls_files(keys).certificate.read_bytes())}
    assert {use for key in added.keys for use in key.uses} == set(KeyUse)
    assert all(signing_key_file(keys, use).exists() for use in KeyUse)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys.glob("*.key"))


def test_an_organisation_for_real_keeps_its_keys_and_brings_what_is_public(folder: Path, tmp_path: Path) -> None:
    request, public = tmp_path / "tls.csr", tmp_path / "mandate.pub"
    request.write_bytes(signing_request(ec.generate_private_key(ec.SECP256R1()), Ura(URA)))
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    public.write_text(public_pem(key))
    added = member(done(folder, "add", *ADD, *WHERE, "--csr", str(request), "--key", f"{public}:mandate"))

    assert added.certificates == {key_digest((tmp_path / "tls.pem").read_bytes())}
    assert [(one.public, one.uses) for one in added.keys] == [(key, frozenset({KeyUse.MANDATE}))]


def test_blocking_and_letting_in_again_are_versions(folder: Path) -> None:
    assert member(done(folder, "add", *ADD, "--planned")).status is MemberStatus.PLANNED
    assert member(done(folder, "unblock", URA)).status is MemberStatus.ACTIVE
    assert member(done(folder, "block", URA)).status is MemberStatus.BLOCKED
    assert read(folder).register.version == 4


def test_a_command_that_changes_nothing_makes_no_version(folder: Path) -> None:
    done(folder, "add", *ADD)
    done(folder, "block", URA)

    assert done(folder, "block", URA).register.version == 3


def test_old_keys_count_until_they_are_dropped(folder: Path, tmp_path: Path) -> None:
    old = member(done(folder, "add", *ADD, "--make-keys", str(tmp_path / "old")))
    both = member(done(folder, "rotate", URA, "--make-keys", str(tmp_path / "new")))
    new = member(done(folder, "rotate", URA, "--drop-old"))

    assert both.certificates > old.certificates
    assert set(both.keys) > set(old.keys)
    assert new.certificates == both.certificates - old.certificates
    assert set(new.keys) == set(both.keys) - set(old.keys)
    assert refused(folder, "rotate", URA, "--drop-old") is Fault.INVALID_SETTING


def test_a_new_certificate_alone_leaves_the_signing_keys(folder: Path, tmp_path: Path) -> None:
    old = member(done(folder, "add", *ADD, "--make-keys", str(tmp_path / "old")))
    request = tmp_path / "tls.csr"
    request.write_bytes(signing_request(ec.generate_private_key(ec.SECP256R1()), Ura(URA)))
    new = member(done(folder, "rotate", URA, "--csr", str(request), "--drop-old"))

    assert new.certificates == {key_digest((tmp_path / "tls.pem").read_bytes())}
    assert new.keys == old.keys


def test_a_place_to_log_in_is_named_with_public_keys_only(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text('{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}')
    there = ["login", "--issuer", "https://login.example", "--client-id", "noaber", "--keys", str(keys)]

    assert done(folder, *there).register.logins[0].client_id == "noaber"
    assert len(done(folder, *there[:-3], "other", *there[-2:]).register.logins) == 1
    login = done(folder, *there, "--confirm-client-id", "choices", "--bsn-claim", "urn:bsn", "--level", "substantial", "--level", "high").register.logins[0]
    assert (login.client_id, login.confirm_client_id, login.bsn_claim, login.levels) == ("noaber", "choices", "urn:bsn", ("high", "substantial"))
    assert done(folder, *there).register.logins[0].confirm_client_id == ""
    assert refused(folder, *there, "--confirm-client-id", "noaber") is Fault.REGISTER_INVALID
    keys.write_text('{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}]}')
    assert refused(folder, *there) is Fault.REGISTER_INVALID


def test_the_policy_of_the_region_is_part_of_the_register(folder: Path, tmp_path: Path) -> None:
    assert read(folder).register.policy == default_policy()
    agreed = tmp_path / "policy.toml"
    text = POLICY_FILE.read_text(encoding="utf-8")
    agreed.write_text(text.replace('version = "', 'version = "ours-', 1), encoding="utf-8")

    assert done(folder, "policy", str(agreed)).register.policy == read_policy(agreed)
    assert read(folder).register.policy.matrix.version.startswith("ours-")
    agreed.write_text(text.replace('"Patient"', '"Patiënt"', 1), encoding="utf-8")
    assert refused(folder, "policy", str(agreed)) is Fault.INVALID_SETTING


def test_a_register_is_renewed(folder: Path) -> None:
    before = read(folder).register
    after = done(folder, "renew", "--days", "90").register

    assert after.expires - after.issued == timedelta(days=90)
    assert after.version == before.version + 1


def test_the_region_changes_its_key_in_two_steps(folder: Path) -> None:
    old = read(folder).signer
    announced = done(folder, "announce-key")
    used = done(folder, "use-key")

    assert announced.signer == old
    assert announced.signers == {old, used.signer}
    assert used.signers == {used.signer} != {old}
    assert done(folder, "renew").signer == used.signer
    assert refused(folder, "use-key") is Fault.INVALID_SETTING


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["add", *ADD[:-4], "--part", "data-holder", "--title", "two\nlines"], Fault.REGISTER_INVALID),
        (["add", *ADD[2:], "--ura", "00000000001"], Fault.INVALID_SETTING),
        (["add", *ADD, "--address", "somewhere"], Fault.REGISTER_INVALID),
        (["add", *ADD, "--key", "none.pub:everything"], Fault.INVALID_SETTING),
        (["add", *ADD, "--csr", "none.csr"], Fault.INVALID_SETTING),
        (["block", "00009999"], Fault.INVALID_SETTING),
        (["rotate", "00009999", "--make-keys", "unused"], Fault.INVALID_SETTING),
        (["policy", "none.toml"], Fault.INVALID_SETTING),
    ],
)
def test_what_is_wrong_changes_nothing(folder: Path, arguments: list[str], fault: Fault) -> None:
    assert refused(folder, *arguments) is fault


def test_an_organisation_that_is_there_already_is_refused_before_keys_are_made(folder: Path, tmp_path: Path) -> None:
    done(folder, "add", *ADD)

    assert refused(folder, "add", *ADD, "--make-keys", str(tmp_path / "keys")) is Fault.INVALID_SETTING
    assert not (tmp_path / "keys").exists()


def test_the_register_is_shown_in_words_and_as_json(folder: Path) -> None:
    done(folder, "add", *ADD, *WHERE)
    words = run(folder, "show").output
    form = json.loads(run(folder, "show", "--json").output)

    assert "twente, version 2, 1 member," in words
    assert "Ziekenhuis Esdoorn" in words
    assert form["members"][0]["ura"] == URA


def test_a_register_that_was_tampered_with_is_not_signed_again(folder: Path) -> None:
    path = folder / "register.jws"
    path.write_text(path.read_text().replace(".", ".A", 1))

    assert refused(folder, "renew") is Fault.REGISTER_INVALID
