"""A simulated region as real processes: sources, agents and a gateway, started, asked, spoilt and ended.

with BlockingRegion.start() as region:
    region.fault("pharmacy", "slow", seconds=2.4)
    dossier = region.ask("999984056")

async with Region.start() as region:
    ...  # the same, awaited
"""

from testbed.region_awaited import Region
from testbed.region_blocking import BlockingRegion, Change

__all__ = ["BlockingRegion", "Change", "Region"]
