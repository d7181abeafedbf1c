"""The words of the review page, in Dutch and English."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from accord.review.queue import ItemKind, ReviewItem
from accord.rules.budgets import Level
from accord.rules.emergency import REASONS
from accord.rules.reviewing import FindingKind

Language = Literal["nl", "en"]
_HERE: Final = ZoneInfo("Europe/Amsterdam")
_MONTHS: Final = {
    "nl": "januari februari maart april mei juni juli augustus september oktober november december".split(),
    "en": "January February March April May June July August September October November December".split(),
}


@dataclass(frozen=True, slots=True)
class Text:
    """The same in two languages."""

    nl: str
    en: str

    def in_language(self, language: Language) -> str:
        """The text in one of them."""
        return self.nl if language == "nl" else self.en


PAGE: Final[Mapping[str, Text]] = {
    "title": Text("Inzage bekijken", "Review of access"),
    "intro": Text(
        "Hier staat wat u nog moet bekijken: noodinzage, en wie meer vroeg dan gewoon is. Het is een reden om te vragen, geen oordeel.",
        "This is what waits for you: emergency access, and who asked for more than is usual. It is a reason to ask, no verdict.",
    ),
    "signed_in": Text("U bent", "You are"),
    "other_language": Text("English", "Nederlands"),
    "nothing": Text("Alles is bekeken.", "Everything was reviewed."),
    "nothing_further": Text("Verder staat er niets.", "There is nothing further."),
    "first": Text("Terug naar het begin", "Back to the beginning"),
    "done": Text("Opgeslagen. Het staat niet meer in de lijst.", "Saved. It has left the list."),
    "gone": Text("Dit was al bekeken. Er is niets opgeslagen.", "This was reviewed already. Nothing was saved."),
    "when": Text("Wanneer", "When"),
    "who": Text("Wie", "Who"),
    "organisation": Text("Organisatie", "Organisation"),
    "role": Text("Functie", "Role"),
    "reason": Text("Reden", "Reason"),
    "words": Text("In eigen woorden", "In their own words"),
    "seen": Text("Ingezien", "Seen"),
    "counted": Text("Geteld", "Counted"),
    "remark": Text("Wat hebt u gevonden?", "What did you find?"),
    "remark_needed": Text(
        "Schrijf op wat u hebt gevonden, in hoogstens 1000 gewone tekens.", "Write down what you found, in at most 1000 ordinary characters."
    ),
    "mark": Text("Bekeken", "Reviewed"),
    "own": Text("Dit gaat over u zelf. Iemand anders moet dit bekijken.", "This is about you. Somebody else must review it."),
    "more": Text("Verder in de lijst", "Further in the list"),
    "unknown": Text("niet bekend", "not known"),
    "urgent": Text("Noodinzage", "Emergency access"),
    "emergency_limit": Text("Grens van noodinzage bereikt", "Limit of emergency access reached"),
    "journal": Text("Logboek van een andere partij klopt niet", "The journal of another party does not agree"),
    "login_title": Text("Inloggen", "Log in"),
    "login_intro": Text("Inzage bekijken is voor wie daarvoor is aangewezen.", "Reviewing access is for those who were appointed to it."),
    "code": Text("Uw persoonlijke code", "Your personal code"),
    "login": Text("Inloggen", "Log in"),
    "logout": Text("Uitloggen", "Log out"),
    "wrong_code": Text("Deze code is niet bekend.", "This code is not known."),
    "back": Text("Terug naar de lijst", "Back to the list"),
}

FAILURES: Final[Mapping[int, Text]] = {
    400: Text("Deze vraag kan niet worden gelezen.", "This request cannot be read."),
    401: Text("U bent niet ingelogd, of niet meer. Log opnieuw in.", "You are not logged in, or no longer. Log in again."),
    403: Text("Dit mag zo niet. Ga terug naar de lijst en probeer het opnieuw.", "This may not be done so. Go back to the list and try again."),
    404: Text("Hier is niets.", "There is nothing here."),
    405: Text("Dat kan hier niet.", "That cannot be done here."),
    413: Text("Dit is te lang.", "This is too long."),
    500: Text("Er ging iets mis dat niet mis mag gaan. Meld het.", "Something failed that should not have. Report it."),
    503: Text("De lijst kan nu niet worden gelezen of geschreven. Probeer het later.", "The list cannot be read or written now. Try again later."),
}

_FINDINGS: Final[Mapping[FindingKind, Text]] = {
    FindingKind.NO_RELATION: Text("Veel patiënten zonder behandelrelatie", "Many patients without a treatment relationship"),
    FindingKind.UNUSUALLY_MANY: Text("Veel meer patiënten op één dag dan collega's", "Many more patients in a day than colleagues"),
    FindingKind.EMERGENCIES: Text("Vaak noodinzage", "Emergency access is frequent"),
    FindingKind.OVER_BUDGET: Text("Meer patiënten dan het uurbudget", "More patients than the budget of an hour"),
    FindingKind.MANY_EYES: Text("Eén patiënt, heel veel zorgverleners", "One patient, very many professionals"),
}
#: What is counted, one and several.
_COUNTED: Final[Mapping[FindingKind, tuple[Text, Text]]] = {
    FindingKind.NO_RELATION: (Text("patiënt", "patient"), Text("patiënten", "patients")),
    FindingKind.UNUSUALLY_MANY: (Text("patiënt", "patient"), Text("patiënten", "patients")),
    FindingKind.EMERGENCIES: (Text("keer", "time"), Text("keer", "times")),
    FindingKind.OVER_BUDGET: (Text("keer gemeld", "time reported"), Text("keer gemeld", "times reported")),
    FindingKind.MANY_EYES: (Text("zorgverlener", "professional"), Text("zorgverleners", "professionals")),
}
_LEVELS: Final[Mapping[Level, Text]] = {
    Level.PROFESSIONAL: Text("Zorgverlener boven het uurbudget", "Professional over the budget of an hour"),
    Level.ORGANISATION: Text("Organisatie boven het uurbudget", "Organisation over the budget of an hour"),
    Level.GATEWAY: Text("Toegangspoort boven het uurbudget", "Gateway over the budget of an hour"),
}


def headline(item: ReviewItem) -> Text:
    """What waits, in a few words."""
    if item.kind is ItemKind.EMERGENCY:
        return PAGE["urgent"]
    if item.kind is ItemKind.EMERGENCY_LIMIT:
        return PAGE["emergency_limit"]
    if item.kind is ItemKind.JOURNAL:
        return PAGE["journal"]
    if item.finding is not None:
        return _FINDINGS[item.finding]
    return _LEVELS[item.level or Level.GATEWAY]


def reason(item: ReviewItem) -> Text | None:
    """Why glass was broken; none where it was not."""
    return None if item.reason is None else Text(REASONS[item.reason].nl, REASONS[item.reason].en)


def numbers(item: ReviewItem) -> Text:
    """How much was seen, or counted against which limit."""
    if item.kind is ItemKind.EMERGENCY:
        one, few = item.records == 1, item.holders == 1
        return Text(
            f"{item.records} {'gegeven' if one else 'gegevens'} van {item.holders} {'zorgaanbieder' if few else 'zorgaanbieders'}",
            f"{item.records} {'record' if one else 'records'} of {item.holders} {'care provider' if few else 'care providers'}",
        )
    if item.finding is not None:
        unit = _COUNTED[item.finding][item.count != 1]
        return Text(f"{item.count} {unit.nl}; de grens is {item.limit}", f"{item.count} {unit.en}; the limit is {item.limit}")
    if item.kind is ItemKind.JOURNAL:
        return Text(f"Bewaard was regel {item.limit}; nu heet het {item.count}", f"Line {item.limit} was kept; now it is {item.count}")
    if item.kind is ItemKind.EMERGENCY_LIMIT:
        return Text(f"Meer dan {item.limit} patiënten in 24 uur", f"More than {item.limit} patients in 24 hours")
    return Text(f"Meer dan {item.limit} patiënten in een uur", f"More than {item.limit} patients in an hour")


def moment(at: datetime, language: Language) -> str:
    """Day and time, here."""
    here = at.astimezone(_HERE)
    return f"{here.day} {_MONTHS[language][here.month - 1]} {here.year}, {here:%H:%M %Z}"


def total(count: int) -> Text:
    """How many wait."""
    return Text("Nog 1 te bekijken", "1 to review") if count == 1 else Text(f"Nog {count} te bekijken", f"{count} to review")


def visible(text: str) -> str:
    """*text* without characters that cannot be seen, and that could turn or hide what stands beside them."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
