"""The ways in at a FHIR server: each against one that really demands it, by the settings of an agent."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, RSAKey

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from node_agent.opening import open_source
from node_agent.ports import Source, SourceAnswerInvalid, SourceFailure, SourceUnavailable
from node_agent.source_settings import SourceSettings
from node_agent.sources.fhir_exchange import Reply, Request
from node_agent.sources.fhir_tokens import BackendClient, Tokens
from testbed.contracts.records import ANNA
from testbed.fhir_server import FhirFaults
from testbed.fhir_server_desk import BASE_PATH, Desk
from testbed.fhir_server_login import LoginDesk
from testbed.fhir_server_serving import serving
from tests.node_agent.ways_in import RECORDS, A, opens, settings, stays_shut

pytestmark = pytest.mark.anyio

EC = ECKey.generate_key("P-384", {"kid": "agent-1"})

# -- A name and a password, or a token that does not change


@pytest.mark.parametrize(
    ("header", "way"),
    [
        ("Basic YWdlbnQ6Z2VoZWlt", {"user": "agent", "password": "geheim"}),
        ("Bearer geheim", {"token": "geheim"}),
    ],
)
async def test_a_password_or_token_lets_us_in(header: str, way: dict[str, str], tmp_path: Path) -> None:
    async with serving(Desk(RECORDS, FhirFaults(authorization=header)).app) as origin:
        await opens(settings(origin + BASE_PATH, **way), tmp_path)
        told = await stays_shut(settings(origin + BASE_PATH), tmp_path)

    assert "401" in told


@pytest.mark.parametrize(
    ("way", "named"),
    [
        ({"token": "x", "user": "agent"}, "source.user"),
        ({"token": "x", "client_id": "agent", "client_key_file": "key"}, "one of them"),
        ({"client_id": "agent"}, "source.client_key"),
        ({"client_id": "agent", "client_key_file": "secret"}, "source.client_key"),
        ({"client_id": "agent", "client_key_file": "key", "token_endpoint": "http://elsewhere.example/token"}, "source.token_endpoint"),
        ({"ca_file": "nothing"}, "source.ca_file"),
        ({"ca_file": "secret"}, "source.ca_file"),
        ({"certificate": "secret"}, "source.certificate_key"),
        ({"certificate": "secret", "certificate_key": "secret"}, "source.certificate"),
    ],
)
async def test_a_way_in_that_cannot_work_is_refused_before_anything_starts(way: dict[str, str], named: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("geheim", encoding="ascii")
    (tmp_path / "key").write_bytes(EC.as_pem(private=True))
    with pytest.raises(BadInput) as refused:
        async with open_source(settings("http://127.0.0.1:9/fhir", **way), tmp_path):
            pass

    assert refused.value.fault is Fault.INVALID_SETTING
    assert named in str(refused.value)
    assert "geheim" not in str(refused.value)


# -- SMART Backend Services


@dataclass
class Login:
    """A server that demands tokens, the settings that get them, and their folder."""

    desk: LoginDesk
    records: Desk
    given: SourceSettings
    folder: Path

    @asynccontextmanager
    async def source(self) -> AsyncGenerator[Source, None]:
        """An agent's source over it."""
        async with open_source(self.given, self.folder) as source:
            yield source


