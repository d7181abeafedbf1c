"""B1, E5, E6, F5: what faces, logs and journals let slip to somebody who walks, injects or reads along."""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import pytest

from accord.audit import verifying
from accord.audit.events import Closing, Decision, GlassBroken, Located, RefusedQuestion, Release
from accord.terms.evidence import Asked, Emergency
from accord.terms.identifiers import BSN_SYSTEM
from accord.terms.parties import Professional
from accord.terms.queries import EVERYTHING, Selection
from accord.terms.vocabulary import PurposeOfUse
from testbed.attack_kit import AttackKit
from testbed.people import DINA
from testbed.scripted_gateway import location, question
from testbed.scripted_user import ATTACKER, ScriptedMandate
from tests.region.trust_world import BULKY, CANARY, HOLDER, LURING, SILENT, STRANGER, VICTIM, events_at, journal_of, logs_of

pytestmark = pytest.mark.slow

PATIENT_ONLY: Final = Asked(PurposeOfUse.TREATMENT, Selection(types=frozenset({"Patient"}), includes=()))
ALL_ABOUT: Final = Asked(PurposeOfUse.TREATMENT, EVERYTHING)


@pytest.fixture
def connect(kit: AttackKit) -> Iterator[httpx2.Client]:
    """What an application of the data user sees."""
    with httpx2.Client(base_url=kit.region.fhir_url, timeout=20, trust_env=False, headers={"accept-language": "en"}) as client:
        yield client


def found(client: httpx2.Client, bsn: str, mandate: ScriptedMandate | None = None) -> str:
    """The opaque id by which the gateway knows a person."""
    headers = dict(mandate.headers(PATIENT_ONLY)) if mandate else {}
    answer = client.post("Patient/_search", data={"identifier": f"{BSN_SYSTEM}|{bsn}"}, headers=headers)
    logical_id: str = answer.json()["entry"][0]["resource"]["id"]
    return logical_id


def unmarked(answer: httpx2.Response) -> tuple[int, str]:
    """An answer without what differs from one request to the next."""
    text = answer.text.replace(answer.headers.get("x-request-id", "no id"), "")
    return answer.status_code, re.sub(r'"(lastUpdated|timestamp|id|value)":"[^"]*"', "", text)


WALKS: Final = (
    "Patient/{id}",
    "Patient/{id}/$everything",
    "Condition?patient={id}",
    "Condition?subject=Patient/{id}",
    "Observation?patient={id}&category=laboratory",
    "at/brinkhof/Condition?patient={id}",
    "at/brinkhof/Patient/{id}",
)


@pytest.mark.parametrize("walk", WALKS)
def test_b1_with_a_mandate_about_somebody_else_an_id_that_is_known_looks_like_one_that_is_made_up(kit: AttackKit, walk: str) -> None:
    user = kit.user("eschrand")
    with kit.fhir() as theirs, kit.fhir("eschrand") as mine:
        stolen = found(theirs, VICTIM, kit.user().mandate(VICTIM))
        made_up = stolen[:8] + "".join(reversed(stolen[8:]))
        told = [unmarked(mine.get(walk.format(id=one), headers=_evidence(user.mandate(STRANGER)))) for one in (stolen, made_up)]

    assert made_up != stolen
    assert told[0] == told[1]
    assert 400 <= told[0][0] < 500
    assert CANARY not in told[0][1]


def _evidence(mandate: ScriptedMandate, **more: str) -> dict[str, str]:
    return {**mandate.headers(PATIENT_ONLY, ALL_ABOUT, Asked(PurposeOfUse.TREATMENT, Selection(types=frozenset({"Condition"})))), **more}


@pytest.mark.parametrize(
    "record", ["Condition/brinkhof.c-silent", "Condition/brinkhof.nobody", "at/brinkhof/Condition/nobody", "at/brinkhof/Condition/c-silent"]
)
def test_b1_the_address_of_somebody_elses_record_is_not_found_like_one_that_does_not_exist(connect: httpx2.Client, record: str) -> None:
    found(connect, VICTIM)
    answer = connect.get(record)

    assert (answer.status_code, CANARY in answer.text) == (404, False)
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "not-found"


def test_b1_a_page_of_somebody_elses_search_does_not_open(kit: AttackKit, connect: httpx2.Client) -> None:
    page = connect.get(f"Condition?patient={found(connect, BULKY)}&_count=1").json()
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    path = following.split("/fhir/", 1)[1]
    with kit.fhir("eschrand") as other:
        stolen = other.get(path, headers=_evidence(kit.user("eschrand").mandate(STRANGER)))
        spoilt = other.get(path[:-4] + "AAAA", headers=_evidence(kit.user("eschrand").mandate(STRANGER)))

    assert 400 <= stolen.status_code < 500
    assert 400 <= spoilt.status_code < 500
    assert CANARY not in stolen.text + spoilt.text


@pytest.mark.parametrize("name", ["noaber-patient", "x-forwarded-for", "x-patient-id", "noaber-base", "x-original-url", "x-http-method-override"])
def test_b1_no_header_makes_somebody_else_of_the_patient(kit: AttackKit, name: str) -> None:
    user = kit.user("eschrand")
    with kit.fhir() as theirs, kit.fhir("eschrand") as mine:
        stolen = found(theirs, VICTIM, kit.user().mandate(VICTIM))
        answer = mine.get(f"Condition?patient={stolen}", headers=_evidence(user.mandate(STRANGER), **{name: stolen}))
        by_number = mine.get(f"Condition?patient={stolen}", headers=_evidence(user.mandate(STRANGER), **{name: VICTIM}))

    assert CANARY not in answer.text + by_number.text
    assert 400 <= answer.status_code < 500


