"""Taking a delivery into the store: every record is kept, left as it was, or refused with a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from accord.terms.faults import BadInput
from accord.terms.identifiers import RecordRef
from accord.terms.limits import MIB
from accord.terms.records import TYPE_BY_NAME
from node_agent.importing.files import Delivered
from node_agent.importing.incoming import FirstLook, Incoming, Refused, first_look, moment_ms, read_again, read_incoming
from node_agent.importing.owners import local_reference
from node_agent.importing.reasons import Reason
from node_agent.importing.references import resolved
from node_agent.importing.report import Tally
from node_agent.importing.settling import MustWait, Settling
from node_agent.importing.splices import pack, unpack
from node_agent.importing.splitting import Bundle, Document, Entry, bundles, documents
from node_agent.importing.versions import Evidence, is_another_version
from node_agent.sources.embedded_waiting import Waiting, WaitingRoom
from node_agent.sources.embedded_writing import Stored, StoreWriter

#: As much of a Bundle is kept in memory as read; that takes some ten times the room.
_CONTENT_BYTES: Final = 4 * MIB
#: Told now and then: the file that is being read, its packed bytes so far, and the records so far.
Watcher = Callable[[Delivered, int], None]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a delivery is taken.

    `as_of_ms`: when it was true; now, when none. `bases`: the addresses of the system that it comes from, each with
    its last slash. `resolve_dates`: the day that stands for today in `${DATE, T, D, -14}`. `test_bsns`: give a test
    BSN to Patients that have none. `zib_profiles_are_r4`: a profile of the zib2017 generation says nothing.
    """

    as_of_ms: int | None = None
    bases: tuple[str, ...] = ()
    resolve_dates: date | None = None
    test_bsns: bool = False
    zib_profiles_are_r4: bool = False


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where in the delivery a record stands."""

    file: int
    line: int
    entry: int


class Delivery:
    """One delivery under way."""

    def __init__(self, writer: StoreWriter, options: ImportOptions) -> None:
        self._writer = writer
        self._options = options
        self._waiting = WaitingRoom(writer)
        self._settling = Settling(writer, self._waiting, options.bases, test_bsns=options.test_bsns)
        self.tally = Tally()

    def take_file(self, file: Delivered, watcher: Watcher | None = None) -> None:
        """Take one file. Whatever is wrong with it, the delivery goes on."""
        number = self.tally.begin_file(file.name)
        if file.stream is None:
            self.tally.refused(number, 0, 0, "", file.refused or Reason.UNREADABLE_FILE)
            return
        for document in documents(file.name, file.stream):
            self._document(number, document)
            if watcher is not None:
                watcher(file, self.tally.records)

    def complete(self) -> None:
        """Nothing more will come: settle what waited. Patients first, again and again while one lets another in."""
        while self._settle_waiting_patients(complete=False):
            pass
        self._settle_waiting_patients(complete=True)
        for waiting in self._waiting.others():
            self._settle_waiting(waiting, complete=True)
        self.tally.remark(self._settling.resolve_conditions())
        self._settling.give_other_test_bsns()

    def _document(self, number: int, document: Document) -> None:
        if document.refused is not None:
            self.tally.refused(number, document.position, 0, "", document.refused)
            return
        try:
            for bundle in bundles(document.text):
                self._bundle(number, document.position, bundle)
        except BadInput as bad:
            self.tally.refused(number, document.position, 0, "Bundle", Reason(bad.fault.value))

    def _bundle(self, number: int, line: int, bundle: Bundle) -> None:
        looks = _looks(bundle)
        beside = frozenset(look.shown for look in looks) if bundle.kind else frozenset[Evidence]()
        if self._options.zib_profiles_are_r4:
            beside |= {Evidence.R4}
        urls = {
            entry.full_url: RecordRef(look.type, look.id)
            for entry, look in zip(bundle.entries, looks, strict=True)
            if entry.full_url and look.id and look.type in TYPE_BY_NAME
        }
        order = sorted(range(len(looks)), key=lambda place: looks[place].type != "Patient") if bundle.kind != "history" else range(len(looks))
        seen: set[tuple[str, str]] = set()
        for place in order:
            entry, look, spot = bundle.entries[place], looks[place], _Spot(number, line, place + 1)
            if bundle.kind == "history":  # newest first: what comes later is older
                name = (look.type, look.id) if entry.text else tuple(entry.url.partition("/")[::2])
                if name in seen:
                    self.tally.refused(number, line, place + 1, look.type, Reason.SUPERSEDED)
                    continue
                seen.add((name[0], name[1]))
            self._entry(spot, entry, look, urls, another_version=is_another_version(look.shown, beside))

    def _entry(self, spot: _Spot, entry: Entry, look: FirstLook, urls: dict[str, RecordRef], *, another_version: bool) -> None:
        if not entry.text:
            self._removal(spot, entry)
            return
        kind = look.type if look.type.isascii() and look.type.isalpha() else ""
        try:
            incoming = read_incoming(entry, look, another_version=another_version, today=self._options.resolve_dates)
        except Refused as refused:
            self.tally.refused(spot.file, spot.line, spot.entry, kind, refused.reason)
            return
        waits = not self._settle(spot, incoming, urls, complete=False)
        if waits:
            incoming.splices += resolved(incoming.provisional, urls.get)[0]
            self._waiting.wait(Waiting(spot.file, spot.line, spot.entry, incoming.ref, incoming.original, pack(incoming.splices)))
        if entry.full_url.startswith("urn:") and (waits or not entry.full_url.endswith(incoming.ref.id)):
            self._waiting.arrived(entry.full_url, incoming.ref)

    def _settle(self, spot: _Spot, incoming: Incoming, urls: dict[str, RecordRef], *, complete: bool) -> bool:
        """Whether it is settled, one way or the other; if not, it has to wait."""
        try:
            settled = self._settling.settle(incoming, urls, complete=complete)
        except MustWait:
            return False
        except Refused as refused:
            self.tally.refused(spot.file, spot.line, spot.entry, incoming.ref.type, refused.reason)
        else:
            self.tally.took(spot.file, settled.stored.value, settled.remarks)
        return True

    def _settle_waiting(self, waiting: Waiting, *, complete: bool) -> bool:
        incoming = read_again(waiting.ref, waiting.original, unpack(waiting.splices))
        done = self._settle(_Spot(waiting.file, waiting.line, waiting.entry), incoming, {}, complete=complete)
        if done:
            self._waiting.leave(waiting)
        return done

    def _settle_waiting_patients(self, *, complete: bool) -> int:
        return sum(self._settle_waiting(waiting, complete=complete) for waiting in self._waiting.patients())

    def _removal(self, spot: _Spot, entry: Entry) -> None:
        ref = local_reference(entry.url, self._options.bases)
        if ref is None or ref.type not in TYPE_BY_NAME:
            self.tally.refused(spot.file, spot.line, spot.entry, "", Reason.NOT_A_RESOURCE)
            return
        if self._writer.remove(ref, moment_ms(entry.modified)) is Stored.SUPERSEDED:
            self.tally.refused(spot.file, spot.line, spot.entry, ref.type, Reason.SUPERSEDED)
        else:
            self.tally.took(spot.file, "removed")


def _looks(bundle: Bundle) -> list[FirstLook]:
    """A first look at every entry. Of a large Bundle what was read is read again later, rather than kept."""
    looks = []
    room = _CONTENT_BYTES
    for entry in bundle.entries:
        look = first_look(entry)
        room -= len(entry.text)
        if room < 0:
            look.content = None
        looks.append(look)
    return looks