@asynccontextmanager
async def a_login(folder: Path, key: ECKey | RSAKey = EC, *, pem: bool = False, by_hand: bool = False) -> AsyncGenerator[Login, None]:
    records = Desk(RECORDS)
    desk = LoginDesk(records.app, "agent", type(key).import_key(key.as_dict(private=False)), "agent-1")
    (folder / "key").write_bytes(key.as_pem(private=True) if pem else str(key.as_dict(private=True)).replace("'", '"').encode())
    async with serving(desk.app) as origin:
        ways = {
            "client_id": "agent",
            "client_key_file": "key",
            **({"key_id": "agent-1"} if pem else {}),
            **({"token_endpoint": f"{origin}/token"} if by_hand else {}),
        }
        yield Login(desk, records, settings(origin + BASE_PATH, **ways), folder)
        records.close()


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("pem", [False, True])
@pytest.mark.parametrize("key", [EC, RSAKey.generate_key(2048, {"kid": "agent-1"})], ids=["ES384", "RS384"])
async def test_a_signed_assertion_gets_one_token_for_everything(key: ECKey | RSAKey, pem: bool, by_hand: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table
    async with a_login(tmp_path, key, pem=pem, by_hand=by_hand) as login:
        await opens(login.given, tmp_path)

        assert login.desk.granted == 1


async def test_only_one_token_is_fetched_whoever_waits_for_it(tmp_path: Path) -> None:
    async with a_login(tmp_path) as login, login.source() as source, anyio.create_task_group() as tasks:
        login.desk.delay = 0.05
        for _ in range(20):
            tasks.start_soon(source.find, Bsn(ANNA))
    assert (login.desk.granted, login.desk.at_once) == (1, 1)


async def test_a_token_that_is_withdrawn_is_renewed_once_for_all(tmp_path: Path) -> None:
    async with a_login(tmp_path) as login, login.source() as source:
        assert await source.find(Bsn(ANNA)) == A
        login.desk.withdraw()
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(source.find, Bsn(ANNA))
        assert login.desk.granted == 2
        login.desk.withdraw()
        assert await source.attachment("Binary/7") is not None
        assert login.desk.granted == 3


async def test_a_server_that_takes_no_token_is_not_asked_for_ever(tmp_path: Path) -> None:
    async with a_login(tmp_path) as login, login.source() as source:
        login.records.faults = FhirFaults(authorization="Bearer another")
        with pytest.raises(SourceUnavailable, match="401"):
            await source.find(Bsn(ANNA))

        assert login.desk.granted == 2
        asked = login.records.witness.total
        assert asked <= 2


@pytest.mark.parametrize(("lasts", "is_used"), [(300, 270), (3_600, 3_570), (40, 20), (31, 15.5), (10, 5), (None, 30)])
async def test_a_token_is_used_until_half_a_minute_before_its_end_and_a_short_one_for_half_its_life(lasts: float | None, is_used: float) -> None:
    now = 1_000.0
    granted: list[float] = []

    async def ask(request: Request, until: float) -> Reply:
        del request, until
        granted.append(now)
        body = {"access_token": f"t{len(granted)}", "token_type": "Bearer", **({} if lasts is None else {"expires_in": lasts})}
        return Reply(200, "application/json", json.dumps(body).encode())

    client = BackendClient("agent", EC.as_pem(private=True).decode(), token_endpoint="https://login.example/token")
    tokens = Tokens(client, "https://fhir.example", ask, "fhir", clock=lambda: now)
    assert await tokens.authorization(0) == "Bearer t1"
    now += is_used - 0.01
    assert await tokens.authorization(0) == "Bearer t1"
    now += 0.02
    assert await tokens.authorization(0) == "Bearer t2"


@pytest.mark.parametrize(
    ("says", "failure"),
    [
        ("http://elsewhere.example/token", SourceAnswerInvalid),
        ("https://user@elsewhere.example/token", SourceAnswerInvalid),
        ("file:///etc/hostname", SourceAnswerInvalid),
        ("nonsense", SourceAnswerInvalid),
    ],
)
async def test_what_we_sign_goes_nowhere_without_tls(says: str, failure: type[SourceFailure], tmp_path: Path) -> None:
    async with a_login(tmp_path) as login:
        login.desk.says = says

        assert "elsewhere" not in await stays_shut(login.given, tmp_path, failure)


async def test_a_refusal_is_told_to_whoever_runs_the_agent_by_its_code_and_no_more(tmp_path: Path) -> None:
    async with a_login(tmp_path) as login:
        login.desk.refuses = "invalid_scope"
        with structlog.testing.capture_logs() as logs:
            told = await stays_shut(login.given, tmp_path)
        login.desk.refuses = ""
        await opens(login.given, tmp_path)

    assert logs[0]["error"] == "invalid_scope"
    assert "hush" not in str(logs) + told


async def test_a_client_that_is_not_registered_gets_nothing(tmp_path: Path) -> None:
    async with a_login(tmp_path) as login:
        (tmp_path / "key").write_bytes(ECKey.generate_key("P-384", {"kid": "agent-1"}).as_pem(private=True))
        await stays_shut(login.given, tmp_path)

        assert login.desk.granted == 0
        assert login.records.witness.total == 0


SHORT = rsa.generate_private_key(65_537, 1_024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # noqa: S505 - too short on purpose


@pytest.mark.parametrize("key", [ECKey.generate_key("P-256").as_pem(private=True), EC.as_pem(private=False), SHORT, b"{}", b'{"kty":"EC"}', b""])
def test_a_key_that_the_profile_does_not_know_is_refused(key: bytes) -> None:
    with pytest.raises(BadInput, match="client_key"):
        BackendClient("agent", key.decode())


def test_the_key_is_never_shown() -> None:
    key = EC.as_pem(private=True).decode()
    assert key not in repr(BackendClient("agent", key))
