"""What the processes of a region find on disk: records at the sources, settings, the register.

Three kinds of folder, kept apart on purpose: `sources/` is the care providers' own systems, where records belong;
`agents/` and `gateway/` are where our processes run and could write, and no patient content may ever be found there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from accord.terms.members import Member, Part
from testbed.holders import FictionalHolder
from testbed.people import Region as Generated
from testbed.processes import Program
from testbed.region_office import GATEWAY, RegionOffice, member_of

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
        """The folder of its agent."""
        return self.root / "agents" / self.name

    @property
    def is_read_through(self) -> bool:
        """Whether the agent asks a live system and keeps nothing."""
        return self.holder.source == "fhir-server"

    @property
    def address(self) -> str:
        """Where the gateway expects the agent."""
        return f"unix:{self.root / 's' / self.name}"

    @property
    def address_behind(self) -> str:
        """Where the agent listens while a relay stands in its place."""
        return f"unix:{self.root / 's' / self.name}-behind"

    @property
    def records(self) -> Path:
        """What the source is filled with."""
        return self.source / "records.json"

    def write(self, generated: Generated) -> None:
        """Fill the care provider's own systems."""
        self.source.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.agent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A Bundle and not NDJSON: some administrations write their records over several lines.
        entries = b",".join(b'{"resource":%b}' % record for record in generated.records_at(self.name))
        self.records.write_bytes(b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % entries)
        lines = (json.dumps(choice) for choice in generated.choices_at(self.name))
        (self.source / "choices.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def member(self) -> Member:
        """It as the register of the region has it: it keeps records, and its professionals may ask."""
        holder = self.holder
        return member_of(
            self.name,
            holder.ura,
            holder.title,
            holder.kind,
            address=self.address,
            telephone=holder.telephone,
            active=holder.answers,
            parts={Part.DATA_HOLDER, Part.DATA_USER},
        )

    def write_settings(self, base: str, *, behind: bool = False) -> None:
        """Write the agent's settings; *base* is where its FHIR server answers, if it has one."""
        source = {"kind": "fhir-server", "base": base} if self.is_read_through else {"kind": "embedded", "path": str(self.source / "records.db")}
        holder = {"ura": self.holder.ura.value, "name": self.name, "title": self.holder.title, "kind": self.holder.kind.value, "answer_key": "answer.key"}
        sections: dict[str, Mapping[str, str | bool | float]] = {
            "holder": holder,
            "listen": {"address": self.address_behind if behind else self.address},
            "source": source,
            "choices": {"path": str(self.source / "choices.db")},
            "locate": {"key": key_of(self.name)},
            "region": {"register": "register.jws", "anchor": "region.pub"},
            "tls": {"certificate": "tls.pem", "key": "tls.key"},
        }
        for section, values in self.more.items():
            sections[section] = {**sections.get(section, {}), **values}
        _write_toml(self.agent / "agent.toml", sections)

    def source_program(self) -> Program:
        """The care provider's own FHIR server."""
        return Program(f"{self.name}: FHIR server", "testbed.faults_source:main", ("--records", str(self.records)), self.source)

    def filling_programs(self) -> list[Program]:
        """What fills the stores, before the agent starts: the choices, and the records where no live system has them."""
        choices = Program(
            f"{self.name}: choices",
            "node_agent.cli:app",
            ("choices", "import", str(self.source / "choices.ndjson"), "--store", str(self.source / "choices.db")),
            self.source,
        )
        records = Program(f"{self.name}: import", "node_agent.cli:app", ("import", str(self.records), "--store", str(self.source / "records.db")), self.source)
        return [choices] if self.is_read_through else [records, choices]

    def agent_program(self) -> Program:
        """The agent."""
        return Program(f"{self.name}: agent", "node_agent.cli:app", ("run", "--config", str(self.agent / "agent.toml")), self.agent)

    def relay_program(self, spoil: str, *more: str) -> Program:
        """What stands in the agent's place while it is to misbehave."""
        own = ("--keys", str(self.agent), "--gateway-keys", str(self.root / "gateway"), "--ura", self.holder.ura.value)
        arguments = ("--listen", self.address, "--behind", self.address_behind, "--spoil", spoil, *own, *more)
        return Program(f"{self.name}: relay", "testbed.faults_relay:main", arguments, self.root / "relays" / self.name)


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
    _write_toml(
        folder / "gateway.toml",
        {
            "listen": {"http": "127.0.0.1:0", "grpc": "127.0.0.1:0"},
            "member": {"ura": GATEWAY.value, "answer_key": "answer.key"},
            "region": {"register": "register.jws", "anchor": "region.pub", "keys": "keys", "seconds": seconds, **more},
            # The testbed is one organisation that asks for everybody.
            "rates": {"per_organisation": 10000.0, "per_organisation_at_once": 10000.0, "in_total": 10000.0, "in_total_at_once": 10000.0},
            **(sections or {}),
        },
    )
    return Program("gateway", "gateway.cli:app", ("run", "--config", str(folder / "gateway.toml")), folder)


def write_connect(
    root: Path,
    office: RegionOffice,
    told: str,
    *,
    http: str,
    grpc: str,
    user: str = DATA_USER,
    ura: str,
    name: str = "connect",
    token: str = "",
    without_token: bool = False,
    professional: Mapping[str, str] = PROFESSIONAL,
) -> Program:
    """Write the settings of a data user's proxy; *told* is the gateway's ready line.

    The application that shows *token* is trusted to say who is at work, and how they proved it. Where there is one, nobody else may
    ask, or *without_token* everybody.
    """
    folder = root / name
    office.give(folder, follows=True)
    office.give_keys(user, folder)
    faces = dict(part.split("=", 1) for part in told.split()[1:])
    _write_toml(
        folder / "connect.toml",
        {
            "listen": {"http": http, "grpc": grpc},
            "region": {"register": "register.jws", "key": "region.pub"},
            "gateway": {"url": f"https://{faces['http']}", "grpc": faces["grpc"], "ura": GATEWAY.value, "certificate": "tls.pem", "key": "tls.key"},
            "organisation": {"ura": ura, "mandate_key": "mandate.key"},
            "professional": dict(professional),
            **({"applications": {"tokens": "tokens", "without_token": without_token}} if token else {}),
        },
    )
    if token:
        (folder / "tokens").write_text(f"ehr {sha256(token.encode()).hexdigest()} trusted\n", encoding="ascii")
    return Program(name, "gateway.connect.cli:app", ("run", "--config", str(folder / "connect.toml")), folder)


def _write_toml(path: Path, sections: Mapping[str, Mapping[str, str | bool | float]]) -> None:
    path.write_text("\n".join(f"[{name}]\n{_toml(values)}" for name, values in sections.items()), encoding="utf-8")


def _toml(values: Mapping[str, str | bool | float]) -> str:
    # A TOML value of these kinds is written as JSON writes it.
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
