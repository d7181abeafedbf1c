"""A small region with keys for everybody who writes letters, and every sort of letter, drawn."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import strategies as st

from accord.terms.capacity import (
    CareKind,
    Certainty,
    Condition,
    Funding,
    Light,
    Need,
    Opening,
    PlacesQuestion,
    Service,
    Spot,
    Statement,
    Stop,
    StopReason,
    Tally,
)
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, MemberStatus, Part, RegionRegister
from accord.terms.placing import (
    Arrived,
    Asked,
    Chosen,
    Declined,
    DeclineReason,
    Ended,
    EndReason,
    Fit,
    FromAsker,
    FromProvider,
    Gist,
    Gone,
    Granted,
    HandedOver,
    Interested,
    Introduced,
    Introduction,
    Lapsed,
    Offered,
    Questioned,
    Received,
    Reminded,
    TakenIn,
    Terms,
    Told,
    Withdrawn,
    WithdrawReason,
)
from tests.accord.link.evidence_world import AT, GATEWAY, HOSPITAL, changed, private_key, signing_key

GATEWAY_KEY: Final = private_key(6)
#: As the small region of evidence, with a gateway that signs.
REGION: Final[RegionRegister] = changed(GATEWAY, keys=(signing_key(GATEWAY_KEY, KeyUse.ANSWER),))
READER_KEY: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))
READER_PUBLIC: Final = READER_KEY.public_key().public_bytes_raw()
STATEMENT: Final = Statement("Zorghuis", "053-1", AT)


def blocked(ura: Ura) -> RegionRegister:
    """The region after one member was cut off."""
    return with_member(ura, status=MemberStatus.BLOCKED)


def without_part(ura: Ura) -> RegionRegister:
    """The region in which a member takes part in nothing that signs."""
    return with_member(ura, parts=frozenset[Part]())


def with_member(ura: Ura, **changes: object) -> RegionRegister:
    return replace(REGION, members=tuple(replace(one, **changes) if one.ura == ura else one for one in REGION.members))  # type: ignore[arg-type]  # as they come


def refused(what: Callable[[], object], fault: Fault) -> None:
    """It is refused with this code, and with no word of what was in it."""
    with pytest.raises(Faulted) as caught:
        what()
    assert (caught.value.fault, caught.value.__cause__) == (fault, None)
    assert caught.value.where in ("", "letter", "sealing key")


def is_refused(what: Callable[[], object]) -> None:
    """It is refused, by whatever code."""
    with pytest.raises(BadInput):
        what()


words: Final = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")) | st.sampled_from("\n\t\u00a0\u200d😀"), max_size=40)
moments: Final = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- the zone is beside it
days: Final = st.dates(date(2000, 1, 1), date(2100, 1, 1))
numbers: Final = st.integers(0, 1 << 40)
kinds: Final = st.sampled_from(CareKind)
services: Final = st.builds(
    Service,
    id=words,
    title=words,
    kind=kinds,
    specialty=words,
    conditions=st.frozensets(st.sampled_from(Condition)),
    languages=st.frozensets(words, max_size=2),
    funding=st.frozensets(st.sampled_from(Funding)),
    area=st.lists(words, max_size=2).map(tuple),
    spot=st.none() | st.builds(Spot, st.floats(-90, 90), st.floats(-180, 180)),
    instant=st.booleans(),
)
openings: Final = st.builds(
    Opening,
    id=words,
    service=services,
    observed_at=moments,
    valid_until=moments,
    certainty=st.sampled_from(Certainty),
    places=st.none() | numbers,
    light=st.none() | st.sampled_from(Light),
    since=st.none() | days,
    until=st.none() | days,
    stop=st.none() | st.builds(Stop, st.sampled_from(StopReason), st.none() | moments),
)
tallies: Final = st.builds(
    Tally, kinds, numbers, st.none() | numbers, st.none() | numbers, st.lists(st.tuples(words, st.none() | numbers), max_size=2).map(tuple), st.none() | numbers
)
statements: Final = st.builds(
    Statement, words, words, st.just(AT), st.lists(openings, max_size=2).map(tuple), st.lists(tallies, max_size=2).map(tuple), st.binary(max_size=32), numbers
)
needs: Final = st.builds(
    Need, kinds, days, numbers, words, st.frozensets(st.sampled_from(Condition)), st.frozensets(words, max_size=2), st.none() | st.sampled_from(Funding), words
)
questions: Final = st.builds(PlacesQuestion, st.frozensets(kinds), st.none() | days, st.booleans())
from_askers: Final[st.SearchStrategy[FromAsker]] = st.one_of(
    st.builds(
        Asked,
        words,
        words,
        needs,
        st.builds(Gist, st.none() | numbers, words, st.lists(words, max_size=2).map(tuple), words),
        moments,
        words,
        words,
        st.binary(max_size=32),
    ),
    st.just(Reminded()),
    st.builds(Told, words),
    st.builds(Introduced, st.builds(Introduction, words, words, words, words), words),
    st.builds(Chosen, numbers),
    st.builds(Ended, st.sampled_from(EndReason)),
    st.builds(HandedOver, numbers, numbers, st.binary(max_size=32), st.binary(max_size=500)),
)
from_providers: Final[st.SearchStrategy[FromProvider]] = st.one_of(
    st.sampled_from([Received(), Interested(), TakenIn(), Arrived()]),
    st.builds(Questioned, words),
    st.builds(Offered, numbers, st.builds(Terms, st.sampled_from(Fit), numbers, st.none() | days, st.none() | days, words), moments),
    st.builds(Declined, st.sampled_from(DeclineReason), words),
    st.builds(Lapsed, numbers),
    st.builds(Granted, numbers),
    st.builds(Gone, numbers),
    st.builds(Withdrawn, st.sampled_from(WithdrawReason), words),
)
LATER: Final = AT + timedelta(minutes=2)
PROVIDER: Final = HOSPITAL
