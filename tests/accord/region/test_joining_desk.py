"""The joining desk: who gets in by a token, who stays in by a certificate, and what only a person decides."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.link.certificates import digest_of_key, host_name, read_certificate
from accord.link.desk_forms import ActivateForm, JoinForm, RenewForm, TokenForm
from accord.link.jose import encoded
from accord.link.pseudonyms import PseudonymKey
from accord.link.sealing import key_id, seal, unseal
from accord.link.short_certificates import DESK_NAME, lifetime
from accord.region.invitations import State
from accord.region.member_keys import KnownBy
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import Member, MemberStatus, Part
from accord.terms.vocabulary import HolderKind
from tests.accord.region.joining_world import URA, Applicant, World, csr, der


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def refused(world: World, form: JoinForm) -> str:
    """All that whoever is refused learns."""
    with pytest.raises(BadInput) as failure:
        world.desk.join(form)
    return str(failure.value)


def test_a_token_is_kept_nowhere(world: World) -> None:
    token = world.invite()

    assert not any(token.encode() in path.read_bytes() for path in world.folder.rglob("*") if path.is_file())


def test_nobody_gets_in_before_a_person_decided(world: World) -> None:
    joined = world.desk.join(Applicant().wish(world.invite()))

    assert (joined.state, joined.certificate, joined.register) == ("waiting", "", "")
    assert URA not in world.office.signed().register.by_ura


def test_who_is_approved_by_the_phrase_is_planned_and_gets_a_certificate_of_its_own_name(world: World) -> None:
    applicant, token = Applicant(), world.invite(seconds=3600)
    world.desk.join(applicant.wish(token))
    world.desk.approve(URA, world.phrase().upper())
    joined = world.desk.join(applicant.wish(token))
    certificate = read_certificate(joined.certificate.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert world.member().status is MemberStatus.PLANNED
    assert world.member().certificates == {digest_of_key(applicant.tls.public_key())}
    assert names.get_values_for_type(x509.DNSName) == [host_name(URA)]
    assert lifetime(certificate)[1] - lifetime(certificate)[0] == timedelta(hours=1)


def test_a_phrase_of_other_keys_approves_nobody(world: World) -> None:
    world.desk.join(Applicant().wish(world.invite()))
    of_somebody_else = world.phrase().replace(world.phrase()[0], "z" if world.phrase()[0] != "z" else "b", 1)

    with pytest.raises(BadInput):
        world.desk.approve(URA, of_somebody_else)

    assert URA not in world.office.signed().register.by_ura


def test_wrong_expired_used_and_rejected_tokens_are_refused_in_the_same_words(world: World) -> None:
    expired, used, rejected = world.invite(hours=1), world.invite(Ura("90001006"), "b"), world.invite(Ura("90001007"), "c")
    world.desk.join(Applicant(Ura("90001006")).wish(used))
    world.desk.join(Applicant(Ura("90001007")).wish(rejected))
    world.desk.reject(Ura("90001007"))
    world.at += timedelta(hours=2)

    told = {
        refused(world, Applicant().wish("noaber-join-" + "x" * 43)),
        refused(world, Applicant().wish(expired)),
        refused(world, Applicant(Ura("90001006")).wish(used)),
        refused(world, Applicant(Ura("90001007")).wish(rejected)),
        refused(world, Applicant().wish("../../region")),
    }

    assert told == {Fault.JOIN_REFUSED.value}


def test_who_was_stopped_half_way_asks_again_with_the_same_key(world: World) -> None:
    applicant, token = Applicant(), world.invite()
    first, second = world.desk.join(applicant.wish(token)), world.desk.join(applicant.wish(token))

    assert first == second
    assert world.invitations.all_waiting(URA, world.at)[0].invitation.others == 0


def test_another_key_with_a_taken_token_is_refused_and_the_office_is_told(world: World) -> None:
    applicant, token = Applicant(), world.invite()
    world.desk.join(applicant.wish(token))
    phrase = world.phrase()
    thief = Applicant()
    refused(world, thief.wish(token))
    refused(world, applicant.wish(token, answer_key=thief.wish(token).answer_key))

    assert world.invitations.all_waiting(URA, world.at)[0].invitation.others == 2
    assert world.phrase() == phrase


def test_of_many_keys_that_race_for_one_token_one_gets_it(world: World) -> None:
    token = world.invite()
    forms = [Applicant().wish(token) for _ in range(12)]

    def attempt(form: JoinForm) -> bool:
        try:
            return world.desk.join(form).state == "waiting"
        except BadInput:
            return False

    with ThreadPoolExecutor(12) as threads:
        won = list(threads.map(attempt, forms))

    assert won.count(True) == 1
    taken = world.invitations.all_waiting(URA, world.at)[0].invitation
    assert taken.taken.csr == forms[won.index(True)].csr
    assert taken.others == 11


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: csr([], host_name(Ura("90001006"))),
        lambda: csr([host_name(Ura("90001006"))], host_name(URA)),
        lambda: csr([DESK_NAME], host_name(URA)),
        lambda: csr(["*.example.nl"], host_name(URA)),
        lambda: csr([], DESK_NAME),
        lambda: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        lambda: "",
    ],
    ids=["another URA", "another URA beside its own", "the desk", "a wildcard", "the desk alone", "no request", "nothing"],
)
def test_a_request_for_another_name_is_refused_and_leaves_the_token_open(world: World, request_of: "object") -> None:
    token = world.invite()
    assert callable(request_of)
    refused(world, Applicant().wish(token, csr=request_of()))

    assert world.desk.join(Applicant().wish(token)).state == "waiting"


def test_a_token_is_bound_to_its_organisation(world: World) -> None:
    token = world.invite()

    assert refused(world, Applicant(Ura("90001006")).wish(token)) == Fault.JOIN_REFUSED.value
    assert world.desk.invited(TokenForm(token)).ura == URA.value


def test_a_token_that_was_replayed_long_after_it_was_used_gives_nothing(world: World) -> None:
    applicant, token = Applicant(), world.invite()
    world.desk.join(applicant.wish(token))
    world.desk.approve(URA, world.phrase())
    world.desk.join(applicant.wish(token))
    world.at += timedelta(hours=25)

    assert refused(world, applicant.wish(token)) == Fault.JOIN_REFUSED.value


def test_the_pseudonym_key_lies_in_the_register_and_only_the_gateway_can_open_it(world: World) -> None:
    gateway, key = X25519PrivateKey.generate(), PseudonymKey(bytes(range(32)))
    public = gateway.public_key().public_bytes_raw()
    _with_gateway(world, public)
    applicant, token = Applicant(), world.invite()
    sealed = {key_id(public): encoded(seal(key, public, URA)), key_id(bytes(32)): encoded(seal(key, public, URA))}
    world.desk.join(applicant.wish(token, sealed=sealed))
    world.desk.approve(URA, world.phrase())
    boxes = dict(world.member().sealed)

    assert set(boxes) == {key_id(public)}, "a box that no gateway of the register opens is left out"
    assert unseal(boxes[key_id(public)], gateway, URA) == key
    assert not any(key.value in path.read_bytes() or key.value.hex().encode() in path.read_bytes() for path in world.folder.rglob("*") if path.is_file())


def test_who_joins_again_keeps_its_standing(world: World) -> None:
    applicant = Applicant()
    peer = world.joined(applicant)
    world.desk.activate(ActivateForm(applicant.summary(world.at)), peer)
    again = Applicant(answer=applicant.answer)
    token = world.invite(name=f"holder-{URA}")
    world.desk.join(again.wish(token))
    world.desk.approve(URA, world.phrase())

    assert world.member().status is MemberStatus.ACTIVE
    assert digest_of_key(again.tls.public_key()) in world.member().certificates


def test_a_new_invitation_takes_the_place_of_one_that_nobody_took(world: World) -> None:
    old = world.invite()
    world.invitations.withdraw_open(URA)

    assert refused(world, Applicant().wish(old)) == Fault.JOIN_REFUSED.value
    assert [found.invitation.state for found in world.invitations.everything()] == []
    assert State.OPEN.value == "open"


def test_of_two_who_wait_the_phrase_says_who_is_approved_and_the_others_can_be_rejected(world: World) -> None:
    thief, owner = Applicant(), Applicant()
    world.desk.join(thief.wish(world.invite()))
    token = world.invite()
    world.desk.join(owner.wish(token))
    phrases = {one.invitation.tls_key: one.invitation.phrase for one in world.invitations.all_waiting(URA, world.at)}
    world.desk.approve(URA, phrases[digest_of_key(owner.tls.public_key())])
    world.desk.reject(URA)

    assert world.desk.join(owner.wish(token)).certificate
    assert world.member().certificates == {digest_of_key(owner.tls.public_key())}
    with pytest.raises(BadInput):
        world.desk.reject(URA)


def test_who_joins_again_elsewhere_is_asked_there(world: World) -> None:
    applicant = Applicant()
    world.joined(applicant)
    for address, capabilities in (("192.0.2.9:7009", frozenset()), ("", frozenset({"outbound"})), ("192.0.2.9:7010", frozenset())):
        again = Applicant(answer=applicant.answer)
        world.desk.join(again.wish(world.invite(name=f"holder-{URA}"), address=address))
        world.desk.approve(URA, world.phrase())

        assert (world.member().address, world.member().capabilities) == (address, capabilities)


def test_a_data_user_that_joins_as_a_holder_keeps_its_own_certificate_when_its_agent_renews(world: World) -> None:
    proxy = b"p" * 32
    with world.office.change(world.at) as draft:
        draft.add(Member(URA, HolderName("noaberhoes"), "N", HolderKind.HOSPICE, "", MemberStatus.ACTIVE, frozenset({Part.DATA_USER})))
        draft.rotate(URA, KnownBy(frozenset({proxy})))
    applicant, token = Applicant(), world.invite()
    world.desk.join(applicant.wish(token))
    world.desk.approve(URA, world.phrase())
    peer = der(world.desk.join(applicant.wish(token)).certificate)
    world.at += timedelta(days=5)
    world.desk.renew(RenewForm(csr([], host_name(URA))), peer)

    assert world.member().parts == {Part.DATA_USER, Part.DATA_HOLDER}
    assert world.member().address == "127.0.0.1:7005"
    assert proxy in world.member().certificates


def test_a_gateway_does_not_join_as_a_holder(world: World) -> None:
    _with_gateway(world, X25519PrivateKey.generate().public_key().public_bytes_raw())
    world.desk.join(Applicant(Ura("90009000")).wish(world.invite(Ura("90009000"), "gateway")))

    with pytest.raises(BadInput, match="runs a gateway"):
        world.desk.approve(Ura("90009000"), world.phrase(Ura("90009000")))


@pytest.mark.parametrize("address", ["gateway.example:7001", "GATEWAY.example:443"])
def test_nobody_gets_a_certificate_with_the_name_at_which_a_gateway_is_found(world: World, address: str) -> None:
    _with_gateway(world, X25519PrivateKey.generate().public_key().public_bytes_raw())
    with world.office.change(world.at) as draft:
        draft.change_member(Ura("90009000"), lambda member: replace(member, address="gateway.example:443"))
    world.desk.join(Applicant().wish(world.invite(), address=address))

    with pytest.raises(BadInput, match="a host of their own"):
        world.desk.approve(URA, world.phrase())


@pytest.mark.parametrize("wrong", ["053-5550105\n    WARNING: nothing", "\x1b[1A\x1b[2K053-5550105", "\u202e5010555-350"])
def test_nothing_that_an_applicant_brings_can_hide_a_warning_from_whoever_decides(world: World, wrong: str) -> None:
    """The office reads number and address in a terminal."""
    token = world.invite()
    said = {refused(world, Applicant().wish(token, **{field: wrong})) for field in ("telephone", "address")}

    assert said == {str(BadInput(Fault.JOIN_REFUSED))}
    assert world.invitations.of_token(token, world.at).invitation.state is State.OPEN


def test_invitations_that_have_not_counted_for_a_month_are_forgotten(world: World) -> None:
    applicant, open_, waiting = Applicant(), world.invite(Ura("90001006"), "b", hours=24), world.invite(Ura("90001007"), "c")
    world.joined(applicant)
    world.desk.join(Applicant(Ura("90001007")).wish(waiting))

    def left(days: int) -> int:
        world.invitations.prune(world.at + timedelta(days=days))
        return len(world.invitations.everything())

    assert open_
    assert [left(13), left(30), left(32), left(43), left(45)] == [3, 3, 1, 1, 0]


def _with_gateway(world: World, public: bytes) -> None:
    member = Member(Ura("90009000"), HolderName("gateway"), "Gateway", HolderKind.PUBLIC_HEALTH, "", MemberStatus.ACTIVE, frozenset({Part.GATEWAY}))
    with world.office.change(world.at) as draft:
        draft.add(member)
        draft.rotate(member.ura, KnownBy(sealing=public))


def test_messages_are_strict() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"token": "x", "csr": "y", "answer_key": "z", "parts": ["gateway"]}', type=JoinForm)
