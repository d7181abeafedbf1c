"""Tells an open page that something changed. It carries no data: the page fetches itself anew, as it would by hand."""

from collections.abc import AsyncGenerator
from typing import Final

import anyio

from accord.terms.faults import Faulted
from gateway.places.ports import Placing
from gateway.places.rounds import Round

_CHANGED: Final = "event: changed\ndata: {}\n\n"
_COMPLETE: Final = "event: complete\ndata: {}\n\n"
_STILL_HERE: Final = ": still here\n\n"
_SILENCE_SECONDS: Final = 10.0
#: What comes soon after each other is told together.
_PAUSE_SECONDS: Final = 0.1
#: A browser comes back by itself.
_LONGEST: Final = 60


async def round_events(made: Round | None) -> AsyncGenerator[str, None]:
    """Whenever more was said, until nothing more comes."""
    quiet = 0
    yield _CHANGED
    while made is not None and not made.is_over and quiet < _LONGEST:
        changed = made.changed
        with anyio.move_on_after(_SILENCE_SECONDS) as waiting:
            await changed.wait()
        quiet = quiet + 1 if waiting.cancelled_caught else 0
        if waiting.cancelled_caught:
            yield _STILL_HERE
            continue
        yield _CHANGED
        with anyio.move_on_after(_PAUSE_SECONDS):
            while not made.is_over:
                await made.changed.wait()
    yield _COMPLETE


async def placing_events(placing: Placing) -> AsyncGenerator[str, None]:
    """Whenever any search changed."""
    mark = 0
    yield _CHANGED
    for _ in range(_LONGEST):
        after = mark
        try:
            with anyio.move_on_after(_SILENCE_SECONDS):
                after = await placing.changed(mark)
        except Faulted:
            return
        yield _CHANGED if after != mark else _STILL_HERE
        mark = after
