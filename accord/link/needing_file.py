"""What a region proposes after a procedure, read from a file that people edit."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from accord.link.edited_file import Edited, read_text, tree_of
from accord.rules.capacity.needing import Fact, NeedTable, Occasion, Row
from accord.terms.capacity import CareKind, Condition, Funding

#: The table that comes with the product.
NEEDING_FILE: Final = Path(__file__).with_name("needing.toml")
_Word = TypeVar("_Word", bound=StrEnum)
#: Of a SNOMED CT identifier.
_DIGITS: Final = re.compile(r"[1-9][0-9]{5,17}")
_KEY: Final = re.compile(r"[a-z0-9-]{1,40}")
_VERSION: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
_MOST_DAYS: Final = 365
_MOST_VISITS: Final = 70


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    kind: str
    after_days: int
    amount: int = 1
    conditions: list[str] = []
    funding: str = ""
    specialty: str = ""
    when: dict[str, bool] = {}
    age_from: int | None = None
    also: dict[str, str] = {}


class _Occasion(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    key: str
    codes: list[str]
    nl: str
    en: str
    row: list[_Row]


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    version: str
    occasion: list[_Occasion]


def read_needs(path: Path) -> NeedTable:
    """The table in a file.

    Raises:
        BadInput: `invalid-setting`, with the place of the mistake and what would be right.
    """
    return needs_of(read_text(path), path.name)


@cache
def default_needs() -> NeedTable:
    """The table that comes with the product."""
    return read_needs(NEEDING_FILE)


def needs_of(text: str, name: str = "needs") -> NeedTable:
    """The table in a text.

    Raises:
        BadInput: As `read_needs`.
    """
    tree = tree_of(text, name)
    reading = _Reading(text, name)
    reading.check_names(tree)
    try:
        content = msgspec.convert(tree, _File)
    except msgspec.ValidationError as failure:
        reading.misshapen(str(failure))
    return reading.table(content)


class _Reading(Edited):
    def check_names(self, tree: Mapping[str, Any]) -> None:
        """Names of sections and of what stands in them."""
        for section in tree:
            self.known(section, _File.__struct_fields__, "a section")
        for occasion in _tables(tree.get("occasion")):
            for key in occasion:
                self.known(key, _Occasion.__struct_fields__, "a key here")
            for row in _tables(occasion.get("row")):
                for key in row:
                    self.known(key, _Row.__struct_fields__, "a key here")

    def table(self, content: _File) -> NeedTable:
        """The table that it all says."""
        if not _VERSION.fullmatch(content.version):
            self.refuse("version", "write a version of letters, digits, dots and dashes")
        keys: set[str] = set()
        codes: set[str] = set()
        for occasion in content.occasion:
            if not _KEY.fullmatch(occasion.key) or occasion.key in keys:
                self.refuse(occasion.key, "a key is of small letters, digits and dashes, and stands once")
            keys.add(occasion.key)
            for code in occasion.codes:
                if not _DIGITS.fullmatch(code) or code in codes:
                    self.refuse(code, "a code of SNOMED CT is 6 to 18 digits, and stands once")
                codes.add(code)
            if not (occasion.codes and occasion.row and occasion.nl.strip() and occasion.en.strip()):
                self.refuse(occasion.key, "an occasion has codes, a title in both languages, and rows")
        return NeedTable(content.version, tuple(self._occasion(each) for each in content.occasion))

    def _occasion(self, given: _Occasion) -> Occasion:
        return Occasion(given.key, frozenset(given.codes), given.nl, given.en, tuple(self._row(row, given.key) for row in given.row))

    def _row(self, given: _Row, key: str) -> Row:
        kind = self._one(given.kind, CareKind, "a kind of care")
        if not (0 <= given.after_days <= _MOST_DAYS and 1 <= given.amount <= _MOST_VISITS):
            self.refuse(key, f"{kind}: after_days is 0 to {_MOST_DAYS}, amount 1 to {_MOST_VISITS}")
        if given.age_from is not None and given.age_from not in range(0, 120, 10):
            self.refuse(key, f"{kind}: age_from goes by ten years")
        # Of the age there is no yes or no; `age_from` asks for it.
        facts = [fact for fact in Fact if fact is not Fact.AGE]
        return Row(
            kind,
            given.after_days,
            given.amount,
            frozenset(self._one(word, Condition, "a condition") for word in given.conditions),
            self._one(given.funding, Funding, "a law") if given.funding else None,
            given.specialty,
            tuple((self._one(word, facts, "a fact"), wanted) for word, wanted in given.when.items()),
            given.age_from,
            tuple((self._one(word, facts, "a fact"), self._one(added, Condition, "a condition")) for word, added in given.also.items()),
        )

    def _one(self, word: str, words: Iterable[_Word], what: str) -> _Word:
        by_value = {each.value: each for each in words}
        return by_value[self.known(word, by_value, what)]


def _tables(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
