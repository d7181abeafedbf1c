"""One request to a FHIR server and one answer, as values."""

from dataclasses import dataclass
from typing import Final

from node_agent.ports import SourceAnswerInvalid, SourceUnavailable

FHIR_JSON: Final = "application/fhir+json"


class SourceDropped(SourceUnavailable):
    """The connection broke off, several times."""


class SourceUnreachable(SourceDropped):
    """There is no connection to be had: there is no point in asking for the rest."""


class SourceRefused(SourceUnavailable):
    """The server answered with a status that is not good."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(f"{what}: HTTP {status}")
        self.status = status


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One request: what it is about (for diagnostics), its address, and its form when it is a POST; a form is sent as `content_type`."""

    what: str
    url: str
    form: bytes | None = None
    accept: str = FHIR_JSON
    content_type: str = "application/x-www-form-urlencoded"

    @property
    def key(self) -> tuple[str, bytes | None]:
        """Equal for requests that would bring the same."""
        return self.url, self.form


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """An answer that was read to its end."""

    status: int
    content_type: str
    body: bytes

    def checked(self, what: str) -> bytes:
        """The body of a good answer.

        Raises:
            SourceAnswerInvalid: It points elsewhere.
            SourceRefused: Any other answer but a good one.
        """
        if 300 <= self.status < 400:
            raise SourceAnswerInvalid(f"{what}: redirect")
        if self.status != 200:
            raise SourceRefused(what, self.status)
        return self.body
