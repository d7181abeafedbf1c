"""What is withheld leaves no trace: a world that has it and one that never had it are answered with the same bytes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from accord.rules.choices import Choice
from accord.rules.labels import ACT_CODE, CONFIDENTIALITY
from accord.rules.leaving_out import LeftOut
from accord.rules.reading import read_record
from accord.terms.answers import Ending, Frame
from accord.terms.evidence import Mandate, TreatmentBasis
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.policies import ANY_ROLE, HolderPolicy, RegionPolicy, RoleMatrix
from accord.terms.queries import EVERYTHING, Order, Selection, SortKey
from accord.terms.vocabulary import CareCategory, HolderKind
from accord.wire.answer_codec import frame_to_wire
from node_agent import telling
from node_agent.answering import answer
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.safeguards import Safeguards
from testbed.contracts.records import ANNA, NOBODY, companions, observation, patient, resource
from testbed.memory_source import MemorySource
from testbed.plain import admitted, plain_safeguards
from tests.node_agent.asking import KEY, NOW, URA, YES, Answer, MemoryChoices, ask, holder_over, question

pytestmark = pytest.mark.anyio

TO_ANNA: dict[str, Any] = {"subject": {"reference": "Patient/a"}}
LABELS = [
    {"system": ACT_CODE, "code": "PSY"},
    {"system": CONFIDENTIALITY, "code": "R"},
    {"system": CONFIDENTIALITY, "code": "N"},
    {"system": "x", "code": "kept"},
]
PROCEDURE, PRACTITIONER = CareCategory.PROCEDURE, CareCategory.PRACTITIONER
NOT = frozenset(CareCategory) - {PROCEDURE}

WITHHELD_BY: dict[str, tuple[tuple[Choice, ...], dict[str, Any]]] = {
    "labels alone": ((YES,), {}),
    "a category": ((YES, Choice(permits=False, category=PROCEDURE)), {}),
    "a code": ((YES, Choice(permits=False, codes=frozenset({("x", "1")}))), {}),
    "a label": ((YES, Choice(permits=False, labels=frozenset({(CONFIDENTIALITY, "N")}))), {}),
    "names": ((YES, *(Choice(permits=False, record=RecordRef(kind, "3")) for kind in ("Observation", "Procedure"))), {}),
    "the holder": ((YES,), {"policy": HolderPolicy(never=frozenset({PROCEDURE, PRACTITIONER}), labels=frozenset({"kept"}))}),
    "the matrix": ((YES,), {"region": lambda: RegionPolicy(RoleMatrix("1", {(None, ANY_ROLE): NOT}))}),
    "companions": ((YES, Choice(permits=False, category=PRACTITIONER)), {}),
}


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a batch may leave early, and a sign of life come: that is the machine's doing and not the records'."""
    monkeypatch.setattr(telling, "LINGER_SECONDS", 30.0)
    monkeypatch.setattr(telling, "BEAT_SECONDS", 30.0)


class NarrowSource(MemorySource):
    """A source that is not asked for medication requests: what comes all the same is more than it promises."""

    async def left_out(self) -> LeftOut:
        """Those, whoever it is about."""
        return LeftOut.whole(["MedicationRequest"])


def holder_with(records: Iterable[bytes], choices: Sequence[Choice], *, at_once: int = 50, kind: type[MemorySource] = MemorySource, **parts: Any) -> Holder:
    """A holder of these records, with these safeguards."""
    safeguards: Safeguards = plain_safeguards(URA, pseudonym_of=KEY.pseudonym, **parts)
    return replace(holder_over(kind(records, at_once=at_once), MemoryChoices(others=tuple(choices))), safeguards=safeguards)


def sent(told: Answer) -> list[bytes]:
    """What went out, byte for byte."""
    return [frame_to_wire(frame).SerializeToString(deterministic=True) for frame in told.frames]


