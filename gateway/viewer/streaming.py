"""Tells an open page that its dossier changed. It carries no data: the page fetches itself anew, as it would by hand."""

from collections.abc import AsyncGenerator
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
#: Changes that come faster than a reader could see them are told together. The more there is, the longer a page takes to be made
#: anew, and the dossier must go on filling beside that.
_AT_LEAST_SECONDS: Final = 0.1
_SECONDS_PER_LINE: Final = 0.00005
_AT_MOST_SECONDS: Final = 1.0
_LONGEST: Final = 30


async def stream(visit: Visit) -> Response:
    """Events of the dossier until nothing more comes."""
    return event_stream(events_of(visit.dossier))


def event_stream(events: AsyncGenerator[str, None]) -> Response:
    """Server-sent events, which nobody between may keep waiting."""
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def events_of(dossier: OpenDossier) -> AsyncGenerator[str, None]:
    """What is told of a dossier until nothing more comes; whatever changes is told, together with what changes soon after."""
    quiet, awaited = 0, dossier.changed
    # Whatever came between the making of the page and this moment is told at once.
    yield _CHANGED
    while not dossier.is_over and quiet < _LONGEST:
        if await _happened(awaited):
            # What changes from here on, also while a change is told, is told after it.
            quiet, awaited = 0, dossier.changed
            if not dossier.is_over:
                yield _CHANGED
                await _pause(dossier)
        else:
            quiet += 1
            yield _STILL_HERE
    yield _COMPLETE


async def _happened(change: anyio.Event) -> bool:
    """Whether something changed since this was awaited, or within a while."""
    with anyio.move_on_after(_SILENCE_SECONDS):
        await change.wait()
        return True
    return False


async def _pause(dossier: OpenDossier) -> None:
    """Wait before the next change is told, but not with the last one."""
    with anyio.move_on_after(min(_AT_MOST_SECONDS, _AT_LEAST_SECONDS + dossier.view.newest * _SECONDS_PER_LINE)):
        while not dossier.is_over:
            await dossier.changed.wait()
