"""Joins looking for a free place: the searches on disk, the way to the region, and what an operator sees of it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.audit.onlooking import Onlooker
from accord.link.credentials import TlsFiles
from accord.link.live_register import LiveRegister
from accord.ops.measures import Level
from accord.ops.standing import Party
from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from gateway.connect.settings import PlacesSettings
from gateway.places.bureau import Bureau, Seeker, opened
from gateway.places.neighbourhoods import Neighbourhoods, read_neighbourhoods
from gateway.places.ports import TheRegion


@dataclass(frozen=True, slots=True)
class AroundPlaces:
    """What looking for a place needs of the process that it runs in. *key* is a mandate key of the register."""

    ura: Ura
    key: Ed25519PrivateKey
    live: LiveRegister
    region: TheRegion
    clock: Callable[[], datetime]
    onlooker: Onlooker | None = None


@contextmanager
def places_in(settings: PlacesSettings, folder: Path, around: AroundPlaces) -> Iterator[Bureau]:
    """The searches of the settings; they go on when `Bureau.run` does.

    Raises:
        BadInput: `invalid-setting`.
        Unavailable: `journal-in-use`: another process has the folder; `journal-broken`, `journal-unavailable`, `source-unavailable`.
    """
    near = read_neighbourhoods(folder / settings.neighbourhoods) if settings.neighbourhoods else Neighbourhoods()
    seeker = Seeker(around.ura, around.key, around.live.current, around.clock, timedelta(days=settings.keep_days))
    with opened(folder / settings.folder, seeker, around.region, near, onlooker=around.onlooker) as bureau:
        yield bureau


def levels_of(bureau: Bureau) -> Iterable[Level]:
    """How many searches stand how, and how much waits: counts, and nothing about anybody."""
    counts = bureau.counts
    for standing, number in counts.searches.items():
        yield Level("noaber_place_searches", float(number), (standing.value,))
    yield Level("noaber_place_alarms", float(counts.alarms))
    yield Level("noaber_place_letters_waiting", float(counts.letters))


def party_of(live: LiveRegister, files: TlsFiles | None, bureau: Bureau | None) -> Party:
    """What an operator sees of it. That the journal of its searches is closed stops no question about a dossier: it is told as a warning."""
    certificate = files.certificate if files is not None else None
    if bureau is None:
        return Party(live, certificate=certificate)
    return Party(
        live,
        certificate=certificate,
        chosen=lambda: None if bureau.journal.open else Fault.JOURNAL_UNAVAILABLE,
        more=lambda: levels_of(bureau),
    )
