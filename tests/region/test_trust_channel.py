"""A1, A2, A10, M12, G2: who is on the channel, from the handshake to the moment at which they are blocked."""

import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from accord.audit.events import RefusedQuestion
from accord.link.certificates import Authority, certify, key_digest, make_authority, write_private
from accord.link.credentials import TlsFiles, https_client_context
from accord.region.draft import Draft
from accord.region.member_keys import KnownBy
from accord.region.office import Office
from accord.terms.answers import Ending
from accord.terms.faults import Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import Part
from testbed.attack_kit import AttackKit, opening
from testbed.http2_floods import DESCRIBE, OPEN, call
from testbed.http2_peer import Http2Peer
from testbed.people import DINA
from testbed.region_office import member_of
from testbed.scripted_gateway import question
from tests.region.trust_world import BULKY, HOLDER, VICTIM, comes_true, events_at, within_five_seconds

pytestmark = pytest.mark.slow

FACES: Final = (HOLDER, "gateway")
#: The gateway's own name stands in its certificate as any member's does.
_OTHER: Final = "gateway-three"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Who certified it, and from when to when it holds."""

    authority: Callable[[AttackKit], Authority]
    days_from_now: int = -1
    days: int = 2


def ours(kit: AttackKit) -> Authority:
    """The authority of the region."""
    return Office(kit.region.root / "office").authority


def theirs(_: AttackKit) -> Authority:
    """One that calls itself the same."""
    return make_authority("testbed", at=datetime.now(UTC) - timedelta(days=9), days=30)


CERTIFICATES: Final[dict[str, Certificate]] = {
    "of another authority": Certificate(theirs),
    "expired": Certificate(ours, -10, 1),
    "not valid yet": Certificate(ours, 5),
}


def make_files(kit: AttackKit, folder: Path, certificate: Certificate, ura: Ura) -> TlsFiles:
    """A key and its certificate, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    folder.mkdir(exist_ok=True)
    files = TlsFiles(folder / "tls.pem", folder / "tls.key")
    write_private(files.key, key)
    begins = datetime.now(UTC) + timedelta(days=certificate.days_from_now)
    files.certificate.write_text(certify(certificate.authority(kit), key.public_key(), ura, at=begins, days=certificate.days), encoding="ascii")
    return files


def self_signed(folder: Path) -> TlsFiles:
    """A certificate that certifies itself."""
    authority = make_authority("testbed", at=datetime.now(UTC) - timedelta(days=1), days=3)
    files = TlsFiles(folder / "tls.pem", folder / "tls.key")
    write_private(files.key, authority.key)
    files.certificate.write_text(authority.certificate, encoding="ascii")
    return files


def check_no_call_is_heard(kit: AttackKit, face: str, context: ssl.SSLContext) -> None:
    """Whether a call over this channel gets no answer at all, not even a refusal: it never became a call."""
    with Http2Peer.connect(kit.address(face), context, kit.name(face)) as peer:
        peer.begin()
        peer.send(call(DESCRIBE if face == HOLDER else OPEN))
        closed = peer.listen(3.0)

        assert closed
        assert not any(name.startswith(("grpc-status", ":status")) for name in peer.heard)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", CERTIFICATES)
def test_a1_a_certificate_that_the_region_did_not_give_or_that_does_not_hold_ends_at_the_handshake(
    kit: AttackKit, tmp_path: Path, face: str, name: str
) -> None:
    files = make_files(kit, tmp_path, CERTIFICATES[name], kit.ura("gateway"))

    check_no_call_is_heard(kit, face, https_client_context(kit.register.authorities, files))


@pytest.mark.parametrize("face", FACES)
def test_a1_no_certificate_or_one_that_certifies_itself_ends_at_the_handshake(kit: AttackKit, tmp_path: Path, face: str) -> None:
    check_no_call_is_heard(kit, face, kit.tls(""))
    check_no_call_is_heard(kit, face, https_client_context(kit.register.authorities, self_signed(tmp_path)))


