"""Step 4, the developer: curl, stock FHIR clients, and twelve lines of pytest see what the emergency department saw."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from accord.terms.identifiers import BSN_SYSTEM
from testbed.demo_merged import FhirAnsweredOtherwise, MergedDossier, get, read_bundle
from testbed.people import DINA
from testbed.story_evidence import CannotBeTold, DoesNotHold, Night, expect, expect_same

_SECONDS: Final = 120
_BOTH: Final = {"dinkelhorst.1", "twickelaar.1"}
_TWELVE_LINES: Final = Path(__file__).resolve().parent.parent / "examples" / "test_story_in_twelve_lines.py"


def a_bsn_in_a_url_is_refused(night: Night) -> str:
    """A BSN in a URL is refused; in the body of a search it is not."""
    try:
        get(f"{night.region.fhir_url}/Patient?identifier={BSN_SYSTEM}|{DINA.bsn}")
    except FhirAnsweredOtherwise as refusal:
        expect(refusal.status, 400, "HTTP status")
        return f"HTTP {refusal.status}"
    raise DoesNotHold("it was answered")


def curl_reads_the_dossier(night: Night) -> str:
    """A plain curl finds Dina with her number in the body and reads the same dossier."""
    curl = shutil.which("curl")
    if curl is None:
        raise CannotBeTold("curl is not installed")
    found = json.loads(_output([curl, "-sSf", "-d", f"identifier={BSN_SYSTEM}|{DINA.bsn}", f"{night.region.fhir_url}/Patient/_search"]))
    (person,) = [entry["resource"]["id"] for entry in found["entry"] if entry["resource"]["resourceType"] == "Patient"]
    expect(DINA.bsn in person, False, "the number is in the id")
    everything = [curl, "-sSf", "--compressed", f"{night.region.fhir_url}/Patient/{person}/$everything"]
    read = read_bundle(person, _output(everything))
    # Which of identical records stands for them all depends on who answers first: who said what does not, nor what is there unfolded.
    expect_same(_statements(read), _statements(night.merged), "statements")
    unfolded = read_bundle(person, _output([*everything, "-H", "Prefer: noaber-fold=none"]))
    held = [f"{kind}/{one.holder}.{name}" for one in night.full.records for kind, _, name in [one.ref.partition("/")]]
    expect_same((record.ref for record in unfolded.records), held, "records that also arrived over gRPC")
    return f"{len(read.records)} statements, of {len(unfolded.records)} records"


def fhirpy_reads_both(night: Night) -> str:
    """The stock client fhirpy reads page after page and ends with both Observation/1."""
    client = _module("fhirpy").SyncFHIRClient(night.region.fhir_url, authorization=None)
    found = client.resources("Observation").search(patient=night.merged.patient_id, _count=2).fetch_all()
    return _both([str(one["id"]) for one in found])


def fhirclient_reads_both(night: Night) -> str:
    """The stock client fhirclient reads page after page and ends with both Observation/1."""
    server = _module("fhirclient.client").FHIRClient(settings={"app_id": "noaber-story", "api_base": night.region.fhir_url}).server
    observation = _module("fhirclient.models.observation").Observation
    found = observation.where({"patient": night.merged.patient_id, "_count": "2"}).perform_resources_iter(server)
    return _both([str(one.id) for one in found if one.resource_type == "Observation"])


def twelve_lines_of_pytest(night: Night) -> str:
    """Twelve lines of pytest replay the emergency department by seed, in a region of their own."""
    if find_spec("pytest") is None or not _TWELVE_LINES.is_file():
        raise CannotBeTold("pytest is not installed, or this is not a source tree")
    # Where the plugin is not installed with the package it has to be named.
    plugin = () if entry_points(group="pytest11", name="noaber") else ("-p", "testbed.plugin")
    _output([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, str(_TWELVE_LINES)], folder=night.region.root)
    return "they pass"


FACTS: Final[tuple[Callable[[Night], str], ...]] = (
    a_bsn_in_a_url_is_refused,
    curl_reads_the_dossier,
    fhirpy_reads_both,
    fhirclient_reads_both,
    twelve_lines_of_pytest,
)


def _statements(read: MergedDossier) -> list[str]:
    """Everything that is said, as its type and who says it."""
    return [f"{record.content['resourceType']} of {' + '.join(sorted(record.origins))}" for record in read.records]


def _both(ids: list[str]) -> str:
    expect(len(set(ids)), len(ids), "ids that differ")
    expect(set(ids) >= _BOTH, True, "both Observation/1 are there")
    return f"{len(ids)} Observations"


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise CannotBeTold(f"{name.partition('.')[0]} is not installed") from None


def _output(command: list[str], folder: Path | None = None) -> bytes:
    environment = os.environ | {"PYTHONPATH": str(_TWELVE_LINES.parent.parent)}
    done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS, cwd=folder, env=environment)  # noqa: S603 - programs that this module names
    if done.returncode:
        raise DoesNotHold(f"{Path(command[0]).name} ended with {done.returncode}")
    return done.stdout
