"""What the newest attempt to write at the source showed, kept beside the settings.

An account that was let in counts as one that may write in every later run of the check, and when the office is told of it, until a
newer attempt is refused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from accord.link.live_register import replace_file
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import TRY_AGAIN, UNWRITABLE
from node_agent.source_settings import SourceSettings

_FILE: Final = "write-attempt.json"


class Attempt(msgspec.Struct, frozen=True):
    """An attempt to write: whether it was let in, and a digest of where and as whom, without any secret."""

    at: datetime
    let_in: bool
    account: str = ""


@dataclass(frozen=True, slots=True)
class Attempts:
    """The newest attempt of a house, and where it is kept; without a file nothing is remembered."""

    file: Path | None = None
    account: str = ""

    @classmethod
    def of(cls, settings: SourceSettings, folder: Path) -> "Attempts":
        """Those of the source of these settings."""
        whom = (settings.kind, settings.base, settings.url, settings.user, settings.client_id, settings.certificate, settings.factory)
        return cls(folder / _FILE, sha256(msgspec.json.encode(whom)).hexdigest())

    def newest(self) -> Attempt | None:
        """What the newest attempt showed; a refusal counts only for the account that was refused.

        Raises:
            BadInput: `invalid-setting`: what is kept cannot be read, and nobody knows what it showed.
        """
        if self.file is None or not self.file.exists():
            return None
        try:
            attempt = msgspec.json.decode(self.file.read_bytes(), type=Attempt)
        except (OSError, msgspec.DecodeError):
            raise BadInput(Fault.INVALID_SETTING, f"{_FILE}: cannot be read", then=TRY_AGAIN) from None
        return attempt if attempt.let_in or attempt.account == self.account else None

    def keep(self, *, let_in: bool) -> None:
        """Keep what an attempt showed.

        Raises:
            BadInput: `invalid-setting`: it cannot be written.
        """
        if self.file is None:
            return
        try:
            replace_file(self.file, msgspec.json.encode(Attempt(datetime.now(UTC), let_in, self.account)))
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, f"{_FILE}: cannot be written", then=UNWRITABLE) from None
