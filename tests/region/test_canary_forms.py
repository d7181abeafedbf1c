"""The harness finds what it says that it finds: every form, every call, and nothing in what is clean."""

import base64
import gzip
import hashlib
import io
import json
import re
import secrets
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from testbed.canary import Canaries
from testbed.canary_forms import Canary, Scanner
from testbed.canary_trace import Trace

TEXT = "Kanarie “ë/ÿ” & co"
CONTENT = TEXT.encode()


def zipped(content: bytes) -> bytes:
    """A zip with one entry."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("entry", content)
    return packed.getvalue()


@pytest.mark.parametrize(
    "hide",
    [
        lambda: CONTENT,
        lambda: TEXT.encode("utf-16"),
        lambda: TEXT.encode("utf-16-be"),
        lambda: CONTENT.hex().encode(),
        lambda: CONTENT.hex().upper().encode(),
        lambda: base64.b64encode(CONTENT),
        lambda: base64.b64encode(b"x" + CONTENT + b"y"),
        lambda: base64.b64encode(b"xy" + CONTENT + b"z"),
        lambda: base64.urlsafe_b64encode(b"xyz" + CONTENT),
        lambda: quote(TEXT).encode(),
        lambda: re.sub("%..", lambda found: found[0].lower(), quote(TEXT, safe="")).encode(),
        lambda: json.dumps(TEXT).encode(),
        lambda: json.dumps(TEXT, ensure_ascii=False).encode(),
        lambda: json.dumps(TEXT).replace("/", "\\/").encode(),
        lambda: repr(CONTENT).encode(),
        lambda: hashlib.md5(CONTENT, usedforsecurity=False).digest(),
        lambda: hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest().upper().encode(),
        lambda: hashlib.sha256(CONTENT).hexdigest().encode(),
        lambda: base64.b64encode(hashlib.sha256(CONTENT).digest()),
        lambda: b"header" + gzip.compress(b"before" + CONTENT),
        lambda: zlib.compress(CONTENT * 9, 9)[:-8],
        lambda: zipped(b"before " + CONTENT * 3),
        lambda: gzip.compress(base64.b64encode(b"1" + CONTENT)),
        lambda: gzip.compress(zlib.compress(CONTENT)),
    ],
)
def test_p6_a_canary_is_found_in_every_form(hide: Callable[[], bytes]) -> None:
    found = Scanner([Canary("it", CONTENT), Canary("other", b"something else")]).scan(b"noise " + hide() + b" noise")

    assert {sighting.canary for sighting in found} == {"it"}


def test_p6_bytes_that_are_no_text_are_found_as_well() -> None:
    attachment = secrets.token_bytes(48)
    scanner = Scanner([Canary("attachment", attachment)])

    assert all(scanner.scan(b"\0\0" + spelling) for spelling in (attachment, attachment.hex().encode(), base64.b64encode(b"?" + attachment)))


def test_p6_nothing_is_found_where_there_is_nothing() -> None:
    scanner = Scanner(Canaries().all)

    assert not scanner.scan(secrets.token_bytes(1_000_000))
    assert not scanner.scan(gzip.compress(b"nothing of anybody" * 1_000))


def test_p6_what_is_written_is_seen_whole_though_it_comes_in_parts_and_the_file_is_gone() -> None:
    trace = traced(
        rb'7 write(5</srv/a>, "begin \303\253 \"quoted\"", 12) = 12',
        rb'7 pwrite64(5</srv/a>(deleted), " end", 4, 4096) = 4',
        rb'8 writev(6</memfd:cache>(deleted), [{iov_base="one", iov_len=3}, {iov_base="two", iov_len=3}], 2 <unfinished ...>',
    )

    assert {name: bytes(content) for name, content in trace.written.items()} == {
        "/srv/a": 'begin ë "quoted" end'.encode(),
        "/memfd:cache": b"onetwo",
    }


def test_p6_sockets_and_pipes_are_no_disks() -> None:
    trace = traced(
        rb'7 write(5<socket:[12]>, "</srv/a>", 8) = 8', rb'7 write(1<pipe:[3]>, "ready", 5) = 5', rb'7 write(3<anon_inode:[eventfd]>, "\1\0", 8) = 8'
    )

    assert not trace.written
    assert trace.calls == 3


def test_p6_what_cannot_be_looked_into_is_told() -> None:
    trace = traced(
        rb'7 write(5</srv/a>, "beginning"..., 90000) = 90000',
        rb"7 sendfile(6</srv/b>, 5</srv/a>, NULL, 10) = 10",
        rb"7 copy_file_range(5</srv/a>, NULL, 6</srv/c>, NULL, 10, 0) = 10",
        rb"7 mmap(NULL, 10, PROT_READ|PROT_WRITE, MAP_SHARED, 3</srv/d>, 0) = 0x7f",
        rb"7 mmap(NULL, 10, PROT_READ, MAP_SHARED, 3</srv/e>, 0) = 0x7f",
        rb"7 io_uring_setup(256, {flags=0}) = 4<anon_inode:[io_uring]>",
    )

    assert trace.unseen == {"/srv/a", "/srv/b", "/srv/c", "io_uring"}
    assert trace.mapped == {"/srv/d"}


def test_p6_connections_are_for_this_machine_only() -> None:
    trace = traced(
        rb'7 connect(5<socket:[1]>, {sa_family=AF_UNIX, sun_path="/srv/s"}, 110) = 0',
        rb'7 connect(5<socket:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        rb'7 connect(5<socket:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("169.254.169.254")}, 16 <unfinished ...>',
        rb'7 connect(5<socket:[1]>, {sa_family=AF_INET6, inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
        rb'7 connect(5<socket:[1]>, {sa_family=AF_INET6, inet_pton(AF_INET6, "::ffff:127.0.0.1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
    )

    assert trace.elsewhere == {"169.254.169.254", "2001:db8::1"}


def traced(*lines: bytes) -> Trace:
    """What was seen in these lines of strace."""
    trace = Trace()
    for line in lines:
        trace.take(line)
    return trace
