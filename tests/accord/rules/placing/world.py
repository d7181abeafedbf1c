"""A world of one asker and a few providers, with the real rules, the real mailbox and the real forms, over a line that loses, repeats and delays.

Every party keeps its state in a database of its own, beside its letters. What one call brings about is one transaction: a
crash before its end leaves nothing of it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from accord.letters import mailbox
from accord.rules.placing import asker, asker_request, provider
from accord.rules.placing.asker import At, Choosing, Leg, Request
from accord.rules.placing.provider import At as Gives
from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName, Ura
from accord.terms.placing import Asked, Ended, FromAsker, FromProvider, Gist
from accord.wire.place_forms import from_form, to_form
from tests.accord.rules.placing.legs import ASKER, DINA, NEED, NOW, asked

HOLD: Final = timedelta(minutes=30)
REPLY: Final = timedelta(hours=4)


class Crashed(Exception):
    """The process died before its transaction was over."""


@dataclass
class Party:
    """A process that may die at any moment, and its disk."""

    ura: Ura
    ahead: timedelta = timedelta()
    """How far its clock is before that of the world."""
    disk: sqlite3.Connection = field(default_factory=lambda: sqlite3.connect(":memory:", isolation_level=None))
    dies: bool = False

    def __post_init__(self) -> None:
        self.disk.executescript(mailbox.TABLES)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing of it, state and letters alike."""
        before = self.state()
        self.disk.execute("BEGIN IMMEDIATE")
        try:
            yield
            if self.dies:
                raise Crashed
        except Exception:  # whatever it was, it is as if it had not begun
            self.disk.execute("ROLLBACK")
            self.restore(before)
            raise
        else:
            self.disk.execute("COMMIT")
        finally:
            self.dies = False

    def state(self) -> object:
        """What it keeps."""
        raise NotImplementedError

    def restore(self, state: object) -> None:
        """As it was before."""
        raise NotImplementedError


@dataclass
class Provider(Party):
    """It counts its places itself, and decides on them inside the transaction in which it says so."""

    name: HolderName = HolderName("p")  # noqa: RUF009 -- a frozen value
    places: int = 1
    counted_at: datetime = NOW
    legs: dict[str, provider.Leg] = field(default_factory=dict)
    #: Whether it ever lowered its count: only then may more be promised than is there.
    lowered: bool = False

    def state(self) -> object:
        """As promised."""
        return dict(self.legs), self.places, self.counted_at, self.lowered

    def restore(self, state: object) -> None:
        """As promised."""
        self.legs, self.places, self.counted_at, self.lowered = state  # type: ignore[misc]  # what `state` gave

    def taken(self, now: datetime, *, but: str = "") -> int:
        """Places that its legs take, all but one of them."""
        return sum(leg.takes(now, self.counted_at) for request, leg in self.legs.items() if request != but)

    def free(self, request: str, now: datetime) -> int:
        """What is left for a request."""
        return self.places - self.taken(now, but=request)

    def say(self, request: str, step: provider.Step) -> None:
        """Keep the leg, and lay ready what is said of it."""
        self.legs[request] = step.leg
        for said in step.says:
            _put(self, ASKER, request, said)

    def does(self, request: str, what: Callable[[provider.Leg], provider.Step]) -> None:
        """What a planner does; the rule may refuse it."""
        with self.transaction():
            self.say(request, what(self.legs[request]))

    def count(self, places: int, now: datetime) -> None:
        """A planner counts what is empty."""
        with self.transaction():
            self.lowered = self.lowered or places < self.places
            self.places, self.counted_at = places, now

    def take_in(self, request: str, said: FromAsker, now: datetime) -> None:
        """A letter: a new request, or what is said about one."""
        leg = self.legs.get(request)
        if leg is None:
            if isinstance(said, Asked):
                self.say(request, provider.begin(request, ASKER, said, now))
        else:
            self.say(request, provider.hear(leg, said, now, self.free(request, now)))


