"""Whom to ask, and why the others not. Planned on the register, never on who happens to be connected."""

from dataclasses import dataclass

from accord.terms.faults import Fault, Unavailable
from accord.terms.parties import DataHolder
from accord.terms.queries import DossierQuery
from accord.terms.vocabulary import SECTION_OF, Section, sections_fed_by
from gateway.ports import HolderRegister, NotAsked, RegisteredHolder


@dataclass(frozen=True, slots=True)
class Plan:
    """Everybody in the register, in one of two lists; and in the order of the register, which may change while the question is under way."""

    everyone: tuple[DataHolder, ...]
    asked: tuple[RegisteredHolder, ...]
    not_asked: tuple[NotAsked, ...]


def plan(query: DossierQuery, register: HolderRegister) -> Plan:
    """Divide the register.

    Raises:
        BadInput: `unknown-holder`, when the question names one that is not registered.
        Unavailable: `no-holders-eligible`, when nobody is left to ask.
    """
    for name in query.holders:
        register.by_name(name)
    reasons = [(holder, _reason_against(query, holder)) for holder in register.holders]
    asked = tuple(holder for holder, reason in reasons if reason is None)
    if not asked:
        raise Unavailable(Fault.NO_HOLDERS_ELIGIBLE)
    return Plan(tuple(holder.card for holder, _ in reasons), asked, tuple(NotAsked(holder.card, reason) for holder, reason in reasons if reason is not None))


def _reason_against(query: DossierQuery, holder: RegisteredHolder) -> Fault | None:
    if query.holders and holder.name not in query.holders:
        return Fault.NOT_CHOSEN
    if not holder.active:
        return Fault.NOT_ACTIVE
    if holder.places_only:
        return Fault.PLACES_ONLY
    wanted = {SECTION_OF[category] for category in query.selection.categories}
    if wanted and wanted.isdisjoint(sections_fed_by(holder.card.kind) | {Section.PERSON}):
        return Fault.KIND_KEEPS_NOTHING
    return None
