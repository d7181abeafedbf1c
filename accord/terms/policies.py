"""What the region agreed on about access: who may see which kind of data, and when glass may be broken. Data, with a version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from accord.terms.vocabulary import CareCategory, HolderKind

#: The row that holds for every role of a kind, and the kind that stands for every kind.
ANY_ROLE = "*"


@dataclass(frozen=True, slots=True)
class RoleMatrix:
    """Which categories of data a role may see at all. What is not in it may not.

    `rows`: from the kind of the data user (none: every kind) and the role code (RoleCodeNL, or `ANY_ROLE`) to categories.
    The most specific row counts and the others do not: kind and role, then role, then kind, then neither.
    """

    version: str
    rows: Mapping[tuple[HolderKind | None, str], frozenset[CareCategory]]


@dataclass(frozen=True, slots=True)
class EmergencyPolicy:
    """On which legal basis, by whom and until when glass may be broken (promise P12).

    `minutes` is how long one emergency lasts; `per_professional` and `per_organisation` how many different patients in
    24 hours; `factor_seconds` how fresh the second factor must be.
    """

    legal_basis: str
    roles: frozenset[str]
    ends: datetime
    minutes: int = 60
    per_professional: int = 5
    per_organisation: int = 50
    factor_seconds: int = 120


@dataclass(frozen=True, slots=True)
class Budget:
    """How many different patients in any hour, as a holder counts them."""

    per_professional: int = 60
    per_organisation: int = 2_000
    per_gateway: int = 10_000


@dataclass(frozen=True, slots=True)
class RegionPolicy:
    """All of it. Without an emergency policy glass is never broken: it is offered on no dossier."""

    matrix: RoleMatrix
    emergency: EmergencyPolicy | None = None
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class HolderPolicy:
    """What a holder adds of its own: it can only withhold more.

    `never` are categories that it shares with nobody, `not_with` kinds of data user to which it gives nothing, `labels`
    security labels (codes) that keep a record in, whatever the patient chose; `treatment` what must be shown of the
    treatment relationship (codes of `TreatmentBasis`; empty: any).
    """

    never: frozenset[CareCategory] = frozenset()
    not_with: frozenset[HolderKind] = frozenset()
    labels: frozenset[str] = frozenset()
    treatment: frozenset[str] = frozenset()
