"""The gateway's settings: frozen, read once, passed down."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec

from accord.link.office_settings import OFFICE_SECRETS, OfficeSettings
from accord.link.secret_files import Secrets
from accord.link.settings import Loaded, load
from accord.ops.settings import LogSettings, OpsSettings
from accord.review.settings import ReviewSettings

PREFIX: Final = "NOABER_GATEWAY__"
#: The settings that name a file with a secret; of its values, the password of a proxy may be one.
KEPT: Final = Secrets(
    OFFICE_SECRETS,
    files=frozenset(
        {
            "journal.key_file",
            "member.answer_key",
            "patient_id.key_file",
            "patients.client_secret_file",
            "patients.confirm_client_secret_file",
            "region.sealing_key",
            "review.key",
            "tls.key",
        }
    ),
)

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=300)]
_PerSecond = Annotated[float, msgspec.Meta(gt=0, le=100_000)]


class Listen(msgspec.Struct, frozen=True):
    """Where the faces of data users listen, both with mutual TLS: `host:port` or a unix socket; an empty one turns that face off.

    `agents` is where agents without a port come in, with mutual TLS; `agents_uncertified` the same for those behind a proxy
    that opens TLS, whose certificates do not arrive (docs/outbound.md). Both are off unless they are set.
    """

    http: str = "127.0.0.1:8443"
    grpc: str = "127.0.0.1:8444"
    agents: str = ""
    agents_uncertified: str = ""


class MemberSettings(msgspec.Struct, frozen=True):
    """The organisation that runs this gateway: its URA, and the key that signs the heads of its journal."""

    ura: str = ""
    answer_key: str = "answer.key"


class TlsSettings(msgspec.Struct, frozen=True):
    """The certificate by which this gateway is known in the region, and its key (PEM files)."""

    certificate: str = "tls.pem"
    key: str = "tls.key"


class RegionSettings(msgspec.Struct, frozen=True):
    """The region: the signed register, the region's public key, the folder of pseudonym keys; and how long to wait, in seconds.

    `sealing_key` is the file of the key that opens the pseudonym keys which holders sealed for us; without it, only the folder counts.
    """

    register: str = "register.jws"
    anchor: str = "region.pub"
    keys: str = "keys"
    sealing_key: str = "seal.key"
    seconds: _Seconds = 8.0
    locate_seconds: _Seconds = 1.0
    first_frame_seconds: _Seconds = 4.0
    between_frames_seconds: _Seconds = 3.0
    questions_at_once: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 60
    questions_of_one: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 40


class RateSettings(msgspec.Struct, frozen=True):
    """Questions per second: of one organisation and of all, and how many at once after a silence."""

    per_organisation: _PerSecond = 20.0
    per_organisation_at_once: _PerSecond = 60.0
    in_total: _PerSecond = 100.0
    in_total_at_once: _PerSecond = 200.0


class PlacesSettings(msgspec.Struct, frozen=True):
    """Free places: how many seconds anybody is waited for, and how many questions and calls for letters a second, of one organisation and of all.

    A large hospital asks for many at once: forty people who each look every ten seconds, the late ones once more, and four
    programs that ask again at every change are some sixteen questions a second. As many as it may ask for dossiers are let
    through; and of all together about what was measured on two busy processors with a dozen holders (46).
    """

    patience_seconds: Annotated[float, msgspec.Meta(gt=0, le=5)] = 0.4
    questions: _PerSecond = 20.0
    questions_in_total: _PerSecond = 50.0
    letters: _PerSecond = 50.0
    letters_in_total: _PerSecond = 400.0


class JournalSettings(msgspec.Struct, frozen=True):
    """The folder of the access journal, and the file of the key for its marks (made when it is not there)."""

    folder: str = "journal"
    key_file: str = "journal.key"


class HttpFaceSettings(msgspec.Struct, frozen=True):
    """The FHIR face. `public_url` is used in links for clients that do not come through `noaber connect`; empty: the listening address."""

    public_url: str = ""
    allow_bsn_in_url: bool = False
    strict_clients: bool = False


class SmartSettings(msgspec.Struct, frozen=True):
    """SMART Backend Services: a file of further clients (docs/vendors.md); members of the region are clients by their mandate keys."""

    clients: str = ""


class PatientIdSettings(msgspec.Struct, frozen=True):
    """The key of the opaque patient ids: a file with 128 hexadecimal digits; empty: a fresh key per process."""

    key_file: str = ""


class PatientPagesSettings(msgspec.Struct, frozen=True):
    """The patient's pages: where they listen (empty: there are none), and as which client of which login provider in the register.

    `public_url` is the address under which browsers know them. By which client a choice is confirmed, which claim has the BSN
    and which logins are strong enough stands in the register; `confirm_client_secret_file` is for that client's secret.
    `title` and `telephone` are the region's, `fictional` says on every page that it is a demonstration.
    """

    listen: str = ""
    public_url: str = ""
    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    confirm_client_secret_file: str = ""
    title: str = ""
    telephone: str = ""
    fictional: bool = False


class GatewaySettings(msgspec.Struct, frozen=True):
    """All of it."""

    listen: Listen = Listen()
    member: MemberSettings = MemberSettings()
    tls: TlsSettings = TlsSettings()
    region: RegionSettings = RegionSettings()
    rates: RateSettings = RateSettings()
    places: PlacesSettings = PlacesSettings()
    journal: JournalSettings = JournalSettings()
    http: HttpFaceSettings = HttpFaceSettings()
    patient_id: PatientIdSettings = PatientIdSettings()
    smart: SmartSettings = SmartSettings()
    patients: PatientPagesSettings = PatientPagesSettings()
    review: ReviewSettings = ReviewSettings()
    office: OfficeSettings = OfficeSettings()
    ops: OpsSettings = OpsSettings()
    log: LogSettings = LogSettings()


def read_settings(files: Iterable[Path], sets: Iterable[str]) -> Loaded[GatewaySettings]:
    """Read the layers.

    Raises:
        BadInput: `invalid-setting`.
    """
    return load(GatewaySettings, files=files, environment=os.environ, prefix=PREFIX, sets=sets, secrets=KEPT)
