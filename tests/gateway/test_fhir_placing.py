"""What a FHIR client may send as a request for a place: read, or refused with a fixed code; whatever it is."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.capacity import CareKind, Condition, Funding
from accord.terms.faults import BadInput, Fault
from gateway.api.fhir_places_metadata import with_places
from gateway.api.fhir_placing import Asking, read_asking, read_task
from tests.gateway.connect.placing_base import Json, order, task, transaction
from tests.gateway.places.small_places import DINA

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=8)


def sent(body: Any) -> bytes:
    return json.dumps(body).encode()


def coded(*pairs: tuple[str, str]) -> list[Json]:
    return [{"coding": [{"system": system, "code": code}]} for system, code in pairs]


def test_all_that_a_need_can_have_is_read() -> None:
    details = coded(("urn:noaber:place-condition", "oxygen"), ("urn:ietf:bcp:47", "nds"), ("urn:noaber:funding", "Wlz"))
    needed = order(
        code=coded(("urn:noaber:care-kind", "district-nursing"))[0],
        orderDetail=details,
        quantityQuantity={"value": 4},
        occurrencePeriod={"start": "2026-03-05", "end": "2026-04-01"},
        locationCode=coded(("urn:noaber:postcode", "7591")),
    )
    asking = read_asking(sent(transaction(task("home-1"), needed=needed)))

    assert asking.draft is not None
    need = asking.draft.need
    assert (need.kind, need.conditions, need.languages, need.funding) == (
        CareKind.DISTRICT_NURSING,
        frozenset({Condition.OXYGEN}),
        frozenset({"nds"}),
        Funding.WLZ,
    )
    assert (need.amount, need.near, need.since, need.until) == (4, "7591", date(2026, 3, 5), date(2026, 4, 1))
    assert (asking.draft.who.bsn, asking.draft.who.birth_date, asking.draft.once) == (DINA.bsn, DINA.birth_date, "https://ehr.test/orders|4711")
    assert [one.provider.value for one in asking.addressees] == ["home-1"]


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in it."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for name, value in inner for found in _places(value, (*path, name)))]


WHOLE = transaction(task("home-1"), task("home-2"))
_REFUSALS = {None, Fault.INVALID_PARAMETER, Fault.UNKNOWN_PARAMETER, Fault.NOT_A_RESOURCE, Fault.INVALID_ENCODING, Fault.DUPLICATE_KEY}


def refused(read: Callable[[bytes], Asking], body: Any) -> Fault | None:
    """Why it is not read; none: it is."""
    try:
        read(sent(body))
    except BadInput as failure:
        return failure.fault
    return None


def put(body: Json, place: tuple[Any, ...], value: Any) -> Json:
    """The same with another value there."""
    changed: Json = deepcopy(body)
    inner: Any = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return changed


@given(st.sampled_from(_places(WHOLE)[1:]), _VALUES)
def test_whatever_stands_in_whichever_place_of_a_request_it_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    assert refused(read_asking, put(WHOLE, place, value)) in _REFUSALS


@given(st.sampled_from(_places(task("home-1"))[1:]), _VALUES)
def test_whatever_stands_in_whichever_place_of_a_task_it_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    assert refused(read_task, put(task("home-1", "ServiceRequest/" + "0" * 32), place, value)) in _REFUSALS


@pytest.mark.parametrize("spelled", ["identifier=https://ehr.test/orders|4711", "identifier=https%3A%2F%2Fehr.test%2Forders%7C4711"])
def test_the_condition_is_read_as_a_url_spells_it(spelled: str) -> None:
    whole = deepcopy(WHOLE)
    whole["entry"][0]["request"]["ifNoneExist"] = spelled
    asking = read_asking(sent(whole))

    assert asking.draft is not None
    assert asking.draft.once == "https://ehr.test/orders|4711"


@pytest.mark.parametrize("spelled", ["identifier=other|1", "code=1", "identifier=a|1&code=2", "identifier=%00"])
def test_a_condition_that_is_no_identifier_of_it_is_refused(spelled: str) -> None:
    whole = deepcopy(WHOLE)
    whole["entry"][0]["request"]["ifNoneExist"] = spelled

    assert refused(read_asking, whole) is Fault.INVALID_PARAMETER


def test_of_several_identifiers_the_condition_says_which_one() -> None:
    several = [{"system": "https://ehr.test/orders", "value": "4711"}, {"system": "https://ehr.test/visits", "value": "1"}]
    whole = transaction(task("home-1"), needed=order(identifier=several))
    assert refused(read_asking, whole) is Fault.INVALID_PARAMETER

    whole["entry"][0]["request"]["ifNoneExist"] = "identifier=https://ehr.test/visits|1"
    asking = read_asking(sent(whole))

    assert asking.draft is not None
    assert asking.draft.once == "https://ehr.test/visits|1"


@pytest.mark.parametrize("reference", ["ServiceRequest/", "", "http://127.0.0.1:8480/fhir/ServiceRequest/"])
def test_a_request_is_referred_to_in_every_way_that_fhir_has(reference: str) -> None:
    assert read_task(sent(task("home-1", reference + "0a" * 16))).case == "0a" * 16


@given(_VALUES)
def test_what_is_no_request_at_all_is_refused(body: Any) -> None:
    for read in (read_asking, read_task):
        with pytest.raises(BadInput):
            read(sent(body))


def test_places_stand_in_the_statement_beside_what_is_there_and_a_strange_one_is_left_alone() -> None:
    resources = [{"type": name, "interaction": [{"code": "read"}, {"code": "search-type"}]} for name in ("Patient", "Task", "ServiceRequest")]
    (rest,) = json.loads(with_places(sent({"resourceType": "CapabilityStatement", "rest": [{"resource": resources}]})))["rest"]
    tasks, orders = rest["resource"][1:]

    assert [one["code"] for one in tasks["interaction"]] == ["read", "search-type", "create"]
    assert ([one["name"] for one in tasks["searchParam"]], [one["name"] for one in tasks["operation"]]) == (["focus", "status"], ["choose", "tell", "give-up"])
    assert [one["name"] for one in orders["operation"]] == ["cancel", "hand-over"]
    assert ([one["code"] for one in rest["interaction"]], [one["name"] for one in rest["operation"]]) == (["transaction"], ["find-places"])
    for strange in (b"", b"[]", b'{"rest":[]}', b'{"rest":[{"resource":[1]}]}', sent({"rest": [{"resource": [{"type": "Task"}]}]})):
        assert with_places(strange) == strange
