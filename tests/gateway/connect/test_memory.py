"""What the proxy keeps: whom ids stand for and mandates in use; not too many, and not for long."""

import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.types import Receive, Scope, Send

from accord.link.addresses import loopback
from accord.link.jose import decoded, encoded
from accord.link.mandate_claims import Wanted
from accord.link.mandates import make_mandate
from accord.terms.evidence import TreatmentBasis, Who
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import Professional
from accord.terms.vocabulary import PurposeOfUse
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.connect.applications import ANYBODY, Applications, new_token, read_applications
from gateway.connect.composition import mandate_source
from gateway.connect.mandating import AskedOf, HeldMandate, Issued, MandateBook, Organisation, OwnKey, from_command
from gateway.connect.patients import Asker, Patients
from gateway.connect.professionals import Professionals
from gateway.connect.settings import OrganisationSettings

pytestmark = pytest.mark.anyio

AT: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
BSNS: Final = tuple(map(Bsn, ("999900006", "999900018", "999911120")))
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EPD: Final = Asker("epd", "900000001")
US: Final = Organisation(Ura("00000001"), "twente", Ura("00000002"))
GP: Final = Who(Professional("900000001", "01.015", "J. de Vries"), PurposeOfUse.TREATMENT, TreatmentBasis.REGISTERED)


class Clock:
    """Seconds that a test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_a_patient_is_forgotten_after_half_a_day_without_a_question() -> None:
    clock = Clock()
    patients = Patients(now=clock)
    patients.remember("a", BSNS[0], EPD)
    patients.remember("b", BSNS[1], EPD)
    clock.now += 11 * 3600
    patients.used("a", EPD)
    clock.now += 2 * 3600

    assert patients.bsn_of("a") == BSNS[0]
    assert patients.recent(EPD) == ("a",)
    with pytest.raises(BadInput, match="unknown-patient-id"):
        patients.bsn_of("b")
    assert len(patients) == 1


def test_no_more_patients_are_kept_than_fit_and_those_in_use_stay() -> None:
    patients = Patients(most=2)
    patients.remember("a", BSNS[0], EPD)
    patients.remember("b", BSNS[1], EPD)
    patients.used("a", EPD)
    patients.remember("c", BSNS[2], EPD)

    assert [patients.knows(name) for name in "abc"] == [True, False, True]


def test_each_professional_at_each_application_has_their_own_latest_patient() -> None:
    patients = Patients()
    other, elsewhere = Asker("epd", "900000002"), Asker("viewer", "900000001")
    for name, asker in (("a", EPD), ("b", elsewhere), ("c", EPD), ("d", other), ("e", EPD), ("c", EPD)):
        patients.remember(name, BSNS[0], asker)

    assert patients.recent(EPD) == ("c",)
    assert patients.recent(other) == ("d",)
    assert patients.recent(elsewhere) == ("b",)
    assert patients.recent(Asker("viewer", "900000002")) == ()


def test_of_who_asked_no_more_is_kept_than_fits_and_nothing_after_half_a_day() -> None:
    clock = Clock()
    patients = Patients(most=2, now=clock)
    askers = [Asker("epd", str(number)) for number in range(4)]
    for asker in askers:
        patients.remember("a", BSNS[0], asker)

    assert [patients.recent(asker) for asker in askers] == [(), (), ("a",), ("a",)]

    clock.now += 11 * 3600
    patients.used("a", askers[3])
    clock.now += 2 * 3600
    # The patient is known by now only because somebody else asked about them.
    assert [patients.recent(asker) for asker in askers] == [(), (), (), ("a",)]


async def test_each_professional_and_purpose_has_a_mandate_of_their_own() -> None:
    book = MandateBook(OwnKey(KEY), US)
    other = Who(Professional("900000002", "01.016", "A. Bakker"), PurposeOfUse.TREATMENT, None)
    first = await book.mandate(BSNS[0], GP, AT)
    again = await book.mandate(BSNS[0], GP, AT)
    others = await book.mandate(BSNS[0], other, AT)

    assert first is again
    assert len({first.text, others.text}) == 2
    assert len({first.key.public_key().public_bytes_raw(), others.key.public_key().public_bytes_raw()}) == 2
    assert first.text not in repr(first)


class Failing:
    """A source that fails while it is told to; before that, *meanwhile* happens."""

    def __init__(self) -> None:
        self.fails = False
        self.asked = 0
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def issue(self, wanted: Wanted, at: datetime) -> Issued:
        """As the port promises."""
        self.asked += 1
        if self.fails:
            meanwhile, self.meanwhile = self.meanwhile, None
            if meanwhile is not None:
                await meanwhile()
            raise Unavailable(Fault.EVIDENCE_MISSING, "mandate")
        return await OwnKey(KEY).issue(wanted, at)


async def test_while_no_new_mandate_can_be_had_the_old_one_is_used_until_it_expires() -> None:
    source = Failing()
    book = MandateBook(source, US)
    first = await book.mandate(BSNS[0], GP, AT)
    source.fails = True

    for left in (timedelta(seconds=110), timedelta(seconds=60), timedelta(seconds=1)):
        assert await book.mandate(BSNS[0], GP, first.expires - left) is first
    assert source.asked == 4, "a new one is wanted each time"
    with pytest.raises(Unavailable) as caught:
        await book.mandate(BSNS[0], GP, first.expires)
    assert caught.value.fault is Fault.EVIDENCE_MISSING

    source.fails = False
    assert (await book.mandate(BSNS[0], GP, first.expires)).expires == first.expires + timedelta(minutes=10)


async def test_a_failure_does_not_bring_an_old_mandate_back_that_was_renewed_meanwhile() -> None:
    source = Failing()
    book = MandateBook(source, US)
    first = await book.mandate(BSNS[0], GP, AT)
    late = first.expires - timedelta(seconds=60)

    async def renewed() -> HeldMandate:
        source.fails = False
        return await book.mandate(BSNS[0], GP, late)

    source.fails, source.meanwhile = True, renewed
    second = await book.mandate(BSNS[0], GP, late)

    assert second.expires > first.expires
    assert await book.mandate(BSNS[0], GP, late) is second


async def test_no_more_mandates_are_kept_than_fit_and_none_that_expired() -> None:
    book = MandateBook(OwnKey(KEY), US, most=2)
    for bsn in BSNS:
        await book.mandate(bsn, GP, AT)
    assert len(book) == 2

    book.forget_expired(AT + timedelta(minutes=11))
    assert len(book) == 0


ISSUER: Final = """
import json, sys
from datetime import UTC, datetime, timedelta
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from accord.link.jose import decoded, encoded
from accord.link.mandate_claims import Wanted
from accord.link.mandates import make_mandate
from accord.terms.evidence import TreatmentBasis, Who
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import Professional
from accord.terms.vocabulary import PurposeOfUse
wish = json.load(sys.stdin)
who = wish["professional"]
wanted = Wanted(Ura(wish["organisation"]), wish["region"], Professional(who["id"], who["role"], who["name"]), PurposeOfUse(wish["purpose"]),
                Bsn(wish["bsn"]), decoded(wish["key"]), TreatmentBasis(wish["treatment"]))
