"""Mutual TLS: who is not of the region does not get in, new certificates count without a restart."""

import ssl
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio.to_thread
import grpc
import pytest
from grpc.experimental import session_cache

from accord.link.certificates import key_digest, make_authority, read_signing_key
from accord.link.credentials import (
    ChannelKeys,
    TlsFiles,
    TlsMaterial,
    check_whose,
    https_client_context,
    https_server_context,
    renew,
    uncertified_credentials,
)
from accord.link.register_file import sign_register
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from tests.accord.link.calling import calling, credentials_of, refusal, serving, who
from tests.accord.link.handshaking import client_that_offers_only_tls_1_1, connected, first_byte, https_serving, is_resumed, served_digest, served_version
from tests.accord.link.small_region import GATEWAY, HOSPITAL, NOW, SmallRegion, certified

pytestmark = pytest.mark.anyio


@pytest.fixture
def region(tmp_path: Path) -> SmallRegion:
    return SmallRegion(tmp_path)


@pytest.mark.parametrize("over", ["tcp", "unix"])
async def test_two_organisations_of_the_region_reach_each_other(region: SmallRegion, over: str) -> None:
    live = region.live()
    address = "127.0.0.1:0" if over == "tcp" else f"unix:{region.folder}/h.sock"
    async with serving(region, live, address) as (_, target), calling(target, ChannelKeys(TlsMaterial(region.files(GATEWAY), live)).current()) as channel:
        assert await who(channel) == "gateway"


@pytest.mark.parametrize("wrong", ["none", "self_signed", "of_another_authority", "expired", "not_yet_valid"])
@pytest.mark.parametrize("over", ["tcp", "unix"])
async def test_a1_without_a_certificate_of_the_region_no_call_arrives(region: SmallRegion, over: str, wrong: str) -> None:
    root = region.office.authority.certificate.encode()
    credentials = grpc.ssl_channel_credentials(root) if wrong == "none" else credentials_of(region, getattr(region, wrong)())
    address = "127.0.0.1:0" if over == "tcp" else f"unix:{region.folder}/h.sock"
    async with serving(region, region.live(), address) as (service, target), calling(target, credentials) as channel:
        code, _ = await refusal(channel)

        assert code is grpc.StatusCode.UNAVAILABLE
        assert service.reached == 0


async def test_a1_without_tls_no_call_arrives(region: SmallRegion) -> None:
    async with serving(region, region.live()) as (service, target), grpc.aio.insecure_channel(target) as channel:
        code, _ = await refusal(channel)

        assert code is grpc.StatusCode.UNAVAILABLE
        assert service.reached == 0


async def test_a_channel_ends_at_the_organisation_that_was_meant_and_at_no_other(region: SmallRegion) -> None:
    credentials = credentials_of(region, region.files(GATEWAY))
    async with serving(region, region.live()) as (service, target), calling(target, credentials, Ura("00001003")) as channel:
        code, _ = await refusal(channel)

        assert code is grpc.StatusCode.UNAVAILABLE
        assert service.reached == 0


async def test_a_new_certificate_is_served_at_the_next_handshake(region: SmallRegion) -> None:
    live = region.live()
    async with serving(region, live) as (_, target):
        shown = partial(served_digest, target, region, region.files(GATEWAY))
        before = await anyio.to_thread.run_sync(shown)
        made = certified(region.folder / "renewed", region.office.authority, HOSPITAL.ura)
        made.certificate.replace(region.files(HOSPITAL).certificate)
        half_way = await anyio.to_thread.run_sync(shown)
        made.key.replace(region.files(HOSPITAL).key)
        after = await anyio.to_thread.run_sync(shown)

    assert before == half_way
    assert after == key_digest(region.files(HOSPITAL).certificate.read_bytes())


async def test_a_new_certificate_is_served_to_those_too_who_show_none(region: SmallRegion) -> None:
    live = region.live()
    async with serving(region, live, credentials=uncertified_credentials) as (_, target):
        shown = partial(served_digest, target, region, None)
        before = await anyio.to_thread.run_sync(shown)
        made = certified(region.folder / "renewed", region.office.authority, HOSPITAL.ura)
        made.key.replace(region.files(HOSPITAL).key)
        made.certificate.replace(region.files(HOSPITAL).certificate)
        after = await anyio.to_thread.run_sync(shown)

    assert before != after
    assert after == key_digest(region.files(HOSPITAL).certificate.read_bytes())
    assert after != before


async def test_an_authority_that_the_register_adds_or_drops_counts_at_the_next_handshake(region: SmallRegion) -> None:
    live, second = region.live(), make_authority("second", at=NOW, days=30)
    files = certified(region.folder / "second", second, GATEWAY.ura)
    key = read_signing_key(region.office.folder / "region.key")

    def give(authorities: tuple[str, ...], version: int) -> None:
        register = replace(live.newest, version=version, authorities=authorities)
        assert live.take(sign_register(register, key, [region.office.public_key]), NOW)

    first = live.newest.authorities
    async with serving(region, live) as (service, target):
        for version, authorities, expected in ((10, first, 0), (11, (*first, second.certificate), 1), (12, first, 1)):
            give(authorities, version)
            async with calling(target, credentials_of(region, files)) as channel:
                await refusal(channel)

            assert service.reached == expected


async def test_channel_keys_are_made_anew_when_a_file_changes(region: SmallRegion) -> None:
    keys = ChannelKeys(TlsMaterial(region.files(GATEWAY), region.live()))
    first, generation = keys.current(), keys.generation

    assert keys.current() is first
    made = certified(region.folder / "renewed", region.office.authority, GATEWAY.ura)
    made.key.replace(region.files(GATEWAY).key)
    assert keys.current() is first
    made.certificate.replace(region.files(GATEWAY).certificate)
    assert keys.current() is not first
    assert keys.generation == generation + 1


