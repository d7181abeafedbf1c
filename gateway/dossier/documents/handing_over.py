"""Writes a handover from the dossier as it stands on the screen: what holds, what contradicts what, and who was not heard."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import Section
from accord.wire.columns import DERIVED
from gateway.dossier.clinical.contacts import Contact, ContactRole, contacts
from gateway.dossier.clinical.trees import read_tree
from gateway.dossier.clinical.view import ClinicalView
from gateway.dossier.documents.bundling import document, encode
from gateway.dossier.documents.composing import Frame, Item, SectionContent, compose, missing_of
from gateway.dossier.documents.contradicting import Contradiction, told_by
from gateway.dossier.documents.handed import Chosen, Handed, choose
from gateway.dossier.documents.handover import CONTACTS, HANDOVER
from gateway.dossier.documents.parties import Subject, author, custodian
from gateway.dossier.documents.saying import line, say
from gateway.dossier.documents.stating import provenance
from gateway.dossier.documents.transferring import Transfer, first_section, outcome, sent_by, task
from gateway.dossier.window import Origin
from gateway.dossier.words import Language, Wording
from gateway.ports import Completeness

Json = dict[str, Any]
_Entry = tuple[str, bytes]
#: What one record may lead to, and all of it together: more than any handover has.
_MOST_RECORDS: Final = 20_000
_ROLES: Final = {
    ContactRole.REPRESENTATIVE: Wording("vertegenwoordiger", "representative"),
    ContactRole.FIRST_CONTACT: Wording("eerste contactpersoon", "first contact"),
    ContactRole.GENERAL_PRACTITIONER: Wording("huisarts", "general practitioner"),
    ContactRole.GP_PRACTICE: Wording("huisartsenpraktijk", "GP practice"),
}
_CONFIRMED: Final = Wording("bevestigd", "confirmed")
_RELATIVE: Final = Wording("naaste", "relative")
_NO_TELEPHONE: Final = Wording("geen telefoonnummer bekend", "no telephone number known")


def write_handover(view: ClinicalView, account: Completeness, transfer: Transfer, *, base: str, at: datetime, language: Language = "nl") -> bytes:
    """The Bundle. Records stand in it byte for byte, under `<base>/at/<holder>`, so that their references lead where they led.

    What is over or a mistake is counted and not shown. It raises nothing, whatever shape a record has.
    """
    return _Handover(view, account, transfer, base, at, language).bundle()


@dataclass(slots=True)
class _Handover:
    view: ClinicalView
    account: Completeness
    transfer: Transfer
    base: str
    at: datetime
    language: Language
    uuid: UUID = field(default_factory=uuid4)
    _included: dict[str, tuple[Origin, int, bytes]] = field(default_factory=dict)

    def bundle(self) -> bytes:
        """All of it."""
        sections = self._sections()
        subject = self._authored(self._subject().written)
        made_by = self._authored(author(self._id("gateway")))
        made_for = self._authored(custodian(self._id("user"), self.transfer.sender))
        asked = self._authored(task(self.transfer, self._id("task"), subject[0], self.at))
        told = outcome(self.account, self._id("account"), self.language)
        account = self._authored(told)
        identifier = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{self.uuid}"}
        when = self.at.isoformat(timespec="milliseconds")
        lines = [issue["details"]["text"] for issue in told["issue"] if issue["severity"] == "warning"]
        frame = Frame(self._id("document"), identifier, when, subject[0], made_by[0], made_for[0], [account[0]], lines)
        written = compose(HANDOVER, frame, sections, self.account, self.language, made=sent_by(self.transfer), is_sent=True)
        written["section"].insert(0, first_section(self.transfer, asked[0], self.language))
        self._take_what_they_refer_to()
        records = [(address, content) for address, (_, _, content) in self._included.items()]
        entries = [self._authored(written), subject, made_by, made_for, asked, *records, *self._provenance(), account]
        return document({"identifier": identifier, "timestamp": when}, entries)

    def _sections(self) -> list[SectionContent]:
        chosen = choose(self.view)
        items: dict[str, list[Item]] = {section.code.code: [] for section in HANDOVER.sections}
        against = self._against(chosen)
        for handed in chosen.handed:
            items[handed.code].append(self._item(handed, against))
        holders = [one.holder for one in self.account.holders if one.ending.heard_out]
        items[CONTACTS] = [self._contact(one) for one in contacts(self.view, holders)]
        return [
            SectionContent(section, items[code], chosen.in_error[code], missing_of(self.account, section), chosen.earlier[code])
            for section in HANDOVER.sections
            for code in (section.code.code,)
        ]

    def _against(self, chosen: Chosen) -> Mapping[int, frozenset[Contradiction]]:
        threads = (thread for section in Section for thread in self.view.threads(section))
        return told_by(threads, {number for handed in chosen.handed if len(handed.numbers) > 1 for number in handed.numbers})

    def _item(self, handed: Handed, against: Mapping[int, frozenset[Contradiction]]) -> Item:
        one = handed.line
        said = say(handed.candidate.tree, handed.candidate.follow, self.language, self.view.table)
        told = {found for number in handed.numbers for found in against.get(number, ())}
        others = sorted(self._title(found.holder) + (f" ({found.about.in_language(self.language)})" if found.about is not None else "") for found in told)
        if told and not said.state and one.status == "confirmed" and one.says == "affirmed":
            # As on the screen: beside a refutation it is told that the source confirmed it.
            said = replace(said, state=_CONFIRMED.in_language(self.language))
        holders = [one.holder, *sorted(one.holders - {one.holder}, key=lambda name: name.value)]
        words = line(said, [self._title(holder) for holder in holders], others, self.language)
        return Item(self._take(one.origin, one.flags, one.content) if handed.has_address else "", one.origin.type, words)

    def _contact(self, contact: Contact) -> Item:
        role = _ROLES.get(contact.role, _RELATIVE).in_language(self.language)
        own = [word for word in contact.relation.split(", ") if word and word.casefold() != role.casefold()]
        telephones = ", ".join(contact.telephones) or _NO_TELEPHONE.in_language(self.language)
        words = f"{contact.name or '?'} ({', '.join([role, *own])}): {telephones}"
        if contact.line is None:
            return Item("", "Organization", words)
        return Item(self._take(contact.line.origin, contact.line.flags, contact.line.content), contact.line.origin.type, words)

    def _subject(self) -> Subject:
        lines = (one for thread in self.view.threads(Section.PERSON) for one in thread.lines if one.origin.type == "Patient" and not one.in_error)
        stated = {self._take(one.origin, one.flags, one.content): self.view.tree(one) for one in lines}
        return Subject(self._id("patient"), self.transfer.bsn, self.transfer.birth_date, list(stated.items()))

    def _take(self, origin: Origin, flags: int, content: bytes) -> str:
        """The address of a record, which now is in the document."""
        address = f"{self.base}/at/{origin.holder}/{origin.type}/{origin.id}"
        self._included.setdefault(address, (origin, flags, content))
        return address

    def _take_what_they_refer_to(self) -> None:
        """All that these records lead to at the same holder, as far as it is in the dossier."""
        waiting = list(self._included.values())
        while waiting and len(self._included) < _MOST_RECORDS:
            origin, _, content = waiting.pop()
            for reference in _references(read_tree(content)):
                kind, _, logical_id = reference.partition("/_history/")[0].partition("/")
                named = Origin(origin.holder, kind, logical_id)
                found = self.view.content_of(origin.holder, reference)
                if found is not None and f"{self.base}/at/{named.holder}/{kind}/{logical_id}" not in self._included:
                    self._take(named, 0, found)
                    waiting.append((named, 0, found))

    def _provenance(self) -> Iterator[_Entry]:
        """Who said what stands in it."""
        of_holder: dict[HolderName, list[tuple[str, str]]] = {}
        for address, (origin, flags, _) in self._included.items():
            mapping = self.view.mapping_of(origin.holder) if flags & DERIVED else ""
            of_holder.setdefault(origin.holder, []).append((address, mapping))
        cards = (one.holder for one in self.account.holders if one.holder.name in of_holder)
        for number, card in enumerate(cards, start=1):
            yield self._authored(provenance(card, of_holder[card.name], self._id(f"said-{number}"), self.at))

    def _title(self, holder: HolderName) -> str:
        return next((one.holder.title for one in self.account.holders if one.holder.name == holder), holder.value)

    def _authored(self, resource: Json) -> _Entry:
        return f"{self.base}/{resource['resourceType']}/{resource['id']}", encode(resource)

    def _id(self, name: str) -> str:
        return f"{name}-{self.uuid}"


def _references(record: object) -> Iterator[str]:
    """Every relative reference of a record, however deep."""
    waiting = [record]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            reference = one.get("reference")
            if isinstance(reference, str) and not reference.startswith("#"):
                yield reference
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
