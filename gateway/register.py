"""The register of the region: who should be there, whether or not it is connected.

For now a TOML file:

    [[holder]]
    name = "dinkelhorst"
    ura = "90000101"
    title = "Ziekenhuis Dinkelhorst"
    kind = "hospital"
    telephone = "053 555 0101"
    address = "127.0.0.1:7101"
    pseudonym_key_file = "keys/dinkelhorst"   # 64 hexadecimal digits
    active = true
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from accord.link.addresses import loopback
from accord.link.pseudonyms import PseudonymKey, pseudonym_key
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import HolderKind
from gateway.ports import RegisteredHolder

_KEYS: Final = frozenset({"name", "ura", "title", "kind", "telephone", "address", "pseudonym_key", "pseudonym_key_file", "active"})


@dataclass(frozen=True, slots=True)
class Register:
    """All registered holders, in the order of the register.

    Raises:
        BadInput: `invalid-setting`, when two holders share a name or URA.
    """

    holders: tuple[RegisteredHolder, ...]
    _by_name: dict[HolderName, RegisteredHolder] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {holder.name: holder for holder in self.holders})
        uras = {holder.card.ura for holder in self.holders}
        if len(self._by_name) != len(self.holders) or len(uras) != len(self.holders):
            raise BadInput(Fault.INVALID_SETTING, "holder: a name or URA stands twice")

    def by_name(self, name: HolderName) -> RegisteredHolder:
        """The holder of this name.

        Raises:
            BadInput: `unknown-holder`.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise BadInput(Fault.UNKNOWN_HOLDER) from None


def read_register(path: Path) -> Register:
    """Read a region file.

    Raises:
        BadInput: `invalid-setting` or `loopback-only`, naming the holder and the key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"region.register: {path.name} cannot be read") from None
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: is not TOML") from None
    entries = content.get("holder")
    if set(content) - {"holder"} or not isinstance(entries, list):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: only [[holder]] tables are known")
    return Register(tuple(_holder(entry, path.parent) for entry in entries))


def _holder(entry: Mapping[str, Any], folder: Path) -> RegisteredHolder:
    label = str(entry.get("name", "?"))[:20]
    for key in entry:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            raise BadInput(Fault.INVALID_SETTING, f"holder {label}: {key}" + (f", did you mean {near[0]}?" if near else ""))
    try:
        return RegisteredHolder(
            DataHolder(HolderName(entry["name"]), Ura(entry["ura"]), str(entry["title"]), HolderKind(entry["kind"]), str(entry.get("telephone", ""))),
            loopback(str(entry["address"])),
            _key(entry, folder),
            bool(entry.get("active", True)),
        )
    except KeyError as missing:
        raise BadInput(Fault.INVALID_SETTING, f"holder {label}: {missing.args[0]} is missing") from None
    except (ValueError, TypeError):
        raise BadInput(Fault.INVALID_SETTING, f"holder {label}: kind") from None
    except BadInput as cause:
        raise BadInput(cause.fault, f"holder {label}: {cause.where or cause.fault}") from None


def _key(entry: Mapping[str, Any], folder: Path) -> PseudonymKey:
    if "pseudonym_key" in entry:
        return pseudonym_key(str(entry["pseudonym_key"]))
    try:
        return pseudonym_key((folder / str(entry["pseudonym_key_file"])).read_text(encoding="ascii").strip())
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "pseudonym_key_file") from None
