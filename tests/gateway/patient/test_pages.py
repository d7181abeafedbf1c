"""The pages as a visitor meets them: coming in, choosing, looking, going out."""

import base64

import pytest

from accord.rules.statements import Answer, Side, Voice, nonce_of
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn
from testbed.login_pages import CONFIRMS
from testbed.people import DINA
from tests.gateway.patient.conftest import CLIENT, CONFIRM_CLIENT, PAGES, Kit, running_pages, says
from tests.gateway.patient.fake_region import gone

pytestmark = pytest.mark.anyio

INSIDE = ("/overzicht", "/keuzes", "/inzage", "/afdrukken")


async def test_dina_logs_in_and_is_welcomed(kit: Kit) -> None:
    page = await kit.enter()

    assert page.status_code == 200
    assert page.url.path == "/overzicht"
    assert says(page, "Welkom, Dina Olde Wolbers-Nijkamp.")
    assert says(page, "Huisartsen De Brinkhof")


async def test_ria_acts_under_her_own_name(kit: Kit) -> None:
    page = await kit.enter("ria")

    assert says(page, "Ria Olde Wolbers is hier namens Dina Olde Wolbers-Nijkamp.")
    assert kit.region.asked == [Bsn(DINA.bsn)]


async def test_nobody_comes_inside_without_logging_in(kit: Kit) -> None:
    for path in ("/overzicht", "/keuzes", "/keuzes/kiezen", "/keuzes/wijziging", "/keuzes/resultaat", "/inzage"):
        answer = await kit.get(path)

        assert answer.status_code == 303
        assert answer.headers["location"] in ("/", "/uitgelogd")
    assert kit.region.asked == []


async def test_what_changes_is_shown_before_anything_is_saved(kit: Kit) -> None:
    await kit.enter()
    page = await kit.stop_home_care()

    assert page.url.path == "/keuzes/wijziging"
    assert says(page, "Na opslaan:")
    assert says(page, "De thuiszorg ziet niet meer: uw medicijnen, uw allergieën,")
    assert says(page, "Huisartsenpost Marksveen"), "the one that could not be asked is named"
    assert kit.region.delivered == []


async def test_what_stays_in_sight_after_a_no_to_everything_is_shown_before_anything_is_saved(kit: Kit) -> None:
    await kit.enter()
    page = await kit.stop_home_care()
    stays = "Wel te zien blijft: uw naam, uw adres, wie gegevens over u heeft en uw wensen voor de laatste fase."

    assert says(page, stays)
    assert page.text.count(stays) == 2, "once to read, and once to hear"
    page = await kit.post("/taal", page="/keuzes/wijziging", language="en")
    assert says(page, "Still to be seen: your name, your address, who has data about you and your wishes for the last phase.")


async def test_a_choice_is_signed_by_a_fresh_login_and_each_holder_says_so(kit: Kit) -> None:
    await kit.enter()
    await kit.stop_home_care()
    kit.clock.pass_by(minutes=2)
    page = await kit.through_login(await kit.post("/keuzes/wijziging"), "dina")

    assert page.url.path == "/keuzes/resultaat"
    assert says(page, "Nog niet overal.")
    assert says(page, "Bevestigd om 11.17 uur")
    assert says(page, "Huisartsenpost Marksveen")
    assert says(page, "Nog niet bevestigd Bel: 0541-555 0104")
    confirmed = kit.region.delivered[0]
    assert confirmed.statement.voice is Voice.SELF
    assert {line.answer for line in confirmed.statement.lines} == {Answer.OBJECTS}
    assert {line.cell.side for line in confirmed.statement.lines} == {Side.LOOKS}


async def test_p1_a_holder_can_check_the_statement_without_believing_the_gateway(kit: Kit) -> None:
    await kit.enter()
    await kit.stop_home_care()
    answer = await kit.post("/keuzes/wijziging")
    sent_nonce = answer.headers["location"].split("nonce=")[1].partition("&")[0]
    assert "prompt=login" in answer.headers["location"]
    await kit.through_login(answer, "dina")
    confirmed = kit.region.delivered[0]

    assert nonce_of(confirmed.statement, confirmed.salt) == sent_nonce


