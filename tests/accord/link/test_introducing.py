"""A gateway and an agent that calls it prove who they are, whatever stands between them changes, plays again or pretends."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.certificates import read_signing_key
from accord.link.introducing import Challenge, Greeting, Introduced, Introduction, Proof, Reception, outbound_holder
from accord.link.session_seals import SessionKey
from accord.region.member_keys import signing_key_file, tls_files
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, Part, RegionRegister
from accord.terms.vocabulary import HolderKind
from testbed.outbound import OutboundRegion, outbound_member
from testbed.region_office import GATEWAY, member_of

BRINKHOF: Final = Ura("90001003")
WIEKE: Final = Ura("90001008")
INBOUND: Final = Ura("90001009")
#: Points of small order, with which everybody would know the key.
SMALL_ORDER: Final = [bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"]


class World:
    """A region, and everybody's keys."""

    def __init__(self, folder: Path) -> None:
        inbound = member_of("reggerbrug", INBOUND, "Reggerbrug", HolderKind.GP_PRACTICE, address="127.0.0.1:7001", parts={Part.DATA_HOLDER})
        self.region = OutboundRegion(folder, [outbound_member("brinkhof", BRINKHOF), outbound_member("wieke", WIEKE), inbound])
        self.folders: dict[str, Path] = {}
        for name in ("gateway", "brinkhof", "wieke", "reggerbrug"):
            self.folders[name], live = self.region.live(name)
        self.now = datetime.now(UTC)
        self.register: RegionRegister = live.newest

    def key(self, name: str) -> Ed25519PrivateKey:
        """Somebody's answer key."""
        return read_signing_key(signing_key_file(self.folders[name], KeyUse.ANSWER))

    def certificate(self, name: str = "gateway") -> bytes:
        """Somebody's certificate (PEM)."""
        return tls_files(self.folders[name]).certificate.read_bytes()

    def reception(self, greeting: Greeting, **other: Any) -> Reception:
        """The gateway's side, or that of somebody who says to be it."""
        given: dict[str, Any] = {"ura": GATEWAY, "key": self.key("gateway"), "certificate": self.certificate(), "at": self.now}
        return Reception(greeting, **{**given, **other})

    def answered(self, introduction: Introduction, challenge: Challenge) -> tuple[Proof, Introduced]:
        """The agent's answer, now."""
        return introduction.answer(challenge, self.register, self.now)

    def whole(self) -> tuple[Introduction, Reception, Proof, Introduced]:
        """A session, as it should be."""
        introduction = Introduction(BRINKHOF, self.key("brinkhof"))
        reception = self.reception(introduction.greeting)
        return (introduction, reception, *self.answered(introduction, reception.challenge))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("region"))


def with_other(challenge: Challenge, name: str, value: Any) -> Challenge:
    changed: dict[str, Any] = {name: value}
    return replace(challenge, **changed)


def fault_of(act: Any, *given: Any) -> Fault:
    with pytest.raises(Faulted) as failed:
        act(*given)
    return failed.value.fault


def test_both_know_each_other_and_one_key(world: World) -> None:
    _, reception, proof, introduced = world.whole()

    assert introduced.gateway == GATEWAY
    assert introduced.certificate == world.certificate()
    assert reception.check(proof, world.register) == introduced.key


def test_each_session_has_a_key_of_its_own(world: World) -> None:
    keys = {world.whole()[3].key.secret for _ in range(5)}

    assert len(keys) == 5