def test_a1_the_fhir_face_tells_nothing_to_somebody_without_a_certificate_of_the_region(kit: AttackKit, tmp_path: Path) -> None:
    mandate = kit.user().mandate(VICTIM)
    with kit.fhir("") as nobody:
        told = nobody.post("Patient/_search", data={"identifier": f"http://fhir.nl/fhir/NamingSystem/bsn|{VICTIM}"}, headers=dict(mandate.headers()))
    stranger = https_client_context(kit.register.authorities, make_files(kit, tmp_path, CERTIFICATES["of another authority"], kit.ura("dinkelhorst")))
    with httpx2.Client(verify=stranger, trust_env=False) as client, pytest.raises((httpx2.HTTPError, ssl.SSLError)):
        client.get(f"https://{kit.faces['http'].removeprefix('https://')}/fhir/metadata")

    assert told.status_code in (401, 403)
    assert VICTIM not in told.text


def test_a2_a_sound_certificate_of_an_organisation_that_is_not_in_the_register_is_refused_with_one_code(kit: AttackKit, tmp_path: Path) -> None:
    files = make_files(kit, tmp_path, Certificate(ours), Ura("90009999"))
    other_key = make_files(kit, tmp_path / "other", Certificate(ours), kit.ura("gateway"))
    before = len(events_at(kit.region))
    for some in (files, other_key):
        for face in FACES:
            with Http2Peer.connect(kit.address(face), https_client_context(kit.register.authorities, some), kit.name(face)) as peer:
                peer.begin()
                peer.send(call(DESCRIBE if face == HOLDER else OPEN))
                peer.listen(60.0, until="grpc-status")

                assert peer.heard[f"grpc-message {Fault.NOT_A_MEMBER.value}"] == 1, (face, peer.heard)
    assert len(events_at(kit.region)) >= before


def test_a2_a_question_of_a_stranger_has_its_line_in_the_journal(kit: AttackKit) -> None:
    def refused() -> int:
        told = [event for event in events_at(kit.region) if isinstance(event, RefusedQuestion) and event.fault is Fault.NOT_A_MEMBER]
        return len([event for event in told if not event.since])

    def asking_has_a_line() -> bool:
        before = refused()
        kit.gateway(HOLDER, through="eschrand").query(question(kit.user().mandate(VICTIM), kit.ura(HOLDER), VICTIM))
        return refused() == before + 1

    # When all of whom nobody knows who they are had their lines of this minute, the next one has one a few seconds later.
    assert comes_true(asking_has_a_line)


