"""Which gateways are called, and by which proxy: what cannot be meant is refused, and no password is told."""

from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from accord.link.office_settings import OfficeSettings
from accord.link.proxies import authorities_in
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import CERTIFICATE_FILE, UNREADABLE
from node_agent.outbound_settings import OutboundSettings, check_outbound, proxy_to
from node_agent.settings import AgentSettings

KEY_PEM = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

GATEWAY = "gateway-1.region.example:443"


def by(environment: dict[str, str], gateway: str = GATEWAY) -> str:
    return proxy_to(gateway, OutboundSettings([gateway]), environment)


@pytest.mark.parametrize("gateways", [[], [GATEWAY], [GATEWAY, "192.0.2.1:443"], ["[2001:db8::1]:443"], ["unix:/run/door"]])
@pytest.mark.parametrize(
    "proxy", ["", "none", "http://proxy.example:3128", "http://proxy.example:3128/", "http://a:b%40c@192.0.2.9:8080", "http://[2001:db8::9]:3128"]
)
def test_what_can_be_used_is_taken(gateways: list[str], proxy: str) -> None:
    check_outbound(OutboundSettings(gateways, proxy))


@pytest.mark.parametrize("gateway", ["", "gateway", "https://gateway.example:443", "gateway.example:99999", "gate way:1", "::1:443", "a:b@c:1"])
def test_a_gateway_that_is_no_address_is_refused(gateway: str) -> None:
    with pytest.raises(BadInput) as failed:
        check_outbound(OutboundSettings([gateway]))

    assert (failed.value.fault, failed.value.where) == (Fault.INVALID_SETTING, "outbound.gateways: host:port")


def test_a_gateway_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadInput):
        check_outbound(OutboundSettings([GATEWAY, GATEWAY]))


WRONG = [
    "proxy.example:3128",
    "https://user:hush@proxy.example:3128",
    "socks5://user:hush@proxy.example:1080",
    "http://user:hush@proxy.example",
    "http://user:hush@:3128",
    "http://user:hush@proxy.example:x",
    "http://user:hush@proxy.example:3128/path",
    "http://user:hush@proxy.example:3128?q",
    "http://user:hush@[::1:3128",
    "http://user:hush@proxy.example:3128#f",
    "http://user:hush@proxy.example:0",
    "http://user:hu sh@proxy.example:3128",
    "http://user:hush@proxy.example:3128\r\nx: y",
    "NONE",
]


@pytest.mark.parametrize("proxy", WRONG)
def test_a_proxy_that_cannot_be_meant_is_refused_without_telling_what_stands_there(proxy: str) -> None:
    with pytest.raises(BadInput) as failed:
        check_outbound(OutboundSettings([GATEWAY], proxy))

    assert failed.value.fault is Fault.INVALID_SETTING
    assert failed.value.where.startswith("outbound.proxy: http://host:port")
    assert "hush" not in str(failed.value)


def test_the_setting_counts_before_the_environment() -> None:
    environment = {"HTTPS_PROXY": "http://other.example:1"}

    assert proxy_to(GATEWAY, OutboundSettings([GATEWAY], "http://own.example:2"), environment) == "http://own.example:2"
    assert proxy_to(GATEWAY, OutboundSettings([GATEWAY], "none"), environment) == ""
    # What is set is set: the environment's exceptions are about the environment's proxy.
    assert proxy_to(GATEWAY, OutboundSettings([GATEWAY], "http://own.example:2"), {"NO_PROXY": "*"}) == "http://own.example:2"


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": ""}, ""),
        ({"HTTP_PROXY": "http://p.example:1"}, ""),
        ({"HTTPS_PROXY": "http://p.example:1"}, "http://p.example:1"),
        ({"HTTPS_PROXY": "p.example:1"}, "http://p.example:1"),
        ({"https_proxy": "http://small.example:1", "HTTPS_PROXY": "http://p.example:1"}, "http://small.example:1"),
        # One that is empty is none.
        ({"https_proxy": "", "HTTPS_PROXY": "http://p.example:1"}, "http://p.example:1"),
        ({"https_proxy": "http://p.example:1", "no_proxy": "x.example", "NO_PROXY": "*"}, "http://p.example:1"),
    ],
)
def test_the_environment_is_read_as_everybody_else_reads_it(environment: dict[str, str], proxy: str) -> None:
    assert by(environment) == proxy


