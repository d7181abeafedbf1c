"""Whatever shape a health record's answers have: it is read, or refused by a fixed code."""

from collections.abc import Mapping
from typing import Any

import anyio
import httpx2
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import Fault, Faulted
from accord.terms.identifiers import Bsn
from gateway.viewer.ehr import Ehr, is_sound_address
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.ehr_login import Granted, discover
from gateway.viewer.ehr_reading import Launched, read_launch
from testbed.ehr_records import DOCTOR, TONIGHT, practitioner, roles
from testbed.people import DINA

ISSUER = "https://epd.example/fhir"
PATIENT = TONIGHT[0]
EXPECTED = frozenset({
    Fault.EHR_ANSWER_INVALID, Fault.NO_LAUNCHED_PATIENT, Fault.NO_BSN, Fault.SEVERAL_BSNS, Fault.INVALID_BSN, Fault.PROFESSIONAL_UNKNOWN,
    Fault.TOKEN_INVALID,
})  # fmt: skip

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([DINA.bsn, "01.071"])
)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["system", "value", "use", "text", "coding", "code", "resource", "x"]), inner, max_size=3), max_leaves=8)  # fmt: skip
MEMBERS = ("resourceType", "id", "identifier", "name", "birthDate", "active", "entry", "code")
changes = st.dictionaries(st.sampled_from(MEMBERS), anything, max_size=3)
claims = st.dictionaries(st.sampled_from(["fhirUser", "amr", "acr", "auth_time", "role"]), anything, max_size=3)


def read(patient: Mapping[str, Any], who: Mapping[str, Any], bundle: Mapping[str, Any], said: Mapping[str, Any], *, claim: str = "") -> Launched | Fault:
    """What a health record with these answers comes to."""
    answers = {"Patient": {**PATIENT.record, **patient}, "Practitioner": {**practitioner(), **who}, "PractitionerRole": {**roles(), **bundle}}

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=answers[request.url.path.split("/")[2]])

    async def ask() -> Launched | Fault:
        ehr = Ehr(ISSUER, "viewer", role_claim=claim, two_factors=frozenset({"mfa"}))
        granted = Granted("token", {"fhirUser": f"Practitioner/{DOCTOR}", **said}, PATIENT.id)
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
            try:
                granted.second_factor_at(ehr)
                return await read_launch(ehr, granted, EhrCalls(client))
            except Faulted as failure:
                return failure.fault

    return anyio.run(ask)


@given(changes, changes, changes, claims, st.sampled_from(["", "role"]))
def test_whatever_a_record_answers_it_is_read_or_refused_by_a_code(
    patient: Mapping[str, Any], who: Mapping[str, Any], bundle: Mapping[str, Any], said: Mapping[str, Any], claim: str
) -> None:
    found = read(patient, who, bundle, said, claim=claim)

    assert found in EXPECTED if isinstance(found, Fault) else found.bsn == Bsn(DINA.bsn)


def test_what_it_answers_when_nothing_is_wrong() -> None:
    found = read({}, {}, {}, {})

    assert isinstance(found, Launched)
    assert (found.bsn, str(found.birth_date), found.name) == (Bsn(DINA.bsn), DINA.birth_date, "Dina Olde Wolbers-Nijkamp")


@given(st.dictionaries(st.sampled_from(["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "code_challenge_methods_supported"]), anything))
def test_whatever_a_smart_configuration_says_it_is_taken_or_refused(said: Mapping[str, Any]) -> None:
    async def ask() -> Fault | None:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json=said))) as client:
            try:
                await discover(Ehr(ISSUER, "viewer"), EhrCalls(client))
            except Faulted as failure:
                return failure.fault
            return None

    assert anyio.run(ask) is Fault.EHR_ANSWER_INVALID


@given(st.text(max_size=60) | st.text(max_size=30).map(lambda text: f"https://epd.example{text}"))
def test_an_address_is_sound_only_when_it_is_one_in_one_way(text: str) -> None:
    ehr = Ehr(ISSUER, "viewer")

    if ehr.may_call(text):
        assert httpx2.URL(text).host == "epd.example"
        assert httpx2.URL(text).port in (None, 443)
        assert is_sound_address(text)
