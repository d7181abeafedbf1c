"""Tells an open page that its dossier changed. It carries no data: the page fetches itself anew, as it would by hand."""

from collections.abc import AsyncIterator
from typing import Final

import anyio
from starlette.responses import Response, StreamingResponse

from gateway.viewer.dossiers import OpenDossier
from gateway.viewer.visits import Visit

_CHANGED: Final = "event: changed\ndata: {}\n\n"
_COMPLETE: Final = "event: complete\ndata: {}\n\n"
#: A line that says nothing, so that nobody between takes the silence for an end.
_STILL_HERE: Final = ": still here\n\n"
_SILENCE_SECONDS: Final = 10.0
#: Changes that come faster than a reader could see them are told together.
_AT_LEAST_SECONDS: Final = 0.1
_LONGEST: Final = 30


async def stream(visit: Visit) -> Response:
    """Events of the dossier until nothing more comes."""
    return StreamingResponse(_events(visit.dossier), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _events(dossier: OpenDossier) -> AsyncIterator[str]:
    quiet = 0
    # Whatever came between the making of the page and this moment is told at once.
    yield _CHANGED
    while not dossier.is_over and quiet < _LONGEST:
        if await _changes(dossier):
            quiet = 0
            if not dossier.is_over:
                yield _CHANGED
                await anyio.sleep(_AT_LEAST_SECONDS)
        else:
            quiet += 1
            yield _STILL_HERE
    yield _COMPLETE


async def _changes(dossier: OpenDossier) -> bool:
    """Whether something changed within a while."""
    with anyio.move_on_after(_SILENCE_SECONDS):
        await dossier.changed.wait()
        return True
    return False
