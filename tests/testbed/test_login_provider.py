"""The demo's login provider is a real one, except for whom it knows."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from testbed.login_pages import CONFIRMS, LOOKS
from testbed.login_provider import STRONG, DemoLogin
from testbed.login_walk import NotLoggedIn, log_in
from tests.gateway.patient.fake_region import Clock

pytestmark = pytest.mark.anyio

ISSUER = "https://login.example"
BACK = "https://app.example/back"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKED = {
    "response_type": "code", "client_id": "app", "redirect_uri": BACK, "state": "s1", "nonce": "n1", "code_challenge": CHALLENGE,
    "code_challenge_method": "S256", "scope": "openid",
}  # fmt: skip


class World:
    """The provider, the time, and a browser of sorts."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.provider = DemoLogin(ISSUER, {"app": (BACK,), "choices": (BACK,)}, confirming={"choices"}, clock=self.clock)
        self.browser = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.provider.app))

    def url(self, **changed: str) -> str:
        """A request of the application."""
        return f"{ISSUER}/authorize?{urlencode(ASKED | changed)}"

    async def code(self, person: str = "dina", **changed: str) -> str:
        """Log in, for a code."""
        return parse_qs(urlsplit(await log_in(self.browser, self.url(**changed), person)).query)["code"][0]

    async def token(self, code: str, **changed: str) -> httpx2.Response:
        """Change a code for tokens."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": "app", "code_verifier": VERIFIER}
        return await self.browser.post(f"{ISSUER}/token", data=form | changed)

    async def claims(self, code: str) -> dict[str, object]:
        """What the ID token says."""
        token = (await self.token(code)).json()["id_token"]
        return dict(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.browser:
        yield world


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_discovery_leads_to_keys_that_check_the_token(world: World) -> None:
    found = (await world.browser.get(f"{ISSUER}/.well-known/openid-configuration")).json()
    keys = KeySet.import_key_set((await world.browser.get(found["jwks_uri"])).json())
    token = (await world.token(await world.code())).json()["id_token"]

    assert found["issuer"] == ISSUER
    claims = json.loads(jws.deserialize_compact(token, keys, algorithms=["EdDSA"]).payload)
    assert (claims["iss"], claims["aud"], claims["nonce"], claims["acr"]) == (ISSUER, "app", "n1", STRONG)
    assert claims["auth_time"] == claims["iat"] == int(world.clock().timestamp())


async def test_state_and_issuer_come_back_with_the_code(world: World) -> None:
    back = parse_qs(urlsplit(await log_in(world.browser, world.url(), "dina")).query)

    assert back["state"] == ["s1"]
    assert back["iss"] == [ISSUER]


async def test_a_code_works_once_and_only_for_who_asked_for_it(world: World) -> None:
    for wrong in ({"code_verifier": "w" * 64}, {"redirect_uri": "https://app.example/other"}, {"client_id": "other"}, {"grant_type": "password"}):
        code = await world.code(prompt="login")

        assert (await world.token(code, **wrong)).json() == {"error": "invalid_grant"}
        assert (await world.token(code)).status_code == 400, "a code that was tried is spent"
    code = await world.code(prompt="login")
    assert (await world.token(code)).status_code == 200
    assert (await world.token(code)).status_code == 400


async def test_it_remembers_a_browser_unless_a_fresh_login_is_asked_for(world: World) -> None:
    first = await world.claims(await world.code())
    world.clock.pass_by(minutes=3)
    assert (await world.claims(await world.code("nobody")))["auth_time"] == first["auth_time"], "no page was shown"

    for fresh in ({"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}):
        world.browser.cookies.clear()
        await world.code()
        world.clock.pass_by(minutes=3)
        page = await world.browser.get(world.url(**fresh))

        assert page.status_code == 200
        assert "DEMO" in page.text


async def test_the_page_says_whether_a_login_confirms_a_choice(world: World) -> None:
    confirming, looking = await world.browser.get(world.url(client_id="choices")), await world.browser.get(world.url())

    assert CONFIRMS in confirming.text
    assert LOOKS not in confirming.text
    assert LOOKS in looking.text
    assert CONFIRMS not in looking.text


async def test_whoever_confirms_sees_the_page_each_time_whatever_the_application_asks(world: World) -> None:
    await world.code()
    await world.code(client_id="choices")
    for asked in ({}, {"prompt": ""}, {"max_age": "9999"}):
        assert CONFIRMS in (await world.browser.get(world.url(client_id="choices", **asked))).text
    assert "error=login_required" in (await world.browser.get(world.url(client_id="choices", prompt="none"))).headers["location"]


async def test_a_token_is_for_the_client_whose_page_was_shown(world: World) -> None:
    code = await world.code(client_id="choices")
    assert (await world.token(code)).json() == {"error": "invalid_grant"}
    token = (await world.token(await world.code(client_id="choices"), client_id="choices")).json()["id_token"]

    assert json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["aud"] == "choices"


async def test_prompt_none_shows_no_page(world: World) -> None:
    answer = await world.browser.get(world.url(prompt="none"))

    assert "error=login_required" in answer.headers["location"]


async def test_an_application_that_is_not_registered_is_sent_nowhere(world: World) -> None:
    for changed in ({"redirect_uri": "https://evil.example/"}, {"redirect_uri": f"{BACK}/x"}, {"client_id": "other"}):
        answer = await world.browser.get(world.url(**changed))

        assert answer.status_code == 400
        assert "location" not in answer.headers


async def test_no_code_without_pkce(world: World) -> None:
    for changed in ({"code_challenge": ""}, {"code_challenge_method": "plain"}, {"response_type": "token"}):
        answer = await world.browser.get(world.url(**changed))

        assert "error=invalid_request" in answer.headers["location"]


async def test_a_wrong_second_factor_gives_no_code(world: World) -> None:
    page = await world.browser.get(world.url())
    transaction = page.text.split('name="transaction" value="')[1].partition('"')[0]
    answer = await world.browser.post(f"{ISSUER}/login", data={"transaction": transaction, "person": "dina", "code": "x", "do": "login"})
    assert answer.status_code == 422

    answer = await world.browser.post(f"{ISSUER}/login", data={"transaction": transaction, "do": "cancel"})
    assert "error=access_denied" in answer.headers["location"]
    with pytest.raises(NotLoggedIn):
        await log_in(world.browser, world.url(), "nobody")


async def test_ria_logs_in_under_her_own_name(world: World) -> None:
    claims = await world.claims(await world.code("ria"))

    assert claims["name"] == "Ria Olde Wolbers"
    assert "bsn" not in claims
    represents = claims["represents"]
    assert isinstance(represents, dict)
    assert represents["bsn"] == "999984056"
