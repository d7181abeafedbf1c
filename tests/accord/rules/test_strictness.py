"""JSON that can be read in one way only: everything else ends in a fixed code, in time that grows with its length."""

import json
import time
import traceback
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.strictness import Json, Number, check_depth, strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import JSON_DEPTH, MIB, RECORD_BYTES


def fault_of(text: bytes, *, limit: int = RECORD_BYTES) -> Fault | None:
    """Why this text is refused; none when it is not."""
    try:
        strict_json(text, limit=limit)
    except BadInput as refused:
        return refused.fault
    return None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", Fault.MALFORMED_JSON),
        (b" ", Fault.MALFORMED_JSON),
        (b"{", Fault.MALFORMED_JSON),
        (b'{"a":1,}', Fault.MALFORMED_JSON),
        (b"{'a':1}", Fault.MALFORMED_JSON),
        (b'{"a":1}{"b":2}', Fault.MALFORMED_JSON),
        (b'{"a":NaN}', Fault.MALFORMED_JSON),
        (b'{"a":Infinity}', Fault.MALFORMED_JSON),
        (b'{"a":-Infinity}', Fault.MALFORMED_JSON),
        (b'{"a":01}', Fault.MALFORMED_JSON),
        (b'{"a":1.}', Fault.MALFORMED_JSON),
        (b'{"a":"b\nc"}', Fault.MALFORMED_JSON),
        (b'{"a":"\\x"}', Fault.MALFORMED_JSON),
        (b'{"a":"\\u12"}', Fault.MALFORMED_JSON),
        (b'"' * 3, Fault.MALFORMED_JSON),
        (b"\\", Fault.MALFORMED_JSON),
        (b"]]]]" * 40 + b"[[[[" * 40, Fault.MALFORMED_JSON),
        (b"\xef\xbb\xbf{}", Fault.INVALID_ENCODING),
        (b'{"a":"\xff"}', Fault.INVALID_ENCODING),
        (b'{"a":"\xed\xa0\x80"}', Fault.INVALID_ENCODING),
        (b'{"a":"\xc0\xaf"}', Fault.INVALID_ENCODING),
        (b'{"a":"\\ud800"}', Fault.INVALID_ENCODING),
        (b'{"a":"\\udc00\\ud800"}', Fault.INVALID_ENCODING),
        (b'{"\\udfff":1}', Fault.INVALID_ENCODING),
        (b'[["\\uD83D x"]]', Fault.INVALID_ENCODING),
        ('{"a":1}'.encode("utf-16-le"), Fault.MALFORMED_JSON),
        ('{"a":1}'.encode("utf-16"), Fault.INVALID_ENCODING),
        (b'{"a":1,"a":1}', Fault.DUPLICATE_KEY),
        (b'{"a":1,"b":2,"\\u0061":3}', Fault.DUPLICATE_KEY),
        (b'[{"x":{"a":1,"a":2}}]', Fault.DUPLICATE_KEY),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_refused(text: bytes, fault: Fault) -> None:
    assert fault_of(text) is fault


@pytest.mark.parametrize(
    "text",
    ["37.50", "37.5", "1e999", "-0", "-0.0", "1E+2", "1e-400", "9" * 5_000, "0." + "1" * 5_000, "123456789012345678901234567890"],
)
def test_p13_a_number_keeps_its_text(text: str) -> None:
    value = strict_json(text.encode())

    assert type(value) is Number
    assert value == text


def test_a_number_is_told_from_a_text_with_the_same_digits() -> None:
    assert strict_json(b'[1,"1",true,null]') == [Number("1"), "1", True, None]
    value = strict_json(b'[1,"1",1.0]')

    assert isinstance(value, list)
    assert [type(item) for item in value] == [Number, str, Number]


@pytest.mark.parametrize("text", ["\\ud83d\\ude00", "😀", "\\\\ud800", "é", "\\u0000", "\\/", "\u2028"])
def test_texts_that_are_whole_are_read_as_they_are(text: str) -> None:
    document = f'{{"a":"{text}"}}'

    assert strict_json(document.encode()) == json.loads(document)


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(_plain, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_every_value_comes_back_however_it_was_written(value: object, ascii_only: bool, indent: int | str | None) -> None:  # noqa: FBT001 - drawn
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()

    assert _with_numbers(strict_json(text)) == value


def _with_numbers(value: Json) -> object:
    match value:
        case Number():
            return int(value)
        case dict():
            return {key: _with_numbers(member) for key, member in value.items()}
        case list():
            return [_with_numbers(item) for item in value]
        case _:
            return value


@given(st.binary(max_size=200) | st.text('{}[]",:\\u0dD8 1eE+-.tfn', max_size=80).map(str.encode))
def test_whatever_the_bytes_nothing_but_a_fixed_code_comes_out(text: bytes) -> None:
    try:
        value = strict_json(text)
    except BadInput as refused:
        assert refused.where == ""  # noqa: PT017 - most examples are refused, some are not
    else:
        # What is accepted means the same to Python's own reader.
        assert json.loads(text, parse_int=str, parse_float=str) == value


def test_p6_a_refusal_holds_nothing_of_the_text() -> None:
    for text in (b'{"a":"canary",}', b'{"canary":1,"canary":2}', b'{"a":"canary\xff"}', b'{"a":"canary\\ud800"}', b'{"a":canary}'):
        with pytest.raises(BadInput) as caught:
            strict_json(text)
        assert "canary" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)


