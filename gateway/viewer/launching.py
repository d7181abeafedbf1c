"""Coming in from an electronic health record: it launches the viewer, or the viewer asks it for a patient; and proving anew who is at work."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from accord.terms.faults import BadInput, Fault, Faulted
from gateway.pages.forms import read_fields
from gateway.viewer.ehr import Ehr
from gateway.viewer.ehr_login import PATIENCE, Attempt, Goal, authorization_url, discover, finish
from gateway.viewer.ehr_reading import Launched, read_launch
from gateway.viewer.entering import come_in, set_session_cookie
from gateway.viewer.ports import Question
from gateway.viewer.sessions import LoggedIn
from gateway.viewer.visits import Visit, dossier_path, go

_QUERY_BYTES: Final = 8_192
#: Launches under way in one browser: several patients may be opened at about the same time.
_MOST_ATTEMPTS: Final = 4
_PLACES: Final = "/plekken"


async def launch(visit: Visit) -> Response:
    """The health record opened us: off to its login at once, for the patient that is open there."""
    said = _said(visit)
    # Exactly one of those in the settings: nothing else is ever called.
    ehr = next((one for one in visit.desk.settings.ehrs if one.issuer == said.get("iss")), None)
    if ehr is None:
        raise BadInput(Fault.EHR_UNKNOWN)
    if not said.get("launch"):
        raise BadInput(Fault.LAUNCH_REFUSED, "launch")
    return await _begin(visit, Attempt(ehr, Goal.LAUNCH, visit.now), said["launch"])


async def choose(visit: Visit) -> Response:
    """Which health record to log in at."""
    return visit.page("login.html", ehrs=list(enumerate(visit.desk.settings.ehrs)))


async def log_in(visit: Visit) -> Response:
    """Off to the login of the health record that was chosen; a patient is picked there."""
    ehr = _chosen(visit)
    return await _begin(visit, Attempt(ehr, Goal.STANDALONE, visit.now)) if ehr is not None else visit.message("not-found", status=404)


async def log_in_for_places(visit: Visit) -> Response:
    """Off to the login of the health record that was chosen, and on to the places: no patient is picked, and no dossier opened."""
    ehr = _chosen(visit) if visit.desk.settings.has_places else None
    return await _begin(visit, Attempt(ehr, Goal.WORK, visit.now)) if ehr is not None else visit.message("not-found", status=404)


async def prove(visit: Visit) -> Response:
    """Off to the login of the health record, which must ask anew for both factors; then back to where the glass is."""
    ehr = _ehr_of(visit, visit.person.by)
    return await _begin(visit, Attempt(ehr, Goal.PROVE, visit.now, dossier=visit.token))


async def come_back(visit: Visit) -> Response:
    """Back from the health record: the dossier opens, with nothing in between."""
    said = _said(visit)
    attempt = visit.session.attempts.pop(said.get("state", ""), None)  # works once
    if attempt is None or visit.now - attempt.begun > PATIENCE:
        raise BadInput(Fault.LAUNCH_OVER)
    if "error" in said or "code" not in said:
        raise BadInput(Fault.LAUNCH_REFUSED, "error")
    desk, ehr = visit.desk, attempt.ehr
    async with desk.calls.one_launch():
        endpoints = await discover(ehr, desk.calls)
        if said.get("iss", endpoints.signs_as) != endpoints.signs_as:
            raise BadInput(Fault.LAUNCH_REFUSED, "iss")
        granted = await finish(attempt, endpoints, desk.calls, desk.settings.redirect_uri, said["code"], visit.now)
        launched = await read_launch(ehr, granted, desk.calls)
        person = LoggedIn(launched.professional, ehr.treatment, granted.second_factor_at(ehr), ehr.issuer)
    return _entered(visit, attempt, launched, person)


def failed(visit: Visit, failure: Faulted) -> Response:
    """What a clinician sees of a launch that failed: what happened, what to do, and a code."""
    code = failure.fault.value
    status = 400 if isinstance(failure, BadInput) else 503
    return visit.message(f"launch.{code}" if f"message.launch.{code}.title" in visit.words.sentences else "launch.other", status=status, code=code)


def _entered(visit: Visit, attempt: Attempt, launched: Launched, person: LoggedIn) -> Response:
    dossiers = visit.desk.dossiers
    cookie, session = come_in(visit, person)
    if launched.bsn is not None:
        path = dossier_path(dossiers.open(session, Question(launched.bsn, launched.birth_date, person.treating(), launched.name)))
    elif dossiers.of(session, attempt.dossier) is not None:
        path = dossier_path(attempt.dossier, "noodtoegang")
    elif attempt.goal is Goal.WORK:
        path = _PLACES
    else:
        # It was somebody else who proved to be themselves: nothing of before is theirs.
        path = "/"
    response = go(path)
    set_session_cookie(visit, response, cookie)
    return response


async def _begin(visit: Visit, attempt: Attempt, launched_by: str = "") -> Response:
    desk = visit.desk
    async with desk.calls.one_launch():
        endpoints = await discover(attempt.ehr, desk.calls)
    url = authorization_url(attempt, endpoints, desk.settings.redirect_uri, launched_by)
    attempts = visit.session.attempts
    attempts[attempt.state] = attempt
    while len(attempts) > _MOST_ATTEMPTS:
        del attempts[next(iter(attempts))]
    return go(url)


def _chosen(visit: Visit) -> Ehr | None:
    """The health record whose number is in the address; none where there is no such."""
    number, ehrs = str(visit.request.path_params.get("number", "")), visit.desk.settings.ehrs
    is_one = number.isascii() and number.isdecimal() and len(number) <= 3 and int(number) < len(ehrs)
    return ehrs[int(number)] if is_one else None


def _ehr_of(visit: Visit, issuer: str) -> Ehr:
    ehr = next((one for one in visit.desk.settings.ehrs if one.issuer == issuer), None)
    if ehr is None:
        raise BadInput(Fault.EHR_UNKNOWN)
    return ehr


def _said(visit: Visit) -> Mapping[str, str]:
    query = visit.request.url.query
    said = read_fields(query, most=16) if len(query) <= _QUERY_BYTES else None
    if said is None:
        raise BadInput(Fault.LAUNCH_REFUSED, "query")
    return said