def test_p1_every_bit_of_a_challenge_that_is_changed_is_refused(world: World) -> None:
    introduction = Introduction(BRINKHOF, world.key("brinkhof"))
    challenge = world.reception(introduction.greeting).challenge
    for name in ("nonce", "ephemeral", "signature"):
        value = getattr(challenge, name)
        for bit in range(8 * len(value)):
            changed = bytearray(value)
            changed[bit // 8] ^= 1 << bit % 8

            assert fault_of(world.answered, introduction, with_other(challenge, name, bytes(changed))) is Fault.SESSION_BROKEN


def test_p1_whatever_else_of_a_challenge_is_changed_is_refused(world: World) -> None:
    introduction = Introduction(BRINKHOF, world.key("brinkhof"))
    challenge = world.reception(introduction.greeting).challenge
    others = {"ura": WIEKE, "certificate": world.certificate("wieke"), "at_ms": challenge.at_ms + 1, "key_id": "x"}

    assert {field.name for field in fields(challenge)} == {*others, "nonce", "ephemeral", "signature"}
    for name, value in others.items():
        with pytest.raises(Faulted):
            world.answered(introduction, with_other(challenge, name, value))
    assert fault_of(world.answered, introduction, replace(challenge, certificate=challenge.certificate + b"\n")) is Fault.SESSION_BROKEN


def test_p1_every_bit_of_a_proof_that_is_changed_is_refused(world: World) -> None:
    _, reception, proof, _ = world.whole()
    for bit in range(8 * len(proof.signature)):
        changed = bytearray(proof.signature)
        changed[bit // 8] ^= 1 << bit % 8

        assert fault_of(reception.check, Proof(proof.key_id, bytes(changed)), world.register) is Fault.SESSION_BROKEN


def test_what_was_said_in_one_session_is_worth_nothing_in_another(world: World) -> None:
    introduction, reception, proof, _ = world.whole()
    later = world.reception(introduction.greeting)

    assert fault_of(later.check, proof, world.register) is Fault.SESSION_BROKEN
    assert fault_of(world.answered, Introduction(BRINKHOF, world.key("brinkhof")), reception.challenge) is Fault.SESSION_BROKEN


def test_a_gateways_signature_is_no_agents_and_no_agents_is_a_gateways(world: World) -> None:
    _, reception, _, _ = world.whole()
    made = reception.challenge

    assert fault_of(reception.check, Proof(made.key_id, made.signature), world.register) is Fault.SESSION_BROKEN


def test_nobody_proves_to_be_another(world: World) -> None:
    introduction = Introduction(BRINKHOF, world.key("wieke"))
    reception = world.reception(introduction.greeting)
    proof, _ = world.answered(introduction, reception.challenge)

    assert fault_of(reception.check, proof, world.register) is Fault.SESSION_BROKEN


def test_p1_only_a_gateway_of_the_region_is_answered(world: World) -> None:
    introduction = Introduction(BRINKHOF, world.key("brinkhof"))
    holder = world.reception(introduction.greeting, ura=WIEKE, key=world.key("wieke"), certificate=world.certificate("wieke"))
    with_anothers_key = world.reception(introduction.greeting, key=world.key("wieke"))
    with_anothers_certificate = world.reception(introduction.greeting, certificate=world.certificate("wieke"))

    assert fault_of(world.answered, introduction, holder.challenge) is Fault.NOT_A_MEMBER
    assert fault_of(world.answered, introduction, with_anothers_key.challenge) is Fault.SESSION_BROKEN
    assert fault_of(world.answered, introduction, with_anothers_certificate.challenge) is Fault.NOT_A_MEMBER


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_challenge_of_another_time_is_refused(world: World, minutes: int) -> None:
    introduction = Introduction(BRINKHOF, world.key("brinkhof"))
    reception = world.reception(introduction.greeting, at=world.now + timedelta(minutes=minutes))

    assert fault_of(world.answered, introduction, reception.challenge) is Fault.SESSION_BROKEN


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_that_everybody_would_know_is_refused_at_both_ends(world: World, point: bytes) -> None:
    introduction = Introduction(BRINKHOF, world.key("brinkhof"))
    greeting = replace(introduction.greeting, ephemeral=point)
    reception = world.reception(greeting)
    proof = Proof(introduction.answer(world.reception(introduction.greeting).challenge, world.register, world.now)[0].key_id, bytes(64))

    assert fault_of(reception.check, proof, world.register) is Fault.SESSION_BROKEN


def test_only_an_active_holder_that_calls_out_comes_in(world: World) -> None:
    blocked = replace(world.register, members=tuple(member for member in world.register.members if member.ura != WIEKE))

    assert outbound_holder(world.register, BRINKHOF).ura == BRINKHOF
    for ura in (GATEWAY, INBOUND, Ura("99999999")):
        assert fault_of(outbound_holder, world.register, ura) is Fault.NOT_A_MEMBER
    assert fault_of(outbound_holder, blocked, WIEKE) is Fault.NOT_A_MEMBER


@pytest.mark.parametrize("size", [0, 31, 33])
def test_fresh_parts_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(BadInput):
        Greeting(BRINKHOF, bytes(size), bytes(32))
    with pytest.raises(BadInput):
        Challenge(GATEWAY, bytes(32), bytes(size), b"", 0)
    with pytest.raises(BadInput):
        Challenge(GATEWAY, bytes(32), bytes(32), bytes(16 * 1024 + 1), 0)


def test_no_key_is_in_a_representation(world: World) -> None:
    *_, introduced = world.whole()

    assert introduced.key.secret.hex() not in repr(introduced)
    assert repr(SessionKey(b"hush")) == "SessionKey()"