# -- Depth


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    """So many levels."""
    return opening * levels + b"1" + closing * levels


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]"), (b' [\n"]", ', b"]")])
def test_64_levels_are_the_limit(opening: bytes, closing: bytes) -> None:
    each = opening.count(b"[") + opening.count(b"{")

    assert fault_of(nested(JSON_DEPTH // each, opening, closing)) is None
    assert fault_of(nested(JSON_DEPTH // each + 1, opening, closing)) is Fault.TOO_DEEP


@pytest.mark.parametrize("inside", [b"[" * 500, b"{" * 500, b"]" * 500, b'\\"' + b"[" * 500, b"[{" * 90 + b"\\\\", "é[".encode() * 100])
def test_brackets_in_a_text_do_not_count(inside: bytes) -> None:
    assert fault_of(b'{"a":"' + inside + b'"}') is None
    assert fault_of(b'{"' + inside + b'":' + nested(JSON_DEPTH - 1) + b"}") is None
    assert fault_of(b'{"' + inside + b'":' + nested(JSON_DEPTH) + b"}") is Fault.TOO_DEEP


def test_closing_brackets_in_a_text_do_not_hide_depth() -> None:
    assert fault_of(b'["]]]]]]]]",' * 65 + b"1" + b"]" * 65) is Fault.TOO_DEEP
    assert fault_of(b'{"\\"}":' * 65 + b"1" + b"}" * 65) is Fault.TOO_DEEP


def test_many_siblings_are_not_deep() -> None:
    assert fault_of(b"[" + b",".join([b'{"a":[]}'] * 5_000) + b"]") is None


def test_a_hundred_thousand_levels_are_refused_and_not_climbed() -> None:
    assert fault_of(b"[" * 100_000) is Fault.TOO_DEEP
    assert fault_of(b'{"a":' * 100_000, limit=MIB) is Fault.TOO_DEEP


@given(st.recursive(st.just(0), lambda inner: st.lists(inner, min_size=1, max_size=2), max_leaves=6), st.integers(1, 8))
def test_depth_is_what_it_is_counted_by_hand(value: object, limit: int) -> None:
    def deep(part: object) -> int:
        return 1 + max(map(deep, part)) if isinstance(part, list) else 0

    try:
        check_depth(json.dumps(value).encode(), limit)
        refused = False
    except BadInput:
        refused = True

    assert refused == (deep(value) > limit)


# -- Size and time


def test_a_record_may_be_as_large_as_the_limit_and_not_a_byte_larger() -> None:
    text = b'"' + b"a" * (RECORD_BYTES - 2) + b'"'

    assert fault_of(text) is None
    assert fault_of(text + b" ") is Fault.TOO_LARGE
    assert fault_of(b" " * (10 * MIB)) is Fault.TOO_LARGE
    assert fault_of(text + b" ", limit=10 * MIB) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda n: b'"' * n,
        lambda n: b'"\\' * n,
        lambda n: b"\\" * n,
        lambda n: b'\\"' * n,
        lambda n: b'["' * n,
        lambda n: b"[" * 65 + b'"a' * n,
        lambda n: b"[" * 65 + b'"' + b"\\\\" * n,
        lambda n: b'{"a":"' + b"\\u0061" * n,
        lambda n: b"[{" * 30 + b'"\\u' * n,
        lambda n: b"[" + b"[]," * n,
        lambda n: b"]" * n + b"[" * n,
        lambda n: b"[" + b"1" * n,
        lambda n: b"{" + b'"a":"b\\\\",' * n,
        lambda n: b"[" + b'"\\ud83d",' * n + b"1]",
        lambda n: b"[" * 64 + b"]" * 64 + b'"' + b"{" * n,
    ],
)
def test_p7_the_work_grows_with_the_length_and_not_faster(make: Callable[[int], bytes]) -> None:
    def work(number: int) -> float:
        text = make(number)
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            fault_of(text, limit=64 * MIB)
            best = min(best, time.process_time() - start)
        return best

    # Sixty-four times the length is sixty-four times the work; a quadratic reader would need four thousand times.
    # So far apart that no busy machine can make one look like the other; what takes less than a millisecond is noise.
    small, large = work(5_000), work(320_000)
    assert large < 640 * max(small, 0.001)
