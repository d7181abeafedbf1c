"""Whether the agent's account could write where it only has to read: what the source says, and what the newest attempt showed.

An attempt is made only where somebody wants it (`--try-write`).
"""

from typing import Final

from node_agent.claims import KnowsItsRights, TellsOfWriting
from node_agent.conformance.findings import Point, Verdict, Who
from node_agent.ports import Source, SourceFailure
from node_agent.write_attempts import Attempts

_NAME: Final = "read-only"
_REPAIR: Final = "Give the agent an account that may only read."
_TRY: Final = "Run this again with --try-write: it sends what no server can keep, and sees whether that is refused for who asks."
_AGAIN: Final = f"{_REPAIR} Then run this with --try-write: until an attempt is refused, this stays wrong."

NOTHING_REMEMBERED: Final = Attempts()


async def read_only(source: Source, attempts: Attempts, *, try_write: bool) -> Point:
    """Whether the agent could write where it only has to read.

    Raises:
        BadInput: `invalid-setting`: what an attempt showed cannot be kept, or not be read.
    """
    try:
        if isinstance(source, KnowsItsRights):
            rights = await source.rights()
            if attempts.newest() is not None:
                # What the source says of the account itself is newer and surer than an attempt, at whatever was the source then.
                attempts.keep(let_in=bool(rights))
            return by_rights(rights)
        if isinstance(source, TellsOfWriting):
            if try_write:
                let_in = await source.try_write()
                attempts.keep(let_in=let_in)
                return _tried(let_in=let_in, when="")
            return _remembered(attempts) or _untried(len(await source.writable()))
    except SourceFailure as failure:
        return _remembered(attempts) or Point(_NAME, Verdict.NOT_TRIED, f"It could not be found out: {failure.fault}.", _TRY, Who.AGENT)
    see = "See yourself as whom it asks, and that this account may only read; a source of your own can show it (node_agent.claims.KnowsItsRights)."
    return _remembered(attempts) or Point(_NAME, Verdict.NOT_TRIED, "This kind of source cannot be asked, and nothing can be tried from here.", see, Who.SOURCE)


def by_rights(rights: frozenset[str]) -> Point:
    """What is said of an account whose rights are known."""
    if rights:
        return Point(_NAME, Verdict.WRONG, f"The account can do more than read ({'; '.join(sorted(rights))}).", _REPAIR_RIGHTS, Who.SOURCE)
    return Point(_NAME, Verdict.GOOD, "The source itself says that the agent can read, and nothing else.")


_REPAIR_RIGHTS: Final = "Take away what is named: docs/sql-source.md gives the statement for each. Until then the agent asks it nothing."


def remembered(attempts: Attempts) -> list[Point]:
    """What the newest attempt showed, where there was one: it counts also while the source cannot be asked."""
    point = _remembered(attempts)
    return [point] if point is not None else []


def _remembered(attempts: Attempts) -> Point | None:
    newest = attempts.newest()
    return None if newest is None else _tried(let_in=newest.let_in, when=f" on {newest.at.astimezone():%Y-%m-%d %H:%M %Z}")


def _tried(*, let_in: bool, when: str) -> Point:
    if let_in:
        return Point(_NAME, Verdict.WRONG, f"An attempt to write{when} was not refused for who asked, but only for what was sent.", _AGAIN, Who.SOURCE)
    return Point(_NAME, Verdict.GOOD, f"An attempt to write{when} was refused.")


def _untried(types: int) -> Point:
    if not types:
        return Point(_NAME, Verdict.NOT_TRIED, "By its own word the source offers no way to write; nobody tried.", _TRY, Who.AGENT)
    seen = f"The source offers to write {types} types; whether these credentials may, it does not say, and nobody tried."
    return Point(_NAME, Verdict.NOT_TRIED, seen, _TRY, Who.AGENT)
