"""How much one asker may leave with a provider: whoever writes without end fills no disk (promise P7)."""

import sqlite3
from typing import Final

from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.limits import KIB, MIB
from accord.terms.placing import Asked, FromAsker, Told
from accord.wire.place_forms import to_form
from node_agent.places.legs import OVER

#: Requests of one asker that are not over, and all that are kept; no more are taken in until some are over, or erased.
MOST_OPEN: Final = 5_000
MOST_KEPT: Final = 20_000
#: What is kept of all of them together, and what one of them may say before anybody answered, in bytes.
MOST_BYTES: Final = 64 * MIB
_ASKED_BYTES: Final = 64 * KIB
#: Letters that wait for it: it hears nothing, and so it is not heard either.
MOST_WAITING: Final = 20_000


def check_room(connection: sqlite3.Connection, asker: Ura) -> None:
    """Whether one more request of this asker is taken in.

    Raises:
        Unavailable: `over-limit`.
    """
    marks = ", ".join("?" * len(OVER))
    query = f"SELECT count(*) FROM (SELECT 1 FROM leg WHERE asker = ? AND state NOT IN ({marks}) LIMIT ?)"  # noqa: S608 - marks for values
    (not_over,) = connection.execute(query, (asker.value, *OVER, MOST_OPEN)).fetchone()
    (kept,) = connection.execute("SELECT count(*) FROM (SELECT 1 FROM leg WHERE asker = ? LIMIT ?)", (asker.value, MOST_KEPT)).fetchone()
    if not_over >= MOST_OPEN or kept >= MOST_KEPT:
        raise Unavailable(Fault.OVER_LIMIT)


def check_bytes(connection: sqlite3.Connection, asker: Ura, letter: FromAsker) -> None:
    """Whether there is room for what this letter adds to what is kept: planners have all of it before them.

    Raises:
        BadInput: `too-large`.
        Unavailable: `over-limit`.
    """
    if not isinstance(letter, Asked | Told):
        return
    more = len(to_form(letter))
    if more > _ASKED_BYTES:
        raise BadInput(Fault.TOO_LARGE, "letter")
    (kept,) = connection.execute("SELECT coalesce(sum(length(sealed)), 0) FROM leg WHERE asker = ?", (asker.value,)).fetchone()
    if kept + more > MOST_BYTES:
        raise Unavailable(Fault.OVER_LIMIT)


def hears_us(connection: sqlite3.Connection, asker: Ura) -> bool:
    """Whether it has taken in enough of what was said to it that more may be said."""
    (waiting,) = connection.execute("SELECT count(*) FROM (SELECT 1 FROM letter_out WHERE peer = ? LIMIT ?)", (asker.value, MOST_WAITING)).fetchone()
    return bool(waiting < MOST_WAITING)
