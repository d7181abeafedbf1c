"""A file that people edit: whatever is wrong in it is told with the line where it stands, and with the nearest word that would be right."""

import re
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NoReturn

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import IN_THE_FILE, TOML, UNREADABLE

_LARGEST: Final = 256 * 1024


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        BadInput: `invalid-setting`: it cannot be read, or is too large.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be read", then=UNREADABLE) from None
    if len(content) > _LARGEST:
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: too large", then=IN_THE_FILE)
    return text


def tree_of(text: str, name: str) -> dict[str, Any]:
    """What TOML says.

    Raises:
        BadInput: `invalid-setting`: it is none; with the line.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as failure:
        where = re.search(r"at line ([0-9]+)", str(failure))
        raise BadInput(Fault.INVALID_SETTING, f"{name}{f':{where[1]}' if where else ''}: is not TOML", then=TOML) from None


class Edited:
    """The reading of one text, that knows where its words stand."""

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.splitlines()
        self._name = name

    def known(self, word: str, words: Iterable[str], what: str) -> str:
        """The word itself, when it is one of those.

        Raises:
            BadInput: It is not.
        """
        some = list(words)
        if word not in some:
            near = get_close_matches(word, some, 1, 0.5)
            self.refuse(word, f"not {what}" + (f", did you mean {near[0]}?" if near else ""))
        return word

    def refuse(self, word: str, why: str) -> NoReturn:
        """Say what is wrong, and on which line the word stands."""
        shown = re.compile(rf"(?<![\w.*-]){re.escape(word)}(?![\w.*-])") if word else None
        line = next((number for number, line in enumerate(self._lines, 1) if shown and shown.search(line.partition("#")[0])), 0)
        raise BadInput(Fault.INVALID_SETTING, f"{self._name}{f':{line}' if line else ''}: {word[:60]}: {why}", then=IN_THE_FILE)

    def misshapen(self, message: str) -> NoReturn:
        """Say where a value of a wrong type stands, from what msgspec says: it may quote a value, of which nothing is repeated."""
        missing = message.partition("missing required field `")[2].partition("`")[0]
        place = missing or message.rpartition("`$")[2].strip("`.")
        raise BadInput(Fault.INVALID_SETTING, f"{self._name}: {place or 'the file'}: not a value for this", then=IN_THE_FILE)
