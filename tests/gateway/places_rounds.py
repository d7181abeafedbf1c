"""Who is asked in a round, and what came of it."""

from typing import Any, Final

from accord.terms.capacity import PlacesQuestion
from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import HolderKind
from gateway.connect.places_through_gateway import RegionThroughGateway
from gateway.places.ports import HolderSaid
from tests.gateway.places_world import KIND

HOMES: Final = {"weefgetouw": HolderKind.NURSING_HOME, "havezate": HolderKind.NURSING_HOME, "esdoorn": HolderKind.HOSPITAL, "apotheek": HolderKind.PHARMACY}
QUESTION: Final = PlacesQuestion(frozenset({KIND}))


async def told(asker: RegionThroughGateway, *holders: str, patience: float = 5.0, question: PlacesQuestion = QUESTION) -> dict[str, Any]:
    """What came of a round, by name; the account under an empty one."""
    async with asker.offers(question, frozenset(map(HolderName, holders)), patience=patience) as said:
        heard: dict[str, Any] = {}
        async for one in said:
            name = one.provider.name.value if isinstance(one, HolderSaid) else ""
            assert name not in heard, "one end for each"
            heard[name] = one
    return heard
