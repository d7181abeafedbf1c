"""Of every code what happened, and what to do next."""

from dataclasses import dataclass

from accord.terms.fault_codes import Fault


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
    Fault.NOT_CONVERTIBLE: Explanation(
        "The record says something that cannot be told in FHIR R4 without guessing.",
        "Look at it in the source system; repair it there, or ask its supplier what it means.",
    ),
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
        "A parameter, a header or an element has a value that cannot be read.",
        "Look a parameter up in /fhir/metadata, a header in docs/vendors.md, an element in docs/api.md.",
    ),
    Fault.UNKNOWN_PARAMETER: Explanation(
        "A parameter or an element is not supported here.", "Leave it out, or look in /fhir/metadata or docs/api.md for what is supported."
    ),
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
    Fault.NOT_POSSIBLE_NOW: Explanation(
        "The request for a place does not stand so that this can be done.", "Look at how it stands now; the other side may just have answered."
    ),
    Fault.NO_OFFER: Explanation("There is no offer of this provider to take up (yet).", "Wait until it offers a place, or ask another provider."),
    Fault.SERVICE_NOT_OFFERED: Explanation(
        "The provider has no service of that kind, or not that opening of it.",
        "Ask for places again (`$find-places`), and take provider, service and opening from one entry of the answer.",
    ),
    Fault.NO_PLACE_LEFT: Explanation("No place is left to give.", "Look at what is held and promised, or bring the number of free places up to date."),
    Fault.NOT_ACCOUNTED_FOR: Explanation(
        "The gateway did not say what became of the question to this holder.", "Call the holder if it cannot wait; report it to the office of the region."
    ),
    Fault.SUPERSEDED: Explanation("The store already has a newer version of this record.", "Nothing to do: the newer version was kept."),
    Fault.MALFORMED_MESSAGE: Explanation(
        "The message cannot be read, or lacks what it must have at this place.", "Correct it at the sender and send it again."
    ),
    Fault.UNSUPPORTED_MESSAGE: Explanation(
        "Messages of this type, version or purpose are not taken.", "Send ORU^R01 or ADT of version 2, with a processing id of `feed.processing`."
    ),
    Fault.UNSUPPORTED_VALUE: Explanation(
        "A value is of a type that cannot be kept as it was sent, or is one of several that cannot be told apart.",
        "Send it as a number, text, code or base64 content, and number several of one code in OBX-4.",
    ),
    Fault.SENDER_UNKNOWN: Explanation("The sending application and facility are not admitted.", "Add the pair to `feed.senders`, or correct MSH-3 and MSH-4."),
    Fault.WRONG_CHARSET: Explanation(
        "The message has bytes that are no characters of the charset that it names.", "Name the charset that it is written in in MSH-18, or in `feed.charset`."
    ),
    Fault.NO_BSN: Explanation("The message has no BSN of the person, so that nobody could ever ask for it.", "Add the BSN at the sender and send it again."),
    Fault.BSN_CHANGED: Explanation(
        "Under the number of this patient another BSN is known here.", "Send an ADT that corrects the patient (A08, A31, A40), and then the message again."
    ),
    Fault.ORDER_CLASH: Explanation(
        "An order of this number is known here of somebody else, and this is no correction of it.",
        "If it was told of the wrong person, send it as a correction (OBX-11 C or W); if not, give it a number of its own in OBR-3.",
    ),
    Fault.FEED_UNREACHABLE: Explanation("The feed did not acknowledge a message.", "Check its address and that the agent runs; send the file again."),
    Fault.EXPORT_INVALID: Explanation(
        "A planning export cannot be read at this line and column, and none of it was taken.",
        "Look at that line in the planning system, or at the columns in the settings; what was read before counts until it is too old.",
    ),
    Fault.NOT_THIS_HOLDER: Explanation("The question is addressed to another holder.", "Check the address in the register."),
    Fault.WRONG_KEY: Explanation(
        "The holder and the gateway do not have the same pseudonym key.",
        "Give both the same file; of a holder that joined at the office's desk, remove the gateway's file (keys/<holder>.key): it goes before what was sealed.",
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
    Fault.EHR_UNKNOWN: Explanation(
        "The viewer was launched by an electronic health record that it does not know.",
        "Put its issuer into `viewer.smart` exactly as it sends it, also as to the slash at the end.",
    ),
    Fault.EHR_UNREACHABLE: Explanation(
        "The electronic health record could not be reached, or not in time.", "Launch again; if it lasts, run `noaber connect doctor`."
    ),
    Fault.EHR_ANSWER_INVALID: Explanation(
        "The electronic health record answers otherwise than SMART App Launch says.",
        "Compare its SMART configuration with docs/viewer.md, and ask its supplier.",
    ),
    Fault.LAUNCH_OVER: Explanation("This launch was not begun here, was used before, or took too long.", "Launch again from the electronic health record."),
    Fault.LAUNCH_REFUSED: Explanation(
        "The electronic health record did not give access.", "Launch again; if it lasts, look at how the viewer is registered there: client, secret, scopes."
    ),
    Fault.NO_LAUNCHED_PATIENT: Explanation(
        "The electronic health record names no patient, or one that it does not show.", "Open the patient there and launch again."
    ),
    Fault.PROFESSIONAL_UNKNOWN: Explanation(
        "The electronic health record does not say who is at work: a UZI number, a name and one role are needed.",
        "Have them recorded there, with the systems that docs/viewer.md names.",
    ),
    Fault.JOIN_REFUSED: Explanation("The token does not count, or no longer.", "Call the office of the region, and ask for a new token."),
    Fault.WRONG_AUTHORITY: Explanation(
        "Whoever answers at this address is not the office of the region, or something between opens the connection.",
        "Compare address and fingerprint with what the office gave you, on the telephone; go no further before they agree.",
    ),
    Fault.DESK_UNREACHABLE: Explanation(
        "The joining desk of the region's office could not be reached.", "Check the address and the firewall, and give the same command again: it goes on."
    ),
    Fault.CERTIFICATE_EXPIRED: Explanation(
        "The certificate has expired, so nobody can know whose agent this is.", "Ask the office for a new token, and join again in the same folder."
    ),
    Fault.CERTIFICATE_REPLACED: Explanation(
        "The certificate was replaced by another one already.",
        "If you did not do that, call the office: somebody may have your key. Join again with a new token.",
    ),
    Fault.NOT_CHECKED: Explanation(
        "There is no conformance run of this agent that passed since its source was last found wanting.",
        "Run `noaber agent check`, and repair what it names.",
    ),
    Fault.SESSION_BROKEN: Explanation(
        "Two parties could not prove to each other who they are, or something between them changed what was said.",
        "Check the answer keys in the register and both clocks; an agent tries again by itself.",
    ),
    Fault.WORK_GONE: Explanation("The work does not wait for this agent, or not any more.", "Nothing to do: whoever asked has left, or another took it."),
    Fault.DOOR_BUSY: Explanation(
        "More agents come in at the same time than the gateway lets in.", "Nothing to do: the agent tries again after the time that it was told."
    ),
    Fault.PAUSED: Explanation("The holder has paused its agent.", "Call the holder if it cannot wait."),
    Fault.SHADOW: Explanation("The holder is trying its agent out and shares nothing yet.", "Call the holder if it cannot wait."),
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
    Fault.DOCUMENT_TOO_LARGE: Explanation(
        "The document would be larger than the limit.", "Ask for `$everything`, which is sent as it comes, or search for one type at a time."
    ),
    Fault.RECORDS_UNFIT: Explanation("Some records name another patient or cannot be read, and were not sent.", "Call the holder if something is missing."),
    Fault.RECORDS_OVERSIZED: Explanation("Some records are too large to send, and were left out.", "Call the holder for these records."),
    Fault.MISSING_CAPABILITY: Explanation(
        "The holder's agent cannot answer this kind of question.",
        "Ask the holder: its agent may be of an older version, or its settings leave out what was asked for.",
    ),
    Fault.HOLDER_REFUSED: Explanation("The holder refused the question.", "Call the holder if it cannot wait."),
    Fault.NOT_CHOSEN: Explanation("The question was put to other holders only.", "Leave the choice of holders out."),
    Fault.KIND_KEEPS_NOTHING: Explanation("A holder of this kind keeps nothing of what was asked.", "Nothing to do."),
    Fault.PLACES_ONLY: Explanation("The holder takes part with its free places only, and shares no records.", "Call the holder if it cannot wait."),
    Fault.JOINED_LATER: Explanation(
        "The holder takes part since after the first page of this search, so none of its records is on any page.", "Search again to see them."
    ),
    Fault.NOT_ACTIVE: Explanation("The holder is registered and does not take part yet.", "Call the holder if it cannot wait."),
    Fault.LOOPBACK_ONLY: Explanation("Until mutual TLS stands, only loopback addresses are served.", "Use 127.0.0.1, ::1 or a unix socket."),
    Fault.INVALID_SETTING: Explanation(
        "What was given does not fit: a setting, an option, a file or an address.",
        "Correct what is named; `noaber agent config show` (or gateway, connect) without --config lists every setting.",
    ),
    Fault.MAPPING_INVALID: Explanation(
        "The mapping of the source is not right in the named place.", "Correct that line; docs/sql-source.md lists what may stand there."
    ),
    Fault.SOURCE_WRITABLE: Explanation(
        "The database user of the source can do more than read.",
        "Take away what is named; docs/sql-source.md gives the statements that make a user who can only read.",
    ),
    Fault.NOT_READY_YET: Explanation("It is still starting, or could not start.", "Wait a moment; then look in its log for why."),
    Fault.CERTIFICATE_EXPIRING: Explanation(
        "The certificate by which it is known in the region expires within two weeks, or should have renewed itself by now.",
        "Ask the office of the region for a new one; where office.desk is set, the log says why it did not renew itself.",
    ),
    Fault.REGISTER_EXPIRING: Explanation(
        "The register of the region expires within two weeks.", "Ask the office of the region to renew it, which only the office can."
    ),
    Fault.AGENT_NOT_RUNNING: Explanation(
        "No agent answers to these settings.", "Start it, or name its settings with --config, --house or its folder with --at."
    ),
    Fault.PAUSE_NOT_KEPT: Explanation(
        "The agent is paused, but the file that says so could not be written or removed.",
        "Free or repair the disk and say it again: until then a restart may not do what you want.",
    ),
    Fault.UNSAFE_ENVIRONMENT: Explanation("The environment would leak what must not leak.", "Unset the named variable and start again."),
    Fault.TOO_MANY_QUESTIONS: Explanation("Too many questions at the same time.", "Try again in a moment."),
    Fault.INTERNAL: Explanation("Something failed that should not have.", "Report it with the correlation id."),
}
