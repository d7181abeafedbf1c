"""Two keys that differ must not look like "nothing known" (P8)."""

from pathlib import Path

import pytest

from accord.link.pseudonyms import PseudonymKey
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.pausing import Pausing
from node_agent.sources.choice_store import SqliteChoices
from testbed.memory_source import MemorySource
from testbed.plain import plain_safeguards


def locating(key: bytes, tmp_path: Path) -> Locating:
    """An agent's Locate under this key."""
    choices = SqliteChoices(tmp_path / "choices.db")
    return Locating(Holder(Ura("90000001"), MemorySource([]), choices, Pausing(), plain_safeguards(Ura("90000001"))), PseudonymKey(key))


def test_p8_a_question_under_another_key_is_refused_and_not_answered_with_nothing(tmp_path: Path) -> None:
    agent = locating(b"a" * 32, tmp_path)
    agent.check_key(PseudonymKey(b"a" * 32).check)

    with pytest.raises(BadInput) as caught:
        agent.check_key(PseudonymKey(b"b" * 32).check)

    assert caught.value.fault is Fault.WRONG_KEY


def test_the_check_tells_nothing_of_a_persons_pseudonym() -> None:
    key = PseudonymKey(b"a" * 32)

    assert len(key.check) == 8
    assert key.check != PseudonymKey(b"b" * 32).check
