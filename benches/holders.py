"""Scripted holders in a process of their own: `python -m benches.holders --folder F 0:8:2500:0:`.

They answer as an honest agent does, at any size and without keeping the answer: every chapter of records goes out
again and again with another mark. Each tenth chapter is also kept by the holder next to it.
"""

import argparse
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import cycle
from pathlib import Path
from typing import Final

import anyio

from accord.terms.answers import Batch, Closed, Counts, Ending, Frame
from accord.terms.identifiers import Ura
from accord.terms.limits import BATCH_BYTES
from accord.terms.queries import HolderQuery
from accord.wire.columns import ROW
from accord.wire.hashing import StreamDigest, question_hash
from accord.wire.v1 import holder_service_pb2 as pb
from benches.records import PATIENT, chapters, mark_of, remarked
from benches.staging import Group, ura_of
from testbed.scripted_holder import ALL_CATEGORIES, Script, ScriptedHolder, _Context, batch_of

_MIX: Final = 0x9E3779B97F4A7C15
_WORD: Final = 2**64 - 1
_TRICKLE_SECONDS: Final = 0.1


class BenchHolder(ScriptedHolder):
    """A scripted holder that can be watched: else the gateway would try again and again, and that costs time too."""

    async def Watch(self, _request: pb.WatchRequest, context: _Context) -> None:  # type: ignore[override]  # noqa: N802
        """Say once that all is well."""
        await context.write(pb.WatchResponse(sequence=1, serving=True))
        await anyio.sleep_forever()


class Stock:
    """Chapters of records with their rows, made once for all holders of the process."""

    def __init__(self, records: int) -> None:
        kept: list[list[bytes]] = []
        for chapter in chapters():
            kept.append(chapter)
            if sum(map(len, kept)) >= records:
                break
        cut = list(map(batch_of, kept))
        self._plan: list[Batch] = []
        left = records
        for place in cycle(range(len(kept))):
            if left <= 0:
                break
            self._plan.append(cut[place] if left >= len(kept[place]) else batch_of(kept[place][:left]))
            left -= len(kept[place])

    def answer(self, holder: int) -> Iterator[Batch]:
        """One holder's batches: the Patient, and then the records, as many chapters in a batch as fit."""
        yield batch_of([PATIENT])
        columns, blob, categories = bytearray(), bytearray(), 0
        for number, chapter in enumerate(self._plan):
            if blob and len(blob) + len(chapter.blob) > BATCH_BYTES:
                yield Batch(bytes(columns), bytes(blob), categories)
                columns, blob, categories = bytearray(), bytearray(), 0
            mark = mark_of(holder, number)
            columns += _rows(chapter, mark, len(blob))
            blob += remarked(chapter.blob, mark)
            categories |= chapter.categories
        if blob:
            yield Batch(bytes(columns), bytes(blob), categories)


def _rows(chapter: Batch, mark: int, shift: int) -> bytes:
    """The rows of a chapter under another mark, so many bytes further on. As it states something else, its hints differ."""
    mixed = mark * _MIX & _WORD
    return b"".join(
        ROW.pack(identifier ^ mixed or 1, content ^ mixed or 1, moment, flags, end + shift, kind, category)
        for identifier, content, moment, flags, end, kind, category in ROW.iter_unpack(chapter.columns)
    )


def script_of(stock: Stock, holder: int, group: Group) -> Script:
    """What a holder of a group says."""

    async def script(query: HolderQuery) -> AsyncGenerator[Frame | pb.QueryResponse, None]:
        await anyio.sleep((holder - group.first) * group.step)
        yield ALL_CATEGORIES
        digest, counts = StreamDigest(), Counts()
        for batch in stock.answer(holder):
            digest.add(batch)
            counts = Counts(counts.records + len(batch.columns) // ROW.size, counts.bytes + len(batch.blob), counts.batches + 1)
            yield batch
            while group.manner == "trickles" and counts.batches > 1:
                yield batch
                await anyio.sleep(_TRICKLE_SECONDS)
        yield Closed(query.holder, Ending.ANSWERED, counts, digest.value(), question_hash(query))

    return script


async def serve(folder: Path, groups: Sequence[Group]) -> None:
    """Serve until ended."""
    stocks = {group.records: Stock(group.records) for group in groups}
    async with AsyncExitStack() as servers:
        for group in groups:
            for index in range(group.first, group.first + group.count):
                script = script_of(stocks[group.records], index, group)
                holder = BenchHolder(Ura(ura_of(index)), script, socket=folder / f"holder{index}.sock", located=group.manner != "unknown")
                await servers.enter_async_context(holder)
        print("ready", flush=True)
        await anyio.sleep_forever()


def main() -> None:
    """Read what to serve, and serve it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the sockets go")
    parser.add_argument("groups", nargs="+", type=Group.read, help="first:count:records:step:manner")
    given = parser.parse_args()
    anyio.run(serve, given.folder, given.groups, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    main()
