"""May it be released? Read slowly from the consents as they stand, one situation at a time: the judge of `accord.rules`.

Nothing here is shared with the rules but the words of the region. It reads the JSON of consents and knows no `Choice`: a
provision is a list of sayings about one question, each true, false or unknown. It is written to be believed, not to be fast.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

Json = dict[str, Any]
SENSITIVE = {"R", "V", "PSY", "HIV", "SUD"}
RANK = {"N": 1, "R": 2, "V": 3}


@dataclass
class World:
    """Everything that is known, in plain words and sets."""

    consents: Sequence[Json]
    matrix: Mapping[tuple[str, str], set[str]]
    never: set[str] = field(default_factory=set)
    not_with: set[str] = field(default_factory=set)
    kept_labels: set[str] = field(default_factory=set)
    treatments: set[str] = field(default_factory=set)
    emergency_roles: set[str] | None = None


@dataclass
class Asking:
    """One question about one record."""

    ura: str
    kind: str
    role: str
    number: str
    holder: str
    purpose: str
    treatment: str
    reason: str
    mandated: set[str]
    category: str
    type: str
    id: str
    labels: set[str]
    codes: set[str] | None
    years: tuple[int, int] | None
    authors: set[str] | None
    refers_to: set[str] | None


def may_be_released(world: World, asking: Asking) -> bool:
    """The whole question, step by step."""
    if not asking.treatment or (world.treatments and asking.treatment not in world.treatments):
        return False
    urgent = asking.purpose == "ETREAT"
    if urgent and (world.emergency_roles is None or asking.role not in world.emergency_roles or not asking.reason):
        return False
    if asking.kind in world.not_with or asking.category in world.never or asking.labels & world.kept_labels:
        return False
    if asking.mandated and asking.category not in asking.mandated:
        return False
    for row in ((asking.kind, asking.role), ("*", asking.role), (asking.kind, "*"), ("*", "*")):
        if row in world.matrix:
            if asking.category not in world.matrix[row]:
                return False
            break
    else:
        return False
    sayings = [saying for number, consent in enumerate(world.consents) for saying in sayings_of(consent, number, asking)]
    yes = [saying for saying in sayings if saying.permits]
    no = [saying for saying in sayings if not saying.permits]
    if any(objection.doubt or not any(overrules(permit, objection) for permit in yes) for objection in no):
        return False
    if not sayings:
        return urgent
    unnamed = [label for label in asking.labels & SENSITIVE if not any(named(permit, label, asking) for permit in yes)]
    return not unnamed or urgent


@dataclass
class Saying:
    """A provision that speaks of this question: where it stands, and what is stated on the way to it."""

    permits: bool
    doubt: bool
    way: tuple[Any, ...]
    stated: list[dict[str, int]]
    provisions: list[Json]
    truths: list["Truth"] = field(default_factory=list)


def overrules(permit: Saying, objection: Saying) -> bool:
    """Nowhere less specific and somewhere more; or an exception that it makes to it, and that states something."""
    mine, theirs = ranks(permit), ranks(objection)
    everything = mine.keys() | theirs.keys()
    no_less = all(mine.get(what, 0) >= theirs.get(what, 0) for what in everything)
    more = any(mine.get(what, 0) > theirs.get(what, 0) for what in everything)
    below = len(permit.way) > len(objection.way) and permit.way[: len(objection.way)] == objection.way
    return (no_less and more) or (below and bool(permit.stated[-1]))


def ranks(saying: Saying) -> dict[str, int]:
    """How specific a saying is in what it states."""
    found: dict[str, int] = {}
    for one in saying.stated:
        for what, rank in one.items():
            found[what] = max(found.get(what, 0), rank)
    return found


def named(permit: Saying, label: str, asking: Asking) -> bool:
    """Whether a permit names a label, or this very record."""
    for provision in permit.provisions:
        codes = {one["code"] for one in provision.get("securityLabel", [])}
        if label in codes or any(RANK.get(code, 0) >= RANK.get(label, 9) for code in codes):
            return True
        if (provision.get("chosen data") or {}).get("instance") == f"{asking.type}/{asking.id}":
            return True
    return False


def sayings_of(consent: Json, number: int, asking: Asking) -> list[Saying]:
    """What one consent says of this question."""
    scope = [(one["system"].rpartition("/")[2], one["code"]) for one in consent["scope"]["coding"]]
    if consent["status"] != "active" or scope != [("consentscope", "patient-privacy")] or "provision" not in consent:
        return []
    clear = "modifierExtension" not in consent and "implicitRules" not in consent
    keepers = [one["identifier"]["value"] for one in consent.get("organization", []) if "identifier" in one]
    heads: list[tuple[str | None, dict[str, int]]] = [(None, {})]
    if "organization" in consent:
        heads = [(keeper, {"holder": 2}) for keeper in keepers]
        if len(keepers) < len(consent["organization"]):
            clear, heads = False, [(None, {})]
    found: list[Saying] = []
    for keeper, stated in heads:
        if keeper in (None, asking.holder):
            walk(consent["provision"], asking, Saying(False, not clear, (number, keeper), [stated], []), found, root=True)
    return found


def walk(provision: Json, asking: Asking, around: Saying, found: list[Saying], *, root: bool = False, place: int = 0) -> None:
    """One provision and those in it."""
    kind = provision.get("type")
    silent = root and kind is None
    strange = any(name in provision for name in ("modifierExtension", "colour"))
    conditions = [] if strange else [alternatives for name, ask in ASKS.items() if name in provision for alternatives in [ask(provision[name], asking)]]
    if any(alternatives == [] for alternatives in conditions):
        return
    doubt = around.doubt or strange or any(alternatives is None for alternatives in conditions) or not (silent or kind in ("permit", "deny"))
    for way in product(*[alternatives for alternatives in conditions if alternatives is not None]):
        truths = [truth for truth, _, _, _ in way]
        stated = {what: rank for _, what, rank, _ in way if what}
        seen = {**provision, "chosen data": next((chosen for _, what, _, chosen in way if what == "record"), None)}
        here = Saying(kind == "permit", doubt, (*around.way, place, tuple(str(one[3]) for one in way)), [*around.stated, stated], [*around.provisions, seen])
        here.truths = [*around.truths, *truths]
        certain, possible = all(truth in (True, "permit") for truth in here.truths), all(truth not in (False, "permit") for truth in here.truths)
        speaks = certain if here.permits else possible
        if speaks and not silent and not (here.permits and doubt):
            found.append(here)
        for number, inner in enumerate(provision.get("provision", [])):
            walk(inner, asking, here, found, place=number)


#: True, false, not known; or true for a permit only, or for an objection only.
Truth = bool | None | str
# Each condition: the ways in which it can be met, each with its truth here, what it states and how specific that is. None: not
# understood. An empty list: surely about something else.
Way = tuple[Truth, str, int, Any]


def ask_actor(actors: list[Json], asking: Asking) -> list[Way] | None:
    """Who receives."""
    ways: list[Way] = []
    for actor in actors:
        name = actor["reference"].get("identifier", {})
        role = actor["role"]["coding"][0]["code"]
        match name.get("system", "").rpartition("/")[2], role:
            case "ura", "IRCP":
                ways.append((name["value"] == asking.ura, "user", 2, name["value"]))
            case "organization-type", "IRCP":
                ways.append(({"V4": "hospital", "J8": "pharmacy"}[name["value"]] == asking.kind, "user", 1, name["value"]))
            case "uzi", "IRCP":
                ways.append((name["value"] == asking.number, "professional", 2, name["value"]))
            case "uzi-rolcode", "IRCP":
                ways.append((name["value"] == asking.role, "professional", 1, name["value"]))
            case _:
                return None
    return ways


def ask_purpose(purposes: list[Json], asking: Asking) -> list[Way] | None:
    """What for."""
    said = {one["code"] for one in purposes}
    if said - {"TREAT", "ETREAT", "BTG", "HRESCH", "HPAYMT"}:
        return None
    if "TREAT" in said:
        return [(True, "purpose", 1, None)]
    return [(asking.purpose == "ETREAT", "purpose", 2, None)] if said & {"ETREAT", "BTG"} else []


def ask_action(actions: list[Json], _: Asking) -> list[Way] | None:
    """To do what."""
    said = {one["coding"][0]["code"] for one in actions}
    if said - {"access", "use", "disclose", "collect", "correct"}:
        return None
    return [(True, "", 0, None)] if said & {"access", "use", "disclose"} else []


def ask_label(labels: list[Json], asking: Asking) -> list[Way] | None:
    """With which labels. A permit for a confidentiality reaches down from it, an objection reaches up."""
    borne = max((RANK[label] for label in asking.labels if label in RANK), default=1)
    said = {one["code"] for one in labels}
    down = bool(said & asking.labels) or any(borne <= RANK[code] for code in said & RANK.keys())
    up = bool(said & asking.labels) or any(borne >= RANK[code] for code in said & RANK.keys())
    return [(down if down == up else "permit" if down else "objection", "labels", 1, None)]


def ask_class(types: list[Json], asking: Asking) -> list[Way] | None:
    """Of which types."""
    said = {one["code"] for one in types}
    return None if "Rumour" in said else [(asking.type in said, "types", 1, None)]


def ask_code(concepts: list[Json], asking: Asking) -> list[Way] | None:
    """With which codes, or of which categories."""
    said = [coding for concept in concepts for coding in concept.get("coding", [])]
    if not all(concept.get("coding") for concept in concepts):
        return None
    categories = {one["code"] for one in said if "data-categories" in one["system"]}
    others = {one["code"] for one in said if "data-categories" not in one["system"]}
    ways: list[Way] = [(asking.category in categories, "category", 1, "category")] if categories else []
    if others:
        ways.append((None if asking.codes is None else bool(others & asking.codes), "codes", 1, "codes"))
    return ways


def ask_years(period: Json, asking: Asking) -> list[Way] | None:
    """Of when."""
    if "start" not in period:
        return None
    begin, end = int(period["start"]), int(period["end"])
    if asking.years is None:
        return [(None, "period", 1, None)]
    inside = begin <= asking.years[0] and asking.years[1] <= end
    touches = begin <= asking.years[1] and asking.years[0] <= end
    return [(inside if inside == touches else None, "period", 1, None)]


def ask_data(data: list[Json], asking: Asking) -> list[Way] | None:
    """Which records."""
    ways: list[Way] = []
    for one in data:
        reference, own = one["reference"].get("reference"), f"{asking.type}/{asking.id}"
        if reference is None:
            return None
        match one["meaning"]:
            case "instance":
                ways.append((reference == own, "record", 2, {"instance": reference}))
            case "authoredby":
                ways.append((None if asking.authors is None else reference in asking.authors, "record", 1, {"by": reference}))
            case "dependents":
                points = None if asking.refers_to is None else reference in asking.refers_to
                ways.append((True if reference == own else points, "record", 1, {"of": reference}))
            case _:
                return None
    return ways


def ask_period(period: Json, _: Asking) -> list[Way] | None:
    """In force when: it is the end of 2026."""
    return [(int(period["start"]) <= 2026 <= int(period["end"]), "", 0, None)]


ASKS: dict[str, Callable[[Any, Asking], list[Way] | None]] = {
    "actor": ask_actor,
    "purpose": ask_purpose,
    "action": ask_action,
    "securityLabel": ask_label,
    "class": ask_class,
    "code": ask_code,
    "dataPeriod": ask_years,
    "data": ask_data,
    "period": ask_period,
}
