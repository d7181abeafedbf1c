"""Verifying: a thousand tamperings are a thousand found, and what only a kept head can show, a kept head shows."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from accord.audit.chain import BEGIN, check_line, leaf_of, link, read_line, write_line
from accord.audit.heads import Head
from accord.audit.verifying import verify
from accord.terms.identifiers import Ura
from tests.accord.audit.scenes import HOLDER, NOON, closing, decision, glass_broken, journal_of, lines_in, release

TAMPERINGS: Final = 1_000
Lines = list[bytes]
Tampering = Callable[[random.Random, Lines], Lines]


def flip_a_bit(rng: random.Random, lines: Lines) -> Lines:
    text = bytearray(b"".join(lines))
    text[rng.randrange(len(text))] ^= 1 << rng.randrange(8)
    return [bytes(text)]


def delete_a_line(rng: random.Random, lines: Lines) -> Lines:
    at = rng.randrange(len(lines) - 1)  # the last one is for who truncates
    return lines[:at] + lines[at + 1 :]


def swap_two_lines(rng: random.Random, lines: Lines) -> Lines:
    one, two = rng.sample(range(len(lines)), 2)
    changed = list(lines)
    changed[one], changed[two] = changed[two], changed[one]
    return changed


def repeat_a_line(rng: random.Random, lines: Lines) -> Lines:
    at = rng.randrange(len(lines))
    return [*lines[: at + 1], lines[at], *lines[at + 1 :]]


def change_a_content_and_its_leaf(rng: random.Random, lines: Lines) -> Lines:
    at = rng.randrange(len(lines))
    line = read_line(lines[at])
    payload = bytes(line.payload).replace(b'"event"', b'"Event"', 1)
    return [*lines[:at], write_line(line.n, leaf_of(bytes(16), payload), bytes.fromhex(line.chain), bytes(16), payload), *lines[at + 1 :]]


def remove_a_content(rng: random.Random, lines: Lines) -> Lines:
    at = rng.randrange(len(lines))
    line = read_line(lines[at])
    return [
        *lines[:at],
        b'{"n":%d,"leaf":"%b","chain":"%b","salt":null,"payload":null}\n' % (line.n, line.leaf.encode(), line.chain.encode()),
        *lines[at + 1 :],
    ]


def put_in_a_space(rng: random.Random, lines: Lines) -> Lines:
    at = rng.randrange(len(lines))
    return [*lines[:at], lines[at].replace(b":", b": ", 1), *lines[at + 1 :]]


def truncate(rng: random.Random, lines: Lines) -> Lines:
    text = b"".join(lines)
    return [text[: rng.randrange(len(text) - 1)]]


def rewrite_the_tail(rng: random.Random, lines: Lines) -> Lines:
    """Everything from some line on anew, without a flaw in the chain: what only a head that somebody kept can show."""
    at = rng.randrange(len(lines))
    chain = bytes.fromhex(read_line(lines[at - 1]).chain) if at else BEGIN
    changed = lines[:at]
    for n, text in enumerate(lines[at:], at + 1):
        payload = bytes(read_line(text).payload).replace(b"De Linde", b"De Iep", 1)
        salt = rng.randbytes(16)
        leaf = leaf_of(salt, payload)
        chain = link(chain, n, leaf)
        changed.append(write_line(n, leaf, chain, salt, payload))
    return changed


BREAK_THE_CHAIN: Final = (flip_a_bit, delete_a_line, swap_two_lines, repeat_a_line, change_a_content_and_its_leaf, remove_a_content, put_in_a_space)
NEED_A_HEAD: Final = (truncate, rewrite_the_tail)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    events = [event for i in range(8) for event in (decision(f"q{i}"), release(f"q{i}"), closing(f"q{i}"))]
    return journal_of(tmp_path_factory.mktemp("journal"), [*events, glass_broken()])


def head_of(folder: Path) -> Head:
    verdict = verify(folder)
    return Head(Ura(HOLDER), verdict.lines, verdict.chain, NOON)


def tampered(folder: Path, lines: Lines) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{1:020d}.journal").write_bytes(b"".join(lines))
    return folder


def test_p10_a_thousand_of_a_thousand_tamperings_are_found(journal: Path, tmp_path: Path) -> None:
    rng = random.Random(20_261_122)
    lines, head = lines_in(journal), head_of(journal)
    found = 0
    for i in range(TAMPERINGS):
        tampering: Tampering = (*BREAK_THE_CHAIN, *NEED_A_HEAD)[i % 9]
        verdict = verify(tampered(tmp_path / "tampered", tampering(rng, lines)), [head])
        assert verdict.breaks, f"tampering {i}: {tampering.__name__}"
        found += 1

    assert found == TAMPERINGS
    assert not verify(journal, [head]).breaks


@pytest.mark.parametrize("tampering", BREAK_THE_CHAIN)
def test_p10_what_breaks_the_chain_is_found_without_any_head(journal: Path, tmp_path: Path, tampering: Tampering) -> None:
    rng = random.Random(7)
    for _ in range(20):
        changed = tampering(rng, lines_in(journal))
        if changed[0].endswith(b"\n"):  # a flipped last byte is a torn line: its loss is for a head to show
            assert verify(tampered(tmp_path / "tampered", changed)).breaks


def test_p10_a_tail_that_was_rewritten_without_a_flaw_is_found_by_a_kept_head_and_by_nothing_else(journal: Path, tmp_path: Path) -> None:
    changed = tampered(tmp_path / "tampered", rewrite_the_tail(random.Random(3), lines_in(journal)))

    assert not verify(changed).breaks
    (broken,) = verify(changed, [head_of(journal)]).breaks
    assert "rewritten" in broken.what


def test_p10_a_tail_that_was_cut_off_is_found_by_a_kept_head_and_by_nothing_else(journal: Path, tmp_path: Path) -> None:
    changed = tampered(tmp_path / "tampered", lines_in(journal)[:-3])

    assert not verify(changed).breaks
    (broken,) = verify(changed, [head_of(journal)]).breaks
    assert "missing at the end" in broken.what


def test_it_says_exactly_where_it_breaks(journal: Path, tmp_path: Path) -> None:
    lines = lines_in(journal)
    changed = [*lines[:4], lines[4].replace(b"TREAT", b"TREAS"), *lines[5:]]

    (broken,) = verify(tampered(tmp_path / "tampered", changed)).breaks

    offset = sum(map(len, lines[:4]))
    assert str(broken) == f"line 5 ({1:020d}.journal, byte {offset}): the content is not what was written"


def test_a_line_of_a_later_file_is_named_with_its_file(tmp_path: Path) -> None:
    folder = journal_of(tmp_path / "journal", [release(f"q{i}") for i in range(30)], segment_bytes=4_000)
    assert not verify(folder).breaks
    path = sorted(folder.glob("*.journal"))[2]
    path.write_bytes(path.read_bytes().replace(b"Statement/1", b"Statement/7", 1))

    (broken,) = verify(folder).breaks

    assert broken.n == int(path.name[:20])
    assert broken.place == f"{path.name}, byte 0"


def test_a_line_says_nothing_about_a_content_that_was_removed() -> None:
    payload = b'{"event":"decision"}'
    one, two = (leaf_of(salt * 16, payload) for salt in (b"a", b"b"))

    assert one != two


def test_every_line_of_a_journal_follows_the_one_before_it(journal: Path) -> None:
    chain = BEGIN
    for n, text in enumerate(lines_in(journal), 1):
        chain = check_line(read_line(text), n, chain)
    assert chain == verify(journal).chain


def test_a_line_with_another_number_and_nothing_else_changed_is_found(journal: Path, tmp_path: Path) -> None:
    lines = lines_in(journal)
    changed = [*lines[:4], lines[4].replace(b'{"n":5,', b'{"n":6,'), *lines[5:]]

    (broken,) = verify(tampered(tmp_path / "tampered", changed)).breaks

    assert (broken.n, broken.what) == (5, "another line stands here")
