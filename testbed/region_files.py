"""What the processes of a region find on disk: records at the sources, settings, the register.

Three kinds of folder, kept apart on purpose: `sources/` is the care providers' own systems, where records belong;
`agents/` and `gateway/` are where our processes run and could write, and no patient content may ever be found there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from accord.link.introducing import OUTBOUND
from accord.terms.members import Member, Part
from node_agent.left_out import EXPECTED
from testbed import gp_system
from testbed.holders import FictionalHolder
from testbed.lab_messages import FEED, divided
from testbed.people import Region as Generated
from testbed.people.older import older
from testbed.processes import Program
from testbed.region_office import GATEWAY, RegionOffice, member_of

#: The data user of the demonstration, and who asks for it: Dr Sanne ten Esker, emergency department of Dinkelhorst.
DATA_USER: Final = "dinkelhorst"
PROFESSIONAL: Final[Mapping[str, str]] = {"id": "900000031", "role": "01.071", "name": "Sanne ten Esker", "treatment": "present"}

_Value = str | bool | float | list[str]


#: Settings that a test wants, by process and section.
More = Mapping[str, Mapping[str, Mapping[str, str | bool | float]]]


@dataclass(frozen=True, slots=True)
class Shape:
    """In what a region is not the usual one.

    `more` are settings beside the usual ones. `housed` have one agent together, `outbound` no port. `as_written` is false
    where records were changed: then all but the FHIR R4 servers are stores, which take any record and keep its bytes; a
    practice's tables, HL7 v2 and STU3 have no place for what nobody writes there. `patience` is that of the gateway, where it
    is not the usual one.
    """

    more: More = field(default_factory=dict)
    housed: frozenset[str] = frozenset()
    outbound: frozenset[str] = frozenset()
    as_written: bool = True
    patience: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HolderFiles:
    """Where everything of one holder is."""

    holder: FictionalHolder
    root: Path
    #: Settings of the agent beside those below, by section.
    more: Mapping[str, Mapping[str, str | bool | float]] = field(default_factory=dict)
    #: It has no agent for itself, and lives in the house.
    housed: bool = False
    #: It has no port: its agent calls the gateway.
    outbound: bool = False
    #: Whether its own system has a database of its kind; a region whose records were changed keeps them in stores, which
    #: take any record: a practice's tables have no place for what no practice writes.
    as_written: bool = False

    @property
    def name(self) -> str:
        """The holder's name in the register."""
        return self.holder.name.value

    @property
    def source(self) -> Path:
        """The folder of its own systems."""
        return self.root / "sources" / self.name

    @property
    def agent(self) -> Path:
        """The folder of its agent, or its own in the house."""
        return self.root / ("house" if self.housed else "agents") / self.name

    @property
    def is_read_through(self) -> bool:
        """Whether the agent asks a live system and keeps nothing."""
        return self.holder.source == "fhir-server" or self.is_older

    @property
    def is_older(self) -> bool:
        """Whether its system is one of STU3, with records of that generation."""
        return self.holder.source == "fhir-stu3" and self.as_written

    @property
    def has_database(self) -> bool:
        """Whether the agent asks a SQL database."""
        return self.holder.source == "sql" and self.as_written

    @property
    def address(self) -> str:
        """Where the gateway expects the agent."""
        return f"unix:{self.root / 's' / self.name}"

    @property
    def address_behind(self) -> str:
        """Where the agent listens while a relay stands in its place."""
        return f"unix:{self.root / 's' / self.name}-behind"

    @property
    def is_fed(self) -> bool:
        """Whether a system of the holder sends what it keeps, as HL7 v2."""
        return self.holder.source == "hl7-feed" and self.as_written

    @property
    def messages(self) -> Path:
        """What that system sends."""
        return self.source / "messages.hl7"

    @property
    def feed_address(self) -> str:
        """Where the agent listens for it."""
        return f"unix:{self.root / 's' / self.name}-feed"

    @property
    def fhir_version(self) -> str:
        """What its FHIR server says that it speaks, where it has one."""
        return "3.0.2" if self.is_older else "4.0.1"

    @property
    def records(self) -> Path:
        """What the source is filled with."""
        return self.source / "records.json"

    def write(self, generated: Generated) -> None:
        """Fill the care provider's own systems."""
        self.source.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.agent.mkdir(mode=0o700, parents=True, exist_ok=True)
        records = generated.kept[self.name]
        if self.is_fed:
            sent = divided(records)
            records = sent.imported
            self.messages.write_bytes(sent.messages)
        # A Bundle and not NDJSON: some administrations write their records over several lines.
        if self.has_database:
            gp_system.fill_sqlite(self.source / "practice.db", generated.records_at(self.name))
        entries = b",".join(b'{"resource":%b}' % (older(record) if self.is_older else record) for record in (kept.json for kept in records))
        self.records.write_bytes(b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % entries)
        lines = (json.dumps(choice) for choice in generated.choices_at(self.name))
        (self.source / "choices.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def member(self) -> Member:
        """It as the register of the region has it: it keeps records, and its professionals may ask."""
        holder = self.holder
        member = member_of(
            self.name,
            holder.ura,
            holder.title,
            holder.kind,
            address=self.address,
            telephone=holder.telephone,
            active=holder.answers,
            parts={Part.DATA_HOLDER, Part.DATA_USER},
        )
        return replace(member, address="", capabilities=frozenset({OUTBOUND})) if self.outbound else member

    def write_settings(self, base: str, *, behind: bool = False) -> None:
        """Write the agent's settings; *base* is where its FHIR server answers, if it has one."""
        source: dict[str, _Value] = {"kind": "embedded", "path": str(self.source / "records.db")}
        if self.is_fed:
            # It also keeps requests, which messages of results do not bring; nobody looks for those at a laboratory.
            source["not_kept"] = sorted(EXPECTED - {"Observation", "ServiceRequest"})
        if self.is_read_through:
            source = {"kind": "fhir-server", "base": base, "generation": "stu3" if self.is_older else "r4"}
        if self.has_database:
            source = {"kind": "sql", "url": f"sqlite:///{self.source / 'practice.db'}", "mapping": str(gp_system.MAPPING)}
        holder = {"ura": self.holder.ura.value, "name": self.name, "title": self.holder.title, "kind": self.holder.kind.value, "answer_key": "answer.key"}
        listen = "" if self.outbound else self.address_behind if behind else self.address
        sections: dict[str, Mapping[str, _Value]] = {
            "holder": holder,
            "listen": {"address": listen},
            **({"outbound": {"gateways": [agents_door(self.root)]}} if self.outbound else {}),
            "source": source,
            "choices": {"path": str(self.source / "choices.db")},
            "locate": {"key": key_of(self.name)},
            "region": {"register": "register.jws", "anchor": "region.pub"},
            "tls": {"certificate": "tls.pem", "key": "tls.key"},
        }
        if self.is_fed:
            sections["feed"] = {"listen": self.feed_address, **FEED}
        for section, values in self.more.items():
            sections[section] = {**sections.get(section, {}), **values}
        write_toml(self.agent / "agent.toml", sections)

    def source_program(self) -> Program:
        """The care provider's own FHIR server."""
        return Program(
            f"{self.name}: FHIR server", "testbed.faults_source:main", ("--records", str(self.records), "--fhir-version", self.fhir_version), self.source
        )

    def filling_programs(self) -> list[Program]:
        """What fills the stores, before the agent starts: the choices, and the records where no live system has them."""
        choices = Program(
            f"{self.name}: choices",
            "node_agent.cli:app",
            ("choices", "import", str(self.source / "choices.ndjson"), "--store", str(self.source / "choices.db")),
            self.source,
        )
        records = Program(f"{self.name}: import", "node_agent.cli:app", ("import", str(self.records), "--store", str(self.source / "records.db")), self.source)
        return [choices] if self.is_read_through or self.has_database else [records, choices]

    def feeding_program(self) -> Program:
        """What sends the messages of the holder's own system to the agent."""
        return Program(f"{self.name}: laboratory system", "node_agent.cli:app", ("feed", str(self.messages), "--to", self.feed_address), self.source)

    def agent_program(self) -> Program:
        """The agent."""
        return Program(f"{self.name}: agent", "node_agent.cli:app", ("run", "--config", str(self.agent / "agent.toml")), self.agent)

    def house_program(self) -> Program:
        """The agent of everybody in the house."""
        return Program("the house: agent", "node_agent.cli:app", ("run", "--house", str(self.agent.parent)), self.agent.parent)

    def relay_program(self, spoil: str, *more: str) -> Program:
        """What stands in the agent's place while it is to misbehave."""
        own = ("--keys", str(self.agent), "--gateway-keys", str(self.root / "gateway"), "--ura", self.holder.ura.value)
        arguments = ("--listen", self.address, "--behind", self.address_behind, "--spoil", spoil, *own, *more)
        return Program(f"{self.name}: relay", "testbed.faults_relay:main", arguments, self.root / "relays" / self.name)


def agents_door(root: Path) -> str:
    """Where the gateway lets agents in that call it: the same place after a restart."""
    return f"unix:{root / 's' / 'door'}"


def key_of(name: str) -> str:
    """The pseudonym key of a holder of the testbed: the same on every run, and no secret."""
    return sha256(f"noaber testbed {name}".encode()).hexdigest()


def write_gateway(
    root: Path,
    office: RegionOffice,
    everyone: Iterable[HolderFiles],
    *,
    seconds: float,
    sections: Mapping[str, Mapping[str, str | bool | float]] | None = None,
    **more: float,
) -> Program:
    """Write the gateway's settings, its keys, and the register; *more* are settings of its region, *sections* others."""
    folder = root / "gateway"
    (folder / "keys").mkdir(mode=0o700, parents=True, exist_ok=True)
    office.give(folder, follows=True)
    office.give_keys("gateway", folder)
    for files in everyone:
        (folder / "keys" / f"{files.name}.key").write_text(key_of(files.name), encoding="ascii")
    write_toml(
        folder / "gateway.toml",
        {
            "listen": {"http": "127.0.0.1:0", "grpc": "127.0.0.1:0", "agents": agents_door(root)},
            "member": {"ura": GATEWAY.value, "answer_key": "answer.key"},
            "region": {"register": "register.jws", "anchor": "region.pub", "keys": "keys", "seconds": seconds, **more},
            # The testbed is one organisation that asks for everybody.
            "rates": {"per_organisation": 10000.0, "per_organisation_at_once": 10000.0, "in_total": 10000.0, "in_total_at_once": 10000.0},
            **(sections or {}),
        },
    )
    return Program("gateway", "gateway.cli:app", ("run", "--config", str(folder / "gateway.toml")), folder)


def write_toml(path: Path, sections: Mapping[str, Mapping[str, _Value]]) -> None:
    """Write a settings file."""
    path.write_text("\n".join(f"[{name}]\n{_toml(values)}" for name, values in sections.items()), encoding="utf-8")


def _toml(values: Mapping[str, _Value]) -> str:
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in values.items())


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_toml_value(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    # A TOML value of the other kinds is written as JSON writes it.
    return json.dumps(value, ensure_ascii=False)
