"""From a message to what it says: which messages are understood, and whose word counts."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from accord.terms.faults import BadInput, Fault
from node_agent.feed_settings import FeedSettings
from node_agent.feeding.drafts import Reading, Told
from node_agent.feeding.er7 import Message, Segment
from node_agent.feeding.people import VISITS, encounter_of, merges_of, patient_of
from node_agent.feeding.refusing import MessageRefused, NotForUs
from node_agent.feeding.results import results_of
from node_agent.feeding.values import SYSTEMS, moment

_ADT: Final = frozenset({"A01", "A03", "A04", "A08", "A11", "A13", "A28", "A31", "A40"})


def reading_of(settings: FeedSettings, secret: bytes) -> Reading:
    """How the settings want messages to be read.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        zone = ZoneInfo(settings.zone)
        named = dict(entry.split("=", 1) for entry in settings.code_systems)
    except (ValueError, KeyError, OSError):
        raise BadInput(Fault.INVALID_SETTING, "feed.zone, feed.code_systems") from None
    return Reading(zone, {**SYSTEMS, **named}, secret, settings.number_authority, settings.order_lines, settings.reports)


def check_admitted(message: Message, settings: FeedSettings) -> None:
    """Whether a message is one for us, by its header alone.

    Raises:
        NotForUs: `sender-unknown`, `unsupported-message`.
    """
    header = message.header
    if f"{header.text(3)}|{header.text(4)}" not in settings.senders:
        raise NotForUs(Fault.SENDER_UNKNOWN, "MSH^1^3")
    if header.text(11) not in settings.processing:
        raise NotForUs(Fault.UNSUPPORTED_MESSAGE, "MSH^1^11")
    if not header.text(12).startswith("2."):
        raise NotForUs(Fault.UNSUPPORTED_MESSAGE, "MSH^1^12")
    kind, trigger = header.text(9), header.text(9, 2)
    if not (kind == "ORU" and trigger == "R01") and not (kind == "ADT" and trigger in _ADT):
        raise NotForUs(Fault.UNSUPPORTED_MESSAGE, "MSH^1^9")
    if header.text(14) or message.first("DSC") is not None:
        # A part of a message: what stands in the others would be missing, and nobody would see it.
        raise NotForUs(Fault.UNSUPPORTED_MESSAGE, "MSH^1^14")
    if not header.text(10):
        raise MessageRefused(Fault.MALFORMED_MESSAGE, "MSH^1^10")


def understand(message: Message, reading: Reading) -> Told:
    """All that an admitted message says.

    Raises:
        MessageRefused: It cannot be understood as a whole: nothing of it is kept then.
    """
    people = list(message.named("PID"))
    if len(people) != 1:
        raise MessageRefused(Fault.MALFORMED_MESSAGE, "PID^1^0")
    facility, said = message.header.text(4), moment(message.header, 7, reading.zone)
    if message.header.text(9) == "ORU":
        patient = patient_of(message, people[0], facility, reading, of_registration=False, event="", message=said)
        return Told((patient, *results_of(message, patient.ref.id, facility, reading, said)))
    return _registration(message, people[0], facility, reading, said)


def _registration(message: Message, pid: Segment, facility: str, reading: Reading, said: str) -> Told:
    trigger, evn = message.header.text(9, 2), message.first("EVN")
    event = (moment(evn, 6, reading.zone) or moment(evn, 2, reading.zone)) if evn is not None else ""
    patient = patient_of(message, pid, facility, reading, of_registration=True, event=event, message=said)
    if trigger == "A40":
        return Told((patient,), merges_of(message, patient, facility, reading, event=event, said=said))
    visit = encounter_of(message, trigger, patient.ref.id, facility, reading, event=event, said=said) if trigger in VISITS else None
    return Told((patient, visit) if visit else (patient,))


def now_as_written(when: datetime) -> str:
    """A moment as HL7 v2 writes it."""
    return when.strftime("%Y%m%d%H%M%S%z")
