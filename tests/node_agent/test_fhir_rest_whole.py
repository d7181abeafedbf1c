"""An answer of a FHIR server that may not be whole never counts as whole."""

import json
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import pytest
import structlog

from accord.terms.answers import Ending, Hint
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_SYSTEM, Bsn
from accord.terms.queries import EVERYTHING, Order, Selection
from accord.terms.vocabulary import CareCategory
from node_agent.ports import LocalPatient, SourceAnswerInvalid, SourceBusy, SourceFailure, SourceUnavailable
from node_agent.sources.fhir_abilities import read_abilities
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import Reply, Request
from node_agent.sources.fhir_pages import search
from node_agent.sources.fhir_people import People, patient_entry
from node_agent.sources.fhir_rest import FhirServer
from node_agent.sources.fhir_walk import Walk
from testbed.contracts.records import ANNA, NOBODY, observation, patient, resource
from testbed.fhir_server import FhirFaults, fhir_server
from tests.node_agent.asking import Answer, MemoryChoices, ask, holder_over, question

pytestmark = pytest.mark.anyio

BASE = "http://127.0.0.1:9/fhir"
A = LocalPatient(frozenset({"a"}))


class Says(FhirClient):
    """A client of a server that says these things, one after another."""

    def __init__(self, endpoint: FhirEndpoint, bodies: Sequence[bytes]) -> None:
        super().__init__(endpoint)
        self.bodies = list(bodies)

    async def answer(self, request: Request, until: float) -> Reply:
        """The next of them."""
        del request, until
        return Reply(200, "application/fhir+json", self.bodies.pop(0))


def page(*records: bytes, following: str | None = None, **members: Any) -> bytes:
    """A page of a searchset."""
    link = [] if following is None else [{"relation": "next", "url": following}]
    entries = [{"resource": json.loads(record), "search": {"mode": "match"}} for record in records]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries, **members}).encode()


async def walked(*pages: bytes, heeds: str = "patient", **settings: Any) -> list[bytes]:
    """What a search brings from a server that says this."""
    endpoint = FhirEndpoint(BASE, **settings)
    client = Says(endpoint, pages)
    try:
        return await Walk(endpoint, search(endpoint, "Observation", [("patient", "a")]), heeds=heeds).all(client, math.inf)
    finally:
        await client.close()


ONE, TWO, THREE = (observation(str(number), "a") for number in (1, 2, 3))


async def test_p8_fewer_matches_than_the_total_are_not_the_whole() -> None:
    for pages in ([page(ONE, total=500)], [page(ONE, total=3, following="?p=2"), page(TWO, total=3)], [page(ONE, total=2, following="?p=2"), page(ONE)]):
        with pytest.raises(SourceUnavailable, match="total"):
            await walked(*pages)
        assert await walked(*pages, trust_total=False)


@pytest.mark.parametrize(
    "pages",
    [
        [page(ONE)],
        [page(ONE, total=0)],
        [page(ONE, TWO, total=1)],
        [page(ONE, total="many")],
        [page(ONE, total=3, following="?p=2"), page(TWO, total=2)],
        [page(ONE, resource("Practitioner", "p"), total=2)],
    ],
)
async def test_a_total_that_is_not_there_or_too_small_or_counts_companions_harms_nothing(pages: list[bytes]) -> None:
    assert ONE in [json.dumps(json.loads(body), ensure_ascii=False).encode() for body in await walked(*pages)]


async def test_p8_a_way_on_that_leads_nowhere_is_no_end() -> None:
    with pytest.raises(SourceAnswerInvalid, match="next link"):
        await walked(page(ONE, following=""))


@pytest.mark.parametrize("entry", [{"fullUrl": f"{BASE}/Observation/2"}, {"resource": None, "search": {"mode": "match"}}])
async def test_p8_a_match_without_its_record_is_a_failure(entry: dict[str, Any]) -> None:
    with pytest.raises(SourceAnswerInvalid, match="without its record"):
        await walked(page(entry=[entry]))


