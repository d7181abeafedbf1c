"""HL7 v2 messages for tests, written by hand as a laboratory would send them; the people are those of the contracts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING
from node_agent.feed_settings import FeedSettings
from node_agent.feeding.taking import Taking
from node_agent.sources.fed_store import FedStore
from testbed.contracts.records import ANNA

Json = dict[str, Any]
SETTINGS = FeedSettings(listen="127.0.0.1:0", senders=["LIS|TWK"])
_decode = msgspec.json.Decoder(float_hook=str).decode


def lines(*segments: str) -> bytes:
    """Segments as a message."""
    return "".join(f"{segment}\r" for segment in segments).encode("latin-1")


def header(control: str = "1", *, kind: str = "ORU^R01", at: str = "20261112091500+0100", more: str = "") -> str:
    """MSH."""
    return f"MSH|^~\\&|LIS|TWK|NOABER|TWK|{at}||{kind}|{control}|P|2.5{more}"


def pid(bsn: str = ANNA, number: str = "p1", *, more: str = "||Jansen^Anna^^^^^L||19500101|F") -> str:
    """PID."""
    return f"PID|1||{bsn}^^^NLMINBIZA&2.16.840.1.113883.2.4.6.3&ISO^NNNLD~{number}^^^TWK^PI{more}"


def obr(order: str = "ORD-1", *, status: str = "F", changed: str = "20261112081500+0100") -> str:
    """OBR."""
    return f"OBR|1||{order}^TWK|LAB^aanvraag^L|||20261112080000+0100|||||||||||||||{changed}||LAB|{status}"


def obx(
    value: str = "37.50", *, kind: str = "NM", code: str = "1988-5^CRP^LN", sub: str = "", unit: str = "mg/L^^UCUM", status: str = "F", more: str = ""
) -> str:
    """OBX. *more* follows OBX-11."""
    return f"OBX|1|{kind}|{code}|{sub}|{value}|{unit}|||||{status}{more}"


def result(value: str = "37.50", control: str = "1", **said: str) -> bytes:
    """A whole ORU with one result; *said* are `status`, `changed`, `at`, `bsn`, `kind`."""
    status = said.get("status", "F")
    first = header(control, at=said.get("at", "20261112091500+0100"))
    order = obr(status=status, changed=said.get("changed", "20261112081500+0100"))
    return lines(first, pid(said.get("bsn", ANNA)), order, obx(value, status=status, kind=said.get("kind", "NM")))


def admission(trigger: str, control: str = "1", *, at: str = "20261112091500+0100", person: str = "", visit: str = "V1", more: tuple[str, ...] = ()) -> bytes:
    """An ADT."""
    seen = f"PV1|1|I|||||||||||||||||{visit}^^^TWK" + "|" * 25 + "20261110100000+0100|20261112090000+0100"
    return lines(header(control, kind=f"ADT^{trigger}", at=at), f"EVN||{at}", person or pid(), *([seen] if visit else []), *more)


class Fed:
    """A store, and what feeds it."""

    def __init__(self, folder: Path, settings: FeedSettings = SETTINGS) -> None:
        self.path = folder / "records.db"
        self.taking = Taking(self.path, settings)

    def take(self, *messages: bytes) -> list[str]:
        """The code of each first acknowledgement, with that of the error if there is one."""
        return [_code(answer[0].decode("latin-1")) for answer in self.taking.take(messages)]

    @asynccontextmanager
    async def source(self) -> AsyncGenerator[FedStore, None]:
        """The store as it is read."""
        source = FedStore(self.path)
        yield source
        await source.close()

    async def records(self, bsn: str = ANNA) -> list[Json]:
        """All that is on file about somebody, their Patient records first; every one says that it is derived."""
        async with self.source() as source:
            who = await source.find(Bsn(bsn))
            if who is None:
                return []
            found = [record async for some in source.patients(who) for record in some]
            found += [record async for some in source.records_of(who, EVERYTHING) for record in some]
        assert all(record.derived for record in found)
        return [_decode(record.fhir_json) for record in found]

    async def of_type(self, name: str, bsn: str = ANNA) -> list[Json]:
        """Those of one type."""
        return [record for record in await self.records(bsn) if record["resourceType"] == name]

    async def former(self, ref: RecordRef) -> list[Json]:
        """Versions that are not current."""
        async with self.source() as source:
            return [_decode(version) for version in await source.former_versions(ref)]


def _code(answer: str) -> str:
    said = answer.split("\r")
    error = next((line.split("|")[5] for line in said if line.startswith("ERR")), "")
    return " ".join(filter(None, (said[1].split("|")[1], error)))