NASTY: Final = ("a\u2028b", "a\x1b[31mb", "a\u202eb", "a\x00b", 'a","kind":"release","x":"', "${jndi:ldap://x}", "%0d%0aforged: 1", "x" * 5_000)


def test_e5_whatever_stands_in_a_field_makes_one_line_and_no_other(kit: AttackKit) -> None:
    before = len(events_at(kit.region))
    asked = 0
    for text in NASTY:
        message = question(kit.user().mandate(VICTIM), kit.ura(HOLDER), VICTIM)
        for change in ("query_id", "name", "identifier"):
            changed = type(message)()
            changed.CopyFrom(message)
            setattr(changed.query if change == "query_id" else changed.query.professional, change, text)
            asked += 1
            kit.gateway(HOLDER).query(changed)
    verdict = verifying.verify(journal_of(kit.region, HOLDER))
    after = events_at(kit.region)
    raw = b"".join(path.read_bytes() for path in sorted(journal_of(kit.region, HOLDER).rglob("*")) if path.is_file())

    assert not verdict.breaks
    assert len(after) <= before + 8 * asked
    assert not any(control in raw for control in (b"\x1b", b"\r", "\u2028".encode(), "\u202e".encode()))
    assert b'"kind":"release","x"' not in raw


def test_e5_headers_that_forge_lines_leave_none_in_a_log(kit: AttackKit, connect: httpx2.Client) -> None:
    forged = "x\r\n2026-01-01 forged"
    for name in (b"user-agent", b"x-request-id", b"traceparent", b"accept-language", b"referer", b"prefer"):
        for text in (forged.encode(), "\u2028forged".encode(), b"\x1b[31mforged", b"f" * 10_000):
            with suppress(httpx2.HTTPError):  # the server, or the client's own library, refuses such a header
                connect.get("metadata", headers=[(name, text)])
    logs = b"".join(path.read_bytes() for path in logs_of(kit.region))

    assert b"\x1b[31mforged" not in logs
    assert b"\nforged" not in logs
    assert b"\xe2\x80\xa8" not in logs
    assert b"f" * 1_000 not in logs


def test_e6_the_journal_has_an_event_of_every_kind_and_nothing_that_it_may_not_have(kit: AttackKit) -> None:
    physician = Professional("900000680", "01.071", "Physician (fictional)")
    user, gateway = kit.user(), kit.gateway(HOLDER)
    pseudonym, key = kit.pseudonym(HOLDER, VICTIM)
    mandates = [user.mandate(VICTIM), user.mandate(SILENT)]
    gateway.locate(location(mandates[0], pseudonym, VICTIM, key))
    for mandate, bsn in zip(mandates, (VICTIM, SILENT), strict=True):
        gateway.query(question(mandate, kit.ura(HOLDER), bsn))
    said = Emergency("unconscious", f"found unconscious {SILENT}", datetime.now(UTC).replace(microsecond=0))
    emergency = user.mandate(SILENT, professional=physician, purpose=PurposeOfUse.EMERGENCY_TREATMENT, emergency=said)
    gateway.query(question(emergency, kit.ura(HOLDER), SILENT))
    gateway.query(question(emergency, kit.ura("eschrand"), SILENT))
    kit.region.ask(VICTIM)

    kinds = Counter(type(event) for event in events_at(kit.region))
    assert {Decision, Release, Closing, Located, RefusedQuestion, GlassBroken} <= kinds.keys()
    released = [event for event in events_at(kit.region) if isinstance(event, Release)]
    assert all(event.asking is not None and event.asking.professional for event in released)
    secrets = (
        CANARY,
        VICTIM,
        SILENT,
        BULKY,
        LURING,
        DINA.bsn,
        *(one.text[-40:] for one in (*mandates, emergency)),
        base64.b64encode(mandates[0].salt).decode(),
    )
    for name in (HOLDER, "gateway", "dinkelhorst"):
        raw = b"".join(path.read_bytes() for path in journal_of(kit.region, name).rglob("*") if path.is_file())
        assert [secret for secret in secrets if secret.encode() in raw] == [], name
    for path in logs_of(kit.region):
        assert [secret for secret in secrets if secret.encode() in path.read_bytes()] == [], path.parent.name


def test_f5_no_answer_may_be_kept_and_no_address_in_one_bears_a_number(connect: httpx2.Client) -> None:
    patient = found(connect, VICTIM)
    answers = [
        connect.post("Patient/_search", data={"identifier": f"{BSN_SYSTEM}|{VICTIM}"}),
        connect.get(f"Patient/{patient}"),
        connect.get(f"Patient/{patient}/$everything"),
        connect.get(f"Condition?patient={patient}&_count=1"),
        connect.get("Condition/brinkhof.nobody"),
        connect.get("Patient?identifier=" + VICTIM),
        connect.get("nowhere"),
    ]
    assert all("no-store" in answer.headers["cache-control"] for answer in answers)
    assert not any("set-cookie" in answer.headers for answer in answers)
    for answer in answers:
        assert VICTIM not in repr(list(answer.headers.items()))
        assert VICTIM not in repr(list(addresses_in(answer.json())))


def addresses_in(body: dict[str, Any]) -> Iterator[str]:
    """The addresses that stand in a Bundle."""
    yield from (link["url"] for link in body.get("link", []) if "url" in link)
    for entry in body.get("entry", []):
        yield entry.get("fullUrl", "")
        yield from addresses_in(entry)


def test_f5_what_a_stranger_can_read_of_the_channel_names_no_patient(kit: AttackKit) -> None:
    user = replace(ATTACKER, identifier="900000690")
    told = kit.gateway(HOLDER).query(question(kit.user().mandate(VICTIM, professional=user), kit.ura(HOLDER), VICTIM))

    assert VICTIM not in repr(told.trailing)
    assert CANARY not in repr(told.trailing)
