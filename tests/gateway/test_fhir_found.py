"""What `$find-places` answers: what is old is unknown and never free, why each stands where it stands, and who was too late."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from accord.rules.capacity.ranking import Offering, rank
from accord.terms.answers import Ending
from accord.terms.capacity import Statement, Stop, StopReason, Wishes
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.vocabulary import HolderKind
from gateway.api.fhir_found import found_bundle
from gateway.api.fhir_placing_words import speech_in
from gateway.dossier.words import Language
from gateway.places.ports import Accounted, HolderSaid, Provider
from gateway.places.searching import Found
from tests.gateway.places.small_places import NEED, NOW, opening

FRESH, STALE, STOPPED, LATE, DEAD = (HolderName(name) for name in ("fresh", "stale", "stopped", "late", "dead"))


def provider(name: HolderName) -> Provider:
    return Provider(name, f"Huis {name}", "053 1111111", HolderKind.NURSING_HOME, Ura("00003001"))


def found() -> Found:
    """One that is sure, one that is too old, one that takes nobody; one that was too late, and one that is dead."""
    stop = Stop(StopReason.OUTBREAK, NOW + timedelta(days=2))
    openings = {FRESH: opening(), STALE: opening(at=NOW - timedelta(hours=26)), STOPPED: replace(opening(), stop=stop)}
    said = [HolderSaid(provider(name), Ending.ANSWERED, statement=Statement("", "", NOW, (one,), key=bytes(32))) for name, one in openings.items()]
    ranked = rank(NEED, Wishes(), [Offering(name, one) for name, one in openings.items()], NOW, None)
    unheard = [HolderSaid(provider(LATE), Ending.TOO_LATE, Fault.HOLDER_SILENT), HolderSaid(provider(DEAD), Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE)]
    return Found(ranked, (*said, *unheard), Accounted(5, 5, 3), is_over=True)


def told(language: Language) -> dict[str, Any]:
    return found_bundle(found(), "http://here/fhir", speech_in(language, NOW), "a-question")


def coded(resource: dict[str, Any]) -> dict[str, Any]:
    """Its extensions, by name."""
    return {one["url"].rpartition(":")[2]: next((value for name, value in one.items() if name.startswith("value")), None) for one in resource["extension"]}


def test_what_is_old_is_unknown_without_a_number_and_what_takes_nobody_says_until_when() -> None:
    fresh, stale, stopped = (entry["resource"] for entry in told("nl")["entry"][:3])

    assert [one["providedBy"]["identifier"]["value"] for one in (fresh, stale, stopped)] == ["fresh", "stale", "stopped"]
    assert (coded(fresh)["group"], coded(fresh)["places"]) == ("free", 1)
    assert (coded(stale)["group"], coded(stale)["doubt"], "places" in coded(stale)) == ("unknown", "stale", False)
    assert stale["comment"].startswith("onbekend: 26 uur oud, bel 053 1111111")
    assert (coded(stopped)["group"], coded(stopped)["stop"], coded(stopped)["stop-expected-end"]) == ("taken", "outbreak", "2026-03-04T10:15:00+00:00")


@pytest.mark.parametrize(
    ("language", "late", "count"),
    [
        ("nl", "Nog niet klaar toen de tijd om was; er kan meer zijn.", "Niet iedereen die zo'n plek kan hebben is gehoord: 3 van 5."),
        ("en", "Not ready when time was up; there may be more.", "Not everybody who may have such a place was heard: 3 of 5."),
    ],
)
def test_whoever_was_not_heard_is_told_of_with_why_and_a_telephone_number(language: Language, late: str, count: str) -> None:
    too_late, dead, last = told(language)["entry"][-1]["resource"]["issue"]

    assert too_late["details"]["text"] == f"Huis late 053 1111111: {late}"
    assert [one["code"] for one in too_late["details"]["coding"]] == ["too-late", "holder-silent"]
    assert [one["code"] for one in dead["details"]["coding"]] == ["unreachable", "holder-unreachable"]
    assert (last["code"], last["details"]["text"].startswith(count)) == ("incomplete", True)


@pytest.mark.parametrize(
    ("language", "account", "missing", "count"),
    [
        ("en", Accounted(3, 3, 3, 1, Fault.REGISTER_OUTDATED), "Not everybody is in the register here. Could not be judged: 1.", "3 of 4."),
        (
            "nl",
            Accounted(3, 3, 3, 0, Fault.REGISTER_OUTDATED),
            "Het register hier is ouder dan dat van de gateway: er kunnen aanbieders ontbreken.",
            "3 van 3.",
        ),
    ],
)
def test_p8_where_the_register_here_is_older_than_the_gateways_it_is_not_complete(language: Language, account: Accounted, missing: str, count: str) -> None:
    some = found()
    everybody = replace(some, said=some.said[:3], account=account)
    bundle = found_bundle(everybody, "http://here/fhir", speech_in(language, NOW), "a-question")
    first, last = bundle["entry"][-1]["resource"]["issue"]

    assert not everybody.complete
    assert (first["code"], first["details"]["text"], first["details"]["coding"][0]["code"]) == ("incomplete", missing, "register-outdated")
    assert (last["code"], count in last["details"]["text"]) == ("incomplete", True)


def test_it_is_a_searchset_as_r4_has_it() -> None:
    get_fhir_model_class("Bundle").model_validate(told("nl"))
