"""Whom a question about a dossier goes to: everybody in the register has a line, and who shares no records is not asked for any."""

from dataclasses import replace

from accord.link.addresses import Address
from accord.link.pseudonyms import PseudonymKey
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName, QueryId, Ura
from accord.terms.parties import DataHolder
from accord.terms.queries import DossierQuery
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from gateway.planning import plan
from gateway.ports import RegisteredHolder
from gateway.register import Register
from tests.gateway.test_opening import ASKER, BSN

CLINIC = RegisteredHolder(
    DataHolder(HolderName("reviant"), Ura("90001011"), "Reviant", HolderKind.REHABILITATION, "074-5550111"), Address("127.0.0.1", 7001), PseudonymKey(bytes(32))
)
OTHER = replace(CLINIC, card=replace(CLINIC.card, name=HolderName("dinkelhorst"), ura=Ura("90001001")))


def test_who_takes_part_with_its_places_only_has_its_line_and_is_not_asked_for_records() -> None:
    query = DossierQuery(QueryId("1"), BSN, None, ASKER, PurposeOfUse.TREATMENT)
    planned = plan(query, Register((OTHER, replace(CLINIC, places_only=True))))

    assert [holder.name.value for holder in planned.asked] == ["dinkelhorst"]
    assert [(line.holder.name.value, line.code) for line in planned.not_asked] == [("reviant", Fault.PLACES_ONLY)]
