"""The concept table is right where a machine can tell: check digits, forms, labels, one place for a code."""

import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.concepts import read_table, table

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
ATC: Final = "http://www.whocc.no/atc"
ICPC: Final = "http://hl7.org/fhir/sid/icpc-1-nl"
ICD_10: Final = "http://hl7.org/fhir/sid/icd-10-nl"
NHG_45: Final = "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen"

_TURN: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)


def _times(one: int, other: int) -> int:
    """The product in the group of the symmetries of a pentagon, as Verhoeff has it."""
    if one < 5:
        return (one + other) % 5 if other < 5 else (one + other - 5) % 5 + 5
    return (one - 5 - other) % 5 + 5 if other < 5 else (one - other) % 5


def is_a_concept_of_snomed(code: str) -> bool:
    """Six to eighteen digits, the partition of a concept, and Verhoeff's check digit (SNOMED CT TIG, 5.1 and 5.5)."""
    if not re.fullmatch(r"[1-9][0-9]{5,17}", code) or code[-3:-1] not in {"00", "10"}:
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _times(check, _TURN[place % 8][int(digit)])
    return check == 0


def is_a_term_of_loinc(code: str) -> bool:
    """Digits, a dash, and the mod 10 check digit (LOINC Users' Guide, appendix C)."""
    if not re.fullmatch(r"[1-9][0-9]{0,5}-[0-9]", code):
        return False
    digits = [int(digit) for digit in reversed(code[:-2])]
    doubled = int("".join(str(digit) for digit in reversed(digits[::2]))) * 2
    total = sum(int(digit) for digit in str(doubled)) + sum(digits[1::2])
    return -total % 10 == int(code[-1])


FORMS: Final[dict[str, Callable[[str], bool]]] = {
    SNOMED: is_a_concept_of_snomed,
    LOINC: is_a_term_of_loinc,
    ATC: lambda code: bool(re.fullmatch(r"[A-V][0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?", code)),
    ICPC: lambda code: bool(re.fullmatch(r"[ABDFHKLNPRSTUWXYZ][0-9]{2}(?:\.[0-9]{2})?", code)),
    ICD_10: lambda code: bool(re.fullmatch(r"[A-Z][0-9]{2}(?:\.[0-9])?", code)),
    NHG_45: lambda code: bool(re.fullmatch(r"[1-9][0-9]{1,3}", code)),
}


@pytest.mark.parametrize("system", FORMS)
def test_every_code_has_the_form_and_check_digit_of_its_system(system: str) -> None:
    given = [code for those in (table().codes(), table().beginnings()) for of, code, _ in those if of == system]

    assert given
    assert [code for code in given if not FORMS[system](code)] == []


@pytest.mark.parametrize(
    ("system", "wrong"),
    [
        (SNOMED, "89666001"),  # another check digit
        (SNOMED, "98666000"),  # two digits turned round
        (SNOMED, "900000000000013009x"),
        (SNOMED, "89666019"),  # the partition of a description
        (LOINC, "62238-2"),
        (LOINC, "62283-1"),
        (ATC, "b01a"),
        (ATC, "B01A0"),
        (ICPC, "K7"),
        (ICD_10, "I4"),
        (NHG_45, "K523"),
    ],
)
def test_the_check_sees_a_code_that_is_wrong(system: str, wrong: str) -> None:
    assert not FORMS[system](wrong)


def test_every_concept_has_a_short_label_in_both_languages() -> None:
    for concept in table().concepts:
        for label in (concept.label.nl, concept.label.en):
            assert label == label.strip(), concept.key
            assert 0 < len(label) <= 60, concept.key


def test_a_key_says_of_what_kind_it_is() -> None:
    assert [concept.key for concept in table().concepts if not re.fullmatch(r"[a-z]+(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)", concept.key)] == []


def test_no_two_concepts_of_a_kind_have_the_same_label() -> None:
    seen: dict[tuple[str, str], str] = {}
    for concept in table().concepts:
        kind = concept.key.partition(".")[0]
        for label in {concept.label.nl, concept.label.en}:
            assert seen.setdefault((kind, label), concept.key) == concept.key


def test_every_role_that_the_table_lists_is_somebodys() -> None:
    listed = set(tomllib.loads(_text())["roles"])

    assert listed == {role for concept in table().concepts for role in concept.roles}


def test_all_addresses_of_a_system_lead_to_the_same_concepts() -> None:
    systems: dict[str, Any] = tomllib.loads(_text())["systems"]
    for addresses in systems.values():
        if isinstance(addresses, list):
            known = [{code: concept.key for of, code, concept in table().codes() if of == address} for address in addresses]

            assert all(each == known[0] for each in known)


def test_what_was_done_is_never_placed_among_the_wishes_by_its_code() -> None:
    for key in ("resuscitation", "intensive-care", "ventilation", "blood-products", "antibiotics", "hospital-admission", "icd-deactivation"):
        assert table().named(f"wish.{key}").section is None
        assert "wish" in table().named(f"wish.{key}").roles


