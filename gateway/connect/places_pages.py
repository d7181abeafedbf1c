"""Joins the pages about places to the viewer: the searches of this organisation, the region to ask, and the tables of the region."""

from dataclasses import dataclass, field
from pathlib import Path

from anyio.abc import TaskGroup

from accord.link.live_register import LiveRegister
from accord.link.needing_file import default_needs, read_needs
from accord.rules.capacity.needing import NeedTable
from accord.terms.identifiers import Ura
from accord.terms.parties import DataHolder, DataUser
from accord.terms.vocabulary import HolderKind
from gateway.connect.settings import PlacesSettings
from gateway.places.bureau import Bureau
from gateway.places.rounds import Rounds
from gateway.places.site import Site


@dataclass(frozen=True, slots=True)
class PlacesBeside:
    """What the pages need of the process that they run in: the searches, the register, whose they are, and what the settings say."""

    bureau: Bureau = field(repr=False)
    live: LiveRegister
    ura: Ura
    needs: NeedTable
    patience: float

    def site(self, tasks: TaskGroup) -> Site:
        """What the pages need; rounds of asking run in *tasks*."""
        rounds = Rounds(self.bureau.region, tasks, self.bureau.own.clock, patience=self.patience)
        member = self.live.newest.by_ura.get(self.ura)
        user = DataUser(self.ura, self.ura.value, HolderKind.HOSPITAL) if member is None else member.user
        telephone = "" if member is None else member.telephone
        return Site(self.bureau.searches, rounds, self.needs, self._holders, user, telephone, self.bureau.neighbourhoods.spot)

    def _holders(self) -> tuple[DataHolder, ...]:
        return tuple(member.holder for member in self.live.newest.holders)


def places_beside(settings: PlacesSettings, folder: Path, bureau: Bureau, live: LiveRegister, ura: Ura) -> PlacesBeside:
    """The same from the settings: what is proposed after a procedure by the region's own table where there is one, and how patient one is.

    Raises:
        BadInput: `invalid-setting`.
    """
    needs = read_needs(folder / settings.needing) if settings.needing else default_needs()
    return PlacesBeside(bureau, live, ura, needs, settings.patience_ms / 1000)
