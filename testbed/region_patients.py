"""The patients of a simulated region: its login provider, as a process of its own, and where the pages are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.terms.members import LoginProvider
from testbed.free_ports import free_port
from testbed.processes import Processes, Program
from testbed.region_office import RegionOffice

CLIENT: Final = "noaber-pages"
CONFIRM_CLIENT: Final = "noaber-choices"
_TITLE: Final = "Regio Twente (demo)"
_TELEPHONE: Final = "053-555 0199"


@dataclass(frozen=True, slots=True)
class PatientPages:
    """Where patients go: the pages, and where they log in."""

    url: str
    issuer: str

    @property
    def settings(self) -> Mapping[str, str | bool | float]:
        """The gateway's settings of the pages."""
        return {
            "listen": self.url.removeprefix("http://"),
            "public_url": self.url,
            "issuer": self.issuer,
            "client_id": CLIENT,
            "title": _TITLE,
            "telephone": _TELEPHONE,
            "fictional": True,
        }


def start_logins(root: Path, processes: Processes, office: RegionOffice) -> PatientPages:
    """Start the login provider, and put its keys into the register.

    Raises:
        ProcessFailed: It did not start.
    """
    pages, port = f"http://127.0.0.1:{free_port()}", free_port()
    folder = root / "logins"
    folder.mkdir(mode=0o700)
    program = Program("login provider", "testbed.login_provider:main", (str(port), CLIENT, CONFIRM_CLIENT, f"{pages}/terug"), folder)
    said = json.loads(processes.start(program).wait_until_ready("{"))
    provider = LoginProvider(**said | {"keys": json.dumps(said["keys"]), "levels": tuple(said["levels"])})
    office.change(lambda draft: draft.add_login(provider))
    return PatientPages(pages, provider.issuer)
