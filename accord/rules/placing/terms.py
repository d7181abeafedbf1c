"""What an offer gives of what was asked."""

from accord.terms.capacity import Need
from accord.terms.placing import Terms


def gives_all(terms: Terms, need: Need) -> bool:
    """Whether *terms* leave nothing of *need* open: as many, as early, and as long."""
    early = terms.since is None or terms.since <= need.since
    long = terms.until is None or (need.until is not None and terms.until >= need.until)
    return early and long and terms.amount >= need.amount
