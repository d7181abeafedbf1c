"""The concept table: which codes mean the same thing to a reader, in both generations and in all the tables in use.

It is data with a version (`concepts.toml`), so that a region can read it and a national change is a change of data.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from accord.terms.vocabulary import Section
from gateway.dossier.words import Wording


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that records say something about.

    `key` is stable (`lab.egfr`); `section` is where it belongs, whatever the record's category says, or none: where its
    category says. `roles` are what the table says about it for screens (`blood-thinner`, `kidney-function`, `implant` …).
    """

    key: str
    label: Wording
    section: Section | None = None
    roles: frozenset[str] = frozenset()


class ConceptTable:
    """The concepts by code. A code of which the table knows only its beginning (ATC groups) is found by the longest one."""

    def __init__(self, version: str, exact: Mapping[tuple[str, str], Concept], beginnings: Iterable[tuple[str, str, Concept]]) -> None:
        self.version = version
        self._exact = dict(exact)
        self._by_key = {concept.key: concept for concept in self._exact.values()}
        self._beginnings = sorted(beginnings, key=lambda one: -len(one[1]))
        self._by_key |= {concept.key: concept for _, _, concept in self._beginnings}

    def of(self, system: str, code: str) -> Concept | None:
        """The concept of a code; none where the table does not know it."""
        return self._exact.get((system, code))

    def group_of(self, system: str, code: str) -> Concept | None:
        """The group that a code belongs to by its beginning; none where the table knows none."""
        return next((concept for of, begins, concept in self._beginnings if of == system and code.startswith(begins)), None)

    def named(self, key: str) -> Concept:
        """The concept of a key.

        Raises:
            KeyError: There is none.
        """
        return self._by_key[key]

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """All of them."""
        return tuple(self._by_key.values())


_FILE: Final = "concepts.toml"


def read_table(text: str) -> ConceptTable:
    """Read a table.

    Raises:
        ValueError: It is not built as agreed: a code stands twice, a system or section is unknown, a label is missing.
    """
    raw = tomllib.loads(text)
    systems: dict[str, str] = raw["systems"]
    exact: dict[tuple[str, str], Concept] = {}
    beginnings: list[tuple[str, str, Concept]] = []
    keys: set[str] = set()
    for one in raw["concept"]:
        concept = _concept(one)
        if concept.key in keys:
            raise ValueError(f"{concept.key} stands twice")
        keys.add(concept.key)
        for given in one.get("codes", ()):
            system, code = _code(given, systems)
            if exact.setdefault((system, code), concept) is not concept:
                raise ValueError(f"{given} stands at {exact[system, code].key} and at {concept.key}")
        beginnings += [(*_code(given, systems), concept) for given in one.get("begins", ())]
    return ConceptTable(raw["version"], exact, beginnings)


def _concept(one: Mapping[str, Any]) -> Concept:
    section = Section(one["section"]) if "section" in one else None
    if not (one["key"] and one["nl"] and one["en"]):
        raise ValueError(f"{one['key']}: a label is missing")
    return Concept(one["key"], Wording(one["nl"], one["en"]), section, frozenset(one.get("roles", ())))


def _code(given: str, systems: Mapping[str, str]) -> tuple[str, str]:
    name, bar, code = given.partition("|")
    if not (bar and code and name in systems):
        raise ValueError(f"{given}: no code of a known system")
    return systems[name], code


@cache
def table() -> ConceptTable:
    """The table that comes with the product."""
    return read_table((files("gateway.dossier.clinical") / _FILE).read_text(encoding="utf-8"))
