"""What whoever looks for a place needs of the region, and what the pages and other faces need of the search."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from accord.rules.placing.asker import Request
from accord.terms.answers import Ending
from accord.terms.capacity import Need, PlacesQuestion, Statement, Wishes
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import Professional
from accord.terms.placing import EndReason, Gist, Introduction
from accord.terms.vocabulary import HolderKind
from gateway.places.history import Happened

# -- The region


@dataclass(frozen=True, slots=True)
class Provider:
    """Who was asked. `region` names the neighbouring region that it is of; it is then asked by telephone, and `ura` is none.

    `through` is the gateway of that region, by its name in our register: that one is asked, for whom it stands nobody here knows.
    """

    name: HolderName
    title: str
    telephone: str
    kind: HolderKind | None
    ura: Ura | None = None
    region: str = ""
    through: HolderName | None = None

    @property
    def asked(self) -> HolderName:
        """Whom we put a question to when we want to hear of this one."""
        return self.through or self.name

    @property
    def is_region(self) -> bool:
        """Whether it is a neighbouring region itself, with all of its providers."""
        return self.through == self.name


@dataclass(frozen=True, slots=True)
class HolderSaid:
    """How the answer of one provider ended, with what it said when it did (`statement`, whose signature was right).

    `last_heard_ms`: when it was heard last before, in milliseconds since 1970, as the gateway says or as we know it ourselves; 0:
    not that is known.
    """

    provider: Provider
    ending: Ending
    code: Fault | None = None
    statement: Statement | None = None
    last_heard_ms: int = 0


@dataclass(frozen=True, slots=True)
class Accounted:
    """The count of one round: holders in the register, asked, answered. Neighbouring regions are not counted."""

    registered: int
    asked: int
    answered: int
    unjudged: int = 0  # the gateway told of them, and the register here does not have them: nobody here could say whether it is true
    code: Fault | None = None  # `register-outdated`: there are such, or the gateway's register is newer; who knows whether that is everybody


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """Another mark than before: the places of a provider changed, or it wrote a letter to somebody."""

    provider: HolderName
    places_mark: int
    letters_mark: int
    reachable: bool


@dataclass(frozen=True, slots=True)
class Brought:
    """What came back when letters were brought: envelopes for us, how far the provider took in ours (by its signed receipt), and whether more waits."""

    envelopes: tuple[str, ...]
    heard: Mapping[str, int]
    more: bool


class TheRegion(Protocol):
    """The way to the providers, through a gateway."""

    def offers(
        self, question: PlacesQuestion, holders: frozenset[HolderName], *, patience: float
    ) -> AbstractAsyncContextManager[AsyncGenerator[HolderSaid | Accounted, None]]:
        """What each says, as it comes; the account comes last. *holders*: only these (empty: all that may have such places). *patience* in seconds.

        Raises:
            Faulted: At entering or while iterating: nothing can be asked, or the gateway cannot be reached.
        """

    async def letters(self, provider: HolderName, heard: Mapping[str, int], envelopes: Sequence[str]) -> Brought:
        """Bring letters to a provider, say how far its own were taken in, and fetch what it has.

        Raises:
            Faulted: It cannot be reached, or refuses; nothing is lost by asking again.
        """

    def changes(self) -> AbstractAsyncContextManager[AsyncGenerator[PlaceChange, None]]:
        """The marks of everybody, then every change, until it breaks off.

        Raises:
            Faulted: At entering or while iterating.
        """


# -- The search


class Heeds(StrEnum):
    """What a coordinator should look at first."""

    NOTHING = "nothing"
    ANSWER = "answer"
    """Somebody offers something that a person must choose, or asks something."""
    ALARM = "alarm"
    OPENED = "opened"
    """The standing question: something opened since it was last looked at."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A search as a person confirmed it. Who it is about stays here until a provider is interested."""

    who: Introduction = field(repr=False)
    need: Need
    wishes: Wishes
    gist: Gist
    reply_by: datetime
    first_wins: bool = True
    """The first offer of all that was asked is taken up by itself; else a person chooses."""
    once: str = field(default="", repr=False)
    """What an application calls it: begun again under the same name it is the same search, so that nobody asks twice by sending twice."""


