"""The proxy as an application sees it, and as the gateway behind it sees it: over real connections."""

import gzip
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import anyio
import httpx2
import pytest

from accord.link.jose import decoded
from accord.terms.answers import Ending
from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import Fault
from accord.terms.members import MemberStatus
from accord.terms.vocabulary import PurposeOfUse
from gateway.api.fhir_app import FhirApp
from gateway.api.http_settings import HttpSettings
from gateway.connect.applications import Application, Applications, new_token, read_applications
from gateway.connect.asking import Request, questions_of
from tests.accord.link.small_region import GATEWAY, HOSPITAL
from tests.gateway.api import fake_region
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.connect.local_proxy import BSN, FORM, GP, OTHER_BSN, Answer, FakeGateway, Running, Seen, found, opaque, running, searched

pytestmark = pytest.mark.anyio

PROJECT: Final = Path(__file__).resolve().parents[3]
ID: Final = opaque(BSN)
OTHER_ID: Final = opaque(OTHER_BSN)
WITH_A_SECRET: Final = Applications([(sha256(b"secret-of-the-application").hexdigest(), Application("epd"))])


def code_of(answer: httpx2.Response) -> str:
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    code: str = outcome["issue"][0]["details"]["coding"][0]["code"]
    return code


async def test_p1_every_question_carries_a_mandate_for_its_patient_and_a_proof_of_itself(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        await run.search()
        await run.client.get(f"/fhir/Observation?patient={ID}&code=1988-5")
        await run.client.get(f"/fhir/Patient/{ID}/$everything")

        for seen in run.gateway.seen:
            mandate, asked = run.verified(seen)
            raw, _, query = seen.target.partition("?")
            expected = questions_of(Request(seen.method, raw, query.encode(), seen.body, FORM if seen.body else {}), base=seen.headers["noaber-base"])
            assert asked == expected
            assert (mandate.issuer, mandate.audience, mandate.professional.name) == (HOSPITAL.ura, "twente", "J. de Vries")
            assert mandate.treatment is TreatmentBasis.REGISTERED
        assert [seen.headers.get("noaber-patient") for seen in run.gateway.seen] == [None, ID, ID]
        # One mandate serves for all, a proof for one question.
        assert len({seen.headers["noaber-mandate"] for seen in run.gateway.seen}) == 1
        assert len({seen.headers["noaber-proof"] for seen in run.gateway.seen}) == 3


async def test_a_proof_is_made_of_each_inner_question(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        await run.search()
        await run.client.get("/fhir/Observation?patient=Patient/esdoorn.p1")

        _, asked = run.verified(run.gateway.seen[1])
        assert [sorted(one.selection.types) for one in asked] == [["Observation"], ["Patient"]]


async def test_what_is_about_nobody_goes_without_evidence(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        await run.client.get("/fhir/metadata")
        await run.client.get("/.well-known/smart-configuration")

        assert [seen.target for seen in run.gateway.seen] == ["/fhir/metadata", "/.well-known/smart-configuration"]
        assert not any(name.startswith("noaber-") and name != "noaber-base" for seen in run.gateway.seen for name in seen.headers)


async def test_a4_of_what_the_client_sends_only_what_belongs_to_the_question_goes_on(tmp_path: Path) -> None:
    forged = {"noaber-mandate": "forged", "noaber-proof": "forged", "noaber-salt": "forged", "noaber-base": "http://evil.test/fhir"}
    own = {"authorization": "Bearer secret-of-the-application", "cookie": "a=b", "x-forwarded-for": "10.0.0.1", "te": "trailers", "connection": "x-secret"}
    async with running(tmp_path, FakeGateway(), applications=WITH_A_SECRET) as run:
        await run.search(**forged, **own, **{"x-secret": "1", "accept-language": "en", "prefer": "handling=lenient"})
        (seen,) = run.gateway.seen

        assert not {"authorization", "cookie", "x-forwarded-for", "te", "x-secret"} & seen.headers.keys()
        assert not {"forged", "http://evil.test/fhir"} & set(seen.headers.values())
        assert (seen.headers["accept-language"], seen.headers["prefer"]) == ("en", "handling=lenient")
        run.verified(seen)


async def test_p13_an_answer_comes_through_byte_for_byte_also_when_it_is_compressed(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"value": 37.50}')

    async def answers(seen: Seen) -> Answer:
        headers = {"content-encoding": "gzip", "noaber-completeness": "answered=1"} if "gzip" in seen.headers["accept-encoding"] else {}
        return Answer(200, [packed] if headers else [b'{"value": ', b"37.50}"], headers)

    async with running(tmp_path, FakeGateway(answers)) as run:
        async with run.client.stream("GET", "/fhir/metadata", headers={"accept-encoding": "gzip"}) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])
        async with run.client.stream("GET", "/fhir/metadata", headers={"accept-encoding": "identity"}) as plain:
            text = b"".join([part async for part in plain.aiter_raw()])

        assert (raw, answer.headers["content-encoding"], answer.headers["noaber-completeness"]) == (packed, "gzip", "answered=1")
        assert text == b'{"value": 37.50}'
        assert "set-cookie" not in answer.headers


async def test_an_answer_is_passed_on_while_it_comes(tmp_path: Path) -> None:
    go_on = anyio.Event()

    async def answers(_: Seen) -> Answer:
        return Answer(parts=(b"first", b"second"), go_on=go_on)

    async with running(tmp_path, FakeGateway(answers)) as run, run.client.stream("GET", "/fhir/metadata") as answer:
        parts = answer.aiter_raw()
        first = await anext(parts)
        # The gateway has said no more than this yet.
        go_on.set()
        rest = b"".join([part async for part in parts])

        assert (first, rest) == (b"first", b"second")


async def test_p8_an_answer_that_breaks_off_does_not_look_whole(tmp_path: Path) -> None:
    async def answers(_: Seen) -> Answer:
        return Answer(parts=(b'{"resourceType":"Bundle","entry":[',), cut=True)

    async with running(tmp_path, FakeGateway(answers)) as run:
        with pytest.raises(httpx2.RemoteProtocolError):
            await run.client.get("/fhir/metadata")


async def test_the_question_is_withdrawn_when_the_client_leaves(tmp_path: Path) -> None:
    async def answers(_: Seen) -> Answer:
        return Answer(parts=(b"first", b"never"), go_on=anyio.Event())

    async with running(tmp_path, FakeGateway(answers)) as run:
        async with run.client.stream("GET", "/fhir/metadata") as answer:
            await anext(answer.aiter_raw())
        # Before the proxy itself would have given it up.
        with anyio.fail_after(30):
            await run.gateway.left.wait()

        assert run.gateway.left.is_set()


async def test_status_and_outcome_of_the_gateway_come_through(tmp_path: Path) -> None:
    async def answers(_: Seen) -> Answer:
        return Answer(429, [b'{"resourceType":"OperationOutcome"}'], {"retry-after": "1"})

    async with running(tmp_path, FakeGateway(answers)) as run:
        answer = await run.search()

        assert (answer.status_code, answer.headers["retry-after"], answer.content) == (429, "1", b'{"resourceType":"OperationOutcome"}')
        # What did not succeed teaches nothing.
        assert len(run.parts.patients) == 0


async def test_without_a_gateway_the_proxy_says_so_and_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway(), address=f"unix:{tmp_path}/nobody.sock") as run:
        answer = await run.search()
        again = await run.client.get("/fhir/metadata")

        assert (answer.status_code, again.status_code) == (502, 502)
        assert code_of(answer) == "gateway-unreachable"
        assert BSN.value not in answer.text


