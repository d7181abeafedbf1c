"""The law of placing in a whole world: no place is given twice, no request has two, nothing is lost, and planted breaches are seen.

Deliveries are lost, repeated, late and turned around; processes die before their transaction is over; clocks differ by up to
a minute. The mailbox makes of that what the rules see: every letter once and in order.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from accord.rules.placing import asker, provider, provider_hearing
from accord.rules.placing.asker import At, Choosing, Leg, Request, Says, Standing
from accord.rules.placing.asker_hearing import heard
from accord.terms.identifiers import HolderName
from accord.terms.placing import Chosen, DeclineReason, EndReason, Fit, FromProvider, Granted, Terms, WithdrawReason
from tests.accord.rules.placing.legs import FULL
from tests.accord.rules.placing.world import HOLD, Call, Provider, World, refused

PICK = st.integers(0, 11)
MOSTLY = st.sampled_from([True, True, True, False])
MOMENTS = st.sampled_from([timedelta(seconds=20), HOLD / 2, HOLD * 2, timedelta(hours=5)])
TERMS = st.sampled_from([FULL, FULL, FULL, Terms(Fit.PART, 1), Terms(Fit.OTHER, 2)])


class Placing(RuleBasedStateMachine):
    """One asker, one to three providers with few places, and whatever may happen between them."""

    @initialize(places=st.lists(st.integers(1, 2), min_size=1, max_size=3), ahead=st.lists(st.integers(-60, 60), min_size=3, max_size=3))
    def begins(self, places: list[int], ahead: list[int]) -> None:
        """Some places, two requests, and clocks that differ."""
        self.world = World(places, ahead[: len(places)])
        for choosing in Choosing:
            self.asks(list(range(len(places))), choosing, brought=True)

    def _provider(self, pick: int) -> Provider:
        return list(self.world.providers.values())[pick % len(self.world.providers)]

    def _bring(self, name: HolderName) -> None:
        refused(lambda: self.world.deliver(self.world.pack(name)))

    def _leg(self, pick: int, which: frozenset[At]) -> tuple[Request, HolderName] | None:
        """One of the asker's legs that stand so."""
        found = [(request, leg.provider) for request in self.world.asker.requests.values() for leg in request.legs if leg.at in which]
        return found[pick % len(found)] if found else None

    # -- The asker

    @precondition(lambda self: len(self.world.asker.requests) < 4)
    @rule(picks=st.lists(PICK, min_size=1, max_size=3), choosing=st.sampled_from(Choosing), brought=MOSTLY)
    def asks(self, picks: list[int], choosing: Choosing, brought: bool) -> None:  # noqa: FBT001 -- drawn
        """A new request."""
        names = list(dict.fromkeys(self._provider(pick).name for pick in picks))
        refused(lambda: self.world.begin(names, choosing=choosing))
        for name in names if brought else ():
            self._bring(name)

    @rule(leg=PICK, brought=MOSTLY)
    def asks_again(self, leg: int, brought: bool) -> None:  # noqa: FBT001 -- drawn
        """Somebody who said no is asked once more."""
        if found := self._leg(leg, asker.SILENT):
            request, name = found
            refused(lambda: self.world.asker.does(lambda: asker.put_to(request, (self.world.leg(name),))))
            if brought:
                self._bring(name)

    @rule(leg=PICK)
    def chooses(self, leg: int) -> None:
        """A person takes up an offer."""
        if found := self._leg(leg, frozenset({At.OFFERED})):
            refused(lambda: self.world.asker.does(lambda: asker.choose(*found, self.world.now)))

    @rule(leg=PICK, cancels=st.booleans())
    def gives_up(self, leg: int, cancels: bool) -> None:  # noqa: FBT001 -- drawn
        """A person waits no longer, or needs nothing any more."""
        if found := self._leg(leg, frozenset({At.CHOSEN, At.GRANTED})):
            request, name = found
            what = (lambda: asker.cancel(request, EndReason.CANCELLED, self.world.now)) if cancels else (lambda: asker.give_up(request, name, self.world.now))
            refused(lambda: self.world.asker.does(what))

    # -- Providers

    def _does(self, pick: int, what: Callable[[provider.Leg, datetime, int], provider.Step], which: frozenset[provider.At]) -> None:
        found = [(there, request) for there in self.world.providers.values() for request, leg in there.legs.items() if leg.at in which]
        if found:
            there, request = found[pick % len(found)]
            now = self.world.clock(there)
            refused(lambda: there.does(request, lambda leg: what(leg, now, there.free(request, now))))

    @rule(leg=PICK, terms=TERMS, brought=MOSTLY)
    def offers(self, leg: int, terms: Terms, brought: bool) -> None:  # noqa: FBT001 -- drawn
        """A planner offers a place; the rule may refuse it."""
        self._does(leg, lambda leg, now, free: provider.offer(leg, terms, now + HOLD, now, free), provider.OPEN)
        for name in self.world.providers if brought else ():
            self._bring(name)

    @rule(leg=PICK, which=st.integers(0, 3))
    def answers_otherwise(self, leg: int, which: int) -> None:
        """A planner says no, is interested, withdraws, or sees somebody arrive."""
        answers: tuple[Callable[[provider.Leg, datetime, int], provider.Step], ...] = (
            lambda leg, now, _: provider.decline(leg, DeclineReason.NO_PLACE, "", now),
            lambda leg, _now, _free: provider.be_interested(leg),
            lambda leg, now, _: provider.withdraw(leg, WithdrawReason.STAFF, "", now),
            lambda leg, now, _: provider.arrive(leg, now),
        )
        self._does(leg, answers[which], (provider.OPEN, provider.OPEN, provider.GIVEN | {provider.At.OFFERED}, provider.GIVEN)[which])

    @rule(at=PICK, more=st.sampled_from([0, 0, 0, 0, 1, -1]))
    def counts(self, at: int, more: int) -> None:
        """A planner counts the empty beds, seldom fewer: who does promised more before than there are, and is not held to its count."""
        there = self._provider(at)
        refused(lambda: there.count(max(1, there.places + more), self.world.clock(there)))

    # -- The line, the machines, and time

    @rule(to=PICK, answer_lost=st.booleans(), turned=st.booleans())
    def brings(self, to: int, answer_lost: bool, turned: bool) -> None:  # noqa: FBT001 -- drawn
        """A call there and back, of which the second half may be lost."""
        refused(lambda: self.world.deliver(self.world.pack(self._provider(to).name), answer_lost=answer_lost, turned=turned))

    @rule(to=PICK)
    def sets_out(self, to: int) -> None:
        """A call that comes later, or never."""
        self.world.calls.append(self.world.pack(self._provider(to).name))

    @precondition(lambda self: self.world.calls)
    @rule(which=PICK, once=st.booleans())
    def comes_late(self, which: int, once: bool) -> None:  # noqa: FBT001 -- drawn
        """An old call, perhaps for the second time."""
        call: Call = self.world.calls[which % len(self.world.calls)]
        if once:
            self.world.calls.remove(call)
        refused(lambda: self.world.deliver(call))

    @rule(pick=PICK, asks=st.booleans())
    def dies_in_its_next_transaction(self, pick: int, asks: bool) -> None:  # noqa: FBT001 -- drawn
        """A crash, before anything of it is on disk."""
        (self.world.asker if asks else self._provider(pick)).dies = True

    @rule(passes=MOMENTS, looks=st.booleans())
    def time_passes(self, passes: timedelta, looks: bool) -> None:  # noqa: FBT001 -- drawn
        """And somebody may look."""
        self.world.now += passes
        if looks:
            refused(self.world.looks)

    @rule()
    def comes_to_rest(self) -> None:
        """Every letter is brought."""
        self._wakes()
        self.world.quiet()
        self.world.is_settled()

    # -- The law

    @invariant()
    def keeps_the_law(self) -> None:
        """At every moment."""
        if hasattr(self, "world"):
            self.world.keeps_the_law()

    def teardown(self) -> None:
        """In the end every letter is brought and every hold is over."""
        if not hasattr(self, "world"):
            return
        self._wakes()
        self.world.quiet()
        self.world.keeps_the_law()
        self.world.is_settled()
        self.world.now += timedelta(days=1)
        self.world.looks()
        self.world.quiet()
        self.world.is_settled()
        for there in self.world.providers.values():
            assert all(leg.at is not provider.At.OFFERED for leg in there.legs.values()), "held for ever"

    def _wakes(self) -> None:
        for party in (self.world.asker, *self.world.providers.values()):
            party.dies = False


