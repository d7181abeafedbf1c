"""Looking for a place from an open dossier: what is needed is proposed, and a person confirms it. Nobody is asked before that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.responses import Response

from accord.rules.capacity.needing import Because, Fact, Known, NeedTable, Occasion, Proposal, propose
from accord.rules.capacity.offering import may_offer
from accord.rules.moments import AMSTERDAM
from accord.terms.capacity import CareKind, Condition, Funding
from accord.terms.parties import DataHolder
from gateway.dossier.clinical.contacts import Contact, contacts
from gateway.dossier.clinical.lines import Line
from gateway.pages.forms import Form
from gateway.places.beside import is_running
from gateway.places.facts import Found, read_facts
from gateway.places.pages_need_form import (
    CHOICES,
    FACTS,
    LANGUAGES,
    Filled,
    draft_in,
    facts_in,
    need_form,
    need_in,
    starting,
    taken_over,
    wishes_in,
    with_funding,
)
from gateway.places.pages_said import case_path, said
from gateway.places.pages_speech import need_words
from gateway.places.ports import Case
from gateway.places.site import Site
from gateway.viewer.frames import around
from gateway.viewer.lining import Lining
from gateway.viewer.shapes import Row
from gateway.viewer.speaking import Speech
from gateway.viewer.visits import Visit, go
from gateway.viewer.whose import stated_name

#: What may be the occasion, as it stands in the dossier: so many lines are shown.
_MOST_OCCASIONS: Final = 6


@dataclass(frozen=True, slots=True)
class Suggested:
    """A proposal on the page: what, on which facts it rests, what is to be asked first."""

    number: int
    what: str
    because: str
    ask: str
    is_taken: bool


class NeedPages:
    """The pages on which a need is proposed, confirmed and changed."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def propose(self, visit: Visit) -> Response:
        """The form, filled in from the dossier."""
        found, today = self._read(visit)
        occasion, day = _occasion(self._site.needs, found, today)
        proposals = _proposals(occasion, found_facts=found, day=day)
        form = starting(found, proposals[0] if proposals else None, "" if occasion is None else occasion.key, day, _who(visit, found))
        if occasion is not None:
            form["reason"] = occasion.title_nl
        return await self._form(visit, form, found, proposals)

    async def confirm(self, visit: Visit, form: Form) -> Response:
        """Propose anew, take a proposal over, or keep the search."""
        found, _ = self._read(visit)
        filled = Filled(form)
        day = filled.day("day") or visit.now.astimezone(AMSTERDAM).date()
        occasion = next((one for one in self._site.needs.occasions if one.key == form.get("occasion")), None)
        proposals = () if occasion is None else propose(self._site.needs, occasion.codes, facts_in(form), day, form.get("need_near", ""))
        if form.get("do") == "propose":
            changed = self._with_reason(taken_over(form, proposals[0] if proposals else None, day), occasion)
            return await self._form(visit, changed, found, proposals)
        taken = form.get("take", "")
        if taken.isdecimal() and len(taken) <= 2 and int(taken) < len(proposals):
            return await self._form(visit, self._with_reason(taken_over(form, proposals[int(taken)], day), occasion), found, proposals)
        filled.form = form = with_funding(self._with_reason(form, occasion), proposals)
        dutch = visit.words
        draft = draft_in(filled, visit.dossier.question.bsn, visit.now, lambda fact: dutch(f"places.fact.{fact.value}.yes"))
        if draft is None:
            return await self._form(visit, form, found, proposals, wrong=filled.wrong, status=422)
        return go(f"{case_path(await self._site.placing.begin(draft, visit.person.professional))}/zoek")

    def _with_reason(self, form: Form, occasion: Occasion | None) -> dict[str, str]:
        """The form with the occasion as its reason, where nobody wrote another one: a provider is told why care is needed."""
        of_table = {"", *(one.title_nl for one in self._site.needs.occasions)}
        is_own = occasion is None or form.get("reason", "").strip() not in of_table
        return dict(form) if is_own or occasion is None else dict(form) | {"reason": occasion.title_nl}

    async def change(self, visit: Visit) -> Response:
        """The form of a search that nobody was asked for yet."""
        case = await self._site.placing.looked_at(str(visit.request.path_params["case"]), visit.person.professional)
        return self._changing(visit, case, need_form(case.request.need, case.wishes))

    async def changed(self, visit: Visit, form: Form) -> Response:
        """Keep what was changed."""
        case = await self._site.placing.looked_at(str(visit.request.path_params["case"]), visit.person.professional)
        filled = Filled(form)
        need, wishes = need_in(filled), wishes_in(filled)
        if filled.wrong or need is None:
            return self._changing(visit, case, dict(form), filled.wrong, status=422)
        await self._site.placing.change(case.request.id, need, wishes, visit.person.professional)
        return go(f"{case_path(case.request.id)}/zoek")

    def _changing(self, visit: Visit, case: Case, form: dict[str, str], wrong: set[str] | None = None, *, status: int = 200) -> Response:
        return said(visit, "change.html", "places.title.change", status=status, case=case, form=form, wrong=wrong or set(), choices=self._choices())

    async def _form(
        self, visit: Visit, form: Form, found: Found, proposals: Sequence[Proposal], *, wrong: set[str] | None = None, status: int = 200
    ) -> Response:
        page = around(visit, "place")
        lining, speech = page.lining, page.speech
        others = [case for case in await self._site.placing.cases() if is_running(case) and case.request.who.bsn == visit.dossier.question.bsn.value]
        return page.page(
            "places/need.html",
            page.head(speech("places.title.need"), "place"),
            status=status,
            form=form,
            wrong=wrong or set(),
            suggested=[_suggested(number, one, form, speech) for number, one in enumerate(proposals)],
            occasions=[(one.key, one.title_nl if speech.language == "nl" else one.title_en) for one in self._site.needs.occasions],
            stated=[_stated(one.line, lining) for one in found.occasions[:_MOST_OCCASIONS]],
            facts=[(fact.value, [_stated(line, lining) for line in found.evidence.get(fact, ())]) for fact in FACTS],
            others=[(case_path(one.request.id), need_words(one.request.need, speech)) for one in others],
            waiting=not visit.dossier.is_over,
            choices=self._choices(),
        )

    def _choices(self) -> dict[str, object]:
        """What there is to choose from."""
        providers = sorted((one for one in self._site.holders() if may_offer(one.kind, frozenset())), key=_title)
        return {
            "kinds": [one.value for one in CareKind],
            "conditions": [one.value for one in Condition],
            "laws": [one.value for one in Funding],
            "languages": LANGUAGES,
            "known": [one.value for one in Known],
            "ages": [str(age) for age in range(0, 110, 10)],
            "choices": CHOICES,
            "providers": [(one.name.value, one.title) for one in providers],
        }

    def _read(self, visit: Visit) -> tuple[Found, date]:
        today = visit.now.astimezone(AMSTERDAM).date()
        kinds = {card.name: card.kind for card in visit.dossier.hearing.cards}
        return read_facts(visit.dossier.view, kinds, today), today


