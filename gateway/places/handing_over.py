"""The handover on its way: cut into letters that fit, under the digest of the whole."""

from hashlib import sha256
from typing import Final

from accord.letters.envelopes import PART_BYTES
from accord.rules.placing.provider import HANDOVER_BYTES
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import HandedOver

_NOTHING: Final = b""


def parts_of(bundle: bytes) -> tuple[HandedOver, ...]:
    """The letters that a handover goes in.

    Raises:
        BadInput: `too-large`: a provider would not take it; `invalid-parameter`: there is nothing in it.
    """
    if bundle == _NOTHING:
        raise BadInput(Fault.INVALID_PARAMETER, "handover")
    if len(bundle) > HANDOVER_BYTES:
        raise BadInput(Fault.TOO_LARGE, "handover")
    digest = sha256(bundle).digest()
    pieces = [bundle[begin : begin + PART_BYTES] for begin in range(0, len(bundle), PART_BYTES)]
    return tuple(HandedOver(number, len(pieces), digest, piece) for number, piece in enumerate(pieces, 1))
