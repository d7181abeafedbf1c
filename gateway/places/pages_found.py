"""What a round of asking brought, as it stands on the page: ranked with the reasons, what is unknown apart, and who was not heard."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from accord.rules.capacity.fitting import Suits
from accord.rules.capacity.ranking import Group, Offering, Ranked, rank
from accord.terms.answers import Ending
from accord.terms.capacity import Need, Opening, Spot, Wishes
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName
from gateway.dossier.words import ENDINGS, fault_words
from gateway.places.pages_speech import MARKS, age_words, reason_words, seen_words, stand_words
from gateway.places.ports import HolderSaid, Provider, PutTo
from gateway.places.rounds import Round
from gateway.viewer.speaking import Speech

#: Of all that is said, so many openings are looked at: more than any region has of one kind.
_MOST: Final = 2_000
_PART: Final = "part"
#: The headings, in the order of the page.
_GROUPS: Final = (Group.FREE.name.lower(), _PART, *(group.name.lower() for group in Group if group is not Group.FREE))


@dataclass(frozen=True, slots=True)
class Spotted:
    """An opening on the page. `key` names it in a form; `number` in the list and on the map (0: not on the map).

    `reasons` are marks (ok, part, no, ask) with words. `asked`: how it stands with this provider, where it was asked already. `withdrew`: why it took back what it promised before.
    `by_telephone`: it cannot be asked from here.
    """

    key: str
    number: int
    title: str
    provider: str
    place: str
    region: str
    telephone: str
    stands: str
    seen: str
    group: str
    reasons: tuple[tuple[str, str], ...]
    distance: str
    is_far: bool
    is_preferred: bool
    instant: bool
    by_telephone: bool
    asked: str
    withdrew: str
    spot: Spot | None
    to: PutTo


@dataclass(frozen=True, slots=True)
class Unheard:
    """A provider that was not heard, or a whole neighbouring region (`is_region`): why, where to call, and when it was heard last before."""

    title: str
    region: str
    is_region: bool
    why: str
    telephone: str
    last_heard: str


@dataclass(frozen=True, slots=True)
class Finding:
    """All of it. `without`: how many answered that they have nothing of this kind. `neighbours`: a sentence for each region beside ours.

    `missing`: a sentence where somebody may be missing whom the gateway knows, and the register here does not.
    """

    groups: tuple[tuple[str, tuple[Spotted, ...]], ...]
    unheard: tuple[Unheard, ...]
    without: int
    neighbours: tuple[str, ...]
    answered: int
    asked: int
    is_over: bool
    failure: str
    age: str
    missing: str

    @property
    def spotted(self) -> tuple[Spotted, ...]:
        """Every opening, in the order of the list."""
        return tuple(one for _, group in self.groups for one in group)

    @property
    def free(self) -> int:
        """How many are free and suit."""
        return sum(one.group == "free" for one in self.spotted)

    @property
    def is_partly_free(self) -> bool:
        """Whether anybody has less than was asked, or later."""
        return any(one.group == _PART for one in self.spotted)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, where the neighbourhood to be near to lies, and how it stands with whom was asked already.

    `withdrew`: who took back what it promised for this search, and why; it stands after the others that are as promising.
    """

    need: Need
    wishes: Wishes
    near: Spot | None
    asked: dict[HolderName, str]
    withdrew: dict[HolderName, str] = field(default_factory=dict)


def finding(made: Round, wanted: Wanted, speech: Speech) -> Finding:
    """What was brought so far."""
    heard = [one for one in made.said.values() if one.ending.heard_out and one.statement is not None]
    offered = {id(opening): one for one, opening in _openings(heard, wanted.need)}
    ranked = rank(wanted.need, wanted.wishes, _offerings(heard, wanted.need), speech.now, wanted.near)
    placed = sorted((_spotted(one, offered[id(one.opening)], wanted, speech) for one in ranked), key=lambda one: (_GROUPS.index(one.group), bool(one.withdrew)))
    spotted = list(_numbered(placed))
    of_kind = {(one.provider.region, one.provider.name) for one in offered.values()}
    own = [one for one in heard if not one.provider.region]
    without = sum(("", one.provider.name) not in of_kind for one in own)
    groups = tuple((group, tuple(one for one in spotted if one.group == group)) for group in _GROUPS)
    asked = len(made.said) if made.account is None else made.account.asked + made.account.unjudged
    return Finding(
        groups,
        unheard(made, speech),
        without,
        neighbour_words(made.said.values(), speech),
        len(own),
        asked,
        made.is_over,
        "" if made.failure is None else speech.say(fault_words(made.failure)),
        age_words(speech.now - made.began, speech),
        missing_words(made, speech),
    )


