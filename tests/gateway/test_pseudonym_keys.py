"""By which key a holder is asked: the file of the gateway's folder, or what the holder sealed in the register."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from accord.link.policy_file import default_policy
from accord.link.pseudonyms import PseudonymKey
from accord.region.office import Office
from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import Member, MemberStatus, Part
from accord.terms.vocabulary import HolderKind
from gateway.register import LiveHolders, read_keys

FILE, SEALED = PseudonymKey(bytes(range(32))), PseudonymKey(bytes(range(1, 33)))


@pytest.mark.parametrize(("sealed", "told"), [(SEALED, 1), (FILE, 0), (None, 0)])
def test_an_old_file_that_goes_before_what_was_sealed_is_named_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], sealed: PseudonymKey | None, told: int
) -> None:
    office = Office.found(tmp_path / "office", "twente", default_policy(), at=datetime.now(UTC))
    parts = frozenset({Part.DATA_HOLDER})
    name = HolderName("noaberhoes")
    member = Member(Ura("90001005"), name, "N", HolderKind.HOSPICE, "", MemberStatus.ACTIVE, parts, "127.0.0.1:1")
    holders = LiveHolders(lambda: office.signed().register, {name: FILE}, lambda _: sealed)
    for days in (1, 2):
        with office.change(datetime.now(UTC)) as draft:
            draft.renew(days)
            if not draft.knows(member.ura):
                draft.add(member)

        assert holders.by_name(name).key == FILE
    assert "".join(capfd.readouterr()).count("remove noaberhoes.key") == told


def test_a_folder_of_keys_that_is_not_there_is_an_empty_one_and_one_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert read_keys(tmp_path / "keys") == {}
    with pytest.raises(BadInput, match=r"region\.keys"):
        read_keys(tmp_path / "file")
