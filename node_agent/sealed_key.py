"""This holder's pseudonym key, sealed for every gateway of the region that can open a box."""

from collections.abc import Iterable

from accord.link.jose import encoded
from accord.link.pseudonyms import PseudonymKey
from accord.link.sealing import key_id, seal
from accord.terms.identifiers import Ura
from accord.terms.members import Member, MemberStatus, Part, RegionRegister


def boxes(key: PseudonymKey, ura: Ura, register: RegionRegister, known: Iterable[str] = ()) -> dict[str, str]:
    """A box for each gateway's key for which there is none yet; by the id of that key."""
    there = frozenset(known)
    readers = {key_id(member.sealing): member.sealing for member in gateways(register) if member.sealing}
    return {name: encoded(seal(key, reader, ura)) for name, reader in readers.items() if name not in there}


def owed(key: PseudonymKey, ura: Ura, register: RegionRegister) -> dict[str, str]:
    """Boxes for gateways that have none of ours in the register: they came later, or have a new key."""
    member = register.by_ura.get(ura)
    return boxes(key, ura, register, dict(member.sealed) if member is not None else ())


def gateways(register: RegionRegister) -> list[Member]:
    """The gateways that take part."""
    return [member for member in register.members if Part.GATEWAY in member.parts and member.status is MemberStatus.ACTIVE]
