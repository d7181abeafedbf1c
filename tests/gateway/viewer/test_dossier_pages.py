"""The pages of a dossier, as they are sent: Dina's night, what a record may contain, and what a reader chooses."""

import json
import re
from hashlib import sha256
from html import unescape
from importlib.resources import files
from typing import Any

import anyio
import pytest

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import Section
from gateway.ports import HolderClosed
from testbed.people import DINA
from tests.gateway.viewer.conftest import Kit, opened, says
from tests.gateway.viewer.night import batch, closed, dinas_night, ended, holder, patient, planned, result, said

PAGES = ("", "tijdlijn", "holders", "print", *(section.value for section in Section))


async def dossier_of(demo: Kit, *events: Any) -> str:
    """The address of a dossier in which this was told."""
    demo.region.events = events
    page = await opened(demo)
    return page.url.path


def text_of(html: str) -> str:
    """What stands on a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.anyio
async def test_every_page_of_dinas_night_is_made_in_both_languages(demo: Kit) -> None:
    root = await dossier_of(demo, *dinas_night())
    for language in ("nl", "en"):
        await demo.post("/taal", language=language, page=root)
        for page in PAGES:
            answer = await demo.get(f"{root}{page}")

            assert answer.status_code == 200, page
            assert f'<html lang="{language}">' in answer.text
            assert "no-store" in answer.headers["cache-control"]
            assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text), f"{page} has something inline"


@pytest.mark.anyio
async def test_the_emergency_screen_tells_dinas_story(demo: Kit) -> None:
    root = await dossier_of(demo, *dinas_night())
    await demo.get(root)
    page = await demo.get(root)
    for text in ("Dina Olde Wolbers-Nijkamp", "84 jaar", DINA.bsn, "Niet reanimeren", "Wel reanimeren", "Ja, mits", "Penicilline", "Apixaban", "Tegenstrijdig"):
        assert says(page, text), text
    assert text_of(page.text).count("eGFR (CKD-EPI) 34") == 1
    assert says(page, "2 bronnen")


@pytest.mark.anyio
async def test_a_number_stays_as_its_source_wrote_it(demo: Kit) -> None:
    root = await dossier_of(demo, *dinas_night())

    assert says(await demo.get(f"{root}lab"), "37.50 mg/L")


@pytest.mark.anyio
async def test_p8_whoever_was_not_heard_stands_on_every_page_with_telephone_and_when_it_was_last_heard(demo: Kit) -> None:
    root = await dossier_of(demo, *dinas_night())
    for path in ("", "lab", "tijdlijn", "holders", "print"):
        page = await demo.get(f"{root}{path}")
        for name, last in (("marksveen", "nog nooit gehoord"), ("losserveld", "laatst gehoord 20-11-2026 23:40")):
            card = holder(name)

            assert says(page, card.title), path
            assert says(page, card.telephone), path
            assert says(page, last), path


@pytest.mark.anyio
async def test_p9_two_that_show_nothing_differ_by_their_names_alone(demo: Kit) -> None:
    copies = closed("weefgetouw", Ending.NOTHING_SHOWN, copy=True, data_as_of_ms=1)
    events = [copies if isinstance(event, HolderClosed) and event.holder.value == "weefgetouw" else event for event in dinas_night()]
    root = await dossier_of(demo, *events)
    page = await demo.get(f"{root}holders")
    rows = {name: re.search(rf"<tr(?:(?!</tr>).)*{re.escape(title)}.*?</tr>", page.text, re.DOTALL) for name, title in _titles().items()}
    told = {}
    for name, row in rows.items():
        assert row, name
        card = holder(name)
        told[name] = text_of(row[0]).replace(card.title, "").replace(card.telephone, "").replace(_kinds()[name], "")

    assert told["eschrand"] == told["weefgetouw"]


def _titles() -> dict[str, str]:
    return {name: holder(name).title.replace("'", "&#39;") for name in ("eschrand", "weefgetouw")}


def _kinds() -> dict[str, str]:
    return {"eschrand": "ggz", "weefgetouw": "verpleeghuis"}


@pytest.mark.anyio
async def test_p8_nothing_shown_is_never_said_to_be_nothing_known(demo: Kit) -> None:
    root = await dossier_of(demo, planned(holder("brinkhof")), said("brinkhof", patient()), closed("brinkhof"))
    page = await demo.get(f"{root}allergies")

    assert says(page, "Niets getoond. Dat zegt niet dat er niets is.")


@pytest.mark.anyio
async def test_where_nobody_says_whose_it_is_the_number_that_was_asked_about_stands_there(demo: Kit) -> None:
    root = await dossier_of(demo, *ended([planned(holder("brinkhof")), closed("brinkhof", Ending.NOTHING_SHOWN)]))
    page = await demo.get(root)

    assert says(page, "Geen instelling gaf persoonsgegevens.")
    assert says(page, DINA.bsn)
    assert says(page, "Noodtoegang vragen")


@pytest.mark.anyio
async def test_a_missing_pharmacy_puts_a_banner_on_medication_and_none_on_the_laboratory(demo: Kit) -> None:
    pharmacy, practice = holder("vijzelmarke"), holder("brinkhof")
    root = await dossier_of(
        demo, planned(pharmacy, practice), said("brinkhof", patient()), closed("brinkhof"), closed("vijzelmarke", Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE)
    )

    assert says(await demo.get(f"{root}medication"), "Voor Medicatie niet (volledig) gehoord:")
    assert not says(await demo.get(f"{root}lab"), "Voor Laboratorium niet (volledig) gehoord:")


@pytest.mark.anyio
async def test_a_filter_is_kept_and_no_address_has_it(demo: Kit) -> None:
    root = await dossier_of(
        demo,
        planned(holder("twickelaar")),
        batch("twickelaar", [result(1, "4.1", "2026-05-15", code="2823-3"), result(2, "34", "2026-11-12")]),
        closed("twickelaar"),
    )
    await demo.get(f"{root}lab")
    page = await demo.post(f"{root}lab", text="98979", since="2026-01-01")

    assert page.url.path == f"{root}lab"
    assert not page.url.query
    assert says(page, "Het filter toont 1 van 2 gegevens.")
    assert says(await demo.get(f"{root}lab"), "Het filter toont 1 van 2 gegevens.")
    cleared = await demo.post(f"{root}lab", clear="1")
    assert not says(cleared, "Het filter toont")


@pytest.mark.anyio
async def test_a_long_section_has_pages_and_nothing_is_lost_between_them(demo: Kit) -> None:
    contents = [result(at, "1.5", f"2025-{at % 12 + 1:02}-{at % 28 + 1:02}", code=f"x-{at}") for at in range(120)]
    root = await dossier_of(demo, planned(holder("twickelaar")), batch("twickelaar", contents), closed("twickelaar"))
    seen: list[str] = []
    for number in ("", "/2", "/3"):
        page = await demo.get(f"{root}lab{number}")
        seen += re.findall(r'<article class="strand[^>]*id="(t\d+)"', page.text)

    assert len(seen) == len(set(seen)) == 120
    assert says(page, "Bladzijde 3 van 3")
    assert says(await demo.get(f"{root}lab/99"), "Bladzijde 3 van 3")


@pytest.mark.anyio
async def test_results_in_one_unit_have_a_trend_and_units_are_never_mixed(demo: Kit) -> None:
    contents = [result(1, "51", "2024-01-01"), result(2, "47.0", "2025-01-01"), result(3, "34", "2026-01-01"), result(4, "0.6", "2026-02-01", unit="mL/s")]
    root = await dossier_of(demo, planned(holder("twickelaar")), batch("twickelaar", contents), closed("twickelaar"))
    page = await demo.get(f"{root}lab")
    drawn = [json.loads(unescape(one)) for one in re.findall(r"data-chart='([^']+)'", page.text)]

    assert [one["written"] for one in drawn] == [["51", "47.0", "34"]]
    assert "<td" in page.text
    assert ">47.0<" in page.text


@pytest.mark.anyio
async def test_where_a_line_comes_from_is_told_with_the_record_itself(demo: Kit) -> None:
    content = result(1, "37.50", "2026-11-12", code="1988-5", unit="mg/L")
    root = await dossier_of(demo, planned(holder("twickelaar")), batch("twickelaar", [content], derived=True, mapping="hl7-oru 4"), closed("twickelaar"))
    page = await demo.get(f"{root}regel/0")

    assert says(page, "Lab Twickelaar")
    assert says(page, "volgens hl7-oru 4")
    assert "/regel/0/origineel" in page.text
    assert (await demo.get(f"{root}regel/0/gegeven")).content == content
    assert (await demo.get(f"{root}regel/99")).status_code == 404


@pytest.mark.anyio
async def test_what_arrives_after_the_reader_looked_is_marked(demo: Kit) -> None:
    demo.region.waits = anyio.Event()
    demo.region.events = (planned(holder("twickelaar")), closed("twickelaar"))
    root = (await opened(demo)).url.path
    session = demo.desk.sessions.find(demo.cookie)
    assert session is not None
    dossier = demo.dossiers.of(session, root.split("/")[2])
    assert dossier is not None
    dossier.add(batch("twickelaar", [result(1, "34", "2026-11-12")]))
    first = await demo.get(f"{root}lab")
    dossier.add(batch("twickelaar", [result(2, "4.1", "2026-11-13", code="2823-3", unit="mmol/L")]))
    second = await demo.get(f"{root}lab")

    assert says(first, "nog 1 aan het antwoorden")
    assert "na uw blik</span>" not in first.text
    assert says(second, "4.1 mmol/L na uw blik")
    assert not says(second, "1.73 m² na uw blik")
    assert "na uw blik</span>" not in (await demo.get(f"{root}lab")).text


@pytest.mark.anyio
async def test_a_script_is_told_of_changes_and_of_nothing_else(demo: Kit) -> None:
    root = await dossier_of(demo, *dinas_night())
    answer = await demo.browser.get(f"https://dossier.dinkelhorst.example{root}stroom")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert set(re.findall(r"event: (\w+)", answer.text)) == {"changed", "complete"}
    assert set(re.findall(r"data: (.*)", answer.text)) == {"{}"}


@pytest.mark.anyio
async def test_a_holder_whose_answer_is_set_aside_leaves_nothing_on_the_screen(demo: Kit) -> None:
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/1"}, "code": {"text": "Paardenhaar"}}
    root = await dossier_of(demo, planned(holder("brinkhof")), said("brinkhof", patient(), allergy), closed("brinkhof", Ending.REJECTED, Fault.OTHER_PATIENT))
    for path in PAGES:
        assert not says(await demo.get(f"{root}{path}"), "Paardenhaar")


def test_what_is_vendored_is_what_its_list_says() -> None:
    folder = files("gateway.viewer").joinpath("static", "vendor")
    told = dict(line.split("  ")[::-1] for line in folder.joinpath("SHA256SUMS").read_text().splitlines())

    assert told == {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != "SHA256SUMS"}
