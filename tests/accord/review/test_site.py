"""The review page over a real journal: who comes in, what they see of it, and that a mark is a line of the same journal."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from accord.audit.content import Event
from accord.audit.events import BudgetAlarm, HeadDoubted, JournalViewed, ReviewDone
from accord.audit.journal import Journal
from accord.audit.reading import JournalReader
from accord.audit.verifying import events_of, verify
from accord.review.entering import Sessions, make_review_site
from accord.review.journal_queue import JournalQueue
from accord.review.queue import ItemId, ItemKind, Remark, Reviewer
from accord.review.reviewers import Reviewers, entry_of, fresh_code
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from tests.accord.audit.scenes import GATEWAY, NOON, closing, glass_broken, opened, release

pytestmark = pytest.mark.anyio

FEMKE = Reviewer("officer-1", "Femke ter Braak", b"session")
CODE = fresh_code()
ALARM = BudgetAlarm(of="professional", who="00000002/900000001", peer=GATEWAY, patients=61, limit=60, user="00000002", professional="900000001")
DOUBT = HeadDoubted(party="00000003", kept_n=9, kept_chain="aa", n=8, chain="bb")


def names(ura: Ura) -> str:
    return {"00000002": "De Linde"}.get(ura.value, "")


class Desk:
    """A journal under way, and its queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = opened(folder, clock=lambda: NOON)
        self.reader = JournalReader(folder, None, lambda: self.journal.durable)
        self.queue = JournalQueue(self.reader, self.journal, names)

    def write(self, *events: Event) -> list[int]:
        """Lines as they happen."""
        return [self.journal.append_now(event) for event in events]

    def events(self, kind: type[Event]) -> list[Any]:
        """Lines of one kind."""
        return [event for _, event in events_of(self.folder) if isinstance(event, kind)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "journal")
    yield made
    made.reader.close()
    made.journal.close()


async def marked(desk: Desk, number: int, remark: str = "gebeld met de dienst") -> bool:
    return await desk.queue.mark(ItemId(str(number)), FEMKE, Remark(remark), at=datetime.fromtimestamp(NOON / 1000, UTC))


async def test_p12_broken_glass_waits_with_what_was_seen_under_it(desk: Desk) -> None:
    (number, *_) = desk.write(
        glass_broken("q1", until=NOON + 3_600_000),
        release("q1", emergency=True),
        release("q2", batch=2, emergency=True),
        release("q3", emergency=False),
        closing("q1"),
    )

    waiting = await desk.queue.waiting(FEMKE, after=None, most=10)

    (item,) = waiting.items
    assert (item.id.value, item.kind, waiting.total) == (str(number), ItemKind.EMERGENCY, 1)
    assert (item.records, item.holders) == (4, 1)
    assert (item.reason, item.words, item.professional) == ("unconscious", "Niet aanspreekbaar na val.", "A. de Vries")
    assert "patient" not in set(type(item).__dataclass_fields__)


async def test_every_alarm_waits_until_it_is_marked_and_the_mark_is_a_line(desk: Desk) -> None:
    numbers = desk.write(ALARM, DOUBT, glass_broken())
    assert [item.kind for item in (await desk.queue.waiting(FEMKE, after=None, most=10)).items] == [ItemKind.BUDGET, ItemKind.JOURNAL, ItemKind.EMERGENCY]

    assert await marked(desk, numbers[0])

    left = await desk.queue.waiting(FEMKE, after=None, most=10)
    assert [item.id.value for item in left.items] == [str(number) for number in numbers[1:]]
    (done,) = desk.events(ReviewDone)
    assert (done.line, done.by, done.remark) == (numbers[0], "officer-1", ("gebeld met de dienst",))
    assert verify(desk.folder).breaks == []


async def test_what_was_marked_cannot_be_marked_again_nor_what_is_no_alarm(desk: Desk) -> None:
    (alarm, other) = desk.write(ALARM, closing())
    assert await marked(desk, alarm)

    assert not await marked(desk, alarm)
    assert not await marked(desk, other)
    assert not await desk.queue.mark(ItemId("x-1"), FEMKE, Remark("x"), at=datetime.now(UTC))
    assert len(desk.events(ReviewDone)) == 1


async def test_that_somebody_looked_is_a_line_too(desk: Desk) -> None:
    await desk.queue.waiting(FEMKE, after=None, most=10)
    assert not desk.events(JournalViewed), "there was nothing to see"
    desk.write(ALARM, ALARM, ALARM)

    await desk.queue.waiting(FEMKE, after=None, most=2)

    assert [(event.by, event.lines) for event in desk.events(JournalViewed)] == [("officer-1", 2)]


async def test_the_further_pages_begin_behind_the_last_item(desk: Desk) -> None:
    numbers = [str(number) for number in desk.write(*[ALARM] * 5)]

    page = await desk.queue.waiting(FEMKE, after=ItemId(numbers[1]), most=2)

    assert ([item.id.value for item in page.items], page.total) == (numbers[2:4], 5)


async def test_a_long_remark_is_kept_whole_and_without_a_bsn(desk: Desk) -> None:
    (number,) = desk.write(ALARM)
    words = " ".join(f"woord{n}" for n in range(110))
    await marked(desk, number, f"over 999990019 {words}")

    (done,) = desk.events(ReviewDone)
    assert " ".join(done.remark) == f"over […] {words}"


