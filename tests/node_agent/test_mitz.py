"""Mitz is asked exactly as agreed, and believed only when it surely answered this question."""

import re
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

import anyio
import httpx2
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from accord.link.certificates import Authority, certify, make_authority, write_private
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.consents import Delegation, Deny, Permit, Reason, Unclear, Word
from node_agent.leasing import Leased
from node_agent.sources.mitz_answer import value_in, word_of
from node_agent.sources.mitz_catalogue import CATALOGUE_FILE, read_catalogue
from node_agent.sources.mitz_endpoint import MitzEndpoint
from node_agent.sources.mitz_notifying import NOTIFICATIONS_PATH, notifications_app, read_notification
from node_agent.sources.mitz_question import ClosedQuestion, attributes_of, envelope
from node_agent.sources.mitz_register import MitzRegister
from node_agent.sources.mitz_subscribing import MitzSubscriptions, Subscriber, subscription
from node_agent.sources.mitz_xml import LARGEST, read_xml
from testbed.contracts.records import ANNA, BERT
from testbed.fhir_server_serving import _Server
from testbed.mitz_desk import Lie, MitzDesk, MitzFaults
from testbed.mitz_reading import Subscribed, read_question, read_subscription
from testbed.mitz_stub import mitz_app
from testbed.mitz_telling import decision, notification
from tests.node_agent.registers import CATALOGUE, GP, HOLDER, choose, consent_question, mitz

pytestmark = pytest.mark.anyio

LAB, PILLS, PROBLEMS = CareCategory.OBSERVATION_LABORATORY, CareCategory.MEDICATION_USE, CareCategory.CONDITION
MESSAGE = "urn:uuid:b8cb2497-a47e-48d9-907c-2b4dfbfb5697"
CLOSED = ClosedQuestion(MESSAGE, attributes_of(consent_question(), "GGC002", CATALOGUE))


def answer_of(word: str = "Permit", message: str = MESSAGE) -> bytes:
    """What Mitz answers to the question above."""
    return decision(word, message, read_question(envelope(CLOSED, "http://127.0.0.1/"), CATALOGUE).groups)


# The question


async def test_one_question_travels_for_each_category_of_data_that_is_asked() -> None:
    desk = MitzDesk()
    async with mitz(desk) as register:
        await register.ask(consent_question(categories=frozenset({LAB, PILLS, PROBLEMS, CareCategory.ALERT})))

    assert sorted(said["data"] for said in desk.asked) == ["GGC002", "GGC012", "GGC013"]
    assert {said["purpose"] for said in desk.asked} == {"TREAT"}
    assert desk.asked[0] | {"data": ""} == {
        "patient": ANNA,
        "holder": HOLDER.value,
        "holder_type": "V4",
        "data": "",
        "role": "01.015",
        "responsible": "000095254",
        "user": "90001003",
        "user_type": "Z3",
        "purpose": "TREAT",
    }


async def test_what_is_not_asked_is_not_put_to_mitz() -> None:
    desk = MitzDesk()
    async with mitz(desk) as register:
        answer = await register.ask(consent_question(categories=frozenset({PILLS, CareCategory.FINANCIAL})))

    assert [said["data"] for said in desk.asked] == ["GGC013"]
    assert set(answer.words) == {PILLS}


async def test_under_a_delegation_the_responsible_person_is_who_delegated() -> None:
    desk = MitzDesk()
    async with mitz(desk) as register:
        await register.ask(consent_question(categories=frozenset({PILLS}), delegation=Delegation("000011111", "01.000")))

    said = desk.asked[0]
    assert (said["responsible"], said["mandated"], said["role"]) == ("000011111", "000095254", "01.000")


@pytest.mark.parametrize("delegation", [Delegation("000011111", ""), Delegation("000011111", "arts"), Delegation("", "01.000")])
async def test_a_delegation_without_its_role_code_or_person_is_not_asked(delegation: Delegation) -> None:
    desk = MitzDesk()
    async with mitz(desk) as register:
        answer = await register.ask(consent_question(categories=frozenset({PILLS}), delegation=delegation))

    assert answer.words == {PILLS: Unclear(Reason.NOT_COVERED)}
    assert not desk.asked


async def test_a_kind_without_a_type_code_is_not_asked() -> None:
    desk = MitzDesk(replace(CATALOGUE, types={HolderKind.HOSPITAL: "V4"}))
    async with mitz(desk) as register:
        answer = await register.ask(consent_question(categories=frozenset({PILLS})))

    assert answer.words == {PILLS: Unclear(Reason.NOT_COVERED)}


