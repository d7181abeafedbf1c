"""Giving a record its place in the store: whose it is, what its references mean, or what it has to wait for."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec

from accord.terms.identifiers import RecordRef
from node_agent.importing.incoming import Incoming, Refused, read_again
from node_agent.importing.numbers_for_tests import identifier_added, numbers_for
from node_agent.importing.owners import Owners, Resolve, claims_a_bsn, merged_with, owners_of, valid_bsns
from node_agent.importing.reasons import Reason, Remark
from node_agent.importing.references import condition, resolved
from node_agent.importing.splices import Splice, SplicesOverlap, as_it_came, pack, spliced, unpack
from node_agent.sources.embedded_waiting import WaitingRoom
from node_agent.sources.embedded_writing import Kept, Stored, StoreWriter

_SOUGHT: Final = 50_000


class MustWait(Exception):
    """What a record refers to may still come."""


class Settled(NamedTuple):
    """What became of a record, and what is to be remarked on it."""

    stored: Stored
    remarks: frozenset[Remark]


class Settling:
    """Puts records into the store. `bases` are the source's own addresses, as they may stand in references."""

    def __init__(self, writer: StoreWriter, waiting: WaitingRoom, bases: tuple[str, ...], *, test_bsns: bool) -> None:
        self._writer = writer
        self._waiting = waiting
        self._bases = bases
        self._test_bsns = test_bsns
        #: The conditions that no record met yet; none when they are too many to remember.
        self._sought: set[str] | None = set()

    def settle(self, incoming: Incoming, in_bundle: dict[str, RecordRef], *, complete: bool) -> Settled:
        """Keep a record. `complete`: nothing more will come, so that nothing is worth waiting for.

        Raises:
            MustWait: Only while the delivery is not complete.
            Refused: It cannot be kept.
        """

        def resolve(text: str) -> RecordRef | None:
            return in_bundle.get(text) or self._resolve(text, complete=complete)

        splices, left = resolved(incoming.provisional, resolve)
        left = [reference for reference in left if reference.certain]
        waits = left and not complete
        if waits and (incoming.kind.name == "Patient" or any(reference.text.startswith("urn:") for reference in left)):
            raise MustWait
        splices = incoming.splices + splices
        if incoming.kind.name == "Patient":
            settled = self._patient(incoming, splices, resolve, complete=complete)
        else:
            settled = self._put(incoming, splices, owners=self._owners(incoming, resolve, complete=complete))
        if waits:  # a condition is met in the end, or not at all; the record is good without
            self._waiting.keep_in_mind(incoming.ref)
            self._seek(reference.text for reference in left)
            return settled
        return settled._replace(remarks=settled.remarks | {Remark.REFERENCES_LEFT}) if left else settled

    def resolve_conditions(self) -> Counter[Remark]:
        """Nothing more will come: resolve the conditional references of records that are kept. What is to be remarked on them."""
        remarks: Counter[Remark] = Counter()
        if self._sought is not None and not any(self._resolve(text, complete=True) for text in self._sought):
            left = self._waiting.kept_in_mind()
            return Counter({Remark.REFERENCES_LEFT: left} if left else {})
        while (ref := self._waiting.next_in_mind()) is not None:
            kept = self._writer.bytes_and_splices(ref)
            splices = unpack(kept[1]) if kept and kept[1] else []
            if kept is None:
                continue
            with suppress(Refused):  # its patient was removed meanwhile
                again = self.settle(read_again(ref, as_it_came(kept[0], splices), splices), {}, complete=True)
                remarks.update(again.remarks - remarks_on(splices))
        return remarks

    def _seek(self, conditions: Iterable[str]) -> None:
        if self._sought is not None:
            self._sought.update(conditions)
            if len(self._sought) > _SOUGHT:
                self._sought = None

    def give_other_test_bsns(self) -> None:
        """Where a made-up BSN turned out to be somebody's own, give another one; with none left the Patient must go."""
        for ref in self._writer.doubly_used_test_bsns():
            kept = self._writer.bytes_and_splices(ref)
            if kept is None or kept[1] is None:
                continue
            original, splices = as_it_came(kept[0], unpack(kept[1])), unpack(kept[1])
            bsn = self._writer.free_test_bsn(ref.id, numbers_for(ref.id))
            if bsn is None:
                self._writer.remove(ref, None)
                continue
            others = [splice for splice in splices if Remark.TEST_BSN_GIVEN not in remarks_on([splice])]
            patient = read_again(ref, original, others)
            links = merged_with(patient.content, _nothing, self._bases)
            self._put(patient, [*others, identifier_added(original, bsn)], bsns=(bsn,), made_up_bsn=bsn, links=tuple(links))

    def _patient(self, incoming: Incoming, splices: list[Splice], resolve: Resolve, *, complete: bool) -> Settled:
        content = incoming.content
        bsns, made_up = valid_bsns(content.get("identifier")), None
        links = merged_with(content, resolve, self._bases)
        if not bsns and not self._is_merged(incoming.ref.id, links):
            if links and not complete:
                raise MustWait
            if claims_a_bsn(content.get("identifier")):
                raise Refused(Reason.INVALID_BSN)
            made_up = self._test_bsn(incoming)
            splices = [*splices, identifier_added(incoming.original, made_up)]
        found = (*bsns, made_up) if made_up else tuple(bsns)
        return self._put(incoming, splices, bsns=found, made_up_bsn=made_up, links=tuple(links))

    def _is_merged(self, logical_id: str, links: list[str]) -> bool:
        return any(self._writer.has_patient(other) for other in links) or self._writer.links_to(logical_id)

    def _test_bsn(self, patient: Incoming) -> str:
        identifiers = patient.content.get("identifier")
        bsn = self._writer.free_test_bsn(patient.ref.id, numbers_for(patient.ref.id)) if self._test_bsns else None
        if bsn is None or not (identifiers is None or isinstance(identifiers, list)):
            raise Refused(Reason.NO_BSN)
        return bsn

    def _owners(self, incoming: Incoming, resolve: Resolve, *, complete: bool) -> Owners:
        if incoming.kind.is_companion:
            return Owners()
        owners = owners_of(incoming.content, incoming.kind, resolve, self._bases)
        if not owners and not owners.elsewhere:
            raise Refused(Reason.NAMES_NO_PATIENT)
        here = [patient for patient in owners.patients if self._writer.has_patient(patient)]
        known = [bsn for bsn in owners.bsns if self._writer.has_bsn(bsn)]
        if len(here) + len(known) < len(owners.patients) + len(owners.bsns) and not complete:
            raise MustWait
        if not here and not known:
            raise Refused(Reason.UNRESOLVED_REFERENCE) if complete else MustWait
        return Owners(tuple(here), tuple(known))

    def _resolve(self, text: str, *, complete: bool) -> RecordRef | None:
        if text.startswith("urn:"):
            found = self._waiting.arrival(text)
            return found or (self._writer.with_id(text.removeprefix("urn:uuid:")) if complete else None)
        wanted = condition(text) if "?" in text else None
        return self._writer.with_identifier(*wanted) if wanted else None

    def _put(self, incoming: Incoming, splices: list[Splice], *, owners: Owners | None = None, **of_patient: Any) -> Settled:
        try:
            fhir = spliced(incoming.original, splices) if splices else incoming.original
        except SplicesOverlap:  # a date inside a reference: nothing that could be meant
            raise Refused(Reason.UNRESOLVED_PLACEHOLDER) from None
        kept = Kept(
            incoming.ref,
            fhir,
            splices=pack(splices) if splices else None,
            updated_ms=incoming.updated_ms,
            version=incoming.version,
            patients=owners.patients if owners else (),
            named_bsns=owners.bsns if owners else (),
            identifiers=() if incoming.kind.owner else _identifiers(incoming.content),
            attachment=_attachment(fhir) if incoming.ref.type == "Binary" else None,
            **of_patient,
        )
        stored = self._writer.put(kept)
        if stored is Stored.SUPERSEDED:
            raise Refused(Reason.SUPERSEDED)
        return Settled(stored, remarks_on(splices))