def test_what_only_a_wish_can_say_is_among_the_wishes_whatever_its_category() -> None:
    for code in ("395091006", "340171000146104", "570801000146104", "153851000146100", "247751003", "713148004", "713603004"):
        concept = table().of(SNOMED, code)

        assert concept is not None
        assert concept.section is Section.PLANNING_AHEAD


def test_wishes_that_do_not_say_the_same_are_not_one_concept() -> None:
    for one, other in (("32485007", "183452005"), ("400231000146108", "431415002")):
        assert table().of(SNOMED, one) != table().of(SNOMED, other)


def test_a_code_that_names_a_problem_or_an_allergen_leaves_an_alert_where_it_is() -> None:
    kinds = {"problem", "allergen", "allergy", "alert", "device", "procedure"}

    assert [concept.key for concept in table().concepts if concept.key.partition(".")[0] in kinds and concept.section is not None] == []


@pytest.mark.parametrize(
    ("atc", "key", "role"),
    [
        ("B01AF02", "medication.factor-xa-inhibitor", "blood-thinner"),
        ("B01AE07", "medication.thrombin-inhibitor", "blood-thinner"),
        ("B01AA07", "medication.vitamin-k-antagonist", "blood-thinner"),
        ("B01AC04", "medication.platelet-inhibitor", "blood-thinner"),
        ("B01AY01", "medication.blood-thinner", "blood-thinner"),
        ("A10AB05", "medication.insulin", "insulin"),
        ("N02AA01", "medication.opioid", "opioid"),
        ("H02AB06", "medication.corticosteroid", "corticosteroid"),
        ("L04AX03", "medication.methotrexate", "immunosuppressant"),
    ],
)
def test_a_medicine_is_known_by_the_longest_beginning(atc: str, key: str, role: str) -> None:
    concept = table().group_of(ATC, atc)

    assert concept is not None
    assert concept.key == key
    assert role in concept.roles


@given(st.sampled_from([ATC, ICD_10, SNOMED, "", "x"]), st.text(alphabet="ABIJN0123456789.", max_size=9))
def test_a_group_is_that_of_the_longest_beginning_there_is(system: str, code: str) -> None:
    fitting = [(len(begins), concept) for of, begins, concept in table().beginnings() if of == system and code.startswith(begins)]
    found = table().group_of(system, code)

    assert found == (max(fitting, key=lambda one: one[0])[1] if fitting else None)
    assert table().of(system, code) is None or system in {ICD_10, SNOMED}


GOOD: Final = """
version = "1"
systems.a = ["http://a.example", "urn:oid:2.999.1"]
systems.b = "http://b.example"
concept = [{ key = "lab.x", nl = "x", en = "x", codes = ["a|1"], begins = ["b|2"] }]
"""


def test_a_small_table_is_read() -> None:
    small = read_table(GOOD)

    assert small.of("urn:oid:2.999.1", "1") is small.of("http://a.example", "1") is small.group_of("http://b.example", "234") is small.named("lab.x")


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ('version = "1"', ""),
        ('version = "1"', "version = 1"),
        ("systems.b", "other.b"),
        ('"urn:oid:2.999.1"', '"http://b.example"'),
        ('"urn:oid:2.999.1"', "7"),
        ('codes = ["a|1"]', 'codes = ["a|1", "a|1"]'),
        ('codes = ["a|1"]', 'codes = ["c|1"]'),
        ('codes = ["a|1"]', 'codes = ["a|"]'),
        ('codes = ["a|1"]', 'codes = "a|1"'),
        ('codes = ["a|1"]', "codes = [1]"),
        ('begins = ["b|2"]', 'begins = ["b|2", "b|2"]'),
        (', codes = ["a|1"], begins = ["b|2"]', ""),
        ('nl = "x"', 'nl = " "'),
        ('en = "x"', "en = []"),
        ('en = "x"', 'en = "x", section = "no-such"'),
        ('en = "x"', 'en = "x", code = "a|3"'),
        ('key = "lab.x", ', ""),
        ("concept = [{", "concept = [4, {"),
        ("concept = [", "concepts = ["),
        ("}]", '}, { key = "lab.x", nl = "y", en = "y", codes = ["a|9"] }]'),
        ("}]", '}, { key = "lab.y", nl = "y", en = "y", codes = ["a|1"] }]'),
        ('en = "x"', 'en = "x", roles = "wish"'),
        ('version = "1"', 'version = "1"\nroles = ["wish"]\nunclosed = ['),
    ],
)
def test_a_table_that_is_not_built_as_agreed_is_refused(part: str, instead: str) -> None:
    assert part in GOOD
    with pytest.raises(ValueError, match=r"\S"):
        read_table(GOOD.replace(part, instead))


def test_a_role_that_is_not_listed_is_refused() -> None:
    listed = GOOD.replace('version = "1"', 'version = "1"\nroles = ["wish"]')

    assert read_table(listed.replace('en = "x"', 'en = "x", roles = ["wish"]')).named("lab.x").roles == {"wish"}
    with pytest.raises(ValueError, match="no such role: wsh"):
        read_table(listed.replace('en = "x"', 'en = "x", roles = ["wsh"]'))


def _text() -> str:
    return (files("gateway.dossier.clinical") / "concepts.toml").read_text(encoding="utf-8")
