"""What the pages about places need beside the viewer: the searches, the rounds of asking, and what the region proposes and where it lies."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from accord.rules.capacity.needing import NeedTable
from accord.terms.capacity import Spot
from accord.terms.identifiers import HolderName
from accord.terms.parties import DataHolder, DataUser
from gateway.places.ports import Placing
from gateway.places.rounds import Rounds

#: Where the words, the templates, the style sheet and the script of these pages are.
PACKAGE: Final = "gateway.places"


@dataclass(frozen=True, slots=True)
class Site:
    """`holders`: everybody in the register at this moment. `spot_of`: where a neighbourhood lies (a postcode of four digits), where that is known.

    `organisation` looks for places and hands over; `telephone` is where providers call it.
    """

    placing: Placing
    rounds: Rounds
    needs: NeedTable
    holders: Callable[[], tuple[DataHolder, ...]]
    organisation: DataUser
    telephone: str = ""
    spot_of: Callable[[str], Spot | None] = field(default=lambda _: None)

    def title(self, name: HolderName) -> str:
        """What a provider is called."""
        return next((one.title for one in self.holders() if one.name == name), name.value)
