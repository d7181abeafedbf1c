"""How the viewer stands: at which address, for which electronic health records, and how much it may hold."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from accord.terms.limits import MIB
from gateway.pages.addresses import PublicAddress
from gateway.viewer.ehr import Ehr
from gateway.viewer.sessions import LoggedIn

#: A dossier that nobody looks at is let go of after this.
IDLE: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ViewerSettings:
    """`demo` is who works here without an electronic health record; none: nobody does. Bounds are of what is in memory.

    `has_places`: places for patients are looked for here as well (`gateway.places`).
    """

    address: PublicAddress
    demo: LoggedIn | None = field(default=None, repr=False)
    ehrs: tuple[Ehr, ...] = ()
    has_places: bool = False
    most_sessions: int = 2_000
    most_dossiers: int = 64
    dossiers_of_one: int = 8
    dossier_bytes: int = 64 * MIB

    @property
    def is_https(self) -> bool:
        """Whether browsers come over TLS."""
        return self.address.is_https

    @property
    def redirect_uri(self) -> str:
        """Where an electronic health record sends the browser back to."""
        return f"{self.address.url}/terug"
