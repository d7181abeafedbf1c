"""Who looked: the holders' own journal lines, put together into sentences, day by day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from starlette.responses import Response

from accord.rules.consent import Basis
from accord.rules.data_kinds import DataKind
from accord.rules.emergency import CLOCKS_APART, ReasonCode
from gateway.pages.forms import Form
from gateway.pages.telling import AMSTERDAM, Words
from gateway.patient.ports import AccessLine, HolderAccesses, KnownHolder
from gateway.patient.sessions import Period
from gateway.patient.visits import Visit, go

#: The buttons: so many days back.
SPANS: Final = (7, 30, 365)
_LONGEST: Final = timedelta(days=5 * 366)
#: The Dutch role codes of doctors begin so (RoleCodeNL 01: arts).
_DOCTOR: Final = "01."
_Line = tuple[AccessLine, KnownHolder]
_WISHES_FIRST: Final = (DataKind.WISHES, *(kind for kind in DataKind if kind is not DataKind.WISHES))


@dataclass(frozen=True, slots=True)
class Look:
    """One or more similar lines of one day, or one emergency, as a patient reads them (and hears them: `spoken`).

    `flag` and `note` are about an emergency, and empty otherwise.
    """

    sentence: str
    spoken: str
    who: str
    why: str
    right: str
    holders: str
    emergency: bool
    flag: str
    note: str


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
    # An emergency is told whole, also where it began before these days or went on after them.
    around = visit.region.emergency_lasts + CLOCKS_APART
    told = await visit.desk.door.accesses(visit.here.patient, visit.identity.token, since - around, until + around)
    words = visit.words
    return visit.page(
        "accesses.html",
        status=422 if wrong else 200,
        days=by_day(told, words, visit.region.emergency_lasts, period),
        period=period,
        since=words.day_only(period.since),
        until=words.day_only(period.until),
        silent=[heard.holder for heard in told if heard.code is not None],
        heard=[heard.holder for heard in told if heard.code is None],
        wrong=wrong,
        spans=SPANS,
    )


def by_day(told: Sequence[HolderAccesses], words: Words, lasts: timedelta, period: Period | None = None) -> tuple[Day, ...]:
    """All lines in sentences, latest day first. *lasts* is how long one emergency does; what lies outside *period* is left out."""
    days: dict[date, list[tuple[datetime, Look]]] = {}
    for lines in (*_alike(told), *_emergencies(told, lasts)):
        if period is None or any(period.since <= _day(line.at) <= period.until for line, _ in lines):
            # What was seen says when; where nothing was, what was asked.
            seen = [line for line, _ in lines if line.basis] or [line for line, _ in lines]
            days.setdefault(_day(min(line.at for line in seen)), []).append((max(line.at for line in seen), _look(lines, words)))
    return tuple(
        Day(words.day(day), words.spoken_day(day), tuple(look for _, look in sorted(days[day], key=lambda one: one[0], reverse=True)))
        for day in sorted(days, reverse=True)
    )


def _alike(told: Sequence[HolderAccesses]) -> Iterable[list[_Line]]:
    """The ordinary lines of one day that are alike."""
    groups: dict[tuple[object, ...], list[_Line]] = {}
    for heard in told:
        for line in heard.lines:
            if not line.is_emergency:
                groups.setdefault((_day(line.at), *_who(line), line.purpose, bool(line.basis), line.place), []).append((line, heard.holder))
    return groups.values()


def _emergencies(told: Sequence[HolderAccesses], lasts: timedelta) -> list[list[_Line]]:
    """The lines of each emergency, of all holders: they write down once that glass was broken and why, and then each question.

    At each holder it begins by itself, and lasts as long; what began at one while it lasted at another is the same.
    """
    found: list[list[_Line]] = []
    for begun in sorted((one for heard in told for one in _at_one(heard, lasts)), key=_began):
        for lines in reversed(found):
            if _is_one(lines, begun, lasts):
                lines.extend(begun)
                break
        else:
            found.append(begun)
    return found


def _is_one(lines: Sequence[_Line], begun: Sequence[_Line], lasts: timedelta) -> bool:
    """Whether what began at another holder is of the same emergency: two holders of one are given one reason."""
    (first, _), (line, holder) = lines[0], begun[0]
    others = all(holder.name != one.name for _, one in lines)
    return others and _who(first) == _who(line) and _began(begun) < _began(lines) + lasts and len(_reasons((*lines, *begun))) < 2


def _began(lines: Sequence[_Line]) -> datetime:
    """When glass was broken; the first question where that is not told."""
    return next((line.at for line, _ in lines if line.reason), lines[0][0].at)


def _at_one(heard: HolderAccesses, lasts: timedelta) -> list[list[_Line]]:
    """The lines of each emergency at one holder."""
    found: list[list[_Line]] = []
    under_way: dict[tuple[object, ...], list[_Line]] = {}
    for line in sorted((line for line in heard.lines if line.is_emergency), key=lambda line: line.at):
        lines = under_way.get(_who(line))
        # An answer may begin a little after it was allowed; that glass was broken again begins another emergency.
        begins = lines is None or line.at >= _began(lines) + lasts + CLOCKS_APART or (line.reason and _reasons(lines))
        if lines is None or begins:
            lines = under_way[_who(line)] = []
            found.append(lines)
        lines.append((line, heard.holder))
    return found


def _place_look(lines: Sequence[_Line], words: Words) -> Look:
    """One that was told of, seen or given a place, or whose handover was read: the first time of the day is told."""
    line = min((line for line, _ in lines), key=lambda one: one.at)
    key, day, to = f"accesses.{line.place}", words.days[line.at.astimezone(AMSTERDAM).weekday()], _titles(lines, words)
    return Look(
        sentence=words(key, who=line.organisation, to=to, day=day, at=words.time(line.at)),
        spoken=words(key, who=line.organisation, to=to, day=day, at=words.spoken_time(line.at)),
        who=line.organisation,
        why=words("accesses.place_why"),
        right=words("accesses.place_right"),
        holders=_titles(lines, words),
        emergency=False,
        flag="",
        note="",
    )


def _look(lines: Sequence[_Line], words: Words) -> Look:
    if lines[0][0].place:
        return _place_look(lines, words)
    shown = [(line, holder) for line, holder in lines if line.basis]
    meant = shown or lines
    one = meant[0][0]
    # Each holder writes its own line about one question: the same moment, give or take, is one time.
    moments = _apart(line.at for line, _ in meant)
    what = _what(meant, words)
    who = spoken_name(one, words)
    first, last = moments[0], moments[-1]
    day = words.days[first.astimezone(AMSTERDAM).weekday()]
    key = "accesses." + ("looked" if shown else "asked") + ("_often" if len(moments) > 1 else "")
    reasons = [words("accesses.reason", reason=_reason(code, words)) for code in _reasons(lines)]
    return Look(
        sentence=words(key, who=who, day=day, what=what, times=len(moments), at=words.time(first), first=_bare(first, words), last=words.time(last)),
        spoken=words(
            key, who=who, day=day, what=what, times=len(moments), at=words.spoken_time(first), first=words.spoken_time(first), last=words.spoken_time(last)
        ),
        who=f"{one.professional}, {words.one_of('role', one.role[:2])}, {one.organisation}",
        why=" ".join((words(f"purpose.{one.purpose}"), *reasons)),
        right=_right(lines, words),
        holders=_titles(meant, words),
        emergency=one.is_emergency,
        flag=words("accesses.emergency" if shown else "accesses.emergency_asked") if one.is_emergency else "",
        note=_note(lines, words) if one.is_emergency else "",
    )


def _right(lines: Sequence[_Line], words: Words) -> str:
    """By which right, and at which holders each, where it was not the same at all. One that showed something did not refuse."""
    rights: dict[str, list[_Line]] = {}
    showed = {holder.name for line, holder in lines if line.basis}
    for line, holder in lines:
        if line.basis or holder.name not in showed:
            rights.setdefault(words.one_of("basis", line.basis or "refused"), []).append((line, holder))
    if len(rights) == 1:
        return next(iter(rights))
    order = sorted(rights, key=lambda right: (not rights[right][0][0].basis, right != words("basis.patient-consented"), right))
    return " ".join(f"{_upper(_where(rights[right], words))} {right}" for right in order)


def _where(lines: Sequence[_Line], words: Words) -> str:
    if any(line.basis for line, _ in lines):
        return words("accesses.right_of", what=_what(lines, words), holders=_titles(lines, words))
    return words("accesses.right_at", holders=_titles(lines, words))


def _note(lines: Sequence[_Line], words: Words) -> str:
    """What an emergency means for the patient: who looked without their choice, and that it is reviewed once glass was broken."""
    if any(line.basis == Basis.EMERGENCY for line, _ in lines):
        return words("accesses.emergency_text")
    return words("accesses.emergency_review") if any(line.basis or line.reason for line, _ in lines) else ""


def _what(lines: Sequence[_Line], words: Words) -> str:
    data = frozenset[DataKind]().union(*(line.data for line, _ in lines))
    return words.listing(words(f"data.{kind}") for kind in _WISHES_FIRST if kind in data) or words("accesses.your_data")


def _titles(lines: Sequence[_Line], words: Words) -> str:
    return words.listing(sorted({holder.title for _, holder in lines}))


def _reasons(lines: Sequence[_Line]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.reason for line, _ in lines if line.reason))


def _reason(code: str, words: Words) -> str:
    """The region's reasons in the reader's language; anything else as it was written."""
    return words(f"reason.{code}") if code in tuple(ReasonCode) else code


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _who(line: AccessLine) -> tuple[object, ...]:
    return line.professional, line.role, line.organisation, line.kind


def _day(at: datetime) -> date:
    return at.astimezone(AMSTERDAM).date()


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
