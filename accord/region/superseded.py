"""What organisations were known by before they rotated: it still counts, until it is dropped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.next_steps import UNREADABLE


@dataclass(frozen=True, slots=True)
class Superseded:
    """Digests of certificates' keys, and ids of signing keys, for which something newer came."""

    certificates: frozenset[bytes] = frozenset()
    keys: frozenset[str] = frozenset()

    def joined(self, other: "Superseded") -> "Superseded":
        """Both."""
        return Superseded(self.certificates | other.certificates, self.keys | other.keys)

    def without(self, other: "Superseded") -> "Superseded":
        """What is not in the other."""
        return Superseded(self.certificates - other.certificates, self.keys - other.keys)


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    certificates: list[str]
    keys: list[str]


_FORM: Final = msgspec.json.Decoder(dict[str, _Form])


def superseded_to_json(superseded: Mapping[Ura, Superseded]) -> bytes:
    """Its text."""
    form = {ura.value: _Form(sorted(digest.hex() for digest in one.certificates), sorted(one.keys)) for ura, one in superseded.items()}
    return msgspec.json.encode(form, order="sorted")


def read_superseded(path: Path) -> dict[Ura, Superseded]:
    """What stands in this file; nothing when there is none.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not path.exists():
        return {}
    try:
        form = _FORM.decode(path.read_bytes())
        return {Ura(ura): Superseded(frozenset(map(bytes.fromhex, one.certificates)), frozenset(one.keys)) for ura, one in form.items()}
    except (OSError, ValueError, msgspec.DecodeError, BadInput):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be read", then=UNREADABLE) from None
