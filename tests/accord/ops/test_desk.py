"""An operator's machines see whether questions can be answered, and why not, in fixed codes; and what is counted is about nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from accord.audit.content import Asking, Truth, Withheld
from accord.audit.events import BudgetAlarm, Closing, Decision, RefusedQuestion, Release
from accord.audit.journal import Journal
from accord.link.certificates import certify, make_authority
from accord.ops.desk import Desk
from accord.ops.measures import JournalMeter
from accord.ops.settings import OpsSettings
from accord.ops.standing import Party
from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.vocabulary import CareCategory

pytestmark = pytest.mark.anyio
ASKING = Asking(user="90001001", professional="900000031", role="01.015")
CANARY = "999984056"


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    async with anyio.create_task_group() as tasks:
        address = await desk.serve(OpsSettings(listen="127.0.0.1:0"), tasks)
        async with httpx2.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
            yield client
        tasks.cancel_scope.cancel()


def certificate(folder: Path, days: int) -> Path:
    """A certificate that expires after so many days."""
    now = datetime.now(UTC)
    authority = make_authority("twente", at=now - timedelta(days=400), days=800)
    made = certify(authority, ec.generate_private_key(ec.SECP256R1()).public_key(), Ura("90001003"), at=now - timedelta(days=300), days=300 + days)
    path = folder / f"{days}.pem"
    path.write_text(made, encoding="ascii")
    return path


async def test_it_is_alive_before_it_is_ready_and_says_why_not() -> None:
    desk = Desk("agent")
    desk.expect("brinkhof")

    async with served(desk) as client:
        alive, ready = await client.get("/healthz"), await client.get("/readyz")
        with desk.looks_at("brinkhof", Party()):
            then = await client.get("/readyz")

    assert (alive.status_code, ready.status_code, then.status_code) == (200, 503, 200)
    assert [reason["code"] for reason in ready.json()["organisations"]["brinkhof"]["reasons"]] == ["not-ready-yet"]
    assert then.json() == {"ready": True, "organisations": {"brinkhof": {"ready": True, "reasons": [], "warnings": []}}}


@pytest.mark.parametrize(
    ("days", "reasons", "warnings"), [(-1, ["certificate-expired"], []), (5, [], ["certificate-expiring"]), (60, [], [])], ids=["expired", "expiring", "valid"]
)
async def test_a_certificate_that_expired_is_a_reason_and_one_that_soon_will_is_a_warning(
    tmp_path: Path, days: int, reasons: list[str], warnings: list[str]
) -> None:
    told = Party(certificate=certificate(tmp_path, days)).standing().told()

    assert [reason["code"] for reason in told["reasons"]] == reasons
    assert [warning["code"] for warning in told["warnings"]] == warnings
    assert told["ready"] == (not reasons)


@pytest.mark.parametrize(("days", "late"), [(120, False), (90, True), (5, True)], ids=["not due", "late", "very late"])
async def test_a_certificate_that_renews_itself_is_a_warning_only_when_it_did_not(tmp_path: Path, days: int, late: bool) -> None:  # noqa: FBT001 - a case
    """It was made 300 days ago: two thirds of its life are over when 150 are left, and it should have come soon after."""
    party = Party(certificate=certificate(tmp_path, days), renews=True)
    ends = timedelta(days=300 + days) * (2 / 3 + 1 / 12) < timedelta(days=300)

    assert (party.standing().warnings == (Fault.CERTIFICATE_EXPIRING,)) == late == ends


async def test_a_closed_journal_and_a_source_that_is_down_are_reasons(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "90001003", sync_seconds=30.0)
    journal.close()

    assert Party(journal=journal).standing().reasons == (Fault.JOURNAL_UNAVAILABLE,)
    assert Party(trouble=lambda: Fault.SOURCE_UNAVAILABLE).standing().reasons == (Fault.SOURCE_UNAVAILABLE,)


@pytest.mark.parametrize("chosen", [Fault.PAUSED, Fault.SHADOW])
async def test_p8_what_its_own_people_chose_takes_nobody_out_of_reach_who_is_to_say_so(chosen: Fault) -> None:
    """A machine that sends nothing to whoever is not ready would make `unreachable` of `paused`."""
    desk = Desk("agent")
    async with served(desk) as client:
        with desk.looks_at("brinkhof", Party(chosen=lambda: chosen)):
            ready, measures = await client.get("/readyz"), (await client.get("/metrics")).text

    assert ready.status_code == 200
    assert [one["code"] for one in ready.json()["organisations"]["brinkhof"]["warnings"]] == [chosen.value]
    assert 'noaber_ready{holder="brinkhof"} 1.0' in measures
    assert f'noaber_not_ready{{holder="brinkhof",reason="{chosen.value}"}} 1.0' in measures


async def test_of_a_house_everybody_is_seen_also_who_is_not_served() -> None:
    desk = Desk("agent")
    for name in ("a", "b", "c"):
        desk.expect(name)
    desk.gone("c")

    async with served(desk) as client:
        with desk.looks_at("a", Party()):
            everybody, one, other = await client.get("/readyz"), await client.get("/readyz/a"), await client.get("/readyz/c")

    assert (everybody.status_code, one.status_code, other.status_code) == (503, 200, 404)
    assert sorted(everybody.json()["organisations"]) == ["a", "b"]


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/readyz", 405), ("GET", "/", 404), ("HEAD", "/healthz", 200), ("GET", "/readyz/x", 404)])
async def test_nothing_else_is_there(method: str, path: str, status: int) -> None:
    async with served(Desk("agent")) as client:
        assert (await client.request(method, path)).status_code == status


async def test_it_listens_on_this_machine_only_unless_somebody_chose_otherwise() -> None:
    async with anyio.create_task_group() as tasks:
        with pytest.raises(BadInput) as refused:
            await Desk("agent").serve(OpsSettings(listen="0.0.0.0:0"), tasks)
        there = await Desk("agent").serve(OpsSettings(listen="0.0.0.0:0", beyond_loopback=True), tasks)
        tasks.cancel_scope.cancel()

    assert refused.value.fault is Fault.LOOPBACK_ONLY
    assert there.startswith("0.0.0.0:")


async def test_what_is_journalled_is_counted_and_nothing_of_anybody_is_in_it(tmp_path: Path) -> None:
    desk = Desk("agent")
    common: dict[str, Any] = {"query": f"q{CANARY}", "patient": CANARY, "holder": "90001003", "asking": ASKING}
    meter = JournalMeter(desk.measures, "brinkhof", lambda _: "brinkhof")
    with Journal(tmp_path / "journal", "90001003", sync_seconds=30.0, onlooker=meter) as journal:
        await journal.append(
            Decision(
                **common,
                released=(CareCategory.DOCUMENT,),
                basis="patient-consented",
                withheld=(Withheld(category=CareCategory.GENOMICS, refusal="patient-refused"),),
            )
        )
        await journal.append(Release(**common, batch=0, records=(f"Observation/{CANARY}",), count=3, bytes=700, digest=""))
        await journal.append(Closing(**common, ending=Ending.ANSWERED, truth=Truth.SHOWN, batches=1, count=3, bytes=700))
        await journal.append(RefusedQuestion(fault=Fault.PROOF_USED, count=2))
        await journal.append(BudgetAlarm(of="professional", who=CANARY, patients=101, limit=100))

    async with served(desk) as client:
        with desk.looks_at("brinkhof", Party(journal=journal)):
            text = (await client.get("/metrics")).text

    lines = text.splitlines()
    assert 'noaber_consent_decisions_total{decision="release",holder="brinkhof",reason="patient-consented"} 1.0' in lines
    assert 'noaber_consent_decisions_total{decision="withhold",holder="brinkhof",reason="patient-refused"} 1.0' in lines
    assert 'noaber_released_records_total{holder="brinkhof"} 3.0' in lines
    assert 'noaber_released_bytes_total{holder="brinkhof"} 700.0' in lines
    assert 'noaber_source_results_total{code="",holder="brinkhof",node="brinkhof",outcome="answered"} 1.0' in lines
    assert 'noaber_refusals_total{code="proof-used",holder="brinkhof"} 2.0' in lines
    assert 'noaber_budget_alarms_total{holder="brinkhof",level="professional"} 1.0' in lines
    assert 'noaber_journal_open{holder="brinkhof"} 0.0' in lines
    # The journal's own first and last lines are not counted, but timed.
    assert 'noaber_journal_sync_seconds_count{holder="brinkhof"} 6.0' in lines
    assert CANARY not in text
    assert "900000031" not in text
