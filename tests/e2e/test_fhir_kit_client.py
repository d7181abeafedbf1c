"""`fhir-kit-client`, a client of the web, reads the dossier over HTTP."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from testbed.region import BlockingRegion
from tests.e2e.dossier import DURING, IDENTIFIER, OBSERVED, VISITED, Ending, check

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_FOLDER: Final = Path(__file__).parent / "fhir_kit_client"
_FOLLOWING: Final = [*(f"{holder}.1" for holder in OBSERVED), *(f"{holder}.{DURING}" for holder in VISITED)]


def test_fhir_kit_client_reads_the_dossier_pages_it_and_resolves_each_reference_to_the_right_holder(region: BlockingRegion) -> None:
    node = shutil.which("node")
    if node is None or not (_FOLDER / "node_modules" / "fhir-kit-client").is_dir():
        pytest.skip("fhir-kit-client is not installed here: run make clients (it needs npm)")

    asked = json.dumps({"base": region.fhir_url, "identifier": IDENTIFIER, "following": _FOLLOWING})
    ran = subprocess.run([node, "read_dossier.js"], cwd=_FOLDER, input=asked, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - the script beside this file

    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    in_bundle = told.pop("inBundle")
    ending = Ending(**told)
    check(ending, region.generated)
    # It looks into the Bundle before it asks the server: what it finds there is the same.
    check(replace(ending, resolved=in_bundle), region.generated)
