"""What went wrong with a question, in Dutch: what a program shows its user in place of the English of the catalogue."""

from typing import Final

from accord.terms.faults import Fault
from gateway.dossier.words import FAULTS

_DUTCH: Final[dict[Fault, str]] = {
    Fault.INVALID_ENCODING: "De tekst is geen geldige UTF-8. Schrijf hem als UTF-8, zonder byte order mark.",
    Fault.MALFORMED_JSON: "De tekst is geen JSON. Controleer hem en stuur hem opnieuw.",
    Fault.DUPLICATE_KEY: "Een object in de JSON heeft tweemaal dezelfde sleutel. Laat er een weg.",
    Fault.TOO_DEEP: "De JSON heeft meer dan 64 lagen. Stuur gegevens zoals FHIR ze beschrijft.",
    Fault.NOT_A_RESOURCE: "De JSON is geen FHIR-resource. Stuur een object met een resourceType.",
    Fault.UNKNOWN_TYPE: "Dit type bestaat niet in FHIR R4. Controleer hoe het gespeld is.",
    Fault.MISSING_ID: "Het gegeven heeft geen id. Geef het een id.",
    Fault.INVALID_ID: "Dit is geen FHIR-id. Gebruik 1 tot 64 letters, cijfers, streepjes en punten.",
    Fault.INVALID_BSN: "Dit is geen BSN: negen cijfers die aan de elfproef voldoen. Controleer het nummer.",
    Fault.BSN_IN_URL: "Een BSN mag niet in een adres staan. Gebruik POST [type]/_search, met het BSN in de body.",
    Fault.NO_PATIENT: "Er staat niet bij over welke patiënt het gaat. Voeg patient toe, met de id van POST Patient/_search.",
    Fault.SEVERAL_PATIENTS: "De vraag gaat over meer dan één patiënt. Vraag er een tegelijk.",
    Fault.INVALID_PARAMETER: "Een parameter, header of element heeft een waarde die niet te lezen is. Zie /fhir/metadata, docs/vendors.md of docs/api.md.",
    Fault.UNKNOWN_PARAMETER: "Een parameter of element wordt hier niet ondersteund. Laat het weg, of kijk in /fhir/metadata of docs/api.md.",
    Fault.CURSOR_INVALID: "De link naar de volgende bladzijde klopt niet. Volg hem zoals hij gegeven is, of zoek opnieuw.",
    Fault.CURSOR_EXPIRED: "De link naar de volgende bladzijde is verlopen. Zoek opnieuw.",
    Fault.INVALID_QUESTION: "De vraag mist iets of spreekt zichzelf tegen. Vergelijk haar met de beschrijving van de dienst.",
    Fault.EVIDENCE_MISSING: "Het bewijs van wie vraagt ontbreekt. Stuur mandaat en bewijs mee.",
    Fault.TOKEN_INVALID: "Het token klopt niet of is verlopen. Vraag een nieuw token.",
    Fault.MANDATE_EXPIRED: "Het mandaat geldt niet meer. Vraag een nieuw mandaat.",
    Fault.PROOF_EXPIRED: "Het bewijs geldt niet meer. Maak een nieuw bewijs, en controleer de klok.",
    Fault.PROOF_USED: "Dit bewijs is al eens gebruikt. Maak voor elke vraag een nieuw bewijs.",
    Fault.LOGIN_REQUIRED: "Er is niet ingelogd, of niet meer. Log in en probeer het opnieuw.",
    Fault.EMERGENCY_INCOMPLETE: "Voor noodtoegang ontbreekt iets: rol, behandelrelatie, reden, uitleg of tweede factor. Vul het aan.",
    Fault.EMERGENCY_SPENT: "De noodtoegang voor vandaag is op. Bel de instelling.",
    Fault.NOT_A_MEMBER: "Deze organisatie doet niet mee in de regio. Vraag het regiobureau.",
    Fault.ORGANISATION_BLOCKED: "Deze organisatie is geblokkeerd. Vraag het regiobureau.",
    Fault.QUESTION_WIDENED: "Er is meer gevraagd dan mandaat of token toestaat. Vraag minder.",
    Fault.OTHER_PATIENT_MANDATED: "Het mandaat gaat over een andere patiënt. Vraag een mandaat voor deze patiënt.",
    Fault.APPLICATION_NOT_TRUSTED: "Dit programma mag niet zeggen wie er aan het werk is. Laat die headers weg, of laat het vertrouwen.",
    Fault.BUDGET_SPENT: "Er zijn te veel vragen gesteld. Probeer het later opnieuw.",
    Fault.JOURNAL_UNAVAILABLE: "Het logboek kan niet worden bijgewerkt, dus er wordt niets gedaan. Probeer het later opnieuw.",
    Fault.REGISTER_OUTDATED: "Het register van de regio is verlopen. Vraag het regiobureau.",
    Fault.NOT_FOUND: "Hier is niets dat getoond kan worden. Controleer het adres.",
    Fault.UNKNOWN_HOLDER: "Geen instelling met deze naam staat in het register. Kijk daar hoe zij heet.",
    Fault.UNKNOWN_PATIENT_ID: "Deze patiënt-id is hier niet (meer) bekend. Vraag hem opnieuw met POST Patient/_search.",
    Fault.METHOD_NOT_ALLOWED: "Dit adres kent die methode niet. Zie /fhir/metadata.",
    Fault.SERVICE_NOT_OFFERED: "Deze aanbieder heeft geen dienst van die soort, of niet die plek ervan. Vraag opnieuw met $find-places.",
    Fault.NO_PLACE_LEFT: "Er is geen plek meer vrij om te geven. Kijk wat is vastgehouden en toegezegd.",
    Fault.UNSUPPORTED_FORMAT: "Dit formaat is er niet. Vraag om application/fhir+json.",
    Fault.TOO_LARGE: "Dit is te groot. Stuur minder tegelijk.",
    Fault.INVALID_SETTING: "Een instelling klopt niet. Laat de beheerder ernaar kijken.",
    Fault.UNSAFE_ENVIRONMENT: "De omgeving is niet veilig ingesteld. Laat de beheerder ernaar kijken.",
    Fault.LOOPBACK_ONLY: "Alleen adressen van deze machine worden bediend. Laat de beheerder ernaar kijken.",
}
_UNTOLD: Final = "Dit kan niet worden gedaan. Meld het met de code en het nummer hierbij."


def dutch_of(fault: Fault) -> str:
    """What happened and what to do; of a holder's failure what is told beside its name."""
    return _DUTCH.get(fault) or (FAULTS[fault].nl if fault in FAULTS else _UNTOLD)
