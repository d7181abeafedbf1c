"""Invitations to join: one file each in the office's folder, under the digest of its token. The token itself is kept nowhere.

An invitation goes one way: open, then taken by the first key that shows the token, then decided on by a person. Whoever
shows the same token with another key is refused, and the office is told. Every refusal looks the same from outside.
"""

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
import structlog

from accord.link.certificates import digest_of_key, read_public_key
from accord.link.desk_forms import Boxes, JoinForm, phrase, token_id
from accord.link.live_register import replace_file
from accord.link.short_certificates import key_requested_for
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.members import Part
from accord.terms.next_steps import NOBODY_WAITS, UNREADABLE, UNWRITABLE
from accord.terms.vocabulary import HolderKind

#: A wish that was taken waits so long for a person; and a certificate that was lost on its way can be asked for again so long.
_DECIDE_WITHIN: Final = timedelta(days=14)
_COLLECT_AGAIN: Final = timedelta(hours=24)
_MOST_OTHERS: Final = 1_000
#: So long after it lapsed somebody may still want to see what became of an invitation.
_REMEMBERED: Final = timedelta(days=30)

_log = structlog.get_logger("noaber.desk")


class State(StrEnum):
    """How an invitation stands."""

    OPEN = "open"
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What whoever took an invitation brought. `csr` and `answer_key` are PEM."""

    csr: str
    answer_key: str
    telephone: str
    address: str
    sealed: Boxes
    at: datetime


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One organisation that may join. `others` counts who else tried its token; `seconds` is the life of its certificates."""

    ura: str
    name: str
    title: str
    kind: HolderKind
    parts: list[Part]
    capabilities: list[str]
    expires: datetime
    seconds: float
    state: State = State.OPEN
    wish: Wish | None = None
    collected: datetime | None = None
    others: int = 0

    @property
    def taken(self) -> Wish:
        """The wish of an invitation that was taken.

        Raises:
            BadInput: `join-refused`: nobody took it.
        """
        if self.wish is None:
            raise BadInput(Fault.JOIN_REFUSED)
        return self.wish

    @property
    def phrase(self) -> str:
        """What is compared on the telephone."""
        wish = self.taken
        return phrase(self.ura, self.tls_key, read_public_key(wish.answer_key.encode()), wish.address)

    @property
    def tls_key(self) -> bytes:
        """The digest of the key that took it."""
        return digest_of_key(key_requested_for(self.taken.csr.encode(), Ura(self.ura)))

    def counts(self, at: datetime) -> bool:
        """Whether its token still opens anything."""
        return self.state is not State.REJECTED and at < self._until

    def lapsed(self, at: datetime) -> timedelta:
        """For how long it has not counted; negative when it does."""
        return at - self._until

    @property
    def _until(self) -> datetime:
        if self.state is State.OPEN:
            return self.expires
        if self.collected is not None:
            return self.collected + _COLLECT_AGAIN
        return self.taken.at + _DECIDE_WITHIN


@dataclass(frozen=True, slots=True)
class Found:
    """An invitation, and the name of its file."""

    id: str
    invitation: Invitation


