"""Indenting JSON on its way out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.http_pretty import Indenter

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_values, st.booleans())
def test_it_looks_as_the_standard_library_would_have_it(value: Any, ascii_only: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    assert Indenter().feed(text) == json.dumps(value, ensure_ascii=ascii_only, indent=2).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("number", [b"37.50", b"1.0e+2", b"-0.0", b"12345678901234567890.10"])
def test_a_number_stays_as_it_was_written(number: bytes) -> None:
    assert Indenter().feed(b'{ "value" :' + number + b" }") == b'{\n  "value": ' + number + b"\n}"


def test_parts_that_end_with_a_token_join_as_one() -> None:
    indenter = Indenter()
    parts = [b'{"entry":[', b'{"a":"x, {\\"y"}', b',{"b":[]}', b'],"total":', b"2}"]

    assert b"".join(map(indenter.feed, parts)) == json.dumps({"entry": [{"a": 'x, {"y'}, {"b": []}], "total": 2}, indent=2).encode()