# -- Which patient


async def test_a_record_that_does_not_say_whose_it_is_is_asked_for_the_latest_patient_and_nobody_else(tmp_path: Path) -> None:
    async def answers(seen: Seen) -> Answer:
        if seen.target.startswith("/fhir/Observation/") and seen.headers["noaber-patient"] != ID:
            return Answer(404, [b'{"resourceType":"OperationOutcome"}'])
        return await found(seen)

    async with running(tmp_path, FakeGateway(answers)) as run:
        await run.search(BSN)
        await run.search(OTHER_BSN)
        answer = await run.client.get("/fhir/Observation/esdoorn.o1")
        named = await run.client.get("/fhir/Observation/esdoorn.o1", headers={"noaber-patient": ID})
        tried = [seen.headers["noaber-patient"] for seen in run.gateway.seen[2:]]

        assert (answer.status_code, named.status_code) == (404, 200)
        assert tried == [OTHER_ID, ID]
        run.verified(run.gateway.seen[2], OTHER_BSN)
        run.verified(run.gateway.seen[3], BSN)


async def test_a_record_that_does_not_say_whose_it_is_is_not_that_of_another_professionals_patient(tmp_path: Path) -> None:
    token, line = new_token("epd", trusted=True)
    path = tmp_path / "tokens"
    path.write_text(line)
    first, second, third = (
        {"authorization": f"Bearer {token}", "noaber-professional-id": number, "noaber-professional-role": "01.015", "noaber-professional-name": name}
        for number, name in (("900000007", "Arts%20A"), ("900000008", "Arts%20B"), ("900000009", "Arts%20C"))
    )
    async with running(tmp_path / "region", FakeGateway(), applications=read_applications(path)) as run:
        await run.search(BSN, **first)
        await run.search(OTHER_BSN, **second)
        await run.client.get("/fhir/Observation/esdoorn.o1", headers=first)
        await run.client.get("/fhir/Observation/esdoorn.o1", headers=second)
        nobody = await run.client.get("/fhir/Observation/esdoorn.o1", headers=third)
        of_first, of_second = run.gateway.seen[2:]

        assert [seen.headers["noaber-patient"] for seen in (of_first, of_second)] == [ID, OTHER_ID]
        assert run.verified(of_first, BSN)[0].professional.name == "Arts A"
        assert run.verified(of_second, OTHER_BSN)[0].professional.name == "Arts B"
        assert (nobody.status_code, code_of(nobody)) == (400, "no-patient")