@pytest.mark.parametrize(
    ("issue", "fails"),
    [
        ({"severity": "warning", "code": "not-supported", "diagnostics": "parameter ignored"}, True),
        ({"severity": "warning", "code": "invalid", "diagnostics": "Unknown search parameter 'patient'"}, True),
        ({"severity": "information", "code": "not-found", "expression": ["http.patient"]}, True),
        ({"severity": "warning", "code": "not-supported", "details": {"text": "patient: not supported"}}, True),
        ({"severity": "warning", "code": "not-supported", "diagnostics": "_count was ignored"}, False),
        ({"severity": "information", "code": "informational", "diagnostics": "1 patient found"}, False),
        ({"severity": "warning", "code": "timeout"}, False),
        ({"severity": 7}, True),
    ],
)
async def test_p8_a_server_that_passed_over_the_patient_has_not_answered(issue: dict[str, Any], fails: bool) -> None:  # noqa: FBT001 - a table
    remark = resource("OperationOutcome", "x", issue=[issue])
    if fails:
        with pytest.raises(SourceFailure):
            await walked(page(ONE, remark))
    else:
        assert len(await walked(page(ONE, remark))) == 1


async def test_p8_a_wrong_total_cuts_off_that_type_and_no_other() -> None:
    allergy = resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"})
    async with fhir_server([patient("a", ANNA), allergy, ONE, TWO], FhirFaults(only=("Observation",), another_total=True, max_page=1)) as running:
        async with FhirServer(FhirEndpoint(running.base)) as source:
            told = await ask(holder_over(source), question())
        async with FhirServer(FhirEndpoint(running.base, trust_total=False)) as source:
            whole = await ask(holder_over(source), question())

    assert (told.closed.ending, told.closed.code) == (Ending.CUT_OFF, Fault.SOURCE_UNAVAILABLE)
    assert set(told.records) == set(whole.records) == {patient("a", ANNA), allergy, ONE, TWO}
    assert whole.closed.ending is Ending.ANSWERED


async def test_p8_the_total_is_weighed_when_the_last_page_was_taken_and_not_before() -> None:
    many = [observation(f"o{number}", "a") for number in range(30)]
    async with fhir_server([patient("a", ANNA), *many], FhirFaults(max_page=1)) as running, FhirServer(FhirEndpoint(running.base)) as source:
        told = await ask(holder_over(source), question())

    assert (told.closed.ending, len(told.records)) == (Ending.ANSWERED, 31)


# -- What a server cannot be asked


def statement(**types: list[str] | None) -> bytes:
    """A CapabilityStatement that offers these types: with these search parameters, or only to be read."""
    resources = [
        {"type": name, "interaction": [{"code": "read"}]} if names is None else {"type": name, "searchParam": [{"name": one} for one in names]}
        for name, names in types.items()
    ]
    return json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server", "resource": resources}]}).encode()


class Limited(FhirServer):
    """A server that offers to read conditions, and procedures by code; both nobody can ask for by patient."""

    async def check(self) -> None:
        """What it says of itself."""
        self._abilities = read_abilities(statement(Patient=["identifier"], Observation=["patient"], Condition=None, Procedure=["code"]), "limited")


@asynccontextmanager
async def limited() -> AsyncGenerator[FhirServer, None]:
    condition = resource("Condition", "c", subject={"reference": "Patient/a"})
    async with fhir_server([patient("a", ANNA), ONE, condition]) as running, Limited(FhirEndpoint(running.base)) as source:
        yield source


@pytest.mark.parametrize(
    "selection",
    [
        Selection(types=frozenset({"Condition"})),
        Selection(types=frozenset({"Condition", "Procedure"})),
        Selection(types=frozenset({"Condition"}), order=Order.GLOBAL, limit=10),
    ],
)
async def test_p8_a_type_that_cannot_be_asked_for_is_not_silently_nothing(selection: Selection) -> None:
    async with limited() as source:
        told = await ask(holder_over(source), question(selection=selection))

    assert (told.closed.ending, told.closed.code, told.records) == (Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY, [])


@pytest.mark.parametrize("more", [{}, {"order": Order.GLOBAL, "limit": 10}])
@pytest.mark.parametrize("types", [(), ("Condition", "Observation"), ("Condition", "Patient"), ("Condition", "Patient", "Procedure")])
async def test_p8_what_can_be_asked_for_is_told_with_a_remark_that_it_is_not_all(types: tuple[str, ...], more: dict[str, Any]) -> None:
    async with limited() as source:
        told = await ask(holder_over(source), question(selection=Selection(types=frozenset(types), **more)))

    assert told.records[0] == patient("a", ANNA)
    assert (ONE in told.records) == (not types or "Observation" in types)
    assert told.closed.ending is Ending.ANSWERED
    assert Hint(Fault.MISSING_CAPABILITY) in told.frames


