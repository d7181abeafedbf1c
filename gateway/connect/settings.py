"""The settings of `noaber connect`: frozen, read once, passed down."""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec

from accord.link.secret_files import Secrets
from accord.link.settings import Loaded, load
from accord.ops.settings import LogSettings, OpsSettings
from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import WHOLE
from accord.terms.parties import Professional
from gateway.connect.professionals import Professionals, moment_in

PREFIX: Final = "NOABER_CONNECT__"
#: The settings that name a file with a secret; no value of `noaber connect` is one.
KEPT: Final = Secrets(files=frozenset({"applications.tokens", "gateway.key", "organisation.mandate_key", "places.key"}))

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]

#: A whole settings file, as `noaber connect example` prints it. Relative paths are relative to the file.
EXAMPLE: Final = """\
# Settings of `noaber connect`. Relative paths are relative to this file.

[listen]
http = "127.0.0.1:8480"          # your FHIR base is http://127.0.0.1:8480/fhir
grpc = ""                        # the gRPC face, for instance "127.0.0.1:8481"; empty: off

[region]
register = "register.jws"        # the register of the region, as its office publishes it
key = "region.pub"               # the region's public key, as its office told you

[gateway]
url = "https://gateway.example:8443"
grpc = ""                        # where the gateway's gRPC face answers, for instance "gateway.example:8444"
ura = "90000100"                 # the organisation that runs it
certificate = "tls.pem"          # your own TLS certificate and key (mode 600)
key = "tls.key"

[organisation]
ura = "90000001"
mandate_key = "mandate.key"      # your mandate key (mode 600); or one of the two below, if a system of yours holds it
# mandate_command = ["/usr/local/bin/issue-mandate"]
# mandate_url = "https://mandates.example/issue"

[professional]                   # who asks, where no trusted application says otherwise
id = "900000001"
role = "01.015"
name = "S. ten Esker"
treatment = "registered"         # registered, admitted, referred, present; empty: none is claimed

[viewer]
listen = ""                      # the clinician's viewer, for instance "127.0.0.1:8482" or "unix:/run/noaber/viewer.sock"; empty: off
public_url = ""                  # what browsers see: https at your own proxy; plain http on this machine only
demo = false                     # true: whoever reaches the page works as the professional above; for demonstrations only
# [[viewer.smart]]               # a health record that launches it (docs/viewer.md)
# issuer = "https://ehr.example/fhir"
# client_id = "noaber-viewer"
# client_secret_file = "ehr.secret"
# treatment = "present"
# two_factors = ["mfa"]

[places]
folder = ""                      # where searches for a free place are kept (docs/finding-a-place.md), for instance "places"; empty: off
key = ""                         # a mandate key of yours in the register (mode 600), only where organisation.mandate_key is not set
keep_days = 30                   # how long a search is kept after its end, or after anybody last looked at it and its day came
patience_ms = 400                # how long a provider may take to say what it has; the late ones are asked once more
neighbourhoods = ""              # a table of the region: postcode,latitude,longitude,name; empty: no distances are shown
needing = ""                     # the region's own table of what is needed after what; empty: the one that comes with this

[applications]
tokens = ""                      # a file of `noaber connect token <name>`; empty: every program on this machine may ask
without_token = false            # true: also with a file, a program without a token may ask, as the professional above
"""


class Listen(msgspec.Struct, frozen=True):
    """Where applications reach it: loopback addresses or unix sockets; an empty one turns that face off. `public_url`: what they see before `/fhir`."""

    http: str = "127.0.0.1:8480"
    grpc: str = ""
    public_url: str = ""


class RegionSettings(msgspec.Struct, frozen=True):
    """The register's file, the region's public key (PEM), and where the newest known register is kept (empty: beside the file)."""

    register: str = "register.jws"
    key: str = "region.pub"
    known: str = ""


class GatewaySettings(msgspec.Struct, frozen=True):
    """The gateway: its addresses, the organisation that runs it, our TLS files (empty: plain, on this machine only)."""

    url: str = ""
    grpc: str = ""
    ura: str = ""
    certificate: str = ""
    key: str = ""
    seconds: _Seconds = 60.0


class OrganisationSettings(msgspec.Struct, frozen=True):
    """The data user, and where its mandates come from: its key, a program, or an address. Exactly one of the three."""

    ura: str = ""
    mandate_key: str = ""
    mandate_command: tuple[str, ...] = ()
    mandate_url: str = ""


