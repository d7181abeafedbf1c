"""Reads what a record says of planning ahead: its wishes, each with its answer, its conditions, its date and who took part."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.dossier.clinical import wish_words as say
from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.trees import Follow, Tree, codings, extensions, part, parts
from gateway.dossier.clinical.wish_directives import PERMITTED, directives
from gateway.dossier.clinical.wish_observations import goal, observed
from gateway.dossier.clinical.wish_order import in_force
from gateway.dossier.clinical.wish_questionnaires import questionnaire
from gateway.dossier.clinical.wish_treatments import OF_2017, SNOMED
from gateway.dossier.clinical.wish_wills import living_wills
from gateway.dossier.clinical.wishes import Validity, Wish

_CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/consentcategorycodes"
_SCOPES: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
#: Treatment directives of zib2017 and zib2020, by category.
_DIRECTIVES: Final = frozenset({(SNOMED, "11291000146105"), (SNOMED, "129125009")})
#: Advance directives of zib2017 and zib2020, and what HL7 counts among them.
_WILLS: Final = frozenset({(SNOMED, "11341000146107"), *((_CATEGORIES, code) for code in ("acd", "dnr", "hcd", "polst", "emrgonly"))})


def read_wishes(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
    """What a record of one holder states of planning ahead.

    Several where it says several things, as a questionnaire does; empty where it is not of planning ahead, or only stands
    beside it (`read_remarks`). Whatever is built into a record, nothing is raised, and nothing is a yes or a no that
    `provision.type`, the code of 2017 or the decision in a questionnaire does not say plainly.
    """
    return tuple(one if one.validity is Validity.VALID else replace(one, holds=False) for one in _read(tree, follow, table))


def wishes_at(at: datetime) -> Callable[[Tree, Follow, ConceptTable], tuple[Wish, ...]]:
    """`read_wishes` for a moment: what ended before it, or counts only from a later day, does not hold (`Wish.holds`)."""

    def read(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
        return tuple(replace(one, holds=in_force(one, at)) for one in read_wishes(tree, follow, table))

    return read


def _read(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
    match tree.get("resourceType"):
        case "Consent":
            return _of_a_consent(tree, follow, table)
        case "Observation":
            return observed(tree, follow, table)
        case "Goal":
            return goal(tree, follow, table)
        case "QuestionnaireResponse":
            return questionnaire(tree, follow, table)
    return ()


def _of_a_consent(tree: Tree, follow: Follow, table: ConceptTable) -> tuple[Wish, ...]:
    """By category, scope and what only a directive has: sources name not all of them. Choices about sharing are none of this."""
    named = {(system, code) for one in parts(tree, "category") for system, code, _ in codings(one)}
    scopes = {code for system, code, _ in codings(part(tree, "scope")) if system == _SCOPES}
    answers = any(True for ending in (OF_2017, PERMITTED) for name in ("extension", "modifierExtension") for _ in extensions(tree, ending, name))
    is_will = bool(named & _WILLS) or "adr" in scopes
    if answers or named & _DIRECTIVES or "treatment" in scopes:
        return directives(tree, follow, table, ((say.ALSO_A_WILL, ""),) if is_will else ())
    return living_wills(tree, follow, table) if is_will else ()
