"""How a page about places is made, and what is said where something cannot be done."""

from collections.abc import Awaitable
from typing import Final

from starlette.responses import Response

from accord.terms.faults import BadInput, Fault
from gateway.pages.forms import Form
from gateway.viewer.paging import Submit, View
from gateway.viewer.speaking import Speech
from gateway.viewer.visits import Visit

#: What a person can do something about, by the code with which a search refuses it.
_SAID: Final = {
    Fault.NOT_FOUND: ("gone", 404),
    Fault.NOT_POSSIBLE_NOW: ("changed", 409),
    Fault.NO_OFFER: ("no-offer", 409),
    Fault.INVALID_PARAMETER: ("invalid", 422),
}


def case_path(case: str) -> str:
    """Where a search stands. Its id is random, and says nothing."""
    return f"/plekken/{case}"


def said(visit: Visit, template: str, title: str, *, status: int = 200, here: str = "", **context: object) -> Response:
    """A page in the frame of these pages. *title* is a key of the words: never anything of a person. *here* is its place in the menu."""
    speech = Speech(visit.words, visit.now)
    at = speech.whole_moment(visit.now)
    return visit.page(f"places/{template}", status=status, path=None, title=visit.words(title), here=here, at=at, speech=speech, **context)


def message(visit: Visit, name: str, *, status: int, back: str = "/plekken") -> Response:
    """A page that says one thing."""
    return said(visit, "message.html", f"places.message.{name}.title", status=status, name=name, back=back)


def careful(view: View) -> View:
    """The same page, where what cannot be done is told in words.

    Raises:
        Faulted: As the page, for what nobody at the screen can do anything about.
    """

    async def shown(visit: Visit) -> Response:
        return await _told(visit, view(visit))

    return shown


def careful_form(submit: Submit) -> Submit:
    """The same for a form.

    Raises:
        Faulted: As `careful`.
    """

    async def done(visit: Visit, form: Form) -> Response:
        return await _told(visit, submit(visit, form))

    return done


async def _told(visit: Visit, answer: Awaitable[Response]) -> Response:
    try:
        return await answer
    except BadInput as failure:
        if failure.fault not in _SAID:
            raise
        name, status = _SAID[failure.fault]
        case = str(visit.request.path_params.get("case", ""))
        return message(visit, name, status=status, back=case_path(case) if case and name != "gone" else "/plekken")
