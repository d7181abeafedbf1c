"""A faithful stand-in for Mitz, inside a test or as a program: `python -m testbed.mitz_stub`.

It takes closed questions and subscriptions strictly as agreed, decides by the choices it was told, pushes changes to whoever
subscribed, and remembers what it was asked. A second address, for whoever runs it and never for its clients, takes

    PUT  /faults    what goes wrong (`MitzFaults`, the whole set)
    POST /choices   a choice, granted, revoked or taken back (`Chosen`); answered once it counts, pushed after that
    GET  /witness   what was asked, how many subscribed, how the pushes went
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node_agent.sources.mitz_catalogue import CATALOGUE_FILE, read_catalogue
from testbed.fhir_server_serving import serving
from testbed.mitz_desk import Chosen, MitzDesk, MitzFaults
from testbed.mitz_reading import NotAgreed, NoXml, Question, read_question, read_subscription
from testbed.mitz_telling import decision, fault, hostile

_SOAP_TYPE: Final = "application/soap+xml"
_LIED: Final = {"permit": "Permit", "deny": "Deny", "indeterminate": "Indeterminate"}


def mitz_app(desk: MitzDesk) -> Starlette:
    """What its clients see."""

    async def answer(request: Request) -> Response:
        if _content_type(request) not in (_SOAP_TYPE, "text/xml"):
            return Response(status_code=415)
        try:
            question = read_question(await request.body(), desk.catalogue)
        except NoXml:
            return _soap(fault("Sender", "no XML"), 400)
        except NotAgreed as where:
            return _soap(fault("Sender", str(where)), 422)
        desk.asked.append(question.said)
        faults = desk.faults_for(question.said["patient"])
        # What counts is what is chosen when the question comes in, however long the answer takes.
        told = _told(desk, question, faults)
        await desk.linger(faults.delay)
        return told

    async def subscribe(request: Request) -> Response:
        if _content_type(request) != "application/fhir+xml":
            return Response(status_code=400)
        if desk.faults.status:
            return Response(status_code=desk.faults.status)
        try:
            subscribed = read_subscription(await request.body(), desk.catalogue)
        except NoXml:
            return Response(status_code=400)
        except NotAgreed:
            return Response(status_code=422)
        if desk.endpoints and subscribed.endpoint not in desk.endpoints:
            return Response(status_code=422)
        if subscribed not in desk.subscribed:
            desk.subscribed.append(subscribed)
        return Response(status_code=202, headers={"location": f"Subscription/{desk.subscribed.index(subscribed)}"})

    return Starlette(
        routes=[
            Route("/geslotenautorisatievraag/xacml3", answer, methods=["POST"]),
            Route("/abonnementen/fhir/Subscription", subscribe, methods=["POST"]),
        ]
    )


def control_app(desk: MitzDesk) -> Starlette:
    """What whoever runs it sees."""

    async def put_faults(request: Request) -> Response:
        try:
            desk.faults = msgspec.json.decode(await request.body(), type=MitzFaults)
        except msgspec.DecodeError:
            return Response(status_code=400)
        return Response(status_code=204)

    async def post_choice(request: Request) -> Response:
        try:
            chosen = msgspec.json.decode(await request.body(), type=Chosen)
            desk.choose(chosen)
        except ValueError:
            return Response(status_code=400)
        return Response(status_code=204, background=BackgroundTask(desk.push, chosen))

    def get_witness(_: Request) -> Response:
        told = {"asked": list(desk.asked), "subscribed": len(desk.subscribed), "pushed": desk.pushed}
        return Response(msgspec.json.encode(told), media_type="application/json")

    return Starlette(routes=[Route("/faults", put_faults, methods=["PUT"]), Route("/choices", post_choice, methods=["POST"]), Route("/witness", get_witness)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted; says where, in one line of JSON."""
    parser = argparse.ArgumentParser(prog="testbed.mitz_stub")
    parser.add_argument("--catalogue", type=Path, default=CATALOGUE_FILE, help="the version of the catalogue that is in force")
    parser.add_argument("--endpoint", action="append", default=[], help="an address to which may be pushed; none: to all")
    given = parser.parse_args(arguments)
    desk = MitzDesk(read_catalogue(given.catalogue), endpoints=frozenset(given.endpoint))
    anyio.run(_serve, desk)


async def _serve(desk: MitzDesk) -> None:
    async with serving(mitz_app(desk)) as base, serving(control_app(desk)) as control:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            sys.stdout.write(msgspec.json.encode({"base": base, "control": control}).decode() + "\n")
            sys.stdout.flush()
            async for _ in signals:
                break


def _told(desk: MitzDesk, question: Question, faults: MitzFaults) -> Response:
    if faults.status:
        return Response(status_code=faults.status)
    if faults.soap_fault:
        return _soap(fault("Receiver", "not now"), 200)
    if faults.lie and faults.lie not in _LIED:
        return _soap(hostile(question, faults.lie), 200)
    return _soap(decision(_LIED.get(faults.lie) or desk.decide(question), question.message, question.groups), 200)


def _soap(content: bytes, status: int) -> Response:
    return Response(content, status_code=status, media_type=f"{_SOAP_TYPE}; charset=utf-8")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


if __name__ == "__main__":
    main()