OLD: Final = {
    "TLS 1.0": (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"),
    "TLS 1.1": (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
    "TLS 1.2 without forward secrecy": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256:AES256-SHA256:@SECLEVEL=0"),
    "TLS 1.2 with NULL and old ciphers": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "eNULL:DES-CBC3-SHA:AES128-SHA:@SECLEVEL=0"),
}


@pytest.mark.parametrize("face", [*FACES, "fhir"])
@pytest.mark.parametrize("name", OLD)
def test_a10_old_versions_and_weak_suites_of_tls_are_not_spoken(kit: AttackKit, face: str, name: str) -> None:
    context, (lowest, highest, suites) = kit.tls("dinkelhorst"), OLD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers(suites)
        context.minimum_version, context.maximum_version = lowest, highest
    target = kit.faces["http"].removeprefix("https://") if face == "fhir" else kit.address(face)
    with Http2Peer.connect(target, context, kit.name(face)) as peer:
        assert (peer.is_closed, peer.heard) == (True, {})


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a10_tls_12_with_sound_suites_and_13_are_spoken(kit: AttackKit, version: ssl.TLSVersion) -> None:
    context = kit.tls("dinkelhorst")
    context.minimum_version = context.maximum_version = version
    with Http2Peer.connect(kit.address("gateway"), context, kit.name("gateway")) as peer:
        assert peer.tls_version == version.name.replace("_", ".")


@contextmanager
def blocked(kit: AttackKit, name: str) -> Iterator[None]:
    """An organisation is blocked for the time of the block, and takes part again after it."""
    ura = kit.ura(name)
    kit.region.office.change(lambda draft: draft.block(ura))
    try:
        yield
    finally:
        kit.region.office.change(lambda draft: draft.activate(ura))
        assert within_five_seconds(lambda: takes_part(kit, name))


def takes_part(kit: AttackKit, name: str) -> bool:
    """Whether everybody knows again that an organisation takes part."""
    if Part.DATA_USER not in kit.member(name).parts:
        return True
    user = kit.user(name)
    with kit.dossiers(name) as stub:
        at_the_gateway = code_of(lambda: list(stub.Open(opening(user.mandate(VICTIM), VICTIM, holders=["eschrand"]), timeout=10)))
    return at_the_gateway == "" and kit.gateway(HOLDER).query(question(user.mandate(VICTIM), kit.ura(HOLDER), VICTIM)).status == "OK"


def status_of(kit: AttackKit, peer_session: ssl.SSLSession | None, context: ssl.SSLContext, face: str) -> tuple[Any, ssl.SSLSession | None, bool]:
    """What a call gets on a connection that resumes a session."""
    with Http2Peer.connect(kit.address(face), context, kit.name(face), session=peer_session) as peer:
        peer.begin()
        peer.send(call(OPEN))
        peer.listen(60.0, until="grpc-status")
        return {name for name in peer.heard if name.startswith("grpc-message ")}, peer.session, peer.was_resumed


def test_a10_a_session_that_is_resumed_outlives_no_blocking(kit: AttackKit) -> None:
    context = kit.tls("eschrand")
    before, session, _ = status_of(kit, None, context, "gateway")
    with blocked(kit, "eschrand"):
        cut_off = within_five_seconds(lambda: status_of(kit, session, context, "gateway")[0] == {f"grpc-message {Fault.ORGANISATION_BLOCKED.value}"})

    assert before == {f"grpc-message {Fault.EVIDENCE_MISSING.value}"}
    assert cut_off


def code_of(ask: Callable[[], object]) -> str:
    """The code with which a call was refused; empty when it was not."""
    try:
        ask()
    except grpc.RpcError as failure:
        return str(failure.details())
    return ""


def test_m12_a_blocked_data_user_is_out_within_five_seconds_on_open_and_new_channels(kit: AttackKit) -> None:
    user = kit.user("eschrand")

    def ask(stub: Any) -> str:
        return code_of(lambda: list(stub.Open(opening(user.mandate(VICTIM), VICTIM), timeout=10)))

    with kit.dossiers("eschrand") as channel:
        before = ask(channel)
        with blocked(kit, "eschrand"):
            on_the_open_one = within_five_seconds(lambda: ask(channel) == Fault.ORGANISATION_BLOCKED)
            with kit.dossiers("eschrand") as fresh:
                on_a_new_one = ask(fresh)
            at_the_holder = within_five_seconds(
                lambda: kit.gateway(HOLDER).query(question(user.mandate(VICTIM), kit.ura(HOLDER), VICTIM)).details == Fault.ORGANISATION_BLOCKED
            )
            with kit.fhir("eschrand") as fhir:
                over_fhir = fhir.post(
                    "Patient/_search", data={"identifier": f"http://fhir.nl/fhir/NamingSystem/bsn|{VICTIM}"}, headers=dict(user.mandate(VICTIM).headers())
                )

    assert before == ""
    assert (on_the_open_one, at_the_holder, on_a_new_one) == (True, True, Fault.ORGANISATION_BLOCKED.value)
    assert over_fhir.status_code in (401, 403)
    assert Fault.ORGANISATION_BLOCKED.value in over_fhir.text


def test_m12_the_answer_under_way_to_a_blocked_data_user_is_cut_at_the_holder(kit: AttackKit) -> None:
    user = kit.user("eschrand")
    with kit.gateway(HOLDER).holding(question(user.mandate(BULKY), kit.ura(HOLDER), BULKY)) as held:
        held.next()
        with blocked(kit, "eschrand"):
            known = within_five_seconds(
                lambda: kit.gateway(HOLDER).query(question(user.mandate(VICTIM), kit.ura(HOLDER), VICTIM)).details == Fault.ORGANISATION_BLOCKED
            )
            told = held.rest()

    assert known
    assert told.details == Fault.ORGANISATION_BLOCKED or (told.closed is not None and told.closed.code == Fault.SHARING_CHANGED)


def test_m12_the_dossier_under_way_of_a_blocked_data_user_is_cut_at_the_gateway(kit: AttackKit) -> None:
    # Longer than a question may take: it is under way until somebody ends it.
    kit.region.fault(HOLDER, "slow", seconds=20.0)
    user = kit.user("eschrand")
    try:
        with kit.dossiers("eschrand") as channel:
            under_way = channel.Open(opening(user.mandate(VICTIM), VICTIM), timeout=20)
            next(under_way)
            with blocked(kit, "eschrand"):
                begin = time.monotonic()
                code = code_of(lambda: list(under_way))
                took = time.monotonic() - begin
                kit.region.heal(HOLDER)  # whoever is let in again is answered again
    finally:
        kit.region.heal(HOLDER)

    assert code == Fault.ORGANISATION_BLOCKED
    assert took <= 5.0  # the promise itself


def test_m12_a_blocked_gateway_is_out_within_five_seconds_with_its_streams(kit: AttackKit) -> None:
    if _OTHER not in {member.name.value for member in kit.register.members}:
        kit.enrol(_OTHER, "90009003", {Part.GATEWAY})
    user, gateway = kit.user(), kit.gateway(HOLDER, through=_OTHER)

    def ask(bsn: str = VICTIM) -> Any:
        mandate = user.mandate(bsn)
        return question(mandate, kit.ura(HOLDER), bsn, proof=mandate.proof(gateway=kit.ura(_OTHER)))

    known = within_five_seconds(lambda: gateway.query(ask()).status == "OK")
    with gateway.watching() as watch, gateway.holding(ask(BULKY)) as held:
        watch.next()
        held.next()
        with blocked(kit, _OTHER):
            on_the_open_one = within_five_seconds(lambda: gateway.query(ask()).details == Fault.ORGANISATION_BLOCKED)
            on_a_new_one = kit.new_gateway(HOLDER, through=_OTHER).query(ask())
            watched, told = watch.rest(), held.rest()

    assert (known, on_the_open_one) == (True, True)
    assert on_a_new_one.details == Fault.ORGANISATION_BLOCKED
    assert (watched.details, told.details) == (Fault.ORGANISATION_BLOCKED.value,) * 2


def test_m12_a_blocked_holder_is_asked_nothing_within_five_seconds_and_has_its_line(kit: AttackKit) -> None:
    def line() -> Any:
        return kit.region.ask(DINA.bsn).holders["eschrand"]

    with blocked(kit, "eschrand"):
        cut_off = within_five_seconds(lambda: line().ending in (Ending.NOT_ASKED, Ending.REFUSED, Ending.UNREACHABLE))
        while_blocked = line()

    assert cut_off
    assert while_blocked.ending in (Ending.NOT_ASKED, Ending.REFUSED, Ending.UNREACHABLE)
    assert while_blocked.records == 0


def as_another(kit: AttackKit, ura: Ura) -> Callable[[Draft], object]:
    """Somebody new with this number."""
    return lambda draft: draft.add(member_of("impostor", ura, "Impostor", kit.member(HOLDER).kind, parts={Part.DATA_HOLDER}))


def by_anothers_certificate(kit: AttackKit) -> Callable[[Draft], object]:
    """Somebody who is to be known by the certificate of somebody else."""
    certificate = (kit.folder(HOLDER) / "tls.pem").read_bytes()
    return lambda draft: draft.rotate(kit.ura("eschrand"), KnownBy(frozenset({key_digest(certificate)})))


def by_anothers_key(kit: AttackKit) -> Callable[[Draft], object]:
    """Somebody who brings the signing key of somebody else as their own."""
    keys = kit.member(HOLDER).keys
    return lambda draft: draft.rotate(kit.ura("eschrand"), KnownBy(keys=keys))


@pytest.mark.parametrize(
    "offer", [lambda kit: as_another(kit, kit.ura(HOLDER)), by_anothers_certificate, by_anothers_key], ids=["number", "certificate", "key"]
)
def test_g2_who_offers_what_is_somebody_elses_is_not_taken_in_and_the_register_stays_as_it_was(
    kit: AttackKit, offer: Callable[[AttackKit], Callable[[Draft], object]]
) -> None:
    before = kit.register.version

    def change(draft: Draft) -> None:
        offer(kit)(draft)

    with pytest.raises(Faulted) as refused:
        kit.region.office.change(change)

    assert refused.value.fault in (Fault.INVALID_SETTING, Fault.REGISTER_INVALID)
    assert refused.value.where
    assert kit.register.version == before
