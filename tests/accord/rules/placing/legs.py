"""A request of one hospital to three providers, to try the two machines on."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from accord.rules.placing import asker, provider
from accord.rules.placing.asker import At, Choosing, Leg, Request, Step
from accord.terms.capacity import CareKind, Need
from accord.terms.identifiers import HolderName, Ura
from accord.terms.placing import Asked, Fit, FromProvider, Gist, Introduction, Offered, Terms

NOW: Final = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
THURSDAY: Final = date(2026, 11, 26)
NEED: Final = Need(CareKind.NURSING_HOME, THURSDAY)
VISITS: Final = Need(CareKind.DISTRICT_NURSING, THURSDAY, amount=4, near="7511")
DINA: Final = Introduction("999984056", "1942-05-01", "D. Olde Wolbers")
ONE, TWO, THREE = (HolderName(name) for name in ("weefgetouw", "reviant", "noaberhoes"))
ASKER: Final = Ura("90000001")
FULL: Final = Terms(Fit.FULL, 1)


def asked(need: Need = NEED, reply_by: datetime = NOW + 4 * HOUR) -> Asked:
    return Asked("s1", "o1", need, Gist(80), reply_by, "Ziekenhuis Dinkelhorst", "", bytes(32))


def leg_to(name: HolderName, need: Need = NEED, reply_by: datetime = NOW + 4 * HOUR) -> Leg:
    return Leg(name, str(name), "s1", asked(need, reply_by), At.SENT, NOW)


def request(*names: HolderName, choosing: Choosing = Choosing.FIRST, need: Need = NEED, **other: Any) -> Request:
    """A request that was put to *names*."""
    begun = Request("r1", need, Gist(80), choosing, NOW, NOW + 4 * HOUR, DINA, "referral", **other)
    return asker.put_to(begun, tuple(leg_to(name, need) for name in names)).request


def offered(number: int = 1, terms: Terms = FULL) -> Offered:
    return Offered(number, terms, NOW + HOUR)


def heard(before: Request, *said: tuple[HolderName, FromProvider], at: datetime = NOW) -> Step:
    """What came of it all, and what is said because of the last of them."""
    step = Step(before)
    for name, what in said:
        step = asker.hear(step.request, name, what, at)
    return step


def told(step: Step) -> list[tuple[str, str]]:
    """To whom what is said, by the names."""
    return [(str(says.to), type(says.what).__name__) for says in step.says]


def leg_at(at: provider.At, *, need: Need = NEED, **other: Any) -> provider.Leg:
    """A leg of a provider that came to stand so."""
    begun = provider.begin("r1", ASKER, asked(need), NOW).leg
    if at in (provider.At.OFFERED, provider.At.LAPSED, provider.At.GONE, provider.At.GRANTED, provider.At.ARRIVED, provider.At.WITHDRAWN):
        begun = provider.offer(begun, replace(FULL, amount=need.amount), NOW + HOUR, NOW, None).leg
    return replace(begun, at=at, **other)
