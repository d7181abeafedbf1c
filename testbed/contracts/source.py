"""What every source adapter promises, as tests: subclass `SourceContract`, say how to make a source over records.

    class TestMySource(SourceContract):
        @pytest.fixture
        def source_over(self) -> SourceOver:
            @asynccontextmanager
            async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
                source = ...  # one that keeps exactly these FHIR R4 resources, byte for byte
                yield source
                await source.close()

            return over

Where a source does not yield what it keeps byte for byte, `as_read` says as what it yields a record; `touchy` are the
records whose bytes would change if anybody read and wrote them again.

Every promise in the docstrings of `Source` is a test here; what only one adapter promises is tested with it.
"""
# ruff: noqa: S101, D102  (these are tests: they assert, and their names are their sentences)

from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing

import anyio
import pytest

from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.limits import CHUNK_BYTES
from accord.terms.queries import EVERYTHING, Order, Selection
from accord.terms.vocabulary import CareCategory
from node_agent.conformance.findings import Verdict
from node_agent.conformance.run import Given, check_source
from node_agent.ports import LocalPatient, Source, SourceFailure
from testbed.contracts.records import ANNA, BERT, CORA, NOBODY, TOUCHY, companions, observation, patient, resource

#: Makes a source over exactly these resources; the source is closed at the end of the `async with`.
SourceOver = Callable[[list[bytes]], AbstractAsyncContextManager[Source]]


async def everything(source: Source, who: LocalPatient, selection: Selection = EVERYTHING) -> list[bytes]:
    """All that the source yields about a person."""
    found: list[bytes] = []
    async with aclosing(source.records_of(who, selection)) as lists:
        async for some in lists:
            assert some, "an empty list says nothing"
            found += [record.fhir_json for record in some]
    return found


async def known(source: Source, bsn: str) -> LocalPatient:
    """The person with this BSN, who must be there."""
    found = await source.find(Bsn(bsn))
    assert found is not None
    return found


