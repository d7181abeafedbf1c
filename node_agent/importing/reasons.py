"""Why a record was not taken, and what was remarked on one that was: fixed codes, never content."""

from enum import StrEnum
from typing import Final

from accord.terms.faults import CATALOGUE, Explanation, Fault


class Reason(StrEnum):
    """Why something was refused. Where the catalogue of faults has a code, it is that code."""

    MALFORMED_JSON = "malformed-json"
    INVALID_ENCODING = "invalid-encoding"
    DUPLICATE_KEY = "duplicate-key"
    TOO_DEEP = "too-deep"
    TOO_LARGE = "too-large"
    NOT_A_RESOURCE = "not-a-resource"
    UNKNOWN_TYPE = "unknown-type"
    NEVER_RELEASED = "never-released"
    WRONG_FHIR_VERSION = "wrong-fhir-version"
    INVALID_ID = "invalid-id"
    INVALID_BSN = "invalid-bsn"
    NO_BSN = "no-bsn"
    NAMES_NO_PATIENT = "names-no-patient"
    UNRESOLVED_REFERENCE = "unresolved-reference"
    UNRESOLVED_PLACEHOLDER = "unresolved-placeholder"
    SUPERSEDED = "superseded"
    UNSUPPORTED_FILE = "unsupported-file"
    UNREADABLE_FILE = "unreadable-file"

    @property
    def explanation(self) -> Explanation:
        """What happened and what to do, in words."""
        return _OWN.get(self) or CATALOGUE[Fault(self.value)]


class Remark(StrEnum):
    """What was done to a record that was taken, or left as it stood."""

    ID_GIVEN = "id-given"
    REFERENCES_RESOLVED = "references-resolved"
    REFERENCES_LEFT = "references-left-unresolved"
    DATES_RESOLVED = "dates-resolved"
    TEST_BSN_GIVEN = "test-bsn-given"


#: What the catalogue has no code for: it happens at import only.
_OWN: Final[dict[Reason, Explanation]] = {
    Reason.NEVER_RELEASED: Explanation("The type is one of conformance or administration, and no part of a dossier.", "Nothing to do."),
    Reason.NO_BSN: Explanation("The Patient has no BSN, so that nobody could ever ask for it.", "Add the BSN at the source; for test data, give --test-bsns."),
    Reason.NAMES_NO_PATIENT: Explanation(
        "The record does not say whose it is where its type should say so.", "Have the source name the patient in the record, by reference or BSN."
    ),
    Reason.UNRESOLVED_PLACEHOLDER: Explanation(
        "The record has dates that are still to be filled in.", "Give --resolve-dates with the date that stands for today."
    ),
    Reason.UNREADABLE_FILE: Explanation("The file cannot be read to its end.", "Check that it is complete and that this user may read it."),
}
