"""The desk's side of a question: what it remembers of callers is bounded, and what was said once opens nothing later."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from accord.link.certificates import read_certificate, write_private
from accord.link.credentials import TlsFiles
from accord.link.desk_forms import AskedForm, HeardForm, SealedForm, ToldForm
from accord.link.desk_sealing import Calling, DeskSession, as_anybody, as_member, is_of_member
from accord.link.short_certificates import certify_desk
from accord.region import desk_reception
from accord.region.desk_reception import TICKET_SECONDS, Question, Reception
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from tests.accord.region.joining_world import Applicant, World


class Front:
    """A reception at a moment that tests move."""

    def __init__(self, folder: Path) -> None:
        self.seconds = 1000.0
        self.world = World(folder)
        self.folder = folder
        self.reception = Reception(self.files("first"), lambda: self.seconds)

    def files(self, name: str) -> TlsFiles:
        """A certificate of the desk."""
        key = ec.generate_private_key(ec.SECP256R1())
        files = TlsFiles(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        write_private(files.key, key)
        authority = self.world.office.authority
        files.certificate.write_text(certify_desk(authority, key.public_key(), at=self.world.at, life=timedelta(days=1)) + authority.certificate)
        return files

    def begun(self, calling: Calling) -> tuple[DeskSession, HeardForm]:
        """A session that both ends know."""
        heard = self.reception.hear(calling.hello)
        return calling.believe(heard, (self.world.office.authority.certificate,), self.world.at), heard

    def question(self, body: bytes = b"{}") -> SealedForm:
        """Somebody's question."""
        calling = Calling()
        session, heard = self.begun(calling)
        return as_anybody(session, calling.hello, heard.ticket, "/v1/join", body)

    def opened(self, form: SealedForm) -> Question | Fault:
        """What the desk makes of it."""
        try:
            return self.reception.open(form)
        except Faulted as failure:
            return failure.fault


@pytest.fixture
def front(tmp_path: Path) -> Front:
    return Front(tmp_path)


def test_a_ticket_opens_one_question_and_only_for_a_minute(front: Front) -> None:
    used, late = front.question(), front.question()
    first, again = front.opened(used), front.opened(used)
    front.seconds += TICKET_SECONDS + 1

    assert isinstance(first, Question)
    assert again is Fault.PROOF_USED
    assert (front.opened(late), front.opened(used)) == (Fault.SESSION_BROKEN, Fault.SESSION_BROKEN)


def test_a_ticket_is_of_one_caller_and_somebody_else_cannot_use_it_up(front: Front) -> None:
    asked, calling = front.question(), Calling()
    taken = msgspec.structs.replace(asked, hello=calling.hello)
    changed = msgspec.structs.replace(asked, box=asked.box[:-1] + bytes([asked.box[-1] ^ 1]))

    assert (front.opened(taken), front.opened(changed)) == (Fault.SESSION_BROKEN, Fault.SESSION_BROKEN)
    assert isinstance(front.opened(asked), Question)


@pytest.mark.parametrize("ticket", [b"", b"\0" * 64, b"\xff" * 128])
def test_a_ticket_that_nobody_gave_opens_nothing(front: Front, ticket: bytes) -> None:
    assert front.opened(msgspec.structs.replace(front.question(), ticket=ticket)) is Fault.SESSION_BROKEN


def test_p7_what_is_remembered_of_callers_is_bounded_and_forgotten_in_time(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_reception, "_MOST_USED", 3)
    waiting = [front.question() for _ in range(5)]
    opened = [front.opened(form) for form in waiting]
    front.seconds += TICKET_SECONDS + 1

    assert [one for one in opened if isinstance(one, Fault)] == [Fault.TOO_MANY_QUESTIONS] * 2
    assert isinstance(front.opened(front.question()), Question)
    assert len(front.reception._used) == 1


def test_the_key_that_opens_questions_is_replaced_while_who_began_goes_on(front: Front) -> None:
    asked = front.question()
    front.reception.show(front.files("second"))
    first = front.opened(asked)
    keys = {front.reception.hear(Calling().hello).key}
    for _ in range(4):
        front.seconds += 301
        keys.add(front.reception.hear(Calling().hello).key)

    assert isinstance(first, Question)
    assert len(keys) == 3
    assert len(front.reception._faces) <= 2


def test_a_point_of_small_order_is_no_key(front: Front) -> None:
    asked = front.question()
    hello = msgspec.structs.replace(asked.hello, key=bytes(32))
    ticket = front.reception.hear(hello).ticket

    assert front.opened(SealedForm(hello, ticket, asked.box)) is Fault.SESSION_BROKEN


def test_a_proof_is_of_one_question_in_one_session(front: Front) -> None:
    own = TlsFiles(front.folder / "tls.pem", front.folder / "tls.key")
    applicant = Applicant()
    der = front.world.joined(applicant)
    write_private(own.key, applicant.tls)
    own.certificate.write_text(_pem(der))
    calling, other = Calling(), Calling()
    session, heard = front.begun(calling)
    elsewhere, _ = front.begun(other)
    question = front.reception.open(as_member(session, calling.hello, heard.ticket, "/v1/renew", b'{"csr":"ours"}', own))
    certificate, asked = read_certificate(own.certificate.read_bytes()), question.asked
    authorities = (front.world.office.authority.certificate,)

    assert question.member(authorities, front.world.at) == der
    for changed in (
        msgspec.structs.replace(asked, path="/v1/activate"),
        msgspec.structs.replace(asked, body=msgspec.Raw(b'{"csr":"theirs"}')),
        msgspec.structs.replace(asked, signature=b""),
    ):
        assert not is_of_member(session, changed, certificate)
    assert not is_of_member(elsewhere, asked, certificate)
    with pytest.raises(BadInput) as nobody:
        Question(session, b"", AskedForm("/v1/renew", asked.body)).member(authorities, front.world.at)
    assert nobody.value.fault is Fault.NOT_A_MEMBER


def test_a_key_of_two_questions_seals_neither_answer_for_the_other(front: Front) -> None:
    calling = Calling()
    session, heard = front.begun(calling)
    form = as_anybody(session, calling.hello, heard.ticket, "/v1/join", b"{}")
    question = front.reception.open(form)
    told = question.session.seal_answer(ToldForm(200, msgspec.Raw(b"{}")), question.box)

    assert session.open_answer(told, form.box).status == 200
    with pytest.raises(Unavailable):
        session.open_answer(told, form.box + b"\0")
    with pytest.raises(Unavailable):
        session.open_question(told)


def _pem(der: bytes) -> str:
    return read_certificate(der).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("shown", ["", "-", "ä", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "another-kind"])
def test_what_is_no_certificate_of_a_member_proves_nothing(front: Front, shown: str) -> None:
    at = front.world.at
    if shown == "another-kind":
        key, name = Ed25519PrivateKey.generate(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "90001005.ura.noaber.internal")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        shown = builder.not_valid_before(at).not_valid_after(at + timedelta(days=1)).sign(key, None).public_bytes(Encoding.PEM).decode()
    calling = Calling()
    session, _ = front.begun(calling)
    asked = AskedForm("/v1/renew", msgspec.Raw(b"{}"), shown, b"\x30\x00")
    with pytest.raises(BadInput) as failure:
        Question(session, b"", asked).member((front.world.office.authority.certificate,), at)

    assert failure.value.fault is Fault.NOT_A_MEMBER
