"""Whether the agent could write: what is known is told, what was never tried is told as that, and an account that was let in once counts until it is refused."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from accord.link.desk_forms import Summary
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from node_agent.conformance.findings import Point, Verdict
from node_agent.conformance.run import Given, check_source
from node_agent.joining.activating import activate
from node_agent.joining.folder import AgentFolder
from node_agent.source_settings import SourceSettings
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from node_agent.sources.sql_dialects import SqlAddress
from node_agent.sources.stu3_server import Stu3Server
from node_agent.write_attempts import Attempts
from testbed.contracts.records import ANNA, observation, patient
from testbed.fhir_server import FhirFaults, fhir_server
from testbed.memory_source import MemorySource
from tests.node_agent.sql_shelf import fill_sqlite, opened

pytestmark = pytest.mark.anyio

GOOD = [patient("a", ANNA), observation("1", "a")]
AS_ANNE = SourceSettings(kind="fhir-server", base="http://127.0.0.1:1/fhir", user="anne")


class Writable(MemorySource):
    """A source that offers to write, and lets in whom it wants."""

    offers = frozenset({"Basic"})
    lets_in = False

    async def writable(self) -> frozenset[str]:
        """What it offers."""
        return self.offers

    async def try_write(self) -> bool:
        """Whether it lets in who asks."""
        return self.lets_in


async def read_only(source: Writable | MemorySource, attempts: Attempts, *, tries: bool = False) -> Point:
    points, _ = await check_source(source, Given([Bsn(ANNA)], try_write=tries), attempts)
    return next(point for point in points if point.name == "read-only")


@pytest.mark.parametrize("offers", [frozenset[str](), frozenset({"Basic"})])
async def test_what_was_never_tried_is_told_as_that_with_how_to_try_it(offers: frozenset[str]) -> None:
    source = Writable(GOOD)
    source.offers = offers
    point = await read_only(source, Attempts())

    assert point.verdict is Verdict.NOT_TRIED
    assert "--try-write" in point.repair


async def test_of_a_source_that_cannot_be_asked_it_is_said_that_nobody_tried() -> None:
    assert (await read_only(MemorySource(GOOD), Attempts(), tries=True)).verdict is Verdict.NOT_TRIED


async def test_an_account_that_was_let_in_counts_in_every_later_run_until_a_newer_attempt_is_refused(tmp_path: Path) -> None:
    source, attempts = Writable(GOOD), Attempts.of(AS_ANNE, tmp_path)
    source.lets_in = True
    assert (await read_only(source, attempts, tries=True)).verdict is Verdict.WRONG

    source.lets_in = False
    later = await read_only(source, attempts)
    assert later.verdict is Verdict.WRONG
    assert "--try-write" in later.repair
    # Another account is no proof that it was mended, either.
    assert (await read_only(source, Attempts.of(msgspec.structs.replace(AS_ANNE, user="bert"), tmp_path))).verdict is Verdict.WRONG

    assert (await read_only(source, attempts, tries=True)).verdict is Verdict.GOOD
    assert (await read_only(source, attempts)).verdict is Verdict.GOOD


async def test_a_refusal_counts_for_the_account_that_was_refused_and_for_no_other(tmp_path: Path) -> None:
    source = Writable(GOOD)
    assert (await read_only(source, Attempts.of(AS_ANNE, tmp_path), tries=True)).verdict is Verdict.GOOD

    assert (await read_only(source, Attempts.of(AS_ANNE, tmp_path))).verdict is Verdict.GOOD
    assert (await read_only(source, Attempts.of(msgspec.structs.replace(AS_ANNE, user="bert"), tmp_path))).verdict is Verdict.NOT_TRIED


def test_what_is_kept_of_an_attempt_holds_no_secret_and_one_that_cannot_be_read_is_no_leave(tmp_path: Path) -> None:
    secret = msgspec.structs.replace(AS_ANNE, password="zeer-geheim", token="zeer-geheim")
    attempts = Attempts.of(secret, tmp_path)
    attempts.keep(let_in=True)
    (kept,) = tmp_path.iterdir()
    assert b"geheim" not in kept.read_bytes()
    assert attempts.account == Attempts.of(AS_ANNE, tmp_path).account

    kept.write_bytes(b"{")
    with pytest.raises(BadInput) as why:
        attempts.newest()
    assert why.value.fault is Fault.INVALID_SETTING


async def test_a_fhir_server_that_takes_no_writes_is_not_tried_until_somebody_wants_it() -> None:
    async with fhir_server(GOOD) as running, FhirServer(FhirEndpoint(running.base)) as source:
        running.desk.witness.reset()
        asked, _ = await check_source(source, Given([Bsn(ANNA)]))
        assert not any(seen.path.startswith("Basic") for seen in running.desk.witness.seen)
        tried, _ = await check_source(source, Given([Bsn(ANNA)], try_write=True))

    verdicts = [{point.name: point.verdict for point in points}["read-only"] for points in (asked, tried)]
    assert verdicts == [Verdict.NOT_TRIED, Verdict.GOOD]


async def test_a_server_of_stu3_is_tried_as_any_other() -> None:
    async with fhir_server(GOOD, FhirFaults(fhir_version="3.0.2")) as running, Stu3Server(FhirEndpoint(running.base)) as source:
        verdicts = [(await check_source(source, Given([Bsn(ANNA)], try_write=tried)))[0] for tried in (False, True)]

    assert [{point.name: point.verdict for point in points}["read-only"] for points in verdicts] == [Verdict.NOT_TRIED, Verdict.GOOD]


async def test_a_database_says_itself_what_its_user_could_do_beside_reading(tmp_path: Path) -> None:
    fill_sqlite(tmp_path / "gp.db", GOOD)
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db")) as source:
        points, _ = await check_source(source, Given([Bsn(ANNA)], try_write=True))

    assert {point.name: point.verdict for point in points}["read-only"] is Verdict.GOOD


async def test_nobody_takes_part_whose_account_was_let_in_whatever_an_older_run_said(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('[holder]\nura = "90001005"\n', encoding="ascii")
    (tmp_path / "authority.pem").touch()
    passed = Summary("90001005", "twente", datetime.now(UTC), "0", passed=True, verdicts={}, people=1, records=1, report="0")
    (tmp_path / "conformance.json").write_bytes(msgspec.json.encode(passed))
    Attempts.of(SourceSettings(), tmp_path).keep(let_in=True)

    with pytest.raises(BadInput) as why:
        await activate(AgentFolder(tmp_path), print)

    assert why.value.fault is Fault.NOT_CHECKED
    assert "--try-write" in why.value.where


async def test_whoever_moves_to_a_source_that_knows_its_rights_is_not_held_by_what_another_one_let_in(tmp_path: Path) -> None:
    attempts = Attempts.of(SourceSettings(kind="sql", url="sqlite:///gp.db"), tmp_path)
    attempts.keep(let_in=True)
    fill_sqlite(tmp_path / "gp.db", GOOD)
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db")) as source:
        points, _ = await check_source(source, Given([Bsn(ANNA)]), attempts)
    newest = attempts.newest()

    assert {point.name: point.verdict for point in points}["read-only"] is Verdict.GOOD
    assert newest is not None
    assert not newest.let_in
