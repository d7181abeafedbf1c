"""Agents that call their gateways, and gateways' doors for them, in one process: real keys, a real register, real TLS."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc import aio

from accord.link.addresses import Address
from accord.link.certificates import read_anchor, read_signing_key
from accord.link.credentials import TlsMaterial
from accord.link.introducing import OUTBOUND
from accord.link.live_register import LiveRegister
from accord.link.pseudonyms import PseudonymKey
from accord.region.draft import Draft
from accord.region.member_keys import signing_key_file, tls_files
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, Member, Part
from accord.terms.vocabulary import HolderKind
from gateway.adapters.agent_channel import AgentChannel
from gateway.adapters.agent_door import DoorTimes
from gateway.agent_serving import Agents, AgentSide, serving_agents
from gateway.ports import RegisteredHolder
from gateway.settings import Listen
from node_agent.api.attending import AttendTimes, OwnSide
from node_agent.outbound import Outbound, channel_to
from testbed.region_office import GATEWAY, RegionOffice, member_of

_NO_KEY: Final = PseudonymKey(bytes(32))


def outbound_member(name: str, ura: Ura) -> Member:
    """A holder whose agent calls out, as the office takes it in."""
    member = member_of(name, ura, name.title(), HolderKind.GP_PRACTICE, parts={Part.DATA_HOLDER})
    return replace(member, capabilities=frozenset({OUTBOUND}))


class OutboundRegion:
    """A region of a gateway and some holders whose agents call it, in *folder*."""

    def __init__(self, folder: Path, members: Iterable[Member]) -> None:
        self._folder = folder
        self.members = {member.name.value: member for member in members}
        self.office = RegionOffice(folder)
        self.office.enrol(self.members.values())
        self._made = 0

    def change(self, change: Callable[[Draft], None]) -> None:
        """Make a new version of the register, which every process takes within a second."""
        self.office.change(change)

    def live(self, name: str) -> tuple[Path, LiveRegister]:
        """The register as a process of this organisation has it, in a folder of its own."""
        self._made += 1
        folder = self._folder / "at" / f"{name}-{self._made}"
        self.office.give(folder, follows=True)
        self.office.give_keys(name, folder)
        return folder, LiveRegister(folder / "register.jws", [read_anchor(folder / "region.pub")])

    @asynccontextmanager
    async def door(self, *, certified: str = "127.0.0.1:0", uncertified: str = "", times: DoorTimes | None = None) -> "AsyncIterator[Door]":
        """A gateway's door: several are replicas of one gateway."""
        folder, live = self.live("gateway")
        side = AgentSide(GATEWAY, live, TlsMaterial(tls_files(folder), live), _answer_key(folder), _now)
        agents = Agents(_no_way)
        async with serving_agents(Listen(agents=certified, agents_uncertified=uncertified), agents, side, times) as doors:
            yield Door(agents, live, doors.certified, doors.uncertified)

    def agent(
        self,
        name: str,
        gateways: Iterable[str],
        *,
        proxy: str = "",
        further: bytes = b"",
        key: Ed25519PrivateKey | None = None,
        times: AttendTimes | None = None,
    ) -> "OutboundAgent":
        """What the agent of this holder needs to call these gateways."""
        folder, live = self.live(name)
        material = TlsMaterial(tls_files(folder), live)
        own = OwnSide(self.members[name].ura, live, key or _answer_key(folder), _now)
        to = Outbound(tuple(gateways), own, lambda gateway: channel_to(gateway, material, proxy=proxy, further=further), times or AttendTimes())
        return OutboundAgent(to, live, material)


class OutboundAgent:
    """The outbound part of an agent, its register and its certificate."""

    def __init__(self, to: Outbound, live: LiveRegister, material: TlsMaterial) -> None:
        self.to = to
        self.live = live
        self.material = material


class Door:
    """A gateway's door for agents, who came in, and where it listens."""

    def __init__(self, agents: Agents, live: LiveRegister, address: str, uncertified: str) -> None:
        self.agents = agents
        self.live = live
        self.address = address
        self.uncertified = uncertified

    def channel(self, member: Member) -> AgentChannel:
        """The gateway's way to this holder."""
        return self.channel_to(member.ura)

    def channel_to(self, ura: Ura) -> AgentChannel:
        """The gateway's way to the holder of this URA."""
        return AgentChannel(self.agents.sessions, ura)

    def registered(self, member: Member) -> RegisteredHolder:
        """The holder as the gateway has it."""
        return RegisteredHolder(member.holder, Address("127.0.0.1"), _NO_KEY, outbound=True)


def _answer_key(folder: Path) -> Ed25519PrivateKey:
    return read_signing_key(signing_key_file(folder, KeyUse.ANSWER))


def _no_way(_: RegisteredHolder) -> aio.Channel:
    raise AssertionError("everybody here calls out")


def _now() -> datetime:
    return datetime.now(UTC)
