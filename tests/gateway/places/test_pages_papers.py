"""What leaves the transfer desk on paper or as a file: the handover, the sheet for the patient, the tables of the overview."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest

from accord.rules.placing import provider as rules
from accord.terms.identifiers import HolderName
from node_agent.places.page_handover import handover_shown
from tests.gateway.places.page_hands import MONDAY, fields, placed, searched
from tests.gateway.places.pages_world import HOME, PlacesKit
from tests.gateway.viewer.conftest import says

pytestmark = pytest.mark.anyio


async def test_the_handover_is_looked_at_sent_and_taken_in(places: PlacesKit) -> None:
    case = await placed(places)
    page = await places.kit.get(f"/plekken/{case}/overdracht")
    assert "<br>≠ tegenstrijdig met: Thuiszorg De Wieke" in page.text
    assert says(page, "Automatisch samengesteld uit wat de instellingen in de regio tonen, en verstuurd door")
    assert says(page, "Niet alles gehoord van: Huisartsenpost Marksveen")
    await places.kit.post(f"/plekken/{case}/overdracht", do="send", seen=fields(page)["seen"], words="Graag een rustige kamer.")
    await places.settle()
    provider = places.providers["weefgetouw"]
    sent = json.loads(provider.legs[case].handover)
    provider.do(case, rules.take_in)
    provider.do(case, lambda leg: rules.arrive(leg, MONDAY))
    await places.settle()
    after = await places.kit.get(f"/plekken/{case}")

    read = handover_shown(json.dumps(sent).encode())
    assert [one.title for one in read.sections[1:]] == [unescape(one) for one in re.findall("<h3>([^<]*)</h3>", page.text)][1:]
    for said_in_it in (one for section in read.sections for one in re.findall("<(?:li|p)>(.*?)</(?:li|p)>", section.text)):
        assert "rustige kamer" in said_in_it or unescape(said_in_it) in unescape(page.text).replace("<bdi>", "").replace("</bdi>", "")
    assert "Graag een rustige kamer." in sent["entry"][0]["resource"]["section"][0]["text"]["div"]
    assert says(after, "Overdracht overgenomen in hun dossier")
    assert says(after, "Patiënt is aangekomen")


async def test_what_was_not_looked_at_is_not_sent(places: PlacesKit) -> None:
    case = await placed(places)
    await places.kit.get(f"/plekken/{case}/overdracht")
    answer = await places.kit.post(f"/plekken/{case}/overdracht", do="send", seen="0-0", words="")
    await places.settle()

    assert answer.status_code == 409
    assert says(answer, "Het dossier is veranderd sinds u keek.")
    assert not places.providers["weefgetouw"].legs[case].handover_whole


async def test_without_an_open_dossier_no_handover_is_made(places: PlacesKit) -> None:
    case = await placed(places)
    for token in places.kit.desk.dossiers.tokens_of(next(iter(places.kit.desk.sessions._inside.values())).owner):
        places.kit.desk.dossiers.close(token)
    page = await places.kit.get(f"/plekken/{case}/overdracht")

    assert page.status_code == 409
    assert says(page, "Open het dossier van deze patiënt vanuit uw EPD")


async def test_the_document_itself_can_be_had(places: PlacesKit) -> None:
    case = await placed(places)
    answer = await places.kit.get(f"/plekken/{case}/overdracht/bundel")

    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json()["type"] == "document"


async def test_the_sheet_says_what_is_not_certain_and_has_no_codes(places: PlacesKit) -> None:
    case = await searched(places)
    before = await places.kit.get(f"/plekken/{case}/blad")
    own = await places.kit.post(f"/plekken/{case}/blad", words="Ria rijdt <met u> mee.")

    assert says(before, "We zoeken nog een plek voor u.")
    assert says(before, "We gaan vragen wie een plek voor u heeft.")
    assert "Ria rijdt &lt;met u&gt; mee." in own.text
    assert not re.search(r"\b(GRZ|ELV|Zvw|Wlz|SNOMED|999984056)\b", before.text)


async def test_weeks_ahead_the_sheet_says_that_the_day_may_change(places: PlacesKit) -> None:
    case = await searched(places, since="2026-12-14")
    sheet = await places.kit.get(f"/plekken/{case}/blad")

    assert says(sheet, "Waarschijnlijk rond maandag 14 december 2026. Het kan nog veranderen.")


async def test_the_overview_counts_what_is_known_and_what_is_not_and_tells_of_no_patient(places: PlacesKit) -> None:
    await searched(places)
    await places.kit.get("/plekken/overzicht")
    page = await places.kit.get("/plekken/overzicht")

    assert says(page, "5 van 6 aanbieders antwoordden")
    assert says(page, "geriatrische revalidatie Reggerbrug 30 41 te weinig 120 Te weinig personeel: 7")
    assert says(page, "geriatrische revalidatie Marksveen 30 22 11 35 Te weinig personeel: 7")
    assert "Dina" not in page.text


async def test_what_providers_in_one_place_are_asked_is_added_up_and_what_one_keeps_back_is_said_to_be_so(places: PlacesKit) -> None:
    opened = places.region.openings[HolderName("reviant")]
    places.region.openings[HolderName("reviant")] = tuple(replace(one, service=replace(one.service, place="Marksveen")) for one in opened)
    await searched(places)
    await places.kit.get("/plekken/overzicht")
    page = await places.kit.get("/plekken/overzicht")

    assert says(page, "minstens 11 (1 te weinig om te noemen)")
    assert says(page, "35 tot 120")
    assert says(page, "Te weinig personeel: 14")


async def test_the_table_of_capacity_has_when_it_was_observed_and_no_formula(places: PlacesKit) -> None:
    opening = places.region.opening("reviant", HOME, 3, 5, title='=HYPERLINK("x")', telephone="+31 74 555")
    places.region.openings[HolderName("reviant")] = (opening,)
    await searched(places)
    await places.kit.get("/plekken/overzicht")
    table = (await places.kit.get("/plekken/overzicht/capaciteit")).content.decode("utf-8")

    assert table.startswith("\ufeff")
    assert "observed_at" in table.splitlines()[0]
    assert "2026-11-23T09:10:00+00:00" in table
    assert '"\'=HYPERLINK(""x"")"' in table
    assert '"\'+31 74 555"' in table
