"""The sources as they stand are clean in every net."""

from pathlib import Path

from tests.architecture import nets

PROJECT = Path(__file__).resolve().parents[2]


def test_terms_and_rules_import_only_what_is_pure() -> None:
    assert nets.impure_imports(PROJECT) == []


def test_terms_and_rules_know_no_clock_and_no_outside() -> None:
    assert nets.impure_calls(PROJECT) == []


def test_what_may_leave_a_holder_is_made_at_one_gate() -> None:
    assert nets.second_gates(PROJECT) == []


def test_every_gate_stands_where_the_net_looks_for_it() -> None:
    missing = [name for name, gate in nets.GATES.items() if f"{name}(" not in (PROJECT / gate).read_text(encoding="utf-8")]

    assert missing == []


def test_terms_and_rules_use_the_words_of_the_field() -> None:
    assert nets.foreign_words(PROJECT) == []