@dataclass
class Asker(Party):
    """It keeps its requests, and all that was ever said of each."""

    requests: dict[str, Request] = field(default_factory=dict)
    uras: dict[HolderName, Ura] = field(default_factory=dict)
    ended: frozenset[tuple[str, HolderName]] = frozenset()
    """Legs that it wrote the end of, since it asked them last."""

    def state(self) -> object:
        """As promised."""
        return dict(self.requests), self.ended

    def restore(self, state: object) -> None:
        """As promised."""
        self.requests, self.ended = state  # type: ignore[misc]  # what `state` gave

    def say(self, step: asker.Step) -> None:
        """Keep the request, and lay ready what is said of it."""
        self.requests[step.request.id] = step.request
        for says in step.says:
            key = step.request.id, says.to
            self.ended = self.ended | {key} if isinstance(says.what, Ended) else self.ended - {key} if isinstance(says.what, Asked) else self.ended
            _put(self, self.uras[says.to], step.request.id, says.what)

    def does(self, step: Callable[[], asker.Step]) -> None:
        """What a coordinator does; the rule may refuse it."""
        with self.transaction():
            self.say(step())


@dataclass
class Call:
    """What the asker brings on one occasion: it may be lost, and it may come twice, the second time when it is old."""

    to: HolderName
    envelopes: list[str]
    heard: dict[str, int]


