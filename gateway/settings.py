"""The gateway's settings: frozen, read once, passed down."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from accord.link.settings import Loaded, load
from accord.terms.identifiers import Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import HolderKind

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]


class Listen(msgspec.Struct, frozen=True):
    """Where the faces listen: loopback addresses; an empty one turns that face off."""

    http: str = "127.0.0.1:8480"
    grpc: str = "127.0.0.1:8481"


class RegionSettings(msgspec.Struct, frozen=True):
    """The region: its register file, and how long to wait, in seconds."""

    register: str = "region.toml"
    seconds: _Seconds = 8.0
    locate_seconds: _Seconds = 1.0
    first_frame_seconds: _Seconds = 4.0
    between_frames_seconds: _Seconds = 3.0
    questions_at_once: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 40


class AskerSettings(msgspec.Struct, frozen=True):
    """On whose behalf this gateway asks, until mandates stand."""

    ura: str = "90000001"
    name: str = "Demo data user"
    kind: HolderKind = HolderKind.HOSPITAL
    professional: str = "000000001"
    role: str = "01.000"
    professional_name: str = "Demo professional"


class HttpFaceSettings(msgspec.Struct, frozen=True):
    """The FHIR face. `public_url` is used in every link; empty: the listening address."""

    public_url: str = ""
    allow_bsn_in_url: bool = False
    strict_clients: bool = False


class PatientIdSettings(msgspec.Struct, frozen=True):
    """The key of the opaque patient ids: a file with 128 hexadecimal digits; empty: a fresh key per process."""

    key_file: str = ""


class GatewaySettings(msgspec.Struct, frozen=True):
    """All of it."""

    listen: Listen = Listen()
    region: RegionSettings = RegionSettings()
    asker: AskerSettings = AskerSettings()
    http: HttpFaceSettings = HttpFaceSettings()
    patient_id: PatientIdSettings = PatientIdSettings()

    @property
    def asked_by(self) -> Asker:
        """Who asks. The treatment relationship is attested by the configured data user."""
        asker = self.asker
        return Asker(
            DataUser(Ura(asker.ura), asker.name, asker.kind),
            Professional(asker.professional, asker.role, asker.professional_name),
            treats_the_patient=True,
        )


def read_settings(files: Iterable[Path], sets: Iterable[str]) -> Loaded[GatewaySettings]:
    """Read the layers.

    Raises:
        BadInput: `invalid-setting`.
    """
    return load(GatewaySettings, files=files, environment=os.environ, prefix="NOABER_GATEWAY__", sets=sets)
