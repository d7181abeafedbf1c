"""The office makes one signed version of each change, whoever comes at the same time and whatever fails."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from accord.link.register_file import read_register
from accord.region.office import Office
from accord.terms.faults import BadInput, Unavailable
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import Member, MemberStatus, Part
from accord.terms.vocabulary import HolderKind
from tests.accord.link.small_region import HOSPITAL, NOW, POLICY


def holder(number: int) -> Member:
    return Member(Ura(f"{number:08}"), HolderName(f"h{number}"), "Huis", HolderKind.HOSPICE, "", MemberStatus.ACTIVE, frozenset({Part.DATA_HOLDER}))


def test_who_comes_at_the_same_time_waits(tmp_path: Path) -> None:
    office = Office.found(tmp_path / "office", "twente", POLICY, at=NOW)

    def add(number: int) -> None:
        with Office(office.folder).change(NOW) as draft:
            draft.add(holder(number))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(8)))
    assert office.signed().register.version == 9
    assert {member.name for member in office.signed().register.members} == {holder(number).name for number in range(8)}


def test_a_change_that_fails_half_way_is_none(tmp_path: Path) -> None:
    office = Office.found(tmp_path / "office", "twente", POLICY, at=NOW)
    before = office.signed().text

    def fail() -> None:
        with office.change(NOW) as draft:
            draft.add(HOSPITAL)
            draft.block(Ura("00009999"))

    with pytest.raises(BadInput):
        fail()
    assert office.signed().text == before


def test_a_whole_region_is_signed_once(tmp_path: Path) -> None:
    office = Office.found(tmp_path / "office", "twente", POLICY, at=NOW)
    with office.change(NOW) as draft:
        for number in range(14):
            new = Member(Ura(f"{number:08}"), HolderName(f"h{number}"), "Huis", HolderKind.HOSPICE, "", MemberStatus.ACTIVE, frozenset({Part.DATA_HOLDER}))
            draft.add_with_keys(new, tmp_path / f"h{number}", ["127.0.0.1"])

    assert office.signed().register.version == 2
    assert len(office.signed().register.by_certificate) == 14


def test_an_expired_register_is_renewed_by_the_office_and_by_nobody_else(tmp_path: Path) -> None:
    office = Office.found(tmp_path / "office", "twente", POLICY, at=NOW - timedelta(days=9), days=8)
    with pytest.raises(Unavailable, match="register-outdated"):
        read_register(office.signed().text, trusted=[office.public_key], at=NOW)
    with office.change(NOW) as draft:
        draft.renew(8)

    assert read_register(office.signed().text, trusted=[office.public_key], at=NOW).register.version == 2


def test_an_authority_of_a_neighbour_is_taken_back_and_our_own_never(tmp_path: Path) -> None:
    office, other = (Office.found(tmp_path / name, name, POLICY, at=NOW) for name in ("ours", "theirs"))
    ours, theirs = ((one.folder / "authority.pem").read_text(encoding="ascii") for one in (office, other))
    with office.change(NOW) as draft:
        draft.trust(theirs)
        draft.trust(theirs)
    assert office.signed().register.authorities == (ours, theirs)
    with office.change(NOW) as draft:
        draft.distrust(theirs)
    assert office.signed().register.authorities == (ours,)
    for authority in (ours, theirs, ""):
        with pytest.raises(BadInput), office.change(NOW) as draft:
            draft.distrust(authority)
    assert office.signed().register.authorities == (ours,)
