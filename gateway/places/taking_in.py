"""What a provider wrote is taken in: in order, once, and together with what it brings about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, cast

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.letters import mailbox
from accord.letters.envelopes import Addressed, address_on, opened
from accord.rules.placing import asker
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse
from accord.terms.placing import FromProvider
from accord.wire.place_forms import from_form
from gateway.places import rows
from gateway.places.ports import Brought
from gateway.places.store import Change
from gateway.places.unheard import claimed, note_unheard
from gateway.places.writing import Own, carry_out, note, tag_of

#: What one call brings is no more than this, whatever a provider or the gateway sends.
_MOST: Final = 4 * mailbox.MOST_LETTERS
_LETTER: Final = cast("Any", FromProvider)
_log = structlog.get_logger("noaber.places")


@dataclass(slots=True)
class Taken:
    """How it went: letters taken in, letters of ours that need not wait any longer, and threads of which one cannot be read."""

    letters: int = 0
    let_go: int = 0
    blocked: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Said:
    """What a call said to a provider: how far we took in its letters, and the envelopes of ours that it was given."""

    told: Mapping[str, int]
    envelopes: Sequence[str] = ()


def take_in(change: Change, own: Own, provider: Ura, brought: Brought, said: Said, now: datetime) -> Taken:
    """All that a call to *provider* brought, in which this was *said*.

    A letter that cannot be read blocks its own thread and no other: it is not taken in, it will come again, and a person is
    called to look.

    Raises:
        Unavailable: `register-outdated`, `organisation-blocked`: nobody can be believed now, and nothing was taken in.
    """
    register = own.register(now)
    taken = Taken(let_go=max(0, mailbox.let_go(change.connection, provider, brought.heard)))
    mailbox.note_told(change.connection, provider, said.told)
    note_unheard(change, own, provider, said.envelopes, brought.heard, now)
    for envelope in brought.envelopes[:_MOST]:
        try:
            addressed = address_on(envelope, own.ura, register, now, KeyUse.ANSWER)
            if addressed.sender != provider:
                raise BadInput(Fault.TOKEN_INVALID)
        except BadInput as failure:
            _cannot_read(change, own, provider, claimed(envelope).request, failure, taken)
            continue
        if addressed.request not in taken.blocked:
            _take(change, own, addressed, now, taken)
    return taken


def _take(change: Change, own: Own, addressed: Addressed, now: datetime, taken: Taken) -> None:
    """One letter, when it is the next of its thread."""
    connection, provider, request = change.connection, addressed.sender, addressed.request
    if not mailbox.is_next(connection, provider, request, addressed.seq):
        return
    try:
        kept = rows.find(connection, change.seal, request)
    except BadInput:
        _pass_over(change, addressed)
        return
    except Unavailable as failure:
        _cannot_read(change, own, provider, request, failure, taken)
        return
    name = kept.whose(provider)
    if name is None:
        return
    try:
        said = cast("FromProvider", from_form(opened(addressed, own.ura, X25519PrivateKey.from_private_bytes(kept.answer_key)), _LETTER))
    except BadInput as failure:
        _cannot_read(change, own, provider, request, failure, taken)
        return
    before = replace(kept, unread=tuple(one for one in kept.unread if one != name))
    note(change, own, kept, tag_of(said), "", provider, letter=addressed.seq)
    carry_out(change, own, before, asker.hear(kept.request, name, said, now), now)
    mailbox.note_heard(connection, provider, request, addressed.seq)
    taken.letters += 1


def _pass_over(change: Change, addressed: Addressed) -> None:
    """A letter about a search that is not kept any longer: it is heard, so that it does not come for ever."""
    if mailbox.has_thread(change.connection, addressed.sender, addressed.request):
        mailbox.note_heard(change.connection, addressed.sender, addressed.request, addressed.seq)


def _cannot_read(change: Change, own: Own, provider: Ura, request: str, failure: Faulted, taken: Taken) -> None:
    """Call a person, once for each thread."""
    _log.warning("a letter cannot be read", provider=provider.value, code=failure.fault.value)
    taken.blocked.add(request)
    try:
        kept = rows.find(change.connection, change.seal, request)
    except Faulted:
        return
    name = kept.whose(provider)
    if name is None or name in kept.unread:
        return
    rows.write(change.connection, change.seal, replace(kept, unread=(*kept.unread, name)))
    note(change, own, kept, "unread", "", provider)
    change.touched = True
