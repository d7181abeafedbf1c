"""Heads: what parties keep of each other, so that a journal cannot be rewritten unseen."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.audit.events import HeadDoubted, HeadKept, HeadSigned
from accord.audit.heads import HEAD_CHARACTERS, HEAD_TYPE, Extends, Head, HeadKeeper, OwnHead, compare, head_payload, read_head
from accord.audit.verifying import events_of, kept_heads, known_heads, verify
from accord.link import jose
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from tests.accord.audit.scenes import GATEWAY, GATEWAY_SYSTEM, HOLDER, NOON, SYSTEM, decision, opened

pytestmark = pytest.mark.anyio

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
HEAD = Head(Ura(HOLDER), 7, b"c" * 32, NOON)


def sign(payload: bytes) -> str:
    return jose.sign(payload, KEY, HEAD_TYPE)


def verify_head(_party: Ura, token: str) -> bytes:
    return jose.verify(token, HEAD_TYPE, lambda _id: KEY.public_key().public_bytes_raw(), most=HEAD_CHARACTERS)


def signed(head: Head) -> str:
    return sign(head_payload(head))


def test_a_head_is_read_as_it_was_signed() -> None:
    assert read_head(head_payload(HEAD)) == HEAD


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        head_payload(HEAD).replace(b'"n":7', b'"n":-7'),
        head_payload(HEAD).replace(b'"n":7', b'"n":7.5'),
        head_payload(HEAD).replace(b"63", b"", 1),
        head_payload(HEAD).replace(b"}", b',"more":1}'),
        head_payload(HEAD).replace(HOLDER.encode(), b"nobody"),
    ],
)
def test_what_is_no_head_is_refused(payload: bytes) -> None:
    with pytest.raises(BadInput) as refusal:
        read_head(payload)
    assert refusal.value.fault is Fault.TOKEN_INVALID


@pytest.mark.parametrize(
    ("n", "chain", "moment", "extends"),
    [
        (8, b"d", 1, Extends.NEWER),
        (7, b"c", 1, Extends.SAME),
        (7, b"d", 1, Extends.FORKED),
        (6, b"d", -1, Extends.OLDER),
        (6, b"d", 1, Extends.ROLLED_BACK),
    ],
)
def test_a_head_must_extend_the_one_before_it(n: int, chain: bytes, moment: int, extends: Extends) -> None:
    assert compare(HEAD, Head(HEAD.journal, n, chain * 32, NOON + moment)) is extends


async def test_p10_a_journal_signs_its_head_when_it_has_new_lines_and_only_then(tmp_path: Path) -> None:
    with opened(tmp_path, SYSTEM) as journal:
        own = OwnHead(journal, Ura(HOLDER), sign)
        first = await own.sign()
        assert await own.sign() == first == own.newest
        await journal.append(decision())
        second = await own.sign()
        assert second != first

    heads = [event for _, event in events_of(tmp_path) if isinstance(event, HeadSigned)]
    assert [event.head for event in heads] == [first, second]
    verdict = verify(tmp_path, read_own=lambda token: read_head(verify_head(Ura(HOLDER), token)))
    assert (verdict.heads, verdict.breaks) == (2, [])


async def test_p10_it_signs_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    with opened(tmp_path, SYSTEM) as journal:
        own = OwnHead(journal, Ura(HOLDER), sign)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(own.keep_signing)
            while not own.newest:
                await anyio.lowlevel.checkpoint()
            n = await journal.append(decision())
            tasks.cancel_scope.cancel()

        assert read_head(verify_head(Ura(HOLDER), own.newest)).n >= n


async def test_p10_the_head_of_another_party_is_kept_and_a_fork_or_rollback_is_an_alarm(tmp_path: Path) -> None:
    newer = replace(HEAD, n=9, chain=b"e" * 32)
    with opened(tmp_path, GATEWAY_SYSTEM) as journal:
        keeper = HeadKeeper(journal, verify_head)
        assert await keeper.keep(Ura(HOLDER), signed(HEAD)) is Extends.NEWER
        assert await keeper.keep(Ura(HOLDER), signed(HEAD)) is Extends.SAME
        assert await keeper.keep(Ura(HOLDER), signed(newer)) is Extends.NEWER
        assert await keeper.keep(Ura(HOLDER), signed(replace(HEAD, moment=NOON - 1))) is Extends.OLDER
        assert await keeper.keep(Ura(HOLDER), signed(replace(newer, chain=b"f" * 32))) is Extends.FORKED
        assert await keeper.keep(Ura(HOLDER), signed(replace(newer, n=8, moment=NOON + 1))) is Extends.ROLLED_BACK

    events = [event for _, event in events_of(tmp_path)]
    assert [event.n for event in events if isinstance(event, HeadKept)] == [7, 9]
    doubts = [event for event in events if isinstance(event, HeadDoubted)]
    assert [(event.kept_n, event.n, event.fault) for event in doubts] == [(9, 9, Fault.JOURNAL_BROKEN), (9, 8, Fault.JOURNAL_BROKEN)]
    assert list(kept_heads(tmp_path)) == [HEAD, newer]
    assert known_heads(tmp_path) == {Ura(HOLDER): newer}


async def test_a_keeper_goes_on_from_what_the_journal_keeps(tmp_path: Path) -> None:
    with opened(tmp_path, GATEWAY_SYSTEM) as journal:
        await HeadKeeper(journal, verify_head).keep(Ura(HOLDER), signed(HEAD))
        again = HeadKeeper(journal, verify_head, known_heads(tmp_path))

        assert await again.keep(Ura(HOLDER), signed(replace(HEAD, chain=b"x" * 32))) is Extends.FORKED


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 5_000, signed(HEAD)[:-4] + "AAAA", signed(HEAD) + "\n", signed(replace(HEAD, journal=Ura(GATEWAY)))])
async def test_a_head_that_is_not_of_that_party_is_refused_and_leaves_no_line(tmp_path: Path, token: str) -> None:
    with opened(tmp_path, GATEWAY_SYSTEM) as journal:
        with pytest.raises(BadInput) as refusal:
            await HeadKeeper(journal, verify_head).keep(Ura(HOLDER), token)
        assert refusal.value.fault is Fault.TOKEN_INVALID
        assert journal.durable.n == 1


async def test_p10_a_head_whose_line_failed_is_kept_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path, GATEWAY_SYSTEM) as journal:
        keeper = HeadKeeper(journal, verify_head)
        append = journal.append

        async def full(_event: object) -> int:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE)

        monkeypatch.setattr(journal, "append", full)
        with pytest.raises(Unavailable):
            await keeper.keep(Ura(HOLDER), signed(HEAD))
        monkeypatch.setattr(journal, "append", append)
        await keeper.keep(Ura(HOLDER), signed(HEAD))
        await keeper.keep(Ura(HOLDER), signed(HEAD))

        assert len([event for _, event in events_of(tmp_path) if isinstance(event, HeadKept)]) == 1


@pytest.mark.parametrize(
    ("second", "doubted"),
    [
        (Head(Ura(HOLDER), 7, b"d" * 32, NOON + 1), True),
        (Head(Ura(HOLDER), 3, b"d" * 32, NOON + 1), True),
        (HEAD, False),
    ],
)
async def test_p10_two_heads_at_the_same_moment_are_compared_with_each_other(tmp_path: Path, second: Head, doubted: bool) -> None:  # noqa: FBT001 - a case
    with opened(tmp_path, GATEWAY_SYSTEM) as journal:
        keeper = HeadKeeper(journal, verify_head)
        async with anyio.create_task_group() as tasks:
            for head in (HEAD, second):
                tasks.start_soon(keeper.keep, Ura(HOLDER), signed(head))
        events = [event for _, event in events_of(tmp_path)]

    assert [event.n for event in events if isinstance(event, HeadKept)] == [7]
    assert any(isinstance(event, HeadDoubted) for event in events) == doubted
