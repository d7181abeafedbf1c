"""A region with places whose every process can be killed and started again where it was: agents, gateway, and the asker's own."""

import json
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Final

from testbed.asking_places import PlacesAsker, asking_places
from testbed.holders import BY_NAME
from testbed.killing import KillableRegion
from testbed.places_files import STORE
from testbed.places_systems import OwnSystem
from testbed.processes import ProcessFailed, Program
from testbed.region_files import DATA_USER

GATEWAY: Final = "gateway"
CONNECT: Final = "connect"
_IMPORT_SECONDS: Final = 60.0


class PlacesRegion(KillableRegion):
    """A region that has places. `start(places=...)` as of every other."""

    def stay_at_address(self) -> None:
        """Gateway and connect start again where they listen now."""
        super().stay_at_address()
        if self._connect is None:
            raise RuntimeError("there is no connect yet")
        path = self._connect.program.folder / "connect.toml"
        settings = path.read_text(encoding="utf-8")
        for face, address in faces(self._connect.told).items():
            if face in ("http", "grpc"):
                settings = settings.replace(f'{face} = "127.0.0.1:0"', f'{face} = "{address.removeprefix("http://")}"', 1)
        path.write_text(settings, encoding="utf-8")

    def be_patient(self) -> None:
        """Have connect wait longer than people would: on a busy machine nobody is late who is only slow."""
        self.stay_at_address()
        self.kill(CONNECT)
        settings = self.root / CONNECT / "connect.toml"
        told = settings.read_text(encoding="utf-8")
        settings.write_text(told.replace("[places]\n", "[places]\npatience_ms = 5000\n"), encoding="utf-8")
        self.start_again(CONNECT)

    def kill(self, name: str) -> Path:
        """End a process as `kill -9` does; returns the folder of its journal."""
        if name != CONNECT:
            return super().kill(name)
        if self._connect is None:
            raise RuntimeError("there is no connect yet")
        self._processes.kill(self._connect)
        return self._connect.program.folder / "journal"

    def start_again(self, name: str) -> float:
        """Start what was killed; returns the seconds until it says that it is ready."""
        if name != CONNECT:
            return super().start_again(name)
        begun = time.monotonic()
        if self._connect is None:
            raise RuntimeError("there is no connect yet")
        self._connect = self._processes.start(self._connect.program)
        self._connect.wait_until_ready("ready")
        return time.monotonic() - begun

    def freeze(self, holder: str, *, frozen: bool = True) -> None:
        """Stop an agent as it stands, or let it go on. Nobody waits for the gateway to notice."""
        agent = self.process_of(holder)
        if agent is not None:
            self._processes.signal(agent, SIGSTOP if frozen else SIGCONT)

    def system_of(self, holder: str) -> OwnSystem | None:
        """The provider's own system that tells of its places, where it has one."""
        return self._at.system_of(self.files[holder])

    def asker(self) -> AbstractAsyncContextManager[PlacesAsker]:
        """The data user's own way to ask for places, beside its proxy: with its keys, and at the same gateway."""
        return asking_places(self.root / CONNECT, BY_NAME[DATA_USER].ura, faces(self._running_gateway().told)["grpc"])

    @property
    def stores(self) -> Mapping[str, Path]:
        """What each provider has on disk."""
        stores = {name: files.agent / STORE for name, files in self.files.items() if files.openings}
        # Whoever was dead from the beginning never wrote anything.
        return {name: store for name, store in stores.items() if store.exists()}

    def permit(self, bsn: str, *holders: str) -> None:
        """Somebody lets these holders share everything from now on, as their own systems tell their agents."""
        for name in holders:
            files = self.files[name]
            path = files.source / "permitted.ndjson"
            path.write_text(json.dumps({"bsn": bsn, "permits": True, "from": datetime.now(UTC).isoformat()}) + "\n", encoding="utf-8")
            arguments = ("choices", "import", str(path), "--store", str(files.source / "choices.db"))
            imported = self._processes.start(Program(f"{name}: permitted", "node_agent.cli:app", arguments, files.source))
            if self._processes.wait(imported, _IMPORT_SECONDS) != 0:
                raise ProcessFailed(imported.name, "took no choice in")

    @property
    def journals(self) -> Mapping[str, Path]:
        """The journal of each provider."""
        return {name: self.files[name].agent / "journal" for name in self.stores}


def faces(told: str) -> dict[str, str]:
    """The addresses in a ready line."""
    return dict(part.split("=", 1) for part in told.split()[1:])
