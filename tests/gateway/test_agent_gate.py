"""Who comes in at the door for agents: never more than so many a second, and no crowd of strangers keeps a member out."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from accord.terms.faults import Unavailable
from accord.terms.identifiers import Ura
from gateway.adapters.agent_gate import Caller, Gate, host_of


class Clock:
    """Goes on when a test says so."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """What time it is."""
        return self.at


def member(number: int) -> Caller:
    return Caller("ipv4:192.0.2.1", Ura(f"9100{number:04}"))


def stranger(number: int) -> Caller:
    return Caller(f"ipv4:192.0.{number // 250}.{number % 250}")


def crowd(held: ExitStack, gate: Gate, caller: Callable[[int], Caller]) -> None:
    """Take places until there are none."""
    for number in range(1000):
        held.enter_context(gate.place(caller(number)))


@pytest.mark.parametrize("caller", [member, stranger])
def test_p7_in_no_second_more_are_let_in_than_is_said(caller: Callable[[int], Caller]) -> None:
    clock = Clock()
    gate = Gate(20.0, clock)
    let_in = []
    for tick in range(2000):
        clock.at = tick / 200
        if gate.seconds_until_let_in(caller(tick)) == 0:
            let_in.append(clock.at)

    assert len(let_in) > 50
    assert max(sum(begin <= at < begin + 1 for at in let_in) for begin in let_in) <= 20


def test_p7_however_many_strangers_come_a_member_gets_in() -> None:
    clock = Clock()
    gate = Gate(20.0, clock)
    for number in range(2000):
        clock.at = number / 500
        gate.seconds_until_let_in(stranger(number))
    came = 0
    for number in range(8):
        gate.seconds_until_let_in(stranger(3000 + number))
        clock.at += 0.2
        came += gate.seconds_until_let_in(member(number)) == 0

    assert came == 8


def test_p7_strangers_who_say_nothing_leave_a_place_for_members() -> None:
    gate = Gate(20.0, Clock())
    with ExitStack() as held:
        with pytest.raises(Unavailable):
            crowd(held, gate, stranger)

        with gate.place(member(1)):
            pass
    with gate.place(stranger(1)):
        pass


def test_one_member_takes_no_place_of_another() -> None:
    gate = Gate(20.0, Clock())
    with ExitStack() as held:
        with pytest.raises(Unavailable):
            crowd(held, gate, lambda _: member(1))

        with gate.place(member(2)):
            pass


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:192.0.2.7:4711", "ipv4:192.0.2.7"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:4711", "ipv4:192.0.2.7"),
        ("ipv6:[::ffff:192.0.2.7]:4711", "ipv4:192.0.2.7"),
        ("unix:", "unix"),
        ("ipv6:nonsense", "ipv6"),
    ],
)
def test_a_caller_is_known_by_its_host(peer: str, host: str) -> None:
    assert host_of(peer) == host


def test_whoever_has_one_address_of_a_network_has_them_all() -> None:
    assert host_of("ipv6:%5B2001:db8::1%5D:1") == host_of("ipv6:%5B2001:db8::ffff:2%5D:2")
    assert host_of("ipv6:%5B2001:db8::1%5D:1") != host_of("ipv6:%5B2001:db8:0:1::1%5D:1")