async def test_what_can_be_asked_for_needs_no_remark() -> None:
    async with limited() as source:
        told = await ask(holder_over(source), question(selection=Selection(types=frozenset({"Observation"}))))

    assert (told.closed.ending, told.records) == (Ending.ANSWERED, [patient("a", ANNA), ONE])
    assert Hint(Fault.MISSING_CAPABILITY) not in told.frames


async def test_p8_a_category_that_cannot_be_asked_for_is_not_silently_nothing() -> None:
    async with limited() as source:
        told = await ask(holder_over(source), question(selection=Selection(categories=frozenset({CareCategory.CONDITION}))))

    assert told.closed.ending is Ending.NOTHING_SHOWN
    assert Hint(Fault.MISSING_CAPABILITY) in told.frames


# -- What the settings leave out

ALLERGY = resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"})
SHELF = [patient("a", ANNA), ONE, ALLERGY]


async def asked_of(selection: Selection, bsn: str = ANNA, **settings: Any) -> Answer:
    """The answer of a server that offers allergies and observations, asked as these settings have it."""
    async with fhir_server(SHELF) as running, FhirServer(FhirEndpoint(running.base, **settings)) as source:
        return await ask(holder_over(source), question(bsn, selection=selection))


ONLY_OBSERVATIONS = frozenset({"Observation"})
ALLERGIES = Selection(categories=frozenset({CareCategory.ALLERGY_INTOLERANCE}))
LABORATORY = Selection(categories=frozenset({CareCategory.OBSERVATION_LABORATORY}))


@pytest.mark.parametrize(("selection", "lacks"), [(EVERYTHING, True), (ALLERGIES, True), (LABORATORY, False), (Selection(types=ONLY_OBSERVATIONS), False)])
async def test_p8_a_type_that_is_offered_and_left_out_by_the_settings_is_lacking_in_answers_that_could_hold_it(selection: Selection, *, lacks: bool) -> None:
    told = await asked_of(selection, types=ONLY_OBSERVATIONS)

    assert ALLERGY not in told.records
    assert told.closed.ending.heard_out
    assert (Hint(Fault.MISSING_CAPABILITY) in told.frames) == lacks


async def test_p8_a_question_about_nothing_but_what_is_left_out_has_no_answer() -> None:
    told = await asked_of(Selection(types=frozenset({"AllergyIntolerance"})), types=ONLY_OBSERVATIONS)

    assert (told.closed.ending, told.closed.code) == (Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY)


@pytest.mark.parametrize("types", [frozenset[str](), ONLY_OBSERVATIONS])
async def test_what_the_system_does_not_keep_is_not_asked_for_and_nobody_misses_it(types: frozenset[str]) -> None:
    told = await asked_of(EVERYTHING, types=types, not_kept=frozenset({"AllergyIntolerance"}))

    assert told.records == [patient("a", ANNA), ONE]
    assert Hint(Fault.MISSING_CAPABILITY) not in told.frames


@pytest.mark.parametrize("not_kept", [frozenset({"Observation"}), frozenset({"Obsrevation"})])
def test_what_is_asked_for_is_kept_and_what_is_no_type_is_refused(not_kept: frozenset[str]) -> None:
    with pytest.raises(BadInput, match=r"source\.not_kept") as refused:
        FhirEndpoint(BASE, types=ONLY_OBSERVATIONS, not_kept=not_kept)

    assert refused.value.fault is Fault.INVALID_SETTING


async def test_where_no_statement_can_be_read_the_types_that_are_configured_are_all_that_there_is() -> None:
    async with fhir_server(SHELF, FhirFaults(no_metadata=True)) as running, FhirServer(FhirEndpoint(running.base, types=ONLY_OBSERVATIONS)) as source:
        told = await ask(holder_over(source), question())

    assert told.records == [patient("a", ANNA), ONE]
    assert Hint(Fault.MISSING_CAPABILITY) not in told.frames


