"""Gerben is a transfer nurse: the region's matrix as it comes with the product lets that role see what it hands over."""

from accord.link.policy_file import default_policy
from accord.rules.matrix import categories_of_role
from accord.terms.vocabulary import SECTION_OF, CareCategory, HolderKind
from gateway.dossier.documents.handover import HANDOVER
from testbed.ehr_records import GERBEN


def test_a_transfer_nurse_of_a_hospital_sees_every_category_that_a_handover_is_made_of() -> None:
    seen = categories_of_role(default_policy().matrix, HolderKind.HOSPITAL, GERBEN.role)
    handed_over = {category for category, section in SECTION_OF.items() if section in HANDOVER.fed_by} - {CareCategory.GENOMICS}

    assert handed_over <= seen


def test_and_no_more_than_any_nurse() -> None:
    seen = categories_of_role(default_policy().matrix, HolderKind.HOSPITAL, GERBEN.role)

    assert CareCategory.GENOMICS not in seen
    assert default_policy().emergency is None
