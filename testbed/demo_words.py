"""What the terminal says, in Dutch and in English. Codes and records stay as they are."""

from typing import Final

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import Section
from gateway.dossier.words import ENDINGS, NOT_ALL_ASKED, SECTIONS, Language, data_as_of, fault_words
from testbed.asking import HolderAnswer

#: What a reader at night needs first comes first.
ORDER: Final[tuple[Section, ...]] = (Section.PLANNING_AHEAD, Section.ALERTS, Section.ALLERGIES, Section.MEDICATION, *Section)

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "waiting": ("wacht", "waiting"),
    "asking": ("vraagt", "asking"),
    "receiving": ("ontvangt", "receiving"),
    "holder": ("zorgaanbieder", "holder"),
    "holders": ("zorgaanbieders", "holders"),
    "ending": ("hoe het eindigde", "how it ended"),
    "records": ("gegevens", "records"),
    "seconds": ("seconden", "seconds"),
    "call": ("bellen", "call"),
    "remark": ("opmerking", "remark"),
    "not heard": ("niet alles gehoord van", "not everything was heard from"),
    "empty": ("Leeg, en niet alles gehoord", "Empty, and not everything was heard"),
    "dossier": ("Het dossier", "The dossier"),
    "completeness": ("Wie is gehoord, en wie niet", "Who was heard, and who was not"),
    "differs": ("verschilt", "differs"),
    "asks": ("vraagt naar", "asks about"),
    "emergency": ("spoedeisende hulp", "emergency department"),
    "born": ("geboren", "born"),
    "try": ("Probeer zelf (het dossier blijft beschikbaar tot Ctrl-C):", "Try it yourself (the region stays up until Ctrl-C):"),
    "emergency access": (
        "Noodinzage: Bennie is bewusteloos en koos nooit. Het token van een vertrouwde toepassing is bij elke start nieuw:",
        "An emergency: Bennie is unconscious and never chose. The token of a trusted application is new at each start:",
    ),
    "clinicians": (
        "Het EPD van Ziekenhuis Dinkelhorst; in de werklijst opent één knop het dossier:",
        "The health record of Ziekenhuis Dinkelhorst; in its worklist one button opens the dossier:",
    ),
    "viewer": ("Of het dossier zonder EPD, met een BSN (demo):", "Or the dossier without a health record, by a BSN (demo):"),
    "patients": ("De pagina's voor de patiënt (log in als Dina, of als haar dochter Ria):", "The patient's pages (log in as Dina, or as Ria, her daughter):"),
    "places": (
        "Een plek zoeken (log in als Gerben Nieuwe Haarman bij het transferpunt):",
        "Looking for a place (log in as Gerben Nieuwe Haarman of the transfer point):",
    ),
    "neighbour": (
        "  Ook de plekken van {} zijn te zien, een buurregio met een eigen knooppunt; die vraagt u telefonisch.",
        "  The places of {} are seen too, a neighbouring region with a gateway of its own; those are asked for by telephone.",
    ),
    "planners": ("De pagina's voor planners, op een telefoon; code:", "The planners' pages, on a telephone; code:"),
    "join": (
        "Zelf meedoen met een eigen agent: nodig uit met deze regel, en ga verder met docs/joining.md:",
        "Join with an agent of your own: invite with this line, and go on with docs/joining.md:",
    ),
    "journals": ("Wie heeft gekeken, bij de instelling en bij het knooppunt:", "Who looked, at the holder and at the gateway:"),
    "starting": ("De regio start …", "Starting the region …"),
    "taken": (
        "Let op: hier luistert al een ander programma, dus gebruik de adressen die hier staan.",
        "Note: another program listens there already, so use the addresses that stand here.",
    ),
    "instead of": ("{0}: {1} is bezet, het is nu {2}", "{0}: {1} is taken, it is {2} now"),
    "ready in": ("gereed in", "ready in"),
    "fictional": ("Alle mensen en organisaties zijn verzonnen.", "All people and organisations are fictional."),
}


def word(name: str, language: Language) -> str:
    """A word or sentence of the terminal."""
    return _WORDS[name][0 if language == "nl" else 1]


def ending_words(line: HolderAnswer, language: Language) -> str:
    """How a holder ended, in words."""
    return ENDINGS[line.ending].in_language(language).rstrip(".")


def section_words(section: Section, language: Language) -> str:
    """The title of a section."""
    return SECTIONS[section].in_language(language)


def remark_on(line: HolderAnswer, language: Language) -> str:
    """What has to be said of a holder beside its ending: why, whom to call, or how old a copy is."""
    if line.ending.leaves_a_gap:
        why = fault_words(Fault(line.code), paused_since_ms=line.paused_since_ms).in_language(language) if line.code in set(Fault) else ""
        return f"{word('call', language)} {line.telephone}. {why}".strip() if line.telephone else why
    if line.ending is Ending.NOT_ASKED and line.code in set(Fault):
        return fault_words(Fault(line.code)).in_language(language)
    remarks = [NOT_ALL_ASKED] if line.ending.heard_out and line.code == Fault.MISSING_CAPABILITY else []
    remarks += [data_as_of(line.data_as_of_ms)] if line.copy and line.ending is Ending.ANSWERED else []
    return " ".join(remark.in_language(language) for remark in remarks)
