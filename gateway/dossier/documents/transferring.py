"""That care is transferred: from whom to whom and from when, who is responsible now, and who was not heard."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from accord.terms.identifiers import URA_SYSTEM, Bsn, Ura
from accord.terms.parties import DataUser, Professional
from gateway.dossier.documents.handover import TRANSFER_OF_CARE
from gateway.dossier.documents.narrative import clean, listed, narrative, paragraph
from gateway.dossier.documents.plans import SECTION_SYSTEM, Code
from gateway.dossier.provenance import AUTHORED
from gateway.dossier.words import ENDINGS, Language, Wording
from gateway.ports import Completeness, HolderLine

Json = dict[str, Any]
_TITLE: Final = Wording("De overdracht", "The transfer")
_REASON: Final = Wording("Reden", "Reason")
_NOW: Final = Wording("Nu verantwoordelijk", "Responsible now")
_CALL: Final = Wording("Bel bij vragen", "Call with questions")
_NEXT: Final = Wording("Neemt de zorg over", "Takes over the care")
_CARE: Final = Wording("Welke zorg", "Which care")
_SINCE: Final = Wording("Vanaf", "From")
_DAY_UNKNOWN: Final = Wording("nog niet bekend", "not known yet")
_WORDS: Final = Wording("Van de overdragende partij", "From who hands over")
_ALL_HEARD: Final = Wording("Iedereen aan wie dit is gevraagd, is gehoord.", "Everybody who was asked was heard.")


@dataclass(frozen=True, slots=True)
class Transfer:
    """Who hands over to whom, which care, from which day (none: that is not known), and what whoever sends it adds.

    `telephone` is of whoever hands over, `reason` why care is needed, as it was confirmed when it was asked for. The person is the one that was asked about.
    """

    sender: DataUser
    by: Professional
    telephone: str
    receiver: str
    receiver_ura: Ura | None
    care: str
    since: date | None
    bsn: Bsn = field(repr=False)
    birth_date: date | None = field(repr=False)
    words: str = field(default="", repr=False)
    reason: str = field(default="", repr=False)


def sent_by(transfer: Transfer) -> Wording:
    """Who or what made it."""
    name = transfer.by.name
    return Wording(
        f"Automatisch samengesteld uit wat de instellingen in de regio tonen, en verstuurd door {name}.",
        f"Put together automatically from what the holders of the region show, and sent by {name}.",
    )


def first_section(transfer: Transfer, asked: str, language: Language) -> Json:
    """What stands first in the document; *asked* is how it refers to the Task."""

    def said(label: Wording, words: str) -> str:
        return f"{label.in_language(language)}: {words}"

    since = _DAY_UNKNOWN.in_language(language) if transfer.since is None else day(transfer.since, language)
    lines = [
        said(_REASON, transfer.reason) if transfer.reason else "",
        said(_NOW, f"{transfer.sender.name}, {transfer.by.name}"),
        said(_CALL, transfer.telephone) if transfer.telephone else "",
        said(_NEXT, transfer.receiver),
        said(_CARE, transfer.care),
        said(_SINCE, since),
    ]
    words = paragraph(said(_WORDS, transfer.words)) if transfer.words else ""
    return {
        "title": _TITLE.in_language(language),
        "code": {"coding": [Code(SECTION_SYSTEM, "transfer", _TITLE.en).coding]},
        "text": narrative(listed(filter(None, lines)), words),
        "entry": [{"reference": asked}],
    }


def task(transfer: Transfer, logical_id: str, subject: str, at: datetime) -> Json:
    """The Task: the receiver said yes, and is asked to take over."""
    owner: Json = {"display": clean(transfer.receiver)}
    if transfer.receiver_ura is not None:
        owner["identifier"] = {"system": URA_SYSTEM, "value": transfer.receiver_ura.value}
    sender = {"identifier": {"system": URA_SYSTEM, "value": transfer.sender.ura.value}, "display": clean(f"{transfer.sender.name}, {transfer.by.name}")}
    written: Json = {
        "resourceType": "Task",
        "id": logical_id,
        "meta": {"tag": [AUTHORED]},
        "status": "accepted",
        "intent": "order",
        "code": {"coding": [TRANSFER_OF_CARE.coding]},
        "description": clean(transfer.care),
        "for": {"reference": subject},
        "authoredOn": at.isoformat(timespec="milliseconds"),
        "requester": sender,
        "owner": owner,
    }
    written |= {"reasonCode": {"text": clean(transfer.reason)}} if transfer.reason else {}
    return written | ({"executionPeriod": {"start": transfer.since.isoformat()}} if transfer.since else {})


def outcome(account: Completeness, logical_id: str, language: Language) -> Json:
    """Who was not heard out, one issue each; where everybody was, that."""
    issues = [_issue("warning", "incomplete", _not_heard(one, language)) for one in account.holders if one.leaves_a_gap]
    return {
        "resourceType": "OperationOutcome",
        "id": logical_id,
        "meta": {"tag": [AUTHORED]},
        "issue": issues or [_issue("information", "informational", _ALL_HEARD.in_language(language))],
    }


def day(at: date, language: Language) -> str:
    """A day as people here write it."""
    return f"{at:%d-%m-%Y}" if language == "nl" else at.isoformat()


def _issue(severity: str, code: str, words: str) -> Json:
    return {"severity": severity, "code": code, "details": {"text": clean(words)}}


def _not_heard(line: HolderLine, language: Language) -> str:
    telephone = f" ☎ {line.holder.telephone}" if line.holder.telephone else ""
    return f"{line.holder.title}: {ENDINGS[line.ending].in_language(language)}{telephone}"
