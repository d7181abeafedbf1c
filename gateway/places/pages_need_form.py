"""The form of a need: filled in from the dossier and the region's table, read back as a person confirmed it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from accord.rules.capacity.needing import Fact, Facts, Known, Proposal
from accord.terms.capacity import CareKind, Condition, Funding, Need, Wishes
from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn, HolderName
from accord.terms.placing import WORDS_CHARACTERS, Gist, Introduction
from gateway.pages.forms import Form
from gateway.places.facts import Found
from gateway.places.ports import Draft
from gateway.places.soundness import says_who, texts_of
from gateway.viewer.entering import day_in

#: As the form asks for them; the age is asked apart.
FACTS: Final = tuple(fact for fact in Fact if fact is not Fact.AGE)
#: So many providers may be preferred, and so many refused.
CHOICES: Final = (1, 2, 3)
#: Languages that are asked for by name; others are written in the words.
LANGUAGES: Final = ("nds", "de", "en", "tr", "ar", "pl", "uk", "nl-NGT")
_POSTCODE: Final = re.compile(r"[1-9][0-9]{3}", re.ASCII)
_LINE: Final = 200
_MOST_AMOUNT: Final = 99
_MOST_KM: Final = 500
_USUAL_PATIENCE: Final = timedelta(hours=4)


@dataclass(slots=True)
class Filled:
    """What was filled in, read as far as it can be; `wrong` names the fields that cannot."""

    form: Form
    wrong: set[str] = field(default_factory=set)

    def line(self, name: str, *, most: int = _LINE) -> str:
        """One line of text."""
        return " ".join(self.form.get(name, "").split())[:most]

    def words(self, name: str) -> str:
        """A text of several lines."""
        return self.form.get(name, "").replace("\r\n", "\n").strip()[:WORDS_CHARACTERS]

    def day(self, name: str, *, needed: bool = False) -> date | None:
        """A day."""
        try:
            found = day_in(self.form.get(name, "").strip())
        except ValueError:
            found = None
            self.wrong.add(name)
        if needed and found is None:
            self.wrong.add(name)
        return found

    def number(self, name: str, most: int) -> int | None:
        """A whole number from 1; none where nothing was filled in."""
        written = self.form.get(name, "").strip()
        if not written:
            return None
        if not (written.isascii() and written.isdecimal() and len(written) <= 4 and 1 <= int(written) <= most):
            self.wrong.add(name)
            return None
        return int(written)

    def postcode(self, name: str, *, needed: bool = False) -> str:
        """The four digits of a postcode; its letters are not asked, and left out where they are written."""
        written = self.form.get(name, "").strip()[:4]
        if _POSTCODE.fullmatch(written):
            return written
        if written or needed:
            self.wrong.add(name)
        return ""

    def ticked(self, prefix: str) -> list[str]:
        """What was ticked below a prefix."""
        return [name.removeprefix(prefix) for name, value in self.form.items() if name.startswith(prefix) and value]


def starting(found: Found, proposal: Proposal | None, occasion: str, day: date, who: Mapping[str, str]) -> dict[str, str]:
    """The form as a person first sees it."""
    facts = {f"fact.{fact.value}": found.facts.known(fact).value for fact in FACTS}
    told = {f"tell.{fact.value}": "1" for fact in FACTS if found.facts.known(fact) is Known.YES}
    form = facts | told | dict(who) | {"occasion": occasion, "day": day.isoformat(), "age": "" if found.facts.age is None else str(found.facts.age)}
    return taken_over(form, proposal, day)


def taken_over(form: Mapping[str, str], proposal: Proposal | None, day: date) -> dict[str, str]:
    """The same form with a proposal in its fields."""
    kept = {name: value for name, value in form.items() if not name.startswith("condition.")}
    if proposal is None:
        return {"kind": "", "since": day.isoformat(), "amount": "1"} | kept
    need = proposal.need
    return (
        kept
        | {"kind": need.kind.value, "since": need.since.isoformat(), "amount": str(need.amount), "specialty": need.specialty}
        | {"funding": "" if need.funding is None else need.funding.value}
        | {f"condition.{one.value}": "1" for one in need.conditions}
    )


def with_funding(form: Mapping[str, str], proposals: Iterable[Proposal]) -> dict[str, str]:
    """The form with the law that the table gives for this kind of care, where a person left it unknown."""
    funding = next((one.need.funding for one in proposals if one.need.kind.value == form.get("kind") and one.need.funding is not None), None)
    return dict(form) if funding is None or form.get("funding") else dict(form) | {"funding": funding.value}


def facts_in(form: Form) -> Facts:
    """The facts as a person changed them."""
    known = {}
    for fact in FACTS:
        said = form.get(f"fact.{fact.value}", "")
        known[fact.value.replace("-", "_")] = Known(said) if said in tuple(Known) else Known.UNKNOWN
    return Facts(age_in(form), **known)


def age_in(form: Form) -> int | None:
    """The age by ten years."""
    written = form.get("age", "")
    return int(written) if written in {str(age) for age in range(0, 130, 10)} else None


def need_in(filled: Filled) -> Need | None:
    """The need; none where something of it is wrong."""
    kind = filled.form.get("kind", "")
    if kind not in tuple(CareKind):
        filled.wrong.add("kind")
    since, until = filled.day("since", needed=True), filled.day("until")
    if since is not None and until is not None and until < since:
        filled.wrong.add("until")
    amount = filled.number("amount", _MOST_AMOUNT) or 1
    at_home = kind in {"district-nursing", "specialised-home-care"}
    near = filled.postcode("need_near", needed=True) if at_home else ""
    funding, language = filled.form.get("funding", ""), filled.form.get("language", "")
    conditions = frozenset(Condition(one) for one in filled.ticked("condition.") if one in tuple(Condition))
    if filled.wrong or since is None:
        return None
    return Need(
        CareKind(kind),
        since,
        amount,
        filled.line("specialty"),
        conditions,
        frozenset({language} if language in LANGUAGES else ()),
        Funding(funding) if funding in tuple(Funding) else None,
        near,
        until,
    )


def wishes_in(filled: Filled) -> Wishes:
    """What patient and family would like."""
    near, within = filled.postcode("near"), filled.number("within_km", _MOST_KM)
    preferred, refused = ([one for number in CHOICES if (one := _name(filled, f"{group}.{number}"))] for group in ("want", "refuse"))
    if set(preferred) & set(refused):
        filled.wrong.add("refuse")
    return Wishes(near, None if within is None else float(within), tuple(dict.fromkeys(preferred)), frozenset(refused))


def _name(filled: Filled, field_name: str) -> HolderName | None:
    written = filled.form.get(field_name, "")
    try:
        return HolderName(written) if written else None
    except BadInput:
        filled.wrong.add(field_name)
        return None


def draft_in(filled: Filled, bsn: Bsn, now: datetime, fact_words: Callable[[Fact], str]) -> Draft | None:
    """The search as a person confirmed it; none where something is wrong. *fact_words* is how a provider reads a fact."""
    need, wishes = need_in(filled), wishes_in(filled)
    name, born = filled.line("name"), filled.day("birth_date", needed=True)
    if not name:
        filled.wrong.add("name")
    if filled.wrong or need is None or born is None:
        return None
    facts = tuple(fact_words(fact) for fact in FACTS if filled.form.get(f"tell.{fact.value}"))
    gist = Gist(age_in(filled.form), filled.line("reason"), facts, filled.words("words"))
    who = Introduction(bsn.value, born.isoformat(), name, filled.line("contact"))
    if says_who(who, *texts_of(need, gist)):
        filled.wrong.add("gist")
        return None
    return Draft(who, need, wishes, gist, now + _USUAL_PATIENCE)


def need_form(need: Need, wishes: Wishes) -> dict[str, str]:
    """A need and wishes as a form has them."""
    form = {"kind": need.kind.value, "since": need.since.isoformat(), "until": need.until.isoformat() if need.until else "", "amount": str(need.amount)}
    form |= {"specialty": need.specialty, "funding": need.funding.value if need.funding else "", "need_near": need.near}
    form |= {f"condition.{one.value}": "1" for one in need.conditions} | {"language": next(iter(sorted(need.languages)), "")}
    form |= {"near": wishes.near, "within_km": "" if wishes.within_km is None else f"{wishes.within_km:.0f}"}
    form |= {f"want.{number}": one.value for number, one in zip(CHOICES, wishes.preferred, strict=False)}
    return form | {f"refuse.{number}": one.value for number, one in zip(CHOICES, sorted(wishes.refused, key=str), strict=False)}
