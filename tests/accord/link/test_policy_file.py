"""The policy of the region, as people edit it: read whole, or refused with the place of the mistake."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from accord.link.policy_file import POLICY_FILE, default_policy, holder_policy, policy_of, read_policy
from accord.rules.matrix import categories_of_role
from accord.terms.faults import BadInput, Fault
from accord.terms.policies import ANY_ROLE, EmergencyPolicy, HolderPolicy
from accord.terms.vocabulary import CareCategory, HolderKind

TEXT = """version = "3"
[roles]
"01.015" = "huisarts"
"01.071" = "arts spoedeisende geneeskunde"
"30.000" = "verpleegkundige"
[groups]
basis = ["Patient", "Alert"]
[[row]]
roles = ["01.*"]
sees = "all"
[[row]]
roles = ["01.071"]
sees = ["basis", "Condition"]
[[row]]
roles = ["*"]
at = ["ambulance", "hospital"]
sees = ["basis"]
"""
BASICS = frozenset({CareCategory.PATIENT, CareCategory.ALERT})


def test_rows_are_by_kind_and_role_and_a_role_goes_before_its_family() -> None:
    matrix = policy_of(TEXT).matrix

    assert matrix.version == "3"
    assert matrix.rows == {
        (None, "01.015"): frozenset(CareCategory),
        (None, "01.071"): BASICS | {CareCategory.CONDITION},
        (HolderKind.AMBULANCE, ANY_ROLE): BASICS,
        (HolderKind.HOSPITAL, ANY_ROLE): BASICS,
    }


def test_the_policy_of_the_product_serves_the_roles_of_the_region_and_offers_no_emergency() -> None:
    policy = default_policy()

    assert policy.emergency is None
    for kind, role in ((HolderKind.GP_PRACTICE, "01.015"), (HolderKind.HOSPITAL, "01.071"), (HolderKind.HOSPITAL, "01.000")):
        assert {CareCategory.CONDITION, CareCategory.MEDICATION_USE, CareCategory.PATIENT} <= categories_of_role(policy.matrix, kind, role)
    pharmacist = categories_of_role(policy.matrix, HolderKind.PHARMACY, "17.000")
    assert CareCategory.MEDICATION_REQUEST in pharmacist
    assert CareCategory.DOCUMENT not in pharmacist
    assert categories_of_role(policy.matrix, HolderKind.PHARMACY, "99.999") == frozenset()
    assert not any(CareCategory.LOGGING in seen for seen in policy.matrix.rows.values())


def test_an_emergency_names_its_law_its_roles_and_its_end() -> None:
    policy = policy_of(TEXT + '[emergency]\nlegal_basis = "Wet X"\nroles = ["01.*"]\nends = 2027-06-30T22:00:00Z\nminutes = 30\n')

    assert policy.emergency == EmergencyPolicy("Wet X", frozenset({"01.015", "01.071"}), datetime(2027, 6, 30, 22, tzinfo=UTC), 30)
    for wrong in ('legal_basis = " "', 'roles = ["*"]', "ends = 2027-06-30T22:00:00", "minutes = 0", 'roles = ["17.000"]'):
        key = wrong.partition(" ")[0]
        lines = {"legal_basis": 'legal_basis = "Wet X"', "roles": 'roles = ["01.*"]', "ends": "ends = 2027-06-30T22:00:00Z", key: wrong}
        with pytest.raises(BadInput):
            policy_of(TEXT + "[emergency]\n" + "\n".join(lines.values()))


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('"Alert"', '"Alrt"', "policy:7: Alrt: not a category, or a group above, did you mean Alert?"),
        ('"ambulance"', '"ambulans"', "policy:16: ambulans: not a kind of organisation, did you mean ambulance?"),
        ('roles = ["01.071"]', 'roles = ["01.017"]', "policy:12: 01.017: not a role of [roles], did you mean 01.071?"),
        ('roles = ["01.*"]', 'roles = ["99.*"]', "99.*: not a role of [roles]"),
        ('sees = "all"', 'see = "all"', "see: not a key here, did you mean sees?"),
        ("[groups]", "[group]", "group: not a section, did you mean groups?"),
        ('"01.015" = "huisarts"', '"1.15" = "huisarts"', "policy:3: 1.15: a role code is two digits, a dot and three digits"),
        ('"01.015" = "huisarts"', '"01.015" = ""', "policy:3: 01.015: write the name of the role beside its code"),
        ('roles = ["01.071"]', 'roles = ["01.*"]', "01.*: two rows for this"),
        ('version = "3"', "version = 3", "policy: version: not a value for this"),
        ('version = "3"', 'version = "3', "policy:1: is not TOML"),
        ('version = "3"', "", "policy: version: not a value for this"),
        ("basis =", "Condition =", "Condition: a group cannot have the name of a category"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(right: str, wrong: str, told: str) -> None:
    assert right in TEXT
    with pytest.raises(BadInput) as refused:
        policy_of(TEXT.replace(right, wrong, 1))

    assert refused.value.fault is Fault.INVALID_SETTING
    assert told in refused.value.where


def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "right.toml").write_bytes(POLICY_FILE.read_bytes())

    assert read_policy(tmp_path / "right.toml") == default_policy()
    for name in ("wrong.toml", "missing.toml"):
        with pytest.raises(BadInput) as refused:
            read_policy(tmp_path / name)
        assert name in refused.value.where


def test_a_holder_adds_words_that_are_known() -> None:
    given = {"never": ["Genomics"], "not_with": ["pharmacy"], "labels": ["PSY", "V"], "treatment": ["referred"]}

    assert holder_policy({}) == HolderPolicy()
    assert holder_policy(given) == HolderPolicy(
        frozenset({CareCategory.GENOMICS}), frozenset({HolderKind.PHARMACY}), frozenset({"PSY", "V"}), frozenset({"referred"})
    )  # fmt: skip
    for wrong in ({"never": ["Genomic"]}, {"not_with": ["pharmacist"]}, {"labels": ["very secret"]}, {"treatment": ["knows him"]}, {"nver": ["Genomics"]}):
        with pytest.raises(BadInput):
            holder_policy(wrong)
