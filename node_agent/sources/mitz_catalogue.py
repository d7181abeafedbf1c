"""The catalogue of Mitz, read from a file: which codes stand for whom and for what. Data with a version, checked when read."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import IN_THE_FILE, TOML, UNREADABLE
from accord.terms.vocabulary import VEKTIS_TYPES, CareCategory, HolderKind

#: The version that comes with the product.
CATALOGUE_FILE: Final = Path(__file__).with_name("mitz_catalogue.toml")
_LARGEST: Final = 256 * 1024
_TYPES: Final = frozenset(code for codes in VEKTIS_TYPES.values() for code in codes)
_KINDS: Final = frozenset(kind.value for kind in HolderKind)
_CODE: Final = re.compile(r"[A-Z0-9]{1,12}")
_VERSION: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}")


class ProviderCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A category of data users between which a patient chooses, and the type codes in it."""

    code: str
    title: str
    types: tuple[str, ...]


class DataCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A category of data about which a patient chooses; `care` are our own categories that it covers."""

    code: str
    title: str
    care: tuple[str, ...]
    inside: str = ""


class Situation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A situation for which a patient chooses apart. The closed question has no place for it."""

    code: str
    title: str
    kinds: tuple[str, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    kinds: dict[str, str]
    provider_category: tuple[ProviderCategory, ...]
    data_category: tuple[DataCategory, ...]
    situation: tuple[Situation, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """One version of the catalogue. `types` is the type code by which a kind of organisation goes."""

    version: str
    types: Mapping[HolderKind, str]
    providers: Mapping[str, ProviderCategory]
    data: Mapping[str, DataCategory]
    situations: Mapping[str, Situation]

    @cached_property
    def code_of(self) -> Mapping[CareCategory, str]:
        """The narrowest data category that covers each of our categories; what is not in it, Mitz does not speak of."""
        codes: dict[CareCategory, str] = {}
        for category in sorted(self.data.values(), key=lambda category: -len(category.care)):
            codes.update(dict.fromkeys(map(CareCategory, category.care), category.code))
        return codes

    def care_of(self, code: str) -> frozenset[CareCategory]:
        """All of our categories that a data category covers, those of the categories inside it too."""
        return frozenset(map(CareCategory, self.data[code].care))

    def provider_of(self, type_code: str) -> ProviderCategory | None:
        """The category of data users that a type code is in; none when it is in none."""
        return next((category for category in self.providers.values() if type_code in category.types), None)


def read_catalogue(path: Path = CATALOGUE_FILE) -> Catalogue:
    """Read and check a catalogue.

    Raises:
        BadInput: `invalid-setting`, with the name of the file and, where there is one, the line.
    """
    try:
        text = path.read_bytes()[: _LARGEST + 1].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be read", then=UNREADABLE) from None
    if len(text) > _LARGEST:
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: too large", then=IN_THE_FILE)
    try:
        given = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as failure:
        line = re.search(r"at line ([0-9]+)", str(failure))
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}{f':{line[1]}' if line else ''}: is not TOML", then=TOML) from None
    except (ValueError, RecursionError) as failure:
        raise BadInput(Fault.INVALID_SETTING, _told(path.name, text, failure), then=IN_THE_FILE) from None
    return _Checking(path.name, text, given).catalogue()


class _Checking:
    """The checks on one file."""

    def __init__(self, name: str, text: str, given: _File) -> None:
        self._name = name
        self._lines = text.splitlines()
        self._given = given

    def catalogue(self) -> Catalogue:
        """What the file says.

        Raises:
            BadInput: Something in it is unknown, or contradicts itself.
        """
        given = self._given
        if not _VERSION.fullmatch(given.version):
            self._refuse("version", 0, given.version, "no version")
        for table, entries in (("provider_category", given.provider_category), ("data_category", given.data_category), ("situation", given.situation)):
            self._check_codes(table, [entry.code for entry in entries])
        self._check_providers()
        self._check_data()
        for place, situation in enumerate(given.situation):
            self._check_words("situation", place, situation.kinds, _KINDS)
        return Catalogue(
            given.version,
            self._kinds(),
            {category.code: category for category in given.provider_category},
            {category.code: category for category in given.data_category},
            {situation.code: situation for situation in given.situation},
        )

    def _kinds(self) -> dict[HolderKind, str]:
        kinds: dict[HolderKind, str] = {}
        for word, code in self._given.kinds.items():
            if word not in _KINDS:
                self._refuse("kinds", 0, word, "unknown kind of organisation")
            if code not in VEKTIS_TYPES[HolderKind(word)]:
                self._refuse("kinds", 0, word, "not a type code of this kind")
            kinds[HolderKind(word)] = code
        return kinds

    def _check_codes(self, table: str, codes: list[str]) -> None:
        for place, code in enumerate(codes):
            if not _CODE.fullmatch(code):
                self._refuse(table, place, code, "no code")
            if code in codes[:place]:
                self._refuse(table, place, code, "there twice")

    def _check_providers(self) -> None:
        seen: set[str] = set()
        for place, category in enumerate(self._given.provider_category):
            self._check_words("provider_category", place, category.types, _TYPES)
            for code in category.types:
                if code in seen:
                    self._refuse("provider_category", place, code, "in two categories")
                seen.add(code)

    def _check_data(self) -> None:
        by_code = {category.code: category for category in self._given.data_category}
        for place, category in enumerate(self._given.data_category):
            self._check_words("data_category", place, category.care, {word.value for word in CareCategory})
            if not category.inside:
                continue
            outer = by_code.get(category.inside)
            if outer is None or outer.inside or outer is category:
                self._refuse("data_category", place, category.inside, "inside what is not there")
            elif not set(category.care) < set(outer.care):
                self._refuse("data_category", place, category.inside, "holds more than what it is inside")
        self._check_apart()

    def _check_apart(self) -> None:
        """Two categories of which none is inside the other share nothing: else nobody knows by which one to ask."""
        for place, category in enumerate(self._given.data_category):
            for other in self._given.data_category[:place]:
                if category.inside != other.code and other.inside != category.code and set(category.care) & set(other.care):
                    self._refuse("data_category", place, next(word for word in category.care if word in other.care), "in two categories")

    def _check_words(self, table: str, place: int, words: Iterable[str], known: Iterable[str]) -> None:
        known, seen = set(known), set[str]()
        for word in words:
            if word not in known:
                self._refuse(table, place, word, "unknown")
            if word in seen:
                self._refuse(table, place, word, "there twice")
            seen.add(word)

    def _refuse(self, table: str, place: int, word: str, why: str) -> None:
        line = _line_of(self._lines, table, place, word)
        raise BadInput(Fault.INVALID_SETTING, f"{self._name}:{line}: {word[:40]}: {why}", then=IN_THE_FILE)


def _line_of(lines: list[str], table: str, place: int, word: str) -> int:
    """The line of a word in the *place*-th part of a table; of its head when the word cannot be found."""
    heads = [number for number, line in enumerate(lines, 1) if line.strip() in (f"[[{table}]]", f"[{table}]")] or [1]
    first = heads[min(place, len(heads) - 1)]
    last = next((number for number in range(first + 1, len(lines) + 1) if lines[number - 1].startswith("[")), len(lines) + 1)
    spelled = re.compile(rf'"{re.escape(word)}"|^\s*{re.escape(word)}\s*=')
    return next((number for number in reversed(range(first, last)) if spelled.search(lines[number - 1].partition("#")[0])), first)


def _told(name: str, text: str, failure: Exception) -> str:
    """Where something of the wrong shape stands. The message of msgspec names fields and places, never values."""
    message = str(failure)
    found = re.search(r"`\$\.([a-z_]+)(?:\[([0-9]+)\])?", message)
    unknown = re.search(r"unknown field `([^`]{1,40})`", message)
    words: Mapping[str, Any] = {"table": found[1] if found else "", "place": int(found[2] or 0) if found else 0, "word": unknown[1] if unknown else ""}
    line = _line_of(text.splitlines(), words["table"], words["place"], words["word"] or words["table"])
    return f"{name}:{line}: {words['word'] or words['table'] or 'file'}: " + ("unknown" if unknown else "missing or of another kind than it must be")
