"""The proxy of a data user in a simulated region: it holds the key that the gateway never has, and whoever asks does so through it."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from testbed.places_files import NEIGHBOURHOODS, write_neighbourhoods
from testbed.processes import Program, Running
from testbed.region_files import DATA_USER, PROFESSIONAL
from testbed.region_office import GATEWAY, RegionOffice
from testbed.region_viewer import ViewerPages
from testbed.toml_files import write_toml


def write_connect(
    root: Path,
    office: RegionOffice,
    told: str,
    *,
    http: str = "127.0.0.1:0",
    grpc: str = "127.0.0.1:0",
    user: str = DATA_USER,
    ura: str,
    name: str = "connect",
    token: str = "",
    without_token: bool = False,
    professional: Mapping[str, str] = PROFESSIONAL,
    viewer: ViewerPages | None = None,
    places: bool = False,
) -> Program:
    """Write the settings of a data user's proxy; *told* is the gateway's ready line.

    The application that shows *token* is trusted to say who is at work, and how they proved it. Where there is one, nobody else may
    ask, or *without_token* everybody. *viewer* is the clinician's, where there is one. *places*: it also looks for places.
    """
    folder = root / name
    office.give(folder, follows=True)
    office.give_keys(user, folder)
    faces = _faces(told)
    write_toml(
        folder / "connect.toml",
        {
            "listen": {"http": http, "grpc": grpc},
            "region": {"register": "register.jws", "key": "region.pub"},
            "gateway": {"url": f"https://{faces['http']}", "grpc": faces["grpc"], "ura": GATEWAY.value, "certificate": "tls.pem", "key": "tls.key"},
            "organisation": {"ura": ura, "mandate_key": "mandate.key"},
            "professional": dict(professional),
            **({"viewer": viewer.settings} if viewer else {}),
            **({"places": {"folder": "places", "neighbourhoods": NEIGHBOURHOODS}} if places else {}),
            **({"applications": {"tokens": "tokens", "without_token": without_token}} if token else {}),
        },
    )
    if viewer:
        viewer.put_secret(folder)
    if places:
        write_neighbourhoods(folder / NEIGHBOURHOODS)
    if token:
        (folder / "tokens").touch(mode=0o600)
        (folder / "tokens").write_text(f"ehr {sha256(token.encode()).hexdigest()} trusted\n", encoding="ascii")
    return Program(name, "gateway.connect.cli:app", ("run", "--config", str(folder / "connect.toml")), folder)


def faces_of(connect: Running) -> tuple[str, str]:
    """Where a proxy speaks FHIR and gRPC, once it is ready.

    Raises:
        ProcessFailed: It did not start.
    """
    faces = _faces(connect.wait_until_ready("ready"))
    return f"http://{faces['http'].removeprefix('http://')}/fhir", faces["grpc"]


def _faces(told: str) -> dict[str, str]:
    """The addresses in a ready line."""
    return dict(part.split("=", 1) for part in told.split()[1:])