class Invitations:
    """The invitations of an office. Several processes may use them: whoever changes one holds a lock."""

    def __init__(self, office: Path) -> None:
        self.folder = office / "joining"
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, f"{self.folder.name}: cannot be written", then=UNWRITABLE) from None

    def invite(self, invitation: Invitation) -> str:
        """Keep an invitation, and make its token: 256 bits, told once."""
        token = f"noaber-join-{secrets.token_urlsafe(32)}"
        with self._alone():
            self._write(token_id(token), invitation)
        return token

    def of_token(self, token: str, at: datetime) -> Found:
        """The invitation of a token that counts.

        Raises:
            BadInput: `join-refused`, whatever the cause.
        """
        found = Found(token_id(token), self._read(token_id(token)))
        if not found.invitation.counts(at):
            raise BadInput(Fault.JOIN_REFUSED)
        return found

    def take(self, form: JoinForm, at: datetime) -> Found:
        """Let a key take an invitation, or come again with what it took; what it brings may change until a person decides.

        Raises:
            BadInput: `join-refused`, whatever the cause.
        """
        with self._alone():
            found = self.of_token(form.token, at)
            invitation = found.invitation
            wish = Wish(form.csr, form.answer_key, form.telephone, form.address, form.sealed, at)
            try:
                if not f"{form.telephone}{form.address}".isprintable():
                    # It is shown to the person who decides: a line's end, or what a terminal obeys, could hide a warning.
                    raise BadInput(Fault.INVALID_SETTING, "wish.reached")
                wished = msgspec.structs.replace(invitation, wish=wish, state=State.WAITING)
                # Made here and not later: a wish that nobody could approve must not use an invitation up.
                key, _ = wished.tls_key, wished.phrase
            except BadInput as failure:
                _log.warning("a wish to join cannot be read", ura=invitation.ura, where=failure.where)
                raise BadInput(Fault.JOIN_REFUSED) from None
            if invitation.wish is not None and (key, form.answer_key) != (invitation.tls_key, invitation.wish.answer_key):
                self._note_another(found)
                raise BadInput(Fault.JOIN_REFUSED)
            if invitation.state not in (State.OPEN, State.WAITING):
                return found
            if invitation.wish is not None:
                wished = msgspec.structs.replace(wished, wish=msgspec.structs.replace(wish, at=invitation.wish.at))
            if wished != invitation:
                self._write(found.id, wished)
            return Found(found.id, wished)

    def collected(self, found: Found, at: datetime) -> None:
        """Its certificate was given."""
        with self._alone():
            invitation = self._read(found.id)
            if invitation.collected is None:
                self._write(found.id, msgspec.structs.replace(invitation, collected=at))

    def decide(self, found: Found, state: State) -> None:
        """Keep what a person decided."""
        with self._alone():
            self._write(found.id, msgspec.structs.replace(self._read(found.id), state=state))

    def everything(self) -> list[Found]:
        """All invitations, those that lapsed too, by URA."""
        found = [Found(path.stem, self._read(path.stem)) for path in self.folder.glob("*.json")]
        return sorted(found, key=lambda one: (one.invitation.ura, one.invitation.expires))

    def all_waiting(self, ura: Ura, at: datetime) -> list[Found]:
        """The wishes under this URA that wait for a person: several, when somebody took an invitation and another was made.

        Raises:
            BadInput: `invalid-setting`: there is none.
        """
        waiting = [one for one in self.everything() if one.invitation.ura == ura.value and one.invitation.state is State.WAITING]
        waiting = [one for one in waiting if one.invitation.counts(at)]
        if not waiting:
            raise BadInput(Fault.INVALID_SETTING, f"{ura}: nobody waits", then=NOBODY_WAITS)
        return waiting

    def prune(self, at: datetime) -> None:
        """Forget what has not counted for a month. An invitation that counts is kept, whatever came of it."""
        with self._alone():
            for one in self.everything():
                if one.invitation.lapsed(at) > _REMEMBERED:
                    (self.folder / f"{one.id}.json").unlink(missing_ok=True)

    def withdraw_open(self, ura: Ura) -> None:
        """Let no earlier invitation of an organisation count that nobody took: one token at a time."""
        with self._alone():
            for one in self.everything():
                if one.invitation.ura == ura.value and one.invitation.state is State.OPEN:
                    (self.folder / f"{one.id}.json").unlink(missing_ok=True)

    def _note_another(self, found: Found) -> None:
        others = min(found.invitation.others + 1, _MOST_OTHERS)
        # Somebody else has this token: whoever approves must know, and so must whoever watches the log.
        _log.error("ANOTHER KEY CAME WITH A TOKEN THAT IS TAKEN", ura=found.invitation.ura, times=others)
        if others != found.invitation.others:
            self._write(found.id, msgspec.structs.replace(found.invitation, others=others))

    def _read(self, name: str) -> Invitation:
        try:
            return msgspec.json.decode((self.folder / f"{name}.json").read_bytes(), type=Invitation)
        except FileNotFoundError:
            raise BadInput(Fault.JOIN_REFUSED) from None
        except (OSError, msgspec.DecodeError):
            raise BadInput(Fault.INVALID_SETTING, f"joining: {name[:8]}….json cannot be read", then=UNREADABLE) from None

    def _write(self, name: str, invitation: Invitation) -> None:
        try:
            replace_file(self.folder / f"{name}.json", msgspec.json.encode(invitation))
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, "joining: cannot be written", then=UNWRITABLE) from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / ".lock").open("a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
