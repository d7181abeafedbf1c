"""OBR, OBX, SPM and NTE: what a laboratory found, as DiagnosticReport, Observation and Specimen."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from accord.terms.faults import Fault
from accord.terms.identifiers import RecordRef, is_logical_id
from node_agent.feeding.confidentiality import as_security, of_lines, of_order
from node_agent.feeding.drafts import Draft, Reading, derived_id, rank
from node_agent.feeding.er7 import Message, Segment, part
from node_agent.feeding.observing import file_of, value_of
from node_agent.feeding.orders import FILES, Line, Order, orders_of
from node_agent.feeding.originals import cut_out
from node_agent.feeding.refusing import MessageRefused
from node_agent.feeding.values import TERMINOLOGY, Json, authority, concept, given, moment, system_of

#: OBX-11 (HL7 table 0085): the status, whether it is definitive, and how heavy it weighs at one moment.
_STATUSES: Final = {
    "P": ("preliminary", False, 0),
    "R": ("preliminary", False, 0),
    "S": ("preliminary", False, 0),
    "I": ("registered", False, 0),
    "O": ("registered", False, 0),
    "N": ("registered", False, 0),
    "F": ("final", True, 1),
    "V": ("final", True, 1),
    "U": ("final", True, 1),
    "A": ("amended", True, 2),
    "B": ("amended", True, 2),
    "C": ("corrected", True, 2),
    "X": ("cancelled", True, 3),
    "D": ("entered-in-error", True, 4),
    "W": ("entered-in-error", True, 4),
}
#: OBR-25 (HL7 table 0123), where it says something else of a report than OBX-11 of a result.
_OF_REPORTS: Final = _STATUSES | {
    "A": ("partial", False, 0),
    "R": ("partial", False, 0),
    "S": ("registered", False, 0),
    "P": ("preliminary", False, 0),
}
_UNKNOWN: Final = ("unknown", False, 0)
#: Where OBX-11 says nothing, the report's word counts for its results; of a result nobody says `partial`.
_OF_RESULTS: Final = _OF_REPORTS | dict.fromkeys("AR", ("preliminary", False, 0))
#: OBR-24 (HL7 table 0074): sections that do not belong to a laboratory. What is not named here is laboratory.
_SECTIONS: Final = {
    **dict.fromkeys(("RAD", "RUS", "CT", "NMR", "NMS", "VUS", "XRC", "CUS", "RX"), "imaging"),
    **dict.fromkeys(("EC", "EN", "PF", "CP", "PHR"), "procedure"),
}
_NOTE: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note"


def results_of(message: Message, patient: str, facility: str, reading: Reading, said: str) -> Iterator[Draft]:
    """All that is in an ORU about the patient with this logical id.

    Raises:
        MessageRefused: `malformed-message`, `unsupported-value`.
    """
    # Of several OBR with one number, the lines are told apart as if they stood below one of them.
    seen: Counter[tuple[str, ...]] = Counter()
    for order in orders_of(message):
        yield from _Results(message, order, patient, facility, reading, said).drafts(seen)


class _Results:
    """One order as records."""

    def __init__(self, message: Message, order: Order, patient: str, facility: str, reading: Reading, said: str) -> None:
        obr = order.obr
        self._message, self._labels = message, of_order(message, order.orc)
        self._order, self._patient, self._reading, self._said = order, patient, reading, said
        numbered = next(((one, at) for one, at in ((obr, 3), (order.orc, 3), (obr, 2)) if one is not None and one.text(at)), None)
        if numbered is None:
            raise MessageRefused(Fault.MALFORMED_MESSAGE, obr.where(3))
        self._number = numbered[0].text(numbered[1])
        # Departments of one facility give out the same numbers, each by itself.
        self._sender = (facility, message.header.text(3))
        self._order_key = (*self._sender, *_ei(*numbered), self._number)
        self._changed = moment(obr, 22, reading.zone)
        self._taken = moment(obr, 7, reading.zone)
        self._subject = {"reference": f"Patient/{patient}"}
        section = _SECTIONS.get(obr.text(24), "laboratory")
        self._category = [{"coding": [{"system": f"{TERMINOLOGY}/observation-category", "code": section, "display": section.capitalize()}]}]
        self._report = RecordRef("DiagnosticReport", derived_id("DiagnosticReport", *self._order_key)) if reading.reports else None

    def drafts(self, seen: Counter[tuple[str, ...]]) -> Iterator[Draft]:
        """The report, its specimens, its results."""
        specimens = [self._specimen(spm) for spm in self._order.specimens]
        yield from specimens
        yield from self._report_draft()
        for line in self._order.lines:
            obx = line.obx
            key = (obx.text(3) or obx.text(3, 2), obx.text(4))
            seen[*self._order_key, *key] += 1
            times = seen[*self._order_key, *key]
            if obx.text(2) in FILES:
                yield from self._file(obx, (*key, str(times)))
                continue
            yield self._observation(line, (*key, str(times) if times > 1 else ""), specimens)

    def _report_draft(self) -> Iterator[Draft]:
        obr, report = self._order.obr, self._report
        if report is None:
            return
        status, definitive, severity = _OF_REPORTS.get(obr.text(25), _UNKNOWN)
        content: Json = {"resourceType": "DiagnosticReport", "id": report.id}
        content |= self._meta(self._order.files)
        content["identifier"] = [given(type=_hl7_type("FILL", "Filler Identifier"), system=system_of(_ei(obr, 3)), value=self._number)]
        content |= {"status": status, "category": [_hl7_section(obr.text(24) or "LAB")], "code": self._code(obr, 4), "subject": self._subject}
        content |= given(effectiveDateTime=self._taken, issued=_instant(self._changed))
        if self._order.notes:
            content["extension"] = [{"url": _NOTE, "valueAnnotation": {"text": _text_of(self._order.notes)}}]
        original = cut_out(self._message, (self._order.orc, obr, *self._order.notes), of_report=True)
        yield Draft(report, content, self._rank(content, definitive, severity), self._patient, original=original)

    def _observation(self, line: Line, key: tuple[str, str, str], specimens: list[Draft]) -> Draft:
        obx = line.obx
        # Without a report, what was remarked on the order stands with each of its results.
        notes = [*line.notes, *(self._order.notes if self._report is None else ())]
        status, definitive, severity = self._status_of(obx)
        logical_id = self._given_id(obx) or derived_id("Observation", *self._order_key, *key)
        content: Json = {"resourceType": "Observation", "id": logical_id}
        content |= self._meta(line.all) | given(identifier=self._line_numbers(obx))
        content |= {"status": status, "category": self._category, "code": self._code(obx, 3), "subject": self._subject}
        content |= given(effectiveDateTime=moment(obx, 14, self._reading.zone) or self._taken, performer=self._performer(obx))
        content |= value_of(obx, self._reading)
        if line.more:
            content["valueString"] = "\n".join(value_of(one, self._reading).get("valueString", "") for one in line.all)
        if len(specimens) == 1:
            content["specimen"] = {"reference": str(specimens[0].ref)}
        if notes:
            content["note"] = [{"text": _text_of(notes)}]
        draft = Draft(RecordRef("Observation", logical_id), content, self._rank(content, definitive, severity), self._patient)
        original = cut_out(self._message, (self._order.orc, self._order.obr, *line.all, *notes))
        numbered = "" if self._given_id(obx) else derived_id("Observation", *self._order_key, *key[:2], str(int(key[2] or 1) + 1))
        return replace(draft, listed_in=self._report, place="\x1f".join((key[1], key[0], key[2])), original=original, next_id=numbered, where=obx.where(4))

    def _file(self, obx: Segment, key: tuple[str, ...]) -> Iterator[Draft]:
        """A letter or picture inside a message: a Binary that the report refers to, in its own bytes."""
        if self._report is None:
            raise MessageRefused(Fault.UNSUPPORTED_VALUE, obx.where(5))
        content = {"resourceType": "Binary", "id": derived_id("Binary", *self._order_key, *key), **file_of(obx)}
        _, definitive, severity = self._status_of(obx)
        draft = Draft(RecordRef("Binary", content["id"]), content, self._rank(content, definitive, severity))
        yield replace(draft, listed_in=self._report, listed_as="presentedForm", place="\x1f".join(key))

    def _specimen(self, spm: Segment) -> Draft:
        number = spm.text(2) or f"{self._number}-{spm.text(1) or spm.nth}"
        content: Json = {"resourceType": "Specimen", "id": derived_id("Specimen", *self._sender, number)}
        content |= given(meta=given(security=as_security(self._labels)))
        content |= given(identifier=[{"value": spm.text(2)}] if spm.text(2) else [])
        content |= given(type=concept(spm.repetitions(4)[0], self._reading.systems) if spm.repetitions(4) else {})
        content["subject"] = self._subject
        content |= given(receivedTime=_instant(moment(spm, 18, self._reading.zone)))
        content |= given(collection=given(collectedDateTime=moment(spm, 17, self._reading.zone)))
        original = cut_out(self._message, (self._order.orc, self._order.obr, spm))
        return Draft(RecordRef("Specimen", str(content["id"])), content, self._rank(content, definitive=True, severity=0), self._patient, original=original)

    def _status_of(self, obx: Segment) -> tuple[str, bool, int]:
        if obx.text(11):
            return _STATUSES.get(obx.text(11), _UNKNOWN)
        return _OF_RESULTS.get(self._order.obr.text(25), _UNKNOWN)

    def _meta(self, lines: list[Segment]) -> Json:
        """When it was last changed, and who may see it."""
        return given(meta=given(lastUpdated=_instant(self._changed), security=as_security(self._labels | of_lines(lines))))

    def _rank(self, content: Json, definitive: bool, severity: int) -> str:  # noqa: FBT001 - beside the table that it is read from
        return rank(content, definitive=definitive, event=self._changed, message=self._said, severity=severity)

    def _code(self, segment: Segment, at: int) -> Json:
        found = concept(segment.repetitions(at)[0], self._reading.systems) if segment.repetitions(at) else {}
        if not found:
            raise MessageRefused(Fault.MALFORMED_MESSAGE, segment.where(at))
        return found

    def _given_id(self, obx: Segment) -> str:
        """The number of the result at the sender, where the settings make it the id."""
        number, by = obx.text(21), self._reading.number_authority
        return number if by and obx.text(21, 2) == by and is_logical_id(number) else ""

    def _line_numbers(self, obx: Segment) -> list[Json]:
        numbers = []
        if self._reading.order_lines and obx.text(4):
            numbers.append({"system": self._reading.order_lines, "value": f"{self._number}.{obx.text(4)}"})
        if obx.text(21) and not self._given_id(obx):
            numbers.append(given(system=system_of(_ei(obx, 21)), value=obx.text(21)))
        return numbers

    def _performer(self, obx: Segment) -> list[Json]:
        """The organisation of OBX-23: by the holder's own number a reference, by any other an identifier."""
        if not obx.repetitions(23):
            return []
        one = obx.repetitions(23)[0]
        number, by, name = part(one, 10) or part(one, 3), authority(one, 6), part(one, 1)
        if number and self._reading.number_authority and by[0] == self._reading.number_authority and is_logical_id(number):
            return [given(reference=f"Organization/{number}", display=name)]
        identifier = given(system=system_of(by), value=number) if number else {}
        return [given(type="Organization", identifier=identifier, display=name)]


def _text_of(notes: list[Segment]) -> str:
    return "\n".join("\n".join(note.words(one) for one in note.repetitions(3)) for note in notes)


def _ei(segment: Segment, at: int) -> tuple[str, str, str]:
    return segment.text(at, 2), segment.text(at, 3), segment.text(at, 4)


def _instant(moment: str) -> str:
    """As `lastUpdated`, `issued` and the like want it: with a time, or not at all."""
    return moment if "T" in moment else ""


def _hl7_type(code: str, display: str) -> Json:
    return {"coding": [{"system": f"{TERMINOLOGY}/v2-0203", "code": code, "display": display}]}


def _hl7_section(code: str) -> Json:
    return {"coding": [{"system": f"{TERMINOLOGY}/v2-0074", "code": code}]}
