"""How the answers of planning ahead are said to a doctor at night: short, in two languages, and not to be taken for each other."""

from typing import Final

from gateway.dossier.words import Wording

#: Yes and no to a treatment, by concept.
YES_AND_NO: Final[dict[str, tuple[Wording, Wording]]] = {
    "wish.resuscitation": (Wording("Wel reanimeren", "Resuscitate"), Wording("Niet reanimeren", "Do not resuscitate")),
    "wish.intensive-care": (Wording("Wel naar de IC", "Admit to intensive care"), Wording("Niet naar de IC", "Do not admit to intensive care")),
    "wish.ventilation": (Wording("Wel beademen", "Ventilate"), Wording("Niet beademen", "Do not ventilate")),
    "wish.blood-products": (Wording("Wel bloedproducten geven", "Give blood products"), Wording("Geen bloedproducten geven", "Do not give blood products")),
    "wish.antibiotics": (Wording("Wel antibiotica geven", "Give antibiotics"), Wording("Geen antibiotica geven", "Do not give antibiotics")),
    "wish.hospital-admission": (Wording("Wel naar het ziekenhuis", "Admit to hospital"), Wording("Niet naar het ziekenhuis", "Do not admit to hospital")),
    "wish.emergency-hospital-admission": (
        Wording("Wel met spoed naar het ziekenhuis", "Admit to hospital in an emergency"),
        Wording("Niet met spoed naar het ziekenhuis", "Do not admit to hospital in an emergency"),
    ),
}
#: `permit` is about switching off, and reads opposite to "treatment allowed".
SWITCH_OFF: Final = Wording("Uitzetten van de ICD is afgesproken", "Switching the ICD off was agreed")
LEAVE_ON: Final = Wording("Uitzetten van de ICD is niet afgesproken: ICD aan laten", "Switching the ICD off was not agreed: leave the ICD on")

NOT_RECORDED: Final = Wording("Geen antwoord vastgelegd: vraag het", "No answer recorded: ask")
UNKNOWN: Final = Wording("Onbekend: vraag het", "Not known: ask")
DOUBTFUL: Final = Wording("Het antwoord is hier niet te lezen: vraag het", "The answer cannot be read here: ask")
LIMITS_MISSING: Final = Wording("Ja, maar met beperkingen die er niet bij staan: vraag het", "Yes, with restrictions that are not recorded: ask")

COMMENT: Final = Wording("Toelichting", "Comment")
OWN_WORDS: Final = Wording("In het dossier", "In the record")
BASED_ON: Final = Wording("Gebaseerd op", "Based on")
KEPT_AT: Final = Wording("Document bij de bron", "Document at the source")
ENDED_BECAUSE: Final = Wording("Reden van beëindigen", "Reason for ending")
DISORDER: Final = Wording("In verband met", "In connection with")
RECORDED_ON: Final = Wording("Vastgelegd op", "Recorded on")
NOT_VERIFIED: Final = Wording("Niet met de patiënt of vertegenwoordiger besproken", "Not discussed with the patient or representative")
ALSO_SAID: Final = Wording("Er staat ook", "It also says")
CARRIED_OUT_BY: Final = Wording("Behandelaar", "Professional")
TOLD_TO: Final = Wording("Voor", "For")
WHERE: Final = Wording("Plaats", "Site")
CAPABLE: Final = Wording("Wilsbekwaam voor medische beslissingen", "Legally capable of medical decisions")
INCAPABLE: Final = Wording("Niet wilsbekwaam voor medische beslissingen", "Not legally capable of medical decisions")

#: Why something that looks like a yes or a no is not shown as one.
UNKNOWN_MODIFIER: Final = Wording("Let op: er staat iets bij dat de betekenis verandert en hier niet gelezen wordt. Vraag het na.",
                                  "Note: something that changes the meaning cannot be read here. Check with the source.")  # fmt: skip
