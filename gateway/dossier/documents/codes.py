"""By which codes a record that says no more of itself is known to belong in a section of a document.

Where a record has a category, that counts; these are for the many that have none. What a code means is in the concept
table; the constants here are what a published list has and the table has not, or has without saying that.
"""

from collections.abc import Iterator
from typing import Final

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.concepts import Concept, table
from gateway.dossier.clinical.trees import Tree, codings, text
from gateway.dossier.documents.plans import LOINC, SNOMED

_Codes = frozenset[tuple[str, str]]


def _of(system: str, codes: str) -> _Codes:
    return frozenset((system, code) for code in codes.split())


#: Vital signs of FHIR R4: weight as measured, which the table has not, and head circumference, which is none of those on its screens.
_ALSO_VITAL: Final = _of(LOINC, "3141-9 9843-4")
#: Tobacco and alcohol as the IPS has them; the table has what Dutch systems send.
_ALSO_SOCIAL: Final = _of(LOINC, "74013-4 11331-6 11367-0")
#: The kinds of implantable defibrillator (ValueSet ACP-MedicalDeviceProductType-ICD) beside the one that the table has.
_ALSO_DEFIBRILLATORS: Final = _of(SNOMED, "465460004 468542000 704707009 1263462004 1236894001")

_NO_WISH: Final = frozenset({"patient-privacy", "research"})


def is_a_vital_sign(code: object) -> bool:
    """Whether a code is one of a vital sign."""
    return _has(code, _ALSO_VITAL) or any("vital-sign" in one.roles for one in _known(code))


def is_social_history(code: object) -> bool:
    """Whether a code is about living, work, or what somebody uses."""
    return _has(code, _ALSO_SOCIAL) or any(one.section is Section.SOCIAL for one in _known(code))


def is_functional_status(code: object) -> bool:
    """Whether a code is about what somebody can do."""
    return any(one.key.startswith("function.") for one in _known(code))


def is_a_wish(code: object) -> bool:
    """Whether a code is that of a wish. The codes of treatments are not: these say as well that something was done."""
    return any(one.section is Section.PLANNING_AHEAD and "wish" in one.roles for one in _known(code))


def is_a_goal_of_care(code: object) -> bool:
    """Whether a code says what treatment is for."""
    return any("treatment-goal" in one.roles for one in _known(code))


def is_planning_ahead(code: object) -> bool:
    """Whether a code is that of planning ahead itself: the conversation."""
    return any(one.key == "planning.conversation" for one in _known(code))


def is_a_defibrillator(code: object) -> bool:
    """Whether a code is that of an implantable defibrillator."""
    return _has(code, _ALSO_DEFIBRILLATORS) or any({"implant", "icd"} <= one.roles for one in _known(code))


def is_about_care(consent: Tree) -> bool:
    """Whether a Consent may say something about care. One that says nothing of its scope does: it is read rather than missed."""
    scopes = {code for _, code, _ in codings(consent.get("scope"))}
    return not scopes or not scopes <= _NO_WISH


def is_a_form_of_planning_ahead(answers: Tree) -> bool:
    """Whether a QuestionnaireResponse answers a form for planning ahead; one that does not say which form it answers may."""
    form = text(answers, "questionnaire").partition("|")[0].rpartition("/")[2]
    return not form or form.startswith("ACP")


def _known(concept: object) -> Iterator[Concept]:
    """What the table knows of the codings of a concept, or of a list of them."""
    of = table().of
    return (found for system, code, _ in codings(concept) if (found := of(system, code)) is not None)


def _has(concept: object, codes: _Codes) -> bool:
    return any((system, code) in codes for system, code, _ in codings(concept))
