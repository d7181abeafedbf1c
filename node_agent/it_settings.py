"""The settings of the page for the care provider's own IT."""

import msgspec


class ItSettings(msgspec.Struct, frozen=True):
    """The page for IT; off without `listen` (`host:port` or a unix socket).

    `people` is the file of who may see it. Anywhere but on this machine it needs a `certificate` and its `key` (PEM files)
    by which browsers believe it.
    """

    listen: str = ""
    people: str = "it.toml"
    certificate: str = ""
    key: str = ""