UNREADABLE: Final = Wording("Let op: een deel is niet leesbaar vastgelegd. Vraag het na.", "Note: a part cannot be read. Check with the source.")
CONTRADICTORY: Final = Wording("Let op: het dossier spreekt zichzelf tegen. Vraag het na.", "Note: the record contradicts itself. Check with the source.")
FURTHER_RULES: Final = Wording("Let op: er staan beperkingen bij die hier niet gelezen worden. Vraag het na.",
                               "Note: there are restrictions that cannot be read here. Check with the source.")  # fmt: skip
ALSO_A_WILL: Final = Wording("Let op: staat ook als wilsverklaring vastgelegd. Vraag het na.", "Note: also recorded as a living will. Check with the source.")
OTHER_ICD_TREATMENT: Final = Wording(
    "Let op: niet duidelijk of dit over uitzetten van de ICD gaat", "Note: not clear whether this is about switching the ICD off"
)
SEVERAL_TREATMENTS: Final = Wording("Let op: gaat over meer dan één behandeling", "Note: about more than one treatment")

STATUS: Final[dict[str, Wording]] = {
    "draft": Wording("concept", "draft"),
    "proposed": Wording("voorstel", "proposed"),
    "planned": Wording("gepland", "planned"),
    "preparation": Wording("in voorbereiding", "in preparation"),
    "not-done": Wording("niet gedaan", "not done"),
    "rejected": Wording("afgewezen", "rejected"),
    "inactive": Wording("niet meer van kracht", "inactive"),
    "entered-in-error": Wording("foutief ingevoerd", "entered in error"),
    "preliminary": Wording("voorlopig", "preliminary"),
    "registered": Wording("nog niet ingevuld", "registered, not filled in"),
    "cancelled": Wording("geannuleerd", "cancelled"),
    "completed": Wording("afgerond", "completed"),
    "on-hold": Wording("opgeschort", "on hold"),
    "in-progress": Wording("nog niet klaar", "in progress"),
    "stopped": Wording("afgebroken", "stopped"),
}
UNKNOWN_STATUS: Final = Wording("status onbekend", "status not known")

#: Kinds of living will, code list 2.16.840.1.113883.2.4.3.11.60.40.4.14.1 of the zib AdvanceDirective. Others are shown in the record's words.
LIVING_WILLS: Final[dict[str, Wording]] = {
    "NR": Wording("Niet-reanimerenverklaring", "Do-not-resuscitate declaration"),
    "VOL": Wording("Volmacht", "Power of attorney"),
    "VERB": Wording("Behandelverbod", "Refusal of treatment"),
    "VERBVL": Wording("Behandelverbod met aanvulling voltooid leven", "Refusal of treatment, with completed life"),
    "MON": Wording("Mondelinge afspraak", "Oral agreement"),
    "EU": Wording("Euthanasieverzoek", "Request for euthanasia"),
    "EUD": Wording("Euthanasieverzoek met aanvulling dementie", "Request for euthanasia, with dementia"),
    "LW": Wording("Levenswensverklaring", "Declaration of the wish to live"),
    "DO": Wording("Verklaring donorschap", "Donor declaration"),
    "ZB": Wording("Zelfbindingsverklaring", "Self-binding declaration"),
}

