"""How the patient's pages stand: at which address."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from accord.terms.faults import BadInput, Fault


@dataclass(frozen=True, slots=True)
class PatientSettings:
    """`public_url`: scheme, host and port under which browsers know the pages. Plain http is for this machine only.

    Raises:
        BadInput: `invalid-setting`.
    """

    public_url: str
    most_sessions: int = 2000

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_url)
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if f"{parts.scheme}://{parts.netloc}" != self.public_url or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise BadInput(Fault.INVALID_SETTING, "public_url")

    @property
    def is_https(self) -> bool:
        """Whether browsers come over TLS."""
        return self.public_url.startswith("https:")

    @property
    def redirect_uri(self) -> str:
        """Where the login provider sends the browser back to."""
        return f"{self.public_url}/terug"