async def test_a_client_may_say_whose_record_it_is(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        await run.search(BSN)
        await run.search(OTHER_BSN)
        await run.client.get("/fhir/Observation/esdoorn.o1", headers={"noaber-patient": ID})

        run.verified(run.gateway.seen[2], BSN)


async def test_whom_nobody_asked_about_is_not_known(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        unknown = await run.client.get(f"/fhir/Observation?patient={ID}")
        nobody = await run.client.get("/fhir/Observation/esdoorn.o1")
        named = await run.client.get("/fhir/Observation/esdoorn.o1", headers={"noaber-patient": ID})

        assert (unknown.status_code, code_of(unknown)) == (404, "unknown-patient-id")
        assert (nobody.status_code, code_of(nobody)) == (400, "no-patient")
        assert (named.status_code, code_of(named)) == (404, "unknown-patient-id")
        assert run.gateway.seen == []


async def test_p4_one_id_for_two_people_is_refused(tmp_path: Path) -> None:
    async def answers(seen: Seen) -> Answer:
        return Answer(headers={"noaber-patient": ID}) if seen.body else await found(seen)

    async with running(tmp_path, FakeGateway(answers)) as run:
        await run.search(BSN)
        answer = await run.search(OTHER_BSN)

        assert (answer.status_code, code_of(answer)) == (502, "other-patient")
        assert run.parts.patients.bsn_of(ID) == BSN


async def test_a_mandate_is_renewed_before_it_expires(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        await run.search()
        run.ahead = timedelta(minutes=7)
        await run.search()
        run.ahead = timedelta(minutes=8, seconds=5)
        await run.search()
        first, second, third = (seen.headers["noaber-mandate"] for seen in run.gateway.seen)

        assert first == second
        assert third != first
        run.verified(run.gateway.seen[2])


async def test_the_example_for_vendors_shows_records_pages_letters_and_who_is_missing(tmp_path: Path) -> None:
    letter = (
        b'{"resourceType":"DocumentReference","id":"d1","status":"current","subject":{"reference":"Patient/p1"},'
        b'"content":[{"attachment":{"contentType":"text/plain","url":"Binary/b1"}}]}'
    )
    records = [letter, *(fake_region.observation(f"o{number}", "p1", day=f"2024-01-{number:02}") for number in range(1, 26))]
    settings = HttpSettings(public_url="http://gateway.test", allowed_hosts=frozenset({"127.0.0.1"}))
    gone = fake_region.FakeHolder("linde", ending=Ending.UNREACHABLE, code=Fault.HOLDER_UNREACHABLE)
    door = fake_region.FakeDoor([fake_region.FakeHolder("esdoorn", records, [fake_region.patient("p1")]), gone])
    async with running(tmp_path, FhirApp(door, FakeCallers("unset"), settings)) as run:
        env = os.environ | {"NOABER_FHIR": f"{str(run.client.base_url).rstrip('/')}/fhir", "no_proxy": "*"}
        command = [sys.executable, "examples/ehr_vendor.py"]
        first = await anyio.run_process(command, input=f"{fake_region.BSN.value}\n".encode(), env=env, cwd=PROJECT, check=False)
        refused = await anyio.run_process(command, input=b"123456789\n", env=env, cwd=PROJECT, check=False)

        shown = first.stdout.decode()

        assert first.returncode == 0, first.stderr
        assert "27 records" in shown
        assert "not heard: " in shown
        assert "20 observations on this page\n5 observations on this page" in shown
        assert "Binary/esdoorn.b1?record=DocumentReference/esdoorn.d1" in shown
        assert refused.returncode == 1
        assert b"invalid-bsn" in refused.stderr


@pytest.mark.parametrize("name", ["authorization", "noaber-patient", "noaber-professional-id"])
async def test_a_header_on_who_asks_that_stands_twice_is_refused(tmp_path: Path, name: str) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        twice = [(name, "one"), (name, "another"), *FORM.items()]
        answer = await run.client.post("/fhir/Patient/_search", content=searched(), headers=twice)

        assert (answer.status_code, code_of(answer)) == (400, "invalid-parameter")
        assert run.gateway.seen == []


async def test_links_point_back_through_the_proxy_and_all_of_it_can_be_followed(tmp_path: Path) -> None:
    files = {("Binary/b1", "Observation/o1"): ("text/plain", b"a letter")}
    records = [fake_region.observation("o1", "p1"), fake_region.observation("o2", "p1", day="2024-01-01")]
    settings = HttpSettings(public_url="http://gateway.test", allowed_hosts=frozenset({"127.0.0.1"}))
    door = fake_region.FakeDoor([fake_region.FakeHolder("esdoorn", records, [fake_region.patient("p1")], files=files)])
    async with running(tmp_path, FhirApp(door, FakeCallers("unset"), settings)) as run:
        found_person = (await run.search(fake_region.BSN)).json()["entry"][0]
        page = (await run.client.get("/fhir/Observation", params={"patient": found_person["resource"]["id"], "_count": "1"})).json()
        metadata = (await run.client.get("/fhir/metadata")).json()
        following = next(link["url"] for link in page["link"] if link["relation"] == "next")
        second = await run.client.get(following)
        one = await run.client.get("/fhir/Observation/esdoorn.o1")
        letter = await run.client.get("/fhir/Binary/esdoorn.b1?record=Observation/esdoorn.o1")
        everything = await run.client.get(f"{found_person['fullUrl']}/$everything")

        assert str(run.client.base_url) in following
        assert metadata["implementation"]["url"] == f"{str(run.client.base_url).rstrip('/')}/fhir"
        assert found_person["fullUrl"].startswith(str(run.client.base_url))
        assert [answer.status_code for answer in (second, one, letter, everything)] == [200, 200, 200, 200]
        assert letter.content == b"a letter"


# -- Who asks


async def test_only_a_trusted_application_says_who_is_at_work(tmp_path: Path) -> None:
    lines, tokens = [], {}
    for name, trusted in (("epd", True), ("viewer", False)):
        tokens[name], line = new_token(name, trusted=trusted)
        lines.append(line)
    path = tmp_path / "tokens"
    path.write_text("# applications\n" + "\n".join(lines) + "\n")
    who = {"noaber-professional-id": "900000007", "noaber-professional-role": "01.016", "noaber-professional-name": "Z%C3%BCmra%20A."}
    async with running(tmp_path / "region", FakeGateway(), applications=read_applications(path)) as run:
        trusted_one = await run.search(authorization=f"Bearer {tokens['epd']}", **who, **{"noaber-treatment": "present"})
        other = await run.search(authorization=f"Bearer {tokens['viewer']}", **who)
        plain = await run.search(authorization=f"Bearer {tokens['viewer']}")
        half = await run.search(authorization=f"Bearer {tokens['epd']}", **{"noaber-professional-id": "900000007"})
        nobody = [await run.search(), await run.search(authorization="Bearer " + "x" * 43), await run.search(authorization=tokens["epd"])]

        assert [answer.status_code for answer in (trusted_one, other, plain, half)] == [200, 403, 200, 400]
        assert code_of(other) == "application-not-trusted"
        assert {(answer.status_code, code_of(answer), answer.headers["www-authenticate"]) for answer in nobody} == {(401, "login-required", "Bearer")}
        mandate, _ = run.verified(run.gateway.seen[0])
        assert (mandate.professional.name, mandate.professional.role, mandate.treatment) == ("Zümra A.", "01.016", TreatmentBasis.PRESENT)
        assert run.verified(run.gateway.seen[1])[0].professional.name == "J. de Vries"


async def test_p12_an_emergency_says_why_and_when_its_second_factor_was(tmp_path: Path) -> None:
    token, line = new_token("epd", trusted=True)
    path = tmp_path / "tokens"
    path.write_text(line)
    factor_at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=20)
    trusted = {"authorization": f"Bearer {token}", "noaber-purpose": "ETREAT"}
    whole = trusted | {"noaber-reason": "unconscious", "noaber-reason-words": "Gevonden%20op%20straat", "noaber-second-factor": factor_at.isoformat()}
    async with running(tmp_path / "region", FakeGateway(), applications=read_applications(path)) as run:
        await run.search()
        given = await run.search(**whole)
        lacking = [await run.search(**{k: v for k, v in whole.items() if k != name}) for name in ("noaber-reason", "noaber-second-factor")]
        lacking.append(await run.search(**whole | {"noaber-reason": "in-a-hurry"}))
        unknown = await run.search(**trusted | {"noaber-purpose": "HRESCH"})
        (seen,) = run.gateway.seen

        assert given.status_code == 200
        assert {code_of(answer) for answer in lacking} == {"emergency-incomplete"}
        assert code_of(unknown) == "invalid-parameter"
        mandate, asked = run.verified(seen)
        assert mandate.purpose is PurposeOfUse.EMERGENCY_TREATMENT
        assert {one.purpose for one in asked} == {PurposeOfUse.EMERGENCY_TREATMENT}
        assert mandate.emergency is not None
        assert (mandate.emergency.reason, mandate.emergency.words, mandate.emergency.second_factor_at) == ("unconscious", "Gevonden op straat", factor_at)


@asynccontextmanager
async def at_a_trusted_application(folder: Path, *, treatment: TreatmentBasis | None = TreatmentBasis.PRESENT) -> AsyncIterator[tuple[Running, dict[str, str]]]:
    """A proxy, and the headers of an emergency in order of an application that it trusts."""
    token, line = new_token("epd", trusted=True)
    folder.joinpath("tokens").write_text(line)
    applications, usual = read_applications(folder / "tokens"), replace(GP, treatment=treatment)
    whole = {"authorization": f"Bearer {token}", "noaber-purpose": "ETREAT", "noaber-reason": "unconscious"}
    whole["noaber-second-factor"] = datetime.now(UTC).isoformat(timespec="seconds")
    async with running(folder / "region", FakeGateway(), applications=applications, professionals=usual) as run:
        yield run, whole


def told(answer: httpx2.Response) -> tuple[int, str, list[str]]:
    """The status, the code, and what it is about."""
    return answer.status_code, code_of(answer), answer.json()["issue"][0].get("expression", [])


@pytest.mark.parametrize("words", [{}, {"noaber-reason-words": ""}, {"noaber-reason-words": "te%20kort"}, {"noaber-reason-words": "other-needs-words"}])
async def test_p12_another_reason_without_words_opens_nothing(tmp_path: Path, words: dict[str, str]) -> None:
    async with at_a_trusted_application(tmp_path) as (run, whole):
        answer = await run.search(**whole | {"noaber-reason": "other-needs-words"} | words)

        assert told(answer) == (403, "emergency-incomplete", ["http.noaber-reason-words"])
        assert run.gateway.seen == []


async def test_p12_nobody_is_given_words_that_they_did_not_say(tmp_path: Path) -> None:
    async with at_a_trusted_application(tmp_path) as (run, whole):
        await run.search(**whole)
        mandate, _ = run.verified(run.gateway.seen[0])

        assert mandate.emergency is not None
        assert (mandate.emergency.reason, mandate.emergency.words) == ("unconscious", "")


@pytest.mark.parametrize(("usual", "said"), [(TreatmentBasis.PRESENT, {"noaber-treatment": "none"}), (None, {})])
async def test_p12_an_emergency_of_whom_nobody_treats_is_refused_with_its_cause(tmp_path: Path, usual: TreatmentBasis | None, said: dict[str, str]) -> None:
    async with at_a_trusted_application(tmp_path, treatment=usual) as (run, whole):
        answer = await run.search(**whole | said)
        treated = await run.search(**whole | {"noaber-treatment": "present"})

        assert told(answer) == (403, "emergency-incomplete", ["http.noaber-treatment"])
        assert treated.status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("noaber-professional-name", "Zoë".encode()),
        ("noaber-professional-name", "Zoë".encode("latin-1")),
        ("noaber-professional-id", b"abc"),
        ("noaber-professional-id", b"900000007x"),
        ("noaber-professional-id", b"%D9%A1%D9%A2%D9%A3"),
        ("noaber-reason-words", "bewusteloos, één getuige".encode()),
    ],
)
async def test_a_header_that_would_be_wrong_in_every_journal_is_refused_by_its_name(tmp_path: Path, name: str, value: bytes) -> None:
    who = {"noaber-professional-id": "900000007", "noaber-professional-role": "01.016", "noaber-professional-name": "Zo%C3%AB"}
    async with at_a_trusted_application(tmp_path) as (run, whole):
        given: dict[str, str | bytes] = {**FORM, **whole, **who, name: value, "accept-language": "en"}
        headers = [(key.encode(), text.encode() if isinstance(text, str) else text) for key, text in given.items()]
        answer = await run.client.post("/fhir/Patient/_search", content=searched(), headers=headers)
        fine = await run.search(**whole, **who)

        assert told(answer) == (400, "invalid-parameter", [f"http.{name}"])
        # /fhir/metadata says nothing of headers.
        assert "a header in docs/vendors.md" in answer.json()["issue"][0]["details"]["text"]
        assert fine.status_code == 200
        assert run.verified(run.gateway.seen[0])[0].professional.name == "Zoë"


