"""The page of a search: what each provider said, and what a person can do about it."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from accord.rules.placing import provider as rules
from accord.terms.placing import Fit, Offered, Terms, WithdrawReason
from gateway.pages.telling import Language, joined
from gateway.places.beside import Rest, rest_of
from gateway.places.history import Happened
from gateway.places.pages_history import history_words
from gateway.places.site import PACKAGE
from gateway.viewer.speaking import Speech
from gateway.viewer.visits import PACKAGE as VIEWER
from tests.gateway.places.page_hands import MONDAY, asked, fields, searched
from tests.gateway.places.pages_world import PlacesKit
from tests.gateway.viewer.conftest import says

pytestmark = pytest.mark.anyio


async def test_the_first_full_offer_wins_and_the_others_are_told(places: PlacesKit) -> None:
    case = await asked(places, "Weefgetouw", "Reviant", "Havezate")
    places.decline("havezate", case, words="Vanaf december weer.")
    places.offer("reviant", case, since=None)
    await places.settle()
    page = await places.kit.get(f"/plekken/{case}")

    assert says(page, "Plek bij Reviant Reggerbrug")
    assert says(page, "Overdracht nog niet verstuurd")
    assert says(page, "zei nee")
    assert says(page, "Te complex. Vanaf december weer.")
    assert says(page, "afgezegd door ons")


async def test_a_person_who_chooses_takes_a_part_or_another_proposal(places: PlacesKit) -> None:
    case = await asked(places, "Wieke", choosing="person", kind="district-nursing", need_near="7591", amount="4")
    places.offer("wieke", case, amount=3, fit=Fit.PART, since=date(2026, 11, 26), words="Zondag niet.")
    await places.settle()
    page = await places.kit.get(f"/plekken/{case}")
    work = await places.kit.get("/plekken")

    assert says(page, "biedt een deel")
    assert says(page, "3 van de 4 bezoeken per week, vanaf donderdag 26 november 2026")
    assert says(page, "Zondag niet.")
    assert says(work, "Er is een antwoord dat u moet bekijken.")
    await places.kit.get(f"/plekken/{case}")
    await places.kit.post(f"/plekken/{case}", do="choose", provider="wieke")
    await places.settle()
    sheet = await places.kit.get(f"/plekken/{case}/blad")
    assert says(sheet, "Er komt 3 keer per week iemand bij u thuis.")


async def part_taken(places: PlacesKit) -> str:
    """De Wieke has promised three of the four visits; the id of the search."""
    case = await asked(places, "Wieke", choosing="person", kind="district-nursing", need_near="7591", amount="4")
    places.offer("wieke", case, amount=3, fit=Fit.PART, since=date(2026, 11, 26))
    await places.settle()
    await places.kit.get(f"/plekken/{case}")
    await places.kit.post(f"/plekken/{case}", do="choose", provider="wieke")
    await places.settle()
    return case


async def test_that_the_rest_is_looked_for_stands_on_the_sheet_only_while_a_search_for_it_runs(places: PlacesKit) -> None:
    case = await part_taken(places)
    page, before = await places.kit.get(f"/plekken/{case}"), await places.kit.get(f"/plekken/{case}/blad")
    await places.kit.get(f"/plekken/{case}")
    begun = await places.kit.post(f"/plekken/{case}", do="rest")
    rest = begun.url.path.split("/")[2]
    during, looked = await places.kit.get(f"/plekken/{case}/blad"), await places.kit.get(f"/plekken/{case}")
    again = await places.kit.post(f"/plekken/{case}", do="rest")
    request = (await places.site.placing.case(rest)).request

    assert says(page, "Plek bij Thuiszorg De Wieke: 3 van de 4 bezoeken per week")
    assert says(page, "Nog nodig: 1 bezoek per week. Hier zoekt nog niemand naar.")
    assert says(before, "U heeft 4 keer nodig. Vraag uw verpleegkundige hoe het met de rest gaat.")
    assert not says(before, "We zoeken nog")
    assert begun.url.path.endswith("/zoek")
    assert (request.need.amount, request.need.kind.value, request.need.near) == (1, "district-nursing", "7591")
    assert request.who == (await places.site.placing.case(case)).request.who
    assert says(looked, "Daarvoor loopt een aanvraag.")
    assert again.url.path == f"/plekken/{rest}"
    assert says(during, "U heeft 4 keer nodig. We zoeken nog naar de rest.")

    await places.kit.post(f"/plekken/{rest}", do="cancel", reason="other")
    assert says(await places.kit.get(f"/plekken/{case}/blad"), "Vraag uw verpleegkundige hoe het met de rest gaat.")


async def test_what_another_provider_promised_of_the_rest_is_not_lacking_any_more(places: PlacesKit) -> None:
    case = await part_taken(places)
    request = (await places.site.placing.case(case)).request
    await places.kit.get(f"/plekken/{case}")
    rest = (await places.kit.post(f"/plekken/{case}", do="rest")).url.path.split("/")[2]
    winner = request.winner
    assert winner is not None
    given = replace(winner, offer=Offered(1, Terms(Fit.FULL, 1), MONDAY))
    kept, other = await places.site.placing.case(case), await places.site.placing.case(rest)
    done = replace(other, request=replace(other.request, made=request.made + timedelta(minutes=1), legs=(given,)))

    assert rest_of(kept, (kept,)) == Rest(1)
    assert rest_of(kept, (kept, done)) is None


async def test_a_question_is_answered_and_what_was_said_stays(places: PlacesKit) -> None:
    case = await asked(places, "Weefgetouw")
    places.providers["weefgetouw"].do(case, lambda leg: rules.ask(leg, "Loopt mevrouw <b>zelf</b>?", MONDAY))
    await places.settle()
    page = await places.kit.get(f"/plekken/{case}")
    assert says(page, "heeft een vraag")
    assert "&lt;b&gt;zelf&lt;/b&gt;" in page.text
    answer = await places.kit.post(f"/plekken/{case}", do="tell", provider="weefgetouw", words="Ja, met een rollator.")
    await places.settle()

    assert says(answer, "Ja, met een rollator.")
    assert [line.words for line in places.providers["weefgetouw"].legs[case].lines] == ["Loopt mevrouw <b>zelf</b>?", "Ja, met een rollator."]


async def test_where_no_offer_was_made_it_is_told_that_there_is_none_to_take_up(places: PlacesKit) -> None:
    case = await asked(places, "Weefgetouw")
    answer = await places.kit.post(f"/plekken/{case}", do="choose", provider="weefgetouw")

    assert answer.status_code == 409
    assert says(answer, "Er is nog geen aanbod")
    assert not says(answer, "Dit kan nu niet meer")
    assert f'href="/plekken/{case}"' in answer.text


async def test_what_is_not_possible_any_more_is_told_and_leads_back(places: PlacesKit) -> None:
    case = await asked(places, "Weefgetouw")
    await places.kit.post(f"/plekken/{case}", do="cancel", reason="other")
    answer = await places.kit.post(f"/plekken/{case}", do="cancel", reason="other")
    gone = await places.kit.get("/plekken/0123456789abcdef0123456789abcdef")

    assert answer.status_code == 409
    assert says(answer, "Dit kan nu niet meer")
    assert f'href="/plekken/{case}"' in answer.text
    assert gone.status_code == 404


async def test_how_many_answers_wait_stands_on_top_and_what_happened_last_with_whom_and_in_which_order(places: PlacesKit) -> None:
    case = await asked(places, "Weefgetouw", "Reviant", choosing="person")
    clock = places.kit.clock
    clock.at += timedelta(minutes=7)
    places.providers["weefgetouw"].do(case, lambda leg: rules.ask(leg, "Loopt mevrouw zelf?", clock.at))
    places.offer("reviant", case)
    await places.settle()
    page = await places.kit.get(f"/plekken/{case}")
    clock.at += timedelta(minutes=5)
    await places.kit.post(f"/plekken/{case}", do="choose", provider="reviant")
    await places.settle()
    after = await places.kit.get(f"/plekken/{case}")
    history = after.text[after.text.index('class="history"') :]
    told = [
        "Reviant Reggerbrug: plek toegezegd",
        "Reviant Reggerbrug: aanbod aangenomen door ons",
        "Reviant Reggerbrug: biedt een plek",
        "Reviant Reggerbrug: gevraagd",
        "Aanvraag gemaakt",
    ]

    assert says(page, "2 antwoorden wachten op u")
    assert re.search(r'Weefgetouw</strong> <span class="tag[^>]*>heeft een vraag</span> <span class="soft">10:22</span>', page.text)
    assert not says(after, "wachten op u")
    assert [history.index(one) for one in told] == sorted(history.index(one) for one in told)
    assert "Zorghuis &#39;t Weefgetouw: gevraagd" in history
    assert '<ul class="history">' in after.text


async def test_that_the_need_was_changed_is_in_the_history(places: PlacesKit) -> None:
    case = await searched(places)
    page = await places.kit.get(f"/plekken/{case}/wijzig")
    await places.kit.post(f"/plekken/{case}/wijzig", **(fields(page) | {"since": "2026-11-27"}))
    after = await places.kit.get(f"/plekken/{case}")

    assert says(after, "Vraag gewijzigd")


async def test_of_a_search_that_an_older_program_kept_the_history_is_how_it_stands(places: PlacesKit) -> None:
    case = await places.site.placing.case(await asked(places, "Weefgetouw"))
    speech = Speech(joined((VIEWER, PACKAGE), Language.DUTCH), MONDAY)
    unknown = Happened(MONDAY, "of-a-later-program", case.request.legs[0].provider)

    assert [what for _, what in history_words(replace(case, history=()), speech)] == ["Zorghuis 't Weefgetouw: aanvraag ontvangen", "Aanvraag gemaakt"]
    assert [what for _, what in history_words(replace(case, history=(unknown,)), speech)] == ["Aanvraag gemaakt"]


async def test_who_withdrew_before_is_marked_and_stands_after_the_others_that_are_free(places: PlacesKit) -> None:
    case = await asked(places, "Weefgetouw")
    places.offer("weefgetouw", case)
    await places.settle()
    places.providers["weefgetouw"].do(case, lambda leg: rules.withdraw(leg, WithdrawReason.OUTBREAK, "", MONDAY))
    await places.settle()
    await places.kit.get(f"/plekken/{case}/zoek")
    page = await places.kit.get(f"/plekken/{case}/zoek")
    listing = page.text[page.text.index('data-part="listing"') :]

    assert says(page, "trok eerder terug: uitbraak van een besmetting")
    assert listing.index("Reviant Reggerbrug") < listing.index("Weefgetouw") < listing.index("Onbekend: ")


async def test_a_request_is_called_off_with_a_reason(places: PlacesKit) -> None:
    case = await asked(places, "Weefgetouw")
    await places.kit.get(f"/plekken/{case}")
    assert (await places.kit.post(f"/plekken/{case}", do="cancel", reason="")).status_code == 422
    page = await places.kit.post(f"/plekken/{case}", do="cancel", reason="condition-changed")
    await places.settle()

    assert says(page, "Afgezegd: toestand veranderd")
    assert places.providers["weefgetouw"].legs[case].at is rules.At.ENDED


async def test_the_standing_question_is_turned_on_and_off(places: PlacesKit) -> None:
    case = await searched(places)
    await places.kit.get(f"/plekken/{case}")
    on = await places.kit.post(f"/plekken/{case}", do="watch")
    off = await places.kit.post(f"/plekken/{case}", do="unwatch")

    assert says(on, "Aan: u ziet hier bericht zodra er iets passends vrijkomt.")
    assert says(off, "Laat het weten als er iets vrijkomt.")


async def test_nobody_and_too_many_and_a_forged_tick_are_refused(places: PlacesKit) -> None:
    case = await searched(places)
    await places.kit.get(f"/plekken/{case}/zoek")
    await places.kit.get(f"/plekken/{case}/zoek")
    nobody = await places.kit.post(f"/plekken/{case}/zoek", do="put", minutes="60")
    forged = await places.kit.post(f"/plekken/{case}/zoek", do="put", minutes="60", **{"ask.000000000000": "1"})
    far = re.search(r"Revalidatie Esrein.*?</li>", nobody.text, re.DOTALL)

    assert nobody.status_code == forged.status_code == 422
    assert says(nobody, "Vink minstens één aanbieder aan.")
    assert far is not None
    assert "checkbox" not in far[0]


async def test_whoever_arrives_where_it_was_called_off_stands_first_in_the_list_until_somebody_has_seen_it(places: PlacesKit) -> None:
    case = await asked(places, "Weefgetouw")
    places.offer("weefgetouw", case)
    await places.settle()
    await places.kit.get(f"/plekken/{case}")
    await places.kit.post(f"/plekken/{case}", do="cancel", reason="wish-changed")
    # Our word that the place is not needed is still under way.
    places.providers["weefgetouw"].do(case, lambda leg: rules.arrive(leg, MONDAY))
    await places.settle()
    page, work = await places.kit.get(f"/plekken/{case}"), await places.kit.get("/plekken")

    assert says(page, "De patiënt is aangekomen bij een aanbieder die u had afgezegd")
    assert says(page, "aangekomen")
    assert says(work, "De patiënt is aangekomen bij een aanbieder die u had afgezegd")
    assert "<details><summary>" not in work.text

    await places.kit.get(f"/plekken/{case}")
    seen = await places.kit.post(f"/plekken/{case}", do="seen")

    assert not says(seen, "die u had afgezegd")
    assert says(await places.kit.get("/plekken"), "Afgezegd")