#: What a coded answer means, by concept and code; of IKNL's profiles. A yes of the donor register says that a choice is there, not which.
VALUES: Final[dict[tuple[str, str], Wording]] = {
    ("wish.place-of-death", "264362003"): Wording("Thuis", "At home"),
    ("wish.place-of-death", "22232009"): Wording("Ziekenhuis", "Hospital"),
    ("wish.place-of-death", "108344006"): Wording("Verpleeghuis", "Nursing home"),
    ("wish.place-of-death", "284546000"): Wording("Hospice", "Hospice"),
    ("wish.euthanasia", "340181000146102"): Wording("Heeft een euthanasieverklaring", "Has a euthanasia statement"),
    ("wish.euthanasia", "340191000146100"): Wording("Heeft geen euthanasieverklaring, wil er mogelijk om vragen", "Has no euthanasia statement, might ask"),
    ("wish.euthanasia", "340201000146103"): Wording("Wil geen euthanasie", "Does not want euthanasia"),
    ("wish.organ-donation", "373066001"): Wording(
        "Keuze staat in het Donorregister; welke staat hier niet", "A choice is in the donor register; not said which"
    ),
    ("wish.organ-donation", "373067005"): Wording("Geen keuze in het Donorregister vastgelegd", "No choice is in the donor register"),
    ("goal.focus", "385987000"): Wording("Ziektegericht behandelen", "Care aimed at the illness"),
    ("goal.focus", "1351964001"): Wording("Levensverlengend behandelen", "Life-prolonging treatment"),
    ("goal.focus", "713148004"): Wording("Klachten voorkomen en behandelen", "Prevent and treat symptoms"),
    ("goal.focus", "225353007"): Wording("Klachten verlichten, leven niet verlengen", "Relieve symptoms, do not prolong life"),
}
#: Codes of v3-NullFlavor and data-absent-reason, as one table: they share no code with another meaning.
ABSENT: Final[dict[str, Wording]] = {
    "UNK": UNKNOWN,
    "NI": UNKNOWN,
    "ASKU": Wording("Gevraagd, nog niet bekend of besloten", "Asked, not known or decided yet"),
    "NASK": Wording("Nog niet besproken: vraag het", "Not discussed yet: ask"),
    "NAV": Wording("Nu niet bekend: vraag het", "Not known now: ask"),
    "unknown": UNKNOWN,
    "asked-unknown": Wording("Gevraagd, niet bekend", "Asked, not known"),
    "asked-declined": Wording("Gevraagd, wil er niet over praten", "Asked, does not want to say"),
    "temp-unknown": Wording("Nu niet bekend: vraag het", "Not known now: ask"),
    "not-asked": Wording("Nog niet besproken: vraag het", "Not discussed yet: ask"),
    "masked": Wording("Antwoord afgeschermd door de bron: bel", "The source masks the answer: call"),
}


def yes_or_no(key: str, title: Wording, *, is_yes: bool) -> Wording:
    """A yes or a no to a treatment."""
    if key in YES_AND_NO:
        return YES_AND_NO[key][0 if is_yes else 1]
    return Wording(f"Wel: {title.nl}", f"Yes: {title.en}") if is_yes else Wording(f"Niet: {title.nl}", f"No: {title.en}")


def in_words(text: str) -> Wording:
    """An answer that is no yes and no no: its own text, whole."""
    return Wording(f"Geen ja of nee: {text}", f"Not a yes or no: {text}")


def provided_that(text: str) -> Wording:
    """A yes with restrictions, and these whole."""
    return Wording(f"Ja, mits: {text}", f"Yes, provided that: {text}")


def with_reservation(said: Wording, text: str) -> Wording:
    """What looks like an answer, and what must be read with it."""
    if text:
        return Wording(f"Geen gewoon ja of nee. Er staat: {said.nl}. Lees erbij: {text}", f"Not a plain yes or no. It says: {said.en}. Read with it: {text}")
    return Wording(f"Geen gewoon ja of nee. Er staat: {said.nl}. Lees de opmerking", f"Not a plain yes or no. It says: {said.en}. Read the note")


def not_valid(status: str, said: Wording) -> Wording:
    """An answer of a record that is no agreement, or is none any more."""
    told = STATUS.get(status, UNKNOWN_STATUS)
    return Wording(f"Geen geldige afspraak ({told.nl}). Er staat: {said.nl}", f"Not a valid agreement ({told.en}). It says: {said.en}")


def several(names: list[str]) -> Wording:
    """Which treatments a record means at once."""
    listed = " / ".join(names)
    return Wording(f"{SEVERAL_TREATMENTS.nl}: {listed}", f"{SEVERAL_TREATMENTS.en}: {listed}")
