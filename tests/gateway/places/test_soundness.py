"""Nobody knows whom a request is about before they are interested: what a person writes for them is looked at for it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from accord.rules.placing import provider as rules
from accord.terms.faults import BadInput, Fault
from gateway.places.ports import Manner
from gateway.places.soundness import says_who
from tests.gateway.places.small_places import DINA, GERBEN, GIST, NEED, NOW, Clock, SmallProvider, SmallRegion, at_home, draft

_TELLING = [
    "Mevrouw Brinkhuis loopt goed",
    "Dina wil graag naar Ria",
    "bsn 999900006",
    "BSN 9999.00.006.",
    "geboren 02-05-1941",
    "van 2-5-1941",
    "(1941-05-02)",
    "Lansink,",
]


@pytest.mark.parametrize("text", _TELLING)
def test_p9_a_text_that_has_the_name_the_day_of_birth_or_the_number_says_who_it_is(text: str) -> None:
    assert says_who(DINA, "", text)


@pytest.mark.parametrize(
    "text", ["", "Loopt met een rollator.", "Van huis uit Twents, 84 jaar.", "053-5550101", "op 05-03-2026", "99990000", "dinsdag naar Dinxperlo"]
)
def test_and_what_says_nothing_of_it_may_be_written(text: str) -> None:
    assert not says_who(replace(DINA, name="Dina Van der Brinkhuis"), text)


@pytest.mark.anyio
async def test_p9_no_text_that_says_who_it_is_leaves_before_anybody_is_interested(tmp_path: Path) -> None:
    clock = Clock()
    provider = SmallProvider(1, 1, clock)
    around = at_home(tmp_path, clock, SmallRegion(clock, provider))
    search = await around.searches.begin(draft(), GERBEN)
    for text in _TELLING:
        for telling in (
            around.searches.begin(draft(gist=replace(GIST, reason=text)), GERBEN),
            around.searches.begin(draft(gist=replace(GIST, facts=("woont alleen", text))), GERBEN),
            around.searches.begin(draft(gist=replace(GIST, words=text)), GERBEN),
            around.searches.change(search, replace(NEED, specialty=text), draft().wishes, GERBEN),
            around.searches.put_to(search, (provider.put_to,), GERBEN, Manner(NOW + timedelta(hours=1), words=text)),
        ):
            with pytest.raises(BadInput) as refused:
                await telling
            assert refused.value.fault is Fault.INVALID_PARAMETER
    await around.searches.put_to(search, (provider.put_to,), GERBEN)
    await around.settle(2)
    with pytest.raises(BadInput):
        await around.searches.tell(search, provider.name, _TELLING[0], GERBEN)
    provider.do(search, rules.be_interested)
    await around.settle(3)

    await around.searches.tell(search, provider.name, _TELLING[0], GERBEN)
    await around.settle(2)

    assert provider.legs[search].who == DINA
    assert [line.words for line in provider.legs[search].lines] == [_TELLING[0]]
