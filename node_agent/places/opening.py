"""The parts of a provider's places, made of its settings and joined."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from accord.audit.refusals import Refusals
from accord.letters.envelopes import Sender
from accord.terms.identifiers import Bsn
from accord.terms.members import RegionRegister
from node_agent.pausing import Pausing
from node_agent.places.changes import Changes
from node_agent.places.desk import Desk
from node_agent.places.hearing import Hearing, Reading
from node_agent.places.keys import open_key
from node_agent.places.looking import Looking
from node_agent.places.planners import Planners
from node_agent.places.seeing import Seeing
from node_agent.places.services_file import read_services
from node_agent.places.steps import Steps
from node_agent.places.store import Lines, Store
from node_agent.places.tables import is_sealed, prepare
from node_agent.places_settings import PlacesSettings


@dataclass(frozen=True, slots=True)
class Provider:
    """Who has the places: its number and key, how it is called, and what stands for a person in its journal."""

    sender: Sender
    title: str
    register: Callable[[], RegionRegister]
    mark_of: Callable[[Bsn], str]

    def telephone(self) -> str:
        """As the register has it."""
        member = self.register().by_ura.get(self.sender.ura)
        return member.telephone if member is not None else ""


@dataclass(frozen=True, slots=True)
class OwnPlaces:
    """A provider's places: what the region asks (`PlacesDesk`), what planners do and systems say (`Planning`, `Observed`), and what looks after them."""

    desk: Desk
    planning: Planners
    looking: Looking
    store: Store

    async def close(self) -> None:
        """Let go of the file."""
        await self.store.close()


def open_places(
    settings: PlacesSettings, folder: Path, provider: Provider, pausing: Pausing, lines: Lines, refusals: Refusals, now: Callable[[], datetime]
) -> OwnPlaces:
    """Open the store; the key is made with it, at the first start. Relative paths are relative to *folder*.

    Raises:
        BadInput: `invalid-setting`: the services cannot be read, the store is none, or was sealed under another key.
    """
    offerings = read_services(folder / settings.services)
    path = folder / settings.store
    key = open_key(folder / settings.key_file, make=not is_sealed(path))
    prepare(path, key.mark)
    changes = Changes(pausing)
    store = Store(path, lines, changes.note, now)
    steps = Steps(provider.sender, key, provider.mark_of)
    reading, hearing = Reading(steps, provider.register), Hearing(steps, offerings)
    desk = Desk(provider.title, provider.telephone, store, offerings, reading, hearing, pausing, refusals, now, settings.keep_days)
    planners = Planners(store=store, steps=steps, lines=lines, offerings=offerings, own=provider.sender.ura, changes=changes, seeing=Seeing(steps, lines))
    return OwnPlaces(desk, planners, Looking(store, steps, changes, settings.keep_days, offerings), store)
