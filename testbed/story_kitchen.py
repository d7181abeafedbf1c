"""Step 6, the kitchen table: Ria helps Dina under her own name; they see who looked, and a stop is in force at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from accord.audit.events import ChoiceChanged, JournalViewed
from accord.audit.reconciling import reconcile
from accord.audit.verifying import events_of, verify
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import HolderKind
from testbed import asking
from testbed.bulk import grown
from testbed.patient_visit import visiting
from testbed.people import DINA
from testbed.region import BlockingRegion
from testbed.revoking import read_slowly
from testbed.story_evidence import Night, expect

_HOLDERS: Final = ("reggerbrug", "brinkhof", "wieke")
#: What De Wieke's planner has open is large enough to be read for a while.
_BYTES: Final = 24_000_000
_PLANNER: Final = {"id": "900000088", "role": "30.000", "name": "Joke Bolscher", "treatment": "registered"}
_WITHIN_SECONDS: Final = 5.0


@contextmanager
def kitchen_table() -> Iterator[BlockingRegion]:
    """A region of its own: with the patient's pages, and a hospital that has very much about Dina."""
    with BlockingRegion.start(story=False, holders=_HOLDERS, patients=True, change=grown({"reggerbrug": _BYTES}), seconds=30.0) as region:
        yield region


def who_looked_in_plain_words(night: Night) -> str:
    """Ria logs in under her own name, and reads who looked at what her mother's holders keep, in a sentence."""
    region = night.region
    expect(bool(region.ask(DINA.bsn).records), True, "the emergency department sees something")
    with visiting(region.patients_url) as visit:
        overview, looked = visit.enter("ria"), visit.get("/inzage")
    expect("Dina Olde Wolbers-Nijkamp" in overview and "Ria" in overview, True, "for whom, and who she is, on the first page")
    expect("Ten Esker keek" in looked and "Ziekenhuis Dinkelhorst" in looked, True, "who looked, in a sentence")
    return "Dokter Ten Esker keek …"


def a_stop_cuts_what_is_open(night: Night) -> str:
    """They press stop for home care while De Wieke's planner has the file open: cut within 5 s, and it says why."""
    region = night.region
    _, wieke = region.connect("connect-wieke", user="wieke", professional=_PLANNER)
    expect(bool(asking.ask(wieke, asking.request(DINA.bsn), 40.0).records), True, "before, the planner sees something")
    with visiting(region.patients_url) as visit:
        visit.enter("ria")
        each = {f"each-{kind}": "objects" if kind is HolderKind.HOME_CARE else "withdrawn" for kind in HolderKind}
        visit.log_in(visit.choose("wishes", overall="each", **each), "ria")
        stop, told = visit.choose("looks:home-care", overall="objects"), list[str]()
        reading = read_slowly(wieke, "reggerbrug", after_batches=5, then=lambda: told.append(visit.log_in(stop, "ria")), pause=0.0)
    expect([name for name in _HOLDERS if region.files[name].holder.title not in told[0]], [], "holders that the page does not name as having confirmed")
    expect((reading.ending, reading.code), (Ending.CUT_OFF, Fault.SHARING_CHANGED), "how it ended")
    expect(reading.seconds_to_last_byte <= _WITHIN_SECONDS, True, f"the last byte came after {reading.seconds_to_last_byte:.1f} s")
    after = asking.ask(wieke, asking.request(DINA.bsn), 40.0)
    expect(list(after.records), [], "what the planner sees afterwards")
    return f"last byte after {reading.seconds_to_last_byte:.2f} s"


def every_choice_has_its_line(night: Night) -> str:
    """Each holder has a line for the choice, made by a representative, and one for who looked at the list."""
    for name in _HOLDERS:
        lines = [event for _, event in events_of(night.region.files[name].agent / "journal")]
        expect({line.by for line in lines if isinstance(line, ChoiceChanged)}, {"representative"}, f"who chose, at {name}")
        expect(any(isinstance(line, JournalViewed) for line in lines), True, f"a line of who looked at the list, at {name}")
    return f"at {len(_HOLDERS)} holders"


def the_journals_agree_at_both_ends(night: Night) -> str:
    """`noaber journal verify` agrees at both ends."""
    gateway = night.region.root / "gateway" / "journal"
    expect(verify(gateway).breaks, [], "breaks at the gateway")
    for name in _HOLDERS:
        own = night.region.files[name].agent / "journal"
        expect(verify(own).breaks, [], f"breaks at {name}")
        expect([one for one in reconcile(own, gateway).differences if not one.how.explained], [], f"differences with {name}")
    return "verified and reconciled"


FACTS: Final[tuple[Callable[[Night], str], ...]] = (
    who_looked_in_plain_words,
    a_stop_cuts_what_is_open,
    every_choice_has_its_line,
    the_journals_agree_at_both_ends,
)
