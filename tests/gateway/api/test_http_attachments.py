"""Attachments over HTTP, from a gateway and agents that really run: an embedded store, and a FHIR server behind its agent."""

from base64 import b64decode, b64encode
from collections.abc import Iterator

import httpx2
import msgspec
import pytest

from accord.terms.identifiers import BSN_SYSTEM
from testbed.people import Region as Generated
from testbed.region import BlockingRegion

pytestmark = pytest.mark.slow

OLDER, READ_THROUGH = "reggerbrug", "dinkelhorst"


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    """Two hospitals, one of each kind of source."""
    with BlockingRegion.start(holders=(OLDER, READ_THROUGH), story=False, patient=True) as running:
        yield running


def opened(client: httpx2.Client, bsn: str) -> None:
    """Ask about a person: reads that name none are about whom this application asked for last."""
    assert client.post("Patient/_search", data={"identifier": f"{BSN_SYSTEM}|{bsn}"}).status_code == 200


def a_letter(generated: Generated, holder: str) -> tuple[str, str, str, str, bytes]:
    """A letter that may be seen: whose it is, the ids of its DocumentReference and Binary, its content type and bytes."""
    records = [msgspec.json.decode(text) for text in generated.records_at(holder)]
    binaries = {f"Binary/{record['id']}": record for record in records if record["resourceType"] == "Binary"}
    choices = generated.choices_at(holder)
    # Silence is no.
    shares = {choice["bsn"] for choice in choices if choice["permits"]} - {choice["bsn"] for choice in choices if not choice["permits"]}
    own = {f"Patient/{record['id']}": record for record in records if record["resourceType"] == "Patient"}
    for record in records:
        if record["resourceType"] == "DocumentReference":
            owner = own[record["subject"]["reference"]]
            url = record["content"][0]["attachment"]["url"]
            for bsn in shares.intersection(identifier["value"] for identifier in owner["identifier"]) if url in binaries else ():
                binary = binaries[url]
                return bsn, record["id"], binary["id"], binary["contentType"], b64decode(binary["data"])
    raise AssertionError("nobody has a letter here")


@pytest.mark.parametrize("holder", [OLDER, READ_THROUGH])
def test_a_letter_arrives_as_its_holder_has_it(region: BlockingRegion, holder: str) -> None:
    bsn, letter, logical_id, content_type, content = a_letter(region.generated, holder)
    with httpx2.Client(base_url=f"{region.fhir_url}/", timeout=20) as client:
        opened(client, bsn)
        merged = client.get(f"Binary/{holder}.{logical_id}", params={"record": f"DocumentReference/{holder}.{letter}"})
        own = client.get(f"at/{holder}/Binary/{logical_id}", params={"record": f"DocumentReference/{letter}"})
        by_header = client.get(f"Binary/{holder}.{logical_id}", headers={"noaber-record": f"DocumentReference/{holder}.{letter}"})
        json = client.get(
            f"Binary/{holder}.{logical_id}", params={"record": f"DocumentReference/{holder}.{letter}"}, headers={"accept": "application/fhir+json"}
        )
        read = client.get(f"DocumentReference/{holder}.{letter}")

    # A FHIR server's agent passes on the bare media type.
    bare = content_type.partition(";")[0]
    assert merged.status_code == 200
    assert merged.headers["content-type"] in (content_type, bare)
    assert merged.content == content
    assert own.content == by_header.content == content
    assert json.json() == {
        "resourceType": "Binary",
        "id": f"{holder}.{logical_id}",
        "contentType": merged.headers["content-type"],
        "data": b64encode(content).decode(),
    }
    assert read.json()["content"][0]["attachment"]["url"] == f"Binary/{holder}.{logical_id}"


@pytest.mark.parametrize("holder", [OLDER, READ_THROUGH])
def test_without_the_record_that_refers_to_it_there_is_nothing(region: BlockingRegion, holder: str) -> None:
    bsn, letter, logical_id, _, _ = a_letter(region.generated, holder)
    other = READ_THROUGH if holder == OLDER else OLDER
    referrers = ("", f"DocumentReference/{holder}.no-such-letter", f"DocumentReference/{other}.{letter}", f"Patient/{holder}.{letter}")
    with httpx2.Client(base_url=f"{region.fhir_url}/", timeout=20) as client:
        opened(client, bsn)
        answers = [client.get(f"Binary/{holder}.{logical_id}", params={"record": referrer} if referrer else {}) for referrer in referrers]
        unnamed = client.get(f"Binary/{holder}.no-such-binary", params={"record": f"DocumentReference/{holder}.{letter}"})

    for answer in (*answers, unnamed):
        assert answer.status_code == 404
        assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "not-found"
