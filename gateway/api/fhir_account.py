"""The account of a dossier in FHIR: who was not heard, in an OperationOutcome, a tag and a header (promise P8)."""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, Final

from accord.terms.answers import Ending
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import HolderName
from gateway.api.outcomes import CODE_SYSTEM, ISSUE_BY_ENDING, authored_outcome, issue
from gateway.dossier.words import CONSTANT_NOTE, EMERGENCY_NOTE, ENDINGS, NOT_ALL_ASKED, SECTIONS, Language, Wording, data_as_of, fault_words, not_heard
from gateway.ports import Completeness, HolderLine

ENDING_SYSTEM: Final = "urn:noaber:ending"
HOLDER_SYSTEM: Final = "urn:noaber:holder"
SECTION_SYSTEM: Final = "urn:noaber:section"
COMPLETENESS_SYSTEM: Final = "urn:noaber:completeness"
HEADER: Final = "noaber-completeness"
#: The tag of a Bundle that is a part.
PARTIAL: Final[dict[str, str]] = {"system": COMPLETENESS_SYSTEM, "code": "partial"}


class Before(Enum):
    """What the client had before it was known how every holder ended."""

    NOTHING = "nothing"
    RECORDS = "records"
    PAGES = "pages"


#: The whole answer of a holder that ended so is set aside, also what was shown of it already.
SET_ASIDE: Final = frozenset({Ending.REJECTED, Ending.IDENTITY_UNVERIFIED})
_DO_NOT_USE: Final = {
    Before.RECORDS: Wording(
        "Een deel was al getoond voordat dit bleek. Gebruik niets van deze instelling uit dit antwoord.",
        "A part was shown before this was known. Use nothing of this holder from this answer.",
    ),
    # What others said may have been shown on those pages as this holder has it: only a new search shows it.
    Before.PAGES: Wording(
        "Eerdere bladzijden kunnen al iets hiervan tonen. Gebruik die niet en zoek opnieuw.",
        "Earlier pages may show some of it. Do not use them, and search again.",
    ),
}


class NotHeard(Unavailable):
    """Nobody was heard out, or not everybody and the client takes no part. `completeness` says who."""

    def __init__(self, fault: Fault, completeness: Completeness) -> None:
        super().__init__(fault)
        self.completeness = completeness

    @property
    def only_late(self) -> bool:
        """Whether time was all that lacked."""
        gaps = [line for line in self.completeness.holders if line.ending.leaves_a_gap]
        return self.fault is Fault.ALL_HOLDERS_FAILED and all(line.ending is Ending.TOO_LATE for line in gaps)


def check_heard(completeness: Completeness, *, shown: bool, refuses_partial: bool) -> None:
    """Make an error of an answer that is none.

    Raises:
        NotHeard: `all-holders-failed` or `partial-not-accepted`.
    """
    if not completeness.heard_out and not shown:
        raise NotHeard(Fault.ALL_HOLDERS_FAILED, completeness)
    if refuses_partial and not completeness.complete:
        raise NotHeard(Fault.PARTIAL_NOT_ACCEPTED, completeness)


def with_unfit(completeness: Completeness, unfit: Mapping[HolderName, int]) -> Completeness:
    """The account with records that could not be shown counted with those that were unfit to be sent."""
    lines = tuple(replace(line, unfit=line.unfit + unfit.get(line.holder.name, 0)) for line in completeness.holders)
    return replace(completeness, holders=lines)


def header_of(completeness: Completeness) -> dict[str, str]:
    """The counts, for who reads no more than headers."""
    endings = [line.ending for line in completeness.holders]
    asked = sum(ending is not Ending.NOT_ASKED for ending in endings)
    counts = {"asked": asked, "heard": completeness.heard_out, "missing": asked - completeness.heard_out, "not-asked": len(endings) - asked}
    text = "; ".join(f"{name}={number}" for name, number in counts.items())
    return {HEADER: f"{text}; complete={'true' if completeness.complete else 'false'}"}


def tag_of(completeness: Completeness) -> dict[str, str]:
    """The tag of the Bundle."""
    return {"system": COMPLETENESS_SYSTEM, "code": "complete"} if completeness.complete else PARTIAL