@some.composite
def _records(draw: some.DrawFn) -> list[tuple[bytes, bytes]]:
    """Records as they are kept, each with itself as it would be if it could travel."""
    made = []
    for number in range(draw(some.integers(1, 14))):
        kind = draw(some.sampled_from(["Observation", "Observation", "Procedure", "DiagnosticReport", "MedicationRequest", "Provenance", "List"]))
        pointer = {"reference": draw(some.sampled_from([f"Observation/{draw(some.integers(0, 13))}", "Observation/gone", "Procedure/3"]))}
        members: dict[str, Any] = {"effectiveDateTime": f"20{draw(some.integers(10, 14))}"} if kind == "Observation" else {}
        members |= TO_ANNA if kind != "Provenance" else {"target": [TO_ANNA["subject"], pointer]}
        members |= (
            {"performer": [{"reference": draw(some.sampled_from(["Practitioner/p1", "Practitioner/p2", "Organization/o1"]))}]} if draw(some.booleans()) else {}
        )
        members |= {"meta": {"security": [draw(some.sampled_from(LABELS))]}} if draw(some.integers(0, 3)) == 0 else {}
        members |= {"code": {"coding": [{"system": "x", "code": draw(some.sampled_from(["1", "2"]))}]}} if draw(some.integers(0, 3)) == 0 else {}
        led = {"Observation": "hasMember", "DiagnosticReport": "result", "List": "entry"}.get(kind)
        members |= {led: [{"item": pointer}] if kind == "List" else [pointer]} if led and draw(some.booleans()) else {}
        members |= {"medicationReference": {"reference": draw(some.sampled_from(["Medication/m1", "Medication/m2"]))}} if kind == "MedicationRequest" else {}
        # Unfit, and too large, now and then.
        odd: dict[str, Any] = {"focus": [{"reference": "Patient/b"}]} if draw(some.integers(0, 5)) == 0 else {}
        odd |= {"valueString": "x" * 800_000} if draw(some.integers(0, 20)) == 0 else {}
        made.append((resource(kind, str(number), **members, **odd), resource(kind, str(number), **members)))
    return made


SECRET = {"meta": {"security": [LABELS[0]]}}
SHELF = [patient("a", ANNA), *companions(), resource("Practitioner", "p2", **SECRET), resource("Medication", "m2", **SECRET)]
_SELECTIONS = some.builds(
    Selection,
    types=some.sampled_from([frozenset[str](), frozenset({"Observation"}), frozenset({"DiagnosticReport", "List", "Procedure"})]),
    ids=some.sampled_from([(), (), ("1", "3", "5")]),
    includes=some.sampled_from([("*",), (), ("Observation:performer",)]),
    order=some.sampled_from(Order),
    limit=some.sampled_from([2, 5, 1_001]),
)


MANDATED = {"all": frozenset[CareCategory](), "no procedures": NOT, "no practitioners": frozenset(CareCategory) - {PRACTITIONER}}


async def told(holder: Holder, selection: Selection, mandated: frozenset[CareCategory]) -> Answer:
    """The answer under a mandate for these categories."""
    query = question(selection=selection)
    plain, noon = admitted(query), NOW
    professional = query.asked_by.professional
    mandate = Mandate("m", query.asked_by.data_user.ura, "r", professional, query.purpose, bytes(32), TreatmentBasis.PRESENT, mandated, noon, noon, b"", b"")
    frames: list[Frame] = []

    async def emit(frame: Frame) -> None:
        frames.append(frame)

    await answer(holder, replace(plain, asking=replace(plain.asking, mandate=mandate)), emit)
    return Answer(frames)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    twins=_records(),
    selection=_SELECTIONS,
    how=some.sampled_from(sorted(WITHHELD_BY)),
    mandated=some.sampled_from(sorted(MANDATED)),
    lists=some.tuples(some.integers(1, 6), some.integers(1, 6)),
    kind=some.sampled_from([MemorySource, NarrowSource]),
)
async def test_p9_a_world_without_what_is_withheld_is_answered_with_the_same_bytes(
    twins: list[tuple[bytes, bytes]], selection: Selection, how: str, mandated: str, lists: tuple[int, int], kind: type[MemorySource]
) -> None:
    """Whatever withholds it, in both orders, page by page, with includes and by name, and however the source cuts its lists."""
    choices, parts = WITHHELD_BY[how]
    under = MANDATED[mandated]
    shown = set((await told(holder_with([*SHELF, *(fit for _, fit in twins)], choices, **parts), EVERYTHING, under)).records)
    # A medicine or a person that may not go along is no less withheld.
    shelf = [record for record in SHELF if record in shown or b'"Patient"' in record or not (b"security" in record or b"Practitioner" in record)]
    with_all = holder_with([*SHELF, *(kept for kept, _ in twins)], choices, at_once=lists[0], kind=kind, **parts)
    without = holder_with([*shelf, *(kept for kept, fit in twins if fit in shown)], choices, at_once=lists[1], kind=kind, **parts)

    for _ in range(4):
        one, other = await told(with_all, selection, under), await told(without, selection, under)
        assert sent(one) == sent(other)
        found = [(row, read_record(text)) for row, text in one.rows]
        own = [(row, record) for row, record in found if record.kind is not None and record.kind.owner]
        if selection.order is Order.ARRIVAL or not own:
            return
        row, record = own[-1]
        selection = replace(selection, after=SortKey(row.time_ms, row.type_code, row.content_hint, record.id))


