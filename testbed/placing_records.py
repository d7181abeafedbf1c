"""What providers and askers have on disk of requests for places, read as it lies there by whoever judges them, and by none of their own code.

States, counts and random ids are plain in both files; nothing that is sealed is opened.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from accord.rules.placing.asker import At as Has
from accord.rules.placing.provider import At as Gives
from testbed.placing_audit import AtAsker, AtProvider, Verdict, audit

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def at_provider(name: str, store: Path) -> list[AtProvider]:
    """The legs of one provider."""
    rows = _rows(store, "SELECT request, state, opening, amount FROM leg")
    return [AtProvider(name, request, Gives(state), opening, amount) for request, state, opening, amount in rows]


def at_asker(store: Path) -> list[AtAsker]:
    """The legs of one asker."""
    return [AtAsker(provider, search, Has(at)) for search, provider, at in _rows(store, "SELECT search, provider, at FROM place_leg")]


def searches(store: Path) -> dict[str, str]:
    """How each request stands at its asker."""
    return dict(_rows(store, "SELECT id, standing FROM place_search"))


def providers_of(store: Path) -> dict[str, str]:
    """The name of each provider that this asker ever asked, by its URA."""
    return dict(_rows(store, "SELECT DISTINCT ura, provider FROM place_leg"))


def counted(store: Path) -> dict[str, int]:
    """What was counted of each opening of a provider."""
    return {name: number for name, number in _rows(store, "SELECT id, counted FROM opening") if number is not None}


def counted_by(store: Path) -> dict[str, tuple[int | None, bool]]:
    """What was counted of each opening of a provider, and whether its service is stopped."""
    rows = _rows(store, "SELECT id, counted, service IN (SELECT service FROM stop) FROM opening")
    return {name: (number, bool(stopped)) for name, number, stopped in rows}


@dataclass(frozen=True, slots=True)
class Answered:
    """When a provider first answered a request, and by which code it said no, if it did."""

    at: datetime | None
    declined: str


def answers_at(store: Path) -> dict[str, Answered]:
    """By request."""
    rows = _rows(store, "SELECT request, answered, declined FROM leg")
    return {request: Answered(None if at is None else _EPOCH + timedelta(microseconds=at), declined or "") for request, at, declined in rows}


def sources_at(store: Path) -> dict[str, str]:
    """By opening of a provider, where its number is from."""
    return dict(_rows(store, "SELECT id, source FROM opening"))


def not_taken_in(asker: Path, providers: Mapping[str, Path]) -> dict[str, int]:
    """How many letters each wrote that the other side did not take in yet. Those that only wait for a receipt are there already."""
    uras = {provider: ura for ura, provider in providers_of(asker).items()}
    waiting = Counter[str]()
    for name, store in providers.items():
        heard: dict[str, int] = dict(_rows(asker, "SELECT request, heard FROM letter_thread WHERE peer = ?", uras.get(name, "")))
        waiting[name] += sum(seq > heard.get(request, 0) for request, seq in _rows(store, "SELECT request, seq FROM letter_out"))
        taken: dict[str, int] = dict(_rows(store, "SELECT request, heard FROM letter_thread"))
        laid = _rows(asker, "SELECT request, seq FROM letter_out WHERE peer = ?", uras.get(name, ""))
        waiting["the asker"] += sum(seq > taken.get(request, 0) for request, seq in laid)
    return dict(waiting)


def judge(asker: Path, providers: Mapping[str, Path], places: Mapping[str, int], requests: frozenset[str]) -> Verdict:
    """Lay the file of one asker beside those of its providers. *places* is what whoever set the region up knows, *requests* what was asked."""
    legs = [leg for name, store in sorted(providers.items()) for leg in at_provider(name, store)]
    return audit(legs, at_asker(asker), places, requests=requests, waiting=not_taken_in(asker, providers))


def _rows(store: Path, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
    # Whoever was just killed left a log beside the file, which a reader must be able to take up.
    with closing(sqlite3.connect(store, timeout=10)) as connection:
        yield from connection.execute(query, values).fetchall()
