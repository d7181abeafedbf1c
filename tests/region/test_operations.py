"""A region that is asked about a person tells its operators much, and nothing about that person."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from testbed.people import DINA
from testbed.region import BlockingRegion

pytestmark = pytest.mark.slow
HOLDERS = ("brinkhof", "dinkelhorst")


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[BlockingRegion, Path]]:
    """A region in which gateway and agents are looked at, over sockets, and log for programs."""
    with tempfile.TemporaryDirectory(prefix="n-") as made:
        more = {name: {"ops": {"listen": f"unix:{made}/{name}"}, "log": {"format": "json", "level": "debug"}} for name in ("gateway", *HOLDERS)}
        with BlockingRegion.start(story=False, holders=HOLDERS, people=40, more=more, patient=True) as region:
            yield region, Path(made)


def looked(folder: Path, name: str, path: str) -> httpx2.Response:
    """What an operator's machine sees of a part."""
    with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(folder / name)), base_url="http://part") as client:
        return client.get(path)


def test_p6_measures_and_logs_of_a_region_that_answered_hold_nothing_about_the_person(watched: tuple[BlockingRegion, Path]) -> None:
    region, folder = watched
    region.ask(DINA.bsn)
    parts = ("gateway", *HOLDERS)
    told = {name: looked(folder, name, "/metrics").text for name in parts}
    ready = {name: looked(folder, name, "/readyz") for name in parts}
    logs = [path.read_text(encoding="utf-8") for path in region.root.glob("**/log")]
    canaries = {DINA.bsn, *(word for record in region.generated.records_at(HOLDERS[0]) for word in _names_in(record))}

    assert 'outcome="answered"' in told["gateway"]
    assert 'noaber_node_up{holder="gateway",node="brinkhof"} 1.0' in told["gateway"]
    assert re.search(r'^noaber_fanout_duration_seconds_count\{holder="gateway"\} [1-9]', told["gateway"], re.MULTILINE)
    assert 'grpc_method="Query"' in told["brinkhof"]
    assert 'noaber_source_requests_total{holder="brinkhof",operation="records",outcome="ok"}' in told["brinkhof"]
    assert {name: answer.status_code for name, answer in ready.items()} == dict.fromkeys(parts, 200)
    for text in (*told.values(), *logs, *(answer.text for answer in ready.values())):
        assert [canary for canary in canaries if canary in text] == []
    # The last line may be half there: they go on running.
    for line in (line for text in logs for line in text.splitlines(keepends=True) if line.startswith("{") and line.endswith("\n")):
        assert {"event", "level", "timestamp"} <= set(json.loads(line))


def _names_in(record: bytes) -> set[str]:
    """What stands in a record and nowhere else: whole identifiers and birth dates."""
    read = json.loads(record)
    return {read["birthDate"], *(str(one["value"]) for one in read.get("identifier", []))} if read.get("resourceType") == "Patient" else set()
