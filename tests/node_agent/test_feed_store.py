"""A store that may be fed keeps the promises of a source, also for what was imported into it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from accord.terms.identifiers import Bsn
from accord.terms.queries import EVERYTHING
from node_agent.opening import open_source, prepare_feed
from node_agent.ports import Derives, LocalPatient, Source, SourceFailure
from node_agent.source_settings import SourceSettings
from node_agent.sources.fed_schema import prepare_store
from node_agent.sources.fed_store import FedStore
from testbed.contracts.records import ANNA, BERT, NOBODY
from testbed.contracts.source import SourceContract, SourceOver, everything, known
from tests.node_agent.feed_messages import SETTINGS, Fed, result
from tests.node_agent.test_embedded import store_of

pytestmark = pytest.mark.anyio


class TestFedStore(SourceContract):
    """The acceptance suite, on a store of the format that messages are fed into."""

    @pytest.fixture
    def source_over(self, tmp_path: Path) -> SourceOver:
        """A prepared store that these records were imported into."""

        @asynccontextmanager
        async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
            prepare_store(tmp_path / "store.db")
            source = FedStore(store_of(records, tmp_path))
            yield source
            await source.close()

        return over


async def test_what_messages_brought_is_found_listed_read_and_closed_as_any_record(tmp_path: Path) -> None:
    fed = Fed(tmp_path)
    fed.take(*(result(f"{turn}.50", str(turn), bsn=ANNA).replace(b"ORD-1", f"ORD-{turn}".encode()) for turn in range(230)))
    fed.take(result("1", "b", bsn=BERT).replace(b"~p1", b"~p2").replace(b"ORD-1", b"ORD-B"))
    source = FedStore(fed.path)
    anna, bert = await known(source, ANNA), await known(source, BERT)
    theirs = await everything(source, anna)

    assert {bsn async for bsn, _ in source.everyone()} == {Bsn(ANNA), Bsn(BERT)}
    assert await source.find(Bsn(NOBODY)) is None
    assert len(theirs) == len(set(theirs)) == 460
    assert {f'"value":{turn}.50'.encode() for turn in range(230)} == {
        json.split(b'"valueQuantity":{')[1].split(b",")[0] for json in theirs if b"valueQ" in json
    }
    assert len(await everything(source, bert)) == 2
    assert await everything(source, LocalPatient(frozenset({"nobody"}))) == []
    assert max([len(some) async for some in source.records_of(anna, EVERYTHING)]) == 200
    assert await source.data_as_of_ms() > 0
    await source.close()
    with pytest.raises(SourceFailure):
        await source.check()


async def test_the_settings_make_the_store_and_open_it_as_one_that_derives(tmp_path: Path) -> None:
    settings = SourceSettings(path="new.db")
    prepare_feed(SETTINGS, settings, tmp_path)
    prepare_feed(SETTINGS, settings, tmp_path)
    async with open_source(settings, tmp_path) as source:
        assert isinstance(source, Derives)
        assert source.mapping.startswith("hl7v2-to-r4 ")
        await source.check()
