"""Screening: what is not asked, not decided or about somebody else ends the holder's answer (P4, P5, P8)."""

import json
import random
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.rules.identity import check_about
from accord.rules.reading import read_record
from accord.terms.answers import Batch, Ending, Outcome
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_SYSTEM, Bsn
from accord.terms.queries import EVERYTHING, Selection, Token
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory
from gateway.ports import HolderFailure
from gateway.screening import Screening
from testbed.scripted_holder import ALL_CATEGORIES, batch_of

BSN = Bsn("999984056")
OTHER = "999984123"
PATIENT = json.dumps({"resourceType": "Patient", "id": "1", "identifier": [{"system": BSN_SYSTEM, "value": BSN.value}], "birthDate": "1942-03-01"}).encode()


def observation(**changed: object) -> bytes:
    """A lab result of patient 1."""
    category = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]
    return json.dumps(
        {"resourceType": "Observation", "id": "1", "status": "final", "category": category, "subject": {"reference": "Patient/1"}, **changed}
    ).encode()


def screen(*records: bytes, selection: Selection = EVERYTHING, birth_date: date | None = None, **rows: int) -> Screening:
    """Screen one batch of a patient and these records."""
    screening = Screening(BSN, birth_date, selection)
    screening.decided(ALL_CATEGORIES)
    screening.check(batch_of([PATIENT, *records], **rows))
    return screening


def refused(*records: bytes, selection: Selection = EVERYTHING) -> HolderFailure:
    """Screen, and expect the end of the holder's answer."""
    with pytest.raises(HolderFailure) as caught:
        screen(*records, selection=selection)
    return caught.value


def test_p4_records_about_the_person_pass() -> None:
    screening = screen(observation(), observation(id="2", performer=[{"reference": "Practitioner/9"}]))

    assert screening.patients == {"1"}
    assert sum(screening.by_category.values()) == 3


@pytest.mark.parametrize(
    "record",
    [
        observation(subject={"reference": "Patient/2"}),
        observation(performer=[{"reference": "Patient/2"}]),
        observation(extension=[{"url": "x", "valueReference": {"reference": "https://elders.example/fhir/Patient/1"}}]),
        observation(subject={"reference": "https://elders.example/fhir/Patient/1"}),
        observation(subject={"identifier": {"system": BSN_SYSTEM, "value": OTHER}}),
        observation(subject={"reference": "Patient/1", "identifier": {"system": BSN_SYSTEM, "value": OTHER}}),
        observation(contained=[{"resourceType": "Patient", "id": "p", "identifier": [{"system": BSN_SYSTEM, "value": OTHER}]}]),
        observation(contained=[{"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/2"}}]),
        observation(focus=[{"type": "Patient", "identifier": {"system": "urn:mrn", "value": "77"}}]),
        observation(subject={"display": "somebody"}),
        observation(subject={"reference": "Group/1"}),
        observation(subject={"reference": "#p"}, contained=[{"resourceType": "Patient", "id": "p"}]),
        observation(performer=[{"reference": "Patient/2"}]).replace(b"Patient/2", b"Patient\\/2"),
        observation(performer=[{"reference": "Patient/2"}]).replace(b"Patient/2", b"\\u0050atient/2"),
        observation(focus=[{"identifier": {"system": "urn:oid:2.16.840.1.113883.2.4.6.3", "value": OTHER}}]),
    ],
)
def test_p4_one_record_about_another_patient_rejects_the_whole_answer(record: bytes) -> None:
    failure = refused(observation(), record)

    assert failure.ending is Ending.REJECTED
    assert failure.code is Fault.OTHER_PATIENT


def test_p4_a_patient_key_that_stands_twice_is_read_strictly_whichever_comes_last() -> None:
    twice = observation()[:-1] + b', "subject": {"identifier": {"system": "urn:mrn", "value": "2"}}}'
    reversed_order = b'{"subject": {"identifier": {"system": "urn:mrn", "value": "2"}}, ' + observation()[1:]

    assert refused(twice).code is Fault.DUPLICATE_KEY
    assert refused(reversed_order).code is Fault.DUPLICATE_KEY


def test_p4_an_escaped_patient_key_does_not_hide_another_owner() -> None:
    hidden = observation()[:-1] + b', "\\u0073ubject": {"identifier": {"system": "urn:mrn", "value": "2"}}}'

    assert refused(hidden).code is Fault.DUPLICATE_KEY


