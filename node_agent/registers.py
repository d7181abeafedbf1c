"""The consent register that leads beside the holder's own choices: Mitz, asked, leased, and listened to when a choice changes."""

import ssl
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import structlog
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from accord.link.addresses import address
from accord.link.credentials import TlsFiles, https_server_context
from accord.link.serving import serve_app
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura
from accord.terms.next_steps import UNREADABLE
from accord.terms.vocabulary import HolderKind
from node_agent.leasing import Leased
from node_agent.revoking import Revocations
from node_agent.settings import MitzSettings
from node_agent.sources.mitz_catalogue import CATALOGUE_FILE, Catalogue, read_catalogue
from node_agent.sources.mitz_endpoint import MitzEndpoint
from node_agent.sources.mitz_notifying import notifications_app
from node_agent.sources.mitz_register import MitzRegister
from node_agent.sources.mitz_subscribing import MitzSubscriptions, Subscriber

_log = structlog.get_logger("noaber.agent")

#: Of so many people it is remembered that their choices are subscribed to; of others it is asked once more, which changes nothing.
_MOST_SUBSCRIBED: Final = 100_000
_MOST_WAITING: Final = 1_000


class Mitz:
    """Mitz as this holder's leading register: `leased` answers, `shows` subscribes to changes, `keep` runs all that runs beside.

    Close it by `close`.

    Raises:
        BadInput: `invalid-setting`.
    """

    def __init__(self, settings: MitzSettings, folder: Path, holder: Ura, kind: HolderKind, revocations: Revocations) -> None:
        endpoint = _endpoint(settings, folder)
        self._settings = settings
        self._folder = folder
        self._holder = holder
        self._catalogue = read_catalogue(folder / settings.catalogue if settings.catalogue else CATALOGUE_FILE)
        self._changed = revocations.changed
        self._register = MitzRegister(endpoint, self._catalogue, lease=settings.lease_seconds)
        self.leased = Leased(self._register)
        revocations.tell_also(self.leased.drop)
        self._subscriptions = _subscriptions(settings, endpoint, self._catalogue, holder, kind)
        self._subscribed: OrderedDict[Bsn, None] = OrderedDict()
        self._wanted, self._to_subscribe = anyio.create_memory_object_stream[Bsn](_MOST_WAITING)

    def shows(self, bsn: Bsn) -> None:
        """Something about this person may be shown: from now on it is to be known when they change a choice."""
        if self._subscriptions is None or bsn in self._subscribed:
            return
        try:
            self._wanted.send_nowait(bsn)
        except anyio.WouldBlock:
            return  # the next question about them tries again; meanwhile the lease ends
        self._subscribed[bsn] = None
        if len(self._subscribed) > _MOST_SUBSCRIBED:
            self._subscribed.popitem(last=False)

    async def keep(self, *, task_status: TaskStatus[str] = TASK_STATUS_IGNORED) -> None:
        """Until cancelled: forget what has expired, subscribe, and take notifications in; the address of these is told.

        Raises:
            BadInput: `invalid-setting`: the address is taken, or the certificate cannot be used.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.leased.keep_tidy)
            if self._subscriptions is not None:
                tasks.start_soon(self._keep_subscribing, self._subscriptions)
            listening = "off"
            if self._settings.listen:
                app = notifications_app(self._catalogue, self._holder, self._changed)
                serve = partial(serve_app, app, setting="mitz.listen", tls=self._tls(), only=self._settings.notifier)
                listening = await tasks.start(serve, address(self._settings.listen))
            task_status.started(listening)

    async def close(self) -> None:
        """Let go of connections."""
        self._wanted.close()
        self._to_subscribe.close()
        await self._register.close()
        if self._subscriptions is not None:
            await self._subscriptions.close()

    async def _keep_subscribing(self, subscriptions: MitzSubscriptions) -> None:
        async for bsn in self._to_subscribe:
            try:
                await subscriptions.subscribe(bsn)
            except BadInput as refused:
                # Every other one would be refused, too. What changes is seen when a lease ends.
                _log.error("Mitz takes no subscriptions", code=refused.fault.value, where=refused.where)
            except Unavailable as failure:
                _log.warning("not subscribed at Mitz", code=failure.fault.value, where=failure.where)
                self._subscribed.pop(bsn, None)

    def _tls(self) -> ssl.SSLContext | None:
        """Mutual TLS under the authorities of Mitz; none on this machine without a certificate, where `serve_app` allows loopback only.

        Raises:
            BadInput: `invalid-setting`.
        """
        settings = self._settings
        if not settings.certificate:
            return None
        if not settings.authorities or not settings.notifier:
            raise BadInput(Fault.INVALID_SETTING, "mitz.authorities and mitz.notifier: who may notify")
        try:
            authorities = (self._folder / settings.authorities).read_text(encoding="ascii")
        except (OSError, ValueError):
            raise BadInput(Fault.INVALID_SETTING, "mitz.authorities: cannot be read", then=UNREADABLE) from None
        files = TlsFiles(self._folder / settings.certificate, self._folder / settings.key)
        return https_server_context(files, [authorities], clients=ssl.CERT_REQUIRED)


def _endpoint(settings: MitzSettings, folder: Path) -> MitzEndpoint:
    certificate, key, authorities = (folder / name if name else None for name in (settings.certificate, settings.key, settings.authorities))
    return MitzEndpoint(settings.base, certificate, key, authorities, settings.concurrency)


def _subscriptions(settings: MitzSettings, endpoint: MitzEndpoint, catalogue: Catalogue, holder: Ura, kind: HolderKind) -> MitzSubscriptions | None:
    if not settings.notify:
        return None
    return MitzSubscriptions(endpoint, Subscriber(holder, kind, settings.notify, settings.gateway_system, settings.source_system), catalogue)
