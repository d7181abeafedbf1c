"""In which manner a search is put to providers: until when they may answer, who chooses, in which words."""

from dataclasses import replace
from datetime import datetime

from accord.rules.placing.asker import Choosing, Request
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import Gist
from accord.wire.place_forms import from_form, to_form
from gateway.places.ports import Manner
from gateway.places.soundness import LONGEST, check_unnamed


def asked_so(request: Request, manner: Manner | None, now: datetime) -> Request:
    """The request as it is put from now on.

    Raises:
        BadInput: `invalid-parameter`, `invalid-question`.
    """
    if manner is None:
        # Asked anew after the time that was given for it: the same time once more.
        return request if now < request.reply_by else replace(request, reply_by=now + (request.reply_by - request.made))
    check_time(manner.reply_by, now)
    gist = from_form(to_form(replace(request.gist, words=manner.words)), Gist)
    check_unnamed(request.who, gist.words)
    return replace(request, reply_by=manner.reply_by, choosing=choosing(manner.first_wins), gist=gist)


def choosing(first_wins: bool) -> Choosing:  # noqa: FBT001 - it is the one word that it is about
    """Who takes up an offer."""
    return Choosing.FIRST if first_wins else Choosing.PERSON


def check_time(reply_by: datetime, now: datetime) -> None:
    """Refuse a time that is past, or too far ahead (`invalid-parameter`)."""
    if not now < reply_by <= now + LONGEST:
        raise BadInput(Fault.INVALID_PARAMETER, "reply_by")
