"""Who may spend whose questions, and who wanted an emergency that is not opened."""

from dataclasses import replace
from typing import Any

import pytest

from accord.audit.events import RefusedQuestion
from accord.link.live_register import LiveRegister
from accord.rules.rates import Rate
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.vocabulary import PurposeOfUse
from gateway.adapters import mandated_callers as module
from gateway.adapters.mandated_callers import MandatedCallers
from gateway.callers import EmergencyRefused
from gateway.rates import QuestionRates, TooManyQuestions
from testbed.plain import PlainLedger, plain_recorder
from tests.accord.link.evidence_world import GATEWAY, GP, OTHER_USER, REGISTER, USER, World, mandate

pytestmark = pytest.mark.anyio


class Live(LiveRegister):
    """A register that stands still."""

    def __init__(self) -> None:
        """Nothing is read."""

    def current(self, _at: Any) -> Any:
        """The register."""
        return REGISTER


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> MandatedCallers:
    """Of a gateway that lets each organisation ask twice; a certificate is here the URA of whose it is."""
    monkeypatch.setattr(module, "certificate_digest", lambda certificate, _at: certificate)
    monkeypatch.setattr(module, "member_by_digest", lambda register, digest: register.by_ura[Ura(digest.decode())])
    world = World()
    return MandatedCallers(Live(), GATEWAY, QuestionRates(Rate(0.01, 2), Rate(0.01, 4), clock=lambda: 0.0), now=world.now)


def ask(callers: MandatedCallers, text: str, shown_by: Ura) -> Fault | None:
    try:
        callers.caller({module.MANDATE: text}, shown_by.value.encode())
    except (BadInput, TooManyQuestions) as refused:
        return refused.fault
    return None


def test_p7_whoever_shows_the_mandate_of_somebody_else_spends_none_of_their_questions(callers: MandatedCallers) -> None:
    text = mandate().text
    replayed = [ask(callers, text, OTHER_USER) for _ in range(20)]
    own = [ask(callers, text, USER) for _ in range(3)]

    assert set(replayed) == {Fault.TOKEN_INVALID}
    assert own == [None, None, Fault.TOO_MANY_QUESTIONS]


async def test_e6_an_emergency_that_is_not_opened_says_who_wanted_it(callers: MandatedCallers) -> None:
    text = mandate(purpose=PurposeOfUse.EMERGENCY_TREATMENT).text
    ledger = PlainLedger()
    with pytest.raises(EmergencyRefused) as refused:
        callers.caller({module.MANDATE: text}, USER.value.encode())
    await replace(plain_recorder(), ledger=ledger).refused(refused.value, USER.value)
    (line,) = ledger.lines

    assert isinstance(line, RefusedQuestion)
    assert (line.emergency, line.peer, line.fault) == (True, USER.value, refused.value.fault)
    assert line.asking is not None
    assert (line.asking.user, line.asking.professional, line.asking.role) == (USER.value, GP.identifier, GP.role)
