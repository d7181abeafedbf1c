"""The patient's pages at the holders' desks, over gRPC: first who knows the patient, then only these.

The BSN and the login go to nobody who did not say that they know the patient, under a pseudonym that only they can read.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
from grpc import aio

from accord.link.status import ending_of
from accord.rules.data_kinds import kinds_in
from accord.rules.stated import KeptLine, with_statement
from accord.rules.statements import ConfirmedStatement, Statement, concerns, read_statement
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Ura
from accord.terms.looks import OF_PLACES, Look
from accord.terms.vocabulary import PurposeOfUse
from accord.wire import patient_codec as codec
from accord.wire.v1 import patient_service_pb2 as pb
from accord.wire.v1.patient_service_pb2_grpc import PatientServiceStub
from gateway.adapters.grpc_holders import Connect
from gateway.patient.ports import AccessLine, Confirmed, HolderAccesses, HolderChoices, KnownHolder, NotConfirmed, RegionInfo
from gateway.ports import HolderRegister, RegisteredHolder

if TYPE_CHECKING:
    # Exists in the stubs only.
    from accord.wire.v1.patient_service_pb2_grpc import PatientServiceAsyncStub

_A = TypeVar("_A")
_R = TypeVar("_R")

_RECOGNISE_SECONDS: Final = 2.0
_SECONDS: Final = 5.0


class _Unheard(Exception):
    """A holder did not answer as agreed."""

    def __init__(self, code: Fault) -> None:
        super().__init__(code.value)
        self.code = code


class GrpcPatientDoor:
    """`gateway.patient.ports.PatientDoor` over one channel per holder. *info* tells what patients see of the region."""

    def __init__(self, register: HolderRegister, connect: Connect, info: Callable[[], RegionInfo]) -> None:
        self._register = register
        self._connect = connect
        self._info = info
        self._channels: dict[tuple[Ura, str], aio.Channel] = {}

    async def close(self) -> None:
        """Close all channels."""
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()

    async def region_info(self) -> RegionInfo:
        """As the port promises."""
        return self._info()

    async def holders_of(self, patient: Bsn) -> Sequence[KnownHolder]:
        """As the port promises."""
        return [_card(holder) for holder, _ in await self._knowing(patient)]

    async def choices(self, patient: Bsn, token: str) -> Sequence[HolderChoices]:
        """As the port promises."""
        request = pb.ReadChoicesRequest(login=pb.Login(id_token=token, bsn=patient.value))

        async def read(holder: RegisteredHolder) -> HolderChoices:
            answer = await _heard(self._stub(holder).ReadChoices(request, timeout=_SECONDS))
            return HolderChoices(_card(holder), _lines(answer.statements, patient), others=answer.others)

        return await self._of_each(patient, read, lambda holder, code: HolderChoices(_card(holder), code=code))

    async def choose(self, confirmed: ConfirmedStatement) -> Sequence[Confirmed | NotConfirmed]:
        """As the port promises."""
        statement = confirmed.statement
        login = pb.Login(id_token=confirmed.token, bsn=statement.patient.value)
        request = pb.ChooseRequest(login=login, statement=statement.canonical, random=confirmed.salt)

        async def deliver(holder: RegisteredHolder) -> Confirmed | NotConfirmed:
            answer = await _heard(self._stub(holder).Choose(request, timeout=_SECONDS))
            return Confirmed(_card(holder), codec.moment_from_wire(answer.since_ms))

        def failed(holder: RegisteredHolder, code: Fault) -> Confirmed | NotConfirmed:
            return NotConfirmed(_card(holder), code)

        return await self._of_each(statement.patient, deliver, failed, about=statement)

    async def accesses(self, patient: Bsn, token: str, since: datetime, until: datetime) -> Sequence[HolderAccesses]:
        """As the port promises."""
        request = pb.ReadAccessesRequest(
            login=pb.Login(id_token=token, bsn=patient.value),
            from_ms=codec.moment_to_wire(since),
            until_ms=codec.moment_to_wire(until),
            limit=codec.MOST_LOOKS,
        )

        async def read(holder: RegisteredHolder) -> HolderAccesses:
            answer = await _heard(self._stub(holder).ReadAccesses(request, timeout=_SECONDS))
            if len(answer.accesses) > codec.MOST_LOOKS:
                raise _Unheard(Fault.OVER_LIMIT)
            return HolderAccesses(_card(holder), tuple(_told(codec.look_from_wire(look), holder) for look in answer.accesses))

        return await self._of_each(patient, read, lambda holder, code: HolderAccesses(_card(holder), code=code))

    async def _knowing(self, patient: Bsn, about: Statement | None = None) -> list[tuple[RegisteredHolder, Fault | None]]:
        """The holders that know the patient, and those that could not be asked, with the code of that; in the order of the register."""
        active = [holder for holder in self._register.holders if holder.active]
        await self._let_go_of_others(active)
        concerned = [holder for holder in active if about is None or concerns(about, holder.card.kind)]

        async def recognise(holder: RegisteredHolder) -> tuple[bool, Fault | None]:
            request = pb.RecogniseRequest(pseudonym=holder.key.pseudonym(patient).value, key_check=holder.key.check)
            return (await _heard(self._stub(holder).Recognise(request, timeout=_RECOGNISE_SECONDS))).known, None

        said = await _each(concerned, recognise, lambda _, code: (True, code))
        return [(holder, code) for holder, (known, code) in zip(concerned, said, strict=True) if known]

    async def _of_each(
        self,
        patient: Bsn,
        ask: Callable[[RegisteredHolder], Awaitable[_R]],
        failed: Callable[[RegisteredHolder, Fault], _R],
        about: Statement | None = None,
    ) -> list[_R]:
        """What each that knows the patient answers; who could not be asked is in it, too."""
        knowing = await self._knowing(patient, about)
        codes = {holder.name: code for holder, code in knowing if code is not None}

        async def unless_unheard(holder: RegisteredHolder) -> _R:
            if holder.name in codes:
                return failed(holder, codes[holder.name])
            return await ask(holder)

        return await _each([holder for holder, _ in knowing], unless_unheard, failed)

    def _stub(self, holder: RegisteredHolder) -> "PatientServiceAsyncStub":
        key = holder.card.ura, holder.address.target
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = self._connect(holder)
        return PatientServiceStub(channel)

    async def _let_go_of_others(self, active: Sequence[RegisteredHolder]) -> None:
        """Close the channels to whoever is blocked, or moved."""
        kept = {(holder.card.ura, holder.address.target) for holder in active}
        for key in [key for key in self._channels if key not in kept]:
            await self._channels.pop(key).close()


async def _each(
    holders: Sequence[RegisteredHolder], ask: Callable[[RegisteredHolder], Awaitable[_R]], failed: Callable[[RegisteredHolder, Fault], _R]
) -> list[_R]:
    """All at once, each with its own failure; in the order of *holders*."""
    answers: dict[int, _R] = {}

    async def ask_one(place: int) -> None:
        holder = holders[place]
        try:
            answers[place] = await ask(holder)
        except _Unheard as unheard:
            answers[place] = failed(holder, unheard.code)
        except BadInput:  # what it said cannot be read
            answers[place] = failed(holder, Fault.BROKEN_BATCH)

    async with anyio.create_task_group() as tasks:
        for place in range(len(holders)):
            tasks.start_soon(ask_one, place)
    return [answers[place] for place in range(len(holders))]


async def _heard(call: Awaitable[_A | None]) -> _A:
    try:
        answer = await call
    except aio.AioRpcError as failure:
        raise _Unheard(ending_of(failure.code(), failure.details())[1]) from None
    if answer is None:  # grpc.aio's way to say that it cannot be read
        raise _Unheard(Fault.BROKEN_BATCH)
    return answer


def _lines(statements: Sequence[bytes], patient: Bsn) -> tuple[KeptLine, ...]:
    """What a holder's statements come to.

    Raises:
        BadInput: One is no statement, or somebody else's.
    """
    if len(statements) > codec.MOST_STATEMENTS:
        raise BadInput(Fault.TOO_LARGE)
    lines: tuple[KeptLine, ...] = ()
    for text in reversed(statements):
        statement = read_statement(text)
        if statement.patient != patient:
            raise BadInput(Fault.OTHER_PATIENT_MANDATED)
        lines = with_statement(lines, statement.lines, statement.voice, statement.moment)
    return lines


def _told(look: Look, holder: RegisteredHolder) -> AccessLine:
    purpose = PurposeOfUse.EMERGENCY_TREATMENT if look.emergency else look.purpose
    kind = look.kind or holder.card.kind
    place = look.came_of_it if look.came_of_it in OF_PLACES else ""
    data = frozenset(kinds_in(look.categories))
    return AccessLine(look.at, look.professional, look.role, look.organisation, kind, purpose, look.basis, data, look.reason, place)


def _card(holder: RegisteredHolder) -> KnownHolder:
    card = holder.card
    return KnownHolder(card.name, card.title, card.kind, card.telephone)
