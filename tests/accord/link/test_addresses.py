"""Only this machine may be reached: every other spelling of an address is refused."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.link.addresses import Address, loopback
from accord.terms.faults import BadInput, Fault


@pytest.mark.parametrize(
    ("text", "address", "target"),
    [
        ("127.0.0.1:7001", Address("127.0.0.1", 7001), "127.0.0.1:7001"),
        ("127.255.0.3:0", Address("127.255.0.3", 0), "127.255.0.3:0"),
        ("[::1]:7001", Address("::1", 7001), "[::1]:7001"),
        ("[0:0:0:0:0:0:0:1]:1", Address("0:0:0:0:0:0:0:1", 1), "[0:0:0:0:0:0:0:1]:1"),
        ("localhost:65535", Address("127.0.0.1", 65535), "127.0.0.1:65535"),
        ("unix:/run/agent.sock", Address("/run/agent.sock"), "unix:/run/agent.sock"),
    ],
)
def test_an_address_of_this_machine_is_read(text: str, address: Address, target: str) -> None:
    read = loopback(text)

    assert (read, read.target, read.is_socket) == (address, target, text.startswith("unix"))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0:80", "[::]:80", "10.0.0.1:80", "192.168.1.1:80", "172.16.0.1:80", "169.254.169.254:80", "8.8.8.8:53", "128.0.0.1:80", "126.255.255.255:80",
        "[::2]:80", "[fe80::1]:80", "[::ffff:10.0.0.1]:80", "[::1%eth0]:80", "[::1%evil.example]:80", "example.org:80", "127.0.0.1.evil.example:80",
        "127.0.0.1.nip.io:80", "localhost.evil.example:80", "LOCALHOST:80", "localhost.:80", "localhost6:80", "2130706433:80", "0x7f000001:80", "0x7f.0.0.1:80",
        "017700000001:80", "0177.0.0.1:80", "127.1:80", "127.0.0.01:80", "127.0.0.1 :80", " 127.0.0.1:80", "127.0.0.1\n:80", "１２７.0.0.1:80", "user@127.0.0.1:80",
        "http//127.0.0.1:80", "dns/127.0.0.1:80",
    ],
)  # fmt: skip
def test_any_other_host_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        loopback(text)

    assert (caught.value.fault, caught.value.where) == (Fault.LOOPBACK_ONLY, "address")


@pytest.mark.parametrize(
    "text",
    [
        "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+80", "127.0.0.1:８０", "127.0.0.1:80\n", "127.0.0.1:80 ",
        "127.0.0.1:http", "127.0.0.1:" + "9" * 5_000, "::1", "::1:80", "[::1]", "[::1]80", "[::1:80", "::1]:80", "[[::1]]:80", "[127.0.0.1]:80", "[localhost]:80",
        "unix:agent.sock", "unix:", "ipv4:127.0.0.1:80", "dns:///127.0.0.1:80", "http://127.0.0.1:80",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        loopback(text)

    assert (caught.value.fault, caught.value.where) == (Fault.INVALID_SETTING, "address")


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_of_all_addresses_only_loopback_is_taken(ip: object, port: int) -> None:
    address = ip_address(str(ip))
    text = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    inside = address == ip_address("::1") or (address.version == 4 and str(address).startswith("127."))

    try:
        loopback(text)
        taken = True
    except BadInput:
        taken = False

    assert taken == inside


@given(st.text(max_size=30) | st.text("0123456789.:[]%xlocahst/unix", max_size=25))
def test_whatever_the_text_it_is_this_machine_or_refused(text: str) -> None:
    try:
        address = loopback(text)
    except BadInput:
        return
    assert address.is_socket or ip_address(address.host).is_loopback
    assert 0 <= address.port <= 65_535