@pytest.mark.parametrize(
    "other",
    [
        observation(id="2", subject={"display": "Piet"}, patient={"reference": "Patient/1"}),
        observation(id="2", subject={}, patient={"reference": "Patient/1"}),
        observation(id="2", subject={"identifier": {"system": "urn:mrn", "value": "9"}}, patient={"reference": "Patient/1"}),
        observation(id="2")[:-1] + b', "subject": {"display": "Piet"}}',
        b'{"subject": {"display": "Piet"}, ' + observation(id="2")[1:],
    ],
)
def test_p4_an_escaped_key_in_one_record_does_not_make_up_for_an_unheeded_one_in_another(other: bytes) -> None:
    # The one has a key without a mark, the other a mark without a key: in sum nothing is missing.
    escaped = observation().replace(b'"subject"', b'"\\u0073ubject"')

    assert refused(escaped, other).ending is Ending.REJECTED
    assert refused(other, escaped).ending is Ending.REJECTED


def test_p4_a_base_that_is_no_address_cannot_hide_another_owner() -> None:
    base = 'performer": [{"reference": "Patient/2"}], "z": "'
    hiding = observation()[:-1] + b', "%b/Patient/1"}' % base.encode()

    assert refused(hiding).code is Fault.OTHER_PATIENT
    for bases in ((base,), ("http://a.example/fhir", f"http://a.example/{base}"), ("http://a.example/a b",), ('http://a.example/"',)):
        with pytest.raises(BadInput, match="broken-batch"):
            Screening(BSN, None, EVERYTHING).decided(Outcome(frozenset(CareCategory), "patient-consented", bases))


def test_words_that_only_look_like_marks_do_no_harm() -> None:
    narrative = observation(
        text={"status": "generated", "div": 'said "subject" and "Patient/2" and C:\\users'}, note=[{"text": "patient"}], code={"text": "patient"}
    )

    assert screen(narrative).patients == {"1"}


def test_p4_own_references_in_every_spelling_pass() -> None:
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(Outcome(frozenset(CareCategory), "patient-consented", ("http://127.0.0.1:1/fhir",)))
    records = [
        observation(subject={"reference": "Patient/1/_history/4"}),
        observation(subject={"reference": "http://127.0.0.1:1/fhir/Patient/1"}),
        observation(subject={"identifier": {"system": BSN_SYSTEM, "value": BSN.value}}),
        observation(subject={"reference": "Patient/1", "identifier": {"system": BSN_SYSTEM, "value": BSN.value}}),
        observation().replace(b"Patient/1", b"Patient\\/1"),
    ]

    screening.check(batch_of([PATIENT, *records]))


@pytest.mark.parametrize(
    ("patient", "ending"),
    [
        ({"identifier": [{"system": BSN_SYSTEM, "value": OTHER}]}, Ending.REJECTED),
        ({"identifier": [{"system": BSN_SYSTEM, "value": BSN.value}, {"system": BSN_SYSTEM, "value": OTHER}]}, Ending.REJECTED),
        ({"identifier": []}, Ending.IDENTITY_UNVERIFIED),
        ({"birthDate": ""}, Ending.IDENTITY_UNVERIFIED),
        ({"birthDate": "1942-03-02"}, Ending.REJECTED),
    ],
)
def test_p4_the_patient_record_shows_exactly_one_bsn_and_the_birth_date(patient: dict[str, object], ending: Ending) -> None:
    screening = Screening(BSN, date(1942, 3, 1), EVERYTHING)
    screening.decided(ALL_CATEGORIES)

    with pytest.raises(HolderFailure) as caught:
        screening.check(batch_of([json.dumps({**json.loads(PATIENT), **patient}).encode(), observation()]))

    assert caught.value.ending is ending


def test_p4_records_before_any_patient_record_are_not_believed() -> None:
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(ALL_CATEGORIES)

    with pytest.raises(HolderFailure) as caught:
        screening.check(batch_of([observation(), PATIENT]))

    assert caught.value.ending is Ending.IDENTITY_UNVERIFIED


def test_p5_a_category_that_the_holder_did_not_decide_on_ends_its_answer() -> None:
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(Outcome(frozenset({CareCategory.PATIENT, CareCategory.CONDITION}), "patient-consented"))

    with pytest.raises(HolderFailure) as caught:
        screening.check(batch_of([PATIENT, observation()]))

    assert caught.value.code is Fault.NOT_DECIDED