async def test_a_token_is_never_ignored(tmp_path: Path) -> None:
    token, line = new_token("epd", trusted=True)
    (tmp_path / "tokens").write_text(line)
    async with running(tmp_path / "region", FakeGateway()) as run:
        answer = await run.search(authorization=f"Bearer {token}")

        assert told(answer)[:2] == (401, "login-required")
        assert (await run.search()).status_code == 200
    open_to_all = read_applications(tmp_path / "tokens", without_token=True)
    async with running(tmp_path / "other", FakeGateway(), applications=open_to_all) as run:
        statuses = [
            (await run.search(**headers)).status_code for headers in ({}, {"authorization": f"Bearer {token}"}, {"authorization": "Bearer " + "x" * 43})
        ]
        claimed = await run.search(**{"noaber-treatment": "present"})

        assert statuses == [200, 200, 401]
        # Who shows no token is trusted with nothing.
        assert code_of(claimed) == "application-not-trusted"


@pytest.mark.parametrize("headers", [{"origin": "http://evil.test"}, {"origin": "null"}, {"host": "evil.test:8480"}, {"host": "127.0.0.1.evil.test"}])
async def test_a_page_elsewhere_cannot_have_a_browser_ask(tmp_path: Path, headers: dict[str, str]) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        answer = await run.search(**headers)

        assert (answer.status_code, code_of(answer)) == (404, "not-found")
        assert run.gateway.seen == []


