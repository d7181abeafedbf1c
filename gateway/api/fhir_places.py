"""What `$find-places` is asked: FHIR Parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from accord.terms.capacity import Need, Wishes
from accord.terms.faults import BadInput, Fault
from gateway.places.wanting import Wanted, need_of, refused, wishes_of

OPERATION: Final = "$find-places"
TEXTS: Final = frozenset({"kind", "since", "until", "specialty", "funding", "home", "near"})
LISTS: Final = frozenset({"condition", "language", "preferred", "refused"})
NUMBERS: Final = frozenset({"amount", "within-km"})
_VALUES: Final = ("valueCode", "valueString", "valueDate", "valueId")


def read_parameters(body: bytes) -> tuple[Need, Wishes]:
    """What is needed and liked. `home` is where care at home is given, `near` where a place is liked.

    Raises:
        BadInput: `malformed-json`, `not-a-resource`, `unknown-parameter`, `invalid-parameter` with the name.
    """
    texts, lists, numbers = _sorted(_parameters(body))
    amount = numbers.get("amount", 1)
    if isinstance(amount, float):
        raise refused("amount")
    wanted = Wanted(
        texts.get("kind", ""),
        texts.get("since", ""),
        texts.get("until", ""),
        amount,
        texts.get("specialty", ""),
        lists.get("condition", ()),
        lists.get("language", ()),
        texts.get("funding", ""),
        texts.get("home", ""),
    )
    liked = wishes_of(texts.get("near", ""), numbers.get("within-km", 0), lists.get("preferred", ()), lists.get("refused", ()))
    return need_of(wanted), liked


def _parameters(body: bytes) -> Sequence[Any]:
    try:
        read = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput(Fault.MALFORMED_JSON) from None
    if not isinstance(read, Mapping) or read.get("resourceType") != "Parameters":
        raise BadInput(Fault.NOT_A_RESOURCE)
    given = read.get("parameter", [])
    if not isinstance(given, list):
        raise BadInput(Fault.NOT_A_RESOURCE)
    return given


def _sorted(given: Sequence[Any]) -> tuple[dict[str, str], dict[str, list[str]], dict[str, int | float]]:
    texts: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    numbers: dict[str, int | float] = {}
    for one in given:
        name = one.get("name") if isinstance(one, Mapping) else None
        if not isinstance(name, str):
            raise refused("name")
        if name in LISTS:
            lists.setdefault(name, []).append(_text(one, name))
        elif name in texts or name in numbers:
            raise refused(name)
        elif name in TEXTS:
            texts[name] = _text(one, name)
        elif name in NUMBERS:
            numbers[name] = _number(one, name)
        else:
            # The name is the client's own text, which may be anything.
            raise BadInput(Fault.UNKNOWN_PARAMETER)
    return texts, lists, numbers


def _text(one: Mapping[str, Any], name: str) -> str:
    values = [one[value] for value in _VALUES if value in one]
    if len(values) != 1 or not isinstance(values[0], str):
        raise refused(name)
    return values[0]


def _number(one: Mapping[str, Any], name: str) -> int | float:
    values = [one[value] for value in ("valueInteger", "valuePositiveInt", "valueDecimal") if value in one]
    if len(values) != 1 or isinstance(values[0], bool) or not isinstance(values[0], (int, float)):
        raise refused(name)
    return values[0]
