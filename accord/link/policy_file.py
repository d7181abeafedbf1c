"""What the region agreed on about access, read from a file that people edit; and what a holder adds to it in its settings.

Whatever is wrong in it is told with the place where it stands, and with the nearest word that would be right.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from accord.link.edited_file import Edited, read_text, tree_of
from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import BadInput, Fault
from accord.terms.policies import ANY_ROLE, Budget, EmergencyPolicy, HolderPolicy, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind

#: The policy that comes with the product.
POLICY_FILE: Final = Path(__file__).with_name("policy.toml")
_ROLE: Final = re.compile(r"[0-9]{2}\.[0-9]{3}")
_FAMILY: Final = re.compile(r"([0-9]{2}\.)\*")
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ALL: Final = "all"
_CATEGORIES: Final = {category.value: category for category in CareCategory}
_KINDS: Final = {kind.value: kind for kind in HolderKind}
_TREATMENTS: Final = {basis.value: basis for basis in TreatmentBasis}


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    roles: list[str]
    sees: list[str] | str
    at: list[str] = []


class _Emergency(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    legal_basis: str
    roles: list[str]
    ends: datetime
    minutes: int = 60
    per_professional: int = 5
    per_organisation: int = 50
    factor_seconds: int = 120


class _Budget(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    per_professional: int = 60
    per_organisation: int = 2_000
    per_gateway: int = 10_000


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    version: str
    roles: dict[str, str]
    row: list[_Row]
    groups: dict[str, list[str]] = {}
    emergency: _Emergency | None = None
    budget: _Budget = _Budget()


def read_policy(path: Path) -> RegionPolicy:
    """The policy in a file.

    Raises:
        BadInput: `invalid-setting`, with the place of the mistake and what would be right.
    """
    return policy_of(read_text(path), path.name)


@cache
def default_policy() -> RegionPolicy:
    """The policy that comes with the product: no emergency access."""
    return read_policy(POLICY_FILE)


def policy_of(text: str, name: str = "policy") -> RegionPolicy:
    """The policy in a text.

    Raises:
        BadInput: As `read_policy`.
    """
    tree = tree_of(text, name)
    reading = _Reading(text, name)
    reading.check_names(tree)
    try:
        content = msgspec.convert(tree, _File)
    except msgspec.ValidationError as failure:
        reading.misshapen(str(failure))
    return reading.policy(content)


def holder_policy(values: Mapping[str, Iterable[str]]) -> HolderPolicy:
    """A holder's own policy from its settings: lists of words under `never`, `not_with`, `labels` and `treatment`.

    Raises:
        BadInput: `invalid-setting`, with the key and the nearest word that would be right.
    """
    reading = _Reading("", "policy")
    for key in values:
        reading.known(key, ("never", "not_with", "labels", "treatment"), "a setting")
    labels = list(values.get("labels", ()))
    if not all(map(_LABEL.fullmatch, labels)):
        raise BadInput(Fault.INVALID_SETTING, "policy.labels: write codes of labels, such as PSY or V")
    return HolderPolicy(
        never=frozenset(_CATEGORIES[reading.known(word, _CATEGORIES, "a category")] for word in values.get("never", ())),
        not_with=frozenset(_KINDS[reading.known(word, _KINDS, "a kind of organisation")] for word in values.get("not_with", ())),
        labels=frozenset(labels),
        treatment=frozenset(reading.known(word, _TREATMENTS, "a treatment basis") for word in values.get("treatment", ())),
    )


class _Reading(Edited):
    """The reading of one text, that knows where its words stand."""

    def check_names(self, tree: Mapping[str, Any]) -> None:
        """Names of sections and of what stands in them."""
        for section in tree:
            self.known(section, _File.__struct_fields__, "a section")
        for some, kind in (([tree.get("emergency")], _Emergency), ([tree.get("budget")], _Budget), (tree.get("row"), _Row)):
            for content in some if isinstance(some, list) else []:
                for key in content if isinstance(content, dict) else ():
                    self.known(key, kind.__struct_fields__, "a key here")

    def policy(self, content: _File) -> RegionPolicy:
        """The policy that it all says."""
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", content.version):
            self.refuse("version", "write a version of letters, digits, dots and dashes")
        for code, title in content.roles.items():
            if not _ROLE.fullmatch(code):
                self.refuse(code, "a role code is two digits, a dot and three digits")
            if not title.strip():
                self.refuse(code, "write the name of the role beside its code")
        groups = self._groups(content.groups)
        rows: dict[tuple[HolderKind | None, str], frozenset[CareCategory]] = {}
        for row in content.row:
            seen = frozenset(CareCategory) if row.sees == _ALL else self._categories([row.sees] if isinstance(row.sees, str) else row.sees, groups)
            kinds: list[HolderKind | None] = [_KINDS[self.known(word, _KINDS, "a kind of organisation")] for word in row.at]
            for key in [(kind, word) for kind in kinds or [None] for word in row.roles]:
                if key in rows:
                    self.refuse(key[1], f"two rows for this{f' at {key[0]}' if key[0] else ''}")
                rows[key] = seen
                self._roles([key[1]], content.roles)
        return RegionPolicy(RoleMatrix(content.version, self._spread(rows, content.roles)), self._emergency(content), self._budget(content.budget))

    def _spread(
        self, rows: Mapping[tuple[HolderKind | None, str], frozenset[CareCategory]], roles: Mapping[str, str]
    ) -> dict[tuple[HolderKind | None, str], frozenset[CareCategory]]:
        """The rows with each family of roles spread over its members; a row of a role itself goes before that of its family."""
        found = {key: seen for key, seen in rows.items() if not _FAMILY.fullmatch(key[1])}
        for (kind, word), seen in rows.items():
            for role in self._roles([word], roles):
                found.setdefault((kind, role), seen)
        return found

    def _groups(self, named: Mapping[str, list[str]]) -> dict[str, frozenset[CareCategory]]:
        found: dict[str, frozenset[CareCategory]] = {}
        for group, words in named.items():
            if group in _CATEGORIES or group == _ALL:
                self.refuse(group, "a group cannot have the name of a category")
            found[group] = self._categories(words, found)
        return found

    def _categories(self, words: list[str], groups: Mapping[str, frozenset[CareCategory]]) -> frozenset[CareCategory]:
        """Categories by name, and by the name of a group that stands above."""
        found: frozenset[CareCategory] = frozenset()
        for word in words:
            self.known(word, (*_CATEGORIES, *groups), "a category, or a group above")
            found |= groups[word] if word in groups else {_CATEGORIES[word]}
        return found

    def _roles(self, words: list[str], roles: Mapping[str, str]) -> list[str]:
        found: list[str] = []
        for word in words:
            family = _FAMILY.fullmatch(word)
            members = [role for role in roles if family and role.startswith(family[1])]
            if not members and word != ANY_ROLE:
                self.known(word, roles, "a role of [roles]")
            found += members or [word]
        return found

    def _emergency(self, content: _File) -> EmergencyPolicy | None:
        given = content.emergency
        if given is None:
            return None
        if not given.legal_basis.strip() or given.ends.tzinfo is None or not given.roles or ANY_ROLE in given.roles:
            self.refuse("emergency", "name the legal basis, the roles, and an end with its zone")
        limits = given.minutes, given.per_professional, given.per_organisation, given.factor_seconds
        if not all(1 <= limit <= most for limit, most in zip(limits, (1_440, 1_000, 100_000, 600), strict=True)):
            self.refuse("emergency", "a limit is too low or too high")
        roles = frozenset(self._roles(given.roles, content.roles))
        return EmergencyPolicy(given.legal_basis, roles, given.ends, *limits)

    def _budget(self, given: _Budget) -> Budget:
        if min(given.per_professional, given.per_organisation, given.per_gateway) < 1:
            self.refuse("budget", "a budget is at least 1")
        return Budget(given.per_professional, given.per_organisation, given.per_gateway)
