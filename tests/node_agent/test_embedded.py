"""The embedded store keeps the promises of a source, and its own."""

import os
from base64 import b64encode, encodebytes
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.limits import CHUNK_BYTES
from accord.terms.queries import EVERYTHING
from node_agent.importing.delivery import ImportOptions
from node_agent.importing.run import run_import
from node_agent.ports import LocalPatient, Source, SourceAnswerInvalid, SourceUnavailable
from node_agent.sources.embedded import EmbeddedStore
from node_agent.sources.embedded_attachments import Base64Pieces
from testbed.contracts.records import ANNA, BERT, observation, patient, resource
from testbed.contracts.source import SourceContract, SourceOver

pytestmark = pytest.mark.anyio


def store_of(records: list[bytes], folder: Path, options: ImportOptions | None = None) -> Path:
    delivery = folder / "delivery"
    delivery.mkdir(exist_ok=True)
    for number, record in enumerate(records):
        (delivery / f"{number:05}.json").write_bytes(record)
    run_import([delivery], folder / "store.db", options or ImportOptions())
    return folder / "store.db"


class TestEmbeddedStore(SourceContract):
    """The acceptance suite, on a store that was filled by import."""

    @pytest.fixture
    def source_over(self, tmp_path: Path) -> SourceOver:
        """A store that these records were imported into."""

        @asynccontextmanager
        async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
            source = EmbeddedStore(store_of(records, tmp_path))
            yield source
            await source.close()

        return over


async def test_a_holders_own_store_is_no_copy(tmp_path: Path) -> None:
    source = EmbeddedStore(store_of([patient("a", ANNA)], tmp_path), copy=False)

    assert not source.is_copy
    assert await source.data_as_of_ms() == 0
    await source.close()


def test_a_store_that_is_not_there_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable):
        EmbeddedStore(tmp_path / "nothing.db")

    assert not (tmp_path / "nothing.db").exists()


def test_another_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_bytes(b"a letter to my aunt" * 1000)
    with pytest.raises(SourceUnavailable):
        EmbeddedStore(tmp_path / "letter.db")


async def test_a_store_that_breaks_never_passes_for_an_empty_one(tmp_path: Path) -> None:
    path = store_of([patient("a", ANNA), *(observation(f"o{number}", "a", valueString="x" * 900) for number in range(600))], tmp_path)
    whole = path.read_bytes()
    source = EmbeddedStore(path)
    path.write_bytes(whole[:16_384] + os.urandom(len(whole) - 16_384))
    with pytest.raises(SourceUnavailable):
        await source.find(Bsn(ANNA))
    path.write_bytes(whole)

    assert await source.find(Bsn(ANNA)) == LocalPatient(frozenset({"a"}))
    await source.close()


async def test_readers_see_each_import_and_never_half_a_record(tmp_path: Path) -> None:
    path = store_of([patient("a", ANNA), observation("1", "a")], tmp_path)
    source = EmbeddedStore(path)
    who = LocalPatient(frozenset({"a"}))
    store_of([patient("a", ANNA), observation("1", "a", valueString="later"), patient("b", BERT)], tmp_path)

    assert [r.fhir_json async for some in source.records_of(who, EVERYTHING) for r in some] == [observation("1", "a", valueString="later")]
    assert await source.find(Bsn(BERT)) is not None
    await source.close()


async def test_lists_are_small_in_records_and_in_bytes(tmp_path: Path) -> None:
    many = [observation(f"m{number}", "a") for number in range(450)]
    large = [observation(f"l{number}", "b", valueString="x" * 100_000) for number in range(5)]
    path = tmp_path / "delivery.ndjson"
    path.write_bytes(b"\n".join([patient("a", ANNA), patient("b", BERT), *many, *large]))
    run_import([path], tmp_path / "store.db")
    source = EmbeddedStore(tmp_path / "store.db")
    lengths = {who: [len(some) async for some in source.records_of(LocalPatient(frozenset({who})), EVERYTHING)] for who in "ab"}
    await source.close()

    assert lengths == {"a": [200, 200, 50], "b": [2, 2, 1]}


async def test_an_attachment_may_have_escapes_and_line_ends_in_its_base64(tmp_path: Path) -> None:
    content = os.urandom(700_000)
    text = encodebytes(content).decode().replace("\n", r"\r\n").replace("/", r"\/")
    binary = b'{"resourceType":"Binary","id":"7","contentType":"image\\/png","data":"%b"}' % text.encode()
    source = EmbeddedStore(store_of([patient("a", ANNA), binary], tmp_path))
    attachment = await source.attachment("Binary/7")
    assert attachment is not None
    chunks = [chunk async for chunk in attachment.chunks]
    await source.close()

    assert attachment.content_type == "image/png"
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= CHUNK_BYTES


async def test_an_attachment_that_is_no_base64_is_an_invalid_answer(tmp_path: Path) -> None:
    source = EmbeddedStore(store_of([resource("Binary", "7", contentType="image/png", data="§§§§")], tmp_path))
    attachment = await source.attachment("Binary/7")
    assert attachment is not None
    with pytest.raises(SourceAnswerInvalid):
        [chunk async for chunk in attachment.chunks]
    await source.close()


async def test_an_attachment_inside_a_record_has_a_number(tmp_path: Path) -> None:
    letters = [{"attachment": {"contentType": "text/plain", "data": b64encode(text).decode()}} for text in (b"one", b"two")]
    record = resource("DocumentReference", "9", subject={"reference": "Patient/a"}, content=letters)
    source = EmbeddedStore(store_of([patient("a", ANNA), record], tmp_path, ImportOptions(bases=("https://ehr.example/",))))
    found = await source.attachment("https://ehr.example/DocumentReference/9#1")

    assert found is not None
    assert (found.content_type, [chunk async for chunk in found.chunks]) == ("text/plain", [b"two"])
    for nothing in ("DocumentReference/9#2", "DocumentReference/9", "DocumentReference/9#-1", "DocumentReference/8#0"):
        assert await source.attachment(nothing) is None
    await source.close()


async def test_a_removed_record_is_gone(tmp_path: Path) -> None:
    path = store_of([patient("a", ANNA), observation("1", "a")], tmp_path)
    (tmp_path / "gone.json").write_bytes(resource("Bundle", "x", type="batch", entry=[{"request": {"method": "DELETE", "url": "Patient/a"}}]))
    run_import([tmp_path / "gone.json"], path)
    source = EmbeddedStore(path)

    assert await source.find(Bsn(ANNA)) is None
    assert await source.read([RecordRef("Patient", "a")]) == {}
    await source.close()


@given(st.binary(max_size=200), st.lists(st.integers(0, 400), max_size=6), st.sampled_from(["", r"\n", " "]))
def test_base64_may_be_cut_anywhere(content: bytes, cuts: list[int], between: str) -> None:
    plain = b64encode(content).decode()
    text = between.join(plain[at : at + 5].replace("/", r"\/") for at in range(0, 400, 5)).encode()
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    decoder = Base64Pieces()
    pieces = [decoder.feed(text[a:b], last=place == len(bounds) - 2) for place, (a, b) in enumerate(pairwise(bounds))]

    assert b"".join(pieces) == content
