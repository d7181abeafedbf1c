"""Looking for a place: the need proposed from the dossier and confirmed by a person, and what everybody answered."""

import re

import pytest

from accord.terms.answers import Ending
from accord.terms.identifiers import HolderName
from testbed.people import BENNIE
from tests.gateway.places.page_hands import fields, searched, the_form
from tests.gateway.places.pages_world import HOME, PlacesKit
from tests.gateway.viewer.conftest import says

pytestmark = pytest.mark.anyio


async def test_the_need_is_proposed_from_the_dossier_and_nobody_is_asked(places: PlacesKit) -> None:
    page = await the_form(places)

    assert page.status_code == 200
    assert says(page, "Er wordt nog niemand gevraagd")
    assert says(page, "woont alleen")
    assert fields(page)["fact.lives-alone"] == "yes"
    assert fields(page)["fact.walks"] == "unknown"
    assert fields(page)["age"] == "80"
    assert fields(page)["name"] == "Dina Olde Wolbers-Nijkamp"
    assert "Ria" in fields(page)["contact"]
    assert places.region.questions == []


async def test_who_is_looked_for_is_known_from_the_launch_also_when_no_record_has_a_name(places: PlacesKit) -> None:
    places.kit.region.events = ()
    await places.kit.start_shift()
    page = await places.kit.launch("pt-90b2e")
    form = fields(await places.kit.get(f"{page.url.path}plek"))

    assert (form["name"], form["birth_date"]) == ("Bennie Lutke Veldhuis", BENNIE.birth_date)
    assert not any("Bennie" in address or BENNIE.birth_date in address for address in places.kit.went)


async def test_who_wants_home_is_proposed_care_at_home_first_and_is_told_why(places: PlacesKit) -> None:
    page = await the_form(places)
    stroke = fields(page) | {"occasion": "stroke", "do": "propose", "fact.home-care": "no", "fact.cognitive-problems": "no"}
    unsaid = await places.kit.post(page.url.path, **stroke)
    wanted = await places.kit.post(page.url.path, **(stroke | {"fact.wants-home": "yes"}))
    first = [re.findall(r"<li[^>]*><p><strong>(.*?)</strong>.*?</li>", one.text.split('class="proposals"')[1], re.DOTALL)[0] for one in (unsaid, wanted)]

    assert "revalidatie" in first[0].casefold()
    assert "wijkverpleging" in first[1].casefold()
    assert says(wanted, "wil naar huis")


async def test_what_is_unknown_stands_apart_and_who_was_not_heard_is_to_be_called(places: PlacesKit) -> None:
    case = await searched(places)
    await places.kit.get(f"/plekken/{case}/zoek")
    page = await places.kit.get(f"/plekken/{case}/zoek")
    free, unknown, unheard = (page.text.index(words) for words in ("Vrij en passend", "Onbekend: 1", "Niet gehoord: 1"))

    assert free < page.text.index("Weefgetouw") < unknown < page.text.index("De Havezate") < unheard < page.text.index("De Eikenhof")
    assert says(page, "Laatst gehoord: 08:15.")
    assert says(page, "5 van 6 aanbieders antwoordden")
    assert says(page, "opnamestop: te weinig personeel; verwacht tot 25-11-2026 10:15")
    assert says(page, "buurregio: IJsselland")
    assert says(page, "Alleen telefonisch te vragen: ☎ 0570-555 0120")
    assert says(page, "Ook gevraagd in IJsselland; antwoorden: 1.")


async def test_p14_a_neighbouring_region_that_is_not_heard_has_its_ending_and_its_telephone(places: PlacesKit) -> None:
    places.region.neighbour = Ending.UNREACHABLE
    case = await searched(places)
    await places.kit.get(f"/plekken/{case}/zoek")
    page = await places.kit.get(f"/plekken/{case}/zoek")

    assert page.text.index("Niet gehoord: 2") < page.text.index("0570-555 0100")
    assert says(page, "Ook gevraagd in IJsselland; niet gehoord.")
    assert says(page, "IJsselland buurregio")
    assert says(page, "Plekken van deze regio kunnen hier ontbreken.")
    assert says(page, "5 van 6 aanbieders antwoordden")
    assert not says(page, "Revalidatie Esrein")


async def test_p14_in_the_overview_the_places_of_another_region_stand_apart(places: PlacesKit) -> None:
    await searched(places)
    await places.kit.get("/plekken/overzicht")
    page = await places.kit.get("/plekken/overzicht")

    assert says(page, "Deventer buurregio: IJsselland")
    assert says(page, "Ook gevraagd in IJsselland; antwoorden: 1.")


