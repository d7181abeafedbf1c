"""Care providers on the stage: a source, filled with our person's records, and an agent: one without trust, or those of a real region."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from accord.audit.verifying import known_heads
from accord.terms.identifiers import Ura
from accord.terms.members import Part
from accord.terms.vocabulary import HolderKind
from benches.records import BSN, PATIENT, records
from benches.staging import Stage, Started, environment, expect
from testbed.region_office import GATEWAY, RegionOffice, member_of

URA: Final = "90001003"
_KEY: Final = "ab" * 32
_FIRST_URA: Final = 92000000
_KNOWN_SECONDS: Final = 45.0


def fill_store(stage: Stage, number: int) -> str:
    """Import so many records into an embedded store; returns the setting that names it."""
    path = _written(stage, number)
    _run("import", str(path), "--store", str(stage.folder / "records.db"))
    return f"source.path={stage.folder}/records.db"


def fhir_server(stage: Stage, number: int, delay: float = 0.0, each: float = 0.0) -> tuple[Started, str, str]:
    """Start a FHIR server over so many records: the process, its base, its control.

    It answers each request *delay* seconds late, and *each* seconds more for each record in the answer.
    """
    arguments = ("--records", str(_written(stage, number)), *(("--faults", f"delay={delay},delay-each={each}") if delay or each else ()))
    server = stage.start("testbed.fhir_server", *arguments, mark="{")
    told = json.loads(server.told)
    return server, told["base"], told["control"]


def agent(stage: Stage, *sets: str, journal: bool = False) -> Started:
    """Start an agent without trust that may release everything about our person. `target_of` reads where it listens."""
    number = len(list(stage.folder.glob("agent*.sock")))
    given = (
        f"holder.ura={URA}",
        "holder.name=bench",
        f"listen.address=unix:{stage.folder}/agent{number}.sock",
        f"choices.path={_choices(stage)}",
        f"locate.key={_KEY}",
        *sets,
    )
    kept = ("--journal", str(stage.folder / f"journal{number}")) if journal else ()
    return stage.start("testbed.plain_agent", *_sets(given), *kept)


def real_agents(stage: Stage, sources: Mapping[str, Sequence[str]]) -> list[Started]:
    """Start agents of a real region, one for each name with these settings of its source, and the gateway that watches them all."""
    addresses = {name: f"unix:{stage.folder}/{name}.sock" for name in sources}
    uras = {name: Ura(str(_FIRST_URA + number)) for number, name in enumerate(sources)}
    office = RegionOffice(stage.folder)
    office.enrol(member_of(name, uras[name], name, HolderKind.HOSPITAL, address=addresses[name], parts={Part.DATA_HOLDER}) for name in sources)
    keys = stage.folder / "pseudonym-keys"
    keys.mkdir()
    started = []
    for name, sets in sources.items():
        own = _member(office, stage, name)
        (keys / f"{name}.key").write_text(_KEY, encoding="ascii")
        holder = (f"holder.ura={uras[name].value}", f"holder.name={name}", f"holder.answer_key={own}/answer.key", f"listen.address={addresses[name]}")
        given = (*holder, f"choices.path={_choices(stage)}", f"locate.key={_KEY}", *_trust(own), *sets)
        started.append(stage.start("node_agent", "run", *_sets(given)))
    _watching_gateway(office, stage, keys, set(uras.values()))
    return started


def real_house(stage: Stage, number: int, records: int) -> Started:
    """Start one agent of a real region that answers for so many organisations, each with a store of its own, and the gateway that watches them all."""
    names = [f"practice{one}" for one in range(number)]
    uras = {name: Ura(str(_FIRST_URA + one)) for one, name in enumerate(names)}
    addresses = {name: f"unix:{stage.folder}/{name}.sock" for name in names}
    office = RegionOffice(stage.folder)
    office.enrol(member_of(name, uras[name], name, HolderKind.GP_PRACTICE, address=addresses[name], parts={Part.DATA_HOLDER}) for name in names)
    house, keys = stage.folder / "house", stage.folder / "pseudonym-keys"
    keys.mkdir()
    store, choices = fill_store(stage, records).removeprefix("source.path="), _choices(stage)
    for one, name in enumerate(names):
        own = house / name
        office.give(own)
        office.give_keys(name, own)
        shutil.copy(store, own / "records.db")
        shutil.copy(choices, own / "choices.db")
        key = f"{one:064x}"
        (keys / f"{name}.key").write_text(key, encoding="ascii")
        (own / "agent.toml").write_text(
            f'[holder]\nura = "{uras[name].value}"\nname = "{name}"\n[listen]\naddress = "{addresses[name]}"\n[locate]\nkey = "{key}"\n',
            encoding="ascii",
        )
    started = stage.start("node_agent", "run", "--house", str(house))
    _watching_gateway(office, stage, keys, set(uras.values()))
    return started


def _watching_gateway(office: RegionOffice, stage: Stage, keys: Path, uras: set[Ura]) -> None:
    own = _member(office, stage, "gateway")
    member = (f"member.ura={GATEWAY.value}", f"member.answer_key={own}/answer.key", f"journal.key_file={own}/journal.key", f"region.keys={keys}")
    stage.start("gateway", "run", *_sets((*member, "listen.http=127.0.0.1:0", f"listen.grpc=unix:{own}/s", *_trust(own))))
    _wait_until_known(own / "journal", uras)


def target_of(started: Started) -> str:
    """Where an agent listens."""
    return started.told.removeprefix("ready ")


def _wait_until_known(journal: Path, uras: set[Ura]) -> None:
    """Go on only when the gateway keeps a head of every agent's journal: then it has spoken to each over mutual TLS."""
    until = time.monotonic() + _KNOWN_SECONDS
    while not uras <= known_heads(journal).keys():
        expect(time.monotonic() < until, "the gateway did not get to know every agent")
        time.sleep(0.1)


def _member(office: RegionOffice, stage: Stage, name: str) -> Path:
    """The folder of a member of the region, with what the office gave it."""
    own = stage.folder / f"at-{name}"
    office.give(own)
    office.give_keys(name, own)
    return own


def _trust(own: Path) -> tuple[str, ...]:
    """The settings that agent and gateway have in common."""
    region = (f"region.register={own}/register.jws", f"region.anchor={own}/region.pub")
    return (*region, f"tls.certificate={own}/tls.pem", f"tls.key={own}/tls.key", f"journal.folder={own}/journal")


def _choices(stage: Stage) -> Path:
    """A store in which our person permits everything."""
    choices = stage.folder / "choices.db"
    if not choices.exists():
        (stage.folder / "choices.ndjson").write_text(json.dumps({"bsn": BSN.value, "permits": True}), encoding="ascii")
        _run("choices", "import", str(stage.folder / "choices.ndjson"), "--store", str(choices))
    return choices


def _sets(given: Iterable[str]) -> list[str]:
    return [f"--set={item}" for item in given]


def _written(stage: Stage, number: int) -> Path:
    path = stage.folder / f"records{number}.ndjson"
    if not path.exists():
        path.write_bytes(b"\n".join([PATIENT, *records(number)]))
    return path


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "node_agent", *arguments], env=environment(), capture_output=True, check=False)
    expect(done.returncode == 0, f"node_agent {arguments[0]} ended with {done.returncode}")
