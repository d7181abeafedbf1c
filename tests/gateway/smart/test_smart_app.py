"""The two addresses over HTTP, as a client of SMART Backend Services sees them."""

from typing import Any, Final

import httpx2
import pytest
from starlette.types import Scope

from gateway.smart.app import SmartApp
from tests.gateway.smart.test_door import TOKEN_URL, World, said, signed

pytestmark = pytest.mark.anyio

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def form(**changes: Any) -> dict[str, str]:
    given = {"grant_type": "client_credentials", "client_assertion_type": TYPE, "client_assertion": signed(said()), "scope": "system/*.rs"} | changes
    return {name: value for name, value in given.items() if value is not None}


def certificate(_: Scope) -> bytes:
    return b"the certificate"


def opened(world: World) -> httpx2.AsyncClient:
    app = SmartApp(world.door, issuer="https://gateway.test", certificate=certificate)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://gateway.test")


async def test_a_client_gets_a_token_that_is_bound_to_its_certificate() -> None:
    world = World()
    async with opened(world) as client:
        answer = await client.post("/auth/token", data=form())

    told = answer.json()
    assert answer.status_code == 200
    assert (told["token_type"], told["scope"]) == ("Bearer", "system/*.rs")
    assert 0 < told["expires_in"] <= 300
    assert answer.headers["cache-control"] == "no-store"
    assert world.door.authorise(f"Bearer {told['access_token']}", b"the certificate") is not None


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"scope": None}, 400, "invalid_request"),
        ({"client_assertion_type": "x"}, 400, "invalid_request"),
        ({"client_assertion": "x"}, 401, "invalid_client"),
        ({"client_assertion": signed(said(aud="https://elsewhere.test"))}, 401, "invalid_client"),
        ({"scope": "user/*.rs"}, 400, "invalid_scope"),
        ({"client_secret": "x"}, 400, "invalid_request"),
        ({"scope": "a" * 20_000}, 413, "invalid_request"),
    ],
)
async def test_a5_what_is_refused_is_told_by_a_code_and_no_more(changes: dict[str, Any], status: int, error: str) -> None:
    async with opened(World()) as client:
        answer = await client.post("/auth/token", data=form(**changes))

    assert (answer.status_code, answer.json()) == (status, {"error": error})


async def test_a5_an_assertion_in_a_url_or_twice_or_in_json_is_refused() -> None:
    async with opened(World()) as client:
        in_url = await client.post("/auth/token", params=form(), data=form())
        twice = await client.post(
            "/auth/token", content="scope=a&scope=b&grant_type=client_credentials", headers={"content-type": "application/x-www-form-urlencoded"}
        )
        in_json = await client.post("/auth/token", json=form())
        got = await client.get("/auth/token")

    assert [answer.status_code for answer in (in_url, twice, in_json, got)] == [400, 400, 400, 405]


async def test_the_configuration_says_what_there_is_and_no_more() -> None:
    async with opened(World()) as client:
        for path in ("/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"):
            told = (await client.get(path)).json()

            assert told["token_endpoint"] == TOKEN_URL
            assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
            assert told["token_endpoint_auth_signing_alg_values_supported"] == ["EdDSA", "ES384", "RS384"]
            assert "authorization_endpoint" not in told
        head = await client.head("/.well-known/smart-configuration")
        elsewhere = await client.get("/auth/else")

    assert (head.status_code, head.content) == (200, b"")
    assert elsewhere.status_code == 404
