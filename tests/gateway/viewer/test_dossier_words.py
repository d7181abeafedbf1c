"""The words of the dossier's pages: for every code there is one, in both languages."""

import pytest

from accord.terms.answers import Ending
from accord.terms.vocabulary import HolderKind
from gateway.dossier.clinical.contacts import ContactRole
from gateway.dossier.clinical.emergency import BlockName
from gateway.dossier.clinical.groups import Rule, Standing
from gateway.dossier.clinical.shown import Attention
from gateway.pages.telling import Language, words

GROUPS = {
    "ending": {one.value for one in Ending if one is not Ending.ANSWERED} | {"answered", "not-all"},
    "kind": {one.value for one in HolderKind},
    "contact": {one.value for one in ContactRole},
    "block": {one.value for one in BlockName} | {"people"},
    "rule": {one.value for one in Rule},
    "standing": {one.value for one in Standing},
    "attention": {one.value for one in Attention if one is not Attention.NONE},
}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("group", GROUPS)
def test_every_code_has_its_word(group: str, language: Language) -> None:
    said = words("gateway.viewer", language).sentences

    assert {f"{group}.{code}" for code in GROUPS[group]} <= set(said)
