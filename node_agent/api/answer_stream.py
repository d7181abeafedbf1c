"""The stream of one call, which ends when it must, whether or not anybody reads it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from google.protobuf.message import Message
from grpc import aio

from accord.link.failures import only_cause
from accord.link.status import code_of
from accord.terms.faults import Faulted
from node_agent.outlet import ReaderGone


class AnswerStream:
    """Messages of one call, and its end.

    A server of grpc.aio cannot reset a stream. The transport holds one message at a time that the reader has no window
    for; a status comes behind it. So whoever reads on afterwards gets that message and the status, and nothing else.
    Until then, or until they hang up or their deadline passes, grpc counts the call among those that it serves at the same time.
    """

    def __init__(self, context: "aio.ServicerContext[Any, Any]") -> None:
        self._context = context
        self._begun = False

    async def write(self, message: Message) -> None:
        """Write a message; cancelled half-way, none may follow it.

        Raises:
            ReaderGone: They hung up, or their connection broke.
        """
        try:
            if not self._begun:
                self._begun = True
                # With the first message it would count as unsent for as long as that is not read, and no status could follow.
                await self._context.send_initial_metadata(())
            await self._context.write(message)
        except aio.InternalError:
            # The transport failed what it was given; that may be known before the call is cancelled for it, or instead.
            raise ReaderGone from None

    @asynccontextmanager
    async def ended_in_time(self) -> AsyncIterator[None]:
        """End the call with the code of what is raised inside, without waiting for somebody who does not read. To be used within `answering`."""
        try:
            yield
        except Exception as failure:
            cause = only_cause(failure)
            if not isinstance(cause, Faulted):
                raise
            # Behind a message that nobody reads the status waits for the deadline: so long the call counts among theirs.
            # Whoever is gone takes no status either: the transport fails that, too.
            with suppress(aio.InternalError):
                await self._context.abort(code_of(cause.fault), cause.fault.value)
