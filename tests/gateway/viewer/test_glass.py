"""Breaking the glass from the viewer: the same person, a reason, a fresh second factor; and what is told when one is lacking."""

from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from accord.rules.emergency import ReasonCode
from accord.terms.evidence import TreatmentBasis
from accord.terms.identifiers import Bsn
from accord.terms.vocabulary import PurposeOfUse
from gateway.viewer.ehr import Ehr
from testbed.ehr import TWO_FACTORS
from testbed.people import BENNIE, DINA
from tests.gateway.viewer.conftest import CLIENT, EHR, POLICY, SECRET, Kit, opened, running_viewer, says
from tests.gateway.viewer.fake_region import NIGHT

pytestmark = pytest.mark.anyio


async def glass_of(kit: Kit, patient: str = "pt-90b2e") -> str:
    """Where the glass of a launched dossier is."""
    page = await kit.launch(patient)
    path = f"{page.url.path}noodtoegang"
    await kit.get(path)
    return path


@pytest.mark.parametrize("reason", ReasonCode)
async def test_p12_the_same_person_is_asked_about_anew_for_an_emergency_with_the_reason(kit: Kit, reason: ReasonCode) -> None:
    path = await glass_of(kit)
    page = await kit.post(path, reason=reason, words="Bewusteloos binnengebracht\r\nper ambulance")
    before, after = kit.region.asked

    assert page.url.path.startswith("/d/")
    assert page.url.path not in path
    assert (before.bsn, before.birth_date, before.name) == (after.bsn, after.birth_date, after.name)
    assert after.bsn == Bsn(BENNIE.bsn)
    assert after.who.purpose is PurposeOfUse.EMERGENCY_TREATMENT
    assert after.who.emergency is not None
    assert after.who.emergency.reason == reason
    assert after.who.emergency.words == "Bewusteloos binnengebracht per ambulance"
    assert after.who.emergency.second_factor_at == NIGHT


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Kies een reden."),
        ({"reason": "curiosity"}, "Kies een reden."),
        ({"reason": "other-needs-words"}, "Schrijf in één zin"),
        ({"reason": "other-needs-words", "words": "kort"}, "Schrijf in één zin"),
        ({"reason": "unconscious", "words": "x" * 501}, "Schrijf in één zin"),
        ({"reason": "unconscious", "words": "a\u202eb"}, "Schrijf in één zin"),
    ],
)
async def test_p12_without_a_reason_the_glass_stays_whole_and_the_page_says_what_to_do(kit: Kit, given: dict[str, str], told: str) -> None:
    page = await kit.post(await glass_of(kit), **given)

    assert page.status_code == 422
    assert says(page, told)
    assert len(kit.region.asked) == 1


async def test_p12_a_second_factor_of_before_is_told_and_proven_anew_at_the_record(kit: Kit) -> None:
    path = await glass_of(kit)
    kit.clock.pass_by(minutes=5)
    page = await kit.post(path, reason="unconscious")
    assert page.status_code == 403
    assert says(page, "te lang geleden met een tweede factor")
    assert len(kit.region.asked) == 1
    # The record asks anew, whoever is remembered there.
    page = await kit.get(path.replace("noodtoegang", "opnieuw"))
    transaction = page.text.partition('name="transaction" value="')[2].partition('"')[0]
    answer = await kit.browser.post(f"{EHR}/login", data={"transaction": transaction})
    page = await kit.get(answer.headers["location"])
    assert page.url.path == path
    await kit.post(path, reason="unconscious")

    emergency = kit.region.asked[-1].who.emergency
    assert emergency is not None
    assert emergency.second_factor_at == NIGHT + timedelta(minutes=5)


async def test_p12_who_proves_to_be_somebody_else_has_nothing_of_the_one_before(kit: Kit) -> None:
    path = await glass_of(kit)
    kit.ehr.spoilt.practitioner = {"identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi", "value": "900000044"}]}
    page = await kit.get(path.replace("noodtoegang", "opnieuw"))
    transaction = page.text.partition('name="transaction" value="')[2].partition('"')[0]
    answer = await kit.browser.post(f"{EHR}/login", data={"transaction": transaction})
    page = await kit.get(answer.headers["location"])

    assert page.url.path == "/"
    assert len(kit.dossiers) == 0


