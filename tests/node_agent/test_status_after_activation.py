"""What the status says of a gateway that does not let the agent in: before it is activated, just after, and with places only."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from accord.ops.doctor.findings import Verdict
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import Member, MemberStatus, Part, RegionRegister
from accord.terms.policies import RegionPolicy, RoleMatrix
from accord.terms.vocabulary import HolderKind
from node_agent.control import GatewaySeen
from node_agent.naming import Named
from node_agent.settings import read_settings
from node_agent.status import Meant, _gateway
from tests.printed_commands import check_printed

URA: Final = "90001005"
NOW: Final = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


def register(status: MemberStatus) -> RegionRegister:
    own = Member(Ura(URA), HolderName("weefgetouw"), "'t Weefgetouw", HolderKind.NURSING_HOME, "", status, frozenset({Part.DATA_HOLDER}))
    return RegionRegister("twente", 2, NOW, NOW + timedelta(days=30), (own,), (), RegionPolicy(RoleMatrix("1", {})))


def meant(folder: Path, kind: str = "embedded") -> Meant:
    settings = read_settings([], [f"holder.ura={URA}", "holder.name=weefgetouw", f"source.kind={kind}"]).values
    return Meant.of(settings, folder, Named((folder / "agent.toml",)))


@pytest.mark.parametrize("code", [Fault.NOT_ACTIVE, Fault.ORGANISATION_BLOCKED])
def test_who_was_activated_a_moment_ago_is_told_to_wait_and_not_to_be_checked_again(tmp_path: Path, code: Fault) -> None:
    found = _gateway(GatewaySeen("gateway:443", code=code.value), meant(tmp_path), register(MemberStatus.ACTIVE))

    assert found.verdict is Verdict.WARNING
    assert "within half a minute" in found.seen
    assert "check" not in found.next
    check_printed(found.next)


@pytest.mark.parametrize(("kind", "asks_for_people"), [("embedded", True), ("none", False)])
def test_who_is_not_active_is_told_what_makes_it_so_and_who_has_places_only_needs_nobodys_number(tmp_path: Path, kind: str, *, asks_for_people: bool) -> None:
    for known in (register(MemberStatus.PLANNED), None):
        found = _gateway(GatewaySeen("gateway:443", code=Fault.NOT_ACTIVE.value), meant(tmp_path, kind), known)

        assert found.verdict is Verdict.PROBLEM
        assert ("--bsns" in found.next) == asks_for_people
        assert "noaber agent activate" in found.next
        check_printed(found.next)
