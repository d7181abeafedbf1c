"""Whether an agent gets where it goes by itself: to the gateways that it calls now, to the office's desk, and by which proxy."""

from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from accord.link.addresses import address
from accord.link.credentials import TlsFiles, https_client_context
from accord.link.office_line import desk_called, desk_url, proxy_to_desk
from accord.link.proxies import authorities_in, proxy_for
from accord.ops.doctor.findings import Finding, ok, problem, warning
from accord.ops.doctor.network import Peer, check_clock, check_peer
from accord.terms.faults import BadInput, Faulted
from accord.terms.members import RegionRegister
from node_agent.doors import REMEMBERED, remembered
from node_agent.naming import Named
from node_agent.outbound_settings import proxy_to
from node_agent.settings import AgentSettings

_NO_CLOCK: Final = "see `timedatectl timesync-status`, or give this command once more with --gateway and the address of a gateway's pages"
_NO_GATEWAY: Final = "ask the office of the region whether this gateway is up, and where; nobody but whoever runs it can start it"
_NO_DESK: Final = (
    "compare office.desk with what the office told you, and ask the office whether its desk is open; until then no certificate is renewed, "
    "and no newer register or gateway is heard of there"
)


def check_gateways_called(settings: AgentSettings, folder: Path, register: RegionRegister, tls: TlsFiles, named: Named) -> list[Finding]:
    """The way to each gateway that the agent calls now, as it goes: by the proxy, where there is one."""
    outbound = settings.outbound
    if not outbound.gateways:
        return []
    told = remembered(folder / REMEMBERED, outbound.gateways) if outbound.follow else ()
    try:
        further = authorities_in(folder / outbound.ca_file, "outbound.ca_file").decode("utf-8") if outbound.ca_file else ""
        proxies = {gateway: proxy_to(gateway, outbound) for gateway in told or outbound.gateways}
    except BadInput as failure:
        return [problem("outbound", str(failure), f"correct it; {named.by_settings('config', 'show')} shows what counts")]
    found: list[Finding] = []
    if told and set(told) != set(outbound.gateways):
        # Whoever looks at the settings alone would look for what is wrong in the wrong place.
        found.append(ok("outbound", f"calls what the office's desk told last ({', '.join(told)}); outbound.gateways only until it is let in there"))
    for gateway, proxy in proxies.items():
        at = address(gateway)
        found += check_peer(Peer(f"gateway {gateway}", at, at.host, register.authorities, tls, proxy, further, called_out_to=True))
    return [replace(one, next=_NO_GATEWAY) if one.next.startswith("start it") else one for one in found]


def check_desk(settings: AgentSettings, folder: Path, register: RegionRegister, tls: TlsFiles, named: Named) -> list[Finding]:
    """The way to the office's desk, as it goes: by the proxy, where there is one. Without it a certificate ends one day."""
    way = settings.way_to_office(folder)
    if not way.desk:
        return []
    try:
        at, proxy = address(urlsplit(desk_url(way.desk)).netloc), proxy_to_desk(way.desk, way.proxy)
        further = authorities_in(Path(way.ca_file), "office.ca_file").decode("utf-8") if way.ca_file else ""
    except BadInput as failure:
        return [problem("the office's desk", str(failure), f"correct it; {named.by_settings('config', 'show')} shows what counts")]
    found = check_peer(Peer("the office's desk", at, desk_called(way.desk, way.ca_file), register.authorities, tls, proxy, further))
    return [warning(one.about, one.seen, _NO_DESK) if one.next.startswith("start it") else one for one in found]


def check_own_clock(settings: AgentSettings, folder: Path, gateway: str, register: RegionRegister | None, tls: TlsFiles) -> list[Finding]:
    """Against the clock of whoever tells it: the gateway that was named, the office, or a FHIR server; evidence lives by the minute."""
    others = (("the gateway", gateway, settings.outbound.proxy), ("the office", settings.office.desk, settings.way_to_office(folder).proxy))
    about, url, proxy = next((each for each in (*others, ("the source", settings.source.base, "none")) if each[1]), ("", "", ""))
    if not url:
        return [warning("clock", "was compared with nobody's", _NO_CLOCK)]
    if about == "the source" or register is None:
        return check_clock(about, url)
    try:
        context = https_client_context(register.authorities, tls)
        by = proxy_for(address(urlsplit(url).netloc), proxy, "outbound.proxy")
    except Faulted:
        return check_clock(about, url)
    # What is wanted is the time, and nothing is said: by which name they are known makes no difference.
    context.check_hostname = False
    return check_clock(about, url, context, by)
