"""Whoever asks, believed at once: for tests that are about what is answered and not about who asks."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from accord.terms.parties import Asker
from accord.terms.queries import NO_EVIDENCE, Evidence, Selection
from accord.terms.vocabulary import CareCategory, PurposeOfUse
from gateway.api.http_settings import HttpSettings
from gateway.callers import Caller
from gateway.patient_ids import PatientIds, Person
from tests.gateway.api.fake_region import ASKER, BSN


@dataclass(frozen=True)
class FakeCaller:
    """Who asks. What was asked on whose behalf is remembered in `asked`."""

    purpose: PurposeOfUse
    patient: str
    base: str
    asked_by: Asker = ASKER
    asked: list[Asked] = field(default_factory=list)
    may_ask: Selection | None = None
    categories: frozenset[CareCategory] = frozenset()

    def narrowed(self, selection: Selection) -> Selection:
        """All of it, or what they may ask."""
        return selection if self.may_ask is None else self.may_ask

    def evidence_for(self, bsn: Bsn, asked: Asked) -> Evidence:
        """None is needed."""
        assert bsn.value
        self.asked.append(asked)
        return NO_EVIDENCE


@asynccontextmanager
async def _always() -> AsyncIterator[None]:
    yield


@dataclass(frozen=True)
class FakeCallers:
    """Believes everybody; without a patient in the headers a request is about *patient*."""

    patient: str
    asked: list[Asked] = field(default_factory=list)
    may_ask: Selection | None = None
    categories: frozenset[CareCategory] = frozenset()

    @classmethod
    def of(cls, settings: HttpSettings, bsn: Bsn = BSN) -> "FakeCallers":
        """Those of a face with these settings."""
        return cls(PatientIds(settings.patient_keys).make(Person(bsn, None), ASKER.data_user.ura))

    def while_a_member(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """For ever."""
        assert caller.asked_by.data_user.ura.value
        return _always()

    def who(self, _context: Any) -> str:
        """Anybody."""
        return ""

    def caller(self, headers: Mapping[str, str], peer: bytes) -> FakeCaller:
        """Who asks."""
        assert isinstance(peer, bytes)
        purpose = headers.get("noaber-purpose", "TREAT")
        if purpose == "ETREAT":
            raise BadInput(Fault.EMERGENCY_NOT_OFFERED)
        if purpose != "TREAT":
            raise BadInput(Fault.INVALID_PARAMETER, "noaber-purpose")
        return FakeCaller(
            PurposeOfUse(purpose),
            headers.get("noaber-patient", self.patient),
            headers.get("noaber-base", ""),
            asked=self.asked,
            may_ask=self.may_ask,
            categories=self.categories,
        )

    def caller_of(self, context: Any, evidence: Evidence) -> FakeCaller:
        """Who asks over gRPC."""
        assert context is not None
        assert evidence is not None
        return FakeCaller(PurposeOfUse.TREATMENT, "", "", asked=self.asked)
