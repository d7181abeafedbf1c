"""What parties give each other now and then: a newer register counts at once, and has its line once."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.audit.content import Event
from accord.audit.events import RegisterAccepted
from accord.audit.journal import Journal
from accord.audit.verifying import events_of
from accord.link.exchanging import Exchange, Given
from accord.link.live_register import LiveRegister
from accord.terms.faults import Fault, Unavailable
from tests.accord.link.small_region import GATEWAY, HOSPITAL, NOW, SmallRegion

pytestmark = pytest.mark.anyio


class Party:
    """A hospital that knows the register as it was; `newer` are those of later, in their order."""

    def __init__(self, folder: Path) -> None:
        region = SmallRegion(folder)
        self.live: LiveRegister = region.live()
        self.newer: list[str] = []
        for title in ("Esdoorn aan de Regge", "Esdoorn aan de Dinkel"):
            with region.change() as draft:
                draft.renew(100 + len(title))
            self.newer.append(region.text)
        self.journal = Journal(folder / "journal", HOSPITAL.ura.value, sync_seconds=30.0)
        self.exchange = Exchange(self.live, self.journal, HOSPITAL.ura, Ed25519PrivateKey.generate(), now=lambda: NOW)

    async def take(self, text: str) -> None:
        """Take it from a gateway."""
        await self.exchange.take(GATEWAY, Given(register=text))

    @property
    def accepted(self) -> list[int]:
        """The versions that have a line."""
        return [event.version for _, event in events_of(self.journal.folder) if isinstance(event, RegisterAccepted)]


@pytest.fixture
def party(tmp_path: Path) -> Iterator[Party]:
    """A hospital."""
    party = Party(tmp_path)
    yield party
    party.journal.close()


async def test_a_newer_register_that_many_bring_has_one_line(party: Party) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(party.take, party.newer[0])

    assert party.accepted == [party.live.newest.version]


async def test_a_register_whose_line_failed_counts_and_has_its_line_later(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    before = party.live.newest.version

    async def full(_event: Event) -> int:
        raise Unavailable(Fault.JOURNAL_UNAVAILABLE)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(party.journal, "append", full)
        for text in party.newer:
            with pytest.raises(Unavailable):
                await party.take(text)
    assert party.live.newest.version == before + 2
    await party.take("")

    assert party.accepted == [before + 1, before + 2]