async def test_a_choice_is_confirmed_as_the_client_of_which_the_provider_says_so(kit: Kit) -> None:
    await kit.get("/")
    entering = await kit.post("/inloggen")
    assert f"client_id={CLIENT}&" in entering.headers["location"]
    await kit.through_login(entering, "dina")
    await kit.stop_home_care()
    confirming = await kit.post("/keuzes/wijziging")

    assert f"client_id={CONFIRM_CLIENT}&" in confirming.headers["location"]
    assert CONFIRMS in (await kit.browser.get(confirming.headers["location"])).text


async def test_where_the_provider_has_no_client_to_confirm_by_one_looks_and_is_told() -> None:
    async with running_pages(confirm_client_id="") as kit:
        assert (await kit.enter()).status_code == 200
        assert (await kit.get("/keuzes")).status_code == 200
        page = await kit.post("/keuzes", subject="looks:home-care")

        assert page.status_code == 503
        assert says(page, "U kunt hier nu niet kiezen")
        assert kit.region.delivered == []


async def test_each_client_shows_the_provider_its_own_secret() -> None:
    async with running_pages(secret="to look", confirm_secret="to confirm") as kit:
        await kit.enter()
        await kit.stop_home_care()
        await kit.through_login(await kit.post("/keuzes/wijziging"), "dina")

        shown = [base64.b64decode(one.partition(" ")[2]).decode() for one in kit.shown]
        assert shown == [f"{CLIENT}:to look", f"{CONFIRM_CLIENT}:to confirm"]


async def test_a_holder_that_was_away_confirms_on_a_second_try(kit: Kit) -> None:
    await kit.enter()
    await kit.stop_home_care()
    await kit.through_login(await kit.post("/keuzes/wijziging"), "dina")
    kit.region.holders[-1].fails = None
    page = await kit.post("/keuzes/resultaat", do="retry")

    assert says(page, "Ja. Uw keuze is overal bewaard en geldt nu.")
    assert kit.region.delivered[0] == kit.region.delivered[1]


async def test_a_choice_goes_out_even_when_nobody_can_say_what_was_there(kit: Kit) -> None:
    await kit.enter()
    await kit.stop_home_care()
    back = await kit.post("/keuzes/wijziging")
    kit.region.breaks = gone()
    page = await kit.through_login(back, "dina")
    assert says(page, "Nee. Uw keuze is nog nergens bevestigd.")
    assert len(kit.region.delivered) == 0
    kit.region.breaks = None
    page = await kit.post("/keuzes/resultaat", do="retry")

    assert says(page, "Bevestigd om")


async def test_undo_puts_back_what_was_there_after_showing_it(kit: Kit) -> None:
    await kit.enter()
    await kit.stop_home_care()
    await kit.through_login(await kit.post("/keuzes/wijziging"), "dina")
    kit.clock.pass_by(minutes=1)
    page = await kit.post("/keuzes/resultaat", do="undo")
    assert says(page, "De thuiszorg ziet voortaan: uw medicijnen,")
    await kit.through_login(await kit.post("/keuzes/wijziging"), "dina")

    assert {line.answer for line in kit.region.delivered[-1].statement.lines} == {Answer.PERMITS}


async def test_a_choice_confirmed_by_somebody_else_is_not_saved(kit: Kit) -> None:
    await kit.enter("dina")
    await kit.stop_home_care()
    page = await kit.through_login(await kit.post("/keuzes/wijziging"), "bennie")

    assert page.status_code == 403
    assert says(page, "Uw keuze is niet bewaard.")
    assert kit.region.delivered == []


async def test_a_confirmation_cannot_be_used_for_a_second_choice(kit: Kit) -> None:
    await kit.enter()
    await kit.stop_home_care()
    answer = await kit.post("/keuzes/wijziging")
    await kit.through_login(answer, "dina")
    again = await kit.get("/terug?code=abc&state=" + answer.headers["location"].split("state=")[1].partition("&")[0])

    assert again.status_code == 400
    assert len(kit.region.delivered) == 1


async def test_who_stops_at_the_login_page_has_changed_nothing(kit: Kit) -> None:
    await kit.enter()
    await kit.stop_home_care()
    await kit.post("/keuzes/wijziging")
    page = await kit.get("/terug?error=access_denied&state=x")

    assert says(page, "U bent gestopt met inloggen")
    assert kit.region.delivered == []
    assert says(await kit.get("/keuzes/wijziging"), "De thuiszorg ziet niet meer")


