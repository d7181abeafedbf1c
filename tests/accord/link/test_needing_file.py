"""The table of needs: the one that comes with the product is sound, and a mistake in a region's own is told with its place."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.link.needing_file import NEEDING_FILE, default_needs, needs_of, read_needs
from accord.terms.capacity import CareKind
from accord.terms.faults import BadInput, Fault
from tests.gateway.dossier.clinical.test_concepts import is_a_concept_of_snomed

TEXT: Final = NEEDING_FILE.read_text(encoding="utf-8")


def refused(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        needs_of(text, "needs.toml")
    assert caught.value.fault is Fault.INVALID_SETTING
    return caught.value.where


def test_every_occasion_of_the_issue_is_there() -> None:
    keys = {each.key for each in default_needs().occasions}

    assert keys >= {"knee-replacement", "hip-fracture", "stroke", "copd-exacerbation", "palliative-phase", "delirium", "dementia", "wound-care"}


def test_every_code_ends_on_its_check_digit() -> None:
    wrong = [code for each in default_needs().occasions for code in each.codes if not is_a_concept_of_snomed(code)]

    assert wrong == []


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('kind = "short-stay-low"', 'kind = "short-stay-lo"', "needs.toml:21: short-stay-lo: not a kind of care, did you mean short-stay-low?"),
        ("lives-alone = true", "live-alone = true", "live-alone: not a fact, did you mean lives-alone?"),
        ("lives-alone = true", "age = true", "age: not a fact"),
        ("lives-alone = true", "lives-alone = 1", "not a value for this"),
        ('"dementia"', '"demented"', "demented: not a condition"),
        ('funding = "Wlz"', 'funding = "WLZ"', "not a law"),
        ("after_days = 2", "after_day = 2", "after_day: not a key here, did you mean after_days?"),
        ("after_days = 2", "after_days = -1", "knee-replacement"),
        ("amount = 4", "amount = 0", "knee-replacement"),
        ("amount = 4", 'amount = "4"', "not a value for this"),
        ('codes = ["609588000"]', "codes = []", "knee-replacement"),
        ('"609588000"', '"5913000"', "5913000"),
        ('"609588000"', '"knee"', "knee"),
        ('key = "hip-replacement"', 'key = "knee-replacement"', "knee-replacement"),
        ("age_from = 70", "age_from = 72", "age_from"),
        ('version = "', 'version = " ', "version"),
        ('version = "', 'versoin = "', "needs.toml:7: versoin: not a section, did you mean version?"),
        ('key = "knee-replacement"', "key = ", "is not TOML"),
    ],
)
def test_a_mistake_is_refused_with_its_place(right: str, wrong: str, told: str) -> None:
    assert right in TEXT

    assert told in refused(TEXT.replace(right, wrong, 1))


def test_a_regions_own_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'version = "1"\n[[occasion]]\nkey = "x"\ncodes = ["80146002"]\nnl = "a"\nen = "b"\n[[occasion.row]]\nkind = "hospital-bed"\nspecialty = "s"\nafter_days = 0\n',
        encoding="utf-8",
    )
    [occasion] = read_needs(path).occasions

    assert (occasion.rows[0].kind, occasion.rows[0].specialty) == (CareKind.HOSPITAL_BED, "s")
    with pytest.raises(BadInput) as caught:
        read_needs(tmp_path / "none.toml")
    assert caught.value.fault is Fault.INVALID_SETTING


VALUES: Final = st.recursive(
    st.sampled_from(["1", "true", '"x"', "1979-05-27", "nan", '"district-nursing"']),
    lambda some: st.lists(some, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["version", "occasion", "key", "codes"]), VALUES, max_size=3),
    st.dictionaries(st.sampled_from(["key", "codes", "nl", "en", "row"]), VALUES),
)
def test_whatever_the_file_says_it_is_a_table_or_refused(top: dict[str, str], inner: dict[str, str]) -> None:
    text = "\n".join(f"{name} = {value}" for name, value in top.items())
    if "occasion" not in top:
        text += "\n[[occasion]]\n" + "\n".join(f"{name} = {value}" for name, value in inner.items())

    assert refused(text)
