"""The codes that a FHIR Consent is written in, and what they stand for here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from accord.rules.labels import Label
from accord.terms.vocabulary import VEKTIS_TYPES, CareCategory, HolderKind, PurposeOfUse

CONSENT_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
LOCAL_SCOPE: Final = "http://nuts-foundation.github.io/nl-generic-functions-ig/CodeSystem/nl-gf-consent-scope"
MITZ_USERS: Final = "http://fhir.nl/StructureDefinition/OTV-ProviderCategory"
MITZ_DATA: Final = "http://fhir.nl/otv/CodeSystem/gegevenscategorie"
RESOURCE_TYPES: Final = "http://hl7.org/fhir/resource-types"
ACTIONS: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
#: Which actions are access to data, and which are known to be something else.
ACCESS: Final = frozenset({"access", "disclose", "use"})
OTHER_ACTIONS: Final = frozenset({"collect", "correct"})

PURPOSES: Final = frozenset({"http://terminology.hl7.org/CodeSystem/v3-ActReason", "http://hl7.org/fhir/v3/ActReason", "urn:oid:2.16.840.1.113883.5.8"})
#: v3 ActReason: what stands for our purposes. Breaking the glass is how emergency treatment is asked for.
OUR_PURPOSES: Final = {
    "TREAT": PurposeOfUse.TREATMENT,
    "ETREAT": PurposeOfUse.EMERGENCY_TREATMENT,
    "BTG": PurposeOfUse.EMERGENCY_TREATMENT,
}
ANY_PURPOSE: Final = frozenset({"PurposeOfUse"})
#: Purposes that are surely not treatment. Kinds of treatment that we do not tell apart (COC, CAREMGT, CLINTRCH ...) are not
#: among them: an objection to one could be about our question, a permit for one need not be.
OTHER_PURPOSES: Final = frozenset(
    "BIORCH CLINTRCHNPC CLINTRCHPC DISASTER DONAT DSRCH FAMRQT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HMARKT HOPERAT HOUTCOMS HPAYMT HPRGRP "
    "HQUALIMP HRESCH HSYSADMIN HTEST LABELING MEMADMIN METAMGT MILCDM MILDCRG MLTRAINING OBDSRCH PATADMIN PATRQT PATSFTY PERFMSR PREAUTH PRECLINTRCH "
    "PUBHLTH PWATRNY RECORDMGT REMITADV RSDSRCH SUPNWK SYSDEV THREAT TRAIN TRANSRCH CLMATTCH COVAUTH COVERAGE ELIGDTRM ELIGVER ENROLLM".split()
)

PARTICIPATION: Final = frozenset({"http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "http://hl7.org/fhir/v3/ParticipationType"})
RECIPIENTS: Final = frozenset({"IRCP", "PRCP"})
CUSTODIAN: Final = "CST"

URA_SYSTEMS: Final = frozenset({"http://fhir.nl/fhir/NamingSystem/ura", "urn:oid:2.16.528.1.1007.3.3"})
PROFESSIONAL_SYSTEMS: Final = frozenset({"http://fhir.nl/fhir/NamingSystem/uzi", "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers", "urn:oid:2.16.528.1.1007.3.1"})
ROLE_SYSTEMS: Final = frozenset({"http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "urn:oid:2.16.840.1.113883.2.4.15.111"})
KIND_SYSTEMS: Final = frozenset({"http://nictiz.nl/fhir/NamingSystem/organization-type", "urn:oid:2.16.840.1.113883.2.4.15.1060"})
KIND_OF_CODE: Final[dict[str, HolderKind]] = {code: kind for kind, codes in VEKTIS_TYPES.items() for code in codes}
_GUIDES: Final = ("http://nuts-foundation.github.io/nl-generic-functions-ig", "http://minvws.github.io/generiekefuncties-docs")
#: The national list of data categories, whose codes are ours too.
CATEGORY_SYSTEMS: Final = frozenset(f"{guide}/CodeSystem/{name}" for guide in _GUIDES for name in ("nl-gf-data-categories", "nl-gf-data-categories-cs"))
CATEGORY_OF_CODE: Final = {category.value: category for category in CareCategory}


@dataclass(frozen=True, slots=True)
class ConsentCodes:
    """Codes that change by version, as data: of data categories, of kinds of data user, and local scopes."""

    version: str = "none"
    data: Mapping[str, frozenset[CareCategory]] = field(default_factory=dict)
    users: Mapping[str, frozenset[HolderKind]] = field(default_factory=dict)
    scopes: Mapping[str, frozenset[CareCategory]] = field(default_factory=dict)

    def categories_of(self, coding: Label) -> frozenset[CareCategory] | None:
        """The categories that a coding stands for; none when it is not one of a category."""
        system, code = coding
        if system == MITZ_DATA:
            return self.data.get(code)
        if system in CATEGORY_SYSTEMS and code in CATEGORY_OF_CODE:
            return frozenset({CATEGORY_OF_CODE[code]})
        return None
