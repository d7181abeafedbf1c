"""A signed text is for one reader, about one question, of whoever may say it: for anything else it says nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from accord.letters.believing import digest_of
from accord.letters.collecting import MOST_HEARD, collect, read_collect, read_receipt
from accord.letters.signing import (
    ask_places,
    read_question,
    read_statement,
    read_vouched,
    state_places,
    vouch,
    vouched_statement,
)
from accord.terms.answers import Ending
from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import Fault
from tests.accord.letters.letters_world import GATEWAY_KEY, REGION, STATEMENT, is_refused, refused
from tests.accord.letters.test_signing import ASKED, COLLECT, QUESTION, RECEIPT, STATED, VOUCHED, WORD, forged
from tests.accord.link.evidence_world import (
    AT,
    GATEWAY,
    HOSPITAL,
    HOSPITAL_KEY,
    OTHER_USER,
    OTHER_USER_KEY,
    PHARMACY,
    USER,
    USER_KEY,
)


def test_a_question_to_another_region_or_for_too_long_is_refused() -> None:
    iat = int(AT.timestamp())

    refused(lambda: read_question(forged("question", aud="achterhoek"), REGION, AT), Fault.TOKEN_INVALID)
    refused(lambda: read_question(forged("question", exp=iat + 601), REGION, AT), Fault.TOKEN_INVALID)
    refused(lambda: read_question(QUESTION, REGION, AT + timedelta(minutes=11)), Fault.MANDATE_EXPIRED)


def test_a_gateway_may_ask_in_its_own_name_and_may_not_fetch_letters() -> None:
    asked = ask_places(GATEWAY, PlacesQuestion(), "twente", GATEWAY_KEY, AT)

    assert read_question(asked, REGION, AT).asker == GATEWAY
    refused(lambda: read_collect(collect(GATEWAY, HOSPITAL, {}, GATEWAY_KEY, AT), HOSPITAL, REGION, AT), Fault.TOKEN_INVALID)
    refused(lambda: read_question(ask_places(HOSPITAL, PlacesQuestion(), "twente", HOSPITAL_KEY, AT), REGION, AT), Fault.TOKEN_INVALID)


def test_p8_a_statement_answers_one_question_of_one_asker_and_is_of_the_provider_that_was_asked() -> None:
    other = digest_of(ask_places(OTHER_USER, PlacesQuestion(), "twente", OTHER_USER_KEY, AT))

    refused(lambda: read_statement(STATED, HOSPITAL, other, REGION, AT), Fault.WRONG_QUESTION)
    refused(lambda: read_statement(STATED, PHARMACY, ASKED.digest, REGION, AT), Fault.TOKEN_INVALID)
    old = state_places(HOSPITAL, replace(STATEMENT, now=AT - timedelta(minutes=2)), ASKED, HOSPITAL_KEY)
    refused(lambda: read_statement(old, HOSPITAL, ASKED.digest, REGION, AT), Fault.PROOF_EXPIRED)


def test_p14_a_gateway_vouches_for_one_text_and_no_other() -> None:
    changed = state_places(HOSPITAL, replace(STATEMENT, title="Other"), ASKED, HOSPITAL_KEY)

    refused(lambda: read_vouched(WORD, GATEWAY, changed, ASKED.digest, REGION, AT), Fault.WRONG_DIGEST)
    refused(lambda: read_vouched(WORD, GATEWAY, "", ASKED.digest, REGION, AT), Fault.WRONG_DIGEST)
    refused(lambda: read_vouched(WORD, GATEWAY, "é", ASKED.digest, REGION, AT), Fault.TOKEN_INVALID)
    refused(lambda: read_vouched(WORD, GATEWAY, STATED, "other", REGION, AT), Fault.WRONG_QUESTION)
    refused(lambda: read_vouched(WORD, HOSPITAL, STATED, ASKED.digest, REGION, AT), Fault.TOKEN_INVALID)
    silent = vouch(GATEWAY, replace(VOUCHED, ending=Ending.TOO_LATE), "", ASKED, GATEWAY_KEY, AT)
    assert read_vouched(silent, GATEWAY, "", ASKED.digest, REGION, AT).ending is Ending.TOO_LATE


@pytest.mark.parametrize("said", ["", "a.b", "a.b.c.d", "é.é.é", "a.é.c", "a.e30.c", "a" * 600_000, QUESTION])
def test_p14_what_is_vouched_for_and_is_no_statement_is_refused(said: str) -> None:
    is_refused(lambda: vouched_statement(said, AT))


@pytest.mark.parametrize("iss", ["", "ura:", "ura:x", "urn:00000001", "00000001"])
def test_p14_a_vouched_statement_of_nobody_is_refused(iss: str) -> None:
    is_refused(lambda: vouched_statement(forged("statement", iss=iss), AT))


def test_a_call_for_letters_is_for_one_provider_and_names_no_more_requests_than_it_may() -> None:
    refused(lambda: read_collect(COLLECT, PHARMACY, REGION, AT), Fault.TOKEN_INVALID)
    many = {f"r{number}": 1 for number in range(MOST_HEARD + 1)}
    refused(lambda: read_collect(collect(USER, HOSPITAL, many, USER_KEY, AT), HOSPITAL, REGION, AT), Fault.TOKEN_INVALID)


def test_a_receipt_is_of_the_provider_and_for_one_call() -> None:
    other = collect(USER, HOSPITAL, {"r1": 3}, USER_KEY, AT)

    assert other != COLLECT
    refused(lambda: read_receipt(RECEIPT, HOSPITAL, other, REGION, AT), Fault.WRONG_QUESTION)
    refused(lambda: read_receipt(RECEIPT, PHARMACY, COLLECT, REGION, AT), Fault.TOKEN_INVALID)
