"""By which HTTP proxy a way out goes: a setting says it, or HTTPS_PROXY and NO_PROXY of the environment, read as everybody else reads them."""

import os
import re
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from accord.link.addresses import Address
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import CERTIFICATE_FILE, PROXY, UNREADABLE

#: What a setting says for no proxy at all.
NO_PROXY: Final = "none"
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_BRACKETED: Final = re.compile(r"\[(?P<host>[^\[\]]+)\](?::(?P<port>[0-9]{1,5}))?", re.ASCII)


def proxy_for(at: Address, setting: str, where: str, environment: Mapping[str, str] = os.environ) -> str:
    """The proxy by which this address is called; empty for none. *where* is what the setting is called.

    Raises:
        BadInput: `invalid-setting`.
    """
    if setting == NO_PROXY:
        return ""
    if setting:
        return checked_proxy(setting, where)
    named = _variable(environment, "HTTPS_PROXY")
    if not named or _is_exempt(at, _variable(environment, "NO_PROXY")):
        return ""
    return checked_proxy(named if "://" in named else f"http://{named}", "HTTPS_PROXY")


def _variable(environment: Mapping[str, str], name: str) -> str:
    """In small letters first, as everybody else reads them."""
    return environment.get(name.lower()) or environment.get(name, "")


def checked_proxy(url: str, where: str) -> str:
    """A proxy that can be meant.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        split = urlsplit(url)
        # What is no part of an address is dropped by urlsplit or passed on by others: a line's end would begin another header.
        is_plain = url.isascii() and url.isprintable() and not set(url) & set(" \\?#")
        sound = is_plain and split.scheme == "http" and bool(split.hostname) and bool(split.port) and split.path in ("", "/")
    except ValueError:
        sound = False
    if not sound:
        # It is not told what stands there: it may be a password.
        raise BadInput(Fault.INVALID_SETTING, f"{where}: http://host:port, or http://user:password@host:port", then=PROXY)
    return url.removesuffix("/")


def authorities_in(path: Path, setting: str) -> bytes:
    """The certificates (PEM) in the file of a proxy that opens TLS. *setting* is what names it.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{setting}: cannot be read", then=UNREADABLE) from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, ssl.SSLError):
        raise BadInput(Fault.INVALID_SETTING, f"{setting}: no certificates (PEM)", then=CERTIFICATE_FILE) from None
    return content


def _is_exempt(at: Address, exempt: str) -> bool:
    """Whether no proxy leads there: by its name, a domain that it is of, a range of addresses, with a port or without; or to none at all."""
    if at.is_socket:
        return True
    host = at.host.lower().rstrip(".")
    number = _number(host)
    for entry in (part.strip().lower() for part in exempt.split(",")):
        if entry == "*":
            return True
        named, port = _divided(entry)
        if port is not None and port != at.port:
            continue
        domain = named.removeprefix("*").removeprefix(".").rstrip(".")
        if number is not None:
            if _holds(named, number):
                return True
        elif domain and (host == domain or host.endswith(f".{domain}")):
            return True
    return False


def _divided(entry: str) -> tuple[str, int | None]:
    """A host, a domain or a range; and the port, where one is named."""
    bracketed = _BRACKETED.fullmatch(entry)
    if bracketed is not None:
        return bracketed["host"], int(bracketed["port"]) if bracketed["port"] else None
    host, colon, port = entry.rpartition(":")
    # More than one colon is an address of IPv6, and no port.
    if colon and ":" not in host and _PORT.fullmatch(port):
        return host, int(port)
    return entry, None


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _holds(named: str, number: IPv4Address | IPv6Address) -> bool:
    try:
        return number in ip_network(named, strict=False)
    except ValueError:
        return False
