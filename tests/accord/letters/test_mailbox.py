"""Letters wait until they were taken in, and are taken in once and in order, whatever is lost, repeated or cut off."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.letters import mailbox
from accord.terms.identifiers import Ura

PEER = Ura("90000001")
OTHER = Ura("90000002")


def opened() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(mailbox.TABLES)
    return connection


@pytest.fixture
def disk() -> Iterator[sqlite3.Connection]:
    connection = opened()
    yield connection
    connection.close()


def put(disk: sqlite3.Connection, text: str, *, peer: Ura = PEER, request: str = "r1") -> int:
    return mailbox.put(disk, peer, request, lambda seq: f"{request} {seq} {text}")


def test_letters_of_a_thread_count_from_one_and_wait_in_order(disk: sqlite3.Connection) -> None:
    assert [put(disk, "a"), put(disk, "b"), put(disk, "c", request="r2"), put(disk, "d", peer=OTHER)] == [1, 2, 1, 1]
    assert mailbox.waiting(disk, PEER) == (["r1 1 a", "r1 2 b", "r2 1 c"], False)


def test_what_was_taken_in_is_let_go_and_nothing_else(disk: sqlite3.Connection) -> None:
    for text in "abc":
        put(disk, text)
    put(disk, "d", peer=OTHER)
    mailbox.let_go(disk, PEER, {"r1": 2, "never heard of": 9})

    assert mailbox.waiting(disk, PEER)[0] == ["r1 3 c"]
    assert mailbox.waiting(disk, OTHER)[0] == ["r1 1 d"]
    mailbox.let_go(disk, PEER, {"r1": 0})
    assert len(mailbox.waiting(disk, PEER)[0]) == 1
    assert put(disk, "e") == 4


def test_a_letter_once_more_or_with_a_gap_before_it_is_not_the_next(disk: sqlite3.Connection) -> None:
    mailbox.note_heard(disk, PEER, "r1", 1)

    assert [mailbox.is_next(disk, PEER, "r1", seq) for seq in (0, 1, 2, 3)] == [False, False, True, False]
    assert mailbox.is_next(disk, OTHER, "r1", 1)
    assert mailbox.is_next(disk, PEER, "r2", 1)


def test_how_far_we_are_is_told_until_it_is_known_there(disk: sqlite3.Connection) -> None:
    mailbox.note_heard(disk, PEER, "r1", 1)

    assert mailbox.untold(disk, PEER, 9) == {"r1": 1}
    assert mailbox.peers_to_call(disk) == [PEER]
    mailbox.note_heard(disk, PEER, "r1", 2)
    mailbox.note_told(disk, PEER, {"r1": 1})
    assert mailbox.untold(disk, PEER, 9) == {"r1": 2}
    mailbox.note_told(disk, PEER, {"r1": 2})
    mailbox.note_told(disk, PEER, {"r1": 1})
    assert mailbox.untold(disk, PEER, 9) == {}
    assert mailbox.peers_to_call(disk) == []
    assert mailbox.heard_of(disk, PEER, frozenset({"r1", "r2"})) == {"r1": 2, "r2": 0}


def test_who_is_forgotten_is_still_known_to_have_said_so_much(disk: sqlite3.Connection) -> None:
    put(disk, "a")
    mailbox.note_heard(disk, PEER, "r1", 3)
    mailbox.forget(disk, PEER, "r1")

    assert mailbox.waiting(disk, PEER) == ([], False)
    assert not mailbox.is_next(disk, PEER, "r1", 1)


def test_p7_one_call_carries_so_many_letters_and_so_much_and_says_that_there_is_more(disk: sqlite3.Connection) -> None:
    for number in range(mailbox.MOST_LETTERS + 1):
        put(disk, str(number))
    some, more = mailbox.waiting(disk, PEER)

    assert (len(some), more) == (mailbox.MOST_LETTERS, True)
    assert mailbox.waiting(disk, PEER, characters=len(some[0])) == (some[:1], True)
    assert mailbox.waiting(disk, PEER, characters=1) == (some[:1], True)


def test_what_is_cut_off_in_a_transaction_was_never_written(disk: sqlite3.Connection) -> None:
    put(disk, "a")
    disk.execute("BEGIN")
    put(disk, "b")
    mailbox.note_heard(disk, PEER, "r1", 1)
    disk.execute("ROLLBACK")

    assert mailbox.waiting(disk, PEER)[0] == ["r1 1 a"]
    assert mailbox.is_next(disk, PEER, "r1", 1)
    assert put(disk, "c") == 2


#: What happens to one call: the letters that come (some, twice, turned), whether there is a crash, and whether the answer comes.
CALLS = st.lists(st.tuples(st.permutations(range(6)), st.booleans(), st.booleans(), st.integers(0, 3)), max_size=12)


@given(st.integers(0, 6), CALLS)
def test_every_letter_is_taken_in_once_and_in_order_whatever_happens_to_the_calls(number: int, calls: list[tuple[list[int], bool, bool, int]]) -> None:
    here, there = opened(), opened()
    taken: list[str] = []
    for one in range(number):
        put(here, str(one))
    for order, crashes, answered, old in calls:
        sent = mailbox.waiting(here, PEER)[0]
        before = list(taken)
        there.execute("BEGIN")
        for place in [*order, *order[:old]]:
            if place < len(sent):
                request, seq, text = sent[place].split(" ")
                if mailbox.is_next(there, OTHER, request, int(seq)):
                    taken.append(text)
                    mailbox.note_heard(there, OTHER, request, int(seq))
        there.execute("ROLLBACK" if crashes else "COMMIT")
        if crashes:
            taken = before
        elif answered:
            mailbox.let_go(here, PEER, mailbox.heard_of(there, OTHER, frozenset({"r1"})))
        assert taken == [str(one) for one in range(len(taken))]
    # What was not taken in still waits.
    waiting = [envelope.split(" ")[2] for envelope in mailbox.waiting(here, PEER)[0]]
    assert set(waiting) >= {str(one) for one in range(len(taken), number)}
    here.close()
    there.close()
