"""Questions and answers of every shape, for the tests of the wire."""

from datetime import date
from itertools import count
from typing import Final

from hypothesis import strategies as st

from accord.rules.moments import PREFIXES
from accord.terms.answers import Batch, Chunk, Closed, ContentType, Counts, Description, Ending, Hint, Outcome, Progress, Standing
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, QueryId, RecordRef, Ura, passes_the_eleven_test
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import DateBound, HolderQuery, Order, Selection, SortKey, Token
from accord.terms.records import RESOURCE_TYPES
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

# What `str.isprintable` lets through: neither control characters nor separators, but for the space.
_printable = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=12)
_id = st.from_regex(r"[A-Za-z0-9.-]{1,64}", fullmatch=True)
_count = st.integers(0, 2**64 - 1)
_moment_ms = st.integers(-(2**63), 2**63 - 1)
_moment_told_ms = st.integers(0, 253_402_300_799_999)


def _next_bsn(number: int) -> Bsn:
    return next(Bsn(digits) for digits in map("{:09d}".format, count(number)) if passes_the_eleven_test(digits))


uras: Final = st.integers(0, 99_999_999).map(lambda number: Ura(f"{number:08d}"))
bsns: Final = st.integers(1, 999_999_000).map(_next_bsn)
records: Final = st.builds(RecordRef, st.sampled_from([kind.name for kind in RESOURCE_TYPES]), _id)
tokens: Final = st.lists(st.builds(Token, _printable, _printable), max_size=3).map(tuple)
bounds: Final = st.lists(
    st.builds(DateBound, st.sampled_from(sorted(PREFIXES)), st.sampled_from(["2021", "2021-03", "2021-03-04", "2021-03-04T10:00:00+01:00"])), max_size=3
).map(tuple)
_texts = st.lists(_printable, max_size=3).map(tuple)
sort_keys: Final = st.builds(SortKey, _moment_ms, st.integers(0, 65_535), st.integers(0, 2**64 - 1), _id)
selections: Final = st.builds(
    Selection,
    types=st.frozensets(_printable, max_size=3),
    categories=st.frozensets(st.sampled_from(CareCategory), max_size=4),
    codes=tokens,
    category_tokens=tokens,
    statuses=_texts,
    identifiers=tokens,
    ids=_texts,
    dates=bounds,
    updated=bounds,
    includes=_texts,
    order=st.sampled_from(Order),
    after=st.none() | sort_keys,
    after_inclusive=st.booleans(),
    limit=st.integers(0, 2**32 - 1),
)
askers: Final = st.builds(
    Asker,
    st.builds(DataUser, uras, _printable, st.sampled_from(HolderKind)),
    st.builds(Professional, _printable, _printable, _printable),
    st.booleans(),
)
questions: Final = st.builds(
    HolderQuery,
    st.from_regex(r"[A-Za-z0-9-]{1,64}", fullmatch=True).map(QueryId),
    uras,
    bsns | records,
    st.none() | st.dates(date(1, 1, 1)),
    askers,
    st.sampled_from(PurposeOfUse),
    selections,
)

last_words: Final = st.builds(
    Closed, uras, st.sampled_from(Ending), st.builds(Counts, _count, _count, _count, _count, _count), st.binary(max_size=32), st.binary(max_size=32),
    st.none() | st.sampled_from(Fault), st.booleans(),
)  # fmt: skip
frames: Final = st.one_of(
    st.builds(Outcome, st.frozensets(st.sampled_from(CareCategory)), _printable, st.lists(_printable, max_size=4).map(tuple)),
    st.builds(Batch, st.binary(max_size=80), st.binary(max_size=40), _count),
    st.builds(Progress, _count),
    st.builds(Hint, st.sampled_from(Fault)),
    last_words,
)
attachment_frames: Final = st.one_of(st.builds(ContentType, _printable), st.builds(Chunk, st.binary(min_size=1, max_size=40)), last_words)
descriptions: Final = st.builds(
    Description, uras, _printable, st.frozensets(_printable, max_size=3), st.frozensets(_printable, max_size=3), st.booleans(), _moment_told_ms, _printable
)
standings: Final = st.builds(Standing, _count, st.booleans(), st.none() | st.sampled_from(Fault), _moment_told_ms, _moment_told_ms)

A_QUESTION: Final = HolderQuery(
    QueryId("q-1"),
    Ura("90000001"),
    Bsn("999970008"),
    date(1950, 1, 11),
    Asker(DataUser(Ura("90000002"), "Reggerbrug", HolderKind.HOSPITAL), Professional("123", "01.015", "A. de Vries"), treats_the_patient=True),
    PurposeOfUse.TREATMENT,
    Selection(
        types=frozenset({"Observation", "Condition"}),
        categories=frozenset({CareCategory.CONDITION, CareCategory.OBSERVATION_LABORATORY}),
        codes=(Token("urn:a", "1"), Token("urn:b", "2")),
        category_tokens=(Token("urn:a", "1"), Token("urn:b", "2")),
        statuses=("final", "amended"),
        identifiers=(Token("urn:a", "1"), Token("urn:b", "2")),
        ids=("1", "2"),
        dates=(DateBound("ge", "2021"), DateBound("lt", "2022")),
        updated=(DateBound("ge", "2021"), DateBound("lt", "2022")),
        includes=("Observation:performer", "Encounter:location"),
        order=Order.GLOBAL,
        after=SortKey(-5, 4, 2**63, "o-1"),
        after_inclusive=True,
        limit=50,
    ),
)
