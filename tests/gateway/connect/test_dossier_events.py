"""What the gateway tells while a dossier is open arrives as it was told, and what is not as agreed is refused."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.answers import Batch, Closed, Counts, Ending
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, QueryId, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import CareCategory, HolderKind, Section
from accord.wire.relaying import batch_event
from accord.wire.v1 import dossier_service_pb2 as pb
from gateway.api.dossier_messages import event_to_wire
from gateway.connect.dossier_events import EventReader
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed, HolderLine, HolderStatus, NotAsked, Planned, SectionLine

QUERY = QueryId("0123456789abcdef0123456789abcdef")
PLANNED = Planned(QUERY, (), ())

names = st.builds(HolderName, st.from_regex(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True))
uras = st.builds(Ura, st.from_regex(r"[0-9]{8}", fullmatch=True))
texts = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60)
faults = st.sampled_from(Fault)
endings = st.sampled_from(Ending)
numbers = st.integers(0, 2**40)
categories = st.frozensets(st.sampled_from(CareCategory))
counts = st.builds(Counts, numbers, numbers, numbers, numbers, numbers)
cards = st.builds(DataHolder, names, uras, texts, st.sampled_from(HolderKind), texts)
closed = st.builds(
    Closed, uras, endings, counts, st.binary(max_size=32), st.binary(max_size=32), st.none() | faults, st.booleans(), texts, st.binary(max_size=64)
)
batches = st.builds(
    HolderBatch,
    names,
    st.builds(Batch, st.binary(max_size=200), st.binary(max_size=2000), st.integers(0, 2**64 - 1)),
    st.frozensets(st.from_regex(r"[A-Za-z0-9.-]{1,64}", fullmatch=True), max_size=3),
    st.from_regex(r"[a-z0-9 .-]{0,40}", fullmatch=True),
    st.lists(st.from_regex(r"https://[a-z]{1,20}\.example/fhir", fullmatch=True), max_size=4).map(tuple),
)
lines = st.builds(HolderLine, cards, endings, st.none() | faults, numbers, numbers, numbers, numbers, numbers, st.booleans(), numbers, numbers, categories)
later = st.one_of(
    batches,
    st.builds(HolderStatus, names, texts, st.none() | faults, numbers, st.booleans(), numbers),
    st.builds(
        HolderClosed,
        names,
        endings,
        counts,
        st.none() | faults,
        st.none() | closed,
        numbers,
        numbers,
        st.booleans(),
        numbers,
        st.booleans(),
        numbers,
        categories,
    ),
    st.builds(
        Completeness,
        st.just(QUERY),
        st.lists(lines, max_size=4).map(tuple),
        st.lists(st.builds(SectionLine, st.sampled_from(Section), numbers, st.lists(names, max_size=3).map(tuple)), max_size=4).map(tuple),
        st.booleans(),
    ),
)
plans = st.builds(
    Planned, st.just(QUERY), st.lists(cards, max_size=3).map(tuple), st.lists(st.builds(NotAsked, cards, faults), max_size=3).map(tuple), st.booleans()
)


def sent(event: DossierEvent) -> pb.OpenResponse:
    """The event as the gateway sends it."""
    if isinstance(event, HolderBatch):
        relayed = batch_event(event.holder.value, event.batch, event.mapping, patients=sorted(event.patients), bases=event.bases)
        assert pb.OpenResponse.FromString(relayed) == event_to_wire(event)
        return pb.OpenResponse.FromString(relayed)
    return pb.OpenResponse.FromString(event_to_wire(event).SerializeToString())


@given(plans, st.lists(later, max_size=5))
def test_an_event_arrives_as_it_was_told(planned: Planned, events: list[DossierEvent]) -> None:
    reader = EventReader()

    for event in (planned, *events):
        assert reader.read(sent(event)) == event


@given(st.binary(max_size=300))
def test_whatever_comes_is_an_event_or_a_fixed_code(noise: bytes) -> None:
    reader, fault = EventReader(), Fault.BROKEN_BATCH
    reader.read(sent(PLANNED))
    try:
        reader.read(pb.OpenResponse.FromString(noise))
    except BadInput as failure:
        fault = failure.fault
    except DecodeError:
        pass

    assert fault is Fault.BROKEN_BATCH


@pytest.mark.parametrize(
    "message",
    [
        pb.OpenResponse(),
        pb.OpenResponse(planned=pb.Planned(query_id="x y")),
        pb.OpenResponse(planned=pb.Planned(query_id=QUERY.value, asked=[pb.HolderCard(holder="a", ura="12345678", kind="sorcerer")])),
        pb.OpenResponse(planned=pb.Planned(query_id=QUERY.value, asked=[pb.HolderCard(holder="A b", ura="12345678", kind="hospital")])),
    ],
    ids=["nothing", "no-id", "no-kind", "no-name"],
)
def test_a_plan_that_is_not_as_agreed_is_refused(message: pb.OpenResponse) -> None:
    with pytest.raises(BadInput) as refused:
        EventReader().read(message)

    assert refused.value.fault is Fault.BROKEN_BATCH


def test_nothing_comes_before_the_plan_and_no_second_plan_after_it() -> None:
    with pytest.raises(BadInput):
        EventReader().read(sent(HolderStatus(HolderName("a"), "asking")))
    reader = EventReader()
    reader.read(sent(PLANNED))
    with pytest.raises(BadInput):
        reader.read(sent(PLANNED))


def test_p9_no_field_of_an_ending_has_room_for_why_nothing_was_shown() -> None:
    for kind in (pb.HolderClosed, pb.HolderLine):
        told = {field.name for field in kind.DESCRIPTOR.fields}
        of_the_holder_whoever_it_is = {"holder", "ending", "counts", "records", "code", "said", "elapsed_ms", "last_heard_ms", "paused_since_ms", "copy"}
        assert told <= of_the_holder_whoever_it_is | {"data_as_of_ms", "more", "lacking", "unfit", "oversized"}
