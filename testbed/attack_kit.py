"""Everything that is needed to attack a running region through its public faces, with the keys of whoever the script plays.

    with BlockingRegion.start(story=False, holders=("brinkhof", "dinkelhorst")) as region, AttackKit.of(region) as kit:
        told = kit.gateway("brinkhof").query(question(kit.user().mandate(bsn), kit.ura("brinkhof"), bsn))

See `docs/attacking.md`.
"""

import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import httpx2

from accord.link.certificates import host_name
from accord.link.credentials import https_client_context
from accord.link.options import CHANNEL
from accord.link.pseudonyms import PseudonymKey, pseudonym_key
from accord.region.draft import Draft
from accord.region.member_keys import tls_files
from accord.terms.identifiers import Bsn, Pseudonym, Ura
from accord.terms.members import Member, Part, RegionRegister
from accord.terms.vocabulary import HolderKind
from accord.wire import question_codec
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1.dossier_service_pb2_grpc import DossierServiceStub
from testbed import asking
from testbed.http2_peer import Http2Peer
from testbed.region import BlockingRegion
from testbed.region_files import DATA_USER, key_of
from testbed.region_office import GATEWAY, Credentials, member_of
from testbed.scripted_gateway import ScriptedGateway
from testbed.scripted_user import ScriptedMandate, ScriptedUser

_DAYS: Final = 2


class AttackKit:
    """Keys, channels and raw connections of any member of a region, which is closed with the context of `of`."""

    def __init__(self, region: BlockingRegion, stack: ExitStack) -> None:
        self.region = region
        self._stack = stack
        self._folder = region.root / "attack"
        self._gateways: dict[tuple[str, str], ScriptedGateway] = {}
        self._credentials: dict[tuple[str, int], Credentials] = {}

    @classmethod
    @contextmanager
    def of(cls, region: BlockingRegion) -> Iterator["AttackKit"]:
        """The kit for a region that runs."""
        with ExitStack() as stack:
            yield cls(region, stack)

    @property
    def register(self) -> RegionRegister:
        """The register as the office signed it last."""
        return self.credentials("gateway").live.newest

    def member(self, name: str) -> Member:
        """A member by its name in the register."""
        return next(member for member in self.register.members if member.name.value == name)

    def ura(self, name: str) -> Ura:
        """The URA of a member."""
        return self.member(name).ura

    def folder(self, name: str) -> Path:
        """A folder with the register and the keys of a member, as its own process would have it."""
        folder = self._folder / name
        self.region.office.give(folder)
        self.region.office.give_keys(name, folder)
        return folder

    def _keys(self, name: str) -> Path:
        self.credentials(name)
        return self._folder / name

    def credentials(self, name: str) -> Credentials:
        """The credentials of a member, with the register of this moment."""
        version = (self.region.root / "office" / "register.jws").stat().st_mtime_ns
        if (name, version) not in self._credentials:
            self._credentials[name, version] = Credentials(self.folder(name))
        return self._credentials[name, version]

    def user(self, name: str = DATA_USER) -> ScriptedUser:
        """A data user that signs what the script wants."""
        return ScriptedUser.of(self.member(name), self.register.region, self._keys(name))

    def gateway(self, holder: str, *, through: str = "gateway") -> ScriptedGateway:
        """A gateway at a holder; *through* are the credentials it uses, also of a member that is no gateway."""
        key = holder, through
        if key not in self._gateways:
            self._gateways[key] = self.new_gateway(holder, through=through)
        return self._gateways[key]

    def new_gateway(self, holder: str, *, through: str = "gateway") -> ScriptedGateway:
        """As `gateway`, over a channel that is opened for it."""
        return self._stack.enter_context(ScriptedGateway(self.credentials(through), self.ura(holder), self.address(holder)))

    def enrol(self, name: str, ura: str, parts: set[Part]) -> Member:
        """Take another organisation into the region, with all keys."""
        fresh = member_of(name, Ura(ura), f"{name} (fictional)", HolderKind.HOSPITAL, parts=parts)

        def add(draft: Draft) -> None:
            draft.add_with_keys(fresh, self.region.office.keys / name, ("localhost", "127.0.0.1"), days=_DAYS)

        self.region.office.change(add)
        return self.member(name)

    def address(self, at: str) -> str:
        """Where a holder answers, or the gRPC face of the `gateway`."""
        return self.region.files[at].address if at in self.region.files else self.faces["grpc"]

    @property
    def faces(self) -> dict[str, str]:
        """The gateway's own addresses, which take nobody without a certificate of the region."""
        gateway = self.region.process_of("gateway")
        return dict(part.split("=", 1) for part in gateway.told.split()[1:]) if gateway else {}

    def tls(self, name: str = "") -> ssl.SSLContext:
        """TLS as a member speaks it; without a name, as somebody who has no certificate."""
        return https_client_context(self.register.authorities, tls_files(self.folder(name)) if name else None)

    def peer(self, at: str, *, as_member: str = DATA_USER) -> AbstractContextManager[Http2Peer]:
        """A raw HTTP/2 connection over TLS to a holder or the `gateway`, with a member's certificate; empty: with none."""
        return Http2Peer.connect(self.address(at), self.tls(as_member), self.name(at))

    def name(self, at: str) -> str:
        """The name in the certificate of a holder or the `gateway`, by which it is called whatever its address."""
        return host_name(self.ura(at) if at in self.region.files else GATEWAY)

    def pseudonym(self, holder: str, bsn: str) -> tuple[Pseudonym, PseudonymKey]:
        """The pseudonym of a person at a holder, and the key, which the gateway has too."""
        key = pseudonym_key(key_of(holder))
        return key.pseudonym(Bsn(bsn)), key

    @contextmanager
    def dossiers(self, name: str = DATA_USER) -> Iterator[Any]:
        """The gateway's gRPC face (a `DossierServiceStub`), spoken to by a member itself and not through `noaber connect`."""
        keys, options = self.credentials(name).channel(GATEWAY)
        with grpc.secure_channel(self.faces["grpc"], keys, options=(*CHANNEL, *options)) as channel:
            yield DossierServiceStub(channel)

    @contextmanager
    def fhir(self, name: str = DATA_USER) -> Iterator[httpx2.Client]:
        """The gateway's FHIR face, spoken to by a member itself; empty: by somebody without a certificate."""
        base = f"https://{self.faces['http'].removeprefix('https://').removeprefix('http://')}/fhir"
        with httpx2.Client(base_url=base, verify=self.tls(name), timeout=20, trust_env=False) as client:
            yield client


def opening(mandate: ScriptedMandate, bsn: str, **chosen: Any) -> pb.OpenRequest:
    """A request to open a dossier with evidence, as `noaber connect` sends it; *chosen* as `testbed.asking.request`."""
    message = asking.request(bsn, **chosen)
    message.selection.CopyFrom(question_codec.selection_to_wire(question_codec.selection_from_wire(message.selection)))
    message.purpose = question_codec.purpose_to_wire(mandate.purpose)
    message.evidence.CopyFrom(question_codec.evidence_to_wire(mandate.evidence()))
    return message
