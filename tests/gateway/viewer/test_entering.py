"""The first page: the demonstration's form, and where there is none, where to begin; in two languages."""

import re
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from string import Formatter

import pytest

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from gateway.pages.addresses import PublicAddress
from gateway.pages.telling import Language, words
from gateway.pages.templates import make_templates
from gateway.viewer.ehr import Ehr
from gateway.viewer.glass import Missing
from gateway.viewer.visits import PACKAGE
from testbed.people import DINA
from tests.gateway.viewer.conftest import Kit, opened, running_viewer, says

DUTCH, ENGLISH = words(PACKAGE, Language.DUTCH), words(PACKAGE, Language.ENGLISH)


@pytest.mark.anyio
async def test_a_number_opens_a_dossier_and_stands_in_no_address(demo: Kit) -> None:
    page = await opened(demo)

    assert page.status_code == 200
    assert [one.bsn for one in demo.region.asked] == [Bsn(DINA.bsn)]
    assert not [url for url in demo.went if DINA.bsn in url]
    assert says(page, "Demo.")


@pytest.mark.anyio
@pytest.mark.parametrize("written", ["14-3-1942", "1942-03-14", " 14-03-1942 "])
async def test_a_birth_date_is_read_as_people_and_browsers_write_it(demo: Kit, written: str) -> None:
    await demo.get("/")
    await demo.post("/openen", bsn="9999 84 056", birth_date=written)

    assert [one.birth_date for one in demo.region.asked] == [date(1942, 3, 14)]


@pytest.mark.anyio
@pytest.mark.parametrize("bsn", ["", "123456789", "99998405", "9999840567", "٩٩٩٩٨٤٠٥٦", "abc", "<b>", "0" * 9])
async def test_a_number_that_is_none_is_told_with_what_to_do_and_not_repeated(demo: Kit, bsn: str) -> None:
    await demo.get("/")
    page = await demo.post("/openen", bsn=bsn)

    assert page.status_code == 422
    assert says(page, "Een BSN heeft negen cijfers. Controleer het nummer")
    assert f'value="{bsn}"' not in page.text or not bsn
    assert demo.region.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize("born", ["31-02-1950", "1950", "gisteren", "1950-1-1", "99-99-9999", "0-0-0000", "1942-W11-6"])
async def test_a_birth_date_that_is_none_is_told(demo: Kit, born: str) -> None:
    await demo.get("/")
    page = await demo.post("/openen", bsn=DINA.bsn, birth_date=born)

    assert page.status_code == 422
    assert says(page, "Deze geboortedatum klopt niet")
    assert demo.region.asked == []


@pytest.mark.anyio
async def test_without_a_demonstration_there_is_no_form_and_the_page_says_where_to_begin(kit: Kit) -> None:
    page = await kit.get("/")
    assert says(page, "U opent het dossier van uw patiënt vanuit uw EPD")
    assert 'name="bsn"' not in page.text

    assert (await kit.post("/openen", bsn=DINA.bsn)).status_code == 404
    assert kit.region.asked == []


@pytest.mark.anyio
async def test_without_any_health_record_the_page_says_whom_to_ask() -> None:
    async with running_viewer(ehrs=()) as kit:
        assert says(await kit.get("/login"), "Vraag de helpdesk")
        assert (await kit.get("/login/0")).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize("number", ["9", "-1", "٠", "0x0", "00000000000"])
async def test_a_health_record_that_is_not_in_the_list_is_not_there(kit: Kit, number: str) -> None:
    assert (await kit.get(f"/login/{number}")).status_code == 404


@pytest.mark.anyio
async def test_the_language_is_switched_and_leads_back(demo: Kit) -> None:
    page = await opened(demo)
    path = page.url.path
    page = await demo.post("/taal", language="en", page=path)

    assert page.url.path == path
    assert says(page, "At work: Sanne ten Esker")
    assert (await demo.post("/taal", language="en", page=f"{path}regel/7/bijlage/1")).url.path == f"{path}regel/7/bijlage/1"
    assert (await demo.post("/taal", language="nl", page=f"{path}//evil.example")).url.path == "/"
    assert (await demo.post("/taal", language="nl", page="https://evil.example/")).url.path == "/"
    assert (await demo.post("/taal", language="nl", page="//evil.example")).url.host != "evil.example"


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_sentences_with_the_same_places() -> None:
    assert set(DUTCH.sentences) == set(ENGLISH.sentences)
    for key, sentence in DUTCH.sentences.items():
        assert places(sentence) == places(ENGLISH.sentences[key]), key


def sources() -> Iterator[str]:
    folder = files(PACKAGE)
    yield from (path.read_text() for path in folder.iterdir() if path.name.endswith(".py"))
    templates = make_templates(PACKAGE)
    for name in templates.list_templates():
        yield folder.joinpath("templates", *name.split("/")).read_text()


def test_no_sentence_is_missing() -> None:
    named = set(re.findall(r'\bt\("([a-z_.0-9-]+)"[,)]', "\n".join(sources())))
    messages = set(re.findall(r'message\("([a-z-]+)"', "\n".join(sources())))

    assert not {key for key in named if key not in DUTCH.sentences}
    assert not {name for name in messages if not {f"message.{name}.title", f"message.{name}.text"} <= set(DUTCH.sentences)}
    assert {f"glass.missing_{one.replace('second-', '').replace('-', '_')}" for one in Missing} <= set(DUTCH.sentences)


def test_every_template_can_be_read() -> None:
    templates = make_templates(PACKAGE)
    for name in templates.list_templates():
        assert templates.get_template(name).name == name


@pytest.mark.parametrize(
    "url", ["", "dossier.example", "http://dossier.example", "https://dossier.example/", "https://dossier.example/x", "https://[x", "ftp://127.0.0.1"]
)
def test_a_public_address_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match=Fault.INVALID_SETTING):
        PublicAddress(url)


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "http://epd.example/fhir",
        "https://user@epd.example/fhir",
        "https://epd.example/fhir?x=1",
        "https://epd.example/a/../b",
        "https://épd.example",
        "https://[x",
    ],
)
def test_an_issuer_that_two_readers_may_read_in_two_ways_is_refused(issuer: str) -> None:
    with pytest.raises(BadInput, match=Fault.INVALID_SETTING):
        Ehr(issuer, "client")
