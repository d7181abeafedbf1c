"""Whatever another party builds into a record: nothing is raised, and nothing is a yes or a no that nobody said plainly."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.trees import read_tree
from gateway.dossier.clinical.wish_order import in_force
from gateway.dossier.clinical.wish_reading import read_wishes
from gateway.dossier.clinical.wish_remarks import read_remarks
from gateway.dossier.clinical.wishes import Answer, Wish
from tests.gateway.dossier.clinical.wish_records import (
    DEACTIVATION,
    DECISIONS,
    HL7,
    NICTIZ,
    OF_2017,
    RESUSCITATION,
    SNOMED,
    VENTILATION,
    WILLS,
    Json,
    concept,
    directive,
    directive_of_2017,
    other,
    read,
)

PERMITTED = NICTIZ + "zib-TreatmentDirective-TreatmentPermitted"
PLAIN = frozenset({Answer.YES, Answer.NO, Answer.SWITCH_OFF, Answer.LEAVE_ON})
TYPES = "Consent Observation Goal QuestionnaireResponse Procedure Encounter Communication CommunicationRequest DeviceUseStatement Patient".split()
NAMES = """
    status lifecycleStatus scope category code coding system display text url extension modifierExtension provision type _type period start end actor role
    reference performer valueString valueCodeableConcept valueCoding valueBoolean valueReference valueDateTime dateTime effectiveDateTime sourceReference
    sourceAttachment item answer linkId questionnaire authored description note name given family dataAbsentReason implicitRules contained id resourceType
    reasonCode reasonReference recipient payload device bodySite participant individual component practitioner specialty relationship
""".split()
TEXTS = [
    *("permit", "deny", "active", "final", "completed", "entered-in-error", "treatment", "adr", "acd", "129125009", "11291000146105", "11341000146107"),
    *("JA", "NEE", "JA_MAAR", "0", "1", "2", "NR", "OTH", "UNK", RESUSCITATION, VENTILATION, DEACTIVATION, "395091006", "264362003", "713148004", "713603004"),
    *(SNOMED, OF_2017, DECISIONS, WILLS, HL7 + "consentscope", HL7 + "consentcategorycodes", HL7 + "v3-NullFlavor"),
    *(PERMITTED, NICTIZ + "ext-TreatmentDirective2.SpecificationOther", NICTIZ + "zib-TreatmentDirective-Treatment", NICTIZ + "ext-Comment"),
    *(NICTIZ + "ext-CodeSpecification", NICTIZ + "zib-TreatmentDirective-Restrictions", "ext-LegallyCapable-MedicalTreatmentDecisions", "legallyCapable"),
    *("http://example.org/x", "Patient/1", "#a", "2020", "2020-05-16", "", "https://fhir.iknl.nl/fhir/Questionnaire/ACP-zib2020"),
]
LEAVES = st.one_of(st.sampled_from(TEXTS), st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), st.text(max_size=8))
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)), max_leaves=25
)
RECORDS = st.builds(lambda kind, members: members | {"resourceType": kind}, st.sampled_from(TYPES), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
DIRECTIVES = st.one_of(
    st.builds(directive, st.sampled_from(["permit", "deny", None]), code=st.sampled_from([concept(RESUSCITATION), concept(DEACTIVATION)])),
    st.builds(directive_of_2017, st.sampled_from(["JA", "NEE", "JA_MAAR"])),
)


def deep(value: object, name: str) -> Iterator[Any]:
    """What stands under a name anywhere but in a contained record, which modifies only itself."""
    if isinstance(value, dict):
        if name in value:
            yield value[name]
        for key, inner in value.items():
            yield from deep(inner, name) if key != "contained" else ()
    elif isinstance(value, list):
        for inner in value:
            yield from deep(inner, name)


def said_plainly(record: Json) -> bool:
    """Whether the type of R4 or the code of 2017 says yes or no, of an active record that nothing else modifies."""
    provision = record.get("provision")
    typed = isinstance(provision, dict) and provision.get("type") in ("permit", "deny")
    modifying = [one for members in deep(record, "modifierExtension") for one in (members if isinstance(members, list) else [members])]
    coded = {code for members in (modifying, record.get("extension")) for one in deep(members, "code") if isinstance(one, str) for code in [one]}
    plain = all(isinstance(one, dict) and one.get("url") == PERMITTED for one in modifying)
    return record.get("status") == "active" and plain and (typed or bool(coded & {"JA", "NEE"}))


def all_of(record: Json) -> tuple[Wish, ...]:
    """Its wishes, after all that reads it."""
    tree = read_tree(json.dumps(record).encode())
    wishes = read_wishes(tree, lambda _: tree, table())
    read_remarks(tree, lambda _: tree, table())
    for wish in wishes:
        in_force(wish, datetime(2026, 11, 23, tzinfo=UTC))
    assert all(wish.says and wish.about and wish.title.nl is not None for wish in wishes)
    return wishes


@given(RECORDS)
def test_any_record_is_read_without_raising_and_without_an_answer_that_nobody_gave(record: Json) -> None:
    found = all_of(record)

    assert record["resourceType"] in {"Consent", "QuestionnaireResponse"} or not any(wish.answer in PLAIN for wish in found)
    assert record["resourceType"] != "Consent" or said_plainly(record) or not any(wish.answer in PLAIN for wish in found)


@given(DIRECTIVES, st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=2), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=2))
def test_whatever_is_put_into_a_directive_it_is_plain_only_where_it_says_so(record: Json, outside: Json, inside: Json) -> None:
    provision = record.get("provision", {}) | inside
    built = record | {"provision": provision} | outside | {"resourceType": "Consent"}

    assert said_plainly(built) or not any(wish.answer in PLAIN for wish in all_of(built))


@given(DIRECTIVES, st.text(min_size=1), st.sampled_from(["permit", "deny", None]))
def test_whatever_the_text_of_an_other_answer_is_it_is_whole_and_the_answer_in_words(record: Json, told: str, type_: str | None) -> None:
    record["modifierExtension"] = [*record.get("modifierExtension", []), other(told)]
    if type_ is not None:
        record["provision"] = record.get("provision", {}) | {"type": type_}

    assert all(wish.answer is Answer.IN_WORDS and told in wish.conditions and told in wish.words.nl for wish in all_of(record))


@given(st.permutations([concept(RESUSCITATION), concept(VENTILATION), concept(RESUSCITATION, display="CPR")]))
def test_the_order_of_what_a_record_names_makes_no_difference(codes: list[Json]) -> None:
    found = read(directive("deny", provision={"code": codes}))

    assert [wish.about for wish in found] == ["wish.resuscitation", "wish.ventilation"]
    assert all(wish.answer is Answer.IN_WORDS for wish in found)


@given(st.permutations([{"url": PERMITTED, "valueCodeableConcept": concept("NEE", OF_2017)}, other("a"), {"url": "http://example.org/x"}]))
def test_the_order_of_modifiers_makes_no_difference_to_what_is_said(modifiers: list[Json]) -> None:
    found = read(directive_of_2017("JA", modifierExtension=modifiers))

    assert [(wish.answer, wish.conditions, wish.says) for wish in found] == [(Answer.IN_WORDS, "a", "in-words|deny|a")]