@dataclass(frozen=True, slots=True)
class Case:
    """A search as it stands. `watched`: we want to be told when something opens. `opened`: providers where it did. `once`: as in its draft."""

    request: Request
    wishes: Wishes
    owner: str
    made: datetime
    heeds: Heeds = Heeds.NOTHING
    watched: bool = False
    opened: tuple[HolderName, ...] = ()
    handed_over: bool = False
    """A handover was sent to the winner; `request.winner.taken_in` says whether it is in its record."""
    once: str = field(default="", repr=False)
    history: tuple[Happened, ...] = ()
    """In the order in which it happened."""


@dataclass(frozen=True, slots=True)
class PutTo:
    """A provider that the request is put to, and for which service and opening."""

    provider: HolderName
    title: str
    service: str
    opening: str = ""
    key: bytes = field(default=b"", repr=False)
    """Under which letters to it are sealed, from its signed statement."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How providers are asked: until when they may answer, who takes up an offer, and what the coordinator writes for them."""

    reply_by: datetime
    first_wins: bool = True
    words: str = field(default="", repr=False)


class Placing(Protocol):
    """The use cases of whoever looks for a place. Every one that changes something is on disk, and in the journal, when it returns.

    All raise `BadInput` (`not-found`, `not-possible-now`, `invalid-parameter`) and `Unavailable` (`journal-unavailable`, ...).
    """

    async def begin(self, draft: Draft, by: Professional) -> str:
        """Keep a search; returns its id, which is that of the first where one was begun under the same name before. Nobody is asked yet."""

    async def begun(self, once: str) -> Case:
        """The search that was begun under this name.

        Raises:
            BadInput: `not-found`: none was; `not-possible-now`: it was, and is erased.
        """

    async def change(self, case: str, need: Need, wishes: Wishes, by: Professional) -> None:
        """Look for something else, as long as nobody was asked."""

    async def case(self, case: str) -> Case:
        """One search."""

    async def looked_at(self, case: str, by: Professional) -> Case:
        """One search, to show whom it is about: that has its line in the journal, once for a quarter of an hour."""

    async def cases(self) -> tuple[Case, ...]:
        """All that are kept, those that want attention first."""

    async def listed(self, by: Professional) -> tuple[Case, ...]:
        """The same, for a person who reads in the list whom they are about: that has a line for each, once for a quarter of an hour.

        It is no look at any one of them: their days are not counted from it.

        Raises:
            Unavailable: `journal-unavailable`.
        """

    async def put_to(self, case: str, providers: tuple[PutTo, ...], by: Professional, manner: Manner | None = None) -> None:
        """Ask these. *manner* takes the place of what the draft said (none: that still holds); of who was asked before it moves the time to answer by."""

    async def choose(self, case: str, provider: HolderName, by: Professional) -> None:
        """Take up its offer."""

    async def tell(self, case: str, provider: HolderName, words: str, by: Professional) -> None:
        """Answer its question, or tell it something."""

    async def cancel(self, case: str, reason: EndReason, by: Professional) -> None:
        """No place is needed any more."""

    async def give_up(self, case: str, provider: HolderName, by: Professional) -> None:
        """Wait no longer for its word."""

    async def hand_over(self, case: str, bundle: bytes, by: Professional) -> None:
        """Send the handover (a FHIR Bundle, JSON) to whose place it has."""

    async def watch(self, case: str, by: Professional, *, watched: bool) -> None:
        """Want to be told when something opens, or no longer."""

    async def seen(self, case: str, by: Professional) -> None:
        """A person looked: what opened is not news any more, nor that somebody arrived elsewhere."""

    async def changed(self, since: int) -> int:
        """Wait until anything changed after *since* (0: from now); returns the mark to wait from next."""
