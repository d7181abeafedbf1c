"""A holder over a server of STU3: what it tells is R4 and says so, what cannot be told is counted, and originals can be had."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from accord.rules.consent import Choice
from accord.terms.answers import AttachmentFrame, Chunk, Closed, ContentType, Ending
from accord.terms.identifiers import RecordRef
from accord.terms.queries import ORIGINAL, Selection
from accord.terms.vocabulary import CareCategory
from accord.wire.columns import DERIVED
from node_agent.attaching import fetch_attachment
from node_agent.converting.stu3 import MAPPING, MEDIA_TYPE
from node_agent.holder import Holder
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.stu3_server import Stu3Server
from testbed.contracts.records import ANNA, BERT, companions, observation, patient, resource
from testbed.fhir_server import FhirFaults, fhir_server
from testbed.memory_source import MemorySource
from testbed.plain import admitted
from tests.node_agent.asking import YES, MemoryChoices, ask, holder_over, question

pytestmark = pytest.mark.anyio

NEWER: dict[str, Any] = {"encounter": {"reference": "Encounter/1"}}


@asynccontextmanager
async def over(*records: bytes, choices: MemoryChoices | None = None) -> AsyncGenerator[Holder, None]:
    faults = FhirFaults(fhir_version="3.0.2")
    async with fhir_server([patient("a", ANNA), *records], faults) as running, Stu3Server(FhirEndpoint(running.base)) as source:
        yield holder_over(source, choices)


async def fetched(holder: Holder, url: str, record: str) -> tuple[Closed, str, bytes]:
    frames: list[AttachmentFrame] = []

    async def emit(frame: AttachmentFrame) -> None:
        frames.append(frame)

    kind, _, logical_id = record.partition("/")
    await fetch_attachment(holder, admitted(question()), url, RecordRef(kind, logical_id), emit)
    closed = frames[-1]
    assert isinstance(closed, Closed)
    media_type = next((frame.value for frame in frames if isinstance(frame, ContentType)), "")
    return closed, media_type, b"".join(frame.content for frame in frames if isinstance(frame, Chunk))


async def test_p13_every_record_says_that_it_was_converted_and_the_answer_says_how() -> None:
    mine = observation("1", "a", comment="nuchter", performer=[{"reference": "Practitioner/p1"}])
    async with over(mine, *companions()) as holder:
        told = await ask(holder, question())

    assert [row.flags & DERIVED for row, _ in told.rows] == [DERIVED] * 3
    assert told.outcomes[0].mapping == MAPPING
    assert all(outcome.mapping == "" for outcome in told.outcomes[1:])
    assert json.loads(told.records[-1])["note"] == [{"text": "nuchter"}]


async def test_a_source_of_records_as_they_are_names_no_mapping() -> None:
    told = await ask(holder_over(MemorySource([patient("a", ANNA), observation("1", "a")])), question())

    assert {outcome.mapping for outcome in told.outcomes} == {""}


async def test_what_cannot_be_told_in_r4_is_counted_and_nothing_of_it_leaves() -> None:
    async with over(observation("1", "a"), observation("2", "a", **NEWER)) as holder:
        told = await ask(holder, question())

    assert told.types == ["Patient", "Observation"]
    assert told.closed.counts.unfit == 1
    assert not any(b'"2"' in record for record in told.records)


async def test_p9_one_that_may_lead_to_what_is_withheld_is_not_counted() -> None:
    related = [{"type": "has-member", "target": {"reference": "Observation/1"}}]
    async with over(observation("2", "a", related=related, **NEWER)) as holder:
        told = await ask(holder, question())

    assert told.closed.counts.unfit == 0


@pytest.mark.parametrize(("kind", "counted"), [("Observation", 0), ("ServiceRequest", 1)])
async def test_it_is_counted_only_where_it_was_asked_for_by_the_name_of_r4(kind: str, counted: int) -> None:
    request = resource("ProcedureRequest", "7", status="active", subject={"reference": "Patient/a"}, encounter={})
    async with over(request) as holder:
        told = await ask(holder, question(selection=Selection(types=frozenset({kind}))))

    assert told.closed.counts.unfit == counted


async def test_p9_what_is_withheld_is_not_counted_where_it_cannot_be_told_either() -> None:
    objects = Choice(permits=False, category=frozenset({CareCategory.CONDITION}))
    problem = resource("Condition", "1", subject={"reference": "Patient/a"}, clinicalStatus={})
    async with over(problem, choices=MemoryChoices(others=(YES, objects))) as holder:
        told = await ask(holder, question())

    assert told.closed.counts.unfit == 0


async def test_a_person_whose_record_cannot_be_told_is_in_doubt() -> None:
    async with over() as holder, fhir_server([patient("a", ANNA, animal={})], FhirFaults(fhir_version="3.0.2")) as running:
        del holder
        async with Stu3Server(FhirEndpoint(running.base)) as source:
            told = await ask(holder_over(source), question())

    assert (told.closed.ending, told.records) == (Ending.IDENTITY_UNVERIFIED, [])


async def test_p13_the_original_is_sent_as_the_source_has_it() -> None:
    mine = observation("1", "a", comment="nuchter", valueQuantity={"value": 1})
    request = resource("ReferralRequest", "7", status="active", intent="order", subject={"reference": "Patient/a"})
    async with over(mine, request) as holder:
        one, two = await fetched(holder, ORIGINAL, "Observation/1"), await fetched(holder, ORIGINAL, "ServiceRequest/referral-7")
        person = await fetched(holder, ORIGINAL, "Patient/a")

    assert (one[0].ending, one[1], one[2]) == (Ending.ANSWERED, MEDIA_TYPE, mine)
    assert (two[0].ending, two[2]) == (Ending.ANSWERED, request)
    assert person[2] == patient("a", ANNA)


@pytest.mark.parametrize("record", ["Observation/9", "Observation/2", "Observation/3", "Practitioner/p1"])
async def test_an_original_of_what_may_not_leave_looks_like_none(record: str) -> None:
    async with over(patient("b", BERT), observation("2", "b"), observation("3", "a", **NEWER), *companions()) as holder:
        closed, media_type, content = await fetched(holder, ORIGINAL, record)

    assert (closed.ending, media_type, content) == (Ending.NOTHING_SHOWN, "", b"")


async def test_a_withheld_record_has_no_original_to_show() -> None:
    objects = Choice(permits=False, category=frozenset({CareCategory.OBSERVATION_EXAM}))
    async with over(observation("1", "a"), choices=MemoryChoices(others=(YES, objects))) as holder:
        closed, _, content = await fetched(holder, ORIGINAL, "Observation/1")

    assert (closed.ending, content) == (Ending.NOTHING_SHOWN, b"")


async def test_a_source_that_derives_nothing_has_no_originals() -> None:
    holder = holder_over(MemorySource([patient("a", ANNA), observation("1", "a")]))
    closed, _, content = await fetched(holder, ORIGINAL, "Observation/1")

    assert (closed.ending, content) == (Ending.NOTHING_SHOWN, b"")
