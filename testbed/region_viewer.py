"""The clinicians of a simulated region: the viewer of its data user, and the health record that launches it, as a process of its own."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from testbed.ehr import TWO_FACTORS
from testbed.ehr_records import HOSPITAL
from testbed.free_ports import free_port
from testbed.processes import Processes, Program

CLIENT: Final = "noaber-viewer"
_SECRET: Final = "ehr.secret"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class ViewerPages:
    """Where clinicians go: the viewer, and the health record from which they open it."""

    url: str
    ehr: str
    secret: str = field(repr=False)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the viewer, in those of the data user's proxy."""
        smart = {
            "issuer": f"{self.ehr}/fhir",
            "client_id": CLIENT,
            "title": HOSPITAL,
            "client_secret_file": _SECRET,
            "treatment": "present",
            "two_factors": [TWO_FACTORS],
        }
        return {"listen": self.url.removeprefix("http://"), "public_url": self.url, "demo": True, "smart": [smart]}

    def put_secret(self, folder: Path) -> None:
        """Write the secret that the settings name."""
        path = folder / _SECRET
        path.touch(mode=0o600)
        path.write_text(f"{self.secret}\n", encoding="ascii")


def start_ehr(root: Path, processes: Processes) -> ViewerPages:
    """Start the health record; the viewer comes later.

    Raises:
        ProcessFailed: It did not start.
    """
    pages = ViewerPages(f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{(port := free_port())}", secrets.token_urlsafe(24))
    folder = root / "ehr"
    folder.mkdir(mode=0o700)
    processes.start(Program("health record", "testbed.ehr:main", (str(port), pages.url, CLIENT, pages.secret), folder)).wait_until_ready("{")
    return pages