async def test_a_form_without_an_answer_says_what_is_missing(kit: Kit) -> None:
    await kit.enter()
    await kit.get("/keuzes")
    await kit.post("/keuzes", subject="keeps:mental-health")
    page = await kit.post("/keuzes/kiezen")

    assert page.status_code == 422
    assert says(page, "Kies eerst een antwoord.")


async def test_the_wishes_are_chosen_about_by_themselves(kit: Kit) -> None:
    await kit.enter()
    await kit.get("/keuzes")
    page = await kit.post("/keuzes", subject="wishes")
    assert says(page, "Wie mag uw wensen voor de laatste fase zien?")
    page = await kit.post("/keuzes/kiezen", overall="objects")

    assert says(page, "Niemand ziet nog: uw wensen. Ook niet in nood.")
    assert not says(page, "uw medicijnen")


async def test_dinas_night_is_told_as_in_the_story(kit: Kit) -> None:
    await kit.enter()
    page = await kit.get("/inzage")

    assert says(page, "Dokter Ten Esker keek zaterdag om 02.41 uur naar uw wensen en uw medicijnen.")
    assert "Dokter Ten Esker keek zaterdag om twee uur eenenveertig naar uw wensen en uw medicijnen." in page.text
    assert says(page, "Joke Bolscher keek vrijdag 3 keer naar uw zorg van elke dag, tussen 09.41 en 14.41 uur.")
    assert says(page, "M. Haarman vroeg vrijdag om 02.41 uur naar uw gegevens, maar kreeg niets te zien.")
    assert says(page, "Wie kon het niet zeggen?")
    assert says(page, "0541-555 0104")


async def test_p12_an_emergency_stands_out_in_words_and_shape(kit: Kit) -> None:
    await kit.enter("bennie")
    page = await kit.get("/inzage")

    assert says(page, "In nood bekeken")
    assert 'class="look emergency"' in page.text
    assert says(page, "Er was nood, en u had niets gekozen")
    assert says(page, "Kan zelf niets zeggen.")


async def test_another_period_shows_other_days(kit: Kit) -> None:
    await kit.enter()
    await kit.get("/inzage")
    page = await kit.post("/inzage", since="2026-11-20", until="2026-11-20")
    assert says(page, "U ziet: 20 november 2026 tot en met 20 november 2026.")
    assert not says(page, "Ten Esker")

    for since, until in (("2026-11-21", "2026-11-20"), ("x", ""), ("2026-11-20", "2027-01-01"), ("0001-01-01", "2026-11-20")):
        assert (await kit.post("/inzage", since=since, until=until)).status_code == 422


async def test_a_holder_that_could_not_say_is_never_told_as_nobody(kit: Kit) -> None:
    for holder in kit.region.holders:
        holder.fails = Fault.HOLDER_UNREACHABLE
    await kit.enter()
    page = await kit.get("/inzage")

    assert says(page, "We weten nu niet of er iemand keek.")
    assert not says(page, "keek niemand")


async def test_the_sheet_and_the_form_are_on_paper(kit: Kit) -> None:
    page = await kit.get("/afdrukken")
    assert says(page, "Formulier voor aan de balie")
    assert not says(page, "Mijn keuzes Dit zijn")

    await kit.enter()
    page = await kit.get("/afdrukken")
    assert says(page, "Dit zijn de keuzes van Dina Olde Wolbers-Nijkamp, op zaterdag 21 november 2026.")


@pytest.mark.parametrize("path", INSIDE)
async def test_every_page_switches_language_and_stays(kit: Kit, path: str) -> None:
    await kit.enter()
    await kit.get(path)
    page = await kit.post("/taal", page=path, language="en")

    assert page.url.path == path
    assert '<html lang="en">' in page.text
    page = await kit.post("/taal", page="https://evil.example/", language="nl")
    assert page.url == f"{PAGES}/"


async def test_whoever_logs_out_leaves_nothing_behind(kit: Kit) -> None:
    await kit.enter()
    cookies = dict(kit.browser.cookies)
    page = await kit.post("/uitloggen")
    assert says(page, "U bent niet meer ingelogd")

    kit.browser.cookies.update(cookies)
    assert (await kit.get("/overzicht")).status_code == 303