def test_p5_a_category_claimed_in_the_column_but_not_by_the_record_is_found_out() -> None:
    condition = json.dumps({"resourceType": "Condition", "id": "1", "subject": {"reference": "Patient/1"}}).encode()
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(ALL_CATEGORIES)
    honest = batch_of([PATIENT, observation(), condition])
    # The observation's row now says that it is a vital sign.
    lied = bytearray(honest.columns)
    lied[40 + 34 : 40 + 36] = (25).to_bytes(2, "little")

    with pytest.raises(HolderFailure) as caught:
        screening.check(Batch(bytes(lied), honest.blob, honest.categories))

    assert caught.value.code is Fault.BROKEN_BATCH


def test_what_was_not_asked_for_is_not_let_through() -> None:
    condition = json.dumps({"resourceType": "Condition", "id": "1", "subject": {"reference": "Patient/1"}}).encode()

    assert refused(condition, selection=Selection(types=frozenset({"Observation"}))).code is Fault.NOT_ASKED_FOR
    assert refused(observation(), selection=Selection(codes=(Token("http://loinc.org", "1"),))).code is Fault.NOT_ASKED_FOR
    assert refused(observation(), selection=Selection(ids=("2",))).code is Fault.NOT_ASKED_FOR


@pytest.mark.parametrize("damage", ["columns", "blob", "end", "type", "empty"])
def test_a_batch_that_is_not_built_as_agreed_ends_the_answer(damage: str) -> None:
    good = batch_of([PATIENT, observation()])
    batch = {
        "columns": Batch(good.columns[:-1], good.blob, good.categories),
        "blob": Batch(good.columns, good.blob + b" ", good.categories),
        "end": Batch(good.columns[:28] + b"\xff\xff\xff\xff" + good.columns[32:], good.blob, good.categories),
        "type": Batch(good.columns[:72] + b"\xff\xff" + good.columns[74:], good.blob, good.categories),
        "empty": Batch(b"", b"", 0),
    }[damage]
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(ALL_CATEGORIES)

    with pytest.raises(HolderFailure) as caught:
        screening.check(batch)

    assert caught.value.code is Fault.BROKEN_BATCH


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b'{"resourceType":1}',
        b'{"resourceType":"Observation","id":"1","x":"\xff"}',
        b"{" * 100_000,
        observation()[:-1] + b',"n":' + b"[" * 500 + b"]" * 500 + b"}",
    ],
)
def test_bad_bytes_end_the_answer_with_a_fixed_code(text: bytes) -> None:
    good = batch_of([PATIENT, observation()])
    start = len(PATIENT)
    row = bytearray(good.columns)
    row[40 + 28 : 40 + 32] = (start + len(text)).to_bytes(4, "little")
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(ALL_CATEGORIES)

    with pytest.raises(HolderFailure) as caught:
        screening.check(Batch(bytes(row), PATIENT + text, good.categories))

    assert caught.value.ending is Ending.REJECTED


_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["Patient/1", "Patient/2", "http://x/Patient/1", "#p", "Practitioner/3", BSN_SYSTEM, OTHER, BSN.value, "patient", "subject", "Patient"]),
)
_KEYS = st.sampled_from(["subject", "patient", "reference", "identifier", "system", "value", "type", "x", "contained", "extension", "resourceType"])
_JSON = st.recursive(_TEXT, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)), max_leaves=12)


@settings(max_examples=400, deadline=None)
@given(members=st.dictionaries(st.sampled_from(["focus", "performer", "extension", "contained", "note"]), _JSON, max_size=3), escaped=st.booleans())
def test_p4_the_fast_path_never_lets_through_what_the_strict_path_refuses(members: dict[str, object], *, escaped: bool) -> None:
    record = observation(**members)
    if escaped:
        record = re.sub(rb"Patient/", rb"Patient\\/", record)
    read_record(record)
    try:
        check_about(record, TYPE_BY_NAME["Observation"], frozenset({"Patient/1"}), BSN)
        strict = True
    except BadInput:
        strict = False
    try:
        screen(record)
        fast = True
    except HolderFailure:
        fast = False

    assert strict or not fast


def spelt(record: bytes, chance: random.Random) -> bytes:
    """The same record, some of its characters written as escapes."""

    def written(found: re.Match[str]) -> str:
        letter = found[0]
        if letter.startswith("\\") or chance.random() < 0.7:
            return letter
        return "".join(f"\\u{ord(half):04{chance.choice('xX')}}" for half in _halves(letter))

    return re.sub(r"\\u[0-9a-f]{4}|\\.|[A-Za-z/]|[^\x00-\x7f]", written, record.decode()).encode()


def _halves(letter: str) -> list[str]:
    units = letter.encode("utf-16-be")
    return [chr(int.from_bytes(units[at : at + 2])) for at in range(0, len(units), 2)]