def outcomes_of(completeness: Completeness, language: Language, before: Before) -> list[dict[str, Any]]:
    """Who was not heard out and what was left behind, with the constant note; then what that means per section.

    Where something went out *before*, records of a holder that was rejected later may be among it: that is said.
    """
    issues = [found for line in completeness.holders for found in _issues_of(line, completeness, language, before)]
    notes = [(CONSTANT_NOTE, "constant-note"), *([(EMERGENCY_NOTE, "emergency-offered")] if completeness.emergency_offered else [])]
    issues += [issue("information", "informational", note.in_language(language), [(CODE_SYSTEM, code)], completeness.query_id.value) for note, code in notes]
    titles = {line.holder.name: line.holder.title for line in completeness.holders}
    sections = [
        issue(
            "warning",
            "incomplete",
            f"{SECTIONS[line.section].in_language(language)}: {not_heard([titles[name] for name in line.missing]).in_language(language)}",
            [(SECTION_SYSTEM, line.section.value), *((HOLDER_SYSTEM, name.value) for name in line.missing)],
            completeness.query_id.value,
        )
        for line in completeness.sections
        if line.missing
    ]
    return [authored_outcome(found) for found in (issues, sections) if found]


def gap_issues(completeness: Completeness, language: Language, severity: str) -> list[dict[str, Any]]:
    """An issue for each holder that was not heard out."""
    return [_gap(line, completeness, language, severity) for line in completeness.holders if line.ending.leaves_a_gap]


def _issues_of(line: HolderLine, completeness: Completeness, language: Language, before: Before) -> list[dict[str, Any]]:
    query_id, name = completeness.query_id.value, (HOLDER_SYSTEM, line.holder.name.value)
    found = [_gap(line, completeness, language, "warning")] if line.ending.leaves_a_gap else []
    if line.ending in SET_ASIDE and (before is Before.PAGES or (before is Before.RECORDS and line.records)):
        text = f"{line.holder.title}: {_DO_NOT_USE[before].in_language(language)}"
        found.append(issue("error", "business-rule", text, [(CODE_SYSTEM, "shown-before-rejected"), name], query_id))
    if line.lacks:
        text = f"{line.holder.title}: {NOT_ALL_ASKED.in_language(language)}"
        found.append(issue("warning", "incomplete", text, [(CODE_SYSTEM, Fault.MISSING_CAPABILITY.value), name], query_id))
    if line.code in (Fault.NOT_ACTIVE, Fault.JOINED_LATER, Fault.PLACES_ONLY):
        found.append(_gap(line, completeness, language, "information"))
    for number, fault in ((line.unfit, Fault.RECORDS_UNFIT), (line.oversized, Fault.RECORDS_OVERSIZED)):
        if number:
            text = f"{line.holder.title}: {fault_words(fault).in_language(language)} ({number})"
            found.append(issue("warning", "incomplete", text, [(CODE_SYSTEM, fault.value), name], query_id))
    # Only beside what is shown: two holders that show nothing must differ by nothing but their name (promise P9).
    if line.copy and line.records:
        text = f"{line.holder.title}: {data_as_of(line.data_as_of_ms).in_language(language)}"
        found.append(issue("information", "informational", text, [(CODE_SYSTEM, "copy"), name], query_id))
    return found


def _gap(line: HolderLine, completeness: Completeness, language: Language, severity: str) -> dict[str, Any]:
    words = [f"{line.holder.title}: {ENDINGS[line.ending].in_language(language)}"]
    codings = [(ENDING_SYSTEM, line.ending.value), (HOLDER_SYSTEM, line.holder.name.value)]
    if line.code is not None:
        words.append(fault_words(line.code, paused_since_ms=line.paused_since_ms).in_language(language))
        codings.insert(0, (CODE_SYSTEM, line.code.value))
    if line.holder.telephone:
        words.append(f"Tel. {line.holder.telephone}")
    return issue(severity, ISSUE_BY_ENDING[line.ending], " ".join(words), codings, completeness.query_id.value)
