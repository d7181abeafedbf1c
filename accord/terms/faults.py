"""The catalogue of everything that can go wrong, with what happened and what to do next.

Every failure that leaves a process carries one of these codes and nothing else about its cause: no
patient content, no stack, no address. A code, once published, keeps its meaning.

    Faulted                 carries one `Fault`
    ├── BadInput            what was given can never work; the sender must change it
    └── Unavailable         it may work later, or for somebody else
"""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """A fixed code. Its text is in `CATALOGUE`."""

    # What was given
    MALFORMED_JSON = "malformed-json"
    INVALID_ENCODING = "invalid-encoding"
    DUPLICATE_KEY = "duplicate-key"
    TOO_DEEP = "too-deep"
    TOO_LARGE = "too-large"
    NOT_A_RESOURCE = "not-a-resource"
    UNKNOWN_TYPE = "unknown-type"
    WRONG_FHIR_VERSION = "wrong-fhir-version"
    MISSING_ID = "missing-id"
    INVALID_ID = "invalid-id"
    INVALID_BSN = "invalid-bsn"
    SEVERAL_BSNS = "several-bsns"
    BSN_IN_URL = "bsn-in-url"
    NO_PATIENT = "no-patient"
    SEVERAL_PATIENTS = "several-patients"
    OTHER_PATIENT = "other-patient"
    UNRESOLVED_REFERENCE = "unresolved-reference"
    INVALID_PARAMETER = "invalid-parameter"
    UNKNOWN_PARAMETER = "unknown-parameter"
    UNKNOWN_HOLDER = "unknown-holder"
    UNKNOWN_PATIENT_ID = "unknown-patient-id"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    UNSUPPORTED_FORMAT = "unsupported-format"
    CURSOR_EXPIRED = "cursor-expired"
    CURSOR_INVALID = "cursor-invalid"
    INVALID_QUESTION = "invalid-question"
    DEADLINE_MISSING = "deadline-missing"
    UNSUPPORTED_FILE = "unsupported-file"
    SUPERSEDED = "superseded"
    # Who asks
    NOT_THIS_HOLDER = "not-this-holder"
    WRONG_KEY = "wrong-key"
    EMERGENCY_NOT_OFFERED = "emergency-not-offered"
    EMERGENCY_INCOMPLETE = "emergency-incomplete"
    EMERGENCY_SPENT = "emergency-spent"
    NOT_A_MEMBER = "not-a-member"
    ORGANISATION_BLOCKED = "organisation-blocked"
    REGISTER_OUTDATED = "register-outdated"
    REGISTER_INVALID = "register-invalid"
    EVIDENCE_MISSING = "evidence-missing"
    TOKEN_INVALID = "token-invalid"  # noqa: S105 - a code
    MANDATE_EXPIRED = "mandate-expired"
    PROOF_EXPIRED = "proof-expired"
    PROOF_USED = "proof-used"
    QUESTION_WIDENED = "question-widened"
    OTHER_PATIENT_MANDATED = "other-patient-mandated"
    BUDGET_SPENT = "budget-spent"
    LOGIN_REQUIRED = "login-required"
    APPLICATION_NOT_TRUSTED = "application-not-trusted"
    SIGNATURE_INVALID = "signature-invalid"
    SHARING_CHANGED = "sharing-changed"
    JOURNAL_UNAVAILABLE = "journal-unavailable"
    JOURNAL_BROKEN = "journal-broken"
    JOURNAL_IN_USE = "journal-in-use"
    NO_JOURNAL = "no-journal"
    OTHER_JOURNAL = "other-journal"
    HEAD_UNREADABLE = "head-unreadable"
    TOO_YOUNG = "too-young"
    GATEWAY_UNREACHABLE = "gateway-unreachable"
    # How it ended
    PAUSED = "paused"
    SOURCE_UNAVAILABLE = "source-unavailable"
    SOURCE_BUSY = "source-busy"
    SOURCE_ANSWER_INVALID = "source-answer-invalid"
    NO_HOLDERS_ELIGIBLE = "no-holders-eligible"
    ALL_HOLDERS_FAILED = "all-holders-failed"
    PARTIAL_NOT_ACCEPTED = "partial-not-accepted"
    HOLDER_SILENT = "holder-silent"
    DEADLINE_PASSED = "deadline-passed"
    HOLDER_UNREACHABLE = "holder-unreachable"
    STREAM_CUT = "stream-cut"
    WRONG_DIGEST = "wrong-digest"
    WRONG_QUESTION = "wrong-question"
    BROKEN_BATCH = "broken-batch"
    NOT_ASKED_FOR = "not-asked-for"
    NOT_DECIDED = "not-decided"
    IDENTITY_UNVERIFIED = "identity-unverified"
    OVER_LIMIT = "over-limit"
    RECORDS_UNFIT = "records-unfit"
    RECORDS_OVERSIZED = "records-oversized"
    MISSING_CAPABILITY = "missing-capability"
    HOLDER_REFUSED = "holder-refused"
    # The plan
    NOT_CHOSEN = "not-chosen"
    KIND_KEEPS_NOTHING = "kind-keeps-nothing"
    NOT_ACTIVE = "not-active"
    # This process
    LOOPBACK_ONLY = "loopback-only"
    INVALID_SETTING = "invalid-setting"
    UNSAFE_ENVIRONMENT = "unsafe-environment"
    TOO_MANY_QUESTIONS = "too-many-questions"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a person reads: one sentence on what happened, one on what to do."""

    happened: str
    next_step: str


CATALOGUE: dict[Fault, Explanation] = {
    Fault.MALFORMED_JSON: Explanation("The text is not JSON.", "Check the text at the place where it was cut or edited and send it again."),
    Fault.INVALID_ENCODING: Explanation(
        "The text is not valid UTF-8, or has a lone surrogate or a byte order mark.", "Write the text as UTF-8 without a byte order mark."
    ),
    Fault.DUPLICATE_KEY: Explanation("A JSON object has the same key twice.", "Repair the system that wrote it: readers disagree on which of the two counts."),
    Fault.TOO_DEEP: Explanation("The JSON is nested more deeply than 64 levels.", "Send records as FHIR describes them; none needs this depth."),
    Fault.TOO_LARGE: Explanation("The text is larger than the limit.", "Move large content to a Binary and refer to it."),
    Fault.NOT_A_RESOURCE: Explanation("The JSON is not a FHIR resource.", "Send an object with a resourceType."),
    Fault.UNKNOWN_TYPE: Explanation("The resource type is not one of FHIR R4.", "Check the spelling of the type, and that the record is FHIR R4."),
    Fault.WRONG_FHIR_VERSION: Explanation("The record is written in another version of FHIR.", "Convert it to FHIR R4, or use a source of that version."),
    Fault.MISSING_ID: Explanation("The record has no id, and none could be derived.", "Give the record an id."),
    Fault.INVALID_ID: Explanation("The id is not a FHIR id.", "Use 1 to 64 letters, digits, dashes and dots."),
    Fault.INVALID_BSN: Explanation("The number is not a BSN: nine digits that pass the eleven-test.", "Check the number with the patient's identity document."),
    Fault.SEVERAL_BSNS: Explanation("A record carries more than one BSN.", "Have the holder repair its Patient record; until then it is not shown."),
    Fault.BSN_IN_URL: Explanation("A BSN may not travel in a URL.", "Use POST [type]/_search with the BSN in the body."),
    Fault.NO_PATIENT: Explanation("The question does not say about which patient.", "Add the parameter patient, with the id that POST Patient/_search gave."),
    Fault.SEVERAL_PATIENTS: Explanation("The question is about more than one patient.", "Ask about one patient at a time."),
    Fault.OTHER_PATIENT: Explanation(
        "A record about somebody else was in the answer; the whole answer of that holder was set aside.",
        "Call the holder, and report it: their system mixes patients.",
    ),
    Fault.UNRESOLVED_REFERENCE: Explanation(
        "A reference points to nothing in this delivery or in the store.", "Import the record that it refers to together with it."
    ),
    Fault.INVALID_PARAMETER: Explanation(
        "A search parameter or a header has a value that cannot be read.", "Look a parameter up in /fhir/metadata, a header in docs/vendors.md."
    ),
    Fault.UNKNOWN_PARAMETER: Explanation("A search parameter is not supported here.", "Leave it out, or look in /fhir/metadata for what is supported."),
    Fault.UNKNOWN_HOLDER: Explanation("No holder of this name is in the register.", "Look in the register for the names."),
    Fault.UNKNOWN_PATIENT_ID: Explanation("This patient id is not known here, or no longer.", "Ask for it again with POST Patient/_search."),
    Fault.NOT_FOUND: Explanation("There is nothing here that can be shown.", "Check the address; what is not shared looks the same as what does not exist."),
    Fault.METHOD_NOT_ALLOWED: Explanation("This address does not take that method.", "Look in /fhir/metadata for what it takes."),
    Fault.UNSUPPORTED_FORMAT: Explanation("This format is not offered.", "Ask for application/fhir+json."),
    Fault.CURSOR_EXPIRED: Explanation("The link to the next page has expired.", "Start the search again."),
    Fault.CURSOR_INVALID: Explanation(
        "The link to the next page is not one of ours, or not of this question.", "Follow the link as it was given, or start the search again."
    ),
    Fault.INVALID_QUESTION: Explanation(
        "The question lacks something that it needs, or contradicts itself.", "Compare it with the description of the service."
    ),
    Fault.UNSUPPORTED_FILE: Explanation("The file is not one that can be imported.", "Give FHIR JSON, NDJSON or a Bundle, plain, .gz or .zip."),
    Fault.SUPERSEDED: Explanation("The store already has a newer version of this record.", "Nothing to do: the newer version was kept."),
    Fault.NOT_THIS_HOLDER: Explanation("The question is addressed to another holder.", "Check the address in the register."),
    Fault.WRONG_KEY: Explanation(
        "The holder and the gateway do not have the same pseudonym key.", "Give the agent the key file that the register names for it."
    ),
    Fault.EMERGENCY_NOT_OFFERED: Explanation("Emergency access is not offered in this region yet.", "Ask for treatment; call the holder if it cannot wait."),
    Fault.EMERGENCY_INCOMPLETE: Explanation(
        "Emergency access needs a role that may, a treatment, a reason (another one in words) and a second factor of just now.",
        "Give what is missing, confirm who you are, and ask again.",
    ),
    Fault.EMERGENCY_SPENT: Explanation("The limit of emergency access is reached.", "Call the holder; the review was told."),
    Fault.NOT_A_MEMBER: Explanation("The certificate is of no organisation in the register.", "Have the organisation registered, or use its certificate."),
    Fault.ORGANISATION_BLOCKED: Explanation("The organisation does not take part any more, or not yet.", "Call the office of the region."),
    Fault.REGISTER_OUTDATED: Explanation("The register of the region has expired, or is older than the one known here.", "Fetch the newest register."),
    Fault.REGISTER_INVALID: Explanation(
        "The register is not signed by the region, or cannot be read.", "Fetch the register again, and check the region's key."
    ),
    Fault.EVIDENCE_MISSING: Explanation(
        "The question came without a mandate or without proof that it was asked.", "Ask through `noaber connect`, which adds both."
    ),
    Fault.TOKEN_INVALID: Explanation("A token is not one that can be believed.", "Get a new one; check the keys in the register and the clock."),
    Fault.MANDATE_EXPIRED: Explanation("The mandate has expired, or is not valid yet.", "Make a new one; check the clock."),
    Fault.PROOF_EXPIRED: Explanation("The proof of the question is too old, or of the future.", "Ask again; check the clock."),
    Fault.PROOF_USED: Explanation("The proof of the question was used before.", "Make a new proof for each question."),
    Fault.QUESTION_WIDENED: Explanation("The question asks for more than was proven to be asked.", "Report it: whoever relayed it is not sound."),
    Fault.OTHER_PATIENT_MANDATED: Explanation("The mandate is about another patient.", "Make a mandate for this patient."),
    Fault.BUDGET_SPENT: Explanation("More different patients were asked about than is usual in an hour.", "Try again later; the review was told."),
    Fault.LOGIN_REQUIRED: Explanation(
        "You are not logged in, or no longer.", "Log in again; an application sends its token of `noaber connect token` with every request."
    ),
    Fault.APPLICATION_NOT_TRUSTED: Explanation(
        "The application is not trusted to say who is at work.", "Leave the header out, or use a token of `noaber connect token --trusted`."
    ),
    Fault.SIGNATURE_INVALID: Explanation("The holder's last word is not signed by the holder.", "Report it: the agent or the connection is not sound."),
    Fault.SHARING_CHANGED: Explanation(
        "What may be shared changed while the holder answered; the rest is not shown.", "Do not use what arrived; ask again to see what is shared now."
    ),
    Fault.JOURNAL_UNAVAILABLE: Explanation(
        "The access journal cannot be written or read, so nothing is shared.",
        "Free the disk or repair it; a slow one, find what keeps it busy. What runs opens its journal again by itself; what could not start, start again.",
    ),
    Fault.JOURNAL_BROKEN: Explanation("The access journal does not agree with itself.", "Keep the files as they are and call whoever reviews access."),
    Fault.JOURNAL_IN_USE: Explanation("Another process has the access journal open.", "Stop the agent or gateway that writes it first."),
    Fault.NO_JOURNAL: Explanation("There is no access journal in this folder.", "Give the folder in which the files `….journal` lie."),
    Fault.OTHER_JOURNAL: Explanation(
        "The access journal is of another kind of party than is asked for here.",
        "Give a holder's journal first, and then the one of the gateway that asked it.",
    ),
    Fault.HEAD_UNREADABLE: Explanation("The file with the signed head cannot be read.", "Give a file with one signed head in it, as the other party sent it."),
    Fault.TOO_YOUNG: Explanation("Content of access journals is kept for at least five years.", "Give a day that is at least five years ago."),
    Fault.GATEWAY_UNREACHABLE: Explanation("The gateway of the region could not be reached.", "Try again; call the office of the region if it lasts."),
    Fault.PAUSED: Explanation("The holder has paused its agent.", "Call the holder if it cannot wait."),
    Fault.SOURCE_UNAVAILABLE: Explanation("The holder's own system did not answer, or not to the end.", "Try again; call the holder if it cannot wait."),
    Fault.SOURCE_BUSY: Explanation("The holder's own system is too busy.", "Try again in a minute; call the holder if it cannot wait."),
    Fault.SOURCE_ANSWER_INVALID: Explanation(
        "The holder's own system gave an answer that cannot be read.", "Call the holder; their IT finds the record in the agent's report."
    ),
    Fault.NO_HOLDERS_ELIGIBLE: Explanation("No holder could be asked this question.", "Widen the question, or check the register."),
    Fault.ALL_HOLDERS_FAILED: Explanation("No holder was heard out.", "Try again; the list says who was asked and how to call them."),
    Fault.PARTIAL_NOT_ACCEPTED: Explanation(
        "Not every holder was heard out, and this client does not accept a part.", "Try again, or accept a partial answer."
    ),
    Fault.HOLDER_SILENT: Explanation("The holder stayed silent too long.", "Try again; call the holder if it cannot wait."),
    Fault.DEADLINE_PASSED: Explanation("The time for this question was over.", "Try again with more time; call the holder if it cannot wait."),
    Fault.DEADLINE_MISSING: Explanation(
        "The call has no deadline, or one that is further away than is served.", "Set a deadline on the call: 300 seconds at most, 600 for Watch."
    ),
    Fault.HOLDER_UNREACHABLE: Explanation("The holder could not be reached.", "Call the holder if it cannot wait."),
    Fault.STREAM_CUT: Explanation("The holder's answer broke off.", "Try again; what had arrived is shown and may not be everything."),
    Fault.WRONG_DIGEST: Explanation("What arrived is not what the holder sent.", "Try again; report it if it happens twice."),
    Fault.WRONG_QUESTION: Explanation("The holder answered another question.", "Report it: the agent or the connection is not sound."),
    Fault.BROKEN_BATCH: Explanation("The holder's answer is not built as agreed.", "Report it: the agent is not sound."),
    Fault.NOT_ASKED_FOR: Explanation("The holder sent a record that was not asked for.", "Report it: the agent is not sound."),
    Fault.NOT_DECIDED: Explanation("The holder sent a record that its own decision does not cover.", "Report it: the agent is not sound."),
    Fault.IDENTITY_UNVERIFIED: Explanation(
        "The holder could not show that its records are about this person.", "Call the holder: the BSN or date of birth is missing in their record."
    ),
    Fault.OVER_LIMIT: Explanation("The holder's answer was larger than the limit.", "Ask for a part: a period, a category or a type."),
    Fault.RECORDS_UNFIT: Explanation("Some records name another patient or cannot be read, and were not sent.", "Call the holder if something is missing."),
    Fault.RECORDS_OVERSIZED: Explanation("Some records are too large to send, and were left out.", "Call the holder for these records."),
    Fault.MISSING_CAPABILITY: Explanation("The holder's agent cannot answer this kind of question.", "Ask the holder to update its agent."),
    Fault.HOLDER_REFUSED: Explanation("The holder refused the question.", "Call the holder if it cannot wait."),
    Fault.NOT_CHOSEN: Explanation("The question was put to other holders only.", "Leave the choice of holders out."),
    Fault.KIND_KEEPS_NOTHING: Explanation("A holder of this kind keeps nothing of what was asked.", "Nothing to do."),
    Fault.NOT_ACTIVE: Explanation("The holder is registered and does not take part yet.", "Call the holder if it cannot wait."),
    Fault.LOOPBACK_ONLY: Explanation("Until mutual TLS stands, only loopback addresses are served.", "Use 127.0.0.1, ::1 or a unix socket."),
    Fault.INVALID_SETTING: Explanation("A setting is unknown or has a wrong value.", "Correct it; `noaber <part> config show` lists the settings."),
    Fault.UNSAFE_ENVIRONMENT: Explanation("The environment would leak what must not leak.", "Unset the named variable and start again."),
    Fault.TOO_MANY_QUESTIONS: Explanation("Too many questions at the same time.", "Try again in a moment."),
    Fault.INTERNAL: Explanation("Something failed that should not have.", "Report it with the correlation id."),
}


class Faulted(Exception):
    """A failure with a code of the catalogue. `where` names a place (a parameter, a file), never content."""

    def __init__(self, fault: Fault, where: str = "") -> None:
        super().__init__(f"{fault} ({where})" if where else str(fault))
        self.fault = fault
        self.where = where

    @property
    def explanation(self) -> Explanation:
        """What happened and what to do, in words."""
        return CATALOGUE[self.fault]


class BadInput(Faulted):
    """What was given can never work; the sender must change it."""


class Unavailable(Faulted):
    """It may work later, or for somebody else."""
