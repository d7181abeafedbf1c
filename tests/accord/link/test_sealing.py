"""A box opens for the gateway it was made for, for the holder it is from, and for nobody else."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.link.pseudonyms import PseudonymKey
from accord.link.sealing import BOX_BYTES, seal, unseal
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura

KEY = PseudonymKey(bytes(range(32)))
HOLDER = Ura("90001005")


def test_the_gateway_opens_what_was_sealed_for_it() -> None:
    gateway = X25519PrivateKey.generate()
    box = seal(KEY, gateway.public_key().public_bytes_raw(), HOLDER)

    assert unseal(box, gateway, HOLDER) == KEY
    assert len(box) == BOX_BYTES
    assert KEY.value not in box


def test_no_two_boxes_are_alike() -> None:
    public = X25519PrivateKey.generate().public_key().public_bytes_raw()

    assert seal(KEY, public, HOLDER) != seal(KEY, public, HOLDER)


def test_nobody_else_opens_it_and_no_other_holder_can_use_it() -> None:
    gateway = X25519PrivateKey.generate()
    box = seal(KEY, gateway.public_key().public_bytes_raw(), HOLDER)
    attempts = [
        (box, X25519PrivateKey.generate(), HOLDER),
        (box, gateway, Ura("90001006")),
        *((box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :], gateway, HOLDER) for at in range(0, BOX_BYTES, 7)),
        (bytes(BOX_BYTES), gateway, HOLDER),
        (b"", gateway, HOLDER),
    ]

    for attempt in attempts:
        with pytest.raises(BadInput) as failure:
            unseal(*attempt)
        assert failure.value.fault is Fault.WRONG_KEY


def test_nothing_is_sealed_for_a_key_that_is_none() -> None:
    with pytest.raises(BadInput):
        seal(KEY, bytes(32), HOLDER)
