"""Secrets that stand in files: beside a setting (`source.password_file`), or where systemd and others put credentials.

A password in a settings file is copied with every backup of it, and one in the environment is seen by every child of a
process. So every secret can be a file instead. With `CREDENTIALS_DIRECTORY`, as systemd's LoadCredential sets it, the file
`<section>.<key>` in that folder is the secret itself, or the file that the setting is the path of.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import LINE_KEY, NOT_PRIVATE, UNREADABLE

#: What is put behind the name of a secret to name a file.
SUFFIX: Final = "_file"
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
_MOST_CHARACTERS: Final = 8192


@dataclass(frozen=True, slots=True)
class Secrets:
    """Which settings (`section.key`) are a secret, and which are the path of a file that holds one."""

    values: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    def hides(self, setting: str) -> bool:
        """Whether the value is never shown. The path of a file may be."""
        return setting in self.values

    def of_credentials(self, environment: Mapping[str, str]) -> dict[str, str]:
        """What stands in the credentials folder: secrets as they are, paths for what is a file.

        Raises:
            BadInput: `invalid-setting`.
        """
        if not environment.get(CREDENTIALS):
            return {}
        folder = Path(environment[CREDENTIALS])
        found = {setting: str(folder / setting) for setting in self.files if (folder / setting).is_file()}
        for setting in self.values:
            if (folder / setting).is_file():
                found[setting] = read_secret(folder / setting, setting, environment)
        return found


def read_secret(path: Path, setting: str, environment: Mapping[str, str] = os.environ) -> str:
    """The one line of a file.

    Raises:
        BadInput: `invalid-setting`, naming the setting.
    """
    try:
        if not kept_private(path, environment):
            raise BadInput(Fault.INVALID_SETTING, f"{setting}: only its owner may be able to read the file (chmod 600)", then=NOT_PRIVATE)
        text = path.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, f"{setting}: the file cannot be read", then=UNREADABLE) from None
    if not text or len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise BadInput(Fault.INVALID_SETTING, f"{setting}: the file holds something else than one line", then=LINE_KEY)
    return text


def kept_private(path: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether nobody but its owner can read a file.

    systemd gives a service its credentials by an access list, which shows as readable for a group that cannot enter the folder.

    Raises:
        OSError: It cannot be looked at.
    """
    others = path.stat().st_mode & 0o077
    given = environment.get(CREDENTIALS, "")
    return not others or (others == 0o040 and bool(given) and path.resolve().parent == Path(given).resolve())
