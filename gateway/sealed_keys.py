"""The pseudonym keys that holders sealed for this gateway: they lie in the register, and only our key opens them."""

from collections.abc import Callable
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.link.certificates import write_private
from accord.link.pseudonyms import PseudonymKey
from accord.link.sealing import key_id, read_sealing_key, sealing_pem, unseal
from accord.terms.faults import BadInput, Fault
from accord.terms.members import Member
from accord.terms.next_steps import UNWRITABLE

_log = structlog.get_logger("noaber.register")


def read_sealed_keys(path: Path) -> Callable[[Member], PseudonymKey | None] | None:
    """How a holder's box is opened with the key in this file; none without such a file.

    Raises:
        BadInput: `invalid-setting`: there is something that is no such key.
    """
    if not path.exists():
        return None
    key = read_sealing_key(path)
    own = key_id(key.public_key().public_bytes_raw())

    def key_of(member: Member) -> PseudonymKey | None:
        box = dict(member.sealed).get(own)
        if box is None:
            return None
        try:
            return unseal(box, key, member.ura)
        except BadInput as failure:
            _log.warning("sealed pseudonym key cannot be opened", holder=member.name.value, code=failure.fault.value)
            return None

    return key_of


def make_sealing_key(path: Path) -> str:
    """The public half (PEM) of the key in this file, which is made when there is none.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not path.exists():
        try:
            write_private(path, X25519PrivateKey.generate())
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, "region.sealing_key: cannot be written", then=UNWRITABLE) from None
    return sealing_pem(read_sealing_key(path))