def test_the_question_has_the_attributes_of_the_published_example(shared_data: Path) -> None:
    example = shared_data / "dutch/knooppunt/mitz-xacml-example.xml"
    if not example.is_file():
        pytest.skip("no example here")
    asked_by = Asker(DataUser(Ura("00000666"), "", HolderKind.GP_PRACTICE), Professional("000095254", "01.015", ""), treats_the_patient=True)
    asked = consent_question("900186021", holder=Ura("00000659"), holder_kind=HolderKind.GP_PRACTICE, asked_by=asked_by)
    ours = envelope(ClosedQuestion(MESSAGE, attributes_of(asked, "GGC002", CATALOGUE)), "http://localhost:8000/4")

    assert _attributes(read_xml(ours)) == _attributes(read_xml(example.read_bytes()))
    assert read_question(ours, CATALOGUE).said == read_question(example.read_bytes(), CATALOGUE).said


def _attributes(root: Element) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for group in root.iter("{urn:oasis:names:tc:xacml:3.0:core:schema:wd-17}Attributes"):
        for attribute in group:
            found.append((group.get("Category"), group.attrib["{http://www.w3.org/XML/1998/namespace}id"], dict(attribute.attrib), value_in(attribute)))
            found.append((attribute[0].get("DataType"), attribute[0][0].tag, sorted(attribute[0][0].attrib.items())))
    return found


# The answer


async def test_permit_and_deny_are_what_the_patient_chose() -> None:
    desk = MitzDesk()
    choose(desk, permits=True)
    choose(desk, permits=False, data="GGC013")
    async with mitz(desk) as register:
        answer = await register.ask(consent_question(categories=frozenset({LAB, PILLS, PROBLEMS})))

    assert answer.words == {LAB: Permit(), PROBLEMS: Permit(), PILLS: Deny()}
    assert "GGC013=deny:refused urn:uuid:" in answer.evidence
    assert "GGC002=permit urn:uuid:" in answer.evidence
    assert ANNA not in answer.evidence


@pytest.mark.parametrize(("word", "reason"), [("NotApplicable", Reason.NOT_APPLICABLE), ("Indeterminate", Reason.INDETERMINATE), ("Deny", Reason.REFUSED)])
def test_everything_but_permit_is_a_no_with_a_reason(word: str, reason: Reason) -> None:
    assert word_of(200, answer_of(word), CLOSED) == Deny(reason)


def test_a_permit_for_this_question_is_one() -> None:
    assert word_of(200, answer_of(), CLOSED) == Permit()


@pytest.mark.parametrize("word", ["permit", "Permit.", "", "PERMIT", "Permit Deny"])
def test_a_word_that_xacml_does_not_know_is_no_decision(word: str) -> None:
    assert word_of(200, answer_of(word), CLOSED) == Unclear(Reason.UNREADABLE)


@pytest.mark.parametrize("status", [400, 401, 404, 422, 500, 302, 204])
def test_a_status_is_no_decision(status: int) -> None:
    assert word_of(status, answer_of(), CLOSED) == Unclear(Reason.TURNED_AWAY, f"HTTP {status}")


def test_too_many_questions_is_busy() -> None:
    assert word_of(429, b"", CLOSED) == Unclear(Reason.BUSY, "HTTP 429")


LIES: dict[Lie, object] = {
    "other-message": Unclear(Reason.OTHER_QUESTION),
    "other-patient": Unclear(Reason.OTHER_QUESTION),
    "two-decisions": Unclear(Reason.UNREADABLE),
    "obligation": Deny(Reason.OBLIGED),
    "entity": Unclear(Reason.UNREADABLE),
    "bomb": Unclear(Reason.UNREADABLE),
    "huge": Unclear(Reason.UNREADABLE),
    "garbage": Unclear(Reason.UNREADABLE),
}


@pytest.mark.parametrize("lie", sorted(LIES))
async def test_an_answer_that_is_not_surely_to_this_question_permits_nothing(lie: Lie) -> None:
    desk = MitzDesk(faults=MitzFaults(lie=lie))
    choose(desk, permits=True)
    async with mitz(desk) as register:
        answer = await register.ask(consent_question(categories=frozenset({PROBLEMS})))

    assert answer.words == {PROBLEMS: LIES[lie]}


