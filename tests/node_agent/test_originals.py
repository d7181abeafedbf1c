"""The original of a record is decided on as the record is: what stood beside it, or was dropped on the way, never leaves by it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from accord.rules.consent import Choice
from accord.terms.answers import AttachmentFrame, Chunk, Closed, Ending
from accord.terms.identifiers import RecordRef
from accord.terms.queries import ORIGINAL
from accord.terms.vocabulary import CareCategory
from node_agent.attaching import fetch_attachment
from node_agent.importing.run import run_import
from node_agent.opening import open_source
from node_agent.ports import Original, Source, SourceRecord
from node_agent.source_settings import SourceSettings
from node_agent.sources.fed_schema import FEED_MAPPING
from node_agent.sources.sql_dialects import SqlAddress
from testbed.contracts.records import ANNA, observation, patient
from testbed.memory_source import MemorySource
from testbed.plain import admitted
from tests.node_agent.asking import YES, MemoryChoices, ask, holder_over, question
from tests.node_agent.feed_messages import Fed, admission, header, lines, obr, obx, pid, result
from tests.node_agent.sql_shelf import fill_sqlite, opened

pytestmark = pytest.mark.anyio

NO_EXAMS = Choice(permits=False, category=frozenset({CareCategory.OBSERVATION_EXAM}))
SECRET = "zeer-vertrouwelijk"


async def fetched(source: Source, record: str, choices: MemoryChoices | None = None) -> tuple[Ending, bytes]:
    """What comes when the original of *record* is asked for."""
    frames: list[AttachmentFrame] = []

    async def emit(frame: AttachmentFrame) -> None:
        frames.append(frame)

    kind, _, logical_id = record.partition("/")
    await fetch_attachment(holder_over(source, choices), admitted(question()), ORIGINAL, RecordRef(kind, logical_id), emit)
    closed = frames[-1]
    assert isinstance(closed, Closed)
    return closed.ending, b"".join(frame.content for frame in frames if isinstance(frame, Chunk))


def panel(*, order: str = "", first: str = "", person: str = "") -> bytes:
    """Two results of one order: the first may be seen, of the second it depends."""
    number = obr().replace("|LAB^aanvraag^L|", f"|LAB^{SECRET}^L|").replace("||||||||||||||2026", f"||||{SECRET}||||||||||2026", 1)
    other = obx(SECRET, kind="ST", code=f"X^{SECRET}^L", unit="", more="||R")
    told = [
        header(),
        person or pid(),
        "NK1|1|" + SECRET,
        *([order] if order else []),
        number,
        obx("37.50", more=first),
        "NTE|1||bij deze",
        other,
        f"NTE|1||{SECRET}",
    ]
    return lines(*told)


def take(fed: Fed, *messages: bytes) -> list[str]:
    """Feed messages about the Anna that `question` asks for."""
    return fed.take(*(message.replace(b"|19500101|", b"|19410302|") for message in messages))


async def of_code(fed: Fed, code: str) -> str:
    """The name of the result with this code."""
    (found,) = [one for one in await fed.of_type("Observation") if one["code"]["coding"][0]["code"] == code]
    return f"Observation/{found['id']}"


async def test_p13_a_result_of_a_message_is_shown_without_what_else_the_message_tells(tmp_path: Path) -> None:
    fed = Fed(tmp_path)
    assert take(fed, panel()) == ["AA"]
    async with fed.source() as source:
        ending, content = await fetched(source, await of_code(fed, "1988-5"))

    told = content.decode("latin-1").split("\r")
    assert ending is Ending.ANSWERED
    assert [line[:3] for line in told] == ["MSH", "OBR", "OBX", "NTE", ""]
    assert told[2:4] == [obx("37.50"), "NTE|1||bij deze"]
    assert told[1] == "OBR|||ORD-1^TWK||||20261112080000+0100|||||||||||||||20261112081500+0100||LAB|F"
    assert SECRET not in content.decode("latin-1")
    assert ANNA not in content.decode("latin-1")


async def test_a_withheld_result_never_leaves_by_the_original_of_another(tmp_path: Path) -> None:
    fed = Fed(tmp_path)
    take(fed, panel())
    hidden = await of_code(fed, "X")
    async with fed.source() as source:
        told = await ask(holder_over(source), question())
        originals = [await fetched(source, f"{record['resourceType']}/{record['id']}") for record in map(json.loads, told.records)]
        withheld = await fetched(source, hidden)

    assert not any(SECRET.encode() in record for record in told.records)
    assert not any(SECRET.encode() in content for _, content in originals)
    assert withheld == (Ending.NOTHING_SHOWN, b"")
    # The report shows the withheld result, and is withheld with it.
    assert sorted(told.types) == ["Observation", "Patient"]


@pytest.mark.parametrize("code", ["R", "V", "HIV", "PSY", "nobody knows this"])
async def test_what_a_laboratory_calls_confidential_is_withheld_as_a_label_says(tmp_path: Path, code: str) -> None:
    fed = Fed(tmp_path)
    take(fed, lines(header(), pid(), "ORC|RE||ORD-1" + "|" * 25 + code, obr(), obx("37.50")))
    (found,) = await fed.of_type("Observation")
    async with fed.source() as source:
        told = await ask(holder_over(source), question())
        original = await fetched(source, f"Observation/{found['id']}")

    assert told.types == ["Patient"]
    assert original == (Ending.NOTHING_SHOWN, b"")


@pytest.mark.parametrize("code", ["", "U", "N"])
async def test_what_a_laboratory_calls_usual_is_shown(tmp_path: Path, code: str) -> None:
    fed = Fed(tmp_path)
    take(fed, lines(header(), pid(), "ORC|RE||ORD-1" + "|" * 25 + code, obr(), obx("37.50")))
    async with fed.source() as source:
        told = await ask(holder_over(source), question())

    assert sorted(told.types) == ["DiagnosticReport", "Observation", "Patient"]


async def test_a_file_that_a_laboratory_restricts_keeps_the_report_that_shows_it(tmp_path: Path) -> None:
    fed = Fed(tmp_path)
    take(fed, lines(header(), pid(), obr(), obx("^^PDF^Base64^JVBERi0=", kind="ED", unit="", more="||R")))
    async with fed.source() as source:
        told = await ask(holder_over(source), question())

    assert told.types == ["Patient"]


async def test_what_a_message_says_beyond_the_patient_record_stays_in_it(tmp_path: Path) -> None:
    fed = Fed(tmp_path)
    person = pid(more=f"||Jansen^Anna^^^^^L|{SECRET}|19500101|F||{SECRET}|||||||{SECRET}||||||{SECRET}")
    take(fed, admission("A28", person=person, visit="", more=(f"NK1|1|{SECRET}",)))
    (found,) = await fed.of_type("Patient")
    async with fed.source() as source:
        ending, content = await fetched(source, f"Patient/{found['id']}")

    assert ending is Ending.ANSWERED
    assert b"Jansen" in content
    assert SECRET.encode() not in content


async def test_a_patient_who_was_replaced_has_no_original_with_the_number_of_somebody_else(tmp_path: Path) -> None:
    fed = Fed(tmp_path)
    take(fed, admission("A28", "1", person=pid(number="p1"), visit=""), admission("A28", "2", person=pid(number="p2"), visit=""))
    take(fed, admission("A40", "3", person=pid(number="p1"), visit="", more=("MRG|p2^^^TWK^PI",)))
    replaced = next(one["id"] for one in await fed.of_type("Patient") if "link" in one)
    async with fed.source() as source:
        assert await fetched(source, f"Patient/{replaced}") == (Ending.NOTHING_SHOWN, b"")


async def test_a_store_from_before_shows_no_originals_and_takes_messages_as_ever(tmp_path: Path) -> None:
    fed = Fed(tmp_path)
    take(fed, result("1"))
    with closing(sqlite3.connect(fed.path)) as connection, connection:
        connection.execute("ALTER TABLE made DROP COLUMN original")
    (found,) = await fed.of_type("Observation")
    async with fed.source() as source:
        before = await fetched(source, f"Observation/{found['id']}")
    again = Fed(tmp_path)
    take(again, result("2", "2", at="20261113091500+0100", changed="20261113081500+0100"))
    async with again.source() as source:
        after = await fetched(source, f"Observation/{found['id']}")

    assert before == (Ending.NOTHING_SHOWN, b"")
    assert after[0] is Ending.ANSWERED


async def test_a_store_that_is_fed_for_the_first_time_while_it_is_open_says_how_its_records_were_made(tmp_path: Path) -> None:
    (tmp_path / "d.ndjson").write_bytes(patient("a", ANNA) + b"\n" + observation("1", "a"))
    run_import([tmp_path / "d.ndjson"], tmp_path / "records.db")
    async with open_source(SourceSettings(path="records.db"), tmp_path) as source:
        before = await ask(holder_over(source), question())
        fed = Fed(tmp_path)
        take(fed, result("37.50"))
        after = await ask(holder_over(source), question())
        (result_name,) = [f"Observation/{one['id']}" for one in map(json.loads, after.records) if "valueQuantity" in one]
        original = await fetched(source, result_name)

    assert before.outcomes[0].mapping == ""
    assert after.outcomes[0].mapping == FEED_MAPPING
    assert original[0] is Ending.ANSWERED


async def test_p13_of_a_row_only_the_columns_leave_that_the_mapping_names(tmp_path: Path) -> None:
    fill_sqlite(tmp_path / "gp.db", [patient("a", ANNA), observation("1", "a")])
    with closing(sqlite3.connect(tmp_path / "gp.db")) as connection, connection:
        connection.execute(f"ALTER TABLE observation ADD COLUMN remark TEXT DEFAULT '{SECRET}'")
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db")) as source:
        ending, content = await fetched(source, "Observation/1")
        withheld = await fetched(source, "Observation/1", MemoryChoices(others=(YES, NO_EXAMS)))

    assert ending is Ending.ANSWERED
    assert json.loads(content)["patient"] == "a"
    assert "remark" not in json.loads(content)
    assert withheld == (Ending.NOTHING_SHOWN, b"")


class Dropping(MemorySource):
    """A source whose conversion forgets labels, as no conversion should."""

    mapping = "older-to-newer 1"

    def __init__(self, kept: bytes, told: bytes) -> None:
        super().__init__([patient("a", ANNA), told])
        self.kept, self.told = kept, told

    async def original(self, ref: RecordRef) -> Original | None:
        """What it was made from, with all that was forgotten."""
        return Original("application/fhir+json", self.kept, SourceRecord(self.told, derived=True), is_fhir=True) if ref.type == "Observation" else None


@pytest.mark.parametrize(("label", "leaves"), [("N", True), ("R", False), ("V", False)])
async def test_a_label_that_conversion_dropped_still_keeps_the_original(label: str, leaves: bool) -> None:  # noqa: FBT001 - a parameter of the test
    meta = {"security": [{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": label}]}
    kept, told = observation("1", "a", meta=meta), observation("1", "a")
    inside = observation("1", "a", contained=[{"resourceType": "Observation", "id": "x", "meta": meta}])
    for original in (kept, inside):
        source = Dropping(original, told)
        expected = (Ending.ANSWERED, original) if leaves else (Ending.NOTHING_SHOWN, b"")

        assert await fetched(source, "Observation/1") == expected


async def test_an_original_that_cannot_be_read_does_not_leave() -> None:
    source = Dropping(b"{", observation("1", "a"))

    assert await fetched(source, "Observation/1") == (Ending.NOTHING_SHOWN, b"")