async def test_an_alarm_of_emergencies_names_its_day(desk: Desk) -> None:
    desk.write(BudgetAlarm(of="organisation", who="00000002", peer=GATEWAY, patients=41, limit=40, hours=24, user="00000002"))

    (item,) = (await desk.queue.waiting(FEMKE, after=None, most=10)).items
    assert (item.kind, item.organisation, item.limit) == (ItemKind.EMERGENCY_LIMIT, "De Linde", 40)


# Who comes in


@asynccontextmanager
async def visited(desk: Desk, tmp_path: Path, *, clock: Any = None, secure: bool = True) -> AsyncIterator[httpx2.AsyncClient]:
    file = tmp_path / "reviewers.toml"
    if not file.exists():
        file.write_text(entry_of("officer-1", 'Femke "F." ter Braak', CODE), encoding="utf-8")
    sessions = Sessions(Reviewers(file), **({"clock": clock} if clock else {}))
    app = make_review_site(desk.queue, sessions, secure=secure)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://review") as client:
        yield client


async def logged_in(client: httpx2.AsyncClient, code: str = CODE, **headers: str) -> httpx2.Response:
    return await client.post("/login", data={"code": code, "lang": "nl"}, headers=headers)


async def test_a_reviewer_logs_in_sees_the_queue_marks_and_leaves(desk: Desk, tmp_path: Path) -> None:
    (number,) = desk.write(glass_broken())
    async with visited(desk, tmp_path) as client:
        assert (await client.get("/", headers={"accept": "text/html"})).headers["location"].startswith("/login")
        answer = await logged_in(client)
        page = (await client.get("/", headers={"accept": "text/html"})).text
        token = re.search(r'name="token" value="([0-9a-f]+)"', page)
        assert token is not None
        done = await client.post(f"/items/{number}", data={"token": token[1], "remark": "In orde bevonden.", "lang": "nl"})
        after = (await client.get("/")).text
        left = await client.post("/logout")
        outside = await client.get("/items")

    assert {"HttpOnly", "Secure", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert "A. de Vries" in page
    assert "Femke &#34;F.&#34; ter Braak" in page
    assert done.status_code == 303
    assert "Alles is bekeken" in after
    assert left.headers["location"] == "/login"
    assert outside.status_code == 401
    assert [event.by for event in desk.events(ReviewDone)] == ["officer-1"]


@pytest.mark.parametrize("code", ["", "x" * 43, CODE[:-1], CODE + "x", "é" * 50], ids=["none", "made-up", "shorter", "longer", "no-ascii"])
async def test_nobody_comes_in_without_a_code_of_the_file(desk: Desk, tmp_path: Path, code: str) -> None:
    desk.write(glass_broken())
    async with visited(desk, tmp_path) as client:
        answer = await logged_in(client, code)
        items = await client.get("/items")

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert items.status_code == 401
    assert not code or code not in answer.text


async def test_another_site_logs_nobody_in_or_out(desk: Desk, tmp_path: Path) -> None:
    async with visited(desk, tmp_path) as client:
        assert (await logged_in(client, **{"sec-fetch-site": "cross-site"})).status_code == 403
        await logged_in(client)
        assert (await client.post("/logout", headers={"sec-fetch-site": "cross-site"})).status_code == 403
        assert (await client.get("/items")).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [((1_700,), 200), ((1_801,), 401), ((1_700,) * 16, 200), ((1_700,) * 17, 401)])
async def test_a_session_ends_when_nobody_is_there_and_after_a_day_of_work(desk: Desk, tmp_path: Path, seconds: tuple[int, ...], status: int) -> None:
    now = 0.0
    async with visited(desk, tmp_path, clock=lambda: now) as client:
        await logged_in(client)
        for some in seconds:
            now += some
            answer = await client.get("/items")

    assert answer.status_code == status


async def test_who_is_taken_out_of_the_file_is_out_at_once(desk: Desk, tmp_path: Path) -> None:
    async with visited(desk, tmp_path) as client:
        await logged_in(client)
        (tmp_path / "reviewers.toml").write_text(entry_of("officer-2", "Iemand anders", fresh_code()), encoding="utf-8")

        assert (await client.get("/items")).status_code == 401


@pytest.mark.parametrize(
    "content",
    [
        "",
        "nonsense",
        '[[reviewer]]\nidentifier = "a"\nname = "b"\ncode_sha256 = "short"\n',
        entry_of("a", "b", CODE) * 2,
        entry_of("", "b", CODE),
        entry_of("a", "b", CODE) + "admin = true\n",
    ],
)
def test_a_file_of_reviewers_that_is_not_in_order_is_no_file(tmp_path: Path, content: str) -> None:
    file = tmp_path / "reviewers.toml"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(BadInput) as refused:
        Reviewers(file)
    assert refused.value.fault is Fault.INVALID_SETTING


def test_nobody_reviews_in_the_journal_of_another_process(tmp_path: Path) -> None:
    """Why the page runs inside the process that writes: the journal is locked."""
    with Journal(tmp_path, "x", sync_seconds=30.0), pytest.raises(Exception, match="in-use"):
        Journal(tmp_path, "x")