async def test_a_soap_fault_is_no_decision() -> None:
    desk = MitzDesk(faults=MitzFaults(soap_fault=True))
    async with mitz(desk) as register:
        answer = await register.ask(consent_question(categories=frozenset({PROBLEMS})))

    assert answer.words == {PROBLEMS: Unclear(Reason.TURNED_AWAY, "Receiver")}


async def test_mitz_is_waited_for_no_longer_than_the_question_has() -> None:
    desk = MitzDesk(faults=MitzFaults(delay=30))
    choose(desk, permits=True)
    async with mitz(desk) as register:
        answer = await register.ask(consent_question(categories=frozenset({PROBLEMS}), seconds=0.05))

    assert answer.words == {PROBLEMS: Unclear(Reason.OUT_OF_TIME)}


async def test_a_dropped_connection_is_tried_once_more() -> None:
    tries = 0

    async def drop(_: httpx2.Request) -> httpx2.Response:
        nonlocal tries
        tries += 1
        raise httpx2.RemoteProtocolError("gone")

    register = MitzRegister(MitzEndpoint("http://127.0.0.1:9"), CATALOGUE, transport=httpx2.MockTransport(drop))
    answer = await register.ask(consent_question(categories=frozenset({PROBLEMS})))
    await register.close()

    assert answer.words == {PROBLEMS: Unclear(Reason.UNREACHABLE)}
    assert tries == 2


@given(st.binary(max_size=300) | st.integers(0, 3_000).map(lambda place: answer_of()[:place]))
def test_no_bytes_make_the_reader_fail_or_permit(body: bytes) -> None:
    assert isinstance(word_of(200, body, CLOSED), Unclear)


@given(st.integers(0, 5_000), st.integers(0, 255))
def test_an_answer_with_a_changed_byte_permits_only_where_nothing_that_counts_changed(place: int, byte: int) -> None:
    text = answer_of()
    place %= len(text)
    changed = text[:place] + bytes([byte]) + text[place + 1 :]
    if isinstance(word_of(200, changed, CLOSED), Permit):
        assert ANNA.encode() in changed
        assert b"Permit" in changed


# The connection


@pytest.mark.parametrize("base", ["http://mitz.example.org", "https://mitz.example.org", "ftp://127.0.0.1", "https://u@127.0.0.1", "http://127.0.0.1/?a=b"])
def test_mitz_is_asked_over_mutual_tls_or_on_this_machine(base: str) -> None:
    with pytest.raises(BadInput) as failure:
        MitzEndpoint(base)

    assert failure.value.fault is Fault.INVALID_SETTING


def test_a_certificate_that_cannot_be_used_is_told_by_its_setting(tmp_path: Path) -> None:
    nothing = tmp_path / "none.pem"
    with pytest.raises(BadInput, match=r"mitz\.certificate"):
        MitzEndpoint("https://127.0.0.1", nothing, nothing).client()


