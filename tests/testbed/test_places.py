"""The places of the testbed are coherent, and what systems say about them says the same in CSV and in FHIR."""

import csv
from datetime import UTC, datetime, timedelta

import pytest

from accord.terms.capacity import AT_HOME, Certainty, Opening, Stop, StopReason
from testbed.holders import BY_NAME
from testbed.places import OPENINGS, SPOTS, openings_of, services_of
from testbed.places_exports import ENCODING, csv_export, fhir_resources

_NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


def _every_opening() -> list[tuple[str, Opening]]:
    return [(name, opening) for name in OPENINGS for opening in openings_of(name, _NOW)]


@pytest.mark.parametrize(("name", "opening"), _every_opening(), ids=lambda value: value.id if isinstance(value, Opening) else "")
def test_every_opening_is_of_a_holder_that_may_have_it(name: str, opening: Opening) -> None:
    assert opening.id in (opening.service.id, f"{opening.service.id}-1")
    assert opening.service.id.startswith(f"{name}-")
    assert (opening.places is None) != (opening.light is None)
    assert opening.service.telephone == BY_NAME[name].telephone


def test_the_story_has_what_it_tells_of() -> None:
    spoel, stale = openings_of("weefgetouw", _NOW)[0], openings_of("havezate", _NOW)[0]

    assert (spoel.places, spoel.certainty, _NOW - spoel.observed_at) == (1, Certainty.CONFIRMED, timedelta(minutes=4))
    assert spoel.since == _NOW.date() + timedelta(days=3)
    assert (stale.places, _NOW - stale.observed_at) == (2, timedelta(hours=26))
    assert stale.valid_until < _NOW
    assert {services_of(name)[-1].kind for name in ("noaberhoes",)} == {spoel.service.kind}


def test_only_care_at_home_serves_an_area_and_all_else_stands_somewhere() -> None:
    for service in (service for name in OPENINGS for service in services_of(name)):
        assert bool(service.area) == (service.kind in AT_HOME)
        assert service.spot in SPOTS.values()


def test_an_export_is_read_as_its_system_writes_it() -> None:
    read = list(csv.DictReader(csv_export(openings_of("reviant", _NOW)).decode(ENCODING).splitlines(), delimiter=";"))

    assert [(line["Code"], line["Vrij"]) for line in read] == [("reviant-herstel", "1"), ("reviant-grz", "3"), ("reviant-elv", "1")]
    assert read[0]["Stand"] == "23-11-2026 09:40:00"
    assert all(int(line["Capaciteit"]) - int(line["Bezet"]) == int(line["Vrij"]) for line in read)


def test_fhir_says_the_same() -> None:
    openings = openings_of("havezate", _NOW)
    told = list(fhir_resources(openings, _NOW))

    for one in openings:
        beds = [each for each in told if each["resourceType"] == "Location" and each.get("partOf", {}).get("reference") == f"Location/{one.service.id}-ward"]
        assert sum(bed["operationalStatus"]["code"] == "U" for bed in beds) == one.places
        assert sum(each["resourceType"] == "Slot" and each["schedule"]["reference"] == f"Schedule/{one.id}-schedule" for each in told) == one.places
    assert len({(each["resourceType"], each["id"]) for each in told}) == len(told)


def test_a_stop_is_in_both() -> None:
    one = openings_of("reviant", _NOW)[0]
    stopped = Opening(one.id, one.service, one.observed_at, one.valid_until, one.certainty, 1, stop=Stop(StopReason.OUTBREAK, _NOW + timedelta(days=2)))

    assert b";J;outbreak;" in csv_export([stopped])
    service = next(fhir_resources([stopped], _NOW))
    assert service["notAvailable"][0]["description"] == "outbreak"
