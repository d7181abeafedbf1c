"""The simulated Mitz takes in what is agreed and nothing else, tells what patients chose, and pushes when that changes."""

import json
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from subprocess import DEVNULL, PIPE
from typing import Any
from uuid import uuid4

import anyio
import httpx2
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from accord.terms.identifiers import Bsn, Ura
from accord.terms.vocabulary import CareCategory, HolderKind
from node_agent.consents import Delegation, Deny, Permit, Word
from node_agent.sources.mitz_answer import word_of
from node_agent.sources.mitz_endpoint import MitzEndpoint
from node_agent.sources.mitz_question import ClosedQuestion, attributes_of, envelope
from node_agent.sources.mitz_register import QUESTION_PATH, MitzRegister
from node_agent.sources.mitz_subscribing import SUBSCRIPTION_PATH, Subscriber, subscription
from testbed.contracts.records import ANNA, BERT
from testbed.mitz_desk import Chosen, MitzDesk
from testbed.mitz_stub import control_app, mitz_app
from tests.node_agent.registers import CATALOGUE, HOLDER, choose, consent_question

pytestmark = pytest.mark.anyio

SOAP = {"content-type": "application/soap+xml; charset=utf-8"}
SUBSCRIBER = Subscriber(HOLDER, HolderKind.HOSPITAL, "http://agent/mitz/notifications")


def closed(bsn: str = ANNA, **more: Any) -> ClosedQuestion:
    return ClosedQuestion(f"urn:uuid:{uuid4()}", attributes_of(consent_question(bsn, **more), "GGC002", CATALOGUE))


@asynccontextmanager
async def client_of(desk: MitzDesk) -> AsyncGenerator[httpx2.AsyncClient, None]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(mitz_app(desk)), base_url="http://mitz") as http:
        yield http


async def asked(desk: MitzDesk, text: bytes, headers: dict[str, str] | None = None) -> httpx2.Response:
    async with client_of(desk) as http:
        return await http.post(QUESTION_PATH, content=text, headers=headers or SOAP)


WHOLE = envelope(closed(delegation=Delegation("000011111", "01.000")), "http://mitz").decode()


def attribute(text: str, name: str) -> str:
    """One attribute of a question, with all that is in it."""
    begin = text.rindex("<Attribute ", 0, text.index(f'"{name}"') + 1)
    return text[begin : text.index("</Attribute>", begin) + len("</Attribute>")]


NAMES = [name for _, name in closed(delegation=Delegation("000011111", "01.000")).attributes]
MANDATORY = [name for name in NAMES if not name.endswith("mandated")]


async def test_a_question_as_agreed_is_taken_in_and_remembered() -> None:
    desk = MitzDesk()

    assert (await asked(desk, WHOLE.encode())).status_code == 200
    assert len(desk.asked) == 1
    assert set(desk.asked[0].values()) >= {ANNA, HOLDER.value, "TREAT", "GGC002"}


@pytest.mark.parametrize("name", MANDATORY)
async def test_a_question_that_lacks_an_attribute_is_a_fault(name: str) -> None:
    desk = MitzDesk()
    answer = await asked(desk, WHOLE.replace(attribute(WHOLE, name), "").encode())

    assert answer.status_code == 422
    assert b"Fault" in answer.content
    assert not desk.asked


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('DataType="urn:hl7-org:v3#', 'DataType="urn:other#'),
        ("2.16.", "2.17."),
        ('IncludeInResult="true"', 'IncludeInResult="false"'),
        ('xmlns="urn:hl7-org:v3"', 'xmlns="urn:hl7-org:v2"'),
        ("</Attribute>", "</Attribute><Attribute/>"),
    ],
)
async def test_a_question_with_a_wrong_attribute_is_a_fault(name: str, old: str, new: str) -> None:
    desk = MitzDesk()
    wrong = attribute(WHOLE, name).replace(old, new)
    assert wrong != attribute(WHOLE, name)

    assert (await asked(desk, WHOLE.replace(attribute(WHOLE, name), wrong).encode())).status_code == 422
    assert not desk.asked


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ANNA, "999999999"),
        ("GGC002", "GGC777"),
        ('code="V4"', 'code="Q9"'),
        ('code="01.000"', 'code="arts"'),
        ("XACMLAuthorizationDecisionQueryRequest", "Other"),
        ("urn:uuid:", "uuid:"),
        ('code="TREAT"', 'code="ETREAT"'),
        ("000095254", "000011111"),
        ("soap-envelope", "soap-parcel"),
        (' assigningAuthorityName="CIBG"', ""),
    ],
)
async def test_a_question_with_a_value_that_is_not_agreed_is_a_fault(old: str, new: str) -> None:
    assert old in WHOLE
    assert (await asked(MitzDesk(), WHOLE.replace(old, new).encode())).status_code == 422