class ProfessionalSettings(msgspec.Struct, frozen=True):
    """Who asks, where no trusted application says otherwise. `second_factor_at`: when they last proved to be themselves (ISO 8601, with zone)."""

    id: str = ""
    role: str = ""
    name: str = ""
    treatment: str = ""
    second_factor_at: str = ""


class ApplicationSettings(msgspec.Struct, frozen=True):
    """The file of tokens; empty: every program on this machine may ask, and none is trusted.

    `without_token`: so it is also with a file, for those that show no token.
    """

    tokens: str = ""
    without_token: bool = False


class SmartSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An electronic health record that the viewer may be launched from; see `gateway.viewer.ehr.Ehr`.

    `client_secret_file` or `client_key` (a private key, PEM, with its `client_key_id`) proves that it is us; neither: a public
    client. `allowed` are endpoints at another origin than the issuer's.
    """

    issuer: str
    client_id: str
    title: str = ""
    client_secret_file: str = ""
    client_key: str = ""
    client_key_id: str = ""
    scopes: tuple[str, ...] = ()
    treatment: str = ""
    role_claim: str = ""
    two_factors: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


class ViewerPagesSettings(msgspec.Struct, frozen=True):
    """The clinician's viewer: where it listens (empty: off), what browsers see, whether it is a demonstration without login, and by whom it is launched.

    `authorities`: a file (PEM) with the authorities of the health records, where they are not the system's. `dossiers` and
    `dossier_mebibytes`: how many are open at most, and how large each may be.
    """

    listen: str = ""
    public_url: str = ""
    demo: bool = False
    smart: tuple[SmartSettings, ...] = ()
    authorities: str = ""
    dossiers: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    dossier_mebibytes: Annotated[int, msgspec.Meta(ge=1, le=4_096)] = 64


class PlacesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Looking for a free place: the folder of its searches (empty: off), the key by which its letters are signed, and two tables of the region.

    `key`: a registered mandate key, where the mandates come from elsewhere. `keep_days`: after its end, or after anybody last
    looked at it, a search is erased. `patience_ms`: of the first asking. `neighbourhoods` and `needing` are files.
    """

    folder: str = ""
    key: str = ""
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30
    patience_ms: Annotated[int, msgspec.Meta(ge=50, le=5_000)] = 400
    neighbourhoods: str = ""
    needing: str = ""


class MemorySettings(msgspec.Struct, frozen=True):
    """How many patients are known at the same time, and after how many seconds without a question they are forgotten."""

    patients: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1_000
    idle_seconds: _Seconds = 12 * 3600.0


class ConnectSettings(msgspec.Struct, frozen=True):
    """All of it."""

    listen: Listen = Listen()
    region: RegionSettings = RegionSettings()
    gateway: GatewaySettings = GatewaySettings()
    organisation: OrganisationSettings = OrganisationSettings()
    professional: ProfessionalSettings = ProfessionalSettings()
    viewer: ViewerPagesSettings = ViewerPagesSettings()
    applications: ApplicationSettings = ApplicationSettings()
    places: PlacesSettings = PlacesSettings()
    memory: MemorySettings = MemorySettings()
    ops: OpsSettings = OpsSettings()
    log: LogSettings = LogSettings()

    @property
    def professionals(self) -> Professionals:
        """Who asks.

        Raises:
            BadInput: `invalid-setting`.
        """
        given = self.professional
        if not (given.id and given.role and given.name):
            raise BadInput(Fault.INVALID_SETTING, "professional: id, role and name", then=WHOLE)
        try:
            treatment = TreatmentBasis(given.treatment) if given.treatment else None
            factor_at: datetime | None = moment_in(given.second_factor_at) if given.second_factor_at else None
        except ValueError:
            raise BadInput(Fault.INVALID_SETTING, "professional: treatment or second_factor_at", then=WHOLE) from None
        return Professionals(Professional(given.id, given.role, given.name), treatment, factor_at)


def read_settings(files: Iterable[Path], sets: Iterable[str]) -> Loaded[ConnectSettings]:
    """Read the layers.

    Raises:
        BadInput: `invalid-setting`.
    """
    return load(ConnectSettings, files=files, environment=os.environ, prefix=PREFIX, sets=sets, secrets=KEPT)
