"""A practice whose mapping says nothing of two types: whoever reads a dossier sees that not everything was heard there, whoever it is about."""

import json
from collections.abc import Iterator

import pytest

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import Section
from gateway.api.fhir_account import HOLDER_SYSTEM, SECTION_SYSTEM
from testbed import gp_system
from testbed.contracts.records import NOBODY
from testbed.demo_merged import read_everything
from testbed.people import DINA
from testbed.region import BlockingRegion

pytestmark = pytest.mark.slow

PRACTICE = "brinkhof"
SECTIONS = {Section.PROCEDURES, Section.ALERTS}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingRegion]:
    mapping = tmp_path_factory.mktemp("mapping") / "mapping.toml"
    text = gp_system.MAPPING.read_text(encoding="utf-8")
    assert all(f'"{name}"' in text for name in ("Flag", "Procedure"))
    mapping.write_text(text.replace(' "Flag",', "").replace(' "Procedure",', ""), encoding="utf-8")
    with BlockingRegion.start(story=False, holders=(PRACTICE,), people=20, seconds=20.0, more={PRACTICE: {"source": {"mapping": str(mapping)}}}) as running:
        yield running


def test_p9_the_account_says_the_same_of_who_is_known_there_and_of_who_is_not(region: BlockingRegion) -> None:
    for bsn, ending in ((DINA.bsn, Ending.ANSWERED), (NOBODY, Ending.NOTHING_SHOWN)):
        dossier = region.ask(bsn)
        line = dossier.holders[PRACTICE]

        assert (line.ending, line.code) == (ending, Fault.MISSING_CAPABILITY)
        assert {section.section for section in dossier.sections.values() if section.missing} == SECTIONS


def test_p8_a_reader_of_fhir_finds_the_sections_and_the_practice_by_name(region: BlockingRegion) -> None:
    merged = read_everything(region.fhir_url, DINA.bsn)
    issues = [
        issue for outcome in json.loads(merged.raw)["entry"] if outcome.get("search", {}).get("mode") == "outcome" for issue in outcome["resource"]["issue"]
    ]
    told = {
        coding["code"]: {(one["system"], one["code"]) for one in issue["details"]["coding"]}
        for issue in issues
        for coding in issue["details"].get("coding", [])
        if coding["system"] == SECTION_SYSTEM
    }

    assert set(told) == {section.value for section in SECTIONS}
    assert all((HOLDER_SYSTEM, PRACTICE) in codings for codings in told.values())
    assert any(Fault.MISSING_CAPABILITY.value == coding["code"] for issue in issues for coding in issue["details"].get("coding", []))