async def test_what_is_no_xml_or_of_another_type_is_turned_away() -> None:
    assert (await asked(MitzDesk(), b"<soap")).status_code == 400
    assert (await asked(MitzDesk(), b"<!DOCTYPE a><a/>")).status_code == 400
    assert (await asked(MitzDesk(), WHOLE.encode(), {"content-type": "application/json"})).status_code == 415


async def test_the_specific_choice_counts_before_the_general_one() -> None:
    desk = MitzDesk()
    elsewhere = Ura("90009999")
    choose(desk, permits=True)
    choose(desk, permits=False, holder=HOLDER.value)
    for holder, word in ((HOLDER, Deny()), (elsewhere, Permit())):
        question = closed(holder=holder)
        answer = await asked(desk, envelope(question, "http://mitz"))

        assert word_of(200, answer.content, question) == word


async def test_a_choice_taken_back_is_as_if_it_was_never_made() -> None:
    desk = MitzDesk()
    choose(desk, permits=True)
    choose(desk, permits=None)

    assert b"<Decision>NotApplicable</Decision>" in (await asked(desk, WHOLE.encode())).content


async def test_a_subscription_as_agreed_is_accepted_once() -> None:
    desk = MitzDesk(endpoints=frozenset({SUBSCRIBER.endpoint}))
    for _ in range(2):
        assert await subscribed(desk, subscription(SUBSCRIBER, Bsn(ANNA), CATALOGUE)) == 202

    assert len(desk.subscribed) == 1
    assert await subscribed(desk, subscription(replace(SUBSCRIBER, endpoint="http://elsewhere/"), Bsn(ANNA), CATALOGUE)) == 422


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"requested"', '"active"'),
        ('"OTV"', '"other"'),
        ('"rest-hook"', '"email"'),
        ("_query=otv&amp;", ""),
        ("providertype=V4", "providertype=Q9"),
        ("Consent?", "Patient?"),
        (ANNA, "123456789"),
        ("providerid=", "provider="),
    ],
)
async def test_a_subscription_that_is_not_as_agreed_is_turned_away(old: str, new: str) -> None:
    text = subscription(SUBSCRIBER, Bsn(ANNA), CATALOGUE).decode()
    assert old in text
    assert await subscribed(MitzDesk(), text.replace(old, new).encode()) == 422


async def subscribed(desk: MitzDesk, text: bytes) -> int:
    async with client_of(desk) as http:
        return (await http.post(SUBSCRIPTION_PATH, content=text, headers={"content-type": "application/fhir+xml"})).status_code


async def test_faults_may_hold_for_one_person_and_choices_must_be_of_the_catalogue() -> None:
    desk = MitzDesk()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(control_app(desk)), base_url="http://control") as control:
        assert (await control.put("/faults", json={"status": 429, "for_bsn": BERT})).status_code == 204
        assert (await control.put("/faults", json={"slow": 1})).status_code == 400
        wrong = {"bsn": ANNA, "data": "GGC777", "provider": "RPZAC001", "permits": True}
        assert (await control.post("/choices", json=wrong)).status_code == 400

    statuses = [(await asked(desk, envelope(closed(bsn=bsn), "http://mitz"))).status_code for bsn in (ANNA, BERT)]
    assert statuses == [200, 429]


@pytest.mark.slow
async def test_it_runs_as_a_program_and_is_told_what_a_patient_chose() -> None:
    async with await anyio.open_process([sys.executable, "-m", "testbed.mitz_stub"], stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL) as stub:
        assert stub.stdout is not None
        told = json.loads(await BufferedByteReceiveStream(stub.stdout).receive_until(b"\n", 1_000))
        register = MitzRegister(MitzEndpoint(told["base"]), CATALOGUE)
        question = consent_question(categories=frozenset({CareCategory.CONDITION}))
        words: list[Word] = []
        async with httpx2.AsyncClient(trust_env=False) as http:
            for permits in (True, False):
                chosen = Chosen(ANNA, "GGC002", "RPZAC001", permits)
                content = {name: getattr(chosen, name) for name in chosen.__struct_fields__}
                assert (await http.post(f"{told['control']}/choices", json=content)).status_code == 204
                words += (await register.ask(question)).words.values()
            witness = (await http.get(f"{told['control']}/witness")).json()
        await register.close()
        stub.send_signal(signal.SIGTERM)
        assert await stub.wait() == 0

    assert words == [Permit(), Deny()]
    assert len(witness["asked"]) == 2
