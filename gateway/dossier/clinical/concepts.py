"""The concept table: which codes mean the same thing to a reader, in both generations and in all the tables in use.

It is data with a version (`concepts.toml`), so that a region can read it and a national change is a change of data.
How it is read and added to is in docs/concepts.md.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
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

    def __init__(
        self,
        version: str,
        exact: Mapping[tuple[str, str], Concept],
        beginnings: Iterable[tuple[str, str, Concept]],
        names: Mapping[str, Concept] | None = None,
    ) -> None:
        self.version = version
        self._names = dict(names or {})
        self._exact = dict(exact)
        self._beginnings = {(system, begins): concept for system, begins, concept in beginnings}
        lengths: dict[str, set[int]] = {}
        for system, begins in self._beginnings:
            lengths.setdefault(system, set()).add(len(begins))
        self._lengths = {system: tuple(sorted(found, reverse=True)) for system, found in lengths.items()}
        self._by_key = {concept.key: concept for concept in (*self._exact.values(), *self._beginnings.values())}

    def of(self, system: str, code: str) -> Concept | None:
        """The concept of a code; none where the table does not know it."""
        return self._exact.get((system, code))

    def group_of(self, system: str, code: str) -> Concept | None:
        """The group that a code belongs to by its beginning; none where the table knows none."""
        for length in self._lengths.get(system, ()):
            found = self._beginnings.get((system, code[:length]))
            if found is not None:
                return found
        return None

    def by_name(self, word: str) -> Concept | None:
        """The concept of a product by a word of its name, in small letters: for records that code it in no table that is known here."""
        return self._names.get(word)

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

    def codes(self) -> Iterator[tuple[str, str, Concept]]:
        """All that is known by its whole code: system, code and concept."""
        return ((system, code, concept) for (system, code), concept in self._exact.items())

    def beginnings(self) -> Iterator[tuple[str, str, Concept]]:
        """All that is known by its beginning: system, beginning and concept."""
        return ((system, begins, concept) for (system, begins), concept in self._beginnings.items())


_FILE: Final = "concepts.toml"
_MEMBERS: Final = frozenset({"key", "nl", "en", "section", "roles", "codes", "begins", "names"})


def read_table(text: str) -> ConceptTable:
    """Read a table.

    A system may have several addresses, which all name the same codes. Where the table lists `roles`, there are no others.

    Raises:
        ValueError: It is not built as agreed: a code, key or address stands twice, a system, section, role or member is
            unknown, a label is missing, or a concept has no code at all.
    """
    raw = tomllib.loads(text)
    systems = _systems(raw.get("systems"))
    known_roles = frozenset(_texts(raw, "roles")) if "roles" in raw else None
    exact: dict[tuple[str, str], Concept] = {}
    beginnings: dict[tuple[str, str], Concept] = {}
    names: dict[str, Concept] = {}
    keys: set[str] = set()
    for one in _tables(raw, "concept"):
        concept = _concept(one, known_roles)
        if concept.key in keys:
            raise ValueError(f"{concept.key} stands twice")
        keys.add(concept.key)
        for known, given in ((exact, _texts(one, "codes")), (beginnings, _texts(one, "begins"))):
            for code in given:
                _add(known, _addresses(code, systems), concept)
        for name in _texts(one, "names"):
            if names.setdefault(name, concept) is not concept or not name.islower():
                raise ValueError(f"{name}: a name stands once, in small letters")
        if not (one.get("codes") or one.get("begins")):
            raise ValueError(f"{concept.key}: no code")
    return ConceptTable(_text(raw, "version"), exact, ((*code, concept) for code, concept in beginnings.items()), names)


def _add(known: dict[tuple[str, str], Concept], codes: Iterable[tuple[str, str]], concept: Concept) -> None:
    for code in codes:
        if code in known:
            raise ValueError(f"{code[1]} stands at {known[code].key} and at {concept.key}")
        known[code] = concept


def _concept(one: Mapping[str, Any], known_roles: frozenset[str] | None) -> Concept:
    key = _text(one, "key")
    if unknown := one.keys() - _MEMBERS:
        raise ValueError(f"{key}: no such member: {', '.join(sorted(unknown))}")
    roles = frozenset(_texts(one, "roles"))
    if known_roles is not None and not roles <= known_roles:
        raise ValueError(f"{key}: no such role: {', '.join(sorted(roles - known_roles))}")
    section = Section(_text(one, "section")) if "section" in one else None
    return Concept(key, Wording(_text(one, "nl"), _text(one, "en")), section, roles)


def _systems(given: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, Mapping):
        raise ValueError("no systems")  # noqa: TRY004 -- a table that is not built as agreed, however it is not
    systems = {name: (value,) if isinstance(value, str) else tuple(_texts(given, name)) for name, value in given.items()}
    addresses = [address for those in systems.values() for address in those]
    if len(addresses) != len(set(addresses)):
        raise ValueError("an address stands twice")
    return systems


def _addresses(given: str, systems: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    name, bar, code = given.partition("|")
    if not (bar and code and name in systems):
        raise ValueError(f"{given}: no code of a known system")
    return ((address, code) for address in systems[name])


def _text(one: Mapping[str, Any], name: str) -> str:
    found = one.get(name)
    if not (isinstance(found, str) and found.strip()):
        raise ValueError(f"{one.get('key', 'the table')}: {name} is missing")
    return found


def _texts(one: Mapping[str, Any], name: str) -> list[str]:
    found = one.get(name, [])
    if not (isinstance(found, list) and all(isinstance(each, str) and each for each in found)):
        raise ValueError(f"{one.get('key', 'the table')}: {name} is no list of texts")
    return found


def _tables(one: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = one.get(name)
    if not (isinstance(found, list) and all(isinstance(each, Mapping) for each in found)):
        raise ValueError(f"{name} is no list of tables")
    return found


@cache
def table() -> ConceptTable:
    """The table that comes with the product."""
    return read_table((files("gateway.dossier.clinical") / _FILE).read_text(encoding="utf-8"))
