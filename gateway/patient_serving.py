"""Joins the patient's pages: the login provider of the register, the way to the holders' desks, and a listening address."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx2
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from accord.link.addresses import address
from accord.terms.faults import BadInput, Fault
from accord.terms.members import LoginProvider, RegionRegister
from accord.terms.next_steps import LOGIN_PROVIDER, UNREADABLE
from accord.terms.policies import RegionPolicy
from accord.terms.vocabulary import CareCategory, HolderKind
from gateway.adapters.grpc_holders import Connect
from gateway.adapters.grpc_patient_door import GrpcPatientDoor
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.patient.app import make_patient_app
from gateway.patient.login import Login, LoginSettings
from gateway.patient.ports import RegionInfo
from gateway.patient.settings import PatientSettings
from gateway.ports import HolderRegister
from gateway.settings import PatientPagesSettings


@dataclass(frozen=True, slots=True)
class Around:
    """What the pages need of the process that they run in."""

    register: HolderRegister
    newest: Callable[[], RegionRegister]
    connect: Connect = field(repr=False)
    now: Callable[[], datetime]


async def serve_patients(settings: PatientPagesSettings, folder: Path, around: Around, *, task_status: TaskStatus[str] = TASK_STATUS_IGNORED) -> None:
    """Serve the pages until cancelled, on loopback: what faces the internet stands before them and speaks TLS.

    Raises:
        BadInput: `invalid-setting`: the register has no such login provider, or a setting is wrong.
    """
    provider = _provider(around.newest(), settings)
    pages = PatientSettings(settings.public_url)
    secret = _secret(folder, settings.client_secret_file, "client_secret_file")
    confirm_secret = _secret(folder, settings.confirm_client_secret_file, "confirm_client_secret_file")
    login = LoginSettings(provider, pages.redirect_uri, secret=secret, confirm_secret=confirm_secret)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx2.AsyncClient())
        door = GrpcPatientDoor(around.register, around.connect, partial(region_info, settings, around.newest))
        stack.push_async_callback(door.close)
        app = make_patient_app(door, pages, Login(login, client, around.now), clock=around.now)
        await serve_http(lambda _: app, HttpSettings(public_url=settings.public_url), address(settings.listen), task_status=task_status)


def region_info(settings: PatientPagesSettings, newest: Callable[[], RegionRegister]) -> RegionInfo:
    """The region as its patients see it, by the newest register."""
    register = newest()
    policy = register.policy
    shown = {kind: _shown_to(policy, kind) for kind in HolderKind}
    info = RegionInfo(register.region, settings.title or register.region, settings.telephone, policy.emergency is not None, settings.fictional, shown)
    return info if policy.emergency is None else replace(info, emergency_lasts=timedelta(minutes=policy.emergency.minutes))


def _shown_to(policy: RegionPolicy, kind: HolderKind) -> frozenset[CareCategory]:
    """What anybody at an organisation of this kind may see at all; rather too much than too little, for it is told as what might be seen."""
    rows = policy.matrix.rows
    return frozenset[CareCategory]().union(*(categories for (of, _), categories in rows.items() if of in (None, kind)))


def _provider(register: RegionRegister, settings: PatientPagesSettings) -> LoginProvider:
    for login in register.logins:
        if login.issuer == settings.issuer and login.client_id == settings.client_id:
            return login
    raise BadInput(Fault.INVALID_SETTING, "patients.issuer: the register has no such login provider", then=LOGIN_PROVIDER)


def _secret(folder: Path, file: str, setting: str) -> str:
    if not file:
        return ""
    try:
        return (folder / file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise BadInput(Fault.INVALID_SETTING, f"patients.{setting}: cannot be read", then=UNREADABLE) from None
