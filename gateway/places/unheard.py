"""Letters of ours that a provider is given again and again, and does not take in: a person has to know, and nobody else would say so.

It lost the key under which they are sealed, or the store that they follow on, or it takes in no more of us. What it takes in
at last ends that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from accord.letters.envelopes import ENVELOPE_CHARACTERS
from accord.link.jose import claims, decoded
from accord.terms.faults import BadInput, Faulted
from accord.terms.identifiers import Ura
from gateway.places import rows
from gateway.places.store import Change
from gateway.places.writing import Own, note

#: So long it may take before it is more than a register that is a little behind, or a provider that is busy.
_PATIENCE: Final = timedelta(seconds=60)
#: No number of ours has more.
_DIGITS: Final = 11


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an envelope says of itself, which nobody vouches for."""

    request: str = ""
    seq: int = 0
    written: int = 0


def claimed(envelope: str) -> Claimed:
    """What stands on an envelope: only to know whose attention it needs."""
    try:
        said = claims(decoded(envelope[:ENVELOPE_CHARACTERS].split(".")[1]))
    except (BadInput, IndexError):
        return Claimed()
    request, numbers = said.get("request"), [str(said.get(name)) for name in ("seq", "iat")]
    seq, written = (int(number) if number.isdecimal() and len(number) <= _DIGITS else 0 for number in numbers)
    return Claimed(request, seq, written) if isinstance(request, str) else Claimed()


def note_unheard(change: Change, own: Own, provider: Ura, envelopes: Sequence[str], heard: Mapping[str, int], now: datetime) -> None:
    """Call a person where *provider* was given our *envelopes* and *heard* fewer, once for each thread; and no longer where it heard them."""
    behind: set[str] = set()
    for envelope in envelopes:
        said = claimed(envelope)
        if heard.get(said.request, 0) < said.seq and datetime.fromtimestamp(said.written, UTC) <= now - _PATIENCE:
            behind.add(said.request)
    for request in behind:
        _mark(change, own, provider, request, unheard=True)
    for request in set(heard) - behind:
        if rows.has_alarm(change.connection, request):
            _mark(change, own, provider, request, unheard=False)


def _mark(change: Change, own: Own, provider: Ura, request: str, *, unheard: bool) -> None:
    try:
        kept = rows.find(change.connection, change.seal, request)
    except Faulted:
        return
    name = kept.whose(provider)
    if name is None or (name in kept.unheard) is unheard:
        return
    now_unheard = (*kept.unheard, name) if unheard else tuple(one for one in kept.unheard if one != name)
    rows.write(change.connection, change.seal, replace(kept, unheard=now_unheard))
    note(change, own, kept, "unheard" if unheard else "heard", "", provider)
    change.touched = True