# -- The gateway


async def test_over_mutual_tls_the_gateway_of_the_register_is_spoken_to(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway(), tls=True) as run:
        answer = await run.search()

        assert answer.status_code == 200
        run.verified(run.gateway.seen[0])


async def test_p11_a_gateway_that_is_blocked_hears_nothing_more_on_open_connections_either(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway(), tls=True) as run:
        await run.search()
        with run.region.change() as draft:
            draft.block(GATEWAY.ura)
        run.parts.upstream.live.take(run.region.text, datetime.now(UTC))
        answer = await run.search()

        assert run.region.live().newest.by_ura[GATEWAY.ura].status is MemberStatus.BLOCKED
        assert (answer.status_code, code_of(answer)) == (403, "organisation-blocked")
        assert len(run.gateway.seen) == 1


async def test_a9_a_gateway_with_a_certificate_that_is_not_in_the_register_hears_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway(), tls=True) as run:
        await run.search()
        # From now on the register knows it by another key.
        with run.region.change() as draft:
            draft.renew_keys(GATEWAY.ura, tmp_path / "renewed")
            draft.drop_old(GATEWAY.ura)
        run.parts.upstream.live.take(run.region.text, datetime.now(UTC))
        answer = await run.search()

        assert (answer.status_code, code_of(answer)) == (403, "not-a-member")
        assert len(run.gateway.seen) == 1


