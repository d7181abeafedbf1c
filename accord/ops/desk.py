"""Where an operator's machines look: /healthz, /readyz and /metrics, on a listener of their own.

`/healthz` says that the process turns its loop. `/readyz` says whether questions can be answered: 200 or 503, with reasons in
fixed codes as JSON; of several organisations it wants all, and `/readyz/<name>` is about one.
"""

from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from anyio.abc import TaskGroup
from msgspec import json

from accord.link.addresses import Address, address
from accord.ops.measures import CONTENT_TYPE, Measures
from accord.ops.settings import OpsSettings
from accord.ops.standing import STARTING, Party, Standing

_JSON: Final = "application/json"
_PLAIN: Final = "text/plain; charset=utf-8"
_READY: Final = "/readyz"


class Desk:
    """What is told of a process. Organisations come and go; before the first one came, it is not ready."""

    def __init__(self, part: str) -> None:
        self.measures: Final = Measures(part)
        self._parties: dict[str, Party | None] = {}

    @contextmanager
    def looks_at(self, name: str, party: Party) -> Generator[None, None, None]:
        """Tell of an organisation inside the block; after it, that it is not ready, until it is `gone`."""
        self._parties[name] = party
        forget = self.measures.follow(name, party.levels)
        try:
            yield
        finally:
            forget()
            if name in self._parties:
                self._parties[name] = None

    def expect(self, name: str) -> None:
        """This organisation is to be served, and is not yet."""
        self._parties.setdefault(name, None)

    def gone(self, name: str) -> None:
        """Nobody serves this organisation any more, or is to."""
        self._parties.pop(name, None)

    def standings(self) -> dict[str, Standing]:
        """How everybody stands."""
        return {name: party.standing() if party is not None else STARTING for name, party in self._parties.items()}

    async def serve(self, settings: OpsSettings, tasks: TaskGroup) -> str:
        """Begin to listen where the settings say; the address, or nothing where it is off.

        Raises:
            BadInput: `loopback-only`, or `invalid-setting` when the address is taken.
        """
        if not settings.listen:
            return ""
        from accord.link.serving import serve_app  # noqa: PLC0415 - what is off is not loaded

        at: Address = address(settings.listen)
        started: str = await tasks.start(partial(serve_app, self, at, setting="ops.listen", beyond_loopback=settings.beyond_loopback))
        return started

    async def __call__(self, scope: MutableMapping[str, Any], _receive: Any, send: Any) -> None:
        """As ASGI wants it."""
        status, kind, body = self._answer(scope["method"], scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return 405, _PLAIN, b"GET only\n"
        if path == "/healthz":
            return 200, _PLAIN, b"ok\n"
        if path == "/metrics":
            return 200, CONTENT_TYPE, self.measures.text()
        if path == _READY or path.startswith(f"{_READY}/"):
            return self._readiness(path.removeprefix(_READY).removeprefix("/"))
        return 404, _PLAIN, b"/healthz, /readyz and /metrics\n"

    def _readiness(self, name: str) -> tuple[int, str, bytes]:
        standings = {asked: standing for asked, standing in self.standings().items() if not name or asked == name}
        if name and not standings:
            return 404, _PLAIN, b"no such organisation\n"
        ready = bool(standings) and all(standing.ready for standing in standings.values())
        told = {"ready": ready, "organisations": {asked: standing.told() for asked, standing in standings.items()}}
        return 200 if ready else 503, _JSON, json.encode(told)
