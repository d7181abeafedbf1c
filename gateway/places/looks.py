"""Who looked at which search lately: a look has its line in the journal, and a page that fetches itself again is the same look."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

#: So long a look lasts, whoever looks again.
_ONE_LOOK: Final = timedelta(minutes=15)


@dataclass(slots=True)
class Looks:
    """The looks that last, in memory: after a start everybody looks anew."""

    _since: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def lasts(self, case: str, person: str, now: datetime) -> bool:
        """Whether this person's look at this search lasts."""
        since = self._since.get((case, person))
        return since is not None and timedelta(0) <= now - since < _ONE_LOOK

    def begin(self, case: str, person: str, now: datetime) -> None:
        """One that has its line now; those that are over are forgotten."""
        self._since = {look: since for look, since in self._since.items() if timedelta(0) <= now - since < _ONE_LOOK}
        self._since[case, person] = now
