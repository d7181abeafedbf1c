"""The settings of the office: where its joining desk is, where a process of a member renews its certificate."""

from pathlib import Path
from typing import Annotated, Final

import msgspec

#: It may hold a password. Never shown, by `section.key`.
OFFICE_SECRETS: Final = frozenset({"office.proxy"})


class OfficeSettings(msgspec.Struct, frozen=True):
    """The office of the region; off without a `desk` (`https://desk.example.nl:8490`).

    A process renews its certificate there when two thirds of its life are over, and asks every `follow_seconds` for a newer register.
    `proxy` is the HTTP proxy on the way to it (`http://user:password@host:port`), `none` for no proxy at all; when it is empty
    HTTPS_PROXY and NO_PROXY of the environment count. `ca_file` (PEM) has authorities to believe beside the region's, where that proxy
    opens TLS: for this connection only. Who is at its end is proven inside.
    """

    desk: str = ""
    proxy: str = ""
    ca_file: str = ""
    follow_seconds: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 30.0

    def seen_from(self, folder: Path) -> "OfficeSettings":
        """The same, for settings that are in this folder."""
        return msgspec.structs.replace(self, ca_file=str(folder / self.ca_file)) if self.ca_file else self
