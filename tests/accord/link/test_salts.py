"""How a mandate names its patient: by nothing that tells who it is, until one has the BSN."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.link.salts import fresh_salt, is_about, open_salt, patient_commitment, seal_salt
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from tests.accord.asked import bsns
from tests.accord.link.evidence_world import BSN, OTHER_BSN

salts = st.binary(min_size=32, max_size=32)


@given(salts, salts, bsns)
def test_who_knows_the_bsn_opens_the_salt(salt: bytes, digest: bytes, bsn: Bsn) -> None:
    assert open_salt(seal_salt(salt, bsn, digest), bsn, digest) == salt


@given(salts, salts, bsns, bsns)
def test_under_another_bsn_or_mandate_what_comes_out_fits_nothing(salt: bytes, digest: bytes, bsn: Bsn, other: Bsn) -> None:
    sealed, commitment = seal_salt(salt, bsn, digest), patient_commitment(salt, bsn)

    assert is_about(commitment, open_salt(sealed, bsn, digest), bsn)
    assert is_about(commitment, open_salt(sealed, other, digest), other) == (other == bsn)
    assert not is_about(commitment, open_salt(sealed, bsn, bytes(32) if any(digest) else b"\1" * 32), bsn)


def test_two_mandates_about_one_person_have_nothing_in_common() -> None:
    first, second = fresh_salt(), fresh_salt()

    assert len(first) == 32
    assert patient_commitment(first, BSN) != patient_commitment(second, BSN)
    assert patient_commitment(first, BSN) != patient_commitment(first, OTHER_BSN)


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_a_salt_of_another_length_is_none(salt: bytes) -> None:
    attempts: list[Callable[[], bytes]] = [
        lambda: patient_commitment(salt, BSN),
        lambda: seal_salt(salt, BSN, bytes(32)),
        lambda: open_salt(salt, BSN, bytes(32)),
    ]
    for attempt in attempts:
        with pytest.raises(BadInput) as caught:
            attempt()
        assert caught.value.fault is Fault.TOKEN_INVALID
