"""`fhirpy` reads the dossier over HTTP."""

from typing import Any

import pytest
from fhirpy import SyncFHIRClient

from testbed.region import BlockingRegion
from tests.e2e.dossier import DURING, IDENTIFIER, OBSERVED, VISITED, Ending, Json, check

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_fhirpy_reads_the_dossier_pages_it_and_resolves_each_reference_to_the_right_holder(region: BlockingRegion) -> None:
    bodies: list[str] = []
    listening = {"hooks": {"response": lambda response, **_: bodies.append(response.text)}}
    client = SyncFHIRClient(region.fhir_url, requests_config=listening)
    # It sends JSON unless told otherwise; a BSN goes in a form.
    asking = SyncFHIRClient(region.fhir_url, requests_config={**listening, "data": {"identifier": IDENTIFIER}})

    patients = resources(asking.execute("Patient/_search"), "match")
    (patient,) = patients
    everything = client.resource("Patient", id=patient["id"]).execute("$everything", method="get")
    pages = len(bodies)
    paged = list(client.resources("Observation").search(patient=patient["id"]).limit(2))
    pages = len(bodies) - pages

    ending = Ending(
        patients,
        resources(everything, "match") + resources(everything, "include"),
        resources(everything, "outcome"),
        [dict(record) for record in paged],
        pages,
        {record.id: resolved(record) for record in paged if record.id in wanted()},
        bodies,
    )
    check(ending, region.generated)


def wanted() -> set[str]:
    """The observations whose references are followed."""
    return {f"{holder}.1" for holder in OBSERVED} | {f"{holder}.{DURING}" for holder in VISITED}


def resolved(record: Any) -> dict[str, Json]:
    """What the references of an observation lead to."""
    return {name: dict(record[name].to_resource()) for name in ("subject", "encounter") if name in record}


def resources(bundle: Any, mode: str) -> list[Json]:
    """The resources of a Bundle that are there for this reason."""
    return [dict(entry["resource"]) for entry in bundle["entry"] if entry["search"]["mode"] == mode]
