"""The reading of a trace finds what left before its line, whichever line that was; of real processes: tests/region/test_no_line_no_data.py."""

from typing import Final

import pytest

from testbed.line_order import OPENING_BYTES, SLACK_BYTES, line_order

_DECISION: Final = r'write(5</a/1.journal>, "{\"event\":\"decision\",\"query\":\"q1\"}}\n", 40) = 40'
_EMERGENCY: Final = r'write(5</a/1.journal>, "{\"event\":\"emergency\",\"query\":\"q1\"}}\n", 40) = 40'
_STARTED: Final = r'write(5</a/1.journal>, "{\"event\":\"started\"}}\n", 20) = 20'
_RELEASE: Final = r'write(5</a/1.journal>, "{\"event\":\"release\",\"query\":\"q1\",\"bytes\":50000,\"count\":1}}\n", 60) = 60'
_SYNC: Final = "fdatasync(5</a/1.journal>) = 0"
_OPENING: Final = f'sendmsg(7<TCP:[1]>, "x", 0) = {OPENING_BYTES}'
_BATCH: Final = 'sendmsg(7<TCP:[1]>, "x", 0) = 50000'
_TYPICAL: Final = f'sendmsg(7<TCP:[1]>, "x", 0) = {OPENING_BYTES + SLACK_BYTES + 1}'


def too_early(*calls: str) -> int:
    """How often more had left than there were lines for. A call may name its thread in front."""
    numbered = ((call if call[0].isdigit() else f"12 {call}").split(" ", 1) for call in calls)
    return len(line_order(f"{pid} {1000 + i}.5 {call}" for i, (pid, call) in enumerate(numbered)).too_early)


@pytest.mark.parametrize(
    "calls",
    [
        (_OPENING, _DECISION, _SYNC, _RELEASE, _SYNC, _BATCH),
        (_OPENING, _STARTED, _EMERGENCY, _SYNC, _DECISION, _SYNC, _RELEASE, _SYNC, _BATCH),
        # As often as there are connections.
        (*(_OPENING.replace("[1]", f"[{i}]") for i in range(9)), _DECISION, _SYNC, _RELEASE, _SYNC, _BATCH),
    ],
)
def test_what_left_after_its_line_was_synced_is_in_order(calls: tuple[str, ...]) -> None:
    assert too_early(*calls) == 0


@pytest.mark.parametrize(
    "calls",
    [
        (_OPENING, _DECISION, _SYNC, _RELEASE, _BATCH, _SYNC),
        (_OPENING, _BATCH, _DECISION, _RELEASE, _SYNC),
        (_BATCH, _RELEASE, _SYNC, _DECISION, _SYNC),
        (_BATCH, _EMERGENCY, _SYNC, _DECISION, _SYNC, _RELEASE, _SYNC),
        (_BATCH, _STARTED, _SYNC, _DECISION, _SYNC, _RELEASE, _SYNC),
        ('13 sendmsg(7<TCP:[1]>, "x", 0 <unfinished ...>', _DECISION, "13 <... sendmsg resumed>) = 50000", _RELEASE, _SYNC),
        (_TYPICAL, _DECISION, _SYNC, _RELEASE, _SYNC),
    ],
)
def test_what_left_before_its_line_was_synced_is_found_wherever_it_left(calls: tuple[str, ...]) -> None:
    assert too_early(*calls) == 1
