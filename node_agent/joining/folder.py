"""The folder of an agent that joins: its keys, how far it came, and in the end all that `noaber agent run` needs."""

import fcntl
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.certificates import read_signing_key
from accord.link.credentials import TlsFiles
from accord.link.desk_forms import InvitedForm
from accord.link.live_register import replace_file
from accord.link.next_certificate import make_private
from accord.link.pseudonyms import PseudonymKey, pseudonym_key
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.members import PLACES_ONLY
from accord.terms.next_steps import JOINING, UNREADABLE, UNWRITABLE
from node_agent.joining.first_settings import By, settings_text, source_text
from node_agent.sources.choice_store import keep_choices


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far it came. `token` is the digest of the token, `csr` what was sent; `sealed` the boxes that went with it."""

    desk: str
    token: str
    invited: InvitedForm
    csr: str = ""
    phrase: str = ""
    telephone: str = ""
    address: str = ""
    sealed: dict[str, str] = {}
    approved: bool = False


_LOCK: Final = ".join.lock"
#: What joining makes before the office has taken the wish.
_MADE: Final = ("authority.pem", "region.pub", "register.jws", "join.json", "answer.key", "pseudonym.key", "tls.next.key")
#: What it writes over.
_RESTORED: Final = ("authority.pem", "join.json")


@dataclass(frozen=True, slots=True)
class Before:
    """A folder as it was before somebody joined there. `made` are the folders that were made for it, the innermost first."""

    folder: Path
    made: tuple[Path, ...]
    names: frozenset[str]
    kept: Mapping[str, bytes] = field(repr=False)

    def restore(self) -> None:
        """Leave nothing behind that was not there. Keys and a register that were there stay; and so does what somebody else put there."""
        for name, content in self.kept.items():
            replace_file(self.folder / name, content)
        for name in (*_MADE, _LOCK):
            if name not in self.names:
                (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # somebody put something there
            for folder in self.made:
                folder.rmdir()


@dataclass(slots=True)
class Refused:
    """Puts a folder back as it was when whoever joins is refused.

    Once `is_over` the office may know these keys: then only a token that does not count undoes anything.
    """

    before: Before
    is_over: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(value, Faulted) and (not self.is_over or value.fault is Fault.JOIN_REFUSED):
            self.before.restore()


@dataclass(frozen=True, slots=True)
class AgentFolder:
    """Where everything is. Keys are made once and never written over; what is secret is for its owner only.

    `house`: it is one of a house, whose settings in common its own go over; with `shared_source` they say where the records are.
    """

    path: Path
    house: bool = False
    shared_source: bool = False

    @property
    def tls(self) -> TlsFiles:
        """Certificate and key."""
        return TlsFiles(self.path / "tls.pem", self.path / "tls.key")

    @property
    def authority(self) -> Path:
        """The certificate of the region's authority, whose fingerprint was compared."""
        return self.path / "authority.pem"

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.path / "agent.toml"

    @property
    def check_command(self) -> str:
        """How it is checked."""
        return f"noaber agent check --house {self.path.parent} --only {self.path.name}" if self.house else f"noaber agent check --config {self.settings}"

    @contextmanager
    def alone(self) -> Iterator[Before]:
        """Make the folder, and hold it: two that join in one folder would take turns with each other's keys. Gives what was there before.

        Raises:
            BadInput: `invalid-setting`: it cannot be written, or another one joins here now.
        """
        try:
            made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
            lock_file = self.path / _LOCK
            names = frozenset({_LOCK} if lock_file.exists() else ())
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            with lock_file.open("a", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Looked at under the lock: nobody else makes files of ours now.
                kept = {name: (self.path / name).read_bytes() for name in _RESTORED if (self.path / name).exists()}
                yield Before(self.path, tuple(made), names | {name for name in _MADE if (self.path / name).exists()}, kept)
        except BlockingIOError:
            raise BadInput(Fault.INVALID_SETTING, f"{self.path.name}: another `noaber agent join` is at work here", then=JOINING) from None
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, f"{self.path.name}: cannot be written", then=UNWRITABLE) from None

    def answer_key(self) -> Ed25519PrivateKey:
        """The key that signs last words; made when there is none."""
        path = self.path / "answer.key"
        if not path.exists():
            make_private(path, Ed25519PrivateKey.generate())
        return read_signing_key(path)

    def pseudonym_key(self) -> PseudonymKey:
        """The key of the pseudonyms; made when there is none."""
        path = self.path / "pseudonym.key"
        if not path.exists():
            replace_file(path, f"{secrets.token_hex(32)}\n".encode("ascii"))
        try:
            return pseudonym_key(path.read_text(encoding="ascii").strip())
        except (OSError, UnicodeDecodeError):
            raise BadInput(Fault.INVALID_SETTING, "pseudonym.key: cannot be read", then=UNREADABLE) from None

    def progress(self) -> Progress | None:
        """How far it came; none at the beginning.

        Raises:
            BadInput: `invalid-setting`.
        """
        try:
            return msgspec.json.decode((self.path / "join.json").read_bytes(), type=Progress)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError):
            raise BadInput(Fault.INVALID_SETTING, "join.json: cannot be read", then=UNREADABLE) from None

    def keep(self, progress: Progress) -> None:
        """Remember how far it came. The register is kept in its own file."""
        slim = msgspec.structs.replace(progress, invited=msgspec.structs.replace(progress.invited, register="", anchor=""))
        replace_file(self.path / "join.json", msgspec.json.encode(slim))

    def keep_region(self, register: str, anchor: str) -> None:
        """Keep the register, and the region's key as it was given the first time: a key that came later is known by the register."""
        if anchor and not (self.path / "register.jws.known").exists():
            replace_file(self.path / "region.pub", anchor.encode("ascii"), 0o644)
        replace_file(self.path / "register.jws", f"{register}\n".encode("ascii"), 0o644)

    def keep_settings(self, progress: Progress, listen: str, fhir_base: str, by: By, *, follows: bool = False) -> bool:
        """Write a settings file that is complete but for the source, and an empty store of choices; whether there was none yet."""
        if not (self.path / "choices.db").exists():
            # Silence is no: nothing is shared before choices are put on record.
            keep_choices(self.path / "choices.db", {})
        if self.settings.exists():
            return False
        source = source_text(fhir_base, shared=self.shared_source, places_only=PLACES_ONLY in progress.invited.capabilities)
        text = settings_text(progress.invited, progress.desk, listen, source, by, follows=follows)
        replace_file(self.settings, text.encode("utf-8"))
        return True
