"""The words that we put beside those of the records: labels of elements, and what FHIR's own codes are called.

They are data (`words.toml`). What a record says in its own words is never changed by them.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from gateway.dossier.words import Wording

_FILE: Final = "words.toml"
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HL7: Final = ("http://terminology.hl7.org/CodeSystem/", "http://hl7.org/fhir/")
_PREFIX: Final = re.compile(r"^(?:ext|zib|nl-core|extension|resource|workflow|observation|patient|flag|condition)-")


@cache
def _words() -> Mapping[str, Any]:
    return tomllib.loads((files("gateway.dossier.clinical.showing") / _FILE).read_text(encoding="utf-8"))


@cache
def _table(*names: str) -> Mapping[str, Wording]:
    found: Any = _words()
    for name in names:
        found = found.get(name, {})
    return {code: Wording(*both) for code, both in found.items()}


def phrase(name: str) -> Wording:
    """A phrase of ours.

    Raises:
        KeyError: There is none of that name.
    """
    return _table("phrase")[name]


def kind_of_record(name: str) -> Wording:
    """What a type of record is called; its own name where we have none."""
    return _table("type").get(name) or Wording(name, name)


def block(code: str) -> Wording | None:
    """The building block of medication that a category says."""
    return _table("block").get(code)


def finding(code: str) -> Wording | None:
    """What an observation of a category of FHIR is called."""
    return _table("finding").get(code)


def state(code: str) -> Wording | None:
    """How a status stands on the screen."""
    return _table("state").get(code)


def role(code: str) -> Wording | None:
    """The profession of a code of RoleCodeNL."""
    return _table("role").get(code)


def code_words(table: str, code: str) -> Wording | None:
    """What a code of one of FHIR's own lists is called."""
    return _table("code", table).get(code)


def hl7_words(system: str, code: str) -> Wording | None:
    """What a code of a code system of HL7 is called, whatever address the system has; none for other systems."""
    if not system.startswith(_HL7):
        return None
    tail = system.rpartition("/")[2]
    return _table("code", tail).get(code)


@lru_cache(maxsize=256)
def system_name(system: str) -> str:
    """A short name for a code system; the end of its address where we have none."""
    names: Mapping[str, str] = _words()["system"]
    return names.get(system) or re.split(r"[/:]", system.rstrip("/"))[-1]


def unit_sign(unit: str) -> str:
    """A unit as it is written for people."""
    signs: Mapping[str, str] = _words()["unit"]
    return signs.get(unit, unit)


@lru_cache(maxsize=1024)
def label(name: str) -> Wording:
    """The label of an element, or of an extension by the end of its address; what we have no word for is named as it is."""
    known = _table("label")
    short = _PREFIX.sub("", name.rpartition("/")[2])
    for one in (short, short.rpartition(".")[2], short.rpartition("-")[2], re.split(r"[.\-]", short)[-1]):
        found = known.get(one) or known.get(one[:1].lower() + one[1:])
        if found is not None:
            return found
    spaced = _HUMP.sub(" ", re.split(r"[.]", short)[-1]).replace("-", " ")
    spaced = spaced[:1].upper() + spaced[1:].lower() if spaced else name
    return Wording(spaced, spaced)