made = make_mandate(wanted, Ed25519PrivateKey.from_private_bytes(bytes(range(32))), datetime.now(UTC))
print(json.dumps({"mandate": made.text, "salt": encoded(made.salt)}))
"""


async def test_a_program_of_the_organisation_may_hold_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine a program takes seconds to start.
    monkeypatch.setattr("gateway.connect.mandating._PATIENCE_SECONDS", 60.0)
    source = from_command([sys.executable, "-c", ISSUER])
    held = await MandateBook(source, US).mandate(BSNS[0], GP, datetime.now(UTC))

    assert held.expires > datetime.now(UTC)


async def test_a_program_that_fails_gives_no_mandate() -> None:
    for command in ([sys.executable, "-c", "import sys; sys.exit(3)"], [sys.executable, "-c", "print('{}')"], ["/nonexistent/program"]):
        with pytest.raises(Unavailable) as caught:
            await MandateBook(from_command(command), US).mandate(BSNS[0], GP, AT)

        assert caught.value.fault is Fault.EVIDENCE_MISSING


async def test_a_program_that_ends_before_it_has_read_what_is_wanted_fails_as_any_other() -> None:
    # More than a pipe takes: it cannot be sent to the end.
    with pytest.raises(OSError, match=r"^$"):
        await from_command([sys.executable, "-c", "print('{}')"]).exchange(bytes(1_000_000))


def issued(wish: dict[str, Any], **changes: Any) -> bytes:
    who = wish["professional"]
    given = {
        "issuer": Ura(wish["organisation"]),
        "region": wish["region"],
        "professional": Professional(who["id"], who["role"], who["name"]),
        "purpose": PurposeOfUse.TREATMENT,
        "bsn": Bsn(wish["bsn"]),
        "key": decoded(wish["key"]),
        "treatment": TreatmentBasis.REGISTERED,
    } | changes
    made = make_mandate(Wanted(**given), KEY, AT)
    return json.dumps({"mandate": made.text, "salt": encoded(made.salt)}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"bsn": BSNS[1]},
        {"key": KEY.public_key().public_bytes_raw()},
        {"professional": Professional("900000009", "01.015", "J. de Vries")},
        {"treatment": None},
        {"region": "elsewhere"},
        {"issuer": Ura("00000009")},
    ],
)
async def test_p1_a_mandate_that_says_something_else_than_was_wanted_is_not_used(changes: dict[str, Any]) -> None:
    async def fetch(wish: bytes) -> bytes:
        return issued(json.loads(wish), **changes)

    with pytest.raises(Unavailable) as caught:
        await MandateBook(AskedOf(fetch), US).mandate(BSNS[0], GP, AT)

    assert caught.value.fault is Fault.EVIDENCE_MISSING


async def test_a_mandate_that_says_what_was_wanted_is_used() -> None:
    async def fetch(wish: bytes) -> bytes:
        return issued(json.loads(wish))

    assert (await MandateBook(AskedOf(fetch), US).mandate(BSNS[0], GP, AT)).expires == AT + timedelta(minutes=10)


async def test_a_system_of_the_organisation_is_asked_over_http(tmp_path: Path) -> None:
    wishes: list[bytes] = []

    async def issuer(scope: Scope, receive: Receive, send: Send) -> None:
        wishes.append((await receive())["body"])
        status = 200 if scope["path"] == "/issue" else 404
        await send({"type": "http.response.start", "status": status, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": issued(json.loads(wishes[-1]))})

    async with anyio.create_task_group() as tasks:
        taken = await tasks.start(serve_http, lambda _: issuer, HttpSettings(), loopback("127.0.0.1:0"))
        for path, works in (("/issue", True), ("/elsewhere", False)):
            source, fetcher = mandate_source(OrganisationSettings(mandate_url=f"http://{taken}{path}"), tmp_path)
            try:
                held = await MandateBook(source, US).mandate(BSNS[0], GP, AT)
                assert works
                assert held.expires == AT + timedelta(minutes=10)
            except Unavailable:
                assert not works
            finally:
                assert fetcher is not None
                await fetcher.aclose()
        tasks.cancel_scope.cancel()

    assert json.loads(wishes[0])["bsn"] == BSNS[0].value


@pytest.mark.parametrize("lines", ["", "# nobody\n", "epd abc\n", "epd " + "0" * 64 + " trusty\n", "Epd " + "0" * 64, ("epd " + "0" * 64 + "\n") * 2, "é"])
def test_a_file_of_tokens_with_a_mistake_is_refused(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(lines)

    with pytest.raises(BadInput, match="invalid-setting"):
        read_applications(path)


def test_a_token_lets_its_own_application_in_and_stands_nowhere(tmp_path: Path) -> None:
    token, line = new_token("epd", trusted=True)
    (tmp_path / "tokens").write_text(line)
    application = read_applications(tmp_path / "tokens").named_by(f"Bearer {token}")

    assert (application.name, application.is_trusted) == ("epd", True)
    assert token not in line
    assert not Applications().named_by("").is_trusted
    with pytest.raises(BadInput, match="invalid-setting"):
        new_token("E P D")


def test_p12_an_emergency_over_grpc_that_claims_no_treatment_is_refused_with_its_cause() -> None:
    at_work = Professionals(GP.professional, TreatmentBasis.REGISTERED, datetime.now(UTC)).at_work
    said = {"noaber-purpose": "ETREAT", "noaber-reason": "unconscious"}

    assert at_work(said, ANYBODY).emergency is not None
    with pytest.raises(BadInput) as caught:
        at_work(said, ANYBODY, treats=False)
    assert (caught.value.fault, caught.value.where) == (Fault.EMERGENCY_INCOMPLETE, "noaber-treatment")
