"""What a review page, and its JSON twin, look like."""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from accord.review.queue import MOST_REMARK, ItemId, Reviewer, ReviewItem, Waiting
from accord.review.words import FAILURES, PAGE, Language, headline, moment, numbers, reason, total, visible

#: So many on one page.
MOST_ITEMS: Final = 50


@dataclass(frozen=True, slots=True)
class Typed:
    """A remark that could not be taken, to be shown again where it was typed."""

    item: ItemId
    text: str = field(repr=False)


class Showing:
    """Pages from the templates beside this file."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("accord.review"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
        )
        self._templates.filters["visible"] = visible

    def queue(
        self,
        waiting: Waiting,
        reviewer: Reviewer,
        *,
        token: str,
        language: Language,
        base: str,
        after: ItemId | None,
        leaves: bool = False,
        note: str = "",
        typed: Typed | None = None,
    ) -> str:
        """The list, each with its form."""
        return self._templates.get_template("queue.html").render(
            _texts(language),
            reviewer=reviewer,
            entries=[_entry(item, reviewer, language, typed) for item in waiting.items],
            total=total(waiting.total).in_language(language),
            more=_more(waiting),
            after=after,
            leaves=leaves,
            note=PAGE[note].in_language(language) if note else "",
            token=token,
            most_remark=MOST_REMARK,
            base=base,
            here=f"{base}/",
        )

    def login(self, *, language: Language, base: str, wrong: bool) -> str:
        """The form for a personal code."""
        return self._templates.get_template("login.html").render(_texts(language), base=base, wrong=wrong, here=f"{base}/login")

    def failure(self, status: int, code: str, *, language: Language, base: str) -> str:
        """What went wrong, in words, and its code."""
        words = FAILURES.get(status, FAILURES[500]).in_language(language)
        return self._templates.get_template("failure.html").render(_texts(language), words=words, code=code, base=base, here=f"{base}/")


def as_json(waiting: Waiting, reviewer: Reviewer, *, token: str) -> bytes:
    """The same list for a program."""
    items = [_plain(item, reviewer) for item in waiting.items]
    return msgspec.json.encode({"total": waiting.total, "items": items, "after": _more(waiting), "token": token})


def _more(waiting: Waiting) -> str:
    return str(waiting.items[-1].id) if len(waiting.items) == MOST_ITEMS and waiting.total > MOST_ITEMS else ""


def is_own(item: ReviewItem, reviewer: Reviewer) -> bool:
    """Whether it is about the reviewer: nobody reviews themselves."""
    return bool(item.identifier) and item.identifier == reviewer.identifier


def _texts(language: Language) -> dict[str, Any]:
    return {"page": {name: text.in_language(language) for name, text in PAGE.items()}, "title": PAGE["title"].in_language(language), "language": language}


def _entry(item: ReviewItem, reviewer: Reviewer, language: Language, typed: Typed | None) -> dict[str, Any]:
    because = reason(item)
    is_typed = typed is not None and typed.item == item.id
    return {
        "item": item,
        "headline": headline(item).in_language(language),
        "moment": moment(item.at, language),
        "reason": because.in_language(language) if because else "",
        "numbers": numbers(item).in_language(language),
        "own": is_own(item, reviewer),
        "error": is_typed,
        "typed": typed.text if typed is not None and is_typed else "",
    }


def _plain(item: ReviewItem, reviewer: Reviewer) -> dict[str, Any]:
    return {
        "id": str(item.id),
        "kind": item.kind.value,
        "at": item.at.isoformat(),
        "organisation": {"name": item.organisation, "ura": str(item.ura) if item.ura else None},
        "professional": {"name": item.professional, "identifier": item.identifier, "role": item.role},
        "reason": item.reason.value if item.reason else None,
        "words": item.words,
        "records": item.records,
        "holders": item.holders,
        "level": item.level.value if item.level else None,
        "finding": item.finding.value if item.finding else None,
        "count": item.count,
        "limit": item.limit,
        "about_yourself": is_own(item, reviewer),
    }
