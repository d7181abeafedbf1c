"""The holders of the region, as the signed register has them: who should be there, whether or not it is connected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from accord.link.addresses import address
from accord.link.introducing import is_outbound
from accord.link.pseudonyms import PseudonymKey, pseudonym_key
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.members import PLACES_ONLY, Member, MemberStatus, RegionRegister
from accord.terms.next_steps import UNREADABLE
from gateway.ports import RegisteredHolder

_KEY_SUFFIX: Final = ".key"


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


_log = structlog.get_logger("noaber.register")


class LiveHolders:
    """The holders of whatever is the newest register. *current* gives it, *keys* the pseudonym keys by holder, *sealed* what one sealed for us.

    A holder whose key was not given has its line in every account, and is not asked: it could not be located.
    """

    def __init__(
        self, current: Callable[[], RegionRegister], keys: Mapping[HolderName, PseudonymKey], sealed: Callable[[Member], PseudonymKey | None] | None = None
    ) -> None:
        self._current = current
        self._keys = keys
        self._sealed = sealed
        self._made: tuple[RegionRegister, Register] | None = None
        self._told: set[HolderName] = set()

    @property
    def holders(self) -> tuple[RegisteredHolder, ...]:
        """In the order of the register.

        Raises:
            Unavailable: `register-outdated`.
        """
        return self._register().holders

    def by_name(self, name: HolderName) -> RegisteredHolder:
        """The holder of this name.

        Raises:
            BadInput: `unknown-holder`.
            Unavailable: `register-outdated`.
        """
        return self._register().by_name(name)

    def _register(self) -> Register:
        current = self._current()
        if self._made is None or self._made[0] is not current:
            keys = self._keys_of(current)
            self._made = current, Register(tuple(_holder(member, keys) for member in current.holders))
            for member in current.holders:
                if member.status is MemberStatus.ACTIVE and member.name not in keys:
                    # Otherwise its operator sees no more than a holder that never answers.
                    _log.warning("holder is never asked: its pseudonym key is missing", holder=member.name.value, key=f"{member.name.value}{_KEY_SUFFIX}")
        return self._made[1]

    def _keys_of(self, current: RegionRegister) -> dict[HolderName, PseudonymKey]:
        """Those of our folder, and for other holders what they sealed for us in the register."""
        keys = dict(self._keys)
        for member in current.holders:
            key = self._sealed(member) if self._sealed is not None else None
            if key is None:
                continue
            if keys.setdefault(member.name, key) != key and member.name not in self._told:
                # Otherwise all that is seen is that this holder is asked with a wrong key.
                self._told.add(member.name)
                file = f"{member.name.value}{_KEY_SUFFIX}"
                _log.error("a file has another pseudonym key than its holder sealed; the file counts", holder=member.name.value, next=f"remove {file}, restart")
        return keys


#: Stands for a key that was not given, with a holder that is never asked.
_NO_KEY: Final = PseudonymKey(bytes(32))
_NOWHERE: Final = "127.0.0.1:0"


def _holder(member: Member, keys: Mapping[HolderName, PseudonymKey]) -> RegisteredHolder:
    key = keys.get(member.name)
    active = member.status is MemberStatus.ACTIVE and key is not None and (bool(member.address) or is_outbound(member))
    return RegisteredHolder(member.holder, address(member.address or _NOWHERE), key or _NO_KEY, active, is_outbound(member), PLACES_ONLY in member.capabilities)


def read_keys(folder: Path) -> dict[HolderName, PseudonymKey]:
    """The pseudonym keys in a folder: `<holder>.key`, 64 hexadecimal digits each. None, where there is no folder: they come sealed as well.

    Raises:
        BadInput: `invalid-setting`, naming the file.
    """
    keys: dict[HolderName, PseudonymKey] = {}
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == _KEY_SUFFIX)
        for path in files:
            keys[HolderName(path.stem)] = pseudonym_key(path.read_text(encoding="ascii").strip())
    except OSError:
        if not folder.exists():
            return {}
        raise BadInput(Fault.INVALID_SETTING, f"region.keys: {folder.name} cannot be read", then=UNREADABLE) from None
    except (BadInput, ValueError):
        raise BadInput(Fault.INVALID_SETTING, f"region.keys: {path.name}") from None
    return keys
