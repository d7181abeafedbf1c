"""Does a slow, frozen or endless holder delay what the others say?

Three answers. When the first record arrives: against the time in which the fastest holder shows it to whoever asks it
directly. What a frozen holder costs the others: against the same question put to the others alone. When the whole
answer is there while one holder is frozen and another never ends: against the deadline, with questions in parallel.
"""

import argparse
from dataclasses import dataclass, field
from typing import Final

import anyio
from grpc import aio

from benches.asking import Heard, ask_holder, channel_to, open_dossier
from benches.staging import HOLDERS, Finding, Group, Stage, expect, grpc_of, middle, tell

_STAGGERED: Final = Group(0, HOLDERS, 100, step=0.05)
_ENDLESS: Final = "h15"
_FROZEN: Final = "h16"
_WARM_UP: Final = 3
#: So patient that nothing but the deadline ends a holder.
_PATIENT: Final = ("region.locate_seconds=20", "region.first_frame_seconds=20", "region.between_frames_seconds=20")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000, help="of the dossier")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--deadlines", type=float, nargs="+", default=[0.5, 2.0], help="seconds")
    parser.add_argument("--parallel", type=int, default=20, help="questions at once")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.records, given.runs, given.deadlines, given.parallel = 800, 1, [0.5], 4
    others = Group(8, HOLDERS - 1, given.records // HOLDERS)
    with Stage() as stage:
        stage.holders(_STAGGERED, others, Group(15, 1, 1, manner="trickles"))
        frozen = stage.holders(Group(16, 1, 50))
        longest = grpc_of(stage.gateway(*_PATIENT, count=17))
        gateways = {deadline: grpc_of(stage.gateway(*_PATIENT, f"region.seconds={deadline}", count=17)) for deadline in given.deadlines}
        first = _first_record(stage, longest, given.runs)
        # The gateways know the holder, and then it freezes: one that is known to be down is not waited for.
        frozen.freeze()
        _tell(given, first, _frozen(longest, others, given.runs), _deadlines(gateways, longest, given.parallel))


def _tell(given: argparse.Namespace, first: tuple[list[float], list[float]], frozen: tuple[list[float], list[float]], late: "_Late") -> None:
    direct, through = (middle(times) * 1000 for times in first)
    alone, beside = (middle(times) * 1000 for times in frozen)
    percent = (beside / alone - 1) * 100
    worst = max(late.after.values()) * 1000
    unanswered = sum(late.unanswered.values())
    asked = given.parallel * len(given.deadlines)
    deadlines = " and ".join(f"{deadline:g} s" for deadline in given.deadlines)
    whole = f"{unanswered} of {asked} questions got no answer" if unanswered else f"+{worst:.0f} ms"
    own = ", ".join(f"{number} of {given.parallel} ({deadline:g} s)" for deadline, number in late.before_own.items())
    tell(
        "Does a slow, frozen or endless holder delay what the others say?",
        [
            Finding(
                "first of eight holders' records, after the fastest holder's own time",
                f"{through - direct:+.1f} ms ({through:.1f} for {direct:.1f})",
                "≤ 10 ms",
                through - direct <= 10,
            ),
            Finding("what a frozen holder adds until all others are complete", f"{percent:+.1f} % ({beside:.0f} ms for {alone:.0f})", "≤ 5 %", percent <= 5),
            Finding(f"whole answer after a deadline of {deadlines}, worst of {given.parallel} at once", whole, "≤ 150 ms", worst <= 150 and not unanswered),
            Finding("answers inside the asker's own deadline of that length", own),
        ],
        {
            "records": given.records,
            "runs": given.runs,
            "direct_ms": round(direct, 2),
            "through_ms": round(through, 2),
            "ratio": round(through / direct, 2),
            "alone_ms": round(alone, 1),
            "beside_frozen_ms": round(beside, 1),
            "frozen_percent": round(percent, 1),
            "spread_direct_ms": _spread(first[0]),
            "spread_through_ms": _spread(first[1]),
            "spread_alone_ms": _spread(frozen[0]),
            "spread_beside_frozen_ms": _spread(frozen[1]),
            "after_deadline_ms": {f"{deadline:g}": round(seconds * 1000) for deadline, seconds in late.after.items()},
            "unanswered": {f"{deadline:g}": number for deadline, number in late.unanswered.items()},
            "before_own_deadline": {f"{deadline:g}": number for deadline, number in late.before_own.items()},
            "parallel": given.parallel,
        },
    )


def _spread(seconds: list[float]) -> list[float]:
    return [round(min(seconds) * 1000, 2), round(max(seconds) * 1000, 2)]


def _first_record(stage: Stage, target: str, runs: int) -> tuple[list[float], list[float]]:
    """Seconds to the first record: of the fastest holder asked directly, and of the dossier. Each next holder is slower."""
    direct: list[float] = []
    through: list[float] = []

    async def measure() -> None:
        async with channel_to(f"unix:{stage.folder}/holder0.sock") as holder, channel_to(target) as gateway:
            for run in range(runs + _WARM_UP):
                asked, opened = await ask_holder(holder, "h0"), await open_dossier(gateway, _STAGGERED.names)
                opened.expect_all(_STAGGERED.count * asked.records)
                if run >= _WARM_UP:
                    direct.append(asked.first)
                    through.append(opened.first)

    anyio.run(measure)
    return direct, through


def _frozen(target: str, others: Group, runs: int) -> tuple[list[float], list[float]]:
    """Seconds until seven holders are complete: asked alone, and beside one that is frozen."""
    alone: list[float] = []
    beside: list[float] = []

    def completion(heard: Heard) -> float:
        expect(all(heard.endings.get(name) == "ENDING_ANSWERED" for name in others.names), f"the others ended as {heard.endings}")
        expect(_FROZEN not in heard.closed, "the frozen holder had a last word before the others")
        return max(heard.closed[name] for name in others.names)

    async def measure() -> None:
        async with channel_to(target) as gateway:
            for run in range(runs + 1):
                first = await open_dossier(gateway, others.names)
                second = await open_dossier(gateway, [*others.names, _FROZEN], until=others.names)
                if run:
                    alone.append(completion(first))
                    beside.append(completion(second))

    anyio.run(measure)
    return alone, beside


@dataclass(slots=True)
class _Late:
    """By deadline: the seconds by which the latest answer came after it, and how many questions got none.

    `before_own` counts the answers that came in time for an asker who brings the same deadline along.
    """

    after: dict[float, float] = field(default_factory=dict)
    unanswered: dict[float, int] = field(default_factory=dict)
    before_own: dict[float, int] = field(default_factory=dict)


def _deadlines(gateways: dict[float, str], longest: str, parallel: int) -> _Late:
    """Ask two quick holders, one that never ends and one that is frozen."""
    late = _Late()
    asked = [*_STAGGERED.names[:2], _ENDLESS, _FROZEN]

    async def measure(deadline: float, target: str) -> None:
        async with channel_to(target) as gateway, channel_to(longest) as unhurried:
            answers = await _at_once(gateway, asked, 60.0, parallel)
            heard = [answer for answer in answers if answer.ended]
            expect(all(one.endings[_FROZEN] == "ENDING_TOO_LATE" and one.endings[_ENDLESS] == "ENDING_CUT_OFF" for one in heard), "somebody was heard out")
            late.after[deadline] = max((one.ended for one in heard), default=deadline) - deadline
            late.unanswered[deadline] = len(answers) - len(heard)
            late.before_own[deadline] = sum(0 < one.ended <= deadline for one in await _at_once(unhurried, asked, deadline, parallel))

    for deadline, target in gateways.items():
        anyio.run(measure, deadline, target)
    return late


async def _at_once(gateway: aio.Channel, holders: list[str], seconds: float, number: int) -> list[Heard]:
    """So many questions at once; one that got no answer has no end."""
    heard: list[Heard] = []

    async def ask() -> None:
        try:
            heard.append(await open_dossier(gateway, holders, seconds=seconds))
        except aio.AioRpcError:
            heard.append(Heard())

    async with anyio.create_task_group() as tasks:
        for _ in range(number):
            tasks.start_soon(ask)
    return heard


if __name__ == "__main__":
    main()
