"""Identical and nothing less: what folds, and everything near it that must not."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from accord.terms.identifiers import HolderName
from gateway.dossier.sameness import HeldRecord, Memory, identical, statement_of

A, B = HolderName("dinkelhorst"), HolderName("twickelaar")
Store = Mapping[tuple[HolderName, str], bytes]

EGFR = (
    '{"resourceType":"Observation","id":"%s","meta":{"lastUpdated":"%s"},"text":{"status":"generated","div":"<div>%s</div>"},'
    '"identifier":[{"system":"http://orders.example","value":"42"}],"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"62238-1"}]},'
    '"subject":{"reference":"Patient/%s"},"effectiveDateTime":"2026-05-03","valueQuantity":{"value":34.0,"unit":"ml/min"}}'
)
HERE = EGFR % ("1", "2026-05-03T10:00:00Z", "eGFR", "7")
THERE = EGFR % ("lab-9", "2026-05-04T11:00:00Z", "nierfunctie", "p1")


def same(here: str | bytes, there: str | bytes, store: Store | None = None, own_base: tuple[str, ...] = ()) -> bool:
    """Whether two records are identical, asked from both sides and of each with itself."""

    def targets(holder: HolderName, name: str) -> bytes | None:
        return (store or {}).get((holder, name))

    a = HeldRecord(A, here.encode() if isinstance(here, str) else here, frozenset({"7"}), own_base)
    b = HeldRecord(B, there.encode() if isinstance(there, str) else there, frozenset({"p1"}))
    answer = identical(a, b, targets)

    assert identical(b, a, targets) == answer
    return answer


def basic(**members: Any) -> str:
    """A small record with these members."""
    return json.dumps({"resourceType": "Basic", "id": "1", **members})


def test_the_same_result_at_two_holders_is_identical() -> None:
    assert same(HERE, THERE)


def test_blanks_and_the_order_of_members_do_not_matter() -> None:
    turned = json.dumps(dict(reversed(json.loads(THERE).items())), indent=2)

    assert '"value": 34.0' in turned
    assert same(HERE, turned)


@pytest.mark.parametrize(
    ("stated", "otherwise"),
    [
        ('"value":34.0,', '"value":34,'),
        ('"value":34.0,', '"value":34.00,'),
        ('"value":34.0,', '"value":"34.0",'),
        ('"status":"final"', '"status":"amended"'),
        ('"status":"final"', '"status":"entered-in-error"'),
        ('"value":"42"', '"value":"43"'),
        ('"identifier":[{"system":"http://orders.example","value":"42"}],', ""),
        ('"2026-05-03"', '"2026-05-03T00:00:00+02:00"'),
        ('"62238-1"', '"33914-3"'),
        ('"unit":"ml/min"', '"unit":"mL/min"'),
        ('"status":"final"', '"status":"final","note":[{"text":"zie brief"}]'),
        ('"status":"final"', '"status":"final","modifierExtension":[{"url":"http://x.example/not","valueBoolean":true}]'),
        ('"resourceType":"Observation"', '"resourceType":"Media"'),
        ('"generated"', '"additional"'),
        ('"meta":{', '"meta":{"security":[{"code":"R"}],'),
        ('"meta":{', '"meta":{"tag":[{"code":"SUBSETTED"}],'),
        ("Patient/p1", "Patient/p2"),
        ('{"reference":"Patient/p1"}', '{"reference":"Patient/p1","display":"D. Jansen"}'),
        ('"status":"final"', '"status":"final","status":"final"'),
        ('"status":"final"', '"status":"final","valueString":"\\ud800"'),
        ('"status":"final"', '"status":"final",'),
    ],
)
def test_what_differs_in_anything_stated_is_not_identical(stated: str, otherwise: str) -> None:
    assert THERE.count(stated) == 1

    assert not same(HERE, THERE.replace(stated, otherwise))


def test_two_parts_are_not_identical_even_when_they_look_it() -> None:
    part = HERE.replace('"meta":{', '"meta":{"tag":[{"code":"SUBSETTED"}],')

    assert not same(part, part.replace("Patient/7", "Patient/p1"))


def test_another_date_of_birth_is_another_patient() -> None:
    patient = '{"resourceType":"Patient","id":"%s","identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999900006"}],"birthDate":"%s"}'

    assert same(patient % ("7", "1938-03-01"), patient % ("p1", "1938-03-01"))
    assert not same(patient % ("7", "1938-03-01"), patient % ("p1", "1938-01-03"))


def test_the_order_of_a_list_is_content() -> None:
    assert not same(basic(author=[{"display": "a"}, {"display": "b"}]), basic(author=[{"display": "b"}, {"display": "a"}]))


# -- References

DOSE = (
    '{"resourceType":"MedicationRequest","id":"%s","status":"active","medicationReference":{"reference":"Medication/%s"},"dosageInstruction":[{"text":"%s"}]}'
)
APIXABAN = b'{"resourceType":"Medication","id":"%s","code":{"coding":[{"system":"urn:oid:2.16.840.1.113883.2.4.4.10","code":"%s"}]}}'


def test_a_reference_is_followed_to_what_it_refers_to() -> None:
    request, other = DOSE % ("1", "a", "2 x 2,5"), DOSE % ("2", "b", "2 x 2,5")
    here = APIXABAN % (b"a", b"97101")

    assert same(request, other, {(A, "Medication/a"): here, (B, "Medication/b"): APIXABAN % (b"b", b"97101")})
    assert not same(request, other, {(A, "Medication/a"): here, (B, "Medication/b"): APIXABAN % (b"b", b"97102")})
    assert not same(request, DOSE % ("2", "b", "2 x 5"), {(A, "Medication/a"): here, (B, "Medication/b"): APIXABAN % (b"b", b"97101")})


def test_the_same_spelling_at_two_holders_is_not_the_same_medication() -> None:
    request = DOSE % ("1", "a", "2 x 2,5")

    assert not same(request, request)
    assert not same(request, request, {(A, "Medication/a"): APIXABAN % (b"a", b"97101"), (B, "Medication/a"): APIXABAN % (b"a", b"97102")})


def test_a_target_that_is_not_what_it_is_called_is_in_doubt() -> None:
    request = DOSE % ("1", "a", "2 x 2,5")
    lying = APIXABAN % (b"z", b"97101")

    assert not same(request, request, {(A, "Medication/a"): lying, (B, "Medication/a"): lying})


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("https://elders.example/fhir/Practitioner/3", True),
        ("urn:uuid:0f0f2a5e-6a0b-4c79-8a53-0d4b2f4f8f10", True),
        ("http://localhost:8080/fhir/Practitioner/3", False),
        ("http://10.0.0.4/fhir/Practitioner/3", False),
        ("http://fhir.internal/Practitioner/3", False),
        ("Practitioner?identifier=3", False),
        ("Practitioner/3#x", False),
        ("../Practitioner/3", False),
        ("Practitioner/3", False),
        ("#nothing", False),
    ],
)
def test_an_equal_reference_means_the_same_only_when_it_is_nobodys_own(reference: str, *, answer: bool) -> None:
    record = basic(author={"reference": reference})

    assert same(record, record) is answer


def test_an_address_within_a_holders_own_base_is_its_own_record() -> None:
    record = basic(author={"reference": "https://ehr.example/fhir/Practitioner/3"})
    store = {(A, "Practitioner/3"): b'{"resourceType":"Practitioner","id":"3","name":[{"text":"A"}]}'}

    assert not same(record, record, store, own_base=("https://ehr.example/fhir",))
    assert not same(record, record, {**store, (B, "Practitioner/3"): store[A, "Practitioner/3"]}, own_base=("https://ehr.example/fhir",))
    assert same(
        record,
        basic(author={"reference": "Practitioner/3"}),
        {**store, (B, "Practitioner/3"): store[A, "Practitioner/3"]},
        own_base=("https://ehr.example/fhir/",),
    )


def test_equal_logical_identifiers_make_references_equal_and_a_bare_number_does_not() -> None:
    agb = {"system": "http://fhir.nl/fhir/NamingSystem/agb-z", "value": "01234567"}

    assert same(basic(author={"reference": "Practitioner/3", "identifier": agb}), basic(author={"reference": "Practitioner/x", "identifier": agb}))
    assert not same(
        basic(author={"reference": "Practitioner/3", "identifier": agb}), basic(author={"reference": "Practitioner/3", "identifier": {**agb, "value": "1"}})
    )
    assert same(basic(author={"identifier": agb}), basic(author={"identifier": agb}))
    assert not same(basic(author={"identifier": {"value": "3"}}), basic(author={"identifier": {"value": "3"}}))


def test_a_relative_url_is_followed_like_a_reference() -> None:
    record = basic(content=[{"attachment": {"url": "Binary/3"}}])
    scan = b'{"resourceType":"Binary","id":"3","contentType":"text/plain","data":"%s"}'

    assert not same(record, record)
    assert same(record, record, {(A, "Binary/3"): scan % b"YQ==", (B, "Binary/3"): scan % b"YQ=="})
    assert not same(record, record, {(A, "Binary/3"): scan % b"YQ==", (B, "Binary/3"): scan % b"Yg=="})


def test_contained_resources_count_by_content_and_not_by_name() -> None:
    def request(name: str, code: str, extra: str = "") -> str:
        medication = {"resourceType": "Medication", "id": name, "code": {"text": code}}
        return basic(contained=[medication, {"resourceType": "Device", "id": "d"}], code={"reference": f"#{name}{extra}"})

    assert same(request("m", "apixaban"), request("medicatie", "apixaban"))
    assert not same(request("m", "apixaban"), request("m", "rivaroxaban"))
    assert not same(request("m", "apixaban"), request("m", "apixaban").replace('"#m"', '"#d"'))
    assert not same(request("m", "apixaban", "x"), request("m", "apixaban", "x"))


def test_a_version_counts_only_when_it_is_the_one_that_is_here() -> None:
    store = {(holder, "Device/3"): b'{"resourceType":"Device","id":"3","meta":{"versionId":"2"}}' for holder in (A, B)}

    assert same(basic(author={"reference": "Device/3/_history/2"}), basic(author={"reference": "Device/3"}), store)
    assert not same(basic(author={"reference": "Device/3/_history/1"}), basic(author={"reference": "Device/3"}), store)


def chain(length: int, last: str = "", holder_mark: str = "") -> dict[str, bytes]:
    """Organisations that are each part of the next."""
    return {
        f"Organization/{holder_mark}{number}": json.dumps(
            {"resourceType": "Organization", "id": f"{holder_mark}{number}"}
            | ({"partOf": {"reference": f"Organization/{holder_mark}{number + 1}"}} if number < length else {"name": last})
        ).encode()
        for number in range(1, length + 1)
    }


def test_references_are_followed_four_steps_and_no_further() -> None:
    for length, answer in ((4, True), (5, False)):
        store = {(A, name): text for name, text in chain(length, "x").items()} | {(B, name): text for name, text in chain(length, "x", "b").items()}

        assert same(basic(author={"reference": "Organization/1"}), basic(author={"reference": "Organization/b1"}), store) is answer


def test_the_last_of_a_chain_counts() -> None:
    store = {(A, name): text for name, text in chain(4, "x").items()} | {(B, name): text for name, text in chain(4, "y").items()}

    assert not same(basic(author={"reference": "Organization/1"}), basic(author={"reference": "Organization/1"}), store)


def test_what_is_remembered_of_a_target_changes_no_answer() -> None:
    memory: Memory = {}
    stored = chain(4, "x")

    def targets(_: HolderName, name: str) -> bytes | None:
        return stored.get(name)

    for number in (4, 3, 2, 1, 1):
        record = HeldRecord(A, basic(author={"reference": f"Organization/{number}"}).encode())
        assert statement_of(record, targets, memory) == statement_of(record, targets)
    deeper = {**stored, "Organization/0": b'{"resourceType":"Organization","id":"0","partOf":{"reference":"Organization/1"}}'}
    record = HeldRecord(A, basic(author={"reference": "Organization/0"}).encode())
    assert statement_of(record, lambda _, name: deeper.get(name), memory).text is None


def test_records_that_refer_to_each_other_are_compared_and_end() -> None:
    def pair(encounter: str, condition: str, code: str) -> dict[str, bytes]:
        return {
            f"Encounter/{encounter}": json.dumps(
                {"resourceType": "Encounter", "id": encounter, "diagnosis": [{"condition": {"reference": f"Condition/{condition}"}}]}
            ).encode(),
            f"Condition/{condition}": json.dumps(
                {"resourceType": "Condition", "id": condition, "encounter": {"reference": f"Encounter/{encounter}"}, "code": {"text": code}}
            ).encode(),
        }

    here, there, otherwise = pair("1", "2", "TIA"), pair("e", "c", "TIA"), pair("e", "c", "CVA")
    store = {(A, name): text for name, text in here.items()} | {(B, name): text for name, text in there.items()}

    assert same(here["Encounter/1"], there["Encounter/e"], store)
    assert same(here["Condition/2"], there["Condition/c"], store)
    assert not same(here["Encounter/1"], otherwise["Encounter/e"], {**store, **{(B, name): text for name, text in otherwise.items()}})


def test_what_is_missing_is_named_so_that_it_can_be_waited_for() -> None:
    record = HeldRecord(A, basic(author={"reference": "Device/3"}, subject={"reference": "Patient/8"}).encode(), frozenset({"7"}))

    statement = statement_of(record, lambda *_: None)

    assert statement.text is None
    assert statement.missing == {"Device/3", "Patient/8"}


def test_shows_nothing_of_a_record() -> None:
    record = HeldRecord(A, HERE.encode(), frozenset({"7"}))

    assert "eGFR" not in repr(record)
    assert "eGFR" not in repr(statement_of(record, lambda *_: None))
    assert "62238" not in repr(statement_of(record, lambda *_: None))
