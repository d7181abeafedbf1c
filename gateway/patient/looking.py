"""Who looked: the holders' own journal lines, put together into sentences, day by day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from starlette.responses import Response

from accord.rules.data_kinds import DataKind
from gateway.patient.ports import AccessLine, HolderAccesses
from gateway.patient.sessions import Period
from gateway.patient.telling import AMSTERDAM, Words
from gateway.patient.visits import Form, Visit, go

#: The buttons: so many days back.
SPANS: Final = (7, 30, 365)
_LONGEST: Final = timedelta(days=5 * 366)
#: The Dutch role codes of doctors begin so (RoleCodeNL 01: arts).
_DOCTOR: Final = "01."
_WISHES_FIRST: Final = (DataKind.WISHES, *(kind for kind in DataKind if kind is not DataKind.WISHES))


@dataclass(frozen=True, slots=True)
class Look:
    """One or more similar lines of one day, as a patient reads them (and hears them: `spoken`)."""

    sentence: str
    spoken: str
    who: str
    why: str
    right: str
    holders: str
    emergency: bool
    reason: str
    shown: bool


@dataclass(frozen=True, slots=True)
class Day:
    """One day's looks, emergencies included, latest first."""

    title: str
    spoken: str
    looks: tuple[Look, ...]


async def overview(visit: Visit) -> Response:
    """The three ways to go, and which providers know the patient."""
    holders = await visit.desk.door.holders_of(visit.here.patient)
    until = visit.words.day_only(visit.here.until) if visit.here.until else ""
    return visit.page("overview.html", holders=holders, until=until)


async def accesses(visit: Visit) -> Response:
    """Who looked in the chosen period."""
    period = visit.session.period or _last(30, visit.now)
    return await _page(visit, period)


async def choose_period(visit: Visit, form: Form) -> Response:
    """Another period, by a button or by two dates."""
    days = form.get("days", "")
    if days in {str(span) for span in SPANS}:
        visit.session.period = _last(int(days), visit.now)
        return go("/inzage")
    try:
        period = Period(date.fromisoformat(form.get("since", "")), date.fromisoformat(form.get("until", "")))
    except ValueError:
        return await _page(visit, visit.session.period or _last(30, visit.now), wrong=True)
    today = visit.now.astimezone(AMSTERDAM).date()
    if not today - _LONGEST <= period.since <= period.until <= today:
        return await _page(visit, visit.session.period or _last(30, visit.now), wrong=True)
    visit.session.period = period
    return go("/inzage")


async def _page(visit: Visit, period: Period, *, wrong: bool = False) -> Response:
    since = datetime.combine(period.since, time.min, AMSTERDAM)
    until = datetime.combine(period.until + timedelta(days=1), time.min, AMSTERDAM)
    told = await visit.desk.door.accesses(visit.here.patient, visit.identity.token, since, until)
    words = visit.words
    return visit.page(
        "accesses.html",
        status=422 if wrong else 200,
        days=by_day(told, words),
        period=period,
        since=words.day_only(period.since),
        until=words.day_only(period.until),
        silent=[heard.holder for heard in told if heard.code is not None],
        heard=[heard.holder for heard in told if heard.code is None],
        wrong=wrong,
        spans=SPANS,
    )


def by_day(told: Sequence[HolderAccesses], words: Words) -> tuple[Day, ...]:
    """All lines in sentences, latest day first."""
    groups: dict[tuple[date, tuple[object, ...]], list[tuple[AccessLine, str]]] = {}
    for heard in told:
        for line in heard.lines:
            alike = (line.professional, line.role, line.organisation, line.purpose, bool(line.basis), line.reason)
            groups.setdefault((line.at.astimezone(AMSTERDAM).date(), alike), []).append((line, heard.holder.title))
    days: dict[date, list[tuple[datetime, Look]]] = {}
    for (day, _), lines in groups.items():
        days.setdefault(day, []).append((max(line.at for line, _ in lines), _look(lines, words)))
    return tuple(
        Day(words.day(day), words.spoken_day(day), tuple(look for _, look in sorted(days[day], key=lambda one: one[0], reverse=True)))
        for day in sorted(days, reverse=True)
    )


def _look(lines: Sequence[tuple[AccessLine, str]], words: Words) -> Look:
    one = lines[0][0]
    # Each holder writes its own line about one question: the same moment, give or take, is one time.
    moments = _apart(line.at for line, _ in lines)
    data = frozenset[DataKind]().union(*(line.data for line, _ in lines))
    what = words.listing(words(f"data.{kind}") for kind in _WISHES_FIRST if kind in data) or words("accesses.your_data")
    who = spoken_name(one, words)
    day = words.days[one.at.astimezone(AMSTERDAM).weekday()]
    key = "accesses." + ("looked" if one.basis else "asked") + ("_often" if len(moments) > 1 else "")
    first, last = moments[0], moments[-1]
    bases = sorted({line.basis for line, _ in lines if line.basis})
    return Look(
        sentence=words(key, who=who, day=day, what=what, times=len(moments), at=words.time(first), first=_bare(first, words), last=words.time(last)),
        spoken=words(
            key, who=who, day=day, what=what, times=len(moments), at=words.spoken_time(first), first=words.spoken_time(first), last=words.spoken_time(last)
        ),
        who=f"{one.professional}, {words.one_of('role', one.role[:2])}, {one.organisation}",
        why=words(f"purpose.{one.purpose}"),
        right=" ".join(words.one_of("basis", basis) for basis in bases) if bases else words("basis.refused"),
        holders=words.listing(sorted({title for _, title in lines})),
        emergency=one.is_emergency,
        reason=one.reason,
        shown=bool(one.basis),
    )


def spoken_name(line: AccessLine, words: Words) -> str:
    """How one speaks of them: Dokter Ten Esker. Others by their whole name."""
    parts = line.professional.split()
    parts = parts[1:] if parts and parts[0].lower().rstrip(".") in ("dr", "drs", "prof") else parts
    if not line.role.startswith(_DOCTOR) or len(parts) < 2:
        return " ".join(parts) or words("accesses.somebody")
    family = " ".join(parts[1:])
    return words("accesses.doctor", name=family[0].upper() + family[1:])


def _apart(moments: Iterable[datetime]) -> list[datetime]:
    found: list[datetime] = []
    for moment in sorted(moments):
        if not found or moment - found[-1] >= timedelta(minutes=1):
            found.append(moment)
    return found


def _bare(at: datetime, words: Words) -> str:
    return words.time(at).removesuffix(" uur")


def _last(days: int, now: datetime) -> Period:
    today = now.astimezone(AMSTERDAM).date()
    return Period(today - timedelta(days=days), today)