@pytest.mark.parametrize(
    ("exempt", "gateway", "is_exempt"),
    [
        ("*", GATEWAY, True),
        ("region.example", GATEWAY, True),
        (".region.example", GATEWAY, True),
        ("*.region.example", GATEWAY, True),
        ("REGION.example.", GATEWAY, True),
        ("a, gateway-1.region.example ,b", GATEWAY, True),
        ("gateway-1.region.example:443", GATEWAY, True),
        ("gateway-1.region.example:444", GATEWAY, False),
        ("egion.example", GATEWAY, False),
        ("gateway-1", GATEWAY, False),
        ("", GATEWAY, False),
        (",,", GATEWAY, False),
        ("192.0.2.1", "192.0.2.1:443", True),
        ("2.1", "192.0.2.1:443", False),
        ("192.0.2.0/24", "192.0.2.1:443", True),
        ("192.0.3.0/24", "192.0.2.1:443", False),
        ("2001:db8::1", "[2001:db8::1]:443", True),
        ("[2001:db8::1]", "[2001:db8:0::1]:443", True),
        ("2001:db8::/32", "[2001:db8::1]:443", True),
    ],
)
def test_the_hosts_to_which_no_proxy_leads(exempt: str, gateway: str, *, is_exempt: bool) -> None:
    assert (by({"HTTPS_PROXY": "http://p.example:1", "NO_PROXY": exempt}, gateway) == "") is is_exempt


def test_a_wrong_proxy_of_the_environment_is_told_by_its_name() -> None:
    with pytest.raises(BadInput) as failed:
        by({"HTTPS_PROXY": "https://user:hush@p.example:1"})

    assert failed.value.where.startswith("HTTPS_PROXY")
    assert "hush" not in str(failed.value)


def test_a_socket_on_this_machine_is_not_reached_by_a_proxy() -> None:
    assert by({"HTTPS_PROXY": "http://p.example:1"}, "unix:/run/door") == ""


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_stands_there_it_is_used_or_refused(proxy: str, exempt: str) -> None:
    used = ""
    with suppress(BadInput):
        used = by({"HTTPS_PROXY": proxy, "NO_PROXY": exempt})

    assert used == "" or used.startswith("http://")


def test_the_way_to_the_office_is_that_to_the_gateways_where_it_has_none_of_its_own(tmp_path: Path) -> None:
    outbound = OutboundSettings(proxy="http://proxy.example:3128", ca_file="proxy-ca.pem")
    office = OfficeSettings("https://desk.example:8490", "none", str(tmp_path / "own.pem"))
    same = AgentSettings(outbound=outbound).way_to_office(tmp_path)
    own = AgentSettings(outbound=outbound, office=office).way_to_office(tmp_path)

    assert (same.proxy, same.ca_file) == ("http://proxy.example:3128", str(tmp_path / "proxy-ca.pem"))
    assert own == office
    assert AgentSettings().way_to_office(tmp_path).ca_file == ""


@pytest.mark.parametrize(("content", "then"), [(None, UNREADABLE), (b"", CERTIFICATE_FILE), (b"\x30\x82\x01", CERTIFICATE_FILE), (KEY_PEM, CERTIFICATE_FILE)])
def test_an_authority_of_a_proxy_that_is_none_is_refused_with_what_to_ask_for(tmp_path: Path, content: bytes | None, then: str) -> None:
    path = tmp_path / "proxy-ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as failure:
        authorities_in(path, "office.ca_file")

    assert (failure.value.fault, failure.value.then) == (Fault.INVALID_SETTING, then)
    assert str(failure.value.where).startswith("office.ca_file: ")
