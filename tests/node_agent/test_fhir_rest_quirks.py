"""What servers do that is odd and no failure: each oddity is switched on, and the answer is the same as without it."""

from contextlib import aclosing

import pytest

from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING, Order, Selection
from node_agent.ports import LocalPatient, SourceAnswerInvalid, SourceFailure
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, BERT, observation, patient, resource
from testbed.fhir_server import FhirFaults, fhir_server

pytestmark = pytest.mark.anyio

ALLERGY = resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"})
OBSERVATIONS = [observation(f"o{number}", "a") for number in range(10)]
RECORDS = [patient("a", ANNA), patient("b", BERT), ALLERGY, *OBSERVATIONS, observation("b1", "b")]
A = LocalPatient(frozenset({"a"}))
INTERNAL = "http://ehr-app-03.internal:8080"


async def what_comes(source: FhirServer, selection: Selection = EVERYTHING) -> set[bytes]:
    """The records about A."""
    async with aclosing(source.records_of(A, selection)) as lists:
        return {record.fhir_json async for some in lists for record in some}


@pytest.mark.parametrize(
    "faults",
    [
        FhirFaults(max_page=3),
        FhirFaults(ignores=("_count",)),
        FhirFaults(empty_first=True),
        FhirFaults(empty_first=True, max_page=1),
        FhirFaults(stranger=True, only=("Observation",)),
        FhirFaults(companions=True, complaint="information"),
        FhirFaults(busy_every=4, retry_after=""),
        FhirFaults(busy_every=4, retry_after="0"),
        FhirFaults(busy_every=4, retry_after="Sat, 01 Jan 2000 00:00:00 GMT"),
        FhirFaults(busy_every=4, retry_after="soon"),
    ],
    ids=str,
)
async def test_an_oddity_of_a_server_changes_nothing(faults: FhirFaults) -> None:
    async with fhir_server(RECORDS) as running, FhirServer(FhirEndpoint(running.base)) as source:
        await source.check()
        running.desk.faults = faults

        assert await source.find(Bsn(ANNA)) == A
        assert await what_comes(source) == {ALLERGY, *OBSERVATIONS}


async def test_a_server_that_calls_itself_by_its_internal_name_is_followed_where_that_name_was_set() -> None:
    faults = FhirFaults(internal_name=INTERNAL, max_page=3)
    async with fhir_server(RECORDS, faults) as running:
        async with FhirServer(FhirEndpoint(running.base, also_known_as=(f"{INTERNAL}/fhir",))) as source:
            assert await what_comes(source) == {ALLERGY, *OBSERVATIONS}
        async with FhirServer(FhirEndpoint(running.base)) as source:
            with pytest.raises(SourceAnswerInvalid, match="next link"):
                await what_comes(source)


def test_another_name_of_the_server_leads_nowhere_but_to_the_server() -> None:
    endpoint = FhirEndpoint("http://127.0.0.1:8090/fhir", also_known_as=(f"{INTERNAL}/fhir",))

    assert endpoint.below(f"{INTERNAL}/fhir?_page=1") == "http://127.0.0.1:8090/fhir?_page=1"
    assert endpoint.below(f"{INTERNAL}/fhir/Observation?p=1") == "http://127.0.0.1:8090/fhir/Observation?p=1"
    for link in (f"{INTERNAL}/fhirish?_page=1", f"{INTERNAL}/fhir/../admin", f"{INTERNAL}/other", "http://ehr-app-03.internal/fhir?_page=1"):
        assert endpoint.below(link) is None


@pytest.mark.parametrize("selection", [EVERYTHING, Selection(types=frozenset({"Observation"})), Selection(order=Order.GLOBAL, limit=3)])
async def test_nothing_is_asked_that_servers_do_differently(selection: Selection) -> None:
    async with fhir_server(RECORDS) as running, FhirServer(FhirEndpoint(running.base)) as source:
        await source.find(Bsn(ANNA))
        await what_comes(source, selection)
        await source.read([RecordRef("Observation", "o1"), RecordRef("Observation", "o2")])
        assert [person async for person in source.everyone()]
        seen = list(running.desk.witness.seen)

    # No $lastn, no :in and no other modifier, no _include, no _sort.
    assert not [one.path for one in seen if "$" in one.path]
    assert {name for one in seen for name in one.parameters} <= {"identifier", "link", "patient", "subject", "_id", "_count", "_elements", "_page"}


async def test_a_bsn_in_the_address_of_the_next_page_is_not_followed() -> None:
    many = [patient(f"p{number}", ANNA) for number in range(3)]
    async with fhir_server(many, FhirFaults(max_page=1)) as running, FhirServer(FhirEndpoint(running.base)) as source:
        found = await source.find(Bsn(ANNA))
        assert found is not None
        assert len(found.ids) == 3
        running.desk.faults = FhirFaults(foreign_next=f"{running.base.removesuffix('/fhir')}/fhir?identifier={ANNA}&")
        with pytest.raises(SourceFailure):
            await source.find(Bsn(ANNA))
