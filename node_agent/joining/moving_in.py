"""Moving into a house: which folder an organisation that joins gets there, and that its place is nobody else's."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from accord.link.desk_forms import InvitedForm, TokenForm, token_id
from accord.link.office_line import OfficeLine, desk_url, pinned_authority
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.next_steps import HOUSE_NAME, HOUSE_PORT, UNREADABLE
from node_agent.house import SHARED, look, of_the_house
from node_agent.joining.flow import Wanted, listens_at
from node_agent.joining.folder import AgentFolder
from node_agent.keeping_apart import claimed_twice
from node_agent.settings import AgentSettings, HolderSettings, ListenSettings


@dataclass(frozen=True, slots=True)
class _Newcomer:
    """As it would live there."""

    name: str
    folder: Path
    settings: AgentSettings


async def folder_in(house: Path, wanted: Wanted) -> AgentFolder:
    """The folder, in a house, of who is invited by the token: named as the office has it.

    Raises:
        BadInput: `invalid-setting`: the house is no folder, or somebody there has the name or the address; or what the desk refuses.
        Unavailable: `desk-unreachable`.
    """
    # A house that is not there yet is made by whoever moves in first.
    if house.exists() and not house.is_dir():  # noqa: ASYNC240 - nobody else waits
        raise BadInput(Fault.INVALID_SETTING, "--house: this is no folder", then=UNREADABLE)
    token = token_id(wanted.token)
    for join in house.glob("*/join.json"):  # noqa: ASYNC240 - as above
        begun = AgentFolder(join.parent)
        progress = begun.progress()
        if progress is not None and progress.token == token:
            return begun
    url = desk_url(wanted.desk)
    authority = await pinned_authority(url, wanted.fingerprint, wanted.proxy, wanted.proxy_ca)
    line = OfficeLine(url, (authority,), proxy=wanted.proxy, ca_file=wanted.proxy_ca)
    invited = await line.ask("/v1/invitation", TokenForm(wanted.token), InvitedForm)
    # It becomes a part of a path.
    name = HolderName(invited.name).value
    if house.exists():  # noqa: ASYNC240 - as above
        _check_place(house, name, invited.ura, listens_at(wanted))
    return AgentFolder(house / name)


def gives_a_source(house: Path) -> bool:
    """Whether the house has a source in common, which nobody's own settings should go over unasked.

    Raises:
        BadInput: `invalid-setting`.
    """
    return (house / SHARED).is_file() and of_the_house(house).source != AgentSettings().source


def _check_place(house: Path, name: str, ura: str, listens: str) -> None:
    found = look(house)
    there = found.residents.get(name)
    if there is not None and there.settings.holder.ura != ura:
        raise BadInput(Fault.INVALID_SETTING, f"--house: {name} is there already, and is another organisation", then=HOUSE_NAME)
    others = [resident for resident in found.residents.values() if resident.name != name]
    # Only its name, number and address are known by now; the rest is in its own folder.
    settings = msgspec.structs.replace(AgentSettings(), holder=HolderSettings(ura=ura, name=name), listen=ListenSettings(address=listens))
    folders = {resident.name: resident.folder for resident in others} | {name: house / name}
    claimed = claimed_twice([*others, _Newcomer(name, house / name, settings)], [resident.name for resident in others], folders)
    if name in claimed:
        raise BadInput(Fault.INVALID_SETTING, f"--address, --listen: {claimed[name]}", then=HOUSE_PORT)
