"""The clinicians of a simulated region: where the viewer of its data user is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from testbed.free_ports import free_port


@dataclass(frozen=True, slots=True)
class ViewerPages:
    """Where clinicians go."""

    url: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the viewer, in those of the data user's proxy."""
        return {"listen": self.url.removeprefix("http://"), "public_url": self.url, "demo": True}


def plan_viewer() -> ViewerPages:
    """Where the viewer will be."""
    return ViewerPages(f"http://127.0.0.1:{free_port()}")