async def test_p12_a_record_that_did_not_ask_anew_is_not_believed(kit: Kit) -> None:
    path = await glass_of(kit)
    kit.clock.pass_by(minutes=5)
    kit.ehr.spoilt.claims = {"auth_time": int(NIGHT.timestamp())}
    page = await kit.get(path.replace("noodtoegang", "opnieuw"))
    transaction = page.text.partition('name="transaction" value="')[2].partition('"')[0]
    answer = await kit.browser.post(f"{EHR}/login", data={"transaction": transaction})

    assert says(await kit.get(answer.headers["location"]), "token-invalid")


@pytest.mark.parametrize("claims", [{"amr": ["pwd"]}, {"amr": None}, {"amr": TWO_FACTORS}, {"amr": 7}, {"auth_time": None}], ids=str)
async def test_p12_a_login_that_is_not_said_to_have_two_factors_is_one_of_none(kit: Kit, claims: dict[str, object]) -> None:
    kit.ehr.spoilt.claims = claims
    path = await glass_of(kit)

    assert says(await kit.get(path), "te lang geleden met een tweede factor")
    assert (await kit.post(path, reason="unconscious")).status_code == 403


async def test_p12_two_factors_may_also_be_said_by_a_level(kit: Kit) -> None:
    kit.ehr.spoilt.claims = {"amr": None, "acr": TWO_FACTORS}
    await kit.post(await glass_of(kit), reason="unconscious")

    assert kit.region.asked[-1].who.emergency is not None


async def test_p12_a_role_for_which_nothing_was_agreed_is_told() -> None:
    async with running_viewer(policy=replace(POLICY, roles=frozenset({"01.015"}))) as kit:
        await kit.start_shift()
        path = await glass_of(kit)

        assert says(await kit.get(path), "Voor uw rol is geen noodtoegang afgesproken")
        assert (await kit.post(path, reason="unconscious")).status_code == 403
        assert len(kit.region.asked) == 1


async def test_p12_without_a_treatment_it_is_told_where_to_record_one() -> None:
    ehr = Ehr(f"{EHR}/fhir", CLIENT, secret=SECRET, two_factors=frozenset({TWO_FACTORS}))
    async with running_viewer(ehrs=[ehr]) as kit:
        await kit.start_shift()

        assert says(await kit.get(await glass_of(kit)), "Leg de behandelrelatie vast")


@pytest.mark.parametrize("ended", [True, False])
async def test_p12_where_it_is_not_offered_there_is_no_form_on_any_dossier(*, ended: bool) -> None:
    policy = replace(POLICY, ends=NIGHT) if ended else None
    async with running_viewer(policy=policy) as kit:
        await kit.start_shift()
        for patient in ("pt-7f31c", "pt-90b2e"):
            path = await glass_of(kit, patient)
            page = await kit.get(path)

            assert says(page, "In deze regio is geen noodtoegang")
            assert 'name="reason"' not in page.text
            assert (await kit.post(path, reason="unconscious")).status_code == 403


async def test_the_demonstration_proves_by_a_button(demo: Kit) -> None:
    page = await opened(demo, DINA.bsn)
    path = f"{page.url.path}noodtoegang"
    demo.clock.pass_by(minutes=5)
    assert (await demo.post(path, reason="unconscious")).status_code == 403
    await demo.post(path.replace("noodtoegang", "bewijs"))
    await demo.post(path, reason="unconscious")

    assert demo.region.asked[-1].who.emergency is not None
    assert demo.region.asked[-1].who.treatment is TreatmentBasis.PRESENT


async def test_the_button_of_the_demonstration_proves_nothing_elsewhere(kit: Kit) -> None:
    path = await glass_of(kit)
    kit.clock.pass_by(minutes=5)
    await kit.post(path.replace("noodtoegang", "bewijs"))

    assert (await kit.post(path, reason="unconscious")).status_code in (403, 404)
    assert len(kit.region.asked) == 1
    assert isinstance(kit.browser, httpx2.AsyncClient)


async def test_p12_an_emergency_ends_in_time_however_much_it_is_looked_at(kit: Kit) -> None:
    page = await kit.post(await glass_of(kit), reason="unconscious", words="")
    address = page.url.path
    for _ in range(int(POLICY.minutes) // 10 - 1):
        kit.clock.pass_by(minutes=10)
        assert (await kit.get(address)).status_code == 200
    kit.clock.pass_by(minutes=10)

    assert (await kit.get(address)).status_code == 404
