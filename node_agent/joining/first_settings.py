"""The first settings file of an agent that joined: complete but for the source."""

import json
from dataclasses import dataclass, field
from typing import Final

from accord.link.desk_forms import InvitedForm

#: What stands in the settings of who was invited with places only.
_NO_SOURCE: Final = """\
[source]
# it takes part with its places only, and shares no records
kind = "none"

"""
_PLACES: Final = """\
[places]
# make this file (docs/places.md), and take the mark away: what your teams, wards and locations do
# services = "services.toml"
# the planners' page; `noaber agent planner --identifier … --name … >> planners.toml` makes an entry of who may see it
# listen = "127.0.0.1:8484"
# people = "planners.toml"

"""


@dataclass(frozen=True, slots=True)
class By:
    """The proxy by which it goes out, as the setting has it, and the file with that proxy's authority; empty for none."""

    proxy: str = field(default="", repr=False)
    ca_file: str = ""


def source_text(fhir_base: str, *, shared: bool, places_only: bool) -> str:
    """The section of the source, none where the house has one for all; who takes part with places only has none, and a section for those."""
    if places_only:
        return (source_text(fhir_base, shared=shared, places_only=False) if fhir_base else _NO_SOURCE) + _PLACES
    if shared and not fhir_base:
        return ""
    which = f'kind = "fhir-server"\nbase = {_text(fhir_base)}' if fhir_base else 'kind = "embedded"\npath = "records.db"'
    return f"[source]\n# where the records are; filled by `noaber agent import`, or a server that is asked anew for every question\n{which}\n\n"


def settings_text(invited: InvitedForm, desk: str, listen: str, source: str, by: By, *, follows: bool = False) -> str:
    """A settings file (TOML) for who joined at this desk; *source* is its section of the source, *by* what it goes out by; it *follows* what the desk tells of gateways."""
    doors = ", ".join(_text(door) for door in invited.doors)
    following = "# and whatever replica the desk tells of later\nfollow = true\n" if follows else ""
    by_proxy = (f"proxy = {_text(by.proxy)}\n" if by.proxy else "") + (f"ca_file = {_text(by.ca_file)}\n" if by.ca_file else "")
    outbound = f"[outbound]\n# all replicas of all gateways, which it calls: it has no port\ngateways = [{doors}]\n{following}{by_proxy}\n" if doors else ""
    return f"""\
# Written by `noaber agent join`. `noaber agent config show` lists every setting.

[holder]
ura = {_text(invited.ura)}
name = {_text(invited.name)}
title = {_text(invited.title)}
kind = {_text(invited.kind.value)}
answer_key = "answer.key"

[region]
register = "register.jws"
anchor = "region.pub"

[tls]
# renewed by the agent itself
certificate = "tls.pem"
key = "tls.key"

[office]
desk = {_text(desk)}
{by_proxy}
[listen]
address = {_text(listen)}

{outbound}[journal]
folder = "journal"

{source}[choices]
# empty until `noaber agent choices import`: silence is no
path = "choices.db"

[locate]
# sealed for the gateways of the region; it never leaves this folder in the clear
key_file = "pseudonym.key"
"""


def _text(value: str) -> str:
    """A TOML string."""
    return json.dumps(value, ensure_ascii=False)
