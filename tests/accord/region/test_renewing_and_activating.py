"""Who joined: how a certificate is renewed and cannot be stolen for good, and what lets a member take part."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.link.certificates import digest_of_key, host_name, key_digest, read_certificate, signing_request
from accord.link.desk_forms import ActivateForm, RenewForm, StandingForm
from accord.link.jose import encoded
from accord.link.pseudonyms import PseudonymKey
from accord.link.sealing import key_id, seal
from accord.link.short_certificates import lifetime
from accord.region.joining_desk import Desk
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import Member, MemberStatus, Part
from accord.terms.vocabulary import HolderKind
from tests.accord.region.joining_world import URA, Applicant, World, csr, der


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_blocked_member_gets_no_certificate_by_its_token_nor_by_its_certificate(world: World) -> None:
    applicant = Applicant()
    peer = world.joined(applicant)
    with world.office.change(world.at) as draft:
        draft.block(URA)

    for attempt in (
        lambda: world.desk.renew(RenewForm(csr([], host_name(URA))), peer),
        lambda: world.desk.activate(ActivateForm(applicant.summary(world.at)), peer),
        lambda: world.desk.standing(StandingForm(), peer),
    ):
        with pytest.raises(BadInput) as failure:
            attempt()
        assert failure.value.fault is Fault.ORGANISATION_BLOCKED


@pytest.mark.parametrize(("change", "fault"), [("block", Fault.ORGANISATION_BLOCKED), ("drop", Fault.NOT_A_MEMBER)])
def test_p11_who_is_cut_off_while_its_renewal_waits_for_its_turn_gets_no_certificate(world: World, change: str, fault: Fault) -> None:
    peer = world.joined(Applicant())
    world.at += timedelta(days=5)
    changes = {
        "block": lambda draft: draft.block(URA),
        "drop": lambda draft: draft.change_member(URA, lambda member: replace(member, certificates=frozenset())),
    }
    asked = 0

    def now() -> datetime:
        nonlocal asked
        asked += 1
        if asked == 1:
            # It was looked at whether the member takes part; then somebody else had the register.
            with world.office.change(world.at) as draft:
                changes[change](draft)
        return world.at

    with pytest.raises(BadInput) as failure:
        Desk(world.folder, world.invitations, now).renew(RenewForm(csr([], host_name(URA))), peer)

    assert failure.value.fault is fault
    assert len(world.member().certificates) <= 1


def test_a_certificate_renews_itself_for_a_new_key_and_as_long_a_life(world: World) -> None:
    applicant = Applicant()
    peer = world.joined(applicant)
    version = world.office.signed().register.version
    world.at += timedelta(days=5)
    following = ec.generate_private_key(ec.SECP256R1())
    form = RenewForm(signing_request(following, URA).decode())
    first, again = world.desk.renew(form, peer), world.desk.renew(form, peer)
    certificate = read_certificate(first.certificate.encode())

    assert lifetime(certificate)[1] - lifetime(certificate)[0] == timedelta(days=7)
    assert world.member().certificates == {key_digest(peer), digest_of_key(following.public_key())}
    assert key_digest(der(again.certificate)) == digest_of_key(following.public_key())
    assert world.office.signed().register.version == version + 1, "asking again makes no new register"

    third = ec.generate_private_key(ec.SECP256R1())
    world.at += timedelta(days=5)
    world.desk.renew(RenewForm(signing_request(third, URA).decode()), der(first.certificate))

    assert world.member().certificates == {digest_of_key(following.public_key()), digest_of_key(third.public_key())}


def test_a_stolen_certificate_that_was_replaced_cannot_be_renewed_again(world: World) -> None:
    peer = world.joined(Applicant())
    world.at += timedelta(days=5)
    world.desk.renew(RenewForm(csr([], host_name(URA))), peer)

    with pytest.raises(BadInput) as failure:
        world.desk.renew(RenewForm(csr([], host_name(URA))), peer)

    assert failure.value.fault is Fault.CERTIFICATE_REPLACED


def test_p7_a_member_that_renews_without_end_makes_no_registers_without_end(world: World) -> None:
    peer = world.joined(Applicant())
    version = world.office.signed().register.version
    for _ in range(3):
        with pytest.raises(Unavailable) as failure:
            world.desk.renew(RenewForm(csr([], host_name(URA))), peer)
        assert failure.value.fault is Fault.TOO_MANY_QUESTIONS

    assert world.office.signed().register.version == version


def test_p7_boxes_that_lie_there_already_are_not_laid_anew(world: World) -> None:
    gateway, key = X25519PrivateKey.generate().public_key().public_bytes_raw(), PseudonymKey(bytes(range(32)))
    with world.office.change(world.at) as draft:
        draft.add(
            Member(Ura("90009000"), HolderName("gateway"), "G", HolderKind.PUBLIC_HEALTH, "", MemberStatus.ACTIVE, frozenset({Part.GATEWAY}), sealing=gateway)
        )
    peer = world.joined(Applicant())
    world.at += timedelta(days=5)
    request = csr([], host_name(URA))
    world.desk.renew(RenewForm(request, {key_id(gateway): encoded(seal(key, gateway, URA))}), peer)
    laid, version = world.member().sealed, world.office.signed().register.version
    world.desk.renew(RenewForm(request, {key_id(gateway): encoded(seal(key, gateway, URA))}), peer)

    assert laid
    assert (world.member().sealed, world.office.signed().register.version) == (laid, version)


def test_a_connection_that_outlived_its_certificate_renews_nothing(world: World) -> None:
    peer = world.joined(Applicant())
    world.at += timedelta(days=8)

    with pytest.raises(BadInput) as failure:
        world.desk.renew(RenewForm(csr([], host_name(URA))), peer)

    assert failure.value.fault is Fault.CERTIFICATE_EXPIRED


def test_an_office_that_was_put_back_hears_of_it_once(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    peer = world.joined(Applicant())
    newer = world.office.signed().register.version + 3
    for _ in range(3):
        assert world.desk.standing(StandingForm(newer), peer).register == ""

    assert "".join(capfd.readouterr()).count("A MEMBER KNOWS A NEWER REGISTER") == 1


def test_nobody_renews_into_anothers_name_or_key(world: World) -> None:
    ours, theirs = Applicant(), Applicant(Ura("90001006"))
    peer, _ = world.joined(ours), world.joined(theirs)

    for request in (csr([], host_name(theirs.ura)), signing_request(theirs.tls, URA).decode(), signing_request(ours.tls, URA).decode()):
        with pytest.raises(BadInput) as failure:
            world.desk.renew(RenewForm(request), peer)
        assert failure.value.fault is Fault.INVALID_SETTING


def test_who_is_not_in_the_register_is_told_nothing(world: World) -> None:
    stranger = World(world.folder.parent / "elsewhere")
    peer = stranger.joined(Applicant())

    with pytest.raises(BadInput) as failure:
        world.desk.standing(StandingForm(), peer)

    assert failure.value.fault is Fault.NOT_A_MEMBER


def test_a_run_that_passed_activates_who_was_approved(world: World) -> None:
    applicant = Applicant()
    peer = world.joined(applicant)
    told = world.desk.activate(ActivateForm(applicant.summary(world.at)), peer)

    assert (told.status, told.passed, told.checked) == (MemberStatus.ACTIVE, True, world.at)
    assert world.member().status is MemberStatus.ACTIVE


def test_a_run_that_did_not_pass_is_kept_and_activates_nobody(world: World) -> None:
    applicant = Applicant()
    peer = world.joined(applicant)
    told = world.desk.activate(ActivateForm(applicant.summary(world.at, passed=False)), peer)

    assert (told.status, told.passed) == (MemberStatus.PLANNED, False)


def test_a_summary_of_another_organisation_region_day_or_key_activates_nobody(world: World) -> None:
    applicant = Applicant()
    peer = world.joined(applicant)
    summaries = [
        applicant.summary(world.at, ura="90001006"),
        applicant.summary(world.at, region="achterhoek"),
        applicant.summary(world.at - timedelta(days=2)),
        applicant.summary(world.at + timedelta(hours=1)),
        Applicant().summary(world.at),
        "a.b.c",
    ]

    for summary in summaries:
        with pytest.raises(BadInput) as failure:
            world.desk.activate(ActivateForm(summary), peer)
        assert failure.value.fault is Fault.TOKEN_INVALID
    assert world.member().status is MemberStatus.PLANNED
