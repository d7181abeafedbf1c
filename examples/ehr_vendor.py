"""An EHR asks the region, with any HTTP client: noaber connect run --config connect.toml & echo 999984056 | python examples/ehr_vendor.py.

`noaber connect` stands on the same machine and adds the mandate and the proofs, so what is left here is plain FHIR R4:
find the patient once by BSN (in a body, never in a URL), then read everything, page through one type, and open an attachment.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

BASE = os.environ.get("NOABER_FHIR", "http://127.0.0.1:8480/fhir")
TOKEN = os.environ.get("NOABER_TOKEN", "")  # of `noaber connect token my-ehr`, where tokens are set up
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"


def ask(url: str, form: dict[str, str] | None = None) -> Any:
    """One FHIR request. An error is an OperationOutcome with a fixed code and what to do next."""
    headers = {"Accept": "application/fhir+json"} | ({"Authorization": f"Bearer {TOKEN}"} if TOKEN else {})
    # A trusted application adds who is at work: noaber-professional-id, -role, -name; and noaber-treatment.
    request = Request(url, urlencode(form).encode() if form else None, headers)  # noqa: S310 - our own proxy, or a link that it gave
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
            return json.load(answer)
    except HTTPError as failure:
        issue = json.load(failure)["issue"][0]
        sys.exit(f"{issue['details']['coding'][0]['code']}: {issue['details']['text']}")


def pages(url: str) -> Iterator[Any]:
    """A search, page by page: follow `next` exactly as it is given."""
    while url:
        bundle = ask(url)
        yield bundle
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")


def missing(bundle: Any) -> list[str]:
    """Who was not heard. Show this to the clinician: an answer without it could be taken for the whole dossier."""
    outcomes = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    return [issue["details"]["text"] for outcome in outcomes for issue in outcome["issue"] if issue["severity"] in ("warning", "error")]


def main() -> None:
    """Show what the region has of one person; the number comes from standard input, where nobody else sees it."""
    found = ask(f"{BASE}/Patient/_search", {"identifier": f"{BSN}|{sys.stdin.readline().strip()}"})
    patient = next(entry["resource"]["id"] for entry in found["entry"] if entry["resource"]["resourceType"] == "Patient")

    dossier = ask(f"{BASE}/Patient/{patient}/$everything")
    records = [entry["resource"] for entry in dossier["entry"] if entry["search"]["mode"] == "match"]
    print(f"{len(records)} records")
    for text in missing(dossier):
        print(f"  not heard: {text}")

    for bundle in pages(f"{BASE}/Observation?patient={patient}&_count=20"):
        print(f"{sum(entry['search']['mode'] == 'match' for entry in bundle['entry'])} observations on this page")

    for document in (record for record in records if record["resourceType"] == "DocumentReference"):
        for url in (content["attachment"].get("url", "") for content in document["content"]):
            if url.startswith("Binary/"):
                print(f"{document['id']}: {BASE}/{url}?record=DocumentReference/{document['id']}")


if __name__ == "__main__":
    main()
