"""What a request wishes for besides its question: format, language, encoding, preferences. Untrusted, so read strictly."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers

from accord.terms.faults import BadInput, Fault
from gateway.dossier.words import Language

FHIR_JSON: Final = "application/fhir+json"
_JSON_TYPES: Final = frozenset({FHIR_JSON, "application/json", "text/json", "json", "application/json+fhir"})
_ANY: Final = frozenset({"*/*", "application/*", "*"})
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_HEADER: Final = 1_000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the client wishes for.

    Attributes:
        request_id: Its own id for this request, or one that we made.
        language: `nl` or `en`.
        of_errors: That of errors: who asks for neither reads them in English, as its developers do.
        gzip: It takes a compressed answer.
        lenient: Unknown parameters may be left out.
        refuse_partial: It takes no part for the whole.
        show_partial: It reads who was missing, and takes a part where others get an error.
        unfolded: It wants identical statements of several holders each for itself.
        exact: It wants every byte as the holder has it, ids and references included.
        json_binary: It asks for FHIR JSON by name, also where raw content could be given.
    """

    request_id: str
    language: Language
    of_errors: Language = "en"
    gzip: bool = False
    lenient: bool = False
    refuse_partial: bool = False
    show_partial: bool = False
    unfolded: bool = False
    exact: bool = False
    json_binary: bool = False

    @property
    def applied(self) -> str:
        """The preferences that were taken into account, as `Preference-Applied` has them."""
        pairs = (
            ("handling=lenient", self.lenient),
            ("noaber-partial=refuse", self.refuse_partial),
            ("noaber-partial=show", self.show_partial and not self.refuse_partial),
            ("noaber-fold=none", self.unfolded),
            ("noaber-bytes=exact", self.exact),
        )
        return ", ".join(name for name, wished in pairs if wished)


def read_wishes(headers: Headers, language: Language) -> Wishes:
    """What the headers wish for; whatever cannot be read is not wished for."""
    preferences = {item.strip().lower().replace('"', "") for line in _lines(headers, "prefer") for item in re.split(r"[,;]", line)}
    given = headers.get("x-request-id", "")
    return Wishes(
        request_id=given if _SANE_ID.fullmatch(given) else uuid4().hex,
        language=_language(headers, language),
        of_errors=_language(headers, "en"),
        gzip=any(_qualities(_lines(headers, "accept-encoding")).get(name, 0.0) > 0 for name in ("gzip", "x-gzip")),
        lenient="handling=lenient" in preferences,
        refuse_partial="noaber-partial=refuse" in preferences,
        show_partial="noaber-partial=show" in preferences,
        unfolded="noaber-fold=none" in preferences,
        exact="noaber-bytes=exact" in preferences,
        json_binary=any(quality > 0 and name in _JSON_TYPES for name, quality in _qualities(_lines(headers, "accept")).items()),
    )


def check_format(headers: Headers, parameters: Mapping[str, str]) -> None:
    """Refuse what is not JSON of FHIR R4. `_format` beats `Accept`.

    Raises:
        BadInput: `unsupported-format`.
    """
    asked = parameters.get("_format")
    # A `+` that was not escaped arrives as a space.
    wanted = [asked.replace(" ", "+")] if asked is not None else _lines(headers, "accept")
    ranges = [item for line in wanted for item in line.split(",") if item.strip()]
    if ranges and not any(_is_offered(item) for item in ranges):
        raise BadInput(Fault.UNSUPPORTED_FORMAT)


def _is_offered(media_range: str) -> bool:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    version = next((p.removeprefix("fhirversion=").strip('"') for p in parameters if p.startswith("fhirversion=")), "4.0")
    refused = any(re.fullmatch(r"q=0(\.0*)?", p) for p in parameters)
    return name in _JSON_TYPES | _ANY and version in ("4.0", "4.0.1") and not refused


def _lines(headers: Headers, name: str) -> list[str]:
    return [line for line in headers.getlist(name) if len(line) <= _LONGEST_HEADER]


def _qualities(lines: Iterable[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for item in (item for line in lines for item in line.split(",")):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
        found[name] = float(quality) if re.fullmatch(r"[01](\.[0-9]{0,3})?", quality) else 0.0
    return found


def _language(headers: Headers, otherwise: Language) -> Language:
    qualities = _qualities(_lines(headers, "accept-language"))
    dutch, english = (max((q for name, q in qualities.items() if name.split("-")[0] == ours), default=0.0) for ours in ("nl", "en"))
    if dutch == english:
        return otherwise
    return "nl" if dutch > english else "en"
