"""An electronic health record that the viewer may be launched from, as the settings name it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import ADDRESS

_LOCAL: Final = ("127.0.0.1", "::1", "localhost")
#: What is asked for beside the launch itself: who is at work, and the one patient.
SCOPES: Final = ("openid", "fhirUser", "patient/Patient.r", "user/Practitioner.r", "user/PractitionerRole.rs")


@dataclass(frozen=True, slots=True)
class Ehr:
    """Which health record, and how it is spoken to.

    `issuer` is its FHIR base, exactly as it sends it in a launch. `secret` or `assertion` (what signs a statement of the client
    for an address, RFC 7523) proves that we are the client; neither: a public client. `treatment` is what a launch there shows
    of the treatment. `role_claim` names the claim of the ID token with the role; empty: the role is asked for. `two_factors`
    are the values of `amr` or `acr` with which somebody logged in by two factors. `elsewhere` are endpoints that are at another
    origin than the issuer, and are believed all the same.

    Raises:
        BadInput: `invalid-setting`: the issuer is no address, or plain http to another machine.
    """

    issuer: str
    client_id: str
    title: str = ""
    secret: str = field(default="", repr=False)
    assertion: Callable[[str], str] | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = SCOPES
    treatment: TreatmentBasis | None = None
    role_claim: str = ""
    two_factors: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not is_sound_address(self.issuer) or not self.client_id:
            raise BadInput(Fault.INVALID_SETTING, "viewer.smart: issuer and client_id; the issuer an https address", then=ADDRESS)

    @property
    def base(self) -> str:
        """The FHIR base without a slash at its end."""
        return self.issuer.rstrip("/")

    def may_call(self, url: object) -> bool:
        """Whether an endpoint that it names is one that we go to: its own origin, or one that the settings name."""
        return isinstance(url, str) and (url in self.elsewhere or (is_sound_address(url) and origin_of(url) == origin_of(self.issuer)))


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def is_sound_address(url: str) -> bool:
    """Whether it is a plain address: https, or http on this machine; no name or password, no query, nothing that two readers read in two ways."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\\"'<>^`{}|") and "/../" not in f"{url}/" and "/./" not in f"{url}/"
    sound = bool(parts.hostname) and parts.username is None and parts.password is None and not parts.query and not parts.fragment
    return plain and sound and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL))
