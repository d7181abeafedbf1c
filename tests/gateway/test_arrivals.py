"""Questions that come at the same moment are let in first, and lose no time of their own by it."""

import anyio
import pytest

from gateway.arrivals import Arrivals, Arrived

pytestmark = pytest.mark.anyio


async def test_who_comes_alone_does_not_wait() -> None:
    arrivals = Arrivals(quiet=3600.0, most=3600.0)

    with anyio.fail_after(10):
        arrived = await arrivals.come_in()
        await arrived.give_way()

    assert arrivals.latest == arrived.moment


async def test_who_comes_in_company_waits_until_nobody_else_comes() -> None:
    arrivals = Arrivals(together=3600.0, quiet=0.01, most=3600.0)
    came: list[Arrived] = []
    latest_when_served: list[float] = []

    async def come() -> None:
        came.append(await arrivals.come_in())
        latest_when_served.append(arrivals.latest)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(come)

    last = max(arrived.moment for arrived in came)
    assert sum(not arrived.in_company for arrived in came) == 1
    assert latest_when_served.count(last) >= 19


async def test_the_moment_is_that_of_the_arrival_and_not_of_the_end_of_the_wait() -> None:
    arrivals = Arrivals(together=3600.0, quiet=0.01, most=3600.0)
    await arrivals.come_in()

    before = anyio.current_time()
    arrived = await arrivals.come_in()

    assert before <= arrived.moment == arrivals.latest
    assert anyio.current_time() >= arrived.moment + arrivals.quiet


async def test_one_that_is_being_served_gives_way_to_those_that_come_after_it() -> None:
    arrivals = Arrivals(together=0.0, quiet=0.01, most=3600.0)
    first = await arrivals.come_in()
    second = await arrivals.come_in()

    await first.give_way()

    assert anyio.current_time() >= second.moment + arrivals.quiet


async def test_nobody_gives_way_for_ever() -> None:
    arrivals = Arrivals(together=3600.0, quiet=3600.0, most=0.01)

    with anyio.fail_after(10):
        await arrivals.come_in()
        arrived = await arrivals.come_in()
        await arrived.give_way()
