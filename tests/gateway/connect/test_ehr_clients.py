"""How the viewer proves to a health record which client it is, and which settings of it cannot stand."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from accord.ops.telling import settings_told
from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import BadInput, Fault
from gateway.connect.ehr_clients import ehr_client, ehr_of
from gateway.connect.settings import KEPT, SmartSettings, ViewerPagesSettings, read_settings
from gateway.connect.viewer_serving import viewer_settings
from gateway.viewer.ehr import SCOPES
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.ehr_login import Attempt, Endpoints, Goal, finish
from tests.gateway.viewer.fake_region import NIGHT

ISSUER = "https://epd.example/fhir"
ENDPOINTS = Endpoints("https://epd.example/authorize", "https://epd.example/token", "https://epd.example/jwks", ISSUER)


def kept(folder: Path, name: str, content: bytes, mode: int = 0o600) -> str:
    """A file as an operator puts it."""
    (folder / name).write_bytes(content)
    (folder / name).chmod(mode)
    return name


def pem(key: Any) -> bytes:
    """A private key as text."""
    written: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return written


async def sent(settings: SmartSettings, folder: Path) -> httpx2.Request:
    """What goes to the token endpoint."""
    seen: list[httpx2.Request] = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(400)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(refuse)) as client:
        attempt = Attempt(ehr_of(settings, folder), Goal.LAUNCH, NIGHT)
        with pytest.raises(BadInput, match=Fault.LAUNCH_REFUSED):
            await finish(attempt, ENDPOINTS, EhrCalls(client), "https://dossier.example/terug", "a-code", NIGHT)
    return seen[0]


def said(request: httpx2.Request) -> dict[str, str]:
    """The form that was sent."""
    return dict(httpx2.QueryParams(request.content.decode()))


@pytest.mark.anyio
async def test_a_secret_goes_in_the_header_and_nowhere_else(tmp_path: Path) -> None:
    given = SmartSettings(ISSUER, "a client", client_secret_file=kept(tmp_path, "secret", b"s:e/c\n"))
    request = await sent(given, tmp_path)

    assert request.headers["authorization"] == httpx2.BasicAuth("a%20client", "s%3Ae%2Fc")._auth_header
    assert set(said(request)) == {"grant_type", "code", "redirect_uri", "code_verifier"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("key", "algorithm", "kind"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ES256", ECKey),
        (ec.generate_private_key(ec.SECP384R1()), "ES384", ECKey),
        (rsa.generate_private_key(65537, 2048), "RS384", RSAKey),
    ],
    ids=["P-256", "P-384", "RSA"],
)
async def test_a_key_signs_a_short_statement_for_this_token_endpoint(tmp_path: Path, key: Any, algorithm: str, kind: Any) -> None:
    given = SmartSettings(ISSUER, "viewer", client_key=kept(tmp_path, "key", pem(key)), client_key_id="k1")
    form = said(await sent(given, tmp_path))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    token = jwt.decode(form["client_assertion"], kind.import_key(public), algorithms=[algorithm])

    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert token.header == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert (token.claims["iss"], token.claims["sub"], token.claims["aud"]) == ("viewer", "viewer", ENDPOINTS.token)
    assert 0 < token.claims["exp"] - token.claims["iat"] <= 300
    assert "client_id" not in form


@pytest.mark.anyio
async def test_a_public_client_says_its_name_and_proves_itself_by_pkce(tmp_path: Path) -> None:
    request = await sent(SmartSettings(ISSUER, "viewer"), tmp_path)

    assert "authorization" not in request.headers
    assert said(request)["client_id"] == "viewer"
    assert said(request)["code_verifier"]


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://epd.example/fhir"},
        {"client_id": ""},
        {"treatment": "guessed"},
        {"client_secret_file": "gone"},
        {"client_secret_file": "open"},
        {"client_key": "gone"},
        {"client_key": "open"},
        {"client_key": "secret"},
        {"client_key": "ed25519"},
        {"client_key": "weak"},
        {"client_key": "key", "client_secret_file": "secret"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_stand_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    kept(tmp_path, "secret", b"secret\n")
    kept(tmp_path, "open", b"secret\n", 0o644)
    kept(tmp_path, "key", pem(ec.generate_private_key(ec.SECP256R1())))
    kept(tmp_path, "ed25519", pem(ed25519.Ed25519PrivateKey.generate()))
    kept(tmp_path, "weak", pem(rsa.generate_private_key(65537, 1024)))  # noqa: S505 - it is to be refused
    changed: dict[str, Any] = {"issuer": ISSUER, "client_id": "viewer"} | change
    given = SmartSettings(**changed)
    with pytest.raises(BadInput) as refused:
        ehr_of(given, tmp_path)

    assert refused.value.fault is Fault.INVALID_SETTING
    assert "secret\n" not in str(refused.value)


def test_authorities_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    for name, content in (("empty", b""), ("noise", b"noise")):
        with pytest.raises(BadInput, match=Fault.INVALID_SETTING):
            ehr_client(ViewerPagesSettings(authorities=kept(tmp_path, name, content)), tmp_path)


SETTINGS = """
[professional]
id = "900000001"
role = "01.015"
name = "J. de Vries"
[viewer]
listen = "127.0.0.1:0"
public_url = "https://dossier.example"
[[viewer.smart]]
issuer = "https://epd.example/fhir"
client_id = "viewer"
client_secret_file = "secret"
treatment = "present"
two_factors = ["mfa"]
"""


def test_a_settings_file_names_a_health_record_and_no_secret_is_shown(tmp_path: Path) -> None:
    kept(tmp_path, "secret", b"a-secret-to-look-for\n")
    path = tmp_path / kept(tmp_path, "connect.toml", SETTINGS.encode())
    loaded = read_settings([path], [])
    made = viewer_settings(loaded.values.viewer, loaded.values.professionals, tmp_path)

    (ehr,) = made.ehrs
    assert (ehr.issuer, ehr.secret, ehr.treatment, ehr.two_factors, ehr.scopes) == (
        ISSUER,
        "a-secret-to-look-for",
        TreatmentBasis.PRESENT,
        frozenset({"mfa"}),
        SCOPES,
    )
    assert made.demo is None
    assert made.redirect_uri == "https://dossier.example/terug"
    assert "a-secret-to-look-for" not in repr(made) + settings_told(loaded, KEPT, as_json=True) + settings_told(loaded, KEPT, as_json=False)
    assert json.loads(settings_told(loaded, KEPT, as_json=True))


@pytest.mark.parametrize(
    "more",
    ["cleint_id = 'x'\n", "[[viewer.smart]]\nissuer = 'https://epd.example/fhir'\nclient_id = 'again'\n", "[[viewer.smart]]\nissuer = 'https://b.example'\n"],
)
def test_a_misspelt_or_double_health_record_is_refused(tmp_path: Path, more: str) -> None:
    kept(tmp_path, "secret", b"secret\n")
    path = tmp_path / kept(tmp_path, "connect.toml", (SETTINGS + more).encode())
    with pytest.raises(BadInput, match=Fault.INVALID_SETTING):
        viewer_settings((read := read_settings([path], []).values).viewer, read.professionals, tmp_path)