class World:
    """All parties, and what may happen between them."""

    def __init__(self, places: list[int], ahead: list[int]) -> None:
        self.now = NOW
        self.providers = {
            HolderName(f"p{number}"): Provider(Ura(f"9000001{number}"), timedelta(seconds=seconds), name=HolderName(f"p{number}"), places=count, counted_at=NOW)
            for number, (count, seconds) in enumerate(zip(places, ahead, strict=True))
        }
        self.asker = Asker(ASKER, uras={name: each.ura for name, each in self.providers.items()})
        self.calls: list[Call] = []

    def clock(self, party: Party) -> datetime:
        """What time a party thinks that it is."""
        return self.now + party.ahead

    def begin(self, names: list[HolderName], *, choosing: Choosing = Choosing.FIRST) -> str:
        """A new request, put to these."""
        now = self.clock(self.asker)
        request = Request(f"r{len(self.asker.requests)}", NEED, Gist(80), choosing, now, now + REPLY, DINA)
        self.asker.does(lambda: asker.put_to(request, tuple(self.leg(name) for name in names)))
        return request.id

    def leg(self, name: HolderName) -> Leg:
        """One that is asked now."""
        now = self.clock(self.asker)
        return Leg(name, str(name), "s1", asked(NEED, now + REPLY), At.SENT, now)

    def pack(self, name: HolderName) -> Call:
        """What the asker would bring now."""
        ura = self.providers[name].ura
        envelopes, _ = mailbox.waiting(self.asker.disk, ura)
        return Call(name, envelopes, mailbox.untold(self.asker.disk, ura, 400))

    def deliver(self, call: Call, *, answer_lost: bool = False, turned: bool = False) -> None:
        """Bring it; the provider takes in what is next, and gives what waits. What it gives may never come."""
        there = self.providers[call.to]
        now = self.clock(there)
        with there.transaction():
            mailbox.let_go(there.disk, ASKER, call.heard)
            about = set()
            for envelope in reversed(call.envelopes) if turned else call.envelopes:
                request, seq, said = _opened(envelope, FromAsker)
                about.add(request)
                if mailbox.is_next(there.disk, ASKER, request, seq):
                    there.take_in(request, said, now)
                    mailbox.note_heard(there.disk, ASKER, request, seq)
            heard = mailbox.heard_of(there.disk, ASKER, frozenset(about))
            back, _ = mailbox.waiting(there.disk, ASKER)
        if not answer_lost:
            self._fetch(there, call, heard, back, turned=turned)

    def _fetch(self, there: Provider, call: Call, heard: dict[str, int], back: list[str], *, turned: bool) -> None:
        """The asker takes in what came back: each letter in a transaction of its own."""
        with self.asker.transaction():
            mailbox.let_go(self.asker.disk, there.ura, heard)
            mailbox.note_told(self.asker.disk, there.ura, call.heard)
        for envelope in reversed(back) if turned else back:
            request, seq, said = _opened(envelope, FromProvider)
            if mailbox.is_next(self.asker.disk, there.ura, request, seq):
                with self.asker.transaction():
                    self.asker.say(asker.hear(self.asker.requests[request], there.name, said, self.clock(self.asker)))
                    mailbox.note_heard(self.asker.disk, there.ura, request, seq)

    def looks(self) -> None:
        """What time brings, at everybody."""
        for there in self.providers.values():
            now = self.clock(there)
            for request in list(there.legs):
                there.does(request, lambda leg, now=now: provider.look(leg, now))  # type: ignore[misc]  # mypy infers no type for a default of a lambda
        for request in list(self.asker.requests):
            self.asker.does(lambda one=request: asker.look(self.asker.requests[one], self.clock(self.asker), silence=HOLD))  # type: ignore[misc]  # mypy infers no type for a default of a lambda

    def quiet(self) -> None:
        """All letters are brought, until nobody has anything to say any more."""
        for _ in range(50):
            waiting = [name for name, there in self.providers.items() if self._has_letters(there)]
            if not waiting:
                return
            for name in waiting:
                self.deliver(self.pack(name))
        raise AssertionError("they never stop writing")

    def _has_letters(self, there: Provider) -> bool:
        out = mailbox.waiting(self.asker.disk, there.ura)[0] or mailbox.waiting(there.disk, ASKER)[0]
        return bool(out or mailbox.untold(self.asker.disk, there.ura, 1))

    # -- The law

    def keeps_the_law(self) -> None:
        """What holds at every moment."""
        for there in self.providers.values():
            assert there.lowered or there.taken(self.clock(there)) <= there.places, f"granted twice: {there.name} has {there.places}"
        for request in self.asker.requests.values():
            assert sum(leg.at in asker.TAKING for leg in request.legs) <= 1, f"granted twice: {request.id} takes up two"
            gave = {name for name, there in self.providers.items() if (leg := there.legs.get(request.id)) and leg.at in provider.GIVEN}
            live = {name for name in gave if (request.id, name) not in self.asker.ended}
            assert len(live) <= 1, f"granted twice: {request.id} has a place at {live}"

    def is_settled(self) -> None:
        """What holds when every letter was brought."""
        for request in self.asker.requests.values():
            assert request.standing is not asker.Standing.SETTLING, "its word never came here"
            over = request.standing in (asker.Standing.PLACED, asker.Standing.CANCELLED)
            for leg in request.legs:
                assert not over or leg.at in (At.GRANTED, *asker_request.OVER), "not released here"
                known = self.providers[leg.provider].legs[request.id]
                given = known.at in provider.GIVEN
                assert given is (leg.at is At.GRANTED or leg.arrived), f"{request.id} at {leg.provider}: {leg.at} here, {known.at} there"
                assert leg.at not in (At.SENT, At.CHOSEN), f"{leg.at} here, {known.at} there"
                if leg.at is At.OFFERED:
                    assert known.at is Gives.OFFERED, f"{leg.at} here, {known.at} there"
                    assert leg.offer == known.offer
                if leg.at in asker_request.OVER:
                    assert known.at in (Gives.ENDED, Gives.ARRIVED), f"{leg.at} here, {known.at} there"
        for there in self.providers.values():
            assert set(there.legs) <= set(self.asker.requests)


def refused(what: Callable[[], object]) -> bool:
    """Whether a rule refused it, or the process died: both leave everything as it was."""
    try:
        what()
    except (BadInput, Crashed):
        return True
    return False


def _put(party: Party, to: Ura, request: str, said: FromAsker | FromProvider) -> None:
    mailbox.put(party.disk, to, request, lambda seq: f"{request} {seq} {to_form(said).decode()}")


def _opened(envelope: str, kind: Any) -> tuple[str, int, Any]:
    request, seq, letter = envelope.split(" ", 2)
    return request, int(seq), from_form(letter.encode(), kind)
