"""The agent's control socket: whoever may write in its folder pauses and resumes it, and sees how it stands.

One request and one answer for each connection, both one line of JSON. The socket is for the agent's own user (mode 600, in a
folder of mode 700): the operating system says who that is, and nobody needs to be root. A pause is kept in a file beside it.
"""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
from anyio import TASK_STATUS_IGNORED
from anyio.abc import SocketStream, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

from accord.audit.spelling import without_numbers
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.next_steps import AS_ITS_USER, STANDS_STILL, UNWRITABLE
from node_agent.pausing import Pausing

_NAME: Final = "socket"
_REQUEST_BYTES: Final = 4_096
_ANSWER_BYTES: Final = 64 * 1024
_MOST_REASON: Final = 200
#: Nobody who asks on this machine takes longer.
_SECONDS: Final = 10.0
_AT_ONCE: Final = 8


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is wanted: `pause` with a reason, `resume` or `status`."""

    do: str
    reason: str = ""


class GatewaySeen(msgspec.Struct, frozen=True):
    """One gateway that the agent calls: whether it is there, since when, and in a code why not."""

    address: str
    attached: bool = False
    since_ms: int = 0
    code: str = ""


class Beside(msgspec.Struct, frozen=True):
    """What else the process knows of itself: why no question can be answered (as /readyz), its gateways, and how many people it can locate."""

    reasons: tuple[str, ...] = ()
    gateways: tuple[GatewaySeen, ...] = ()
    people: int = -1


class Standing(msgspec.Struct, frozen=True):
    """How one organisation's agent stands. `error` is a code when what was asked could not be done."""

    organisation: str = ""
    paused: bool = False
    shadow: bool = False
    serving: bool = False
    code: str = ""
    since_ms: int = 0
    reason: str = ""
    error: str = ""
    beside: Beside = Beside()


def control_folder(setting: str, folder: Path, journal: str) -> Path:
    """Where the socket and the file of a pause are: as the setting has it, else beside the journal."""
    beside = folder / journal
    return folder / setting if setting else beside.with_name(f"{beside.name}.control")


def make_folder(folder: Path) -> None:
    """Make the folder, for our own user only.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "control.folder: it cannot be made here", then=UNWRITABLE) from None


async def keep_control(
    folder: Path, organisation: str, pausing: Pausing, beside: Callable[[], Beside] = Beside, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED
) -> None:
    """Take requests in *folder* until cancelled; *beside* tells what else there is to see. Nobody else may be doing so: whoever has the journal open is the only one.

    Raises:
        BadInput: `invalid-setting`: there cannot be a socket here.
    """
    places = anyio.CapacityLimiter(_AT_ONCE)

    async def serve(stream: SocketStream) -> None:
        async with stream, places:
            with anyio.move_on_after(_SECONDS):
                try:
                    line = await BufferedByteReceiveStream(stream).receive_until(b"\n", _REQUEST_BYTES)
                    await stream.send(msgspec.json.encode(msgspec.structs.replace(_done(line, organisation, pausing), beside=beside())) + b"\n")
                except (anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound, anyio.BrokenResourceError):
                    return  # whoever speaks otherwise is not answered

    try:
        with _reachable(folder) as path:
            listener = await anyio.create_unix_listener(path, mode=0o600)
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "control.folder: there cannot be a socket", then=UNWRITABLE) from None
    async with listener:
        task_status.started()
        try:
            await listener.serve(serve)
        finally:
            (folder / _NAME).unlink(missing_ok=True)


def ask_agent(folder: Path, request: Request) -> Standing:
    """Ask the agent whose control socket is in *folder*.

    Raises:
        Unavailable: `agent-not-running`, or what the agent says.
        BadInput: What it says is wrong with the request.
    """
    try:
        with _reachable(folder) as path, socket.socket(socket.AF_UNIX) as calling:
            if not stat.S_ISSOCK(path.stat().st_mode):
                raise Unavailable(Fault.AGENT_NOT_RUNNING)
            calling.settimeout(_SECONDS)
            calling.connect(str(path))
            calling.sendall(msgspec.json.encode(request) + b"\n")
            standing = msgspec.json.decode(_line_from(calling), type=Standing)
    except PermissionError:
        raise Unavailable(Fault.AGENT_NOT_RUNNING, "this user may not ask it", then=AS_ITS_USER) from None
    except TimeoutError:
        raise Unavailable(Fault.AGENT_NOT_RUNNING, "it is there, and says nothing", then=STANDS_STILL) from None
    except (OSError, msgspec.DecodeError):
        raise Unavailable(Fault.AGENT_NOT_RUNNING) from None
    if standing.error:
        fault = Fault(standing.error)
        raise BadInput(fault, "reason") if fault is Fault.INVALID_QUESTION else Unavailable(fault)
    return standing


def _done(line: bytes, organisation: str, pausing: Pausing) -> Standing:
    """Do what is asked, and tell how it stands then."""
    error = ""
    try:
        _do(line, pausing)
    except Faulted as refused:
        error = refused.fault.value
    pause, code = pausing.pause_in_force, pausing.code
    told: dict[str, Any] = {"since_ms": pause.since_ms, "reason": pause.reason} if pause is not None else {"since_ms": pausing.since_ms}
    return Standing(
        organisation, pausing.paused, pausing.shadow, pausing.serving, code.value if code is not None else "", told["since_ms"], told.get("reason", ""), error
    )


def _do(line: bytes, pausing: Pausing) -> None:
    try:
        request = msgspec.json.decode(line, type=Request)
    except msgspec.DecodeError:
        raise BadInput(Fault.INVALID_QUESTION) from None
    if request.do == "pause":
        pausing.pause(reason_of(request.reason))
    elif request.do == "resume":
        pausing.resume()
    elif request.do != "status":
        raise BadInput(Fault.INVALID_QUESTION)


def reason_of(text: str) -> str:
    """A reason as it is kept: on one line, short, and without what could be somebody's number (promise P6).

    Raises:
        BadInput: `invalid-question`: it is too long, or has characters that cannot be seen.
    """
    plain = " ".join(text.split())
    if len(plain) > _MOST_REASON or not plain.isprintable():
        raise BadInput(Fault.INVALID_QUESTION, "reason")
    return without_numbers(plain)


def _line_from(calling: socket.socket) -> bytes:
    told = b""
    while not told.endswith(b"\n") and len(told) < _ANSWER_BYTES:
        part = calling.recv(_ANSWER_BYTES)
        if not part:
            break
        told += part
    return told


@contextmanager
def _reachable(folder: Path) -> Iterator[Path]:
    """The path of the socket, short enough for the operating system however deep its folder is."""
    own = Path("/proc/self/fd")
    if not own.is_dir():
        yield folder / _NAME
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield own / str(opened) / _NAME
    finally:
        os.close(opened)
