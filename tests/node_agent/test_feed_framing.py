"""Frames may be cut anywhere, and files of messages may be framed or not."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import BadInput, Unavailable
from node_agent.feeding.framing import MESSAGE_BYTES, FrameBroken, Frames, FrameTooLarge, framed
from node_agent.feeding.sending import messages_in, send_messages
from tests.node_agent.feed_messages import result


def test_a_file_of_something_else_and_a_feed_that_is_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Lieve tante")
    with pytest.raises(BadInput, match="unsupported-file"):
        list(messages_in([tmp_path / "letter.txt"]))
    with pytest.raises(Unavailable, match="feed-unreachable"):
        send_messages(f"unix:{tmp_path / 'nothing'}", [result()])


@given(st.lists(st.binary(max_size=40).filter(lambda text: not {0x0B, 0x1C} & set(text)), max_size=6), st.lists(st.integers(0, 260), max_size=8))
def test_frames_may_be_cut_anywhere(messages: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(framed(message) for message in messages)
    bounds = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    frames, found = Frames(), []
    for begin, end in pairwise(bounds):
        found += frames.feed(whole[begin:end])

    assert found == messages
    assert frames.is_between


def test_a_frame_that_never_ends_is_given_up_at_the_limit() -> None:
    frames = Frames()
    frames.feed(b"\x0b")
    for _ in range(MESSAGE_BYTES // 65_536):
        frames.feed(b"x" * 65_536)
    with pytest.raises(FrameTooLarge):
        frames.feed(b"x")
    with pytest.raises(FrameBroken):
        Frames().feed(b"x")
