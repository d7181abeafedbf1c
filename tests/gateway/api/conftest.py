"""A FHIR client of the face under test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest

from gateway.api.fhir_app import FhirApp
from gateway.api.http_settings import HttpSettings
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.api.fake_region import FakeDoor, FakeHolder

Opened = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture
def face() -> Opened:
    """A client of the face of a region, by door and settings; an async context manager."""

    @asynccontextmanager
    async def opened(door: FakeDoor | list[FakeHolder], **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
        region = door if isinstance(door, FakeDoor) else FakeDoor(door)
        settings.setdefault("first_frame_seconds", 60.0)  # nobody is silent because the machine stood still
        told = HttpSettings(public_url="http://gateway.test", **settings)
        app = FhirApp(region, FakeCallers.of(told), told)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://gateway.test/fhir/") as client:
            yield client

    return opened
