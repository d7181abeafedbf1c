"""What the story's checks look at: answers of the public faces, each asked for once, and how a check says no.

DoesNotHold         a must-hold does not hold; its text says what was found instead
CannotBeTold        it cannot be checked here, for instance because a client is not installed
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final

from testbed.asking import Dossier, HeldRecord
from testbed.demo_merged import MergedDossier, get, read_everything
from testbed.people import DINA
from testbed.region import BlockingRegion
from testbed.region_story import NOBODY

#: Within this time an emergency department wants to see everything that can be had.
BRIEF_SECONDS: Final = 2.0


class DoesNotHold(Exception):
    """A must-hold does not hold."""


class CannotBeTold(Exception):
    """A must-hold cannot be checked here."""


def expect(found: object, wanted: object, what: str) -> None:
    """Say no unless *found* is what is wanted.

    Raises:
        DoesNotHold: It is not.
    """
    if found != wanted:
        raise DoesNotHold(f"{what}: {found}, and should be {wanted}")


def expect_same(found: Iterable[str], wanted: Iterable[str], what: str) -> None:
    """Say no unless both have the same, each as often; says only in what they differ.

    Raises:
        DoesNotHold: They differ.
    """
    seen, due = Counter(found), Counter(wanted)
    differing = [f"{word}: {', '.join(sorted(ones.elements()))}" for word, ones in (("too few", due - seen), ("too many", seen - due)) if ones]
    if differing:
        raise DoesNotHold(f"{what}: {'; '.join(differing)}")


class Night:
    """Dina's night: the region, and what it answered. Asked when first looked at, and not again."""

    def __init__(self, region: BlockingRegion) -> None:
        self.region = region
        #: What was on screens, by how it was looked at; see `testbed.story_screens`.
        self.seen: dict[str, Any] = {}

    @cached_property
    def warm(self) -> Dossier:
        """A question about nobody: how every holder stands, whoever is asked about."""
        return self.region.ask(NOBODY)

    @cached_property
    def full(self) -> Dossier:
        """Dina, with all the time it takes."""
        expect(len(self.warm.holders), len(self.region.holders), "holders in the account of a question about nobody")
        return self.region.ask(DINA.bsn)

    @cached_property
    def brief(self) -> Dossier:
        """Dina, within two seconds. The last tenth of the time is what the gateway needs to finish its account."""
        return self.region.ask(DINA.bsn, seconds=BRIEF_SECONDS)

    @cached_property
    def merged(self) -> MergedDossier:
        """Dina in the merged FHIR view."""
        return read_everything(self.region.fhir_url, DINA.bsn)

    def look(self) -> None:
        """Ask now: what comes later is compared with how it was before anything was done to the region."""
        _ = self.full, self.merged

    def at(self, holder: str, ref: str) -> bytes:
        """A record at its holder's own FHIR base."""
        return get(f"{self.region.fhir_url}/at/{holder}/{ref}")

    def title(self, holder: str) -> str:
        """A holder's name for people."""
        return self.full.holders[holder].title


def the_only(records: list[HeldRecord], what: str) -> HeldRecord:
    """The one record that is meant.

    Raises:
        DoesNotHold: There is none, or more than one.
    """
    expect(len(records), 1, what)
    return records[0]


def others(dossier: Dossier, but: str) -> Mapping[str, tuple[str, int]]:
    """How every other holder ended, and with how many records."""
    return {name: (line.ending.value, line.records) for name, line in dossier.holders.items() if name != but}


def bytes_of(dossier: Dossier, *, but: str) -> list[tuple[str, bytes]]:
    """The records of every other holder."""
    return sorted((record.holder, record.json) for record in dossier.records if record.holder != but)
