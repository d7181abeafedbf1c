"""What happened with a search, in words, the newest first."""

from collections.abc import Iterable
from datetime import datetime

from accord.rules.placing.asker import Leg
from gateway.places.history import Happened
from gateway.places.ports import Case
from gateway.viewer.speaking import Speech


def history_words(case: Case, speech: Speech) -> tuple[tuple[str, str], ...]:
    """When, and what. Of a provider of which nothing was noted (an older program kept the search) it is how it stands now."""
    request = case.request
    titles = {leg.provider: leg.title for leg in request.legs}
    told = {one.provider for one in case.history}
    lacking = [Happened(leg.since, leg.at.value, leg.provider) for leg in request.legs if leg.provider not in told]
    every = sorted([Happened(request.made, "made"), *lacking, *case.history], key=lambda one: one.at)
    return tuple(
        (speech.moment(one.at), _words(one, titles.get(one.provider, "") if one.provider else "", speech)) for one in reversed(every) if _is_known(one, speech)
    )


def last_with(leg: Leg, history: Iterable[Happened]) -> datetime:
    """When something last happened with a provider."""
    return max((one.at for one in history if one.provider == leg.provider), default=leg.since)


def _is_known(one: Happened, speech: Speech) -> bool:
    return f"places.happened.{one.what}" in speech.words.sentences


def _words(one: Happened, title: str, speech: Speech) -> str:
    return speech(f"places.happened.{one.what}", title=title)
