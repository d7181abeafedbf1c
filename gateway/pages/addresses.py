"""Under which address browsers know the pages, and what follows from it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from accord.terms.faults import BadInput, Fault


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """Scheme, host and port under which browsers know the pages. Plain http is for this machine only.

    Raises:
        BadInput: `invalid-setting`.
    """

    url: str
    where: str = "public_url"

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            _ = parts.port
        except ValueError:
            raise BadInput(Fault.INVALID_SETTING, self.where) from None
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if f"{parts.scheme}://{parts.netloc}" != self.url or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise BadInput(Fault.INVALID_SETTING, self.where)

    @property
    def is_https(self) -> bool:
        """Whether browsers come over TLS."""
        return self.url.startswith("https:")

    def cookie(self, name: str) -> str:
        """The name of a session cookie; over TLS one that no other host or path can set."""
        return f"__Host-{name}" if self.is_https else name
