"""The agent's settings: frozen, read once, passed down."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec

from accord.link.addresses import Address, address
from accord.link.office_settings import OFFICE_SECRETS, OfficeSettings
from accord.link.secret_files import Secrets
from accord.link.settings import Loaded, load
from accord.ops.settings import LogSettings, OpsSettings
from accord.ops.telling import settings_told
from accord.review.settings import ReviewSettings
from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.next_steps import ADDRESS, HOLDER_NAME, LISTEN_OR_CALL, URA_FORM
from accord.terms.policies import HolderPolicy
from accord.terms.vocabulary import CareCategory, HolderKind
from node_agent.control_settings import ControlSettings
from node_agent.feed_settings import FeedSettings
from node_agent.it_settings import ItSettings
from node_agent.outbound_settings import OUTBOUND_SECRETS, OutboundSettings
from node_agent.places_settings import PlacesSettings
from node_agent.source_settings import SOURCE_SECRETS, SourceSettings

#: Never shown, by `section.key`.
SECRETS = frozenset({"locate.key"}) | SOURCE_SECRETS | OUTBOUND_SECRETS | OFFICE_SECRETS
#: All that is secret: the values above, and the files that these settings name.
KEPT: Final = Secrets(
    SECRETS,
    frozenset(
        {
            "feed.key",
            "holder.answer_key",
            "it.key",
            "locate.key_file",
            "mitz.key",
            "places.key",
            "places.key_file",
            "review.key",
            "source.certificate_key",
            "source.client_key_file",
            "tls.key",
        }
    ),
)
#: Of the environment variables that are settings.
PREFIX: Final = "NOABER_AGENT__"


class HolderSettings(msgspec.Struct, frozen=True):
    """The care provider that this agent answers for. `answer_key` is the file of the key that signs its last words.

    With `shadow` it decides and writes down what it would have released, and releases nothing.
    """

    ura: str = ""
    name: str = ""
    title: str = ""
    kind: HolderKind = HolderKind.HOSPITAL
    answer_key: str = "answer.key"
    shadow: bool = False


class RegionSettings(msgspec.Struct, frozen=True):
    """The region: the register as it was signed, and the public key of the region (PEM), which the office gives every member."""

    register: str = "register.jws"
    anchor: str = "region.pub"


class TlsSettings(msgspec.Struct, frozen=True):
    """The certificate by which this organisation is known in the region, and its key (PEM files)."""

    certificate: str = "tls.pem"
    key: str = "tls.key"


class JournalSettings(msgspec.Struct, frozen=True):
    """The folder of the access journal."""

    folder: str = "journal"


class PolicySettings(msgspec.Struct, frozen=True):
    """What this holder adds of its own; it can only withhold more. See `accord.terms.policies.HolderPolicy`."""

    never: list[CareCategory] = []
    not_with: list[HolderKind] = []
    labels: list[str] = []
    treatment: list[TreatmentBasis] = []

    @property
    def policy(self) -> HolderPolicy:
        """As a value."""
        return HolderPolicy(frozenset(self.never), frozenset(self.not_with), frozenset(self.labels), frozenset(basis.value for basis in self.treatment))


class ListenSettings(msgspec.Struct, frozen=True):
    """Where it listens: `host:port` or a unix socket; empty: nowhere, for an agent that only calls out. `concurrency`: questions at once."""

    address: str = "127.0.0.1:7001"
    concurrency: int = 200


class ChoicesSettings(msgspec.Struct, frozen=True):
    """Where the patients' choices are kept."""

    path: str = "choices.db"


class MitzSettings(msgspec.Struct, frozen=True):
    """Mitz, the national register of choices, which leads for what it speaks of; off without a `base`.

    `certificate`, `key` and `authorities` (PEM files) are for asking and for being notified alike. `notify` is the address
    of our endpoint for notifications as Mitz knows it, `listen` where it listens, `notifier` the DNS name in the certificate
    by which Mitz notifies. `catalogue` is a file; the one of the product when empty. `gateway_system` and `source_system`
    are OIDs. No answer is used for longer than `lease_seconds`.
    """

    base: str = ""
    certificate: str = ""
    key: str = ""
    authorities: str = ""
    catalogue: str = ""
    notify: str = ""
    listen: str = ""
    notifier: str = ""
    gateway_system: str = ""
    source_system: str = ""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16
    lease_seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 60.0


class LocateSettings(msgspec.Struct, frozen=True):
    """The key of this holder's pseudonyms: 64 hexadecimal digits, or a file that holds them."""

    key: str = ""
    key_file: str = ""
    refresh_seconds: float = 300.0


class AgentSettings(msgspec.Struct, frozen=True):
    """All of it."""

    holder: HolderSettings = HolderSettings()
    listen: ListenSettings = ListenSettings()
    outbound: OutboundSettings = OutboundSettings()
    source: SourceSettings = SourceSettings()
    feed: FeedSettings = FeedSettings()
    choices: ChoicesSettings = ChoicesSettings()
    mitz: MitzSettings = MitzSettings()
    locate: LocateSettings = LocateSettings()
    region: RegionSettings = RegionSettings()
    tls: TlsSettings = TlsSettings()
    journal: JournalSettings = JournalSettings()
    policy: PolicySettings = PolicySettings()
    review: ReviewSettings = ReviewSettings()
    office: OfficeSettings = OfficeSettings()
    ops: OpsSettings = OpsSettings()
    log: LogSettings = LogSettings()
    control: ControlSettings = ControlSettings()
    it: ItSettings = ItSettings()
    places: PlacesSettings = PlacesSettings()

    def way_to_office(self, folder: Path) -> OfficeSettings:
        """The office's desk, and the proxy on the way to it with its authority: those to the gateways where it has none of its own.

        *folder* is where the settings are.
        """
        office = msgspec.structs.replace(self.office, proxy=self.office.proxy or self.outbound.proxy, ca_file=self.office.ca_file or self.outbound.ca_file)
        return office.seen_from(folder)


def read_settings(files: Iterable[Path], sets: Iterable[str]) -> Loaded[AgentSettings]:
    """Read the layers.

    Raises:
        BadInput: `invalid-setting`.
    """
    return load(AgentSettings, files=files, environment=os.environ, prefix=PREFIX, sets=sets, secrets=KEPT)


def own_names(settings: AgentSettings) -> tuple[Ura, HolderName]:
    """Which organisation it answers for: its number, and its name in the register.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        ura = Ura(settings.holder.ura)
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "holder.ura", then=URA_FORM) from None
    try:
        return ura, HolderName(settings.holder.name)
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "holder.name", then=HOLDER_NAME) from None


def own_address(settings: AgentSettings) -> Address | None:
    """Where it listens; none where it only calls its gateways.

    Raises:
        BadInput: `invalid-setting`: it is no address, or it neither listens nor calls.
    """
    given = settings.listen.address
    if not given and not settings.outbound.gateways:
        raise BadInput(Fault.INVALID_SETTING, "listen.address: without it, outbound.gateways says whom to call", then=LISTEN_OR_CALL)
    try:
        return address(given) if given else None
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "listen.address", then=ADDRESS) from None


def lines(loaded: Loaded[AgentSettings]) -> list[str]:
    """Every setting with its value and where it comes from; secrets are masked."""
    return settings_told(loaded, KEPT, as_json=False).splitlines()
