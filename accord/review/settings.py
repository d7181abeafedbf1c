"""The settings of the review page, the same for a gateway and an agent."""

import msgspec


class ReviewSettings(msgspec.Struct, frozen=True):
    """The review page; off without `listen` (`host:port` or a unix socket).

    `reviewers` is the file of who may review. Anywhere but on this machine it needs a `certificate` and its `key` (PEM
    files) by which browsers believe it. `index` is a file beside the journal that can be thrown away.
    """

    listen: str = ""
    reviewers: str = "reviewers.toml"
    certificate: str = ""
    key: str = ""
    index: str = "journal-index.db"
