"""All of looking for a place, as it runs in one process: the store, the journal, and the tasks that keep letters going.

The folder holds `searches.db` with everything, `places.key` that opens it, and `journal/` with `journal.key`. Two processes
never have it at the same time: the journal's lock is taken first. Whoever starts after a crash finds all that was kept, and
goes on with it.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import TaskGroup
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.audit.heads import HEAD_TYPE, OwnHead
from accord.audit.journal import Journal
from accord.audit.onlooking import Onlooker
from accord.link import jose
from accord.rules.placing.asker import Standing
from accord.terms.faults import Fault, Faulted, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from accord.terms.next_steps import UNWRITABLE
from gateway.places import rows
from gateway.places.courier import Courier
from gateway.places.following import Following
from gateway.places.looking import Looking
from gateway.places.neighbourhoods import Neighbourhoods
from gateway.places.ports import TheRegion
from gateway.places.sealing import Seal, key_in
from gateway.places.searches import Searches
from gateway.places.store import Store
from gateway.places.watching import Watching
from gateway.places.writing import Own

_COUNT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Seeker:
    """Who looks for places: its URA and the mandate key of the register by which it signs; and how long what is over is kept.

    `register` gives the register in force at a moment.
    """

    ura: Ura
    key: Ed25519PrivateKey = field(repr=False)
    register: Callable[[datetime], RegionRegister]
    clock: Callable[[], datetime]
    keep: timedelta = timedelta(days=30)


@dataclass(slots=True)
class Counts:
    """How much there is, for whoever looks after the process: searches by how they stand, and letters that wait."""

    searches: dict[Standing, int] = field(default_factory=dict)
    alarms: int = 0
    letters: int = 0


@dataclass(frozen=True, slots=True)
class Bureau:
    """What the faces need: `searches`, the `region` to ask, and where neighbourhoods lie."""

    searches: Searches
    region: TheRegion
    neighbourhoods: Neighbourhoods
    journal: Journal
    store: Store
    courier: Courier
    watching: Watching
    looking: Looking
    own: Own
    counts: Counts = field(default_factory=Counts)

    async def run(self) -> None:
        """Bring, fetch, look and ask, until cancelled."""
        head = OwnHead(self.journal, self.own.ura, lambda payload: jose.sign(payload, self.own.key, HEAD_TYPE))
        following = Following(self.region, self.watching.heard_change, self.courier.heard_change)
        async with anyio.create_task_group() as tasks:
            self._begin(tasks, following)
            await head.keep_signing()

    def _begin(self, tasks: TaskGroup, following: Following) -> None:
        for task in (self.courier.run, self.looking.run, self.watching.run, following.run, self._keep_counting):
            tasks.start_soon(task)

    async def _keep_counting(self) -> None:
        while True:
            try:
                found, alarms, letters = await self.store.read(lambda connection: (rows.count(connection), rows.alarms(connection), rows.waiting(connection)))
                self.counts.searches, self.counts.alarms, self.counts.letters = found, alarms, letters
            except Faulted:
                pass  # whoever works with the file says so
            await anyio.sleep(_COUNT_SECONDS)


@contextmanager
def opened(folder: Path, seeker: Seeker, region: TheRegion, neighbourhoods: Neighbourhoods, *, onlooker: Onlooker | None = None) -> Iterator[Bureau]:
    """Everything in *folder*, which is made where there is none; it runs by `Bureau.run`.

    Raises:
        BadInput: `invalid-setting`: a key file is none, or open to others.
        Unavailable: `journal-in-use`: another process has it; `journal-broken`, `journal-unavailable`, `source-unavailable`.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise Unavailable(Fault.SOURCE_UNAVAILABLE, "places.folder", then=UNWRITABLE) from None
    with Journal(folder / "journal", seeker.ura.value, onlooker=onlooker) as journal:
        own = Own(seeker.ura, seeker.key, key_in(folder / "journal.key"), seeker.register, seeker.clock)
        with closing(Store(folder / "searches.db", Seal(key_in(folder / "places.key")), journal)) as store:
            yield Bureau(
                Searches(store, own),
                region,
                neighbourhoods,
                journal,
                store,
                Courier(store, own, region),
                Watching(store, own, region, neighbourhoods),
                Looking(store, own, seeker.keep),
                own,
            )
