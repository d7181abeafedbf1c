"""How an agent is named in the commands that its own people give: by its settings files, or by its house."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.ops.doctor.findings import command

#: Where a unit stands that somebody installed.
_UNITS: Final = Path("/etc/systemd/system")


@dataclass(frozen=True, slots=True)
class Named:
    """The agent that a command is about: `only` is its name. Each of these is a command that can be given as it is printed."""

    config: tuple[Path, ...] = ()
    house: Path | None = None
    only: str = ""

    @property
    def _settings(self) -> list[str]:
        return [part for path in self.config for part in ("--config", str(path))]

    def of_one(self, *words: str) -> str:
        """A command about this one organisation: `pause`, `status`, `check`."""
        return command("noaber", "agent", *words, *(["--house", str(self.house), "--only", self.only] if self.house is not None else self._settings))

    def of_all(self, *words: str) -> str:
        """A command about the process: `run`, `doctor`."""
        return command("noaber", "agent", *words, *(["--house", str(self.house)] if self.house is not None else self._settings))

    def by_settings(self, *words: str) -> str:
        """A command that reads settings files: `config show`, `mapping check`."""
        return command("noaber", "agent", *words, *self._settings)

    @property
    def started(self) -> str:
        """How it is started: as a service where there is one of its name."""
        units = (
            {"noaber-house": "noaber-house"}
            if self.house is not None
            else {f"noaber-{self.only}": f"noaber-{self.only}", f"noaber-agent@{self.only}": "noaber-agent@"}
        )
        unit = next((name for name, file in units.items() if (_UNITS / f"{file}.service").is_file()), "")
        return command("systemctl", "start", unit) if unit else self.of_all("run")