async def test_a10_a_resumed_session_does_not_outlive_blocking(region: SmallRegion) -> None:
    live, credentials = region.live(), credentials_of(region, region.files(GATEWAY))
    remembered = ("grpc.ssl_session_cache", session_cache.ssl_session_cache_lru(4))  # type: ignore[no-untyped-call]  # grpcio has no types for it
    async with serving(region, live) as (service, target):
        for resumed in (b"false", b"true"):
            async with calling(target, credentials, options=[remembered]) as channel:
                assert await who(channel) == "gateway"
                assert service.authenticated["ssl_session_reused"] == [resumed]
        with region.change() as draft:
            draft.block(GATEWAY.ura)
        assert live.offer(region.text, live.newest.issued)
        async with calling(target, credentials, options=[remembered]) as channel:
            assert (await refusal(channel))[1] == "organisation-blocked"
            assert service.authenticated["ssl_session_reused"] == [b"true"]


async def test_a10_grpc_refuses_what_is_older_than_tls_1_2(region: SmallRegion) -> None:
    async with serving(region, region.live()) as (service, target):
        old = client_that_offers_only_tls_1_1(region)
        assert await anyio.to_thread.run_sync(served_version, target, old) == "refused by the server"
        new = https_client_context([region.office.authority.certificate], region.files(GATEWAY))
        assert await anyio.to_thread.run_sync(served_version, target, new) == "TLSv1.3"
        new.maximum_version = ssl.TLSVersion.TLSv1_2
        assert await anyio.to_thread.run_sync(served_version, target, new) == "TLSv1.2"

    assert service.reached == 0


def test_a10_https_refuses_what_is_older_than_tls_1_2_and_resumes_nothing(region: SmallRegion) -> None:
    context = https_server_context(region.files(HOSPITAL), [region.office.authority.certificate], clients=ssl.CERT_REQUIRED)
    with https_serving(context) as target:
        assert served_version(target, client_that_offers_only_tls_1_1(region)) == "refused by the server"
        client = https_client_context([region.office.authority.certificate], region.files(GATEWAY))
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            client.maximum_version = version
            assert not is_resumed(target, client)


def test_the_check_on_resumption_can_fail(region: SmallRegion) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(region.files(HOSPITAL).certificate, region.files(HOSPITAL).key)
    with https_serving(context) as target:
        assert is_resumed(target, https_client_context([region.office.authority.certificate]))


@pytest.mark.parametrize("wrong", ["none", "self_signed", "of_another_authority", "expired", "not_yet_valid"])
def test_a1_https_that_demands_a_certificate_takes_one_of_the_region_only(region: SmallRegion, wrong: str) -> None:
    authorities = [region.office.authority.certificate]
    context = https_server_context(region.files(HOSPITAL), authorities, clients=ssl.CERT_REQUIRED)
    client = https_client_context(authorities, None if wrong == "none" else getattr(region, wrong)())
    with https_serving(context) as target, pytest.raises((ssl.SSLError, ConnectionError)):
        first_byte(target, client)


def test_https_without_a_demand_serves_whoever_comes_and_believes_certificates_of_the_region_only(region: SmallRegion) -> None:
    authorities = [region.office.authority.certificate]
    context = https_server_context(region.files(HOSPITAL), authorities, clients=ssl.CERT_OPTIONAL)
    with https_serving(context) as target:
        with connected(target, https_client_context(authorities)) as stream:
            assert stream.recv(1) == b"0"
        with connected(target, https_client_context(authorities, region.files(GATEWAY))) as stream:
            assert stream.recv(1) == b"1"
        made = certified(region.folder / "renewed", region.office.authority, HOSPITAL.ura)
        renew(context, made)
        with connected(target, https_client_context(authorities)) as stream:
            assert key_digest(stream.getpeercert(binary_form=True) or b"") == key_digest(made.certificate.read_bytes())


def test_a_key_that_others_can_read_or_that_does_not_fit_is_refused(region: SmallRegion) -> None:
    hospital, gateway = region.files(HOSPITAL), region.files(GATEWAY)
    live = region.live()

    with pytest.raises(BadInput, match="not the key of"):
        TlsMaterial(TlsFiles(hospital.certificate, gateway.key), live)
    with pytest.raises(BadInput, match="cannot be read"):
        TlsMaterial(TlsFiles(region.folder / "none.pem", gateway.key), live)
    with pytest.raises(BadInput, match="no authority"):
        https_client_context([])
    hospital.key.chmod(0o644)
    with pytest.raises(BadInput, match="only its owner"):
        https_server_context(hospital)


def test_a_certificate_of_another_organisation_is_refused_and_one_that_the_register_does_not_know_yet_goes_by_its_name(region: SmallRegion) -> None:
    register = region.live().newest
    hospital = region.files(HOSPITAL).certificate.read_bytes()
    renewed = certified(region.folder / "renewed", region.office.authority, HOSPITAL.ura).certificate.read_bytes()

    check_whose(hospital, HOSPITAL.ura, register)
    check_whose(renewed, HOSPITAL.ura, register)
    for certificate, told in ((hospital, "that of hospital, URA 00001001"), (renewed, "of another organisation, or of none")):
        with pytest.raises(BadInput, match=told) as why:
            check_whose(certificate, GATEWAY.ura, register)
        assert why.value.fault is Fault.INVALID_SETTING
        assert "tls.certificate" in why.value.explanation.next_step
    with pytest.raises(BadInput, match="or of none"):
        check_whose(region.self_signed().certificate.read_bytes(), HOSPITAL.ura, register)
