"""What an open page is told while its dossier fills: every change, none lost while another is told, and the end without delay."""

from datetime import UTC, datetime

import anyio
import pytest

from accord.terms.identifiers import Bsn
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.view import ClinicalView
from gateway.viewer.dossiers import OpenDossier
from gateway.viewer.ports import Question
from gateway.viewer.sessions import LoggedIn, Owner
from gateway.viewer.streaming import events_of
from testbed.people import DINA
from tests.gateway.viewer.conftest import GP
from tests.gateway.viewer.night import batch, holder, planned, result

pytestmark = pytest.mark.anyio

NIGHT = datetime(2026, 11, 21, 1, 41, tzinfo=UTC)


def filling() -> OpenDossier:
    """A dossier of which nothing came yet."""
    dossier = OpenDossier(Owner(), Question(Bsn(DINA.bsn), None, LoggedIn(GP, None).treating()), NIGHT, NIGHT, ClinicalView(table(), NIGHT))
    dossier.add(planned(holder("twickelaar")))
    return dossier


async def test_what_changes_while_a_change_is_told_is_told_after_it() -> None:
    dossier = filling()
    told = events_of(dossier)
    assert "changed" in await anext(told)
    dossier.add(batch("twickelaar", [result(1, "1.0", "2026-01-01")]))
    assert "changed" in await anext(told)
    dossier.add(batch("twickelaar", [result(2, "2.0", "2026-01-02")]))

    with anyio.fail_after(5):
        assert "changed" in await anext(told)
    await told.aclose()


async def test_the_end_is_told_without_waiting_for_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.viewer.streaming._AT_LEAST_SECONDS", 3600.0)
    monkeypatch.setattr("gateway.viewer.streaming._AT_MOST_SECONDS", 3600.0)
    dossier = filling()
    told = events_of(dossier)
    assert "changed" in await anext(told)
    dossier.add(batch("twickelaar", [result(1, "1.0", "2026-01-01")]))
    assert "changed" in await anext(told)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_end, dossier)
            assert "complete" in await anext(told)


async def _end(dossier: OpenDossier) -> None:
    dossier.end(None)
