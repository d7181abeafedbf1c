"""Making a choice: what is on record, what would change, the confirmation, and what each holder said."""

import secrets
from contextlib import suppress
from datetime import UTC

from starlette.responses import Response

from accord.rules.statements import SALT_BYTES, ConfirmedStatement, Side, Statement, nonce_of
from accord.terms.faults import Fault, Faulted
from accord.terms.vocabulary import HolderKind
from gateway.pages.forms import Form
from gateway.patient.changes import what_changes, what_stays
from gateway.patient.choice_words import (
    answers_of_form,
    change_lines,
    choice_rows,
    read_subject,
    staying_lines,
    subject_form,
    undo_lines,
)
from gateway.patient.ports import Confirmed
from gateway.patient.sessions import Goal
from gateway.patient.visits import Visit, go

#: A holder that says so wants a fresh confirmation, not the same one again.
_CONFIRM_AGAIN = frozenset({Fault.LOGIN_REQUIRED, Fault.TOKEN_INVALID})


async def overview_of_choices(visit: Visit) -> Response:
    """What the patient chose, per kind of provider."""
    on_record = await visit.desk.door.choices(visit.here.patient, visit.identity.token)
    return visit.page("choices.html", table=choice_rows(on_record, visit.here, visit.words, visit.now))


async def open_subject(visit: Visit, form: Form) -> Response:
    """What to choose about; remembered in the session, so that no address tells it."""
    subject = read_subject(form.get("subject", ""))
    if subject is None:
        return visit.message("not-found", status=404, action="overview")
    if not visit.here.choosing:
        return visit.message("may-only-look", status=403, action="overview")
    if not visit.desk.login.can_confirm:
        return visit.message("cannot-confirm", status=503, action="overview")
    visit.session.subject = subject
    return go("/keuzes/kiezen")


async def choose(visit: Visit) -> Response:
    """The questions about it."""
    subject = visit.session.subject
    if subject is None:
        return go("/keuzes")
    on_record = await visit.desk.door.choices(visit.here.patient, visit.identity.token)
    return visit.page("choosing.html", form=subject_form(subject, on_record, visit.here, visit.words), missing=False)


async def chosen(visit: Visit, form: Form) -> Response:
    """Answers: on to what they change."""
    subject = visit.session.subject
    if subject is None:
        return go("/keuzes")
    on_record = await visit.desk.door.choices(visit.here.patient, visit.identity.token)
    lines = answers_of_form(subject, form)
    if lines is None:
        return visit.page("choosing.html", status=422, form=subject_form(subject, on_record, visit.here, visit.words), missing=True)
    visit.session.draft = lines
    return go("/keuzes/wijziging")


async def show_change(visit: Visit) -> Response:
    """What the answers change, before anything is saved."""
    draft = visit.session.draft
    if not draft:
        return go("/keuzes")
    on_record = await visit.desk.door.choices(visit.here.patient, visit.identity.token)
    changes = what_changes(on_record, draft, visit.here, visit.region, visit.now)
    silent = [known.holder for known in on_record if known.code is not None]
    elsewhere = [known.holder for known in on_record if known.others]
    lines = change_lines(changes, [known for known in on_record if known.code is None], visit.words)
    stays = staying_lines(what_stays(on_record, draft, visit.here, visit.region, visit.now), visit.words)
    return visit.page("changing.html", lines=lines, stays=stays, silent=silent, elsewhere=elsewhere, may_choose=visit.here.choosing)


async def confirm(visit: Visit, _: Form) -> Response:
    """Off to the login provider, to sign exactly this: as the client of which it says that one confirms a choice."""
    session, here = visit.session, visit.here
    if not session.draft:
        return go("/keuzes")
    if not here.choosing:
        return visit.message("may-only-look", status=403, action="overview")
    moment = visit.now.astimezone(UTC).replace(microsecond=0)
    statement = Statement(visit.region.name, here.patient, here.voice, session.draft, moment)
    salt = secrets.token_bytes(SALT_BYTES)
    attempt, url = await visit.desk.login.begin(language=visit.language.value, confirms=nonce_of(statement, salt))
    session.pending, session.attempt, session.goal = (statement, salt), attempt, Goal.CONFIRM
    return go(url)


async def deliver(visit: Visit, token: str) -> None:
    """Bring the confirmed statement to the holders; what each said is for the result page."""
    session = visit.session
    if session.pending is None:
        return
    statement, salt = session.pending
    session.pending, session.confirmed, session.results = None, ConfirmedStatement(statement, salt, token), ()
    session.undo, session.draft = (), ()
    with suppress(Faulted):  # without it there is no undo; the choice itself goes on its way all the same
        session.undo = undo_lines(await visit.desk.door.choices(visit.here.patient, visit.identity.token), statement, visit.here)
    try:
        session.results = await visit.desk.door.choose(session.confirmed)
    except Faulted:
        # Not delivered to anybody that we know of: the result page says so, and offers to try again.
        session.results = ()


async def result(visit: Visit) -> Response:
    """Which holders confirmed, since when, and whom to call."""
    session = visit.session
    if session.confirmed is None:
        return go("/keuzes")
    said = sorted(session.results, key=lambda one: (isinstance(one, Confirmed), one.holder.title))
    confirmed = [(one.holder, visit.words.time(one.at), visit.words.spoken_time(one.at)) for one in said if isinstance(one, Confirmed)]
    waiting = [one.holder for one in said if not isinstance(one, Confirmed)]
    return visit.page("result.html", confirmed=confirmed, waiting=waiting, can_undo=bool(session.undo))


async def after_result(visit: Visit, form: Form) -> Response:
    """Once more to who did not confirm, or back to what it was."""
    session = visit.session
    if session.confirmed is None:
        return go("/keuzes")
    if form.get("do") == "undo" and session.undo:
        session.draft = session.undo
        return go("/keuzes/wijziging")
    if any(not isinstance(one, Confirmed) and one.code in _CONFIRM_AGAIN for one in session.results):
        session.draft = session.confirmed.statement.lines
        return go("/keuzes/wijziging")
    try:
        again = {one.holder.name: one for one in await visit.desk.door.choose(session.confirmed)}
    except Faulted:
        return go("/keuzes/resultaat")
    # Who confirmed once has confirmed: a later silence takes nothing back.
    kept = {one.holder.name: one for one in session.results if isinstance(one, Confirmed)}
    session.results = tuple((again | kept).values())
    return go("/keuzes/resultaat")


async def printing(visit: Visit) -> Response:
    """The form to fill in with help, and for who is logged in the sheet of their choices."""
    rows = None
    if visit.acting is not None:
        on_record = await visit.desk.door.choices(visit.here.patient, visit.identity.token)
        rows = choice_rows(on_record, visit.here, visit.words, visit.now)
    return visit.page("printing.html", table=rows, kinds=tuple(HolderKind), sides=(Side.LOOKS, Side.KEEPS), printed=visit.words.day(visit.now))
