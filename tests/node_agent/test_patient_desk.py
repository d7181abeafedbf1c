"""The patient's desk believes nobody: what an evil gateway sends is refused and written down, and what a patient says is kept and in force."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from grpc import aio
from msgspec import structs

from accord.audit.content import Asking, Truth
from accord.audit.events import BudgetAlarm, ChoiceChanged, Closing, Decision, JournalViewed, Located, RefusedQuestion, Release
from accord.audit.places_events import PlaceHandover, PlaceStep, PlaceWho
from accord.link.status import fault_of
from accord.rules.choices import Choice
from accord.rules.data_kinds import DataKind
from accord.rules.stated import SOURCE
from accord.rules.statements import Answer, Side, Statement, Voice, nonce_of
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn
from accord.terms.vocabulary import CareCategory, HolderKind
from accord.wire.v1 import patient_service_pb2 as pb
from node_agent.sources.choice_store import put_choices
from node_agent.sources.statement_store import SqliteStatements
from node_agent.stating import KeptStatement
from testbed.login_provider import DemoLogin
from tests.node_agent.patient_desk import CHILDS, CLIENT, CONFIRM_CLIENT, HERS, HIS, KEY, SALT, URA, Kit, running_desk, stated

pytestmark = pytest.mark.anyio


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Kit]:
    async with running_desk(tmp_path) as kit:
        yield kit


async def nothing_is_kept(kit: Kit, bsn: Bsn = HERS) -> bool:
    """No choice, no statement, no line that says so, and nobody told."""
    kept = [*await kit.choices.choices_of(bsn), *await kit.statements.of(bsn)]
    return not kept and not kit.lines("choice-changed") and not kit.told


async def test_a_choice_is_kept_in_force_and_told_of(kit: Kit) -> None:
    statement = stated(kit.clock)
    answer = await kit.stub.Choose(kit.confirmed(statement))
    choices = await kit.choices.choices_of(HERS)
    record = await kit.on_record()

    assert {(choice.permits, choice.user, choice.source) for choice in choices} == {(False, HolderKind.HOME_CARE, SOURCE)}
    assert list(record.statements) == [statement.canonical]
    assert list(record.since_ms) == [answer.since_ms]
    assert not record.others
    assert kit.told == [HERS]
    changed = [line for line in kit.lines() if isinstance(line, ChoiceChanged)]
    assert [(line.by, line.choice, line.peer) for line in changed] == [("patient", statement.digest.hex(), "90009000")]
    assert changed[0].patient == KEY.mark(KEY.pseudonym(HERS))
    assert len(kit.lines("choice-seen")) == 1


async def test_a_choice_that_came_another_way_is_told_of_and_stays(kit: Kit) -> None:
    put_choices(kit.choices._path, HERS, [Choice(permits=True)], "desk", kit.clock() + timedelta(seconds=1))
    await kit.choose(kit.confirmed(stated(kit.clock)))

    assert (await kit.on_record()).others
    assert any(choice.permits for choice in await kit.choices.choices_of(HERS))


async def test_an_evil_gateway_alters_the_statement(kit: Kit) -> None:
    honest, altered = stated(kit.clock), stated(kit.clock, Answer.PERMITS)
    request = kit.confirmed(honest)
    request.statement = altered.canonical

    assert await kit.choose(request) is Fault.TOKEN_INVALID
    assert await nothing_is_kept(kit)
    assert [line.fault for line in kit.lines() if isinstance(line, RefusedQuestion)] == [Fault.TOKEN_INVALID]


async def test_p7_an_evil_gateway_that_is_refused_without_end_does_not_fill_the_journal(kit: Kit) -> None:
    honest, altered = stated(kit.clock), stated(kit.clock, Answer.PERMITS)
    for _ in range(15):
        request = kit.confirmed(honest)
        request.statement = altered.canonical
        assert await kit.choose(request) is Fault.TOKEN_INVALID

    assert len(kit.lines("question-refused")) == 10


async def test_an_evil_gateway_swaps_the_bsn(kit: Kit) -> None:
    request = kit.confirmed(stated(kit.clock))
    request.login.bsn = HIS.value
    his = stated(kit.clock, patient=HIS)
    other = pb.ChooseRequest(
        login=pb.Login(id_token=kit.token("dina", nonce_of(his, SALT), client=CONFIRM_CLIENT), bsn=HERS.value), statement=his.canonical, random=SALT
    )

    assert await kit.choose(request) is Fault.OTHER_PATIENT_MANDATED
    assert await kit.choose(other) is Fault.OTHER_PATIENT_MANDATED
    assert await nothing_is_kept(kit)
    assert await nothing_is_kept(kit, HIS)
    assert len(kit.lines("question-refused")) == 2


async def test_an_evil_gateway_sends_another_persons_token(kit: Kit) -> None:
    assert await kit.choose(kit.confirmed(stated(kit.clock), "bennie")) is Fault.OTHER_PATIENT_MANDATED
    assert await nothing_is_kept(kit)
    with pytest.raises(aio.AioRpcError, match="other-patient-mandated"):
        await kit.stub.ReadChoices(pb.ReadChoicesRequest(login=kit.login("bennie", HERS)))
    with pytest.raises(aio.AioRpcError, match="other-patient-mandated"):
        await kit.stub.ReadAccesses(pb.ReadAccessesRequest(login=kit.login("bennie", HERS), from_ms=0, until_ms=1))


async def test_an_evil_gateway_uses_the_login_by_which_one_looks(kit: Kit) -> None:
    statement = stated(kit.clock)
    request = pb.ChooseRequest(login=kit.login(), statement=statement.canonical, random=SALT)

    assert await kit.choose(request) is Fault.TOKEN_INVALID
    assert await nothing_is_kept(kit)


async def test_an_evil_gateway_picks_the_nonce_of_the_login_by_which_one_looks(kit: Kit) -> None:
    """The patient only wanted to look; the gateway asked for that login with the nonce of a permit that it made up."""
    forged = stated(kit.clock, Answer.PERMITS)
    login = kit.login(nonce=nonce_of(forged, SALT))

    assert await kit.choose(pb.ChooseRequest(login=login, statement=forged.canonical, random=SALT)) is Fault.TOKEN_INVALID
    for aud in ("", [CLIENT, CONFIRM_CLIENT], [CLIENT]):
        assert await kit.choose(kit.confirmed(forged, aud=aud)) is Fault.TOKEN_INVALID
    assert await nothing_is_kept(kit)
    assert [line.fault for line in kit.lines() if isinstance(line, RefusedQuestion)] == [Fault.TOKEN_INVALID] * 4
    assert not (await kit.stub.ReadChoices(pb.ReadChoicesRequest(login=login))).statements, "for looking it is a good login"


async def test_a_login_that_confirms_is_not_one_to_look_by(kit: Kit) -> None:
    login = kit.confirmed(stated(kit.clock)).login
    with pytest.raises(aio.AioRpcError, match="token-invalid"):
        await kit.stub.ReadChoices(pb.ReadChoicesRequest(login=login))
    with pytest.raises(aio.AioRpcError, match="token-invalid"):
        await kit.stub.ReadAccesses(pb.ReadAccessesRequest(login=login, from_ms=0, until_ms=1))

    assert [line.fault for line in kit.lines() if isinstance(line, RefusedQuestion)] == [Fault.TOKEN_INVALID] * 2


@pytest.mark.parametrize("acr", ["urn:noaber:demo:password", "", None, ["urn:noaber:demo:two-factor"], {}])
async def test_a_login_that_is_not_strong_enough_opens_nothing(kit: Kit, acr: object) -> None:
    assert await kit.choose(kit.confirmed(stated(kit.clock), acr=acr)) is Fault.TOKEN_INVALID
    with pytest.raises(aio.AioRpcError, match="token-invalid"):
        await kit.stub.ReadChoices(pb.ReadChoicesRequest(login=kit.login(acr=acr)))

    assert await nothing_is_kept(kit)
    assert [line.fault for line in kit.lines() if isinstance(line, RefusedQuestion)] == [Fault.TOKEN_INVALID] * 2


async def test_the_register_says_which_logins_are_strong_enough_and_where_the_bsn_stands(kit: Kit) -> None:
    (provider,) = kit.register.logins
    kit.register = replace(kit.register, logins=(replace(provider, levels=(), bsn_claim="urn:bsn"),))

    with pytest.raises(aio.AioRpcError, match="token-invalid"):
        await kit.on_record()
    elsewhere: dict[str, Any] = {"urn:bsn": HERS.value, "bsn": HIS.value, "acr": "any"}
    login = pb.Login(id_token=kit.token("dina", **elsewhere), bsn=HERS.value)
    assert not (await kit.stub.ReadChoices(pb.ReadChoicesRequest(login=login))).statements


async def test_without_a_client_to_confirm_by_nobody_chooses_and_everybody_may_look(kit: Kit) -> None:
    (provider,) = kit.register.logins
    kit.register = replace(kit.register, logins=(replace(provider, confirm_client_id=""),))

    for client in (CONFIRM_CLIENT, CLIENT, ""):
        assert await kit.choose(kit.confirmed(stated(kit.clock), client=client)) is Fault.LOGIN_REQUIRED
    assert await nothing_is_kept(kit)
    assert [line.fault for line in kit.lines() if isinstance(line, RefusedQuestion)] == [Fault.LOGIN_REQUIRED] * 3
    assert not (await kit.on_record()).statements


async def test_an_evil_gateway_makes_a_token_of_its_own(kit: Kit) -> None:
    statement = stated(kit.clock)
    evil = DemoLogin(kit.provider.issuer, {}, clock=kit.clock, seed=b"e" * 32)
    claims = evil.claims(kit.person("dina"), CONFIRM_CLIENT, nonce_of(statement, SALT), kit.clock())
    for token in (evil.key.sign(claims), evil.key.sign(claims, kid=kit.provider.key.id), kit.provider.key.sign(claims | {"iss": "https://evil.example"})):
        login = pb.Login(id_token=token, bsn=HERS.value)
        assert await kit.choose(pb.ChooseRequest(login=login, statement=statement.canonical, random=SALT)) is Fault.TOKEN_INVALID

    assert await nothing_is_kept(kit)


async def test_a_login_that_is_over_or_too_long_ago_works_for_nothing(kit: Kit) -> None:
    request, looking = kit.confirmed(stated(kit.clock)), kit.login()
    kit.clock.at += timedelta(minutes=61)
    long_ago = kit.login(ago=3601)

    assert await kit.choose(request) is Fault.LOGIN_REQUIRED
    for login in (looking, long_ago):
        with pytest.raises(aio.AioRpcError, match="login-required"):
            await kit.stub.ReadChoices(pb.ReadChoicesRequest(login=login))
    assert await nothing_is_kept(kit)


async def test_a_login_from_before_the_statement_or_long_after_it_does_not_confirm_it(kit: Kit) -> None:
    assert await kit.choose(kit.confirmed(stated(kit.clock), ago=60)) is Fault.TOKEN_INVALID
    assert await kit.choose(kit.confirmed(stated(kit.clock, ago=1000))) is Fault.TOKEN_INVALID
    assert await kit.choose(kit.confirmed(stated(kit.clock, ago=-600), ago=-600, auth_time=int(kit.clock().timestamp()))) is Fault.TOKEN_INVALID
    assert await nothing_is_kept(kit)


async def test_a_statement_for_another_region_or_another_kind_of_holder_is_refused(kit: Kit) -> None:
    mine = stated(kit.clock)
    elsewhere = Statement("other", HERS, Voice.SELF, mine.lines, mine.moment)

    assert await kit.choose(kit.confirmed(elsewhere)) is Fault.INVALID_QUESTION
    assert await kit.choose(kit.confirmed(stated(kit.clock, provider=HolderKind.PHARMACY, side=Side.KEEPS))) is Fault.NOT_THIS_HOLDER
    assert await nothing_is_kept(kit)
    assert len(kit.lines("question-refused")) == 2


async def test_what_is_no_statement_is_refused(kit: Kit) -> None:
    good = kit.confirmed(stated(kit.clock))
    for canonical, salt in ((b"{}", SALT), (good.statement + b" ", SALT), (b"\xff", SALT), (good.statement, SALT[:16]), (b"", b""), (b"[" * 70_000, SALT)):
        assert await kit.choose(pb.ChooseRequest(login=good.login, statement=canonical, random=salt)) is Fault.INVALID_QUESTION
    assert await nothing_is_kept(kit)


async def test_somebody_whom_the_holder_does_not_know_leaves_nothing_behind(kit: Kit) -> None:
    kit.knows.clear()

    assert await kit.choose(kit.confirmed(stated(kit.clock))) is Fault.NOT_FOUND
    assert await nothing_is_kept(kit)


async def test_p11_a_choice_of_which_the_gateway_hangs_up_is_in_force_all_the_same(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, go_on, add = anyio.Event(), anyio.Event(), SqliteStatements.add

    async def slowly(statements: SqliteStatements, kept: KeptStatement) -> datetime:
        waits.set()
        await go_on.wait()
        return await add(statements, kept)

    monkeypatch.setattr(SqliteStatements, "add", slowly)
    call = kit.stub.Choose(kit.confirmed(stated(kit.clock)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_until_hung_up, call)
        with anyio.fail_after(20):
            await waits.wait()
            call.cancel()
            await call.code()
            await anyio.sleep(0.2)  # the desk has heard of it by then; were it told later, it would matter less
            go_on.set()
            while not kit.told:  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.01)

    assert [one.settled for one in await kit.statements.of(HERS)] == [True]
    assert await kit.choices.choices_of(HERS)


async def _until_hung_up(call: Awaitable[object]) -> None:
    with suppress(asyncio.CancelledError):
        await call


async def test_the_same_delivery_twice_is_one(kit: Kit) -> None:
    request = kit.confirmed(stated(kit.clock))
    first = await kit.stub.Choose(request)
    kit.clock.at += timedelta(minutes=5)
    second = await kit.stub.Choose(request)

    assert first.since_ms == second.since_ms
    assert len(kit.lines("choice-changed")) == 1
    assert len(await kit.statements.of(HERS)) == 1


async def test_evidence_never_goes_back_in_time(kit: Kit) -> None:
    old = kit.confirmed(stated(kit.clock, Answer.PERMITS))
    kit.clock.at += timedelta(minutes=1)
    assert await kit.choose(kit.confirmed(stated(kit.clock))) is None

    assert await kit.choose(old) is Fault.PROOF_EXPIRED
    assert not any(choice.permits for choice in await kit.choices.choices_of(HERS))
    # And one that was taken once is not taken again.
    kit.clock.at += timedelta(minutes=1)
    assert await kit.choose(kit.confirmed(stated(kit.clock, Answer.WITHDRAWN))) is None
    assert await kit.choose(old) is Fault.PROOF_EXPIRED
    assert not await kit.choices.choices_of(HERS)


async def test_a_late_delivery_counts_where_nothing_later_was_said(kit: Kit) -> None:
    late = kit.confirmed(stated(kit.clock, Answer.PERMITS, data=(DataKind.MEDICATION, DataKind.ALERTS)))
    kit.clock.at += timedelta(minutes=1)
    await kit.choose(kit.confirmed(stated(kit.clock, data=(DataKind.MEDICATION,))))

    assert await kit.choose(late) is None
    by_category = {choice.category: choice.permits for choice in await kit.choices.choices_of(HERS)}
    assert by_category[CareCategory.MEDICATION_USE] is False
    assert by_category[CareCategory.ALERT] is True


async def test_a_clock_that_was_set_back_does_not_keep_a_later_word_out(kit: Kit) -> None:
    await kit.choose(kit.confirmed(stated(kit.clock, Answer.PERMITS, data=(DataKind.ALERTS,))))
    kit.clock.at -= timedelta(minutes=30)

    assert await kit.choose(kit.confirmed(stated(kit.clock, data=(DataKind.RESULTS,)))) is None
    assert any(not choice.permits for choice in await kit.choices.choices_of(HERS))


async def test_b14_a_mandate_that_ends_between_login_and_request_is_over(kit: Kit) -> None:
    today = {"represents": kit.person("ria").claims["represents"] | {"until": kit.clock().date().isoformat()}}
    kit.clock.at = kit.clock.at.replace(hour=22, minute=50)  # ten to midnight in Twente
    request = kit.confirmed(stated(kit.clock, voice=Voice.REPRESENTATIVE), "ria", **today)
    looking = kit.login("ria", **today)
    kit.clock.at += timedelta(minutes=11)

    assert await kit.choose(request) is Fault.TOKEN_INVALID
    with pytest.raises(aio.AioRpcError, match="token-invalid"):
        await kit.stub.ReadAccesses(pb.ReadAccessesRequest(login=looking, from_ms=0, until_ms=1))
    assert await nothing_is_kept(kit)


async def test_b14_a_parent_no_longer_speaks_for_a_child_that_turned_16(kit: Kit) -> None:
    sixteen = {"represents": kit.person("ouder-13").claims["represents"] | {"birth_date": "2010-11-23"}}
    kit.clock.at = kit.clock.at.replace(hour=22, minute=50)
    request = kit.confirmed(stated(kit.clock, patient=CHILDS, voice=Voice.PARENT), "ouder-13", **sixteen)
    kit.clock.at += timedelta(minutes=11)

    assert await kit.choose(request) is Fault.TOKEN_INVALID
    assert await nothing_is_kept(kit, CHILDS)


async def test_who_may_only_look_or_speaks_in_another_voice_changes_nothing(kit: Kit) -> None:
    assert await kit.choose(kit.confirmed(stated(kit.clock, voice=Voice.REPRESENTATIVE), "ria-kijkt")) is Fault.TOKEN_INVALID
    assert await kit.choose(kit.confirmed(stated(kit.clock, voice=Voice.SELF), "ria")) is Fault.TOKEN_INVALID
    assert await nothing_is_kept(kit)
    assert not (await kit.on_record("ria-kijkt")).statements


async def test_a_representative_acts_under_their_own_name(kit: Kit) -> None:
    assert await kit.choose(kit.confirmed(stated(kit.clock, voice=Voice.REPRESENTATIVE), "ria")) is None
    assert [line.by for line in kit.lines() if isinstance(line, ChoiceChanged)] == ["representative"]


async def test_a_childs_yes_needs_a_parent_and_its_no_does_not(kit: Kit) -> None:
    await kit.choose(kit.confirmed(stated(kit.clock, Answer.PERMITS, patient=CHILDS, data=(DataKind.ALERTS,)), "kind-13"))
    in_force = [choice for choice in await kit.choices.choices_of(CHILDS) if choice.begins is None]
    assert not in_force
    kit.clock.at += timedelta(seconds=2)
    await kit.choose(kit.confirmed(stated(kit.clock, Answer.PERMITS, patient=CHILDS, voice=Voice.PARENT, data=(DataKind.ALERTS,)), "ouder-13"))

    both = [choice for choice in await kit.choices.choices_of(CHILDS) if choice.begins is None]
    assert both
    assert all(choice.permits and choice.ends is not None for choice in both)
    kit.clock.at += timedelta(seconds=2)
    await kit.choose(kit.confirmed(stated(kit.clock, patient=CHILDS, data=(DataKind.ALERTS,)), "kind-13"))
    assert not any(choice.permits for choice in await kit.choices.choices_of(CHILDS))


async def test_p2_a_choice_is_not_kept_where_the_journal_cannot_be_written(kit: Kit) -> None:
    kit.journal.close()

    assert await kit.choose(kit.confirmed(stated(kit.clock))) is Fault.JOURNAL_UNAVAILABLE
    assert not await kit.statements.of(HERS)
    assert not await kit.choices.choices_of(HERS)


async def test_what_was_kept_before_a_crash_is_in_force_after_it(kit: Kit) -> None:
    statement = stated(kit.clock)
    await kit.statements.add(KeptStatement(statement, SALT, "token", date(1942, 3, 14), kit.clock()))
    assert not await kit.choices.choices_of(HERS)

    await kit.desk.settle()

    assert await kit.choices.choices_of(HERS)
    assert kit.told == [HERS]
    assert not await kit.statements.unsettled()
    assert await kit.choose(kit.confirmed(statement)) is None
    assert len(await kit.statements.of(HERS)) == 1


async def test_a_store_that_is_gone_confirms_nothing(kit: Kit) -> None:
    kit.choices._path.unlink()

    assert await kit.choose(kit.confirmed(stated(kit.clock))) is Fault.SOURCE_UNAVAILABLE
    assert not kit.choices._path.exists()


async def test_a_gateway_may_not_try_out_everybody(kit: Kit) -> None:
    async def recognise(number: int) -> bool:
        return (await kit.stub.Recognise(pb.RecogniseRequest(pseudonym=number.to_bytes(32, "big")))).known

    assert (await kit.stub.Recognise(pb.RecogniseRequest(pseudonym=KEY.pseudonym(HERS).value))).known
    assert not any([await recognise(number) for number in range(299)])
    with pytest.raises(aio.AioRpcError, match="budget-spent"):
        await recognise(299)
    assert (await kit.stub.Recognise(pb.RecogniseRequest(pseudonym=KEY.pseudonym(HERS).value))).known, "whoever was counted is not counted again"
    assert len([line for line in kit.lines() if isinstance(line, BudgetAlarm)]) == 1
    assert [line.known for line in kit.lines() if isinstance(line, Located)] == [True, *[False] * 299, True]
    with pytest.raises(aio.AioRpcError, match="invalid-question"):
        await kit.stub.Recognise(pb.RecogniseRequest(pseudonym=b"short"))


async def test_the_patient_reads_who_was_told_of_them_and_that_a_place_was_given_from_the_steps_that_were_about_them(kit: Kit) -> None:
    step = PlaceStep(patient=KEY.mark(KEY.pseudonym(HERS)), holder=URA.value, peer="90000001", request="r", what="introduced")
    for line in (
        structs.replace(step, patient="", what="asked"),
        step,
        PlaceWho(patient=step.patient, holder=URA.value, peer="90000001", request="r", by="gea"),
        structs.replace(step, what="granted", by="gea"),
        structs.replace(step, patient=KEY.mark(KEY.pseudonym(HIS))),
        PlaceHandover(patient=step.patient, holder=URA.value, peer="90000001", request="r", by="gea"),
    ):
        await kit.journal.append(line)
        kit.clock.at += timedelta(minutes=1)
    until = int((kit.clock() + timedelta(minutes=1)).timestamp() * 1000)
    answer = await kit.stub.ReadAccesses(pb.ReadAccessesRequest(login=kit.login(), from_ms=until - 3_600_000, until_ms=until))

    told = [(look.ura, look.came_of_it, look.professional) for look in answer.accesses]
    assert told == [(URA.value, "handover-read", ""), (URA.value, "place-given", ""), (URA.value, "who-seen", ""), ("90000001", "who-told", "")]


async def test_the_patient_reads_who_looked_from_the_journal_and_that_is_written_down(kit: Kit) -> None:
    doctor = Asking(
        user="90000001", user_name="Reggerbrug", user_kind=HolderKind.HOSPITAL, professional="9", role="01.015", professional_name="Sanne ten Esker"
    )
    for query, bsn, shown in (("q1", HERS, True), ("q2", HERS, False), ("q3", HIS, True)):
        about: dict[str, Any] = {"query": query, "patient": KEY.mark(KEY.pseudonym(bsn)), "holder": URA.value, "asking": doctor}
        await kit.journal.append(Decision(**about, released=(CareCategory.ALERT, CareCategory.CONDITION), basis="patient-consented"))
        if shown:
            await kit.journal.append(Release(**about, batch=0, records=("Flag/1",), count=1, bytes=9, digest="", categories=(CareCategory.ALERT,)))
        truth = Truth.SHOWN if shown else Truth.WITHHELD
        ending = Ending.ANSWERED if shown else Ending.NOTHING_SHOWN
        await kit.journal.append(Closing(**about, ending=ending, truth=truth, batches=int(shown), count=int(shown), bytes=9))
        kit.clock.at += timedelta(minutes=1)
    until = int((kit.clock() + timedelta(minutes=1)).timestamp() * 1000)

    answer = await kit.stub.ReadAccesses(pb.ReadAccessesRequest(login=kit.login(), from_ms=until - 3_600_000, until_ms=until))
    one = await kit.stub.ReadAccesses(pb.ReadAccessesRequest(login=kit.login(), from_ms=until - 3_600_000, until_ms=until, limit=1))

    told = [(look.professional, look.organisation, list(look.categories), look.basis, look.came_of_it) for look in answer.accesses]
    assert told == [
        ("Sanne ten Esker", "Reggerbrug", [], "", "withheld"),
        ("Sanne ten Esker", "Reggerbrug", ["Alert"], "patient-consented", "shown"),
    ]
    assert not answer.more
    assert (len(one.accesses), one.more) == (1, True)
    assert [(line.by, line.lines) for line in kit.lines() if isinstance(line, JournalViewed)] == [("patient", 2), ("patient", 1)]
    for begin, end in ((until, until), (until, 0), (-(2**62), until), (0, until)):
        with pytest.raises(aio.AioRpcError) as refused:
            await kit.stub.ReadAccesses(pb.ReadAccessesRequest(login=kit.login(), from_ms=begin, until_ms=end))
        assert fault_of(refused.value.details()) is Fault.INVALID_QUESTION


async def test_nothing_of_the_patient_is_in_what_is_shown_of_the_desk(kit: Kit) -> None:
    await kit.choose(kit.confirmed(stated(kit.clock)))
    kept = (await kit.statements.of(HERS))[0]

    assert HERS.value not in repr(kept)
    assert kept.token not in repr(kept)
    journal = b"".join(path.read_bytes() for path in kit.journal.folder.iterdir() if path.is_file())
    assert HERS.value.encode() not in journal
    assert kept.token.encode() not in journal
