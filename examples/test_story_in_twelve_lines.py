"""Dina's night in twelve lines, replayed by seed: `pytest examples/test_story_in_twelve_lines.py`."""

# ruff: noqa: D103, S101

import pytest

from testbed.region import BlockingRegion


@pytest.mark.noaber(seed=2026, story=False)
def test_a_slow_pharmacy_is_named_and_then_heard(noaber_region: BlockingRegion) -> None:
    noaber_region.fault("pharmacy", "slow", seconds=2.4)
    noaber_region.fault("ambulance", "frozen")
    hasty, patient = noaber_region.ask("999984056", seconds=2), noaber_region.ask("999984056")

    assert hasty.holders["vijzelmarke"].ending == "too-late"
    assert "vijzelmarke" in hasty.sections["medication"].missing
    assert "vijzelmarke" not in patient.sections["medication"].missing
    assert any(b"Apixaban tablet 5mg" in record.json for record in patient.of("vijzelmarke", "Medication"))
    assert patient.holders["losserveld"].ending == "too-late"
    assert any(b"37.50" in record.json for record in patient.of("twickelaar"))
