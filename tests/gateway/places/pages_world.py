"""Monday 10:15 at the transfer desk: a region with places for the pages to look in, and a viewer that has them."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup

from accord.link.needing_file import default_needs
from accord.rules.placing import provider as rules
from accord.terms.answers import Ending
from accord.terms.capacity import CareKind, Certainty, Opening, Service, Spot, Statement, Stop, StopReason, Tally
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import DataHolder, DataUser
from accord.terms.placing import DeclineReason, Fit, Terms
from accord.terms.vocabulary import HolderKind
from gateway.places.pages import places_pages
from gateway.places.ports import Accounted, HolderSaid, Provider
from gateway.places.rounds import Rounds
from gateway.places.site import PACKAGE, Site
from gateway.viewer.paging import Page
from tests.gateway.places.small_places import ASKER, Around, SmallProvider, SmallRegion, at_home
from tests.gateway.viewer.conftest import Kit, running_viewer
from tests.gateway.viewer.fake_region import Clock

GRZ = CareKind.GERIATRIC_REHABILITATION
HOME = CareKind.DISTRICT_NURSING
NEIGHBOURHOODS = {"7597": Spot(52.31, 6.79), "7591": Spot(52.37, 7.0)}
#: Name, title, town, telephone, kind.
HOLDERS = (
    ("weefgetouw", "Zorghuis 't Weefgetouw", "Marksveen", "074-555 0111", HolderKind.NURSING_HOME),
    ("havezate", "Woonzorg De Havezate", "Delden-Oost", "074-555 0112", HolderKind.NURSING_HOME),
    ("reviant", "Reviant Reggerbrug", "Reggerbrug", "0546-555 0113", HolderKind.REHABILITATION),
    ("noaberhoes", "Hospice 't Noaberhoes", "Losserveld", "053-555 0114", HolderKind.HOSPICE),
    ("wieke", "Thuiszorg De Wieke", "Marksveen", "074-555 0115", HolderKind.HOME_CARE),
)
DEAD = Provider(HolderName("eikenhof"), "Zorgcentrum De Eikenhof", "074-555 0199", HolderKind.NURSING_HOME, Ura("00009001"))

#: A neighbouring region.
BEYOND = Provider(HolderName("ijsselland"), "IJsselland", "0570-555 0100", None, None, "IJsselland", HolderName("ijsselland"))


class PlacesRegion(SmallRegion):
    """The providers with what they tell; one that cannot be reached, and one of the neighbouring region."""

    def __init__(self, clock: Clock, *providers: SmallProvider) -> None:
        super().__init__(clock, *providers)
        self.titles = {name: (title, telephone, kind) for name, title, _, telephone, kind in HOLDERS}
        self.tallies: dict[HolderName, tuple[Tally, ...]] = {}
        self.keyless: set[HolderName] = set()
        #: How the neighbouring region ends.
        self.neighbour = Ending.ANSWERED
        #: Where it is set, the neighbouring region answers when it is.
        self.waits: anyio.Event | None = None

    async def _said(self, holders: frozenset[HolderName]) -> AsyncGenerator[HolderSaid | Accounted, None]:
        some = [provider for name, provider in self.providers.items() if not holders or name in holders]
        for provider in some:
            title, telephone, kind = self.titles[provider.name.value]
            who = Provider(provider.name, title, telephone, kind, provider.ura)
            key = b"" if provider.name in self.keyless else provider.reads.public_key().public_bytes_raw()
            openings, tallies = self.openings.get(provider.name, ()), self.tallies.get(provider.name, ())
            yield HolderSaid(who, Ending.ANSWERED, statement=Statement(title, telephone, self.clock(), openings, tallies, key=key))
        if not holders:
            if self.waits is not None:
                await self.waits.wait()
            two_hours_ago = int((self.clock() - timedelta(hours=2)).timestamp() * 1000)
            yield HolderSaid(DEAD, Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE, last_heard_ms=two_hours_ago)
            yield HolderSaid(BEYOND, self.neighbour)
            far = Provider(HolderName("esrein"), "Revalidatie Esrein", "0570-555 0120", None, None, BEYOND.title, BEYOND.name)
            if self.neighbour is Ending.ANSWERED:
                yield HolderSaid(far, Ending.ANSWERED, statement=Statement(far.title, far.telephone, self.clock(), (self.opening("esrein", GRZ, 2, 12),)))
            yield Accounted(len(some) + 1, len(some) + 1, len(some))

    def opening(self, name: str, kind: CareKind, places: int | None, minutes: float, **more: Any) -> Opening:
        """Some places, seen so many minutes ago, which hold for four hours."""
        seen = self.clock() - timedelta(minutes=minutes)
        town = next((town for one, _, town, _, _ in HOLDERS if one == name), "Deventer")
        spot = {"weefgetouw": Spot(52.315, 6.80), "havezate": Spot(52.26, 6.71), "reviant": Spot(52.36, 6.62), "noaberhoes": Spot(52.26, 7.0)}.get(name)
        service = Service(f"{name}-1", more.pop("title", "Afdeling De Esch"), kind, place=town, spot=spot, telephone=more.pop("telephone", ""))
        service = replace(service, **{key: more.pop(key) for key in ("conditions", "funding", "area", "instant") if key in more})
        opening = Opening(f"{name}-o1", service, seen, seen + timedelta(hours=4), Certainty.CONFIRMED, places)
        return replace(opening, **more)


@dataclass
class PlacesKit:
    """The viewer, its browser, and the region that places are looked for in."""

    kit: Kit
    around: Around
    region: PlacesRegion
    providers: dict[str, SmallProvider]
    site: Site = field(repr=False)

    async def settle(self) -> None:
        """Letters are brought and fetched until nothing waits."""
        await self.around.settle(4)
        await anyio.wait_all_tasks_blocked()

    def offer(self, name: str, case: str, *, amount: int = 1, fit: Fit = Fit.FULL, since: date | None = None, words: str = "") -> None:
        """A planner offers something."""
        provider, terms = self.providers[name], Terms(fit, amount, since, None, words)
        now = provider.clock()
        provider.do(case, lambda leg: rules.offer(leg, terms, now + timedelta(hours=1), now, provider.free(case)))

    def decline(self, name: str, case: str, reason: DeclineReason = DeclineReason.TOO_COMPLEX, words: str = "") -> None:
        """A planner says no."""
        self.providers[name].do(case, lambda leg: rules.decline(leg, reason, words, self.providers[name].clock()))


def region_of(clock: Clock) -> tuple[PlacesRegion, dict[str, SmallProvider]]:
    """The region on a Monday morning."""
    providers = {}
    for number, (name, *_) in enumerate(HOLDERS, 1):
        provider = providers[name] = SmallProvider(number, 4, clock)
        provider.name = HolderName(name)
    region = PlacesRegion(clock, *providers.values())
    tell = region.opening
    region.openings = {
        HolderName("weefgetouw"): (tell("weefgetouw", GRZ, 1, 4, funding=frozenset()),),
        HolderName("havezate"): (replace(tell("havezate", GRZ, 2, 26 * 60), valid_until=clock() - timedelta(hours=18)),),
        HolderName("reviant"): (replace(tell("reviant", GRZ, 3, 41, title="GRZ, tweede verdieping"), certainty=Certainty.DERIVED),),
        HolderName("noaberhoes"): (replace(tell("noaberhoes", GRZ, 0, 60), stop=Stop(StopReason.STAFF, clock() + timedelta(days=2))),),
        HolderName("wieke"): (tell("wieke", HOME, 4, 15, title="Wijkteam Marksveen", area=("759",)),),
    }
    declined = tuple((reason.value, 7 if reason is DeclineReason.NO_STAFF else None) for reason in DeclineReason)
    region.tallies = {
        HolderName("weefgetouw"): (Tally(GRZ, 30, 22, 11, declined, 35),),
        HolderName("reviant"): (Tally(GRZ, 30, 41, None, declined, 120),),
    }
    return region, providers


@asynccontextmanager
async def places_kit(folder: Path, at: datetime | None = None) -> AsyncIterator[PlacesKit]:
    """The viewer of a demonstration with these pages."""
    made: list[Any] = []

    def pages(tasks: TaskGroup, clock: Clock) -> tuple[str, tuple[Page, ...]]:
        clock.at = at or clock.at
        region, providers = region_of(clock)
        around = at_home(folder, clock, region)  # type: ignore[arg-type] # it wants no more of a clock than that it tells the time
        site = site_of(around, Rounds(region, tasks, clock))
        made.append((around, region, providers, site))
        return PACKAGE, places_pages(site)

    async with running_viewer(demo=True, more=pages) as kit:
        around, region, providers, site = made[0]
        try:
            yield PlacesKit(kit, around, region, providers, site)
        finally:
            around.store.close()


def site_of(around: Around, rounds: Rounds) -> Site:
    """What the pages need, with the providers of this region."""
    holders = tuple(
        DataHolder(
            member.name, member.ura, next((title for name, title, *_ in HOLDERS if name == member.name.value), member.title), member.kind, "074-555 0100"
        )
        for member in around.region.register.members
    )
    user = DataUser(ASKER, "Ziekenhuis Dinkelhorst", HolderKind.HOSPITAL)
    return Site(around.searches, rounds, default_needs(), lambda: holders, user, "074-555 0101", NEIGHBOURHOODS.get)