@pytest.mark.parametrize("how", sorted(WITHHELD_BY))
async def test_p9_locate_says_the_same_whatever_records_are_withheld(how: str) -> None:
    choices, parts = WITHHELD_BY[how]
    located = []
    for records in ([*SHELF, resource("Procedure", "3", **TO_ANNA, **SECRET)], SHELF):
        locating = Locating(holder_with(records, choices, **parts), KEY)
        await locating.refresh()
        located.append([await locating.locate(KEY.pseudonym(Bsn(bsn)), admitted(question()).asking) for bsn in (ANNA, NOBODY)])

    assert located == [[True, False]] * 2


@pytest.mark.parametrize(
    ("parts", "mandated"),
    [
        ({"policy": HolderPolicy(never=frozenset({PRACTITIONER}))}, "all"),
        ({"policy": HolderPolicy(labels=frozenset({"PSY"}))}, "all"),
        ({}, "all"),
    ],
)
async def test_p5_the_holders_policy_and_labels_bind_companions(parts: dict[str, Any], mandated: str) -> None:
    records = [patient("a", ANNA), observation("1", "a", performer=[{"reference": "Practitioner/p2"}]), resource("Practitioner", "p2", **SECRET)]
    one = await told(holder_with(records, (YES,), **parts), EVERYTHING, MANDATED[mandated])

    assert one.records == records[:2]
    assert sent(one) == sent(await told(holder_with(records[:2], (YES,), **parts), EVERYTHING, MANDATED[mandated]))


WHOLLY: dict[str, dict[str, Any]] = {
    "a kind of data user": {"policy": HolderPolicy(not_with=frozenset({HolderKind.HOSPITAL}))},
    "patients shared with nobody": {"policy": HolderPolicy(never=frozenset({CareCategory.PATIENT}))},
    "a role without a row": {"region": lambda: RegionPolicy(RoleMatrix("1", {}))},
}


@pytest.mark.parametrize("how", sorted(WHOLLY))
async def test_p9_a_person_wholly_withheld_takes_the_same_calls_as_one_who_is_not_known(how: str) -> None:
    asked, frames = [], []
    for records in ([*SHELF, observation("1", "a")], SHELF[1:]):
        source = MemorySource(records)
        holder = replace(holder_with(records, (YES,), **WHOLLY[how]), source=source)
        answered = await ask(holder, question())
        assert answered.closed.ending is Ending.NOTHING_SHOWN
        asked.append(source.asked)
        frames.append(sent(answered))

    assert asked[0] == asked[1] == ["find"]
    assert frames[0] == frames[1]


@pytest.mark.parametrize("how", sorted(WHOLLY))
async def test_p9_a_person_wholly_withheld_lacks_the_same_as_one_who_is_not_known_and_one_who_has_nothing(how: str) -> None:
    only = question(selection=Selection(types=frozenset({"MedicationRequest", "Procedure"})))
    records = [*SHELF, observation("1", "a")]
    frames = [
        sent(await ask(holder_with(records, (YES,), kind=NarrowSource, **WHOLLY[how]), only)),
        sent(await ask(holder_with(SHELF[1:], (YES,), kind=NarrowSource, **WHOLLY[how]), only)),
        sent(await ask(holder_with(records, (YES,), kind=NarrowSource), only)),
    ]

    assert frames[0] == frames[1] == frames[2]
    assert len(frames[0]) == 2


async def test_p9_where_a_companion_stands_does_not_tell_how_the_source_cut_its_lists() -> None:
    """A withheld record that fills a list would push what follows it into the next."""
    shown = [observation("1", "a"), observation("2", "a", performer=[{"reference": "Organization/o1"}])]
    withheld = observation("0", "a", **SECRET)
    with_it = await ask(holder_with([*SHELF, withheld, *shown], (YES,), at_once=2), question())
    without = await ask(holder_with([*SHELF, *shown], (YES,), at_once=2), question())

    assert len(with_it.records) == 4
    assert sent(with_it) == sent(without)
