"""Opaque patient ids."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Ura, is_logical_id
from gateway.patient_ids import KEY_BYTES, PatientIds, PatientKeys, Person

USER, OTHER_USER = Ura("90000001"), Ura("90000002")
PERSON = Person(Bsn("999911120"), date(1950, 1, 2))


def ids(**keys: bytes) -> PatientIds:
    by_epoch = {int(name[1:]): key for name, key in (keys or {"k0": b"k" * KEY_BYTES}).items()}
    return PatientIds(PatientKeys(by_epoch, max(by_epoch)))


def test_an_id_stands_for_its_person_and_is_a_fhir_id() -> None:
    made = ids().make(PERSON, USER)

    assert ids().read(made, USER) == PERSON
    assert is_logical_id(made)
    assert PERSON.bsn.value not in made


def test_the_same_person_has_the_same_id_and_a_length_that_tells_nothing() -> None:
    without_birth_date = ids().make(Person(PERSON.bsn, None), USER)

    assert ids().make(PERSON, USER) == ids().make(PERSON, USER)
    assert len(without_birth_date) == len(ids().make(PERSON, USER)) == 40
    assert ids().read(without_birth_date, USER).birth_date is None


def test_another_data_user_cannot_use_it() -> None:
    made = ids().make(PERSON, USER)

    with pytest.raises(BadInput) as refused:
        ids().read(made, OTHER_USER)
    assert refused.value.fault is Fault.UNKNOWN_PATIENT_ID
    assert ids().make(PERSON, OTHER_USER) != made


def test_an_id_of_an_earlier_epoch_opens_until_its_key_is_gone() -> None:
    old, new = b"o" * KEY_BYTES, b"n" * KEY_BYTES
    made = ids(k1=old).make(PERSON, USER)

    assert ids(k1=old, k2=new).read(made, USER) == PERSON
    assert ids(k1=old, k2=new).make(PERSON, USER) != made
    with pytest.raises(BadInput, match=Fault.UNKNOWN_PATIENT_ID):
        ids(k2=new).read(made, USER)


@given(st.text(max_size=60) | st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=40, max_size=40))
def test_whatever_was_made_up_is_unknown(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        ids().read(text, USER)
    assert (refused.value.fault, refused.value.where) == (Fault.UNKNOWN_PATIENT_ID, "")


@pytest.mark.parametrize("place", range(40))
def test_a_changed_character_makes_it_unknown(place: int) -> None:
    made = ids().make(PERSON, USER)
    changed = made[:place] + ("a" if made[place] != "a" else "b") + made[place + 1 :]

    for text in (changed, made.upper(), made + "a", made + "\n"):
        with pytest.raises(BadInput, match=Fault.UNKNOWN_PATIENT_ID):
            ids().read(text, USER)


@pytest.mark.parametrize("keys", [({0: b"short"}, 0), ({0: b"k" * KEY_BYTES}, 1), ({256: b"k" * KEY_BYTES}, 256), ({}, 0)])
def test_keys_that_cannot_work_are_refused(keys: tuple[dict[int, bytes], int]) -> None:
    with pytest.raises(BadInput, match=Fault.INVALID_SETTING):
        PatientKeys(*keys)
