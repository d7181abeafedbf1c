"""The catalogue: every event has what NEN 7513 asks for, on one line, and each reader sees what is meant for them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.audit.chain import leaf_of, link, read_line, write_line
from accord.audit.content import AboutPatient, Asking, Event, Result, Severity, Truth, asking_of, record_marks
from accord.audit.events import CATALOGUE, decode, encode, kind
from accord.audit.showing import EVENTS, FIELDS, Reader, fields_of, shown
from accord.audit.spelling import plain, without_numbers
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from tests.accord.audit.scenes import ASKING, GATEWAY, HOLDER, PATIENT, closing, decision, glass_broken, refused, release

#: What can be in a field that a client fills (SAFETY E5).
HOSTILE = (
    "two\r\nlines",
    "\x1b[2J\x1b[31mred",
    "line\u2028and\u2029paragraph",
    "nul\x00inside",
    '","event":"release","patient":"x',
    '"}\n{"n":1}',
    "\u202eright to left",
    "\ud800 lone",
    "\x85next line",
    "M" * 1_000_000,
    "\x00" * 1_000_000,
)


def with_text(text: str) -> list[Event]:
    """Events with *text* wherever text from outside may come in."""
    asking = Asking(user=text, user_name=text, professional=text, professional_name=text, role=text, responsible=text, mandate=text)
    return [
        decision(text, asking=asking, evidence=(text, text), basis=text, peer=text),
        release(text, asking=asking, records=(text, "Observation/1"), digest=text),
        glass_broken(text, reason=text, words=text),
        refused(text, asking=asking, peer=text, patient=text),
    ]


def one_line(event: Event) -> bytes:
    payload = encode(event)
    leaf = leaf_of(bytes(16), payload)
    return write_line(1, leaf, link(bytes(32), 1, leaf), bytes(16), payload)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_e5_whatever_stands_in_a_field_one_event_is_one_line(text: str) -> None:
    for event in with_text(text):
        line = one_line(event)

        assert len(line.splitlines()) == 1
        assert len(line.decode().splitlines()) == 1  # U+2028 and U+0085 are line ends to Python, and to many a log viewer
        assert line.endswith(b"\n")
        assert all(character.isprintable() for character in line.decode()[:-1])
        assert len(line) < 40 * FIELD_CHARACTERS
        assert read_line(line).content == encode(event)
        assert json.loads(line)["payload"]["event"] == kind(event)
        assert decode(encode(event)) == event


@given(st.text(alphabet=st.characters(codec=None)))
def test_e5_plain_text_is_visible_capped_and_stays_as_it_is(text: str) -> None:
    spelt = plain(text)

    assert spelt.isprintable()
    assert len(spelt) <= FIELD_CHARACTERS
    assert plain(spelt) == spelt
    assert text != spelt or text.isprintable()


def test_a_bsn_that_a_professional_types_is_not_kept() -> None:
    words = without_numbers("BSN 999900006, pas 123456789, tel 0101234567")

    assert "999900006" not in words
    assert "123456789" in words  # no BSN: it fails the eleven-test
    assert "999900006" not in glass_broken(words="dit is 999900006.").words


def test_e6_an_event_about_a_question_has_every_field_of_nen_7513() -> None:
    told = json.loads(encode(decision()))

    event = {"event", "code", "action", "moment", "result"}
    user = {"user", "user_name", "user_kind", "professional", "professional_name", "role", "responsible", "purpose", "treatment", "mandate"}
    obj = {"patient", "released", "basis", "evidence", "emergency"}
    source = {"system", "peer", "holder", "query"}
    assert event | obj | source <= told.keys()
    assert user == told["asking"].keys()
    assert (told["code"], told["action"]) == ("110112", "E")


def test_e6_denied_empty_broken_glass_failed_authentication_and_partial_each_have_their_event() -> None:
    denied = decision(released=(), basis="", result=Result.REFUSED)
    empty = closing(ending=Ending.NOTHING_SHOWN, truth=Truth.NOTHING_KNOWN)
    withheld = closing(ending=Ending.NOTHING_SHOWN, truth=Truth.WITHHELD)
    partial = closing(ending=Ending.CUT_OFF, result=Result.PARTLY, fault=Fault.STREAM_CUT)

    for event in (denied, empty, withheld, glass_broken(), refused(fault=Fault.TOKEN_INVALID), partial):
        assert decode(encode(event)) == event
    assert encode(empty) != encode(withheld)
    assert glass_broken().severity is Severity.ALARM
    assert glass_broken().emergency
    assert refused().asking is None


def test_every_event_has_an_id_a_code_and_an_action_of_dicom() -> None:
    ids = [kind(event) for event in CATALOGUE]

    assert len(set(ids)) == len(ids)
    for event in CATALOGUE:
        defaults = dict(zip(event.__struct_fields__[-len(event.__struct_defaults__) :], event.__struct_defaults__, strict=True))
        assert defaults["code"].startswith("1101")
        assert defaults["action"] in "CRUDE"


def test_p6_no_event_has_a_place_for_content() -> None:
    # Every field is metadata of a known kind; whoever adds one must say here, and in the table of readers, who sees it.
    for event in CATALOGUE:
        for reader in Reader:
            assert fields_of(event, reader) <= FIELDS.keys()
    names = {name for event in CATALOGUE for name in event.__struct_fields__ if name != "asking"}
    names |= {f"asking.{name}" for name in Asking.__struct_fields__}
    assert names == FIELDS.keys()


def test_the_patient_reads_names_and_roles_and_no_numbers_of_people() -> None:
    seen = shown(decision(), Reader.PATIENT)

    assert seen is not None
    assert seen["asking"]["professional_name"] == ASKING.professional_name
    assert seen["basis"] == "patient-consented"
    text = json.dumps(seen)
    assert ASKING.professional not in text
    assert PATIENT not in text
    assert ASKING.mandate not in text


def test_an_operator_and_another_party_learn_nothing_about_a_person_or_a_refusal() -> None:
    for reader in (Reader.OPERATOR, Reader.OTHER_PARTY):
        for event in (decision(), release(), closing(ending=Ending.NOTHING_SHOWN, truth=Truth.WITHHELD), glass_broken(), refused(patient=PATIENT)):
            text = json.dumps(shown(event, reader))
            for hidden in (PATIENT, ASKING.professional, ASKING.professional_name, "patient-refused", "MedicationStatement", "withheld", "aanspreekbaar"):
                assert hidden not in text, (reader, kind(event), hidden)


def test_what_is_not_for_a_reader_is_not_there_at_all() -> None:
    assert shown(decision(), Reader.OTHER_PARTY) is None
    assert all(EVENTS[Reader.PATIENT] <= EVENTS[Reader.REVIEWER] for _ in "1")
    for event in CATALOGUE:
        if kind(event) in EVENTS[Reader.PATIENT] and issubclass(event, AboutPatient):
            assert "patient" not in fields_of(event, Reader.PATIENT)


def test_marks_of_records_say_nothing_without_the_key_and_differ_between_holders() -> None:
    names = ("Observation/1", "Observation/2")
    marks = record_marks(b"k" * 32, Ura(HOLDER), names)

    assert [len(mark) for mark in marks] == [16, 16]
    assert marks == record_marks(b"k" * 32, Ura(HOLDER), names)
    assert not set(marks) & set(record_marks(b"l" * 32, Ura(HOLDER), names))
    assert not set(marks) & set(record_marks(b"k" * 32, Ura(GATEWAY), names))


def test_who_asked_is_taken_from_the_question() -> None:
    user = DataUser(Ura("00000002"), "De Linde", HolderKind.GP_PRACTICE)
    asking = asking_of(Asker(user, Professional("900000001", "01.015", "A. de Vries"), True), None, purpose=PurposeOfUse.EMERGENCY_TREATMENT)

    assert (asking.user, asking.user_kind, asking.role) == ("00000002", HolderKind.GP_PRACTICE, "01.015")
    assert asking.purpose is PurposeOfUse.EMERGENCY_TREATMENT
    assert asking.mandate == ""
