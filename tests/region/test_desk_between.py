"""A proxy that opens TLS stands before the office's desk: everything goes through it, and it learns and changes nothing."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from accord.link.certificates import certify, key_digest, make_authority, read_tls_key, write_private
from accord.link.credentials import TlsFiles
from accord.link.desk_forms import BoxForm, DoorsForm, DoorsToldForm, HeardForm, RenewedForm, RenewForm, SealedForm, StandingForm, StandingToldForm
from accord.link.office_line import OfficeLine, pinned_authority
from accord.region.desk_reception import Reception
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.members import MemberStatus
from accord.terms.next_steps import OPENED_TLS
from node_agent.joining.flow import Joining
from node_agent.joining.folder import AgentFolder
from node_agent.joining.moving_in import folder_in
from node_agent.settings import read_settings
from tests.accord.region.joining_world import URA, World
from tests.region.desk_between import Region, flipped, region_behind_something, served_desk

pytestmark = pytest.mark.anyio

STANDING = ("/v1/standing", StandingForm(), StandingToldForm)


@pytest.fixture
async def region(tmp_path: Path) -> AsyncIterator[Region]:
    async with region_behind_something(tmp_path) as made:
        yield made


async def test_an_organisation_joins_stands_renews_and_hears_of_doors_through_a_proxy_that_opens_tls(region: Region) -> None:
    agent = await region.join()
    first = key_digest(agent.tls.certificate.read_bytes())
    told = await region.line(agent).ask(*STANDING)
    doors = await region.line(agent).ask("/v1/doors", DoorsForm(), DoorsToldForm)
    region.half_a_life_later()
    renewing = region.renewing(agent)
    await renewing.renew()
    again = await region.line(agent).ask(*STANDING)

    assert told.status is again.status is MemberStatus.PLANNED
    assert told.register.count(".") == 2
    assert doors.doors == ["gateway.example:443"]
    renewed = key_digest(agent.tls.certificate.read_bytes())
    assert renewed != first
    assert renewed in region.world.member().certificates
    assert renewing.live.newest.version == region.world.office.signed().register.version


async def test_what_stands_between_reads_no_token_no_request_and_no_name(region: Region) -> None:
    agent = await region.join()
    await region.line(agent).ask(*STANDING)
    seen = bytes(region.between.seen)

    assert len(region.between.sealed()) == 5
    for secret in (region.token, region.token[-20:], URA.value, "Noaberhoes", "CERTIFICATE REQUEST", "/v1/join", "approved", "053-5550105"):
        assert secret.encode() not in seen
    for path in (agent.tls.certificate, agent.path / "register.jws"):
        assert path.read_bytes()[40:140] not in seen


async def test_without_the_proxys_authority_nothing_is_said_and_the_hint_is_what_to_name(region: Region) -> None:
    with pytest.raises(BadInput) as failure:
        await Joining(AgentFolder(region.folder / "agent"), region.wanted(proxy_ca=""), print).join()

    assert (failure.value.fault, failure.value.then) == (Fault.WRONG_AUTHORITY, OPENED_TLS)
    assert region.between.sealed() == []
    assert not (region.folder / "agent").exists()


@pytest.mark.parametrize("name", ["key", "ticket", "signature"])
async def test_a_desk_whose_first_word_was_changed_is_not_believed(region: Region, name: str) -> None:
    agent = await region.join()
    asked, change = len(region.between.sealed()), flipped(HeardForm, name)
    region.between.change_answer = lambda path, status, body: (status, change(body) if path == "/v1/hello" else body)
    with pytest.raises(BadInput) as failure:
        await region.line(agent).ask(*STANDING)

    assert failure.value.fault is Fault.WRONG_AUTHORITY
    assert len(region.between.sealed()) == asked


def put_in(found: dict[str, bytes]) -> Callable[[str, int, bytes], tuple[int, bytes]]:
    """Whoever answers with what was heard before."""

    def change(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return status, found.setdefault(path, body)

    return change


async def test_an_answer_that_was_changed_or_heard_before_is_not_opened(region: Region) -> None:
    agent = await region.join()
    change = flipped(BoxForm, "box")
    region.between.change_answer = lambda path, status, body: (status, change(body) if path == "/v1/sealed" else body)
    with pytest.raises(Unavailable) as changed:
        await region.line(agent).ask(*STANDING)
    kept: dict[str, bytes] = {}
    region.between.change_answer = put_in(kept)
    await region.line(agent).ask(*STANDING)
    with pytest.raises(BadInput) as whole:
        await region.line(agent).ask(*STANDING)
    region.between.change_answer = lambda path, status, body: (status, kept[path] if path == "/v1/sealed" else body)
    with pytest.raises(Unavailable) as half:
        await region.line(agent).ask(*STANDING)

    assert [one.value.fault for one in (changed, whole, half)] == [Fault.SESSION_BROKEN, Fault.WRONG_AUTHORITY, Fault.SESSION_BROKEN]


@pytest.mark.parametrize("name", ["box", "ticket"])
async def test_a_renewal_that_was_changed_on_the_way_is_refused_and_changes_nothing(region: Region, name: str) -> None:
    agent = await region.join()
    region.half_a_life_later()
    change, before = flipped(SealedForm, name), region.world.office.signed().text
    region.between.change_question = lambda path, body: change(body) if path == "/v1/sealed" else body
    with pytest.raises(Unavailable) as failure:
        await region.renewing(agent).renew()

    assert failure.value.fault is Fault.SESSION_BROKEN
    assert region.world.office.signed().text == before


async def test_a_renewal_and_a_join_count_once_whoever_sends_them_again(region: Region) -> None:
    agent = await region.join()
    joined = region.between.sealed()[-1]
    region.half_a_life_later()
    await region.renewing(agent).renew()
    renewed, before = region.between.sealed()[-1], region.world.office.signed().text
    answers = [await region.between.post("/v1/sealed", body) for body in (joined, renewed)]

    assert [(status, json.loads(body)) for status, body in answers] == [(409, {"code": "proof-used"})] * 2
    assert region.world.office.signed().text == before


async def test_a_question_for_one_desk_is_opened_by_no_other(region: Region, tmp_path: Path) -> None:
    agent = await region.join()
    (tmp_path / "other").mkdir()
    async with served_desk(region.world, tmp_path) as same_office, served_desk(World(tmp_path / "other"), tmp_path / "other") as other_region:
        region.between.elsewhere = {"/v1/sealed": same_office}
        with pytest.raises(Unavailable) as relayed:
            await region.line(agent).ask(*STANDING)
        region.between.elsewhere = {"/v1/hello": other_region, "/v1/sealed": other_region}
        with pytest.raises(BadInput) as led_astray:
            await region.line(agent).ask(*STANDING)
        with pytest.raises(BadInput) as joining:
            await pinned_authority(region.url, region.wanted().fingerprint, "none")

    assert [one.value.fault for one in (relayed, led_astray, joining)] == [Fault.SESSION_BROKEN, Fault.WRONG_AUTHORITY, Fault.WRONG_AUTHORITY]


async def test_a_member_of_the_region_in_the_line_does_not_pass_for_the_desk(region: Region, tmp_path: Path) -> None:
    """Its certificate is of the same authority."""
    key, own = ec.generate_private_key(ec.SECP256R1()), TlsFiles(tmp_path / "evil.pem", tmp_path / "evil.key")
    write_private(own.key, key)
    authority = region.world.office.authority
    own.certificate.write_text(certify(authority, key.public_key(), URA, at=region.world.at, days=2) + authority.certificate)
    region.between.heard_by(Reception(own))
    with pytest.raises(BadInput) as failure:
        await Joining(AgentFolder(region.folder / "agent"), region.wanted(), print).join()

    assert failure.value.fault is Fault.WRONG_AUTHORITY
    assert region.between.sealed() == []


def refusing(said: bytes, _: str, __: int, ___: bytes) -> tuple[int, bytes]:
    """Whoever says so itself, whatever the desk said."""
    return 403, said


async def test_a_refusal_that_somebody_else_says_ends_a_try_and_nothing_more(region: Region) -> None:
    agent = AgentFolder(region.folder / "agent")
    assert not await Joining(agent, region.wanted(), print).join()
    made = {path.name for path in agent.path.iterdir()}
    faults = []
    for code in ("join-refused", "organisation-blocked", "certificate-replaced"):
        said = json.dumps({"code": code}).encode()
        region.between.change_answer = partial(refusing, said)
        with pytest.raises(Faulted) as failure:
            await Joining(agent, region.wanted(), print).join()
        faults.append(failure.value.fault)

    assert faults == [Fault.DESK_UNREACHABLE] * 3
    assert {path.name for path in agent.path.iterdir()} == made


async def test_who_shows_no_proof_or_that_of_another_is_no_member(region: Region, tmp_path: Path) -> None:
    agent = await region.join()
    region.half_a_life_later()
    renewal = ("/v1/renew", RenewForm("-"), RenewedForm)
    at, key = region.world.at, ec.generate_private_key(ec.SECP256R1())
    elsewhere = make_authority("twente", at=at, days=9)
    stolen, expired, longer = (TlsFiles(tmp_path / f"{name}.pem", tmp_path / f"{name}.key") for name in ("stolen", "expired", "longer"))
    for one in (stolen, expired):
        write_private(one.key, key)
    stolen.certificate.write_text(certify(elsewhere, key.public_key(), URA, at=at, days=2))
    expired.certificate.write_text(certify(region.world.office.authority, key.public_key(), URA, at=at - timedelta(days=3), days=1))
    # The member's own key, under a certificate that nobody of the region made and that never ends.
    longer.key.write_bytes(agent.tls.key.read_bytes())
    longer.key.chmod(0o600)
    longer.certificate.write_text(certify(elsewhere, read_tls_key(agent.tls.key).public_key(), URA, at=at, days=9000))
    faults = []
    for files in (None, stolen, expired, longer):
        with pytest.raises(BadInput) as failure:
            await OfficeLine(region.url, (region.world.office.authority.certificate,), files, "none", region.ca_file).ask(*renewal)
        faults.append(failure.value.fault)

    assert faults == [Fault.NOT_A_MEMBER, Fault.NOT_A_MEMBER, Fault.CERTIFICATE_EXPIRED, Fault.NOT_A_MEMBER]


async def test_the_settings_that_joining_writes_lead_through_the_proxy_to_desk_and_gateways(region: Region) -> None:
    agent = await region.join(address="")
    written = read_settings([agent.settings], []).values

    assert written.office.ca_file == written.outbound.ca_file == region.ca_file
    assert written.outbound.gateways == ["gateway.example:443"]
    assert (await region.line(agent).ask(*STANDING)).status is MemberStatus.PLANNED


async def test_who_moves_into_a_house_goes_through_the_proxy_too(region: Region) -> None:
    found = await folder_in(region.folder / "house", region.wanted())

    assert found.path == region.folder / "house" / "noaberhoes"
    assert len(region.between.sealed()) == 1
