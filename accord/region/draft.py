"""The next version of the register while somebody works on it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from accord.link.certificates import Authority, certify, key_digest, requested_key
from accord.link.register_file import check_member
from accord.link.sealing import key_id
from accord.region.member_keys import KnownBy, make_keys
from accord.region.superseded import Superseded
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.members import LoginProvider, Member, MemberStatus, RegionRegister
from accord.terms.next_steps import IN_THE_REGISTER, NOT_IN_THE_REGISTER
from accord.terms.policies import RegionPolicy


class Draft:
    """What the register will say. Nothing of it counts before the office has signed it."""

    def __init__(self, register: RegionRegister, authority: Authority, superseded: Mapping[Ura, Superseded], *, at: datetime) -> None:
        self._before = register
        self._register = register
        self.superseded = dict(superseded)
        self._authority = authority
        self._at = at
        self._members = dict(register.by_ura)

    def add(self, member: Member) -> None:
        """Take an organisation in, with what it is known by.

        Raises:
            BadInput: `invalid-setting`: its URA or name is there already; `register-invalid`: it is described wrongly.
        """
        check_member(member)
        if member.ura in self._members or member.name in {known.name for known in self._members.values()}:
            raise BadInput(Fault.INVALID_SETTING, f"{member.ura}, {member.name}: one of these is in the register already", then=IN_THE_REGISTER)
        self._members[member.ura] = member

    def add_with_keys(self, member: Member, folder: Path, names: Iterable[str] = (), *, days: int = 90) -> Member:
        """Take an organisation in and make all its keys in *folder*; *names* are host names and addresses where it answers.

        Raises:
            BadInput: as `add`, and `invalid-setting` when there are keys in this folder already.
        """
        self.add(member)
        self.renew_keys(member.ura, folder, names, days=days)
        return self.member(member.ura)

    def certify(self, request: bytes, ura: Ura, names: Iterable[str] = (), *, days: int = 90) -> tuple[str, bytes]:
        """A certificate (PEM) for a signing request (PEM), and the digest by which the register shall know it.

        Raises:
            BadInput: `invalid-setting`.
        """
        certificate = certify(self._authority, requested_key(request), ura, names, at=self._at, days=days)
        return certificate, key_digest(certificate.encode("ascii"))

    def rotate(self, ura: Ura, known_by: KnownBy) -> None:
        """Add what an organisation is known by. What that replaces still counts, until `drop_old`.

        Raises:
            BadInput: `invalid-setting`: not in the register.
        """
        member = self.member(ura)
        renewed = frozenset(use for key in known_by.keys for use in key.uses)
        came = {key.id for key in known_by.keys}
        kept = tuple(key for key in member.keys if key.id not in came)
        replaced = Superseded(
            certificates=member.certificates - known_by.certificates if known_by.certificates else frozenset(),
            keys=frozenset(key.id for key in kept if key.uses <= renewed),
        )
        old = self.superseded.get(ura, Superseded()).joined(replaced).without(Superseded(known_by.certificates, frozenset(came)))
        if old != Superseded():
            self.superseded[ura] = old
        self._members[ura] = replace(
            member, certificates=member.certificates | known_by.certificates, keys=(*kept, *known_by.keys), sealing=known_by.sealing or member.sealing
        )

    def renew_certificate(self, ura: Ura, used: bytes, new: bytes) -> None:
        """Let an organisation be known by the digest of a *new* key, and still by the one that it *used* to ask for it; what it used before that is dropped.

        What was replaced is renewed for the same new key only, as when the answer was lost: another one would be of a thief, or of a copy.

        Raises:
            BadInput: `invalid-setting`: not in the register; `certificate-replaced`.
        """
        member = self.member(ura)
        old = self.superseded.get(ura, Superseded())
        if used in old.certificates and new not in member.certificates:
            raise BadInput(Fault.CERTIFICATE_REPLACED)
        kept = member.certificates - (old.certificates - {used, new}) | {new}
        self.superseded[ura] = Superseded(frozenset({used}), old.keys)
        self._members[ura] = replace(member, certificates=kept)

    def renew_keys(self, ura: Ura, folder: Path, names: Iterable[str] = (), *, days: int = 90) -> None:
        """Make new keys of every kind for an organisation, in another folder than the old ones, and rotate to them.

        Raises:
            BadInput: `invalid-setting`.
        """
        self.rotate(ura, make_keys(folder, self._authority, ura, self.member(ura).parts, names, at=self._at, days=days))

    def drop_old(self, ura: Ura) -> None:
        """Let what was replaced count no longer.

        Raises:
            BadInput: `invalid-setting`: not in the register, or nothing of it was replaced.
        """
        member = self.member(ura)
        old = self.superseded.pop(ura, Superseded())
        if old == Superseded():
            raise BadInput(Fault.INVALID_SETTING, f"{ura} has nothing that was replaced", then=NOT_IN_THE_REGISTER)
        keys = tuple(key for key in member.keys if key.id not in old.keys)
        self._members[ura] = replace(member, certificates=member.certificates - old.certificates, keys=keys)

    def block(self, ura: Ura) -> None:
        """Cut an organisation off.

        Raises:
            BadInput: `invalid-setting`: not in the register.
        """
        self.change_member(ura, lambda member: replace(member, status=MemberStatus.BLOCKED))

    def activate(self, ura: Ura) -> None:
        """Let an organisation take part (again).

        Raises:
            BadInput: `invalid-setting`: not in the register.
        """
        self.change_member(ura, lambda member: replace(member, status=MemberStatus.ACTIVE))

    def change_member(self, ura: Ura, change: Callable[[Member], Member]) -> None:
        """Change anything else of an organisation; it keeps its URA.

        Raises:
            BadInput: `invalid-setting`: not in the register.
        """
        self._members[ura] = replace(change(self.member(ura)), ura=ura)

    def trust(self, authority: str) -> None:
        """Let certificates of another authority (PEM) be shown here, too: of a neighbouring region, whose gateway has one of its own.

        Who takes part by one still stands in the register, by the digest of its key.
        """
        if authority not in self._register.authorities:
            self._register = replace(self._register, authorities=(*self._register.authorities, authority))

    def distrust(self, authority: str) -> None:
        """Let certificates of a neighbouring region's authority (PEM) be shown here no longer. Whoever has one can open no connection any more.

        Raises:
            BadInput: `invalid-setting`: it is not trusted here, or it is our own.
        """
        if authority == self._authority.certificate or authority not in self._register.authorities:
            raise BadInput(Fault.INVALID_SETTING, "not the authority of a neighbouring region that is trusted here", then=NOT_IN_THE_REGISTER)
        self._register = replace(self._register, authorities=tuple(known for known in self._register.authorities if known != authority))

    def set_policy(self, policy: RegionPolicy) -> None:
        """What the region agreed on about access."""
        self._register = replace(self._register, policy=policy)

    def add_login(self, login: LoginProvider) -> None:
        """Where patients log in; the same issuer once more replaces what was there."""
        others = tuple(known for known in self._register.logins if known.issuer != login.issuer)
        self._register = replace(self._register, logins=(*others, login))

    def renew(self, days: int) -> None:
        """Count until so many days from now."""
        self._register = replace(self._register, expires=self._at + timedelta(days=days))

    def member(self, ura: Ura) -> Member:
        """An organisation as the draft has it.

        Raises:
            BadInput: `invalid-setting`: not in the register.
        """
        member = self._members.get(ura)
        if member is None:
            raise BadInput(Fault.INVALID_SETTING, f"{ura} is not in the register", then=NOT_IN_THE_REGISTER)
        return member

    def knows(self, ura: Ura) -> bool:
        """Whether an organisation is in the register."""
        return ura in self._members

    @property
    def members(self) -> tuple[Member, ...]:
        """Everybody in it."""
        return tuple(self._members.values())

    @property
    def sealing_keys(self) -> frozenset[str]:
        """The ids of the keys under which gateways are sealed secrets."""
        return frozenset(key_id(member.sealing) for member in self._members.values() if member.sealing)

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to sign."""
        return self._drafted() != self._before

    def finished(self) -> RegionRegister:
        """The register as it will be."""
        return next_version(self._drafted(), self._at)

    def _drafted(self) -> RegionRegister:
        return replace(self._register, members=tuple(self._members.values()))


def next_version(register: RegionRegister, at: datetime) -> RegionRegister:
    """The register one version on, issued now."""
    return replace(register, version=register.version + 1, issued=at)
