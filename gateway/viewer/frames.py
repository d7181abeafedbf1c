"""What is around every page of a dossier: whose it is, who was heard, the menu, and what the reader has seen of it."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from accord.rules.emergency import REASONS, ReasonCode
from accord.terms.vocabulary import PurposeOfUse, Section
from gateway.dossier.words import CONSTANT_NOTE, SECTIONS, fault_words
from gateway.viewer.cards import STRIP_GAPS, heard
from gateway.viewer.dossiers import OpenDossier
from gateway.viewer.headings import Head, Place
from gateway.viewer.lining import Lining
from gateway.viewer.speaking import Speech
from gateway.viewer.visits import Visit, dossier_path
from gateway.viewer.whose import whose

#: What is needed first stands first.
ORDER: Final = tuple(dict.fromkeys((
    Section.PLANNING_AHEAD, Section.ALERTS, Section.ALLERGIES, Section.MEDICATION, Section.PROBLEMS, Section.LAB, Section.MEASUREMENTS, *Section,
)))  # fmt: skip
#: With this a script says from which line on everything is new to its reader.
SEEN_HEADER: Final = "noaber-seen"
_MOST_DIGITS: Final = 9
#: At a first look: no dossier has a line of this number.
_NOTHING_IS_NEW: Final = 10**_MOST_DIGITS - 1


@dataclass(frozen=True, slots=True)
class Around:
    """One page of a dossier in the making. `name` is the page's: what was seen of it is remembered by that."""

    visit: Visit
    name: str
    speech: Speech
    seen: int

    @property
    def dossier(self) -> OpenDossier:
        """The dossier."""
        return self.visit.dossier

    @property
    def root(self) -> str:
        """Its address."""
        return dossier_path(self.visit.token)

    @property
    def lining(self) -> Lining:
        """What shows its lines."""
        dossier = self.dossier
        return Lining(dossier.view, dossier.hearing, self.speech, self.seen)

    def head(self, title: str, here: str = "") -> Head:
        """What stands on the page. *here* is its place in the menu."""
        dossier, speech = self.dossier, self.speech
        view, planned = dossier.view, dossier.planned
        return Head(
            root=self.root,
            title=title,
            who=whose(view, dossier.hearing, dossier.question.bsn, speech),
            note=speech.say(CONSTANT_NOTE),
            heard=heard(dossier.hearing, speech, view.left_out, most_gaps=STRIP_GAPS),
            places=_places(self, here),
            emergency=_emergency(dossier, speech),
            emergency_offered=planned is not None and planned.emergency_offered,
            records=view.newest,
            seen=self.seen,
            at=speech.whole_moment(self.visit.now),
            is_over=dossier.is_over,
            asked=dossier.question.bsn.value,
            failure="" if dossier.failure is None else speech.say(fault_words(dossier.failure)),
        )

    def page(self, template: str, head: Head, *, status: int = 200, **context: object) -> Response:
        """The page; a template of another package is named with its folder."""
        dossier = self.dossier
        # Whoever looked at an empty page saw nothing yet.
        if dossier.view.newest and (SEEN_HEADER not in self.visit.request.headers or self.seen >= _NOTHING_IS_NEW):
            dossier.looked[self.name] = dossier.view.newest
        # The other language leads back to a page that has a name; from a line it leads to the screen where one began.
        here = self.visit.request.url.path
        path = here if here.removeprefix(self.root).replace("-", "").isalpha() else self.root
        return self.visit.page(template if "/" in template else f"dossier/{template}", status=status, path=path, head=head, **context)


def around(visit: Visit, name: str) -> Around:
    """Begin a page. What arrived since the reader last looked at it is new to them; at a first look nothing is."""
    speech = Speech(visit.words, visit.now)
    told = visit.request.headers.get(SEEN_HEADER, "")
    dossier = visit.dossier
    if told.isascii() and told.isdecimal() and len(told) <= _MOST_DIGITS:
        return Around(visit, name, speech, int(told))
    return Around(visit, name, speech, dossier.looked.get(name, _NOTHING_IS_NEW))


def section_path(root: str, section: Section) -> str:
    """Where a section stands."""
    return f"{root}{section.value}"


def _places(page: Around, here: str) -> tuple[Place, ...]:
    dossier, speech, root = page.dossier, page.speech, page.root
    view = dossier.view
    places = [Place(root, speech("title.emergency"), is_here=here == "emergency")]
    for section in ORDER:
        threads = view.threads(section)
        places.append(
            Place(
                section_path(root, section),
                speech.say(SECTIONS[section]),
                count=view.count(section),
                conflicts=sum(thread.has_conflict for thread in threads),
                has_gap=bool(dossier.hearing.missing((section,))),
                is_here=here == section.value,
            )
        )
    places.append(Place(f"{root}tijdlijn", speech("title.timeline"), is_here=here == "timeline"))
    places.append(Place(f"{root}holders", speech("title.holders"), is_here=here == "holders"))
    return tuple(places)


def _emergency(dossier: OpenDossier, speech: Speech) -> str:
    """Of broken glass: why, in the words that everybody will read, and until when."""
    who = dossier.question.who
    if who.purpose is not PurposeOfUse.EMERGENCY_TREATMENT or who.emergency is None:
        return ""
    try:
        reason = REASONS[ReasonCode(who.emergency.reason)]
    except ValueError:
        return speech("frame.emergency_text", reason=who.emergency.reason)
    told = reason.nl if speech.language == "nl" else reason.en
    why = speech("frame.emergency_text", reason=f"{told}. {who.emergency.words}".strip())
    if dossier.ends is None:
        return why
    return f"{why} {speech('frame.emergency_until', at=speech.words.time(dossier.ends))}"
