"""What the page for IT, and its JSON twin, look like."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from accord.review.queue import Reviewer
from accord.review.words import Language, moment, visible
from accord.rules.moments import AMSTERDAM
from node_agent.it.gathering import Gathered
from node_agent.it.situation import Situation
from node_agent.it.words import CODES, FAILURES, PAGE

#: So many rows of one table; the JSON twin has all of them.
_MOST_ROWS: Final = 200
_PERIODS: Final = ("hour", "day", "week", "month")


class Showing:
    """Pages from the templates beside this file."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("node_agent.it"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
        )
        self._templates.filters["visible"] = visible

    def page(self, gathered: Gathered, situation: Situation, person: Reviewer, *, language: Language, chosen: str, wrong: bool) -> str:
        """All of it. *chosen* is the name of the period, empty when days were given."""
        period = gathered.period
        last = (period.until - timedelta(seconds=1)).astimezone(AMSTERDAM)
        return self._templates.get_template("it.html").render(
            _texts(language),
            person=person,
            situation=situation,
            cost=situation.cost,
            since=moment(datetime.fromtimestamp(situation.since_ms / 1000, UTC), language),
            gathered=gathered,
            periods=_PERIODS,
            chosen=chosen,
            wrong=wrong,
            first_day=f"{period.since.astimezone(AMSTERDAM):%Y-%m-%d}" if not chosen else "",
            last_day=f"{last:%Y-%m-%d}" if not chosen else "",
            shown_from=moment(period.since, language),
            shown_until=moment(period.until, language),
            asked=sorted(gathered.asked.values(), key=lambda one: -one.questions)[:_MOST_ROWS],
            moments=sorted(gathered.moments.items(), reverse=True)[:_MOST_ROWS],
            endings=gathered.endings.most_common(),
            by_category=gathered.by_category.most_common(_MOST_ROWS),
            withheld=_by_reason(gathered.withheld)[:_MOST_ROWS],
            refused=gathered.refused.most_common(_MOST_ROWS),
            would_end=gathered.would_end.most_common(),
            would_leave=gathered.would_leave.most_common(_MOST_ROWS),
            would_stay=_by_reason(gathered.would_stay)[:_MOST_ROWS],
            here="/",
        )

    def login(self, language: Language, *, wrong: bool) -> str:
        """The form for a personal code."""
        return self._templates.get_template("login.html").render(_texts(language), wrong=wrong, here="/login")

    def failure(self, status: int, code: str, *, language: Language) -> str:
        """What went wrong, in words, and its code."""
        words = FAILURES.get(status, FAILURES[500]).in_language(language)
        return self._templates.get_template("failure.html").render(_texts(language), words=words, code=code, here="/")


def as_json(gathered: Gathered, situation: Situation) -> bytes:
    """The same for a program."""
    told: dict[str, Any] = {
        "period": {"from": gathered.period.since.isoformat(), "until": gathered.period.until.isoformat(), "whole": gathered.is_whole},
        "standing": {name: value for name, value in asdict(situation).items() if name != "cost"},
        "asked": [asdict(one) for one in gathered.asked.values()],
        "questions_by_moment": dict(sorted(gathered.moments.items())),
        "endings": gathered.endings,
        "released": {"records": gathered.records, "bytes": gathered.bytes, "answers_by_category": gathered.by_category},
        "withheld": _reasons(gathered.withheld),
        "refused": gathered.refused,
        "cost": asdict(situation.cost) if situation.cost is not None else None,
        "shadow": {
            "tried": gathered.tried,
            "endings": gathered.would_end,
            "would_leave": gathered.would_leave,
            "would_refuse": _reasons(gathered.would_stay),
        },
    }
    return msgspec.json.encode(told)


def _by_reason(counted: Counter[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Reason, categories and how often: what was withheld for one reason as often as another stands with it, in one row."""
    rows: dict[tuple[str, int], list[str]] = {}
    for (reason, category), times in counted.most_common():
        rows.setdefault((reason, times), []).append(category)
    return [(reason, ", ".join(sorted(categories)), times) for (reason, times), categories in rows.items()]


def _reasons(counted: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [{"reason": reason, "category": category, "times": times} for (reason, category), times in counted.items()]


def _texts(language: Language) -> dict[str, Any]:
    return {
        "page": {name: text.in_language(language) for name, text in PAGE.items()},
        "codes": {code: text.in_language(language) for code, text in CODES.items()},
        "title": PAGE["title"].in_language(language),
        "language": language,
    }
