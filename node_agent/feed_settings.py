"""The settings of the feed: where HL7 v2 messages arrive, who may send them, and how they are read."""

from typing import Annotated

import msgspec

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class FeedSettings(msgspec.Struct, frozen=True):
    """An MLLP listener that fills the embedded store; off without `listen`.

    `listen` is `host:port` or a unix socket; beyond this machine only with `certificate`, `key` and `authorities` (PEM
    files): then the sender shows a certificate of one of these authorities. `senders` are the pairs
    `application|facility` (MSH-3 and MSH-4) that may send; nobody else may. `processing` are the processing ids (MSH-11)
    that are taken. `charset` counts where MSH-18 is empty. `connections` at once, each idle for `idle_seconds` at most
    and with `message_seconds` for one message. A moment without a zone is of `zone`.

    Numbers of the assigning authority `number_authority` (in PID-3, PV1-19, OBX-21 and OBX-23) become the ids of the
    records as they are; without it every id is derived. `order_lines` is the system under which a line of an order is
    known elsewhere: order number (OBR-3), dot, OBX-4. `reports`: an OBR becomes a DiagnosticReport.
    """

    listen: str = ""
    senders: list[str] = []
    processing: list[str] = msgspec.field(default_factory=lambda: ["P"])
    certificate: str = ""
    key: str = ""
    authorities: str = ""
    charset: str = "8859/1"
    zone: str = "Europe/Amsterdam"
    connections: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    idle_seconds: _Seconds = 600.0
    message_seconds: _Seconds = 30.0
    number_authority: str = ""
    code_systems: list[str] = []
    order_lines: str = ""
    reports: bool = True
