"""With every holder: the heads of journals, to be kept by the other, and the newest register. Often enough that nothing is new for long."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import structlog

from accord.link.exchanging import Exchange, Given
from accord.link.live_register import LiveRegister
from accord.terms.faults import Unavailable
from gateway.ports import HolderFailure, HolderRegister, Holders, RegisteredHolder, Shared

_log = structlog.get_logger("noaber.sharing")

_EVERY_SECONDS = 30.0
_SECONDS = 3.0


async def keep_sharing(exchange: Exchange, live: LiveRegister, register: HolderRegister, holders: Holders, changed: Callable[[], Awaitable[None]]) -> None:
    """Share with every active holder until cancelled: now and then, and at once when there is a newer register."""
    while True:
        try:
            active = [holder for holder in register.holders if holder.active]
        except Unavailable:
            active = []
        async with anyio.create_task_group() as tasks:
            for holder in active:
                tasks.start_soon(_share_with, holder, exchange, live, holders)
        with anyio.move_on_after(_EVERY_SECONDS):
            await changed()


async def _share_with(holder: RegisteredHolder, exchange: Exchange, live: LiveRegister, holders: Holders) -> None:
    member = live.newest.by_ura.get(holder.card.ura)
    if member is None:
        return
    try:
        # The first time there is none yet: what was never signed, nobody can keep.
        given = exchange.give(0) if exchange.own.newest else replace(exchange.give(0), head=await exchange.own.sign())
        got = await holders.exchange(holder, Shared(given.head, given.register, given.version), seconds=_SECONDS)
        await exchange.take(member, Given(got.head, got.register, got.version))
    except HolderFailure as failure:
        _log.debug("not shared", holder=holder.card.ura.value, code=failure.code.value)
    except Unavailable as failure:
        _log.error("not kept", holder=holder.card.ura.value, code=failure.fault.value)
