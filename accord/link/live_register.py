"""The newest register that a process knows: it only ever goes forward, and what it says counts at once."""

import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio
import msgspec
import structlog

from accord.link.register_file import MOST_CHARACTERS, OLDER, SignedRegister, read_register, verify_register
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.members import RegionRegister

_POLL_SECONDS: Final = 1.0
#: A file that was refused may be right later without being changed: a clock was set, a disk was freed.
_POLLS_BEFORE_ANOTHER_LOOK: Final = 30

_log = structlog.get_logger("noaber.register")


class _Remembered(msgspec.Struct, forbid_unknown_fields=True):
    """What outlives the process: the newest register, after the ones by which its signer came to be trusted."""

    texts: list[str]


class LiveRegister:
    """The register of a process, from its file and from whoever brings a newer one.

    *anchors* are the public keys of the region that the operator was given. A register names who may sign the next one,
    so the region can change its key: once a register is known, its signers count and the anchors do not. Beside the file
    stands `<file>.known`, which holds the newest register that was ever taken: an older one is refused after a restart
    too. Whoever must begin anew (the region lost its key) gives new anchors and removes that file.

    Each process has its own, and its own file of what is known. To be used from one event loop.

    Raises:
        BadInput: `register-invalid`: neither the file nor what was known can be believed.
        Unavailable: `register-outdated`: the file has expired, and nothing was known.
    """

    def __init__(self, file: Path, anchors: Iterable[bytes], *, known: Path | None = None, clock: Callable[[], datetime] | None = None) -> None:
        self._file = file
        self._anchors = frozenset(anchors)
        self._known = known or file.with_name(f"{file.name}.known")
        self._clock = clock or _now
        self._changed = anyio.Event()
        self._seen: tuple[int, int, int] | None = None
        self._lapsed = False
        self._polls_since_refusal: int | None = None
        self._told: Faulted | None = None
        self._chain = self._remembered()
        if not self._chain:
            self._seen = self._stamp()
            self.take(self._read(), self._clock())
        else:
            self._refresh()

    @property
    def text(self) -> str:
        """The newest register as it was signed, to be passed on."""
        return self._chain[-1].text

    @property
    def digest(self) -> bytes:
        """SHA-256 of `text`."""
        return self._chain[-1].digest

    @property
    def newest(self) -> RegionRegister:
        """The newest register, also when it has expired: to tell about, never to decide by."""
        return self._chain[-1].register

    def current(self, at: datetime) -> RegionRegister:
        """The register in force.

        Raises:
            Unavailable: `register-outdated`: it has expired, and then nobody is a member.
        """
        register = self.newest
        if register.expires <= at:
            raise Unavailable(Fault.REGISTER_OUTDATED, "expired")
        return register

    def offer(self, text: str, at: datetime) -> bool:
        """Whether *text* was taken: only a newer register, signed by the region, is. Never raises for what somebody sends."""
        try:
            return self.take(text, at)
        except Faulted as failure:
            _log.warning("register refused", code=failure.fault.value, where=failure.where)
            return False

    def take(self, text: str, at: datetime) -> bool:
        """Make *text* the newest register; false when it is already.

        Raises:
            BadInput: `register-invalid`: not signed by the region, or wrong inside.
            Unavailable: `register-outdated`: older, expired, or another text of the version that is known.
        """
        if self._chain and text == self.text:
            return False
        signed = self._checked(text, at)
        chain = self._shortest(signed)
        self._remember(chain)
        self._chain = chain
        self._lapsed = False
        self._notify()
        _log.info("register taken", version=signed.register.version)
        return True

    async def wait_changed(self) -> None:
        """Return when there is a newer register, or when the present one expires while `keep_fresh` runs."""
        await self._changed.wait()

    async def keep_fresh(self, *, every: float = _POLL_SECONDS) -> None:
        """Follow the file for as long as it runs. A file that cannot be believed changes nothing, and is told of."""
        while True:
            await anyio.sleep(every)
            self._refresh()
            lapsed = self.newest.expires <= self._clock()
            if lapsed and not self._lapsed:
                _log.error(
                    "the register has expired: nobody is a member until there is a newer one", code=Fault.REGISTER_OUTDATED.value, version=self.newest.version
                )
                self._notify()
            self._lapsed = lapsed

    def _checked(self, text: str, at: datetime) -> SignedRegister:
        """A register that may follow the newest one.

        Raises:
            BadInput, Unavailable: As `take` does.
        """
        newest = self.newest.version if self._chain else 0
        signed = read_register(text, trusted=self._chain[-1].signers if self._chain else self._anchors, at=at, newest=newest)
        if signed.register.version == newest:
            # One version, two texts: somebody signed twice, and nobody can tell which of them counts.
            raise Unavailable(Fault.REGISTER_OUTDATED, "another text of this version")
        if self._chain and signed.register.region != self.newest.region:
            raise BadInput(Fault.REGISTER_INVALID, "region")
        return signed

    def _refresh(self) -> None:
        stamp = self._stamp()
        if self._polls_since_refusal is not None:
            self._polls_since_refusal += 1
        if stamp == self._seen and (self._polls_since_refusal or 0) < _POLLS_BEFORE_ANOTHER_LOOK:
            return
        self._seen, self._polls_since_refusal = stamp, None
        try:
            self.take(self._read(), self._clock())
        except Faulted as failure:
            if failure.fault is not Fault.REGISTER_OUTDATED or failure.where != OLDER:
                self._polls_since_refusal = 0
                self._tell_of(failure)
                return
            # Usual after a newer one came over the wire: the file is behind, nothing is wrong.
            _log.debug("register file is older than the known register, which stays")
        if self._told is not None:
            self._told = None
            _log.info("register file can be believed again")

    def _tell_of(self, failure: Faulted) -> None:
        """Say once what is wrong with the file, however often it is looked at."""
        if self._told is None or str(self._told) != str(failure):
            _log.error("register file refused, the known register stays", code=failure.fault.value, where=failure.where)
        self._told = failure

    def _notify(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> str:
        return _text_of(self._file)

    def _shortest(self, signed: SignedRegister) -> list[SignedRegister]:
        """The fewest known registers that lead from the anchors to *signed*, and it."""
        chain: list[SignedRegister] = []
        trusted = self._anchors
        for known in self._chain:
            if signed.signer in trusted:
                break
            chain.append(known)
            trusted = known.signers
        return [*chain, signed]

    def _remembered(self) -> list[SignedRegister]:
        if not self._known.exists():
            return []
        try:
            texts = msgspec.json.decode(_text_of(self._known, 16 * MOST_CHARACTERS), type=_Remembered).texts
        except msgspec.DecodeError:
            raise BadInput(Fault.REGISTER_INVALID, self._known.name) from None
        # An anchor of today may be newer than the first steps of the way.
        for start in range(len(texts)):
            with suppress(BadInput):
                return self._followed(texts[start:])
        raise BadInput(Fault.REGISTER_INVALID, self._known.name)

    def _followed(self, texts: list[str]) -> list[SignedRegister]:
        chain: list[SignedRegister] = []
        trusted = self._anchors
        for text in texts:
            signed = verify_register(text, trusted=trusted)
            chain.append(signed)
            trusted = signed.signers
        return chain

    def _remember(self, chain: list[SignedRegister]) -> None:
        content = msgspec.json.encode(_Remembered([signed.text for signed in chain]))
        try:
            replace_file(self._known, content)
        except OSError:
            # Without it an older register could come back after a restart: then rather no newer one, and loudly.
            raise Unavailable(Fault.REGISTER_OUTDATED, f"{self._known.name} cannot be written") from None


class Glimpse(LiveRegister):
    """What a process would know by these files if it began now: nothing is written and nothing is logged.

    `doubt` is why the file is passed over where the register that is known stays; none when it is not.
    """

    doubt: Faulted | None = None

    def take(self, text: str, at: datetime) -> bool:
        """As a process would, without remembering it."""
        if self._chain and text == self.text:
            return False
        self._chain = [self._checked(text, at)]
        return True

    def _refresh(self) -> None:
        try:
            self.take(self._read(), self._clock())
        except Faulted as failure:
            self.doubt = failure if failure.where != OLDER else None


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put *content* at *path*, wholly or not at all, also when the power fails.

    Raises:
        OSError: It could not be written; what stood there still stands.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _text_of(path: Path, most: int = MOST_CHARACTERS) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(most + 2)
        # A file may end in a line end; the text that is signed does not.
        return content.removesuffix(b"\n").decode("ascii")
    except (OSError, UnicodeDecodeError):
        raise BadInput(Fault.REGISTER_INVALID, f"{path.name} cannot be read") from None


def _now() -> datetime:
    return datetime.now(UTC)
