"""The viewer of a real region, launched by a real health record: followed by hand, as a browser would."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx2
import pytest

from testbed import asking
from testbed.people import BENNIE, DINA
from testbed.region import BlockingRegion
from testbed.region_story import NOBODY
from tests.region.joining_processes import eventually
from tests.region.test_doctors import examined, noaber

pytestmark = [pytest.mark.slow]

HOLDERS = ("dinkelhorst", "brinkhof", "eschrand")
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False, holders=HOLDERS, viewer=True, patient=True) as region:
        yield region


class Browser:
    """What a browser does of itself: it follows, and it notes where it was sent."""

    def __init__(self, region: BlockingRegion) -> None:
        self.region = region
        self.client = httpx2.Client(timeout=60)
        self.went: list[str] = []
        page = self.get(f"{region.ehr_url}/")
        transaction = re.search(r'name="transaction" value="([^"]+)"', page.text)
        assert transaction
        self.client.post(f"{region.ehr_url}/login", data={"transaction": transaction[1]})

    def get(self, url: str) -> httpx2.Response:
        """A page, wherever it is in the end."""
        at = httpx2.URL(url)
        while True:
            self.went.append(str(at))
            answer = self.client.get(at)
            if not answer.is_redirect:
                return answer
            at = at.join(answer.headers["location"])

    def launch(self, patient: int) -> httpx2.Response:
        """The one button of the worklist, of the first or second patient of tonight."""
        page = self.get(f"{self.region.ehr_url}/")
        links = [unescape(link) for link in re.findall(r'href="([^"]*/launch[^"]*)"', page.text)]
        return self.get(links[patient])


@pytest.fixture
def browser(region: BlockingRegion) -> Iterator[Browser]:
    browser = Browser(region)
    yield browser
    browser.client.close()


def journal_of(region: BlockingRegion, holder: str) -> bytes:
    """What a holder wrote down."""
    folder = region.files[holder].agent / "journal"
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def test_one_click_in_the_record_opens_the_dossier_and_holders_write_down_who_asked(region: BlockingRegion, browser: Browser) -> None:
    before = {holder: len(journal_of(region, holder)) for holder in ("dinkelhorst", "brinkhof")}
    page = browser.launch(0)

    assert page.status_code == 200
    assert str(page.url).startswith(f"{region.viewer_url}/d/")
    for holder, length in before.items():
        # All that were asked by this one click, and nobody asked anything else meanwhile.
        assert eventually(lambda holder=holder, length=length: journal_of(region, holder)[length:].count(b"900000031"))  # type: ignore[misc]


def test_p12_the_glass_is_broken_for_bennie_from_the_page(region: BlockingRegion, browser: Browser) -> None:
    page = browser.launch(1)
    glass = f"{page.url}noodtoegang"
    token = _CSRF.search(browser.get(glass).text)
    assert token
    before = len(journal_of(region, "brinkhof"))
    answer = browser.client.post(glass, data={"csrf": token[1], "reason": "unconscious"})
    opened = browser.get(str(httpx2.URL(glass).join(answer.headers["location"])))

    assert opened.status_code == 200
    assert opened.url != page.url
    assert eventually(lambda: b"unconscious" in journal_of(region, "brinkhof")[before:])


def test_the_doctor_looks_at_the_viewer_and_at_the_record_that_launches_it(region: BlockingRegion) -> None:
    config = region.root / "connect" / "connect.toml"
    code, found = examined("connect", config)
    assert found[f"{region.ehr_url}/fhir"]["verdict"] == "ok"
    # It is a demonstration, and that is said.
    assert "demonstration" in found["viewer"]["seen"]
    sound = config.read_text(encoding="utf-8")
    elsewhere = config.with_name("elsewhere.toml")
    elsewhere.write_text(sound.replace(f"{region.ehr_url}/fhir", f"{region.ehr_url}/nowhere").replace("demo = true", "demo = false"), encoding="utf-8")
    worse, found = examined("connect", elsewhere)

    assert found[f"{region.ehr_url}/nowhere"]["verdict"] == "problem"
    assert worse == 1
    assert code in (0, 1)


@pytest.mark.parametrize("setting", ["viewer.public_url=http://dossier.example", "viewer.public_url=", "gateway.grpc="])
def test_a_viewer_that_cannot_stand_so_is_told_by_the_doctor_and_does_not_start(region: BlockingRegion, setting: str) -> None:
    config = str(region.root / "connect" / "connect.toml")
    looked = noaber("connect", "doctor", "--config", config, "--set", setting)
    begun = noaber(
        "connect", "run", "--config", config, "--set", setting, "--set", "viewer.listen=127.0.0.1:0", "--set", "listen.http=", "--set", "listen.grpc="
    )

    assert looked.returncode == 1
    assert begun.returncode != 0
    assert "invalid-setting" in begun.stderr + begun.stdout


def test_p6_nothing_on_disk_and_no_address_tells_of_whom(region: BlockingRegion, browser: Browser) -> None:
    browser.launch(0)
    browser.launch(1)
    broken = browser.client.get(f"{region.viewer_url}/launch", params={"iss": "https://elsewhere.example", "launch": DINA.bsn})
    kept = {path: path.read_bytes() for folder in ("connect", "ehr") for path in (region.root / folder).rglob("*") if path.is_file()}

    assert broken.status_code == 400
    for name in (DINA.bsn, BENNIE.bsn, "Olde Wolbers", "Lutke", DINA.birth_date):
        assert not [str(path) for path, content in kept.items() if name.encode() in content], name
        assert not [url for url in browser.went if name in url], name
    assert kept[Path(region.root / "connect" / "log")].count(b"ehr-unknown") == 1


def test_p9_what_the_viewer_is_told_of_a_holder_that_withholds_is_what_it_is_told_of_one_that_knows_nothing(region: BlockingRegion) -> None:
    told = {}
    for bsn in (DINA.bsn, NOBODY):
        question = asking.request(bsn, holders=["eschrand"])
        events = [event for _, event in asking.events(region.gateway_address, question)]
        closed = next(event.closed for event in events if event.WhichOneof("event") == "closed")
        line = next(line for event in events for line in event.completeness.holders if line.holder.holder == "eschrand")
        for part in (closed, line):
            for of_the_moment in ("elapsed_ms", "last_heard_ms"):
                part.ClearField(of_the_moment)
        for of_the_question in ("question_hash", "signature"):
            closed.said.ClearField(of_the_question)
        told[bsn] = closed.SerializeToString(deterministic=True), line.SerializeToString(deterministic=True), len(events)

    # Dina refused sharing at De Eschrand; nobody else is known there by the other number.
    assert told[DINA.bsn] == told[NOBODY]
