"""`fhirclient` (SMART on FHIR) reads the dossier over HTTP, and takes every record for valid FHIR."""

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.encounter import Encounter
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient

from testbed.region import BlockingRegion
from tests.e2e.dossier import DURING, IDENTIFIER, OBSERVED, VISITED, Ending, Json, check

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_fhirclient_reads_the_dossier_pages_it_and_resolves_each_reference_to_the_right_holder(region: BlockingRegion) -> None:
    bodies: list[str] = []
    server = FHIRClient(settings={"app_id": "noaber-e2e", "api_base": region.fhir_url}).server
    server.session.hooks["response"].append(lambda response, **_: bodies.append(response.text))

    found = server.post_as_form(f"{server.base_uri}Patient/_search", {"identifier": IDENTIFIER})
    patients = resources(Bundle(found.json()), "match")
    (patient,) = patients
    everything = Bundle.read_from(f"Patient/{patient['id']}/$everything", server)
    pages = list(Observation.where(struct={"patient": patient["id"], "_count": "2"}).perform_iter(server))
    observations = [entry.resource for page in pages for entry in page.entry if isinstance(entry.resource, Observation)]
    following = {f"{holder}.1" for holder in OBSERVED} | {f"{holder}.{DURING}" for holder in VISITED}

    ending = Ending(
        patients,
        resources(everything, "match") + resources(everything, "include"),
        resources(everything, "outcome"),
        [record.as_json() for record in observations],
        len(pages),
        {record.id: resolved(record) for record in observations if record.id in following},
        bodies,
    )
    check(ending, region.generated)


def resolved(observation: Observation) -> dict[str, Json]:
    """What the references of an observation lead to."""
    found = {"subject": observation.subject.resolved(Patient).as_json()}
    if observation.encounter is not None:
        found["encounter"] = observation.encounter.resolved(Encounter).as_json()
    return found


def resources(bundle: Bundle, mode: str) -> list[Json]:
    """The resources of a Bundle that are there for this reason."""
    return [entry.resource.as_json() for entry in bundle.entry if entry.search.mode == mode]
