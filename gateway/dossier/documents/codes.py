"""The few codes by which a record that says no more of itself is known to belong in a section of a document.

They are those of the published queries for the Dutch basic data set and for planning ahead (IKNL PZP-FHIR-R4, Zorgviewer), and the
vital signs of FHIR R4. Where a record has a category, that counts; these are for the many that have none.
"""

from typing import Final

from gateway.dossier.clinical.trees import Tree, codings, text
from gateway.dossier.documents.plans import LOINC, SNOMED

_Codes = frozenset[tuple[str, str]]


def _of(system: str, codes: str) -> _Codes:
    return frozenset((system, code) for code in codes.split())


#: Blood pressure (with its parts), weight, height, heart rate, breathing, temperature, oxygen, BMI, head circumference.
VITAL_SIGNS: Final = _of(LOINC, "85354-9 8480-6 8462-4 29463-7 3141-9 8302-2 8306-3 8308-9 8867-4 9279-1 8310-5 2708-6 59408-5 39156-5 9843-4")
#: Living situation, drugs, alcohol, tobacco.
SOCIAL_HISTORY: Final = _of(SNOMED, "365508006 228366006 228273003 365980008") | _of(LOINC, "72166-2 74013-4 11331-6 11367-0")
#: Mobility.
FUNCTIONAL_STATUS: Final = _of(SNOMED, "301438001")
#: Specific wishes, preferred place of death, position on euthanasia, organ donation, other important information (sense of purpose).
WISHES: Final = _of(SNOMED, "153851000146100 395091006 340171000146104 570801000146104 247751003")
#: Care for the illness, life-prolonging treatment, preventing and treating symptoms.
GOALS_OF_CARE: Final = _of(SNOMED, "385987000 1351964001 713148004")
#: Advance care planning itself: the conversation.
PLANNING_AHEAD: Final = _of(SNOMED, "713603004")
#: Switching an ICD off in the last phase of life.
ICD_OFF: Final = _of(SNOMED, "400231000146108")
#: Implantable defibrillators (ValueSet ACP-MedicalDeviceProductType-ICD).
DEFIBRILLATORS: Final = _of(SNOMED, "72506001 465460004 468542000 704707009 1263462004 1236894001")

_NO_WISH: Final = frozenset({"patient-privacy", "research"})


def has_code(concept: object, codes: _Codes) -> bool:
    """Whether one of the codings of a concept (or of a list of them) is among *codes*."""
    return any((system, code) in codes for system, code, _ in codings(concept))


def is_about_care(consent: Tree) -> bool:
    """Whether a Consent may say something about care. One that says nothing of its scope does: it is read rather than missed."""
    scopes = {code for _, code, _ in codings(consent.get("scope"))}
    return not scopes or not scopes <= _NO_WISH


def is_a_form_of_planning_ahead(answers: Tree) -> bool:
    """Whether a QuestionnaireResponse answers a form for planning ahead; one that does not say which form it answers may."""
    form = text(answers, "questionnaire").partition("|")[0].rpartition("/")[2]
    return not form or form.startswith("ACP")
