"""What the planners' page looks like."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from accord.review.queue import Reviewer
from accord.review.words import Language, visible
from accord.rules.placing.provider import Leg
from accord.terms.identifiers import Ura
from node_agent.places.page_acts import MOST_PLACES, WORDS_CHARACTERS, hold_of
from node_agent.places.page_handover import handover_shown
from node_agent.places.page_moments import held_for
from node_agent.places.page_openings import services_shown, tomorrow
from node_agent.places.page_requests import declining, groups, leg_shown, openings_for, withdrawing
from node_agent.places.page_trouble_words import trouble_words
from node_agent.places.page_words import FAILURES, GOOD_NOTES, NOTES, PAGE
from node_agent.places.ports import LegRef, ServiceKept

#: How long a place may be held, in minutes; before these comes what the service says, and that is what a plain tap does.
_HOLDS: Final = (60, 240, 480, 1_440, 4_320)


@dataclass(frozen=True, slots=True)
class Scene:
    """What all pages of one visit have in common. `token` goes with every form; `waiting` requests wait for an answer."""

    person: Reviewer
    language: Language
    token: str
    now: datetime
    title: str
    waiting: int
    note: str = ""
    troubles: tuple[tuple[str, str], ...] = ()


class Showing:
    """Pages from the templates beside this file."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("node_agent.places"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
        )
        self._templates.filters["visible"] = visible
        self._templates.globals["address_of"] = lambda leg: address_of(leg.ref)
        self._templates.filters["lines"] = lambda text: [visible(line) for line in text.split("\n")]

    def places(self, scene: Scene, kept: Sequence[ServiceKept]) -> str:
        """What is offered."""
        services = services_shown(kept, scene.now, scene.language)
        troubles = [(name, trouble_words(told, scene.language), told) for name, told in scene.troubles]
        return self._page("places.html", scene, "/", services=services, troubles=troubles, tomorrow=tomorrow(scene.now), most_places=MOST_PLACES)

    def requests(self, scene: Scene, legs: Sequence[Leg], kept: Sequence[ServiceKept]) -> str:
        """Who asks for a place."""
        return self._page("requests.html", scene, "/requests", groups=groups(legs, kept, scene.now, scene.language))

    def request(self, scene: Scene, leg: Leg, kept: Sequence[ServiceKept], typed: dict[str, str]) -> str:
        """One request, with the answers that can be given; *typed* is what was filled in and could not be taken."""
        return self._page(
            "request.html",
            scene,
            address_of(LegRef(leg.asker, leg.request)),
            leg=leg_shown(leg, kept, scene.now, scene.language),
            openings=openings_for(leg, kept, scene.now, scene.language),
            holds=_holds(leg, kept, scene.language),
            declining=declining(scene.language),
            withdrawing=withdrawing(scene.language),
            typed=typed,
            words_characters=WORDS_CHARACTERS,
            most_places=MOST_PLACES,
        )

    def handover(self, scene: Scene, ref: LegRef, bundle: bytes) -> str:
        """The handover, to read."""
        back, shown = address_of(ref), handover_shown(bundle)
        return self._page("handover.html", scene, f"{back}/handover", handover=shown, back=back)

    def login(self, language: Language, *, wrong: bool) -> str:
        """The form for a personal code."""
        return self._templates.get_template("login.html").render(_texts(language, "login_title"), wrong=wrong, here="/login")

    def failure(self, status: int, code: str, *, language: Language) -> str:
        """What went wrong, in words, and its code."""
        words = FAILURES.get(status, FAILURES[500]).in_language(language)
        return self._templates.get_template("failure.html").render(_texts(language, "title"), words=words, code=code, here="/")

    def _page(self, template: str, scene: Scene, here: str, **more: Any) -> str:
        title = {"places.html": "title", "requests.html": "requests_title", "request.html": "request_title", "handover.html": "handover_title"}[template]
        note = NOTES.get(scene.note)
        return self._templates.get_template(template).render(
            _texts(scene.language, title),
            scene=scene,
            here=here,
            note=note.in_language(scene.language) if note is not None else "",
            note_is_good=scene.note in GOOD_NOTES,
            **more,
        )


def address_of(ref: LegRef) -> str:
    """Where one request is on this page: of its asker and a random id, and of nobody's name.

    The id is the asker's: it may hold what has a meaning in an address, so it is spelled without.
    """
    return f"/requests/{ref.asker.value}/{urlsafe_b64encode(ref.request.encode()).decode().rstrip('=')}"


def ref_at(asker: str, spelled: str) -> LegRef:
    """Which request has this address.

    Raises:
        BadInput: The asker is no URA.
        ValueError: The rest is nobody's spelling.
    """
    return LegRef(Ura(asker), b64decode(spelled + "=" * (-len(spelled) % 4), b"-_", validate=True).decode())


def _holds(leg: Leg, kept: Sequence[ServiceKept], language: Language) -> list[tuple[int, str]]:
    own = hold_of(leg, kept) // timedelta(minutes=1)
    return [(minutes, held_for(minutes, language)) for minutes in (own, *(one for one in _HOLDS if one != own))]


def _texts(language: Language, title: str) -> dict[str, Any]:
    return {"page": {name: text.in_language(language) for name, text in PAGE.items()}, "title": PAGE[title].in_language(language), "language": language}
