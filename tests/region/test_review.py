"""Broken glass in a running region: a line at the gateway and at each holder that was asked, waiting for review at both ends (P12)."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from accord.audit.events import GlassBroken, ReviewDone
from accord.audit.verifying import events_of
from accord.review.reviewers import entry_of, fresh_code
from testbed.demo_merged import read_everything
from testbed.free_ports import free_port
from testbed.people import DINA
from testbed.region import BlockingRegion

pytestmark = pytest.mark.slow

HOLDERS = ("brinkhof", "vijzelmarke")
CODE = fresh_code()
TOKEN = "of-the-application-that-is-trusted-to-say-who-is-at-work"
WORDS = "reageert niet, onbekende medicatie"


class Page:
    """The review page of one process, in the hands of a reviewer."""

    def __init__(self, address: str) -> None:
        self._base = f"http://{address}"
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())).open

    def log_in(self) -> None:
        """With the code."""
        self._sent("/login", {"code": CODE, "lang": "nl"})

    def items(self) -> list[dict[str, Any]]:
        """What waits."""
        items: list[dict[str, Any]] = json.loads(self._sent("/items"))["items"]
        return items

    def mark(self, item: str) -> None:
        """One is reviewed, on the page as a browser shows it."""
        token = re.search(r'name="token" value="([0-9a-f]+)"', self._sent("/"))
        assert token is not None
        self._sent(f"/items/{item}", {"token": token[1], "remark": "Met de dienstdoende arts besproken.", "lang": "nl"})

    def _sent(self, path: str, form: Mapping[str, str] | None = None) -> str:
        body = urlencode(form).encode() if form is not None else None
        with self._open(urllib.request.Request(self._base + path, body), timeout=60) as answer:  # noqa: S310 - on this machine
            text: str = answer.read().decode()
            return text


@pytest.fixture(scope="module")
def addresses() -> dict[str, str]:
    return {name: f"127.0.0.1:{free_port()}" for name in ("gateway", "brinkhof")}


@pytest.fixture(scope="module")
def region(addresses: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingRegion]:
    reviewers = tmp_path_factory.mktemp("review") / "reviewers.toml"
    reviewers.write_text(entry_of("officer-1", "Femke ter Braak", CODE), encoding="utf-8")
    more = {name: {"review": {"listen": address, "reviewers": str(reviewers)}} for name, address in addresses.items()}
    with BlockingRegion.start(holders=HOLDERS, story=False, more=more, patient=True) as running:
        yield running


@pytest.fixture(scope="module")
def emergency(region: BlockingRegion) -> dict[str, str]:
    """What the application says with each request of this emergency."""
    del region
    return {
        "authorization": f"Bearer {TOKEN}",
        "noaber-purpose": "ETREAT",
        "noaber-reason": "unconscious",
        "noaber-reason-words": WORDS.replace(" ", "%20").replace(",", "%2C"),
        "noaber-second-factor": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@pytest.fixture(scope="module")
def fhir_url(region: BlockingRegion) -> str:
    return region.connect("trusted", token=TOKEN)[0]


def glass_at(folder: Path) -> list[GlassBroken]:
    return [event for _, event in events_of(folder / "journal", kind="emergency") if isinstance(event, GlassBroken)]


def test_p12_broken_glass_has_one_line_at_the_gateway_and_at_each_holder_that_was_asked(
    region: BlockingRegion, fhir_url: str, emergency: dict[str, str]
) -> None:
    for _ in range(2):  # one emergency, many questions
        assert read_everything(fhir_url, DINA.bsn, headers=emergency).records

    folders = {"gateway": region.root / "gateway", **{name: region.files[name].agent for name in HOLDERS}}
    lines = {name: glass_at(folder) for name, folder in folders.items()}
    assert {name: len(some) for name, some in lines.items()} == {"gateway": 1, "brinkhof": 1, "vijzelmarke": 1}
    for (line,) in lines.values():
        assert (line.reason, line.words, line.asking.professional, line.emergency) == ("unconscious", WORDS, "900000031", True)
        assert abs(line.second_factor / 1000 - time.time()) < 300
    assert len({line.patient for (line,) in lines.values()}) == 3, "each under a key of its own"


def test_p12_it_waits_at_both_ends_until_a_reviewer_marks_it(region: BlockingRegion, addresses: Mapping[str, str], emergency: dict[str, str]) -> None:
    del emergency
    folders = {"gateway": region.root / "gateway", "brinkhof": region.files["brinkhof"].agent}
    for name, address in addresses.items():
        page = Page(address)
        page.log_in()
        (item,) = page.items()
        page.mark(item["id"])

        assert (item["kind"], item["reason"], item["words"]) == ("emergency", "unconscious", WORDS)
        assert (item["professional"]["name"], item["organisation"]["ura"]) == ("Sanne ten Esker", "90001001")
        assert item["records"] > 0
        assert item["holders"] == {"gateway": 2, "brinkhof": 1}[name]
        assert page.items() == []
        done = [event for _, event in events_of(folders[name] / "journal", kind="review-done") if isinstance(event, ReviewDone)]
        assert [(str(event.line), event.by, event.remark) for event in done] == [(item["id"], "officer-1", ("Met de dienstdoende arts besproken.",))]


def test_p12_an_emergency_that_goes_on_after_a_restart_does_not_begin_anew(region: BlockingRegion, fhir_url: str, emergency: dict[str, str]) -> None:
    region.fault("brinkhof", "dead")
    region.heal("brinkhof")

    assert read_everything(fhir_url, DINA.bsn, headers=emergency).records

    assert len(glass_at(region.files["brinkhof"].agent)) == 1
