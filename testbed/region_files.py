"""What the processes of a region find on disk: records at the sources, settings, the register.

Three kinds of folder, kept apart on purpose: `sources/` is the care providers' own systems, where records belong;
`agents/` and `gateway/` are where our processes run and could write, and no patient content may ever be found there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from accord.link.introducing import OUTBOUND
from accord.terms.members import PLACES_ONLY, Member, Part
from node_agent.left_out import EXPECTED
from testbed import gp_system
from testbed.holders import FictionalHolder
from testbed.lab_messages import FEED, divided
from testbed.people import Region as Generated
from testbed.people.older import older
from testbed.places import FictionalOpening
from testbed.places_files import write_services
from testbed.places_inputs import input_settings
from testbed.places_systems import write_places
from testbed.processes import Program
from testbed.region_office import member_of
from testbed.toml_files import Value, write_toml

#: The data user of the demonstration, and who asks for it: Dr Sanne ten Esker, emergency department of Dinkelhorst.
DATA_USER: Final = "dinkelhorst"
PROFESSIONAL: Final[Mapping[str, str]] = {"id": "900000031", "role": "01.071", "name": "Sanne ten Esker", "treatment": "present"}


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
    #: What it has free, as the region begins.
    openings: tuple[FictionalOpening, ...] = ()
    #: Where its planners' page is; empty where it has none.
    planners_url: str = ""

    @property
    def has_agent(self) -> bool:
        """Whether it takes part: with records, with places, or with both."""
        return self.holder.answers or bool(self.openings)

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
        records = generated.kept.get(self.name, ())
        if self.is_fed:
            sent = divided(records)
            records = sent.imported
            self.messages.write_bytes(sent.messages)
        # A Bundle and not NDJSON: some administrations write their records over several lines.
        if self.has_database:
            gp_system.fill_sqlite(self.source / "practice.db", generated.records_at(self.name))
        bodies = [older(kept.json) if self.is_older else kept.json for kept in records]
        bodies += write_places(self.source, self.holder, self.openings)
        entries = b",".join(b'{"resource":%b}' % body for body in bodies)
        self.records.write_bytes(b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % entries)
        lines = (json.dumps(choice) for choice in generated.choices.get(self.name, ()))
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
            active=self.has_agent,
            parts={Part.DATA_HOLDER, Part.DATA_USER},
        )
        member = member if holder.answers else replace(member, capabilities=frozenset({PLACES_ONLY}))
        return replace(member, address="", capabilities=member.capabilities | {OUTBOUND}) if self.outbound else member

    def write_settings(self, base: str, *, behind: bool = False) -> None:
        """Write the agent's settings; *base* is where its FHIR server answers, if it has one."""
        source: dict[str, Value] = {"kind": "embedded", "path": str(self.source / "records.db")}
        if self.is_fed:
            # It also keeps requests, which messages of results do not bring; nobody looks for those at a laboratory.
            source["not_kept"] = sorted(EXPECTED - {"Observation", "ServiceRequest"})
        if self.is_read_through:
            source = {"kind": "fhir-server", "base": base, "generation": "stu3" if self.is_older else "r4"}
        if self.has_database:
            source = {"kind": "sql", "url": f"sqlite:///{self.source / 'practice.db'}", "mapping": str(gp_system.MAPPING)}
        if not self.holder.answers:
            # It takes part with its places, and shares no records.
            source = {"kind": "none"}
        holder = {"ura": self.holder.ura.value, "name": self.name, "title": self.holder.title, "kind": self.holder.kind.value, "answer_key": "answer.key"}
        listen = "" if self.outbound else self.address_behind if behind else self.address
        sections: dict[str, Mapping[str, Value]] = {
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
        if self.openings:
            services = write_services(self.agent, (each.service for each in self.openings), self.planners_url)
            sections["places"] = {**services, **input_settings(self.holder, self.openings, str(self.source))}
        for section, values in self.more.items():
            sections[section] = {**sections.get(section, {}), **values}
        write_toml(self.agent / "agent.toml", sections)

    def source_program(self) -> Program:
        """The care provider's own FHIR server."""
        return Program(
            f"{self.name}: FHIR server", "testbed.faults_source:main", ("--records", str(self.records), "--fhir-version", self.fhir_version), self.source
        )

    def filling_programs(self) -> list[Program]:
        """What fills the stores, before the agent starts: the choices, and the records where no live system has them.

        Nothing where the holder shares none: then there is nobody to have chosen.
        """
        if not self.holder.answers:
            return []
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
