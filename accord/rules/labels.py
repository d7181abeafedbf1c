"""Security labels: which make a record sensitive, and which of them a choice about labels speaks of.

Confidentiality is a water mark (FHIR R4, Consent.provision.securityLabel): a permit for R is one for all that is not
more confidential than R. An objection to R is one to all that is at least as confidential: read downwards it would
object to what is *less* confidential, which nobody means.
"""

from typing import Final

Label = tuple[str, str]
"""A system and a code of it."""

CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
#: Older spellings of the same systems (STU3, and URIs of OIDs).
SPELLINGS: Final = {
    "http://hl7.org/fhir/v3/Confidentiality": CONFIDENTIALITY,
    "urn:oid:2.16.840.1.113883.5.25": CONFIDENTIALITY,
    "http://hl7.org/fhir/v3/ActCode": ACT_CODE,
    "urn:oid:2.16.840.1.113883.5.4": ACT_CODE,
}

_RANKS: Final = {"U": 0, "L": 1, "M": 2, "N": 3, "R": 4, "V": 5}
_NORMAL: Final = _RANKS["N"]
_HIGHEST: Final = _RANKS["V"]

#: ActCode, concept domain ActInformationSensitivityPolicy.
_SENSITIVITIES: Final = frozenset(
    "ADOL B BH CEL CEMPL COGN DEMO DIA DOB DRGIS DVD EMOTDIS EMPL ETH ETHUD GDIS GENDER HIV LIVARG LOCIS MARST MH MST OPIOIDUD ORCON PHY PDS PRS PSY "
    "PSYTHPN RACE REL SCA SDV SEX SICKLE SPI SSP STD SUD SUICIDE TBOO VIO WORK".split()
)
#: A wide sensitivity and the narrower ones below it.
_BELOW: Final = {
    "BH": frozenset({"COGN", "DVD", "EMOTDIS", "MH", "PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD", "ETH"}),
    "MH": frozenset({"PSY", "PSYTHPN"}),
    "SUD": frozenset({"ETH", "ETHUD", "OPIOIDUD"}),
    "ETH": frozenset({"ETHUD", "OPIOIDUD"}),
    "SEX": frozenset({"SDV", "STD"}),
    "STD": frozenset({"HIV"}),
    "SPI": frozenset({"BH", "COGN", "DVD", "EMOTDIS", "MH", "PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD", "ETH"}),
}


def plain(system: str, code: str) -> Label:
    """A label with its system in today's spelling."""
    return SPELLINGS.get(system, system), code


def is_sensitive(label: Label) -> bool:
    """Whether a record that bears this label is shared only when a permit names the label, or the record.

    A confidentiality that nobody knows is taken for the highest.
    """
    system, code = label
    if system == CONFIDENTIALITY:
        return _RANKS.get(code, _HIGHEST) > _NORMAL
    return system == ACT_CODE and code in _SENSITIVITIES


def sensitive_among(labels: frozenset[Label]) -> frozenset[Label]:
    """Those labels that a permit must name."""
    return frozenset(label for label in labels if is_sensitive(label))


def confidentiality_of(labels: frozenset[Label]) -> int:
    """How confidential a record with these labels is; normal when it does not say."""
    return max((_RANKS.get(code, _HIGHEST) for system, code in labels if system == CONFIDENTIALITY), default=_NORMAL)


def permits_label(named: Label, borne: Label) -> bool:
    """Whether a permit for *named* names *borne*."""
    if named == borne:
        return True
    return named[0] == borne[0] == CONFIDENTIALITY and _RANKS.get(named[1], -1) >= _RANKS.get(borne[1], _HIGHEST + 1)


def permit_speaks(named: frozenset[Label], borne: frozenset[Label]) -> bool:
    """Whether a permit for these labels certainly speaks of a record that bears those."""
    if not borne.isdisjoint(named):
        return True
    return any(system == CONFIDENTIALITY and confidentiality_of(borne) <= _RANKS.get(code, -1) for system, code in named)


def objection_speaks(named: frozenset[Label], borne: frozenset[Label]) -> bool:
    """Whether an objection to these labels could speak of a record that bears those: also by a narrower or a wider word."""
    if not borne.isdisjoint(named):
        return True
    for system, code in named:
        if system == CONFIDENTIALITY and confidentiality_of(borne) >= _RANKS.get(code, 0):
            return True
        if system == ACT_CODE and any(
            code in _BELOW.get(other, ()) or other in _BELOW.get(code, ()) for borne_system, other in borne if borne_system == ACT_CODE
        ):
            return True
    return False
