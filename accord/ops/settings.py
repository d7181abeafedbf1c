"""The settings of whoever looks after a process, the same for every part."""

from typing import Literal

import msgspec


class OpsSettings(msgspec.Struct, frozen=True):
    """Where `/healthz`, `/readyz` and `/metrics` answer (`host:port` or a unix socket); off without `listen`.

    It is plain HTTP without a login, so on this machine only, unless `beyond_loopback`: then whoever reaches the address can
    read it. No patient is in it; how much a care provider is asked is.
    """

    listen: str = ""
    beyond_loopback: bool = False


class LogSettings(msgspec.Struct, frozen=True):
    """How the log is written, on standard error: `plain` for people, `json` for programs, a line each."""

    format: Literal["plain", "json"] = "plain"
    level: Literal["debug", "info", "warning", "error"] = "info"
