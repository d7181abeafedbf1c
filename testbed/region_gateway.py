"""What the gateway of a simulated region finds on disk: its settings, its keys, and those of every holder."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from testbed.processes import Program
from testbed.region_files import HolderFiles, agents_door, key_of
from testbed.region_office import RegionOffice
from testbed.toml_files import write_toml


def write_gateway(
    root: Path,
    office: RegionOffice,
    everyone: Iterable[HolderFiles],
    *,
    seconds: float,
    sections: Mapping[str, Mapping[str, str | bool | float]] | None = None,
    grpc: str = "127.0.0.1:0",
    **more: float,
) -> Program:
    """Write the gateway's settings, its keys, and the register; *more* are settings of its region, *sections* others."""
    folder = root / "gateway"
    (folder / "keys").mkdir(mode=0o700, parents=True, exist_ok=True)
    office.give(folder, follows=True)
    office.give_keys("gateway", folder)
    for files in everyone:
        (folder / "keys" / f"{files.name}.key").write_text(key_of(files.name), encoding="ascii")
    write_toml(
        folder / "gateway.toml",
        {
            "listen": {"http": "127.0.0.1:0", "grpc": grpc, "agents": agents_door(root)},
            "member": {"ura": office.run_by.value, "answer_key": "answer.key"},
            "region": {"register": "register.jws", "anchor": "region.pub", "keys": "keys", "seconds": seconds, **more},
            # The testbed is one organisation that asks for everybody.
            "rates": {"per_organisation": 10000.0, "per_organisation_at_once": 10000.0, "in_total": 10000.0, "in_total_at_once": 10000.0},
            **(sections or {}),
        },
    )
    return Program("gateway", "gateway.cli:app", ("run", "--config", str(folder / "gateway.toml")), folder)
