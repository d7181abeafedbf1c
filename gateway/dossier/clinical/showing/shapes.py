"""Any value of FHIR as text, by its shape: what no module of a family shows in its own way is shown so, under its label."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.dossier.clinical.showing import dosage
from gateway.dossier.clinical.showing.attached import attachment
from gateway.dossier.clinical.showing.coded import absent, coding, concept, specified, whole_concept
from gateway.dossier.clinical.showing.dates import in_words, period
from gateway.dossier.clinical.showing.parties import address, human_name, telecom
from gateway.dossier.clinical.showing.quantities import between, number, quantity, ratio, sampled
from gateway.dossier.clinical.showing.reader import DEEPEST, Reader
from gateway.dossier.clinical.showing.references import identified, reference
from gateway.dossier.clinical.showing.wording import code_words, label, state
from gateway.dossier.clinical.trees import Tree, Written, text

#: What no reader needs: addresses, versions and marks of systems.
TECHNICAL: Final = frozenset(
    "id url uri data issuer system reference linkId resourceType meta profile userSelected implicitRules fhir_comments securityContext etag hash size "
    "instantiatesUri instantiatesCanonical contained carrierAIDC jurisdiction entryType uid".split()
)
#: What needs no label inside something else: it is what that is about.
_BARE: Final = frozenset(
    "code text value item name title manifestation member actor measure vaccineCode description attachment label summary detail link individual location condition reference target language who content carrierHRF deviceIdentifier".split()
)
#: Of names and addresses, and of technical threads: said already by what they stand at, or of no use on a screen.
QUIET: Final = frozenset(
    "iso21090-EN-qualifier humanname-own-name humanname-own-prefix humanname-partner-name humanname-partner-prefix humanname-assembly-order "
    "iso21090-ADXP-streetName iso21090-ADXP-houseNumber iso21090-ADXP-buildingNumberSuffix iso21090-ADXP-unitID iso21090-ADXP-additionalLocator "
    "iso21090-ADXP-postBox data-absent-reason code-specification ext-CodeSpecification practitionerrole-reference nl-core-address-official "
    "resource-meta-source ext-PharmaceuticalTreatment.Identifier ext-PharmaceuticalTreatmentIdentifier zib-Medication-MedicationTreatment "
    "rendering-style rendering-xhtml translation".split()
)
_DATES: Final = frozenset(
    "date time start end issued recorded authored created sent received dateTime event onset lastOccurrence whenHandedOver whenPrepared "
    "authoredOn started indexed creation dateAsserted lastModified timeOfDay lastUpdated".split()
)
_DATE_ENDINGS: Final = ("Date", "DateTime", "Instant", "Time")
_CHANNELS: Final = frozenset("phone fax email pager url sms other".split())


def said(reader: Reader, name: str, value: object, depth: int = 0) -> str:
    """A value as text; empty where it says nothing to a reader. Whatever its shape, it never raises."""
    if depth > DEEPEST:
        return reader.phrase("deeper")
    if isinstance(value, bool):
        return reader.phrase("yes" if value else "no")
    if isinstance(value, str):
        return plain(reader, name, value)
    if isinstance(value, list):
        each = dict.fromkeys(filter(None, (said(reader, name, one, depth + 1) for one in value)))
        return (", " if all(len(one) < 60 and ";" not in one for one in each) else "; ").join(each)
    if isinstance(value, Mapping):
        text_of = _form(reader, name, value, depth)
        return _with_extensions(reader, value, text_of, depth)
    return number(value)


def plain(reader: Reader, name: str, value: str) -> str:
    """A text, date or code of FHIR as text."""
    if name in TECHNICAL:
        return ""
    if not isinstance(value, Written):
        if name in _DATES or name.endswith(_DATE_ENDINGS):
            return in_words(value, reader.language)
        found = code_words(name, value) or (state(value) if name == "status" else None) or (code_words("allergy", value) if name == "type" else None)
        if found is not None:
            return reader.say(found)
    return value.strip()


def _form(reader: Reader, name: str, value: Tree, depth: int) -> str:
    """The text of an object by the members that it has."""
    has = value.keys()
    if "coding" in has or has <= {"text", "coding", "id", "extension"}:
        return whole_concept(reader, value)
    if "reference" in has and isinstance(value["reference"], str):
        return reference(reader, value)
    if has <= {"display", "identifier", "type", "id", "extension"} and "type" in has | {"type"} and ("display" in has or "identifier" in has):
        return reference(reader, value)
    for is_one, told in _SHAPES:
        if is_one(value):
            return told(reader, value)
    if name in dosage.NAMES:
        return dosage.one(reader, value)
    if "resourceType" in has:
        return concept(reader, value.get("code")) or text(value, "name") or text(value, "title")
    return members(reader, value, depth)


def members(reader: Reader, value: Tree, depth: int) -> str:
    """What has parts: each under its label, but for what it is about."""
    found: dict[str, None] = {}
    for name, inner in value.items():
        if name in TECHNICAL or name.startswith("_") or name in ("extension", "modifierExtension"):
            continue
        told = element(reader, name, inner, value.get("_" + name), depth + 1)
        if told:
            found[told if _is_bare(name) else f"{reader.label(_stem(name)).lower()}: {told}"] = None
    return "; ".join(found)


def element(reader: Reader, name: str, value: object, beside: object, depth: int = 0) -> str:
    """A member with what stands beside it: its code said more exactly, or why it is not there."""
    told = said(reader, name, value, depth)
    if beside is None:
        return told
    exact = specified(reader, beside)
    if exact and exact.casefold() not in told.casefold():
        told = f"{told} ({exact})" if told else exact
    for one in beside if isinstance(beside, list) else [beside]:
        if isinstance(one, Mapping):
            told = _with_extensions(reader, one, told or absent(reader, one), depth)
    return told


def extension(reader: Reader, one: Tree, depth: int = 0) -> tuple[str, str]:
    """Label and text of an extension; no text for one that is quiet."""
    url = text(one, "url")
    tail = url.rpartition("/")[2]
    if tail in QUIET:
        return "", ""
    inner = one.get("extension")
    # A plain code is one of the list of the element that the extension stands for: `taken` of 2017.
    own = tail.rpartition(".")[2]
    found = [said(reader, own if name == "valueCode" else name, value, depth + 1) for name, value in one.items() if name.startswith("value")]
    if isinstance(inner, list):
        named = [(text(each, "url"), *extension(reader, each, depth + 1)) for each in inner if isinstance(each, Mapping)]
        found += [told if _is_bare(name) else f"{title.lower()}: {told}" for name, title, told in named if told]
    return reader.label(tail or "addition"), "; ".join(filter(None, found)) if depth < DEEPEST else reader.phrase("deeper")


def _with_extensions(reader: Reader, value: Tree, told: str, depth: int) -> str:
    listed: list[Any] = []
    for name in ("modifierExtension", "extension"):
        given = value.get(name)
        listed += given if isinstance(given, list) else []
    for one in listed:
        if isinstance(one, Mapping) and depth < DEEPEST:
            title, inner = extension(reader, one, depth + 1)
            if inner and inner not in told:
                told = f"{told}; {title.lower()}: {inner}" if told else inner
    return told


def _is_bare(name: str) -> bool:
    return name in _BARE or name.startswith("value")


def _stem(name: str) -> str:
    """The label of a choice of types is that of the element: `onsetDateTime` is an onset."""
    for ending in (
        "DateTime",
        "CodeableConcept",
        "Reference",
        "Quantity",
        "Period",
        "Boolean",
        "String",
        "Range",
        "Age",
        "PositiveInt",
        "UnsignedInt",
        "Integer",
        "Timing",
    ):
        if name.endswith(ending) and len(name) > len(ending) and label(name).nl.lower().startswith(name[: -len(ending)].lower()[:4]):
            return name[: -len(ending)]
    return name


def _is_quantity(value: Tree) -> bool:
    number_of = value.get("value")
    is_number = isinstance(number_of, (Written, int, float)) and not isinstance(number_of, bool)
    return is_number or (not number_of and ("comparator" in value or (value.keys() <= {"unit", "code", "system", "extension"} and "unit" in value)))


def _is_telecom(value: Tree) -> bool:
    return isinstance(value.get("value"), str) and (
        text(value, "system") in _CHANNELS or value.keys() <= {"value", "use", "rank", "period", "extension", "_system"}
    )


def _note(reader: Reader, value: Tree) -> str:
    """A note with who wrote it and when, where it says so."""
    by = text(value, "authorString") or (reference(reader, ref) if isinstance(ref := value.get("authorReference"), Mapping) else "")
    about = ", ".join(filter(None, (by, in_words(text(value, "time"), reader.language))))
    return f"{text(value, 'text').strip()} ({about})" if about else text(value, "text").strip()


_Told = Callable[[Reader, Tree], str]
_SHAPES: Final[tuple[tuple[Callable[[Tree], bool], _Told], ...]] = (
    (_is_quantity, lambda _, value: quantity(value)),
    (_is_telecom, telecom),
    (lambda value: "text" in value and bool(value.keys() & {"time", "authorString", "authorReference"}), _note),
    (lambda value: "value" in value and value.keys() <= {"value", "system", "use", "type", "period", "assigner", "id", "extension"}, identified),
    (
        lambda value: bool(value.keys() & {"start", "end"}) and value.keys() <= {"start", "end", "id", "extension"},
        lambda reader, value: period(value, reader.language),
    ),
    (lambda value: bool(value.keys() & {"low", "high"}) and value.keys() <= {"low", "high", "id", "extension"}, lambda _, value: between(value)),
    (lambda value: "numerator" in value or "denominator" in value, lambda reader, value: ratio(value, reader.language)),
    (lambda value: "origin" in value and "data" in value, lambda reader, value: sampled(value, reader.language)),
    (lambda value: "contentType" in value or {"url", "title"} <= value.keys() or {"url", "creation"} <= value.keys(), attachment),
    (lambda value: bool(value.keys() & {"family", "given"}) or (value.keys() <= {"use", "text", "id", "extension", "period"} and "text" in value), human_name),
    (lambda value: bool(value.keys() & {"postalCode", "line", "city"}), address),
    (lambda value: bool(value.keys() & {"repeat"}), dosage.timing),
    (lambda value: "code" in value and value.keys() <= {"code", "system", "version", "display", "userSelected", "id", "extension"}, coding),
)
