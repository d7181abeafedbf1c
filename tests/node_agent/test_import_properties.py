"""Laws that hold for any record: splices can be undone, and the quick reading judges as the strict one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput
from accord.terms.identifiers import RecordRef
from node_agent.importing.numbers_for_tests import identifier_added, numbers_for
from node_agent.importing.references import Provisional, provisional_references, resolved
from node_agent.importing.splices import Splice, SplicesOverlap, as_it_came, pack, spliced, unpack
from node_agent.importing.strict_reading import read_strictly

words = st.text(max_size=12) | st.sampled_from(["reference", "url", "urn:uuid:1", "identifier", '":', "Patient?identifier=a|b", "{", "]", "\\"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(words, values, max_size=5)


@st.composite
def texts_and_splices(draw: st.DrawFn) -> tuple[bytes, list[Splice]]:
    text = draw(st.binary(max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return text, [Splice(begin, text[begin:end], draw(st.binary(max_size=8))) for begin, end in pairs]


@given(texts_and_splices())
def test_every_splice_can_be_undone(case: tuple[bytes, list[Splice]]) -> None:
    text, splices = case

    assert as_it_came(spliced(text, splices), splices) == text
    assert as_it_came(spliced(text, splices), unpack(pack(splices))) == text


def test_splices_that_overlap_or_do_not_fit_are_refused() -> None:
    with pytest.raises(SplicesOverlap):
        spliced(b"abc", [Splice(0, b"ab", b"x"), Splice(1, b"b", b"y")])
    with pytest.raises(SplicesOverlap):
        spliced(b"abc", [Splice(0, b"b", b"x")])


@pytest.mark.slow
@given(objects, st.booleans())
def test_resolving_references_changes_references_and_nothing_else(content: dict[str, Any], spaced: bool) -> None:  # noqa: FBT001  # a drawn value
    text = json.dumps(content, indent=2 if spaced else None, ensure_ascii=False).encode()
    splices, _ = resolved(provisional_references(text), lambda _: RecordRef("Patient", "7"))
    changed = json.loads(spliced(text, splices))

    assert as_it_came(spliced(text, splices), splices) == text
    assert changed == _with_references(content)


def _with_references(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_references(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: "Patient/7" if _is_provisional(key, item) else _with_references(item) for key, item in value.items()}


def _is_provisional(key: str, value: Any) -> bool:
    return isinstance(value, str) and ((key in ("reference", "url") and value == "urn:uuid:1") or (key == "reference" and value == "Patient?identifier=a|b"))


def test_a_reference_inside_a_string_is_no_reference() -> None:
    text = json.dumps({"div": '"reference":"urn:uuid:1"'}).encode()

    assert provisional_references(text) == []
    assert provisional_references(b'{"reference":"urn:uuid:1"}') == [Provisional(14, "urn:uuid:1", certain=True)]


@pytest.mark.slow
@given(objects, st.integers(0, 2**32))
def test_a_test_number_goes_into_the_patients_own_identifiers(content: dict[str, Any], seed: int) -> None:
    patient = {**content, "resourceType": "Patient"}
    if not isinstance(patient.get("identifier"), list):
        patient.pop("identifier", None)
    text = json.dumps(patient, indent=seed % 3).encode()
    number = next(iter(numbers_for(str(seed))))
    changed = strict_json(spliced(text, [identifier_added(text, number)]))

    assert isinstance(changed, dict)
    assert changed["identifier"][0]["value"] == number
    assert changed["identifier"][1:] == strict_json(json.dumps(patient.get("identifier", [])).encode())


@pytest.mark.slow
@given(objects, st.sampled_from([None, 1]), st.booleans(), st.data())
def test_the_quick_reading_judges_as_the_strict_one(content: dict[str, Any], indent: int | None, ascii_only: bool, data: st.DataObject) -> None:  # noqa: FBT001
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode()
    if data.draw(st.booleans()):  # spoil it
        at = data.draw(st.integers(0, len(text)))
        text = (
            text[:at] + data.draw(st.sampled_from([b'"a":1,', b'"', b",", b"{", b"}", b" :", b"\xff", b"\\ud800", b"NaN", b"01", b'"a":1,"a":2,'])) + text[at:]
        )

    assert _judged(read_strictly, text) == _judged(strict_json, text)


@given(st.integers(1, 200), st.sampled_from([b'{"a":', b"[", b'[{"a":', b'["]",']))
def test_the_quick_reading_knows_how_deep_is_too_deep(levels: int, opening: bytes) -> None:
    closing = {b'{"a":': b"}", b"[": b"]", b'[{"a":': b"}]", b'["]",': b"]"}[opening]
    text = opening * levels + b"1" + closing * levels

    assert _judged(read_strictly, text) == _judged(strict_json, text)


def _judged(read: Any, text: bytes) -> Any:
    try:
        return _plain(read(text, limit=100_000))
    except BadInput as bad:
        return bad.fault


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | bool | None) and type(value) in (str, bool, type(None)) else float(value)
