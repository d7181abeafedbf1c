"""What can be searched: the table, how it is read, and that the description says neither more nor less."""

from typing import Any

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from accord.rules.reading import Record
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from accord.terms.queries import DateBound, Token
from accord.terms.records import INCLUDES, RESOURCE_TYPES
from gateway.api.fhir_search import Given, Rules, Search, read_everything, read_search
from gateway.api.search_table import EVERYTHING, SEARCHABLE, Aim, Parameter, includes_of
from tests.gateway.api.conftest import Opened
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeHolder, patient

pytestmark = pytest.mark.anyio


def read(type_name: str = "Observation", *, lenient: bool = False, **parameters: str) -> Search:
    given = [Given("patient", "abc", in_url=True), *(Given(name.replace("__", "-"), value, in_url=True) for name, value in parameters.items())]
    return read_search(type_name, given, Rules(lenient))


def example_of(parameter: Parameter, type_name: str) -> str:
    if parameter.codes:
        return min(parameter.codes)
    match parameter.aim:
        case Aim.PERSON:
            return f"{SYSTEM}|{BSN.value}" if parameter.only_in_body else "abc"
        case Aim.BIRTH_DATE | Aim.DATE | Aim.UPDATED | Aim.SINCE:
            return "2024-01-02"
        case Aim.INCLUDE:
            return next(iter(includes_of(type_name)))
        case Aim.TYPES:
            return "Observation,Encounter"
        case Aim.COUNT:
            return "5"
        case _:
            return "x"


def test_a_search_is_read_into_conditions() -> None:
    search = read(code="http://loinc.org|1988-5,30522-7", category="laboratory", status="final,amended", identifier="urn:x|1,http://a\\|b|2")
    selection = search.selection

    assert selection.types == {"Observation"}
    assert selection.codes == (Token("http://loinc.org", "1988-5"), Token("", "30522-7"))
    assert selection.category_tokens == (Token("", "laboratory"),)
    assert selection.statuses == ("final", "amended")
    assert selection.identifiers == (Token("urn:x", "1"), Token("http://a|b", "2"))
    assert selection.includes == ()
    assert [name for name, _ in search.applied] == ["code", "category", "status", "identifier"]


def test_dates_hold_together_and_keep_their_prefix() -> None:
    dates = [Given("date", value, in_url=True) for value in ("ge2024-01", "lt2025", "2024-03-04T10:00 01:00")]
    search = read_search("Observation", [Given("patient", "abc", in_url=True), *dates], Rules())

    assert search.selection.dates == (DateBound("ge", "2024-01"), DateBound("lt", "2025"), DateBound("eq", "2024-03-04T10:00+01:00"))


@pytest.mark.parametrize(
    ("type_name", "name", "value"),
    [
        ("Observation", "date", "2024-01,2024-02"),
        ("Observation", "date", "ne2024"),
        ("Observation", "date", "ap2024"),
        ("Observation", "date", "yesterday"),
        ("Observation", "code", "|1988-5"),
        ("Observation", "code", "a,,b"),
        ("Observation", "code", ""),
        ("Observation", "code", "x" * 5_000),
        ("Observation", "identifier", "999911120"),
        ("Observation", "_count", "0"),
        ("Observation", "_count", "-1"),
        ("Observation", "_count", "many"),
        ("Observation", "_sort", "date"),
        ("Observation", "_include", "Observation:encounter"),
        ("Condition", "clinical-status", "final"),
    ],
)
def test_a_value_that_cannot_be_honoured_is_refused_and_not_repeated(type_name: str, name: str, value: str) -> None:
    given = [Given("patient", "abc", in_url=False), Given(name, value, in_url=False)]

    with pytest.raises(BadInput) as refused:
        read_search(type_name, given, Rules())
    assert (refused.value.fault, refused.value.where) == (Fault.INVALID_PARAMETER, name)


@pytest.mark.parametrize("names", [("patient", "subject"), ("patient", "patient"), ("patient", "patient.identifier")])
def test_a_question_about_two_patients_is_refused(names: tuple[str, str]) -> None:
    given = [Given(name, f"{SYSTEM}|{BSN.value}" if name.endswith("identifier") else "abc", in_url=False) for name in names]

    with pytest.raises(BadInput, match=Fault.SEVERAL_PATIENTS):
        read_search("Observation", given, Rules())
    with pytest.raises(BadInput, match=Fault.SEVERAL_PATIENTS):
        read_search("Observation", [Given("patient", "a,b", in_url=False)], Rules())


def test_a_condition_that_stands_twice_is_refused() -> None:
    given = [Given("patient", "abc", in_url=True), Given("code", "a", in_url=True), Given("code", "b", in_url=True)]

    with pytest.raises(BadInput, match=Fault.INVALID_PARAMETER):
        read_search("Observation", given, Rules())


@pytest.mark.parametrize("name", ["colour", "code:text", "status:not", "patient.name", "_has:Observation:patient:code", "_summary", "birthdate"])
def test_an_unknown_parameter_is_refused_or_left_out_where_the_client_says_so(name: str) -> None:
    given = [Given("patient", "abc", in_url=True), Given(name, "x", in_url=True)]

    with pytest.raises(BadInput) as refused:
        read_search("Observation", given, Rules())
    assert (refused.value.fault, refused.value.where) == (Fault.UNKNOWN_PARAMETER, name)
    lenient = read_search("Observation", given, Rules(lenient=True))
    assert (lenient.ignored, lenient.applied) == ((name,), ())