def missing_words(made: Round, speech: Speech) -> str:
    """Whether somebody may be missing because the register here is not as new as the gateway's; nothing where it is."""
    if made.account is None or made.account.code is None:
        return ""
    return speech("places.results.unjudged", n=made.account.unjudged) if made.account.unjudged else speech("places.results.older")


def unheard(made: Round, speech: Speech) -> tuple[Unheard, ...]:
    """Who was not heard in a round, by region and name."""
    missed = (one for one in made.said.values() if one.ending.leaves_a_gap)
    return tuple(_unheard(one, speech) for one in sorted(missed, key=lambda one: (one.provider.region, one.provider.title.casefold())))


def neighbour_words(said: Iterable[HolderSaid], speech: Speech) -> tuple[str, ...]:
    """Of each neighbouring region how many of its providers answered, or that it was not heard. They are counted with nobody of ours."""
    told = list(said)
    regions = sorted((one for one in told if one.provider.is_region), key=lambda one: one.provider.title.casefold())
    return tuple(_neighbour_words(one, sum(_answered_in(each, one) for each in told), speech) for one in regions)


def _answered_in(said: HolderSaid, region: HolderSaid) -> bool:
    return said.provider.through == region.provider.name and not said.provider.is_region and said.ending.heard_out


def _neighbour_words(region: HolderSaid, answered: int, speech: Speech) -> str:
    which = "neighbour" if region.ending.heard_out else "neighbour_in_part" if answered else "neighbour_missed"
    return speech(f"places.results.{which}", region=region.provider.title, n=answered)


def key_of(provider: Provider, opening: Opening) -> str:
    """A name for an opening in a form: it stays the same from round to round."""
    return sha256(f"{provider.region}|{provider.name}|{opening.service.id}|{opening.id}".encode()).hexdigest()[:12]


def _openings(heard: Iterable[HolderSaid], need: Need) -> Iterator[tuple[HolderSaid, Opening]]:
    every = ((one, opening) for one in heard if one.statement is not None for opening in one.statement.openings if opening.service.kind is need.kind)
    for _, found in zip(range(_MOST), every, strict=False):
        yield found


def _offerings(heard: Iterable[HolderSaid], need: Need) -> Iterator[Offering]:
    return (Offering(one.provider.name, opening) for one, opening in _openings(heard, need))


def _spotted(one: Ranked, said: HolderSaid, wanted: Wanted, speech: Speech) -> Spotted:
    provider, opening, service = said.provider, one.opening, one.opening.service
    statement = said.statement
    key = b"" if statement is None else statement.key
    telephone = service.telephone or ("" if statement is None else statement.telephone) or provider.telephone
    reasons = ((MARKS[reason.verdict], reason_words(reason, service.kind, speech)) for reason in one.fitting.reasons)
    return Spotted(
        key=key_of(provider, opening),
        number=0,
        title=service.title,
        provider=provider.title,
        place=service.place,
        region=provider.region,
        telephone=telephone,
        stands=stand_words(one, telephone, speech),
        seen=seen_words(one, speech),
        group=_group(one),
        reasons=tuple((mark, words) for mark, words in reasons if words),
        distance="" if one.distance_km is None else speech("places.distance", km=_km(one.distance_km, speech)),
        is_far=bool(one.too_far),
        is_preferred=one.preferred is not None,
        instant=service.instant,
        by_telephone=bool(provider.region) or not key,
        asked=wanted.asked.get(provider.name, "") if not provider.region else "",
        withdrew=wanted.withdrew.get(provider.name, "") if not provider.region else "",
        spot=service.spot,
        to=PutTo(provider.name, provider.title, service.id, opening.id, key),
    )


def _group(one: Ranked) -> str:
    """Under which heading it stands: what gives less than was asked does not stand under what suits."""
    return _PART if one.group is Group.FREE and one.fitting.suits is Suits.PART else one.group.name.lower()


def _km(distance: float, speech: Speech) -> str:
    written = f"{distance:.1f}" if distance < 10 else f"{distance:.0f}"
    return written.replace(".", ",") if speech.language == "nl" else written


def _numbered(spotted: Iterable[Spotted]) -> Iterator[Spotted]:
    """A number for each that has a place on the map."""
    number = 0
    for one in spotted:
        number += one.spot is not None
        yield replace(one, number=number) if one.spot is not None else one


def _unheard(said: HolderSaid, speech: Speech) -> Unheard:
    why = speech.say(ENDINGS[said.ending])
    if said.code is Fault.MISSING_CAPABILITY:
        why = speech("places.results.no_part")
    elif said.code is not None and said.ending is not Ending.TOO_LATE:
        why = f"{why} {speech.say(fault_words(said.code))}"
    at = speech.since_1970(said.last_heard_ms)
    last = speech("places.results.last_heard", at=at) if at else speech("places.results.never_heard")
    return Unheard(said.provider.title, said.provider.region, said.provider.is_region, why, said.provider.telephone, last)
