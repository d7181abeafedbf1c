"""What a clinician reads: short sentences for endings, sections and failures. Dutch first, English beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from accord.rules.moments import AMSTERDAM
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import Section

Language = Literal["nl", "en"]


@dataclass(frozen=True, slots=True)
class Wording:
    """The same in two languages."""

    nl: str
    en: str

    def in_language(self, language: Language) -> str:
        """The text in one of them."""
        return self.nl if language == "nl" else self.en


#: On every dossier, whatever is in it (promise P9).
CONSTANT_NOTE: Final = Wording(
    "Mogelijk zijn niet alle gegevens gedeeld. Vraag het de patiënt en bel bij twijfel.",
    "Some data may not be shared. Ask the patient, and call in case of doubt.",
)

#: On every dossier of a region that offers it, whoever it is about.
EMERGENCY_NOTE: Final = Wording(
    "In een noodgeval kunt u om noodtoegang vragen, met een reden. Dit wordt vastgelegd, de patiënt ziet het, en het wordt nagekeken.",
    "In an emergency you may ask for emergency access, with a reason. It is recorded, the patient sees it, and it is reviewed.",
)

ENDINGS: Final[dict[Ending, Wording]] = {
    Ending.ANSWERED: Wording("Heeft geantwoord.", "Answered."),
    Ending.NOTHING_SHOWN: Wording("Niets getoond.", "Nothing shown."),
    Ending.NOT_ASKED: Wording("Niet gevraagd.", "Not asked."),
    Ending.TOO_LATE: Wording("Nog niet klaar toen de tijd om was; er kan meer zijn.", "Not ready when time was up; there may be more."),
    Ending.UNREACHABLE: Wording("Niet bereikbaar; niet gehoord.", "Out of reach; not heard."),
    Ending.CUT_OFF: Wording("Antwoord brak af; er kan meer zijn.", "The answer broke off; there may be more."),
    Ending.PAUSED: Wording("Geeft tijdelijk geen antwoord; niet gehoord.", "Is not answering for now; not heard."),
    Ending.REFUSED: Wording("Heeft de vraag geweigerd.", "Refused the question."),
    Ending.INCOMPATIBLE: Wording("Kan deze vraag nog niet beantwoorden.", "Cannot answer this question yet."),
    Ending.REJECTED: Wording("Antwoord was niet betrouwbaar en is niet getoond.", "The answer was not sound and is not shown."),
    Ending.IDENTITY_UNVERIFIED: Wording("Niet zeker dat het over deze patiënt gaat; niet getoond.", "Not certain to be about this patient; not shown."),
    Ending.OVER_LIMIT: Wording("Te veel om te tonen; er is meer.", "Too much to show; there is more."),
}

SECTIONS: Final[dict[Section, Wording]] = {
    Section.PERSON: Wording("Persoon", "Person"),
    Section.PLANNING_AHEAD: Wording("Behandelgrenzen en wensen", "Planning ahead"),
    Section.ALERTS: Wording("Waarschuwingen", "Alerts"),
    Section.ALLERGIES: Wording("Allergieën", "Allergies"),
    Section.MEDICATION: Wording("Medicatie", "Medication"),
    Section.PROBLEMS: Wording("Problemen en diagnoses", "Problems and diagnoses"),
    Section.LAB: Wording("Laboratorium", "Laboratory"),
    Section.MEASUREMENTS: Wording("Metingen en vragenlijsten", "Measurements and questionnaires"),
    Section.PROCEDURES: Wording("Verrichtingen", "Procedures"),
    Section.CONTACTS: Wording("Contacten", "Encounters"),
    Section.SOCIAL: Wording("Sociale situatie", "Social situation"),
    Section.DEVICES: Wording("Hulpmiddelen", "Devices"),
    Section.VACCINATIONS: Wording("Vaccinaties", "Vaccinations"),
    Section.CARE_PLAN: Wording("Zorgplan en aanvragen", "Care plan and requests"),
    Section.DOCUMENTS: Wording("Documenten en beelden", "Documents and images"),
    Section.CARE_TEAM: Wording("Zorgverleners", "Care team"),
    Section.OTHER: Wording("Overig", "Other"),
}

_CALL: Final = Wording("Bel als het niet kan wachten.", "Call if it cannot wait.")

#: Why a holder ended as it did, for the codes that can stand beside an ending.
FAULTS: Final[dict[Fault, Wording]] = {
    Fault.PAUSED: Wording("De instelling heeft het delen gepauzeerd. Bel als het niet kan wachten.", "The holder has paused sharing. Call if it cannot wait."),
    Fault.SHADOW: Wording(
        "De instelling probeert het delen nog uit. Bel als het niet kan wachten.", "The holder is still trying sharing out. Call if it cannot wait."
    ),
    Fault.SOURCE_UNAVAILABLE: Wording("Het bronsysteem gaf geen volledig antwoord. Probeer opnieuw.", "The source system did not answer in full. Try again."),
    Fault.SOURCE_BUSY: Wording("Het bronsysteem is te druk. Probeer over een minuut opnieuw.", "The source system is too busy. Try again in a minute."),
    Fault.SOURCE_ANSWER_INVALID: Wording(
        "Het bronsysteem gaf een onleesbaar antwoord. Bel de instelling.", "The source system gave an unreadable answer. Call the holder."
    ),
    Fault.HOLDER_SILENT: Wording("Bleef te lang stil. Probeer opnieuw.", "Stayed silent too long. Try again."),
    Fault.DEADLINE_PASSED: Wording("De tijd was om. Probeer opnieuw met meer tijd.", "Time was up. Try again with more time."),
    Fault.HOLDER_UNREACHABLE: Wording("Geen verbinding. Bel als het niet kan wachten.", "No connection. Call if it cannot wait."),
    Fault.STREAM_CUT: Wording("De verbinding brak af. Probeer opnieuw.", "The connection broke. Try again."),
    Fault.WRONG_DIGEST: Wording("Niet goed aangekomen. Probeer opnieuw.", "Did not arrive intact. Try again."),
    Fault.WRONG_QUESTION: Wording("Antwoordde op een andere vraag. Meld dit.", "Answered another question. Report it."),
    Fault.BROKEN_BATCH: Wording("Het antwoord was niet volgens afspraak. Meld dit.", "The answer was not built as agreed. Report it."),
    Fault.NOT_ASKED_FOR: Wording("Stuurde iets dat niet gevraagd was. Meld dit.", "Sent what was not asked for. Report it."),
    Fault.NOT_DECIDED: Wording("Stuurde iets buiten de eigen beslissing. Meld dit.", "Sent what its own decision does not cover. Report it."),
    Fault.OTHER_PATIENT: Wording(
        "Er zat een gegeven van iemand anders bij. Bel de instelling en meld dit.", "A record of somebody else was among it. Call the holder, and report it."
    ),
    Fault.SEVERAL_BSNS: Wording("Een gegeven had meer dan één BSN. Bel de instelling.", "A record had more than one BSN. Call the holder."),
    Fault.DUPLICATE_KEY: Wording("Een gegeven is voor meer dan één uitleg vatbaar. Meld dit.", "A record can be read in two ways. Report it."),
    Fault.MALFORMED_JSON: Wording("Een gegeven was onleesbaar. Meld dit.", "A record could not be read. Report it."),
    Fault.IDENTITY_UNVERIFIED: Wording(
        "BSN of geboortedatum ontbreekt bij de instelling. Bel de instelling.", "BSN or date of birth is missing at the holder. Call the holder."
    ),
    Fault.OVER_LIMIT: Wording("Vraag een kleiner deel: een periode of een soort gegevens.", "Ask for a part: a period or a kind of data."),
    Fault.DOCUMENT_TOO_LARGE: Wording(
        "Te veel voor één document. Vraag het hele dossier op, of één soort gegevens.",
        "Too much for one document. Ask for the whole dossier, or for one kind of data.",
    ),
    Fault.RECORDS_UNFIT: Wording("Enkele gegevens konden niet mee. Bel als u iets mist.", "Some records could not be sent. Call if something is missing."),
    Fault.RECORDS_OVERSIZED: Wording("Enkele gegevens waren te groot. Bel de instelling daarvoor.", "Some records were too large. Call the holder for these."),
    Fault.NOT_POSSIBLE_NOW: Wording(
        "Dit kan nu niet meer: de aanvraag staat er anders voor. Kijk hoe hij nu staat.",
        "This cannot be done now: the request stands otherwise. Look at how it stands.",
    ),
    Fault.NO_OFFER: Wording(
        "Er is (nog) geen aanbod om aan te nemen. Wacht daarop, of vraag een ander.",
        "There is no offer to take up (yet). Wait for one, or ask another provider.",
    ),
    Fault.MISSING_CAPABILITY: Wording(
        "Wordt daar niet opgevraagd, of de instelling moet bijwerken. Bel zo nodig.",
        "Is not asked for there, or the holder has to update. Call if need be.",
    ),
    Fault.WRONG_FHIR_VERSION: Wording("De instelling gebruikt een andere versie van de standaard.", "The holder uses another version of the standard."),
    Fault.HOLDER_REFUSED: Wording("Bel als het niet kan wachten.", "Call if it cannot wait."),
    Fault.NOT_THIS_HOLDER: Wording("Het adres in het register klopt niet. Meld dit.", "The address in the register is wrong. Report it."),
    Fault.EMERGENCY_NOT_OFFERED: Wording(
        "Spoedtoegang is er nog niet in deze regio. Bel als het niet kan wachten.",
        "Emergency access is not offered in this region yet. Call if it cannot wait.",
    ),
    Fault.TOO_MANY_QUESTIONS: Wording("Te veel vragen tegelijk. Probeer zo opnieuw.", "Too many questions at once. Try again in a moment."),
    Fault.NOT_CHOSEN: Wording("De vraag ging alleen naar andere instellingen.", "The question went to other holders only."),
    Fault.KIND_KEEPS_NOTHING: Wording("Dit soort instelling heeft deze gegevens niet.", "A holder of this kind does not keep these data."),
    Fault.PLACES_ONLY: Wording("Doet alleen mee met vrije plaatsen. Bel voor gegevens.", "Takes part with its free places only. Call for its records."),
    Fault.JOINED_LATER: Wording(
        "Doet mee sinds na de eerste bladzijde. Zoek opnieuw om dit te zien.", "Takes part since after the first page. Search again to see it."
    ),
    Fault.NOT_ACTIVE: Wording("Doet nog niet mee. Bel als het niet kan wachten.", "Does not take part yet. Call if it cannot wait."),
    Fault.NO_HOLDERS_ELIGIBLE: Wording("Er was niemand om dit aan te vragen.", "There was nobody to ask this."),
    Fault.ALL_HOLDERS_FAILED: Wording("Niemand is gehoord. Probeer opnieuw of bel.", "Nobody was heard. Try again, or call."),
    Fault.PARTIAL_NOT_ACCEPTED: Wording(
        "Niet iedereen is gehoord, en dit programma toont geen deel.", "Not everybody was heard, and this program shows no part."
    ),
    Fault.INTERNAL: Wording("Er ging iets mis dat niet mis mag gaan. Meld dit.", "Something failed that should not have. Report it."),
}


#: Of a holder that was heard out, and whose system is not asked for everything, whoever the patient is: it has nothing to update.
NOT_ALL_ASKED: Final = Wording(
    "Het bronsysteem wordt niet naar alles gevraagd: er kan meer zijn. Bel als u iets mist.",
    "Its system is not asked for everything: there may be more. Call if something is missing.",
)


def fault_words(fault: Fault, *, paused_since_ms: int = 0) -> Wording:
    """What to tell about a failure beside a holder's name; for a code that is not for clinicians, whom to turn to.

    Of a pause it is told since when, where that is known.
    """
    since = _moment(paused_since_ms) if fault is Fault.PAUSED else None
    if since is not None:
        return Wording(
            f"Gepauzeerd door de instelling sinds {since:%d-%m-%Y %H:%M}. {_CALL.nl}", f"Paused by the holder since {since:%Y-%m-%d %H:%M}. {_CALL.en}"
        )
    return FAULTS.get(fault, _CALL)


def data_as_of(data_as_of_ms: int) -> Wording:
    """How old a copy is; said in any case, also when the holder does not know, or names a moment that no calendar has."""
    moment = _moment(data_as_of_ms)
    if moment is None:
        return Wording("Kopie; niet bekend van wanneer.", "A copy; not known from when.")
    return Wording(f"Kopie; gegevens van {moment:%d-%m-%Y %H:%M}.", f"A copy; data as of {moment:%Y-%m-%d %H:%M}.")


def _moment(milliseconds: int) -> datetime | None:
    """A moment as a holder told it, here; none when it told none, or one that no calendar has."""
    if milliseconds <= 0:
        return None
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).astimezone(AMSTERDAM)
    except (OverflowError, ValueError):
        return None


def not_heard(names: list[str]) -> Wording:
    """Of whom something may be missing in a section: not heard at all, or not about everything."""
    listed = ", ".join(names)
    return Wording(f"Niet alles gehoord van: {listed}.", f"Not everything was heard from: {listed}.") if names else Wording("", "")