def remarks_on(splices: list[Splice]) -> frozenset[Remark]:
    """What the splices of a record are for."""
    return frozenset({_remark_on(original, new) for original, new in {(splice.original[:1], splice.new[:5]) for splice in splices}})


def _remark_on(original: bytes, new: bytes) -> Remark:
    if not original:
        return Remark.ID_GIVEN if new == b'"id":' else Remark.TEST_BSN_GIVEN
    return Remark.DATES_RESOLVED if original == b"$" else Remark.REFERENCES_RESOLVED


class _Binary(msgspec.Struct, rename="camel", gc=False):
    content_type: str = "application/octet-stream"
    data: msgspec.Raw = msgspec.Raw(b"")


_decode_binary = msgspec.json.Decoder(_Binary).decode


def _attachment(fhir: bytes) -> tuple[str, int, int] | None:
    """The media type of a Binary, and where the base64 stands between its quotes."""
    try:
        binary = _decode_binary(fhir)
    except msgspec.ValidationError:
        raise Refused(Reason.NOT_A_RESOURCE) from None
    data = bytes(binary.data)
    if not data.startswith(b'"'):
        return None
    # The first place with these very bytes will do: equal bytes are equal content.
    begin = fhir.index(data) + 1
    return binary.content_type, begin, begin + len(data) - 2


def _identifiers(content: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    identifiers = content.get("identifier")
    pairs: dict[tuple[str, str], None] = {}
    for identifier in identifiers if isinstance(identifiers, list) else [identifiers]:
        if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
            pairs[str(identifier.get("system", "")), str(identifier["value"])] = None
    return tuple(pairs)


def _nothing(_: str) -> None:
    """No reference is resolved."""
