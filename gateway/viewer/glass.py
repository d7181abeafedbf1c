"""Breaking the glass: the same patient asked about once more, for an emergency, with a reason that everybody will read."""

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from starlette.responses import Response

from accord.rules.emergency import REASONS, Lacking, is_offered, lacking_of
from accord.terms.evidence import Emergency
from gateway.pages.forms import Form
from gateway.pages.telling import Language
from gateway.viewer.frames import around
from gateway.viewer.ports import Question
from gateway.viewer.visits import Visit, dossier_path, go


class Missing(StrEnum):
    """What is missing whatever is filled in."""

    NOT_OFFERED = "not-offered"
    ROLE = "role"
    TREATMENT = "treatment"
    SECOND_FACTOR = "second-factor"


async def ask_why(visit: Visit) -> Response:
    """What it means, and the form. Offered on all dossiers of a region or on none (promise P12)."""
    return _form(visit)


async def break_the_glass(visit: Visit, form: Form) -> Response:
    """Open the dossier of the same person anew, for an emergency."""
    factor_at, policy = visit.person.second_factor_at, visit.desk.emergency()
    if missing(visit) is not None or factor_at is None or policy is None:
        return _form(visit, status=403, said=form)
    emergency = Emergency(form.get("reason", ""), " ".join(form.get("words", "").split()), factor_at)
    wrong = lacking_of(emergency)
    if wrong is not None:
        return _form(visit, status=422, said=form, wrong=wrong)
    asked = visit.dossier.question
    question = Question(asked.bsn, asked.birth_date, visit.person.in_an_emergency(emergency), asked.name)
    token = visit.desk.dossiers.open(visit.session, question, lasts=timedelta(minutes=policy.minutes))
    return go(dossier_path(token))


async def prove_anew(visit: Visit, _: Form) -> Response:
    """The demo's second factor: a button."""
    if visit.desk.settings.demo is None or visit.person.by:
        return visit.message("not-found", status=404)
    visit.session.person = replace(visit.person, second_factor_at=visit.now)
    return go(dossier_path(visit.token, "noodtoegang"))


def missing(visit: Visit) -> Missing | None:
    """What is missing for an emergency, as far as it can be seen from here. Holders look at it again, each for itself."""
    policy, person = visit.desk.emergency(), visit.person
    if policy is None or not is_offered(policy, at=visit.now):
        return Missing.NOT_OFFERED
    if person.professional.role not in policy.roles:
        return Missing.ROLE
    if person.treatment is None:
        # An emergency stands in for a choice, never for a treatment: holders would show nothing, and not say why.
        return Missing.TREATMENT
    if person.second_factor_at is None or person.second_factor_at < visit.now - timedelta(seconds=policy.factor_seconds):
        return Missing.SECOND_FACTOR
    return None


def _form(visit: Visit, *, status: int = 200, said: Form | None = None, wrong: Lacking | None = None) -> Response:
    dutch, given = visit.language is Language.DUTCH, said or {}
    reasons = [(code.value, text.nl if dutch else text.en, text.needs_words) for code, text in REASONS.items()]
    policy = visit.desk.emergency()
    page = around(visit, "glass")
    return page.page(
        "glass.html",
        page.head(page.speech("glass.title"), "glass"),
        status=status,
        missing=missing(visit),
        wrong=wrong,
        reasons=reasons,
        reason=given.get("reason", ""),
        said=given.get("words", ""),
        minutes=0 if policy is None else policy.minutes,
        by_demo=not visit.person.by,
    )
