"""An attachment on its way from a holder to a browser: never shown as a page of ours, never kept."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from accord.terms.faults import Fault, Faulted
from gateway.viewer.ports import Attached

#: What a browser may be told that it is, with the end of its file name; anything else is bytes.
_KINDS: Final = {
    "application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "image/tiff": "tiff", "image/gif": "gif", "text/plain": "txt",
    "application/dicom": "dcm", "application/xml": "xml", "text/rtf": "rtf", "application/rtf": "rtf",
}  # fmt: skip
_ANY: Final = "application/octet-stream"


class FetchedAttachment(Response):
    """Sends what is fetched as it comes. Where it cannot be had, *failed* makes the page that says so."""

    def __init__(self, fetched: AbstractAsyncContextManager[Attached], failed: Callable[[Fault], Response]) -> None:
        super().__init__()
        self._fetched = fetched
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer.

        Raises:
            Faulted: In mid-way: what was sent is not the whole, and must not look like it.
        """
        started = False
        try:
            async with self._fetched as attached:
                kind = attached.media_type.partition(";")[0].strip().lower()
                kind = kind if kind in _KINDS else _ANY
                headers = [
                    (b"content-type", kind.encode()),
                    # No name of the record's: it would lie in the browser's list of downloads.
                    (b"content-disposition", f'attachment; filename="attachment.{_KINDS.get(kind, "bin")}"'.encode()),
                ]
                async for chunk in attached.chunks:
                    if not started:
                        await send({"type": "http.response.start", "status": 200, "headers": headers})
                        started = True
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if not started:
                    await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Faulted as failure:
            if started:
                raise
            await self._failed(failure.fault)(scope, receive, send)
