"""How the patient's pages stand: at which address."""

from dataclasses import dataclass, field

from gateway.pages.addresses import PublicAddress


@dataclass(frozen=True, slots=True)
class PatientSettings:
    """`public_url`: scheme, host and port under which browsers know the pages. Plain http is for this machine only.

    Raises:
        BadInput: `invalid-setting`.
    """

    public_url: str
    most_sessions: int = 2000
    address: PublicAddress = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", PublicAddress(self.public_url))

    @property
    def is_https(self) -> bool:
        """Whether browsers come over TLS."""
        return self.address.is_https

    @property
    def redirect_uri(self) -> str:
        """Where the login provider sends the browser back to."""
        return f"{self.public_url}/terug"