MANY = settings(max_examples=150, stateful_step_count=40, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
def test_p7_no_place_is_given_twice_and_nothing_is_lost_whatever_happens_on_the_way() -> None:
    run_state_machine_as_test(Placing, settings=MANY)


# -- The test of the test: breaches that were planted are seen, and seen as what they are.


def _grants_without_counting(leg: provider.Leg, number: int, now: datetime, free: int | None) -> provider.Step:
    """A late choice gets its place, whoever has it by then."""
    del free
    if leg.offer is None or leg.offer.number != number or leg.at not in (provider.At.OFFERED, provider.At.LAPSED, *provider.GIVEN):
        return CHOSEN(leg, number, now, None)
    return provider.Step(replace(leg, at=provider.At.GRANTED, since=now), (Granted(number),))


def _offers_what_is_held(leg: provider.Leg, terms: Terms, until: datetime, now: datetime, free: int | None) -> provider.Step:
    del free
    return OFFER(leg, terms, until, now, None)


def _takes_up_a_second(request: Request, says: tuple[Says, ...], now: datetime) -> asker.Step:
    """The next full offer is taken up before the word on the first came."""
    step = SETTLED(request, says, now)
    second = next((leg for leg in step.request.legs if leg.at is At.OFFERED and leg.offer is not None), None)
    if step.request.standing is not Standing.SETTLING or second is None or second.offer is None:
        return step
    taken = step.request.with_leg(replace(second, at=At.CHOSEN, chosen=second.offer))
    return asker.Step(taken, (*step.says, Says(second.provider, Chosen(second.offer.number))))


def _forgets_to_release(request: Request, says: tuple[Says, ...], now: datetime) -> asker.Step:
    """Whoever is not needed is not told so."""
    return asker.Step(replace(request, placed_at=now), says)


def _hears_any_gone(request: Request, leg: Leg, said: FromProvider, now: datetime) -> Request:
    """A late word on an offer that is not the chosen one frees the leg: as it was once."""
    if type(said).__name__ == "Gone" and leg.at is At.CHOSEN:
        return request.with_leg(replace(leg, at=At.OFFERED, since=now, chosen=None))
    return HEARD(request, leg, said, now)


def _ends_nothing(leg: provider.Leg, reason: EndReason, now: datetime) -> provider.Step:
    """A place that is given back stays given."""
    return provider.Step(leg) if leg.at is provider.At.GRANTED else ENDED(leg, reason, now)


CHOSEN, OFFER, ENDED = provider_hearing._chosen, provider.offer, provider_hearing._ended
SETTLED, RELEASED, HEARD = asker._settled, asker._released, heard
FIND = settings(
    max_examples=3_000,
    stateful_step_count=40,
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "name", "breach", "seen"),
    [
        (provider_hearing, "_chosen", _grants_without_counting, "granted twice"),
        (provider, "offer", lambda leg, terms, until, now, _free: _offers_what_is_held(leg, terms, until, now, None), "granted twice"),
        (asker, "_settled", _takes_up_a_second, "granted twice"),
        (asker, "_released", _forgets_to_release, "here"),
        (asker, "heard", _hears_any_gone, None),
        (provider_hearing, "_ended", _ends_nothing, "here"),
        (provider, "look", lambda leg, _now: provider.Step(leg), "held for ever"),
    ],
    ids=["grants-without-counting", "offers-what-is-held", "takes-up-a-second", "forgets-to-release", "hears-any-gone", "ends-nothing", "never-lapses"],
)
def test_p7_a_breach_of_the_law_that_is_planted_is_caught(
    where: ModuleType, name: str, breach: Callable[..., object], seen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, breach)

    with pytest.raises(BaseException, match=seen) as caught:
        run_state_machine_as_test(Placing, settings=FIND)
    failures = caught.value.exceptions if isinstance(caught.value, BaseExceptionGroup) else (caught.value,)
    assert all(isinstance(failure, AssertionError) for failure in failures)
