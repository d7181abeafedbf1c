"""Words for states and types of records, in two languages, for the lines of a document."""

from typing import Final

from gateway.dossier.words import Wording

READ_THE_RECORD: Final = Wording("met een bijzonderheid: lees het gegeven zelf", "with a particularity: read the record itself")

#: Codes of FHIR R4 for states other than plainly valid. One that is not here is shown as it is written.
STATES: Final[dict[str, Wording]] = {
    "inactive": Wording("niet meer actief", "inactive"),
    "resolved": Wording("voorbij", "resolved"),
    "remission": Wording("in remissie", "in remission"),
    "recurrence": Wording("teruggekeerd", "recurrence"),
    "relapse": Wording("terugval", "relapse"),
    "refuted": Wording("weerlegd", "refuted"),
    "unconfirmed": Wording("niet bevestigd", "unconfirmed"),
    "presumed": Wording("vermoed", "presumed"),
    "provisional": Wording("voorlopig", "provisional"),
    "differential": Wording("differentiaaldiagnose", "differential"),
    "entered-in-error": Wording("onjuist ingevoerd", "entered in error"),
    "preliminary": Wording("voorlopig", "preliminary"),
    "partial": Wording("onvolledig", "partial"),
    "registered": Wording("nog geen uitslag", "registered, no result yet"),
    "cancelled": Wording("geannuleerd", "cancelled"),
    "stopped": Wording("gestopt", "stopped"),
    "on-hold": Wording("onderbroken", "on hold"),
    "suspended": Wording("onderbroken", "suspended"),
    "intended": Wording("voorgenomen", "intended"),
    "not-taken": Wording("niet gebruikt", "not taken"),
    "not-done": Wording("niet gedaan", "not done"),
    "declined": Wording("geweigerd", "declined"),
    "rejected": Wording("afgewezen", "rejected"),
    "proposed": Wording("voorgesteld", "proposed"),
    "planned": Wording("gepland", "planned"),
    "accepted": Wording("afgesproken", "accepted"),
    "draft": Wording("concept", "draft"),
    "preparation": Wording("in voorbereiding", "in preparation"),
    "in-progress": Wording("bezig", "in progress"),
    "in-preparation": Wording("in voorbereiding", "in preparation"),
    "revoked": Wording("ingetrokken", "revoked"),
    "unknown": Wording("stand onbekend", "state unknown"),
    "achieved": Wording("bereikt", "achieved"),
    "not-achieved": Wording("niet bereikt", "not achieved"),
    "superseded": Wording("vervangen", "superseded"),
    "appended": Wording("aangevuld", "appended"),
}

#: What a record is, where it does not say what it is about.
KINDS: Final[dict[str, Wording]] = {
    "AllergyIntolerance": Wording("Allergie of overgevoeligheid", "Allergy or intolerance"),
    "CarePlan": Wording("Zorgplan", "Care plan"),
    "Communication": Wording("Mededeling", "Communication"),
    "CommunicationRequest": Wording("Verzoek om te informeren", "Request to inform"),
    "Condition": Wording("Probleem", "Problem"),
    "Consent": Wording("Afspraak of wens", "Directive or wish"),
    "DeviceUseStatement": Wording("Hulpmiddel", "Device"),
    "DiagnosticReport": Wording("Uitslag", "Report"),
    "Encounter": Wording("Contact", "Encounter"),
    "Flag": Wording("Waarschuwing", "Alert"),
    "Goal": Wording("Doel", "Goal"),
    "Immunization": Wording("Vaccinatie", "Immunization"),
    "MedicationDispense": Wording("Verstrekking", "Dispense"),
    "MedicationRequest": Wording("Medicatieafspraak", "Medication request"),
    "MedicationStatement": Wording("Medicatiegebruik", "Medication use"),
    "Observation": Wording("Bepaling", "Observation"),
    "Procedure": Wording("Verrichting", "Procedure"),
    "QuestionnaireResponse": Wording("Formulier", "Form"),
    "RelatedPerson": Wording("Contactpersoon", "Contact"),
}