# -- Nothing at rest, nothing in passing


async def test_p6_no_number_id_token_or_mandate_is_logged_or_in_an_address(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def answers(seen: Seen) -> Answer:
        return Answer(parts=(b"{",), cut=True) if "everything" in seen.target else await found(seen)

    async with running(tmp_path, FakeGateway(answers), applications=WITH_A_SECRET) as run:
        run.client.headers["authorization"] = "Bearer secret-of-the-application"
        await run.search()
        await run.client.post("/fhir/Patient/_search", content="identifier=x", headers=FORM)
        with pytest.raises(httpx2.RemoteProtocolError):
            await run.client.get(f"/fhir/Patient/{ID}/$everything")
        mandate = run.gateway.seen[0].headers["noaber-mandate"]
        ours = "\n".join(record.getMessage() + (record.exc_text or "") for record in caplog.records)

        for secret in (BSN.value, ID, mandate, "secret-of-the-application"):
            assert secret not in ours
        assert not any(BSN.value in seen.target or mandate in seen.target for seen in run.gateway.seen)


async def test_p6_the_proxy_keeps_no_content_and_writes_no_file(tmp_path: Path) -> None:
    canary = b"CANARY-7c1e"

    async def answers(seen: Seen) -> Answer:
        answer = await found(seen)
        return Answer(parts=[b'{"text":"', canary * 10_000, b'"}'], headers=answer.headers)

    async with running(tmp_path, FakeGateway(answers)) as run:
        before = files_in(tmp_path)
        answer = await run.search()

        assert canary in answer.content
        assert files_in(tmp_path) == before
        assert "CANARY" not in repr(run.parts)
        assert BSN.value not in repr(run.parts)
        assert held_by(run) < 20_000


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def held_by(run: Running) -> int:
    """Bytes in what the proxy keeps between requests."""
    texts = [value for held in run.parts.book._held.values() for value in (held.text, held.salt)]
    return sum(map(sys.getsizeof, (*texts, *run.parts.patients._known, *run.parts.patients._known.values())))


async def test_the_salt_is_never_sent_without_its_mandate(tmp_path: Path) -> None:
    async with running(tmp_path, FakeGateway()) as run:
        await run.search(BSN)
        await run.search(OTHER_BSN)
        salts = [decoded(seen.headers["noaber-salt"]) for seen in run.gateway.seen]

        assert len(set(salts)) == 2
        assert all(len(salt) == 32 for salt in salts)
        assert searched(BSN).encode() == run.gateway.seen[0].body
