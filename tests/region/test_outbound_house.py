"""A house of which nobody has a port: each organisation calls the gateway for itself, and answers as it would at a port of its own."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import anyio
import pytest
from grpc import aio

from accord.audit.content import Event
from accord.audit.events import Closing, Decision, HeadKept, Release
from accord.audit.verifying import verify
from accord.link.options import CHANNEL
from accord.terms.answers import Ending
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1.dossier_service_pb2_grpc import DossierServiceStub
from testbed import asking
from testbed.killing import Account, Askers, KillableRegion, count_without_line, journal_key, releases
from testbed.people import DINA, KeptRecord
from testbed.people import Region as Generated
from tests.region.trust_world import events_at, journal_of

pytestmark = pytest.mark.slow

#: In one process, without a port.
HOUSE: Final = ("marksveen", "brinkhof", "holterloo")
#: Without a port, in a process of its own.
ALONE: Final = "wieke"
INBOUND: Final = "dinkelhorst"
WITH_LETTER: Final = "marksveen"
LETTER: Final = bytes(range(256)) * 3000
#: Heads are exchanged once a minute.
SECONDS: Final = 150.0


def with_a_letter(generated: Generated) -> Generated:
    """A letter about Dina, of which the content is fetched apart."""
    kept = generated.kept[WITH_LETTER]
    own = next(record for record in kept if record.type == "Patient" and DINA.bsn.encode() in record.json)
    document = {
        "resourceType": "DocumentReference",
        "id": "the-letter",
        "status": "current",
        "subject": {"reference": own.ref},
        "content": [{"attachment": {"contentType": "application/pdf", "url": "Binary/the-letter"}}],
    }
    binary = {"resourceType": "Binary", "id": "the-letter", "contentType": "application/pdf", "data": b64encode(LETTER).decode()}
    letters = [KeptRecord(str(made["resourceType"]), "the-letter", json.dumps(made).encode()) for made in (document, binary)]
    return replace(generated, kept={**generated.kept, WITH_LETTER: (*kept, *letters)})


@pytest.fixture(scope="module")
def region() -> Iterator[KillableRegion]:
    everyone = (*HOUSE, ALONE, INBOUND)
    with KillableRegion.start(
        story=False, holders=everyone, people=40, housed=HOUSE, outbound=(*HOUSE, ALONE), change=with_a_letter, seconds=30.0, patient=True
    ) as region:
        yield region


def comes_true(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def own_of(region: KillableRegion, holder: str) -> set[bytes]:
    return set(region.kept(holder).values())


def test_p8_p13_everybody_of_a_house_without_a_port_answers_with_their_own_records(region: KillableRegion) -> None:
    dossier = region.ask(DINA.bsn)

    assert len({running.pid for name in HOUSE if (running := region.process_of(name))}) == 1
    # At De Holterloo nobody knows her.
    endings = {name: line.ending for name, line in dossier.holders.items()}
    assert endings == dict.fromkeys(endings, Ending.ANSWERED) | {"holterloo": Ending.NOTHING_SHOWN}
    assert dossier.conserves(region.files)
    for name in (*HOUSE, ALONE, INBOUND):
        assert {record.json for record in dossier.of(name)} <= own_of(region, name)
    assert all(dossier.of(name) for name in ("marksveen", "brinkhof"))


def test_p2_whatever_comes_without_a_port_is_in_one_line_on_either_side(region: KillableRegion) -> None:
    askers = Askers(region.gateway_address, journal_key(region.root))
    with askers.asking():
        askers.wait_for_whole_answers(6)
    account = Account()
    at_holders = {name: releases(journal_of(region, name)) for name in (*HOUSE, ALONE, INBOUND)}
    count_without_line(account, askers.disclosed, at_holders, releases(journal_of(region, "gateway")))

    assert account.batches > 0
    assert {batch.holder for batch in askers.disclosed} & set(HOUSE)
    assert (account.without_line_at_holder, account.without_line_at_gateway, account.digests_missing) == (0, 0, 0)


def test_p2_in_the_journal_the_decision_comes_first_and_the_count_last(region: KillableRegion) -> None:
    query = region.ask(DINA.bsn).query_id

    def about_it(holder: str) -> list[type[Event]]:
        return [type(event) for event in events_at(region, holder) if isinstance(event, Decision | Release | Closing) and event.query == query]

    def is_closed(holder: str) -> bool:
        return about_it(holder)[-1:] == [Closing]

    for holder in (WITH_LETTER, ALONE):
        assert comes_true(partial(is_closed, holder))
        lines = about_it(holder)
        assert lines[0] is Decision
        assert set(lines[1:-1]) == {Release}


def test_p7_an_attachment_comes_whole_and_has_its_own_decision_and_line(region: KillableRegion) -> None:
    before = len([event for event in events_at(region, WITH_LETTER) if isinstance(event, Decision)])
    lines = len(releases(journal_of(region, WITH_LETTER)))

    async def fetched() -> bytes:
        about = pb.DossierServiceFetchAttachmentRequest(
            about=asking.request(DINA.bsn), holder=WITH_LETTER, url="Binary/the-letter", record="DocumentReference/the-letter"
        )
        async with aio.insecure_channel(region.gateway_address, options=CHANNEL) as channel:
            return b"".join([frame.frame.chunk async for frame in DossierServiceStub(channel).FetchAttachment(about, timeout=SECONDS)])

    assert anyio.run(fetched) == LETTER
    assert len([event for event in events_at(region, WITH_LETTER) if isinstance(event, Decision)]) == before + 1
    assert len(releases(journal_of(region, WITH_LETTER))) > lines


def test_p10_signed_heads_are_exchanged_with_whoever_has_no_port(region: KillableRegion) -> None:
    def kept_of(holder: str) -> bool:
        ura = region.files[holder].holder.ura.value
        at_gateway = any(isinstance(event, HeadKept) and event.party == ura for event in events_at(region, "gateway"))
        return at_gateway and any(isinstance(event, HeadKept) for event in events_at(region, holder))

    for holder in (*HOUSE, ALONE):
        assert comes_true(partial(kept_of, holder))
        assert not verify(journal_of(region, holder)).breaks


def test_after_the_gateway_was_killed_the_whole_house_is_back(region: KillableRegion) -> None:
    region.stay_at_address()
    region.kill("gateway")
    region.start_again("gateway")

    def everybody_answers() -> bool:
        return region.ask(DINA.bsn).complete

    assert comes_true(everybody_answers)