def test_the_name_of_an_unknown_parameter_is_not_repeated_when_it_could_be_content() -> None:
    with pytest.raises(BadInput) as refused:
        read_search("Observation", [Given("999911120", "x", in_url=True)], Rules())
    assert refused.value.where == "parameter"


def test_who_it_is_about_may_be_said_by_bsn_in_a_body_only() -> None:
    value = f"{SYSTEM}|{BSN.value}"

    assert read_search("Observation", [Given("patient.identifier", value, in_url=False)], Rules()).person == BSN
    with pytest.raises(BadInput, match=Fault.BSN_IN_URL):
        read_search("Observation", [Given("patient.identifier", value, in_url=True)], Rules())
    assert read_search("Patient", [Given("identifier", value, in_url=True)], Rules(allow_bsn_in_url=True)).person == BSN
    with pytest.raises(BadInput, match=Fault.INVALID_BSN):
        read_search("Patient", [Given("identifier", f"{SYSTEM}|999911121", in_url=False)], Rules())
    with pytest.raises(BadInput, match=Fault.INVALID_PARAMETER):
        read_search("Patient", [Given("identifier", f"urn:other|{Bsn('999911120').value}", in_url=False)], Rules())


@pytest.mark.parametrize("type_name", [*SEARCHABLE, ""])
def test_every_parameter_of_the_table_is_read(type_name: str) -> None:
    table = SEARCHABLE[type_name] if type_name else EVERYTHING
    for parameter in table.values():
        given = [Given(parameter.name, example_of(parameter, type_name), in_url=False)]
        if type_name and parameter.aim is not Aim.PERSON:
            given.append(Given(next(name for name, other in table.items() if other.aim is Aim.PERSON and not other.only_in_body), "abc", in_url=False))
        search = read_search(type_name, given, Rules()) if type_name else read_everything(given, Rules())

        conditions = (search.selection.codes, search.selection.category_tokens, search.selection.statuses, search.selection.identifiers)
        reached = {Aim.CODE: 0, Aim.CATEGORY: 1, Aim.STATUS: 2, Aim.IDENTIFIER: 3}
        if parameter.aim in reached:
            assert conditions[reached[parameter.aim]]


def test_the_table_only_promises_what_decisions_can_read() -> None:
    readable = set(Record.__struct_fields__)
    for kind in RESOURCE_TYPES:
        for parameter in SEARCHABLE.get(kind.name, {}).values():
            if kind.name != "Patient" and parameter.aim is Aim.CODE:
                assert kind.coded in readable
            if parameter.aim is Aim.DATE:
                assert set(kind.moments) & readable
    assert {name for kind in RESOURCE_TYPES for name in includes_of(kind.name)} >= {name for name in INCLUDES if not name.startswith("Patient:")}


def _region() -> list[FakeHolder]:
    return [FakeHolder("alfa", [], [patient("p1")])]


async def test_the_description_is_valid_and_says_what_the_table_says(face: Opened) -> None:
    async with face(_region()) as client:
        answer = await client.get("metadata")
    statement = CapabilityStatement.model_validate_json(answer.content)
    described: dict[str, Any] = {resource["type"]: resource for resource in answer.json()["rest"][0]["resource"]}

    assert statement.fhirVersion == "4.0.1"
    assert described.keys() == {kind.name for kind in RESOURCE_TYPES}
    for name, resource in described.items():
        searchable = {"code": "search-type"} in resource["interaction"]
        assert searchable == (name in SEARCHABLE)
        assert {parameter["name"] for parameter in resource.get("searchParam", [])} == SEARCHABLE.get(name, {}).keys()


async def test_what_the_description_lists_is_taken_and_what_it_does_not_list_is_refused(face: Opened) -> None:
    async with face(_region()) as client:
        found = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
        logical_id = found.json()["entry"][0]["resource"]["id"]
        everything_known = {name for table in SEARCHABLE.values() for name in table}
        for name in ("Observation", "Condition", "MedicationRequest", "Encounter", "DocumentReference"):
            for parameter in SEARCHABLE[name].values():
                if parameter.aim in (Aim.PERSON, Aim.CURSOR, Aim.FORMAT, Aim.ID):
                    continue
                answer = await client.post(f"{name}/_search", data={"patient": logical_id, parameter.name: example_of(parameter, name)})
                assert answer.status_code == 200, (name, parameter.name, answer.text)
            for unlisted in [*sorted(everything_known - SEARCHABLE[name].keys()), "made-up"]:
                answer = await client.post(f"{name}/_search", data={"patient": logical_id, unlisted: "x"})
                assert answer.status_code == 400, (name, unlisted)
                assert "unknown-parameter" in answer.text


async def test_what_was_left_out_stands_in_the_answer_and_not_in_self(face: Opened) -> None:
    async with face(_region()) as client:
        found = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
        logical_id = found.json()["entry"][0]["resource"]["id"]
        answer = await client.get(f"Observation?patient={logical_id}&colour=vermilion", headers={"prefer": "handling=lenient"})
    last = answer.json()["entry"][-1]["resource"]

    assert "colour" not in answer.json()["link"][0]["url"]
    assert last["issue"][0]["expression"] == ["http.colour"]
    assert "vermilion" not in answer.text
