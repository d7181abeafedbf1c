"""What a process did to files and connections, as strace saw it: every byte that it wrote, wherever that is now.

A file that is deleted, was never linked, or only ever lived in memory is seen here and nowhere else.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final

#: What is looked at; a `?` stands before calls that not every machine has.
CALLS: Final = (
    "?open,openat,?creat,?rename,renameat,renameat2,?link,linkat,?symlink,symlinkat,?mkdir,mkdirat,write,pwrite64,writev,pwritev,pwritev2,"
    "mmap,sendfile,copy_file_range,splice,memfd_create,connect,?io_uring_setup"
)
#: Of a text that is longer than this strace shows the beginning only; what is not shown is told as `unseen`.
TEXT_BYTES: Final = 65_536
#: What goes through a ring of the kernel is no call that could be seen: the process is told that there are no rings.
_NO_RINGS: Final = "inject=?io_uring_setup:error=ENOSYS"
OPTIONS: Final = ("-D", "-f", "--seccomp-bpf", "-q", "-y", "-s", str(TEXT_BYTES), "-e", f"trace={CALLS}", "-e", _NO_RINGS, "-e", "signal=none")

_LINE: Final = re.compile(rb"(?:\d+\s+)?(\w+)\((.*)", re.DOTALL)
_TEXT: Final = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"(\.\.\.)?')
#: A descriptor and what it stands for: `5</srv/x>`, `5</srv/x>(deleted)`, `7<socket:[123]>`.
_DESCRIPTOR: Final = re.compile(rb"\d+<([^>]*)>")
_WRITING: Final = frozenset({b"write", b"pwrite64", b"writev", b"pwritev", b"pwritev2"})
#: Calls that move bytes which strace does not show, and at which descriptor of theirs the bytes arrive.
_MOVING: Final = {b"sendfile": 0, b"copy_file_range": 1, b"splice": 1}
_NAMING: Final = frozenset(b"creat rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat memfd_create".split())
_NO_FILES: Final = ("/dev/null", "/dev/tty", "/dev/pts/", "/dev/full", "/dev/zero", "/proc/")
_SHARED_AND_WRITABLE: Final = re.compile(rb"PROT_WRITE.*MAP_SHARED")


@dataclass(slots=True)
class Trace:
    """What was seen.

    `written` is what was written to each file, in the order of writing; `named` are names that were given to files;
    `mapped` are files that were mapped so that they change with memory; `unseen` are files that got bytes which were
    not shown; `elsewhere` are addresses outside this machine. `calls` counts everything, so that an empty trace shows.
    """

    written: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    named: list[bytes] = field(default_factory=list)
    mapped: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    calls: int = 0

    def take(self, line: bytes) -> None:
        """Take in one line of strace."""
        match = _LINE.match(line)
        if match is None:
            return
        call, rest = match[1], match[2]
        self.calls += 1
        if call in _WRITING:
            self._take_written(rest)
        elif call in (b"open", b"openat"):
            if b"O_CREAT" in rest or b"O_TMPFILE" in rest:
                self.named += (text for text, _ in _texts(rest))
        elif call in _NAMING:
            self.named += (text for text, _ in _texts(rest))
        elif call == b"mmap":
            if _SHARED_AND_WRITABLE.search(rest):
                self.mapped |= _files(rest, 0)
        elif call in _MOVING:
            self.unseen |= _files(rest, _MOVING[call])
        elif call == b"connect":
            self.elsewhere |= set(_elsewhere(rest))
        elif call == b"io_uring_setup" and b") = -1 " not in rest:
            self.unseen.add("io_uring")

    def _take_written(self, rest: bytes) -> None:
        for name in _files(rest, 0):
            for text, is_cut in _texts(rest):
                self.written[name] += text
                if is_cut:
                    self.unseen.add(name)


def read_trace(path: Path) -> Trace:
    """Read what strace wrote."""
    trace = Trace()
    with path.open("rb") as lines:
        for line in lines:
            trace.take(line)
    return trace


def is_finished(path: Path, pid: int) -> bool:
    """Whether strace has seen the end of this process."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        return re.search(rb"(?:^|\n)%d\s+\+\+\+ (?:exited|killed)" % pid, file.read()) is not None


def is_file(name: str) -> bool:
    """Whether this is a file, memory that has a descriptor included; no pipe, socket or terminal is."""
    return name.startswith("/") and not name.startswith(_NO_FILES)


def _texts(rest: bytes) -> Iterator[tuple[bytes, bool]]:
    for text, is_cut in _TEXT.findall(rest):
        yield _unescaped(text), bool(is_cut)


def _unescaped(text: bytes) -> bytes:
    return text.decode("unicode_escape").encode("latin-1") if b"\\" in text else text


def _files(rest: bytes, position: int) -> set[str]:
    """The file at the descriptor of this number in the arguments, if it is one."""
    found = [_unescaped(name).decode("utf-8", "surrogateescape") for name in _DESCRIPTOR.findall(_before_texts(rest))]
    return {name for name in found[position : position + 1] if is_file(name)}


def _before_texts(rest: bytes) -> bytes:
    # What was written may look like a descriptor.
    return rest.partition(b'"')[0]


def _elsewhere(rest: bytes) -> Iterable[str]:
    family = re.search(rb"sa_family=(\w+)", rest)
    if family is None or family[1] in (b"AF_UNIX", b"AF_UNSPEC", b"AF_NETLINK"):
        return
    for text, _ in _texts(rest):
        try:
            address = ip_address(text.decode("ascii"))
        except ValueError:
            continue
        inner = getattr(address, "ipv4_mapped", None) or address
        if not inner.is_loopback:
            yield str(address)