def _title(holder: DataHolder) -> str:
    return holder.title.casefold()


def _occasion(table: NeedTable, found: Found, today: date) -> tuple[Occasion | None, date]:
    """What care is probably needed after: what is planned, else what was done or found; and on which day."""
    for procedure in found.occasions:
        for occasion in table.occasions:
            if occasion.codes & procedure.codes:
                return occasion, max(procedure.day or today, today) if procedure.is_planned else today
    return None, today


def _proposals(occasion: Occasion | None, *, found_facts: Found, day: date) -> tuple[Proposal, ...]:
    if occasion is None:
        return ()
    return propose(NeedTable("", (occasion,)), occasion.codes, found_facts.facts, day)


def _who(visit: Visit, found: Found) -> dict[str, str]:
    """Who it is about, as our own health record has them where it launched us, and whom a provider may call about them."""
    dossier = visit.dossier
    born = dossier.question.birth_date or found.born
    people = contacts(dossier.view, dossier.hearing.answered)
    near = next((one for one in people if one.telephones and one.line is not None), None)
    return {
        "name": dossier.question.name or stated_name(dossier.view),
        "birth_date": born.isoformat() if born else "",
        "contact": "" if near is None else _called(near),
    }


def _called(contact: Contact) -> str:
    relation = f" ({contact.relation})" if contact.relation else ""
    return f"{contact.name}{relation}, {contact.telephones[0]}"


def _stated(line: Line, lining: Lining) -> Row:
    return lining.row(line)


def _suggested(number: int, proposal: Proposal, form: Form, speech: Speech) -> Suggested:
    because = [_because(one, speech) for one in proposal.because]
    ask = [speech(f"places.fact.{one.value}.ask") for one in proposal.ask]
    is_taken = form.get("kind") == proposal.need.kind.value and form.get("since") == proposal.need.since.isoformat()
    return Suggested(number, need_words(proposal.need, speech), speech.words.listing(because), speech.words.listing(ask), is_taken)


def _because(one: Because, speech: Speech) -> str:
    if one.fact is Fact.AGE:
        return speech("places.fact.age.yes", age=one.age)
    return speech(f"places.fact.{one.fact.value}.{'yes' if one.holds else 'no'}")
