"""Whether a Patient record shows to be of the person asked for (promise P4)."""

import json
from datetime import date
from typing import Any

import pytest

from accord.rules.identity import Identity, identity_of
from accord.rules.reading import read_record
from accord.terms.identifiers import BSN_OID, BSN_SYSTEM, Bsn

ME, OTHER = Bsn("999970008"), "999970045"
BORN = date(1950, 1, 11)


def bsn(value: str = OTHER, system: str = BSN_SYSTEM) -> dict[str, object]:
    """An Identifier that is a BSN."""
    return {"system": system, "value": value}


def patient(birth_date: object = "1950-01-11", *identifiers: object) -> dict[str, Any]:
    """A Patient record."""
    content: dict[str, Any] = {"resourceType": "Patient", "id": "1", "identifier": list(identifiers) if identifiers else [bsn(ME.value)]}
    return content if birth_date is None else {**content, "birthDate": birth_date}


@pytest.mark.parametrize(
    ("content", "identity"),
    [
        (patient(), Identity.SAME),
        (patient("1950-01-11", {"system": "urn:local", "value": "7"}, bsn(ME.value)), Identity.SAME),
        (patient("1950-01-11", bsn(ME.value), bsn(ME.value, BSN_OID)), Identity.SAME),
        (patient("1950-01-12"), Identity.OTHER),
        (patient("1950-11-01"), Identity.OTHER),
        (patient("1951"), Identity.OTHER),
        (patient("1950-02"), Identity.OTHER),
        (patient("onbekend"), Identity.OTHER),
        (patient("195"), Identity.OTHER),
        (patient("1950"), Identity.UNVERIFIED),
        (patient("1950-01"), Identity.UNVERIFIED),
        (patient(""), Identity.UNVERIFIED),
        (patient(None), Identity.UNVERIFIED),
        (patient("1950-01-11", {"system": "urn:local", "value": ME.value}), Identity.UNVERIFIED),
        (patient("1950-01-11", {"system": BSN_SYSTEM}), Identity.UNVERIFIED),
        (patient("1950-01-11", {"system": BSN_SYSTEM, "_value": {"extension": [{"valueCode": "masked"}]}}), Identity.UNVERIFIED),
        (patient("1950-01-11", bsn()), Identity.OTHER),
        (patient("1950-01-11", bsn(ME.value), bsn()), Identity.OTHER),
        (patient(None, bsn()), Identity.OTHER),
        (patient("1950-01-11", bsn(ME.value + " ")), Identity.OTHER),
    ],
)
def test_p4_who_a_patient_record_is(content: dict[str, Any], identity: Identity) -> None:
    assert identity_of(read_record(json.dumps(content).encode()), ME, BORN) is identity


def test_p4_without_a_date_to_compare_the_date_must_still_be_there() -> None:
    def identity(content: dict[str, Any]) -> Identity:
        return identity_of(read_record(json.dumps(content).encode()), ME, None)

    assert identity(patient("1931-05-05")) is Identity.SAME
    assert identity(patient(None)) is Identity.UNVERIFIED
    assert identity(patient("1931-05-05", bsn())) is Identity.OTHER
