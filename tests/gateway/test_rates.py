"""Questions per second are limited for each organisation and for all, and who must wait is told how long."""

from accord.rules.rates import Rate
from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from gateway.rates import QuestionRates, TooManyQuestions
from gateway.settings import PlacesSettings

HOSPITAL, POST = Ura("90000001"), Ura("90000002")
PLENTY = Rate(1_000, 1_000)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 50.0

    def __call__(self) -> float:
        """The moment."""
        return self.at


def refused(rates: QuestionRates, organisation: Ura) -> TooManyQuestions | None:
    try:
        rates.take(organisation)
    except TooManyQuestions as failure:
        return failure
    return None


def test_p7_after_the_burst_an_organisation_waits_and_is_told_how_long() -> None:
    clock = Clock()
    rates = QuestionRates(Rate(0.25, 2), PLENTY, clock=clock)
    rates.take(HOSPITAL)
    rates.take(HOSPITAL)
    failure = refused(rates, HOSPITAL)

    assert failure is not None
    assert (failure.fault, failure.seconds) == (Fault.TOO_MANY_QUESTIONS, 4)
    clock.at += 4
    rates.take(HOSPITAL)


def test_an_organisation_that_asks_too_much_takes_nothing_from_the_others() -> None:
    rates = QuestionRates(Rate(1, 2), Rate(1, 4), clock=Clock())
    answers = [refused(rates, HOSPITAL) for _ in range(50)]

    assert answers[:2] == [None, None]
    assert None not in answers[2:]
    assert refused(rates, POST) is None
    assert refused(rates, POST) is None


def test_p7_all_together_are_limited_too() -> None:
    clock = Clock()
    rates = QuestionRates(Rate(1, 9), Rate(1, 1), clock=clock)
    rates.take(HOSPITAL)

    assert refused(rates, POST) is not None
    clock.at += 1
    rates.take(POST)


def test_p7_a_hospital_full_of_coordinators_asks_for_places_and_has_a_measure() -> None:
    """Sixty at once, as many as for dossiers; then twenty a second, and not one more."""
    clock, usual = Clock(), PlacesSettings()
    rates = QuestionRates.per_second(usual.questions, usual.questions_in_total, clock=clock)

    assert [refused(rates, HOSPITAL) for _ in range(60)] == [None] * 60
    failure = refused(rates, HOSPITAL)
    assert failure is not None
    assert failure.seconds == 1
    # The others have theirs: two and a half such hospitals at the same moment.
    assert [refused(rates, POST) for _ in range(60)] == [None] * 60
    clock.at += 1
    assert [refused(rates, HOSPITAL) is None for _ in range(21)] == [True] * 20 + [False]


def test_p7_all_organisations_together_have_a_measure_for_places() -> None:
    clock, usual = Clock(), PlacesSettings()
    rates = QuestionRates.per_second(usual.questions, usual.questions_in_total, clock=clock)
    many = [Ura(f"{number:08}") for number in range(150)]

    assert [refused(rates, one) for one in many] == [None] * 150
    assert refused(rates, HOSPITAL) is not None
    clock.at += 1
    assert [refused(rates, one) is None for one in many[:51]] == [True] * 50 + [False]