async def test_only_the_kind_of_care_and_the_day_leave_us_when_places_are_looked_for(places: PlacesKit) -> None:
    case = await searched(places)
    await places.kit.get(f"/plekken/{case}/zoek")

    assert [(question.kinds, str(question.since)) for question, _ in places.region.questions] == [(frozenset({"geriatric-rehabilitation"}), "2026-11-26")]


async def test_a_need_that_is_not_whole_is_told_field_by_field_and_nothing_is_kept(places: PlacesKit) -> None:
    page = await the_form(places)
    answer = await places.kit.post(page.url.path, do="confirm", kind="nonsense", since="gisteren", near="1", amount="0", name="", birth_date="")

    assert answer.status_code == 422
    for words in ("Kies een soort zorg.", "Vul in vanaf welke dag.", "Het aantal is een getal", "Vul de naam in.", "heeft 4 cijfers"):
        assert says(answer, words), words
    assert await places.site.placing.cases() == ()


async def test_care_at_home_needs_a_neighbourhood_and_a_bed_tells_none(places: PlacesKit) -> None:
    page = await the_form(places)
    form = fields(page) | {"do": "confirm", "kind": "district-nursing", "since": "2026-11-26", "amount": "4"}

    assert (await places.kit.post(page.url.path, **(form | {"need_near": ""}))).status_code == 422
    await places.kit.get(page.url.path)
    kept = await places.kit.post(page.url.path, **(form | {"need_near": "7591 AB"}))
    case = await places.site.placing.case(kept.url.path.split("/")[2])
    bed = await places.site.placing.case(await searched(places, need_near="7591"))

    assert case.request.need.near == "7591"
    assert bed.request.need.near == ""


async def test_what_is_over_is_not_said_to_run_for_this_patient(places: PlacesKit) -> None:
    case = await searched(places)
    running = await the_form(places)
    await places.kit.get(f"/plekken/{case}")
    await places.kit.post(f"/plekken/{case}", do="cancel", reason="other")
    after = await the_form(places)

    assert says(running, "Voor deze patiënt loopt al:")
    assert not says(after, "Voor deze patiënt loopt al:")


async def test_the_list_is_called_what_its_tab_is_called_and_what_is_done_is_not_said_to_be_nothing(places: PlacesKit) -> None:
    case = await searched(places)
    await places.kit.get(f"/plekken/{case}")
    await places.kit.post(f"/plekken/{case}", do="cancel", reason="other")
    work = await places.kit.get("/plekken")

    assert re.search(r'aria-current="page">Alle aanvragen<', work.text)
    assert says(work, "Er lopen geen aanvragen.")
    assert says(work, "Afgerond: 1")


async def test_the_occasion_that_was_chosen_is_what_a_provider_is_told_without_asking_for_a_proposal_first(places: PlacesKit) -> None:
    page = await the_form(places)
    bare = fields(page) | {"occasion": "stroke", "reason": "", "funding": "", "kind": "geriatric-rehabilitation", "since": "2026-11-26", "do": "confirm"}
    answer = await places.kit.post(page.url.path, **bare)
    request = (await places.site.placing.case(answer.url.path.split("/")[2])).request
    own = await searched(places, occasion="stroke", reason="Gevallen thuis", funding="Wlz")
    written = (await places.site.placing.case(own)).request

    assert request.gist.reason == "beroerte"
    assert request.need.funding == "Zvw"
    assert says(answer, "Aanleiding: beroerte")
    assert (written.gist.reason, written.need.funding) == ("Gevallen thuis", "Wlz")


async def test_without_a_proposal_the_page_says_what_to_press_and_what_is_pressed_leads_to_the_proposal(places: PlacesKit) -> None:
    page = await the_form(places)
    none = await places.kit.post(page.url.path, **(fields(page) | {"occasion": "", "do": "propose"}))
    some = await places.kit.post(page.url.path, **(fields(page) | {"occasion": "stroke", "do": "propose"}))

    assert says(none, "Kies een aanleiding en druk op ‘Stel opnieuw voor’")
    for name in ('name="do" value="propose"', 'name="take" value="1"'):
        assert re.search(f'<button {name} formaction="{page.url.path}#proposals"', some.text), name
    assert 'id="proposals"' in some.text


async def test_what_gives_less_than_was_asked_does_not_stand_under_what_suits(places: PlacesKit) -> None:
    places.region.openings[HolderName("wieke")] = (places.region.opening("wieke", HOME, 3, 15, title="Wijkteam Marksveen", area=("759",)),)
    case = await searched(places, kind="district-nursing", need_near="7591", amount="4")
    await places.kit.get(f"/plekken/{case}/zoek")
    page = await places.kit.get(f"/plekken/{case}/zoek")

    assert says(page, "Vrij, past deels: 1")
    assert not says(page, "Vrij en passend: 1")
    assert not says(page, "Niemand die antwoordde heeft nu zeker plek.")