@pytest.mark.parametrize("selection", [EVERYTHING, ALLERGIES, Selection(types=frozenset({"AllergyIntolerance"}))])
async def test_p9_who_is_not_known_lacks_as_much_as_who_is_known_and_not_shown(selection: Selection) -> None:
    unknown = await asked_of(selection, NOBODY, types=ONLY_OBSERVATIONS)
    async with fhir_server(SHELF) as running, FhirServer(FhirEndpoint(running.base, types=ONLY_OBSERVATIONS)) as source:
        refused = await ask(holder_over(source, MemoryChoices(others=())), question(selection=selection))

    assert [type(frame) for frame in unknown.frames] == [type(frame) for frame in refused.frames]
    assert (unknown.closed.ending, unknown.closed.code) == (refused.closed.ending, refused.closed.code)
    assert (Hint(Fault.MISSING_CAPABILITY) in unknown.frames) == (unknown.closed.ending is Ending.NOTHING_SHOWN)


# -- Records of people

ODD_LINKS: list[Any] = [[{"other": {"reference": None}, "type": "seealso"}], [{"type": "replaces"}], [7, None], "x", {"other": {"reference": "Patient/b"}}]


@pytest.mark.parametrize("link", ODD_LINKS)
async def test_p8_an_odd_link_takes_nobody_away(link: Any) -> None:
    async with fhir_server([patient("a", ANNA)]) as running, FhirServer(FhirEndpoint(running.base)) as source:
        entry = patient_entry(patient("a", ANNA, link=link))
        assert entry is not None
        assert entry.bsns == {ANNA}
        assert not entry.merged_with
        assert await source.find(Bsn(ANNA)) == A


def test_an_odd_link_hides_no_other_link() -> None:
    merged = {"other": {"reference": "Patient/b"}, "type": "replaces"}
    entry = patient_entry(patient("a", ANNA, link=[{"other": None, "type": "replaces"}, merged]))

    assert entry is not None
    assert entry.merged_with == {"b"}


UNREADABLE = patient("a", ANNA, period="x")


async def test_p8_a_person_whose_record_cannot_be_read_is_not_unknown() -> None:
    endpoint = FhirEndpoint(BASE, bsn_systems=(BSN_SYSTEM,))
    client = Says(endpoint, [page(UNREADABLE)])
    with pytest.raises(SourceAnswerInvalid):
        await People(client, endpoint).with_bsn(Bsn(ANNA), math.inf, links=False)
    await client.close()


async def test_p8_who_cannot_be_indexed_is_counted_in_the_log_and_named_nowhere() -> None:
    endpoint = FhirEndpoint(BASE)
    client = Says(endpoint, [page(UNREADABLE, patient("c", ANNA))])
    with structlog.testing.capture_logs() as logs:
        people = await People(client, endpoint).everybody(math.inf)
    await client.close()

    assert people == [(Bsn(ANNA), LocalPatient(frozenset({"c"})))]
    assert [(line["code"], line["records"]) for line in logs] == [(Fault.SOURCE_ANSWER_INVALID.value, 1)]
    assert ANNA not in str(logs)


# -- A server that asks to be left alone


@pytest.mark.parametrize("retry_after", ["9" * 400, "99999999999", "Fri, 31 Dec 9999 23:59:59 -1200", "Wed, 21 Oct 2015 07:28:00 +9999999999"])
async def test_a_server_is_never_left_alone_for_good(retry_after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with fhir_server([patient("a", ANNA), ONE]) as running:
        # The longest pause is above the patience: it is busy at once, however slow this machine is.
        async with FhirServer(FhirEndpoint(running.base, patience=30.0)) as source:
            running.desk.faults = FhirFaults(busy_every=1, retry_after=retry_after)
            with anyio.fail_after(20.0), pytest.raises(SourceBusy):
                await source.check()
        monkeypatch.setattr("node_agent.sources.fhir_client._LONGEST_PAUSE", 0.05)
        async with FhirServer(FhirEndpoint(running.base)) as source:
            running.desk.faults = FhirFaults(busy_every=2, retry_after=retry_after)
            await source.check()
            await source.check()
            async with aclosing(source.records_of(A, EVERYTHING)) as lists:
                assert [record.fhir_json async for some in lists for record in some] == [ONE]
