"""The office of the simulated region: it makes everybody's keys, and signs the register. Nothing here is secret, and nothing is left."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.certificates import read_anchor, read_signing_key
from accord.link.credentials import ChannelKeys, TlsMaterial, server_credentials, to_member
from accord.link.live_register import LiveRegister
from accord.link.options import Options
from accord.link.policy_file import default_policy
from accord.region.draft import Draft
from accord.region.member_keys import signing_key_file, tls_files
from accord.region.office import Office
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part
from accord.terms.policies import Budget, EmergencyPolicy, RegionPolicy
from accord.terms.vocabulary import HolderKind
from gateway.neighbours import REGION

GATEWAY: Final = Ura("90009000")
_NAMES: Final = ("localhost", "127.0.0.1")
_EMERGENCY_ROLES: Final = frozenset({"01.015", "01.071"})
#: The testbed asks about many people in a minute; what a real region agrees on is in the default policy.
_BUDGET: Final = Budget(per_professional=100_000, per_organisation=100_000, per_gateway=1_000_000)


def testbed_policy() -> RegionPolicy:
    """The default matrix, emergency access for physicians, and budgets for a day of trying things."""
    emergency = EmergencyPolicy("testbed: no legal basis, only fictional people", _EMERGENCY_ROLES, datetime.now(UTC) + timedelta(days=30))
    return replace(default_policy(), emergency=emergency, budget=_BUDGET)


@dataclass(frozen=True, slots=True)
class Introduced:
    """A region as a neighbour's register has it: its name, what people call it, and whom they telephone there."""

    region: str
    title: str
    telephone: str


class RegionOffice:
    """One region, made in *folder*. `keys` is where everybody's keys are, a folder for each by its name in the register."""

    def __init__(self, folder: Path, policy: RegionPolicy | None = None, *, region: str = "testbed", gateway: Ura = GATEWAY) -> None:
        self._office = Office.found(folder / "office", region, policy or testbed_policy(), at=_now(), days=30)
        #: Who runs its gateway.
        self.run_by = gateway
        self.keys = folder / "keys"
        self._given: list[Path] = []

    def enrol(self, members: Iterable[Member]) -> None:
        """Take organisations in, and make their keys. The gateway is one of them."""
        gateway = member_of("gateway", self.run_by, "Gateway (fictional)", HolderKind.PUBLIC_HEALTH, parts={Part.GATEWAY})
        with self._office.change(_now()) as draft:
            for member in (gateway, *members):
                draft.add_with_keys(member, self.keys / member.name.value, _NAMES, days=30)

    def change(self, change: Callable[[Draft], None]) -> int:
        """Make a new version, and give it to whoever has the register; returns its version."""
        with self._office.change(_now()) as draft:
            change(draft)
        for folder in self._given:
            self._give_register(folder)
        return self._office.signed().register.version

    @property
    def gateway(self) -> Member:
        """Its gateway, as its register has it."""
        return self._office.signed().register.by_ura[self.run_by]

    def know(self, other: "RegionOffice", told: Introduced, address: str) -> None:
        """Take in the gateway of another region, which answers at this address, as whoever speaks for its places."""
        theirs = replace(
            other.gateway,
            name=HolderName(f"regio-{told.region}"),
            title=told.title,
            telephone=told.telephone,
            address=address,
            capabilities=frozenset({f"{REGION}{told.region}"}),
        )
        authority = (other.folder / "authority.pem").read_text(encoding="ascii")

        def take_in(draft: Draft) -> None:
            draft.trust(authority)
            draft.add(theirs)

        self.change(take_in)

    @property
    def folder(self) -> Path:
        """The folder of the office, for its commands."""
        return self._office.folder

    def hand_out(self) -> None:
        """Give whoever has the register the one that stands now: the office's own commands may have made it."""
        for folder in self._given:
            self._give_register(folder)

    def give(self, folder: Path, *, follows: bool = False) -> None:
        """Put the register and the region's key into a process's folder; *follows*: newer registers too."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(self._office.folder / "region.pub", folder / "region.pub")
        self._give_register(folder)
        if follows:
            self._given.append(folder)

    def keep_from(self, folder: Path) -> None:
        """Give this one no newer registers any more: as where nobody brings the file."""
        self._given.remove(folder)

    def give_keys(self, name: str, folder: Path) -> None:
        """Put an organisation's keys into a process's folder."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in (self.keys / name).iterdir():
            shutil.copy(file, folder / file.name)

    def _give_register(self, folder: Path) -> None:
        fresh = folder / ".register.jws"
        shutil.copy(self._office.register_path, fresh)
        fresh.replace(folder / "register.jws")


class Credentials:
    """What an organisation of the testbed shows on its channels: for relays, scripted holders and scripted gateways."""

    def __init__(self, folder: Path, *, known: Path | None = None) -> None:
        self.live = LiveRegister(folder / "register.jws", [read_anchor(folder / "region.pub")], known=known)
        self._material = TlsMaterial(tls_files(folder), self.live)
        self._folder = folder

    def server(self) -> grpc.ServerCredentials:
        """For a server."""
        return server_credentials(self._material)

    def channel(self, ura: Ura) -> tuple[grpc.ChannelCredentials, Options]:
        """For a channel to that organisation."""
        return ChannelKeys(self._material).current(), to_member(ura)

    def answer_key(self) -> Ed25519PrivateKey:
        """The key of its last words."""
        return read_signing_key(signing_key_file(self._folder, KeyUse.ANSWER))


def member_of(name: str, ura: Ura, title: str, kind: HolderKind, *, address: str = "", telephone: str = "", active: bool = True, parts: set[Part]) -> Member:
    """A member as the office takes it in."""
    status = MemberStatus.ACTIVE if active else MemberStatus.PLANNED
    return Member(ura, HolderName(name), title, kind, telephone, status, frozenset(parts), address)


def _now() -> datetime:
    # Certificates that begin at this very second are not valid yet for a clock that is a little behind.
    return datetime.now(UTC) - timedelta(minutes=2)