class SourceContract:
    """The acceptance suite of `node_agent.ports.Source`."""

    pytestmark = pytest.mark.anyio

    #: Written as this source would have them.
    touchy: tuple[bytes, ...] = TOUCHY

    def as_read(self, record: bytes) -> bytes:
        """A record of this source as it yields it."""
        return record

    def all_read(self, records: Iterable[bytes]) -> list[bytes]:
        """Records of this source as it yields them, in the order of their bytes."""
        return sorted(map(self.as_read, records))

    @pytest.fixture
    def source_over(self) -> SourceOver:
        """How to make a source over exactly these resources."""
        raise NotImplementedError

    async def test_it_says_what_it_is(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA), observation("1", "a")]) as source:
            assert source.name
            assert "/" not in source.name
            assert {"Patient", "Observation"} <= source.types
            assert (await source.data_as_of_ms() > 0) == source.is_copy
            await source.check()

    async def test_a_conformance_run_finds_nothing_to_repair(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA), observation("1", "a"), patient("b", BERT), *companions()]) as source:
            points, visiting = await check_source(source, Given((Bsn(ANNA), Bsn(BERT))))

            assert [point for point in points if point.verdict is Verdict.WRONG] == []
            assert (visiting.seen.people, visiting.seen.records) == (2, 3)

    async def test_a_person_is_found_by_bsn(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA), patient("b", BERT)]) as source:
            assert await source.find(Bsn(ANNA)) == LocalPatient(frozenset({"a"}))
            assert await source.find(Bsn(BERT)) == LocalPatient(frozenset({"b"}))

    async def test_an_unknown_bsn_is_nobody(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA), patient("x")]) as source:
            assert await source.find(Bsn(NOBODY)) is None

    async def test_an_empty_source_knows_nobody(self, source_over: SourceOver) -> None:
        async with source_over([]) as source:
            assert await source.find(Bsn(ANNA)) is None
            assert [person async for person in source.everyone()] == []
            assert await source.read([RecordRef("Observation", "1")]) == {}

    async def test_a_number_of_another_kind_is_no_bsn(self, source_over: SourceOver) -> None:
        number = [{"system": "http://hospital.example/patients", "value": ANNA}]
        async with source_over([resource("Patient", "a", identifier=number)]) as source:
            assert await source.find(Bsn(ANNA)) is None
            assert [person async for person in source.everyone()] == []

    async def test_two_bsns_on_a_record_find_it_both(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA, BERT)]) as source:
            assert await known(source, ANNA) == await known(source, BERT) == LocalPatient(frozenset({"a"}))

    async def test_two_records_of_one_bsn_are_one_person(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA), patient("a2", ANNA), observation("1", "a"), observation("2", "a2")]) as source:
            who = await known(source, ANNA)

            assert who.ids == {"a", "a2"}
            assert sorted(await everything(source, who)) == self.all_read([observation("1", "a"), observation("2", "a2")])

    async def test_records_that_were_merged_here_are_one_person(self, source_over: SourceOver) -> None:
        kept = patient("new", ANNA, link=[{"other": {"reference": "Patient/old"}, "type": "replaces"}])
        gone = patient("old", active=False, link=[{"other": {"reference": "Patient/new"}, "type": "replaced-by"}])
        async with source_over([kept, gone, observation("1", "old"), observation("2", "new")]) as source:
            who = await known(source, ANNA)

            assert who.ids == {"new", "old"}
            assert sorted(await everything(source, who)) == self.all_read([observation("1", "old"), observation("2", "new")])
            assert sorted([r.fhir_json async for some in source.patients(who) for r in some]) == self.all_read([kept, gone])
            assert [person async for person in source.everyone()] == [(Bsn(ANNA), who)]

    async def test_a_see_also_is_not_a_merge(self, source_over: SourceOver) -> None:
        other = patient("b", BERT, link=[{"other": {"reference": "Patient/a"}, "type": "seealso"}])
        async with source_over([patient("a", ANNA), other]) as source:
            assert (await known(source, ANNA)).ids == {"a"}
            assert (await known(source, BERT)).ids == {"b"}

    async def test_everyone_is_everybody_with_a_valid_bsn(self, source_over: SourceOver) -> None:
        records = [patient("a", ANNA), patient("b", BERT), patient("c", CORA), patient("x"), patient("y", "123456789")]
        async with source_over(records) as source:
            people = [person async for person in source.everyone()]

        assert len(people) == 3
        assert {bsn.value: who.ids for bsn, who in people} == {ANNA: {"a"}, BERT: {"b"}, CORA: {"c"}}

    async def test_bytes_are_sacred(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA), *self.touchy]) as source:
            assert sorted(await everything(source, await known(source, ANNA))) == self.all_read(self.touchy)
            refs = [RecordRef("Observation", f"t{place}") for place in range(1, len(self.touchy) + 1)]
            assert [(await source.read(refs))[ref].fhir_json for ref in refs] == [self.as_read(record) for record in self.touchy]

    async def test_only_what_is_about_this_person_and_never_patients_or_companions(self, source_over: SourceOver) -> None:
        mine = [
            observation("1", "a", performer=[{"reference": "Practitioner/p1"}]),
            resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"}, code={"text": "penicilline"}),
            resource("Coverage", "1", status="active", beneficiary={"reference": "Patient/a"}),
            resource("RelatedPerson", "1", patient={"reference": "Patient/a"}),
            resource("Appointment", "1", status="booked", participant=[{"actor": {"reference": p}} for p in ("Practitioner/p1", "Patient/a")]),
            resource("Task", "1", status="ready", intent="order", **{"for": {"reference": "Patient/a"}}),
        ]
        others = [patient("b", BERT), observation("2", "b"), observation("3", "ab"), observation("4", "A")]
        async with source_over([patient("a", ANNA), *companions(), *mine, *others]) as source:
            assert sorted(await everything(source, await known(source, ANNA))) == self.all_read(mine)

    async def test_the_patient_records_come_by_themselves(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA), patient("b", BERT), observation("1", "a")]) as source:
            assert [r.fhir_json async for some in source.patients(await known(source, ANNA)) for r in some] == self.all_read([patient("a", ANNA)])

    async def test_nobody_here_has_nothing(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA), observation("1", "a")]) as source:
            nobody = LocalPatient(frozenset({"nobody"}))
            assert await everything(source, nobody) == []
            assert [some async for some in source.patients(nobody)] == []

    @pytest.mark.parametrize(
        "selection",
        [
            Selection(types=frozenset({"Observation"})),
            Selection(categories=frozenset({CareCategory.OBSERVATION_VITAL_SIGNS, CareCategory.OBSERVATION_EXAM})),
            Selection(types=frozenset({"Observation", "Practitioner", "Patient"}), order=Order.GLOBAL, limit=10),
        ],
    )
    async def test_a_selection_never_loses_what_it_asks_for(self, source_over: SourceOver, selection: Selection) -> None:
        system = "http://terminology.hl7.org/CodeSystem/observation-category"
        vital = observation("2", "a", category=[{"coding": [{"system": system, "code": "vital-signs"}]}])
        allergy = resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"})
        async with source_over([patient("a", ANNA), *companions(), observation("1", "a"), vital, allergy]) as source:
            found = await everything(source, await known(source, ANNA), selection)

        wanted = set(self.all_read([observation("1", "a"), vital]))
        assert wanted <= set(found) <= wanted | {self.as_read(allergy)}

    async def test_more_than_a_thousand_records_come_once_each(self, source_over: SourceOver) -> None:
        records = [observation(f"o-{number}", "a", valueString="x" * (number % 300)) for number in range(1_234)]
        async with source_over([patient("a", ANNA), *records, observation("z", "b")]) as source:
            found = await everything(source, await known(source, ANNA))

        assert sorted(found) == self.all_read(records)

    async def test_what_is_read_is_what_was_asked_for(self, source_over: SourceOver) -> None:
        records = [patient("a", ANNA), observation("1", "a"), *companions(), *(observation(f"n-{n}", "a") for n in range(150))]
        there = [RecordRef("Patient", "a"), RecordRef("Observation", "1"), RecordRef("Practitioner", "p1"), RecordRef("Medication", "m1")]
        many = [RecordRef("Observation", f"n-{n}") for n in range(150)]
        missing = [RecordRef("Observation", "p1"), RecordRef("Practitioner", "1"), RecordRef("Observation", "nothing")]
        async with source_over(records) as source:
            found = await source.read([*there, *missing, *many, there[0]])

            assert await source.read([]) == {}
        assert found.keys() == {*there, *many}
        assert found[there[2]].fhir_json == self.as_read(companions()[0])
        assert found[many[149]].fhir_json == self.as_read(observation("n-149", "a"))

    async def test_an_attachment_comes_as_bytes_in_chunks(self, source_over: SourceOver) -> None:
        content = bytes(range(256)) * 4_000
        binary = resource("Binary", "7", contentType="application/pdf", data=b64encode(content).decode())
        async with source_over([patient("a", ANNA), binary]) as source:
            for url in ("Binary/7", *(f"{base.rstrip('/')}/Binary/7" for base in source.bases)):
                attachment = await source.attachment(url)
                assert attachment is not None
                assert attachment.content_type == "application/pdf"
                chunks = [chunk async for chunk in attachment.chunks]

                assert b"".join(chunks) == content
                assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)

    @pytest.mark.parametrize(
        "url", ["Binary/8", "https://elsewhere.example/fhir/Binary/7", "../Binary/7", "Binary/7/../8", "file:///etc/hostname", "Binary/", ""]
    )
    async def test_an_attachment_that_is_not_here_is_none(self, source_over: SourceOver, url: str) -> None:
        async with source_over([patient("a", ANNA), resource("Binary", "7", contentType="text/plain", data="aGk=")]) as source:
            assert await source.attachment(url) is None

    async def test_twenty_calls_at_once_do_not_mix(self, source_over: SourceOver) -> None:
        mine = [observation(f"a-{number}", "a") for number in range(450)]
        theirs = [observation(f"b-{number}", "b") for number in range(450)]
        async with source_over([patient("a", ANNA), patient("b", BERT), *mine, *theirs]) as source:

            async def ask(bsn: str, expected: list[bytes]) -> None:
                assert sorted(await everything(source, await known(source, bsn))) == self.all_read(expected)

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(ask, ANNA, mine)
                    tasks.start_soon(ask, BERT, theirs)

    async def test_who_leaves_half_way_leaves_the_source_usable(self, source_over: SourceOver) -> None:
        records = [observation(f"o-{number}", "a", valueString="x" * 500) for number in range(1_200)]
        async with source_over([patient("a", ANNA), *records]) as source:
            who = await known(source, ANNA)
            for _ in range(12):
                async with aclosing(source.records_of(who, EVERYTHING)) as lists:
                    assert await anext(lists)
            with anyio.CancelScope() as scope:
                async with aclosing(source.records_of(who, EVERYTHING)) as lists:
                    assert await anext(lists)
                    scope.cancel()
                    await anext(lists)

            assert scope.cancelled_caught
            assert sorted(await everything(source, who)) == self.all_read(records)

    async def test_a_closed_source_says_so(self, source_over: SourceOver) -> None:
        async with source_over([patient("a", ANNA)]) as source:
            await source.close()
            await source.close()
            with pytest.raises(SourceFailure):
                await source.check()
            with pytest.raises(SourceFailure):
                await source.find(Bsn(ANNA))