@settings(max_examples=400, deadline=None)
@given(members=st.dictionaries(st.sampled_from(["focus", "performer", "note", "contained"]), _JSON, max_size=3), chance=st.randoms(use_true_random=False))
def test_p4_no_spelling_gets_by_the_fast_path_what_the_strict_path_refuses(members: dict[str, object], chance: random.Random) -> None:
    whole = json.dumps({**json.loads(observation(note=[{"text": "patiënt …"}])), **members}, ensure_ascii=False)
    record = spelt(whole.encode(), chance)
    assert json.loads(record) == json.loads(whole)
    try:
        check_about(record, TYPE_BY_NAME["Observation"], frozenset({"Patient/1"}), BSN)
        strict = True
    except BadInput:
        strict = False
    try:
        screen(record)
        fast = True
    except HolderFailure:
        fast = False

    assert strict or not fast


@pytest.mark.parametrize("written", ["pati\\u00ebnt", "Pati\\u00EBnt", "\\u20ac 10", "\\u0141\\u00f3d\\u017a", "\\ufffd"])
def test_an_accent_that_is_spelt_out_is_not_read_slowly(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record = observation(note=[{"text": "?"}]).replace(b"?", written.encode())
    strictly: list[bytes] = []
    monkeypatch.setattr(Screening, "_check_strictly", lambda _, text, *_claimed: strictly.append(text))

    screen(record)
    unsettled = observation(note=[{"text": "?"}]).replace(b"?", b"\\u0045")
    screen(unsettled)

    assert strictly == [unsettled]


@pytest.mark.parametrize("written", [b"\\ud800", b"\\uDFFF", b"\\u00eg", b"\\u12??"])
def test_an_escape_that_is_no_character_ends_the_answer(written: bytes) -> None:
    sound = batch_of([PATIENT, observation(note=[{"text": "??????"}])])
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(ALL_CATEGORIES)

    with pytest.raises(HolderFailure) as caught:
        screening.check(Batch(sound.columns, sound.blob.replace(b"??????", written), sound.categories))

    assert caught.value.ending is Ending.REJECTED


def patient(**changed: object) -> bytes:
    """The Patient record of the person asked for, changed."""
    return json.dumps({**json.loads(PATIENT), **changed}).encode()


@pytest.mark.parametrize(
    "text",
    [
        PATIENT.replace(b'"identifier"', b'"identifier": [{"system": "%s", "value": "%s"}], "identifier"' % (BSN_SYSTEM.encode(), OTHER.encode())),
        patient(contained=[{"resourceType": "Patient", "id": "x", "identifier": [{"system": BSN_SYSTEM, "value": OTHER}]}]),
        patient(link=[{"other": {"reference": "Patient/999"}, "type": "refer"}]),
    ],
)
def test_p4_a_patient_record_that_also_names_somebody_else_rejects_the_answer(text: bytes) -> None:
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(ALL_CATEGORIES)

    with pytest.raises(HolderFailure) as caught:
        screening.check(batch_of([text]))

    assert caught.value.ending is Ending.REJECTED


@pytest.mark.parametrize("reference", ["Pat%69ent/9", "%50atient/9", "Patient%2F9", "Patient%2f9", "Pa%74ient/9"])
def test_p4_percent_encoding_does_not_hide_another_patient(reference: str) -> None:
    assert refused(observation(performer=[{"reference": reference}])).code is Fault.OTHER_PATIENT


@pytest.mark.parametrize("where", [{"note": [{"text": "?"}]}, {"id": "7", "code": {"text": "?"}}])
def test_p3_bytes_that_are_no_text_end_the_answer_wherever_they_stand(where: dict[str, object]) -> None:
    good = batch_of([PATIENT, observation(**where)])
    bad = Batch(good.columns, good.blob.replace(b'"?"', b'"\xff"'), good.categories)
    screening = Screening(BSN, None, EVERYTHING)
    screening.decided(ALL_CATEGORIES)

    with pytest.raises(HolderFailure) as caught:
        screening.check(bad)

    assert caught.value.code is Fault.INVALID_ENCODING


def test_p6_nothing_of_a_record_outlives_its_question() -> None:
    text = "Dina has a secret " * 50
    screening = screen(*(observation(id=str(i), category=[{"text": f"{text}{i}"}]) for i in range(100)))
    fresh = Screening(BSN, None, EVERYTHING)

    assert sum(len(element) for known in screening._categories.values() for element in known) <= 64 * 1_024
    assert not any(fresh._categories.values())