@asynccontextmanager
async def mitz_over_tls(desk: MitzDesk, folder: Path, authority: Authority) -> AsyncGenerator[str, None]:
    """The simulated Mitz, which lets nobody in without a certificate of this authority."""
    certificate, key = credentials(folder, "mitz", authority)
    (folder / "authority.pem").write_text(authority.certificate, encoding="ascii")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            mitz_app(desk),
            lifespan="off",
            log_config=None,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ssl_ca_certs=str(folder / "authority.pem"),
            ssl_cert_reqs=ssl.CERT_REQUIRED,
        )
        server = _Server(config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            await server.ready.wait()
            try:
                yield f"https://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.stop.set()


def credentials(folder: Path, name: str, authority: Authority) -> tuple[Path, Path]:
    """A certificate and its key, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_text(certify(authority, key.public_key(), HOLDER, ["127.0.0.1"], at=now - timedelta(hours=1), days=2), encoding="ascii")
    write_private(private, key)
    return certificate, private


async def test_mitz_is_asked_over_mutual_tls_and_each_believes_only_its_own_authorities(tmp_path: Path) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    authority, other = make_authority("here", at=now, days=2), make_authority("elsewhere", at=now, days=2)
    ours, strangers = credentials(tmp_path, "ours", authority), credentials(tmp_path, "strangers", other)
    (tmp_path / "other.pem").write_text(other.certificate, encoding="ascii")
    desk = MitzDesk()
    choose(desk, permits=True)
    words: list[Word] = []
    async with mitz_over_tls(desk, tmp_path, authority) as base:
        for (certificate, key), authorities in ((ours, "authority.pem"), (strangers, "authority.pem"), (ours, "other.pem")):
            register = MitzRegister(MitzEndpoint(base, certificate, key, tmp_path / authorities), CATALOGUE)
            words += (await register.ask(consent_question(categories=frozenset({PROBLEMS})))).words.values()
            await register.close()

    assert words == [Permit(), Unclear(Reason.UNREACHABLE), Unclear(Reason.UNREACHABLE)]
    assert len(desk.asked) == 1


# The catalogue


def test_a_category_is_asked_by_the_narrowest_that_covers_it() -> None:
    assert CATALOGUE.code_of[LAB] == "GGC012"
    assert CATALOGUE.code_of[PILLS] == "GGC013"
    assert CATALOGUE.code_of[PROBLEMS] == "GGC002"
    assert CATALOGUE.care_of("GGC012") < CATALOGUE.care_of("GGC002")
    assert CATALOGUE.care_of("GGC013") < CATALOGUE.care_of("GGC002")


def test_every_kind_of_organisation_has_a_type_code_in_one_category() -> None:
    assert set(CATALOGUE.types) == set(HolderKind)
    assert all(CATALOGUE.provider_of(code) is not None for code in CATALOGUE.types.values())


#: A version in which hospitals and laboratories are apart, as a later version has it. Its new code is made up.
LATER = {'version = "3.8.0"': 'version = "3.8.1"', '"L1", "Z5"': '"Z5"'}
LABORATORIES = '\n[[provider_category]]\ncode = "RPZAC999"\ntitle = "Laboratoria"\ntypes = ["L1"]\n'


def later_version(folder: Path) -> Path:
    """A file with that version."""
    text = CATALOGUE_FILE.read_text(encoding="utf-8")
    for old, new in LATER.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "later.toml"
    path.write_text(text + LABORATORIES, encoding="utf-8")
    return path


async def test_with_another_version_the_same_choice_reaches_others(tmp_path: Path) -> None:
    later = read_catalogue(later_version(tmp_path))
    laboratory = Asker(DataUser(Ura("90001005"), "Lab", HolderKind.LABORATORY), GP.professional, treats_the_patient=True)
    words = {}
    for catalogue in (CATALOGUE, later):
        desk = MitzDesk(catalogue)
        choose(desk, permits=True, provider="RPZAC104")
        async with mitz(desk) as register:
            answer = await register.ask(consent_question(asked_by=laboratory, categories=frozenset({PROBLEMS})))
            words[catalogue.version] = answer.words[PROBLEMS]
            assert answer.evidence.startswith(f"mitz {catalogue.version}")

    assert words == {"3.8.0": Permit(), "3.8.1": Deny(Reason.NOT_APPLICABLE)}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('hospital = "V4"', 'hospitaal = "V4"', "hospitaal: unknown kind"),
        ('hospital = "V4"', 'hospital = "Z3"', "hospital: not a type code"),
        ('types = ["G5", "G7", "G8"]', 'types = ["G5", "Q9", "G8"]', "Q9: unknown"),
        ('types = ["G5", "G7", "G8"]', 'types = ["G5", "Z3"]', "Z3: in two categories"),
        ('    "Condition",', '    "Conditon",', "Conditon: unknown"),
        ('    "Condition",', '    "Condition",\n    "Condition",', "Condition: there twice"),
        ('code = "RPZAC005"', 'code = "RPZAC004"', "RPZAC004: there twice"),
        ('code = "RPZAC005"', 'code = "rpzac-5"', "rpzac-5: no code"),
        ('title = "Medicatie"\ninside = "GGC002"', 'title = "Medicatie"\ninside = "GGC009"', "GGC009: inside what is not there"),
        ('title = "Medicatie"\ninside = "GGC002"', 'title = "Medicatie"', "in two categories"),
        ('care = ["MedicationRequest", "MedicationUse"]', 'care = ["MedicationRequest", "Financial"]', "GGC002: holds more"),
        ('kinds = ["hospital"]', 'kinds = ["ziekenhuis"]', "ziekenhuis: unknown"),
        ('version = "3.8.0"', 'version = "newest"', "newest: no version"),
        ('title = "Ziekenhuis"', 'titel = "Ziekenhuis"', "titel: unknown"),
        ('title = "Ziekenhuis"', "title = 3", "situation: missing or of another kind"),
        ('title = "Ziekenhuis"', "title = ", "is not TOML"),
    ],
)
def test_what_is_unknown_in_a_catalogue_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = CATALOGUE_FILE.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "changed.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BadInput) as failure:
        read_catalogue(path)

    assert told in failure.value.where
    line = re.match(r"changed\.toml:([0-9]+): ", failure.value.where)
    assert line, failure.value.where
    first = text[: text.index(old)].count("\n") + 1
    # The line itself, or the head of its table where a value of another kind cannot be searched for.
    assert first - 3 <= int(line[1]) <= first + new.count("\n") + 1


def test_a_catalogue_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_catalogue(tmp_path / "none.toml")


# Subscriptions


SUBSCRIBER = Subscriber(HOLDER, HolderKind.HOSPITAL, "https://agent.example.org/mitz/notifications", source="2.16.840.1.113883.2.4.6.6.90000017")


def test_a_subscription_is_as_the_published_example(shared_data: Path) -> None:
    example = shared_data / "dutch/knooppunt/mitz-subscription.xml"
    if not example.is_file():
        pytest.skip("no example here")
    ours = read_xml(subscription(SUBSCRIBER, Bsn(ANNA), CATALOGUE, datetime(1941, 3, 2, tzinfo=UTC).date()))
    theirs = read_xml(example.read_bytes())
    ours_has, theirs_has = ({element.tag for element in root.iter()} for root in (ours, theirs))

    assert ours_has == theirs_has
    assert [element.tag for element in ours if element.tag != ours[0].tag] == [element.tag for element in theirs if element.tag != theirs[0].tag]
    assert read_subscription(subscription(SUBSCRIBER, Bsn(ANNA), CATALOGUE), CATALOGUE) == Subscribed(ANNA, HOLDER.value, "V4", SUBSCRIBER.endpoint)


@pytest.mark.parametrize(("status", "kind"), [(400, BadInput), (401, BadInput), (404, BadInput), (422, BadInput), (429, Unavailable), (500, Unavailable)])
async def test_a_subscription_that_is_turned_away_is_told(status: int, kind: type[Exception]) -> None:
    desk = MitzDesk(faults=MitzFaults(status=status))
    subscriptions = MitzSubscriptions(MitzEndpoint("http://127.0.0.1:9"), SUBSCRIBER, CATALOGUE, transport=httpx2.ASGITransport(mitz_app(desk)))
    with pytest.raises(kind) as failure:
        await subscriptions.subscribe(Bsn(ANNA))
    await subscriptions.close()

    assert ANNA not in str(failure.value)


# Notifications


def a_notification(permits: bool = False, holder: str = HOLDER.value, bsn: str = ANNA) -> bytes:  # noqa: FBT001, FBT002 - what is chosen
    return notification(Subscribed(bsn, holder, "V4", ""), {("GGC002", "RPZAC001"): permits, ("GGC013", "RPZAC104"): True})


def test_the_published_notification_is_read(shared_data: Path) -> None:
    example = shared_data / "dutch/knooppunt/mitz-notification-bundle.xml"
    if not example.is_file():
        pytest.skip("no example here")
    notified = read_notification(example.read_bytes(), CATALOGUE)

    assert notified.holder == Ura("00000659")
    assert notified.categories == CATALOGUE.care_of("GGC002")
    assert [(one.data, one.permits, len(one.providers)) for one in notified.said] == [("GGC002", True, 1), ("GGC002", False, 6)]
    assert "900186021" not in repr(notified)


def test_a_notification_tells_whose_choice_changed_and_about_what() -> None:
    notified = read_notification(a_notification(), CATALOGUE)

    assert (notified.bsn, notified.holder) == (Bsn(ANNA), HOLDER)
    assert [(one.data, sorted(one.providers), one.permits) for one in notified.said] == [("GGC002", ["RPZAC001"], False), ("GGC013", ["RPZAC104"], True)]


SPOILED = {
    "no transaction": ('<type value="transaction"/>', '<type value="batch"/>'),
    "another scope": ('code value="patient-privacy"', 'code value="treatment"'),
    "an unknown provider": ("RPZAC001", "RPZAC777"),
    "unknown data": ('code value="GGC002"', 'code value="GGC777"'),
    "another role": ('code value="CST"', 'code value="PRCP"'),
    "another purpose": ('code value="TREAT"', 'code value="ETREAT"'),
    "another profile": ("Consent-Mitz-Notify", "Consent-Other"),
    "a modifier": ("<role>", '<modifierExtension url="urn:not"/><role>'),
    "a nested provision": ("<actor>", '<provision><type value="permit"/></provision><actor>'),
    "two states": ("<status ", '<status value="active"/><status '),
    "a state between": ('<status value="inactive"/>', '<status value="draft"/>'),
    "two numbers": ("</Patient>", f'<identifier><system value="http://fhir.nl/fhir/NamingSystem/bsn"/><value value="{BERT}"/></identifier></Patient>'),
    "no number": ("NamingSystem/bsn", "NamingSystem/other"),
    "a wrong number": (f'value="{ANNA}"', 'value="999999999"'),
    "another patient in the reference": ('<patient><reference value="urn:uuid:', '<patient><reference value="urn:uuid:0'),
    "another request": ('<url value="Consent"/>', '<url value="Patient"/>'),
    "a document type": ("<Bundle", "<!DOCTYPE Bundle><Bundle"),
    "an unknown element": ("<scope>", "<verification/><scope>"),
    "an unknown extension": ("OTV-ProviderCategory", "Other"),
    "no consent": ("Consent>", "Basic>"),
}


@pytest.mark.parametrize("how", sorted(SPOILED))
async def test_a_notification_that_is_not_as_agreed_counts_as_a_change_of_nobody_knows_whom(how: str) -> None:
    old, new = SPOILED[how]
    text = a_notification().decode()
    assert old in text
    spoiled = text.replace(old, new).encode()
    with pytest.raises(BadInput) as failure:
        read_notification(spoiled, CATALOGUE)
    assert ANNA not in str(failure.value)

    changed: list[Bsn | None] = []
    assert await posted(spoiled, changed) == 422
    assert changed == [None]


async def test_a_notification_is_taken_in_and_answered_after_it_counts() -> None:
    changed: list[Bsn | None] = []

    assert await posted(a_notification(), changed) == 204
    assert changed == [Bsn(ANNA)]


@pytest.mark.parametrize(("text", "kind", "status"), [(b"x" * (LARGEST + 1), "application/fhir+xml", 413), (b"{}", "application/fhir+json", 415)])
async def test_what_is_too_large_or_of_another_type_is_turned_away(text: bytes, kind: str, status: int) -> None:
    assert await posted(text, [], kind) == status


async def test_a_notification_about_another_holder_is_turned_away() -> None:
    assert await posted(a_notification(holder="90009999"), []) == 422


async def posted(text: bytes, changed: list[Bsn | None], kind: str = "application/fhir+xml") -> int:
    app = notifications_app(CATALOGUE, HOLDER, changed.append)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://agent") as http:
        return (await http.post(NOTIFICATIONS_PATH, content=text, headers={"content-type": kind})).status_code


# Together


async def test_p11_a_choice_taken_back_at_mitz_is_pushed_and_the_lease_dropped() -> None:
    desk = MitzDesk()
    choose(desk, permits=True)
    async with mitz(desk) as register:
        leased = Leased(register)

        def changed(bsn: Bsn | None) -> None:
            leased.drop(bsn)

        desk.transport = httpx2.ASGITransport(notifications_app(CATALOGUE, HOLDER, changed))
        subscriptions = MitzSubscriptions(
            MitzEndpoint("http://127.0.0.1:9"),
            replace(SUBSCRIBER, endpoint=f"http://agent{NOTIFICATIONS_PATH}"),
            CATALOGUE,
            transport=httpx2.ASGITransport(mitz_app(desk)),
        )
        await subscriptions.subscribe(Bsn(ANNA))
        await subscriptions.close()
        question = consent_question(categories=frozenset({PROBLEMS}))
        before = (await leased.ask(question)).words[PROBLEMS]
        await desk.push(choose(desk, permits=False))
        after = (await leased.ask(question)).words[PROBLEMS]

    assert (before, after) == (Permit(), Deny())
    assert desk.pushed == [204]


async def test_many_ask_at_once_and_each_gets_the_answer_to_their_own_question() -> None:
    desk = MitzDesk()
    choose(desk, permits=True)
    choose(desk, permits=False, bsn=BERT)
    words: list[tuple[str, object]] = []

    async def ask(bsn: str) -> None:
        answer = await register.ask(consent_question(bsn, categories=frozenset({PROBLEMS}), purpose=PurposeOfUse.TREATMENT))
        words.append((bsn, answer.words[PROBLEMS]))

    async with mitz(desk) as register, anyio.create_task_group() as tasks:
        for place in range(40):
            tasks.start_soon(ask, (ANNA, BERT)[place % 2])

    assert set(words) == {(ANNA, Permit()), (BERT, Deny())}
