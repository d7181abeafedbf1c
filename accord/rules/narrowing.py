"""Is the question as put to a holder what the professional asked, or less?

Whoever carries a question may leave things out of it: ask fewer holders, fewer types, add conditions. Nobody may make it
wider. The rule is exact and knows no meaning: `ge2021-06` is narrower than `ge2021`, and is refused all the same unless
`ge2021` still stands beside it, because what is compared must not depend on who reads a date.
"""

from dataclasses import replace

from accord.terms.evidence import Asked, Mandate
from accord.terms.identifiers import HolderName
from accord.terms.queries import HolderQuery, Selection

#: In `Selection.includes`: every companion.
EVERY_COMPANION = "*"


def narrows(asked: Asked, query: HolderQuery, holder: HolderName, *, attachment: str = "", record: str = "") -> bool:
    """Whether *query*, put to *holder*, is *asked* or less.

    An attachment is asked for by its own address and the record that points to it; a question about records says nothing
    about attachments, and the other way round.
    """
    return (
        query.purpose is asked.purpose
        and (not asked.holders or holder in asked.holders)
        and attachment == asked.attachment
        and record == asked.record
        and selection_narrows(asked.selection, query.selection)
    )


def selection_narrows(asked: Selection, put: Selection) -> bool:
    """Whether every record and companion that *put* selects, *asked* selects too."""
    alternatives = (
        (asked.types, put.types),
        (asked.categories, put.categories),
        (asked.codes, put.codes),
        (asked.category_tokens, put.category_tokens),
        (asked.statuses, put.statuses),
        (asked.identifiers, put.identifiers),
        (asked.ids, put.ids),
    )
    # One match in a list is enough: fewer alternatives is less. All bounds on a moment hold together: more bounds is less.
    return (
        all(_fewer(frozenset(had), frozenset(has)) for had, has in alternatives)
        and frozenset(asked.dates) <= frozenset(put.dates)
        and frozenset(asked.updated) <= frozenset(put.updated)
        and (EVERY_COMPANION in asked.includes or frozenset(put.includes) <= frozenset(asked.includes))
    )


def within_mandate(mandate: Mandate, selection: Selection) -> Selection | None:
    """The selection, no wider than the categories of the mandate; none when the two have no category in common.

    Companions are not selected by category: who decides on them must hold them to `mandate.categories` too.
    """
    if not mandate.categories:
        return selection
    categories = selection.categories & mandate.categories if selection.categories else mandate.categories
    # No categories at all would read as every category.
    return replace(selection, categories=categories) if categories else None


def _fewer(had: frozenset[object], has: frozenset[object]) -> bool:
    """Whether these alternatives are those or fewer. No alternatives named means that everything will do."""
    return not had or (bool(has) and has <= had)
