"""Which categories the region's matrix gives to a role at a kind of data user."""

from accord.terms.policies import ANY_ROLE, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind

_NOTHING: frozenset[CareCategory] = frozenset()


def categories_of_role(matrix: RoleMatrix, kind: HolderKind, role: str) -> frozenset[CareCategory]:
    """The categories of the most specific row: kind and role, then role, then kind, then neither. No row gives nothing.

    The row for every role is no role: who claims it gets what everybody gets.
    """
    rows = matrix.rows
    for key in ((kind, role), (None, role), (kind, ANY_ROLE), (None, ANY_ROLE)):
        row = rows.get(key)
        if row is not None:
            return row
    return _NOTHING
