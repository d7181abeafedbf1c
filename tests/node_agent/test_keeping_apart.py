"""Every setting of an agent says whether two organisations of a house may have it alike, and what keeps two apart cannot be spelled around."""

from pathlib import Path

import anyio
import msgspec
import pytest

from node_agent import keeping_apart
from node_agent.house import look
from node_agent.settings import AgentSettings
from tests.node_agent.test_house import Served, comes_true, kept, moves_in

LISTS = {
    "of the process": keeping_apart.OF_THE_PROCESS,
    "own path": keeping_apart.OWN_PATHS,
    "own value": keeping_apart.OWN_VALUES,
    "listens": keeping_apart.LISTENS,
    "which source": keeping_apart.WHICH_SOURCE,
    "how it is asked": keeping_apart.HOW_IT_IS_ASKED,
    "may be shared": keeping_apart.MAY_BE_SHARED,
}
SETTINGS = [
    f"{section.encode_name}.{setting.encode_name}" for section in msgspec.structs.fields(AgentSettings) for setting in msgspec.structs.fields(section.type)
]


def admitted(house: Path, *settled: str) -> set[str]:
    return set(look(house, settled=settled).residents)


def two(house: Path, first: dict[str, str], second: dict[str, str] | None = None) -> set[str]:
    """Who is let in when two organisations have these settings."""
    moves_in(house, "brinkhof", "90001003", **first)
    moves_in(house, "holterloo", "90001027", **(first if second is None else second))
    return admitted(house)


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_in_exactly_one_list(setting: str) -> None:
    assert [name for name, settings in LISTS.items() if setting in settings] != []
    assert sum(setting in settings for settings in LISTS.values()) == 1


def test_no_list_has_a_setting_that_does_not_exist() -> None:
    named = frozenset().union(*LISTS.values(), keeping_apart.SHARED_PATHS)

    assert named - set(SETTINGS) == set()


@pytest.mark.parametrize("setting", sorted(keeping_apart.OWN_PATHS | {"source.path"}))
def test_no_file_or_folder_of_ones_own_is_of_two(tmp_path: Path, setting: str) -> None:
    assert two(tmp_path, {setting: str(tmp_path / "elsewhere" / "one")}) == set()


@pytest.mark.parametrize("setting", keeping_apart.SHARED_PATHS)
def test_nobody_has_even_a_shared_file_in_the_folder_of_another(tmp_path: Path, setting: str) -> None:
    assert two(tmp_path, {}, {setting: "../brinkhof/file.pem"}) == {"brinkhof"}


def test_an_export_of_two_is_shared_and_one_in_the_folder_of_another_is_not(tmp_path: Path) -> None:
    def export(name: str, ura: str, path: str) -> None:
        settings = moves_in(tmp_path, name, ura) / "agent.toml"
        table = f'[places]\nservices = "services.toml"\n[[places.exports]]\nname = "planning"\npath = "{path}"\nonly = "elv"\nplaces = "Vrij"\n'
        settings.write_text(settings.read_text(encoding="utf-8") + table, encoding="utf-8")

    export("brinkhof", "90001003", "/srv/exports/places.csv")
    export("holterloo", "90001027", "/srv/exports/places.csv")
    assert len(admitted(tmp_path)) == 2
    export("holterloo", "90001027", "../brinkhof/places.csv")
    assert admitted(tmp_path) == {"brinkhof"}


@pytest.mark.parametrize("made", [{"control.folder": "/srv/a.control"}, {"choices.path": "/srv/a.index"}])
def test_what_is_made_beside_a_journal_is_its_own_too(tmp_path: Path, made: dict[str, str]) -> None:
    assert two(tmp_path, {"journal.folder": "/srv/a"}, made) == set()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("127.0.0.1:7001", "127.0.0.1:7001"),
        ("127.0.0.1:7001", "localhost:7001"),
        ("127.0.0.1:7001", "0.0.0.0:7001"),
        ("[::]:7001", "192.0.2.1:7001"),
        ("unix:/srv/one.sock", "unix:/srv/../srv/one.sock"),
    ],
)
@pytest.mark.parametrize("setting", sorted(keeping_apart.LISTENS))
def test_no_two_listen_at_one_address_however_it_is_written_and_whatever_for(tmp_path: Path, first: str, second: str, setting: str) -> None:
    assert two(tmp_path, {"listen.address": first}, {"listen.address": "127.0.0.1:7099", setting: second}) == set()


def test_ports_that_are_given_by_the_system_and_other_ports_are_no_matter(tmp_path: Path) -> None:
    assert len(two(tmp_path, {"listen.address": "127.0.0.1:0"})) == 2
    assert len(two(tmp_path, {"listen.address": "127.0.0.1:7001"}, {"listen.address": "0.0.0.0:7002"})) == 2
    assert len(two(tmp_path, {"listen.address": "127.0.0.1:7001"}, {"listen.address": "192.0.2.1:7001"})) == 2


def test_agents_that_only_call_out_share_their_gateways(tmp_path: Path) -> None:
    text = {name: (moves_in(tmp_path, name, ura) / "agent.toml") for name, ura in (("brinkhof", "90001003"), ("holterloo", "90001027"))}
    for name, path in text.items():
        settings = path.read_text(encoding="utf-8").replace(f'"unix:{name}.sock"', '""')
        path.write_text(f'{settings}[outbound]\ngateways = ["gateway.example:443"]\n', encoding="utf-8")

    assert len(admitted(tmp_path)) == 2


SERVER = {"source.kind": "fhir-server", "source.base": "https://epd.example/fhir", "source.user": "noaber"}
DATABASE = {"source.kind": "sql", "source.url": "postgresql://db.example/epd", "source.user": "noaber", "source.mapping": "mapping.toml"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SERVER, {"source.path": "other.db"}),
        (SERVER, {"source.base": "https://EPD.example:443/fhir/"}),
        (SERVER, {"source.password": "another"}),
        (SERVER, {"source.scope": "system/*.read"}),
        (SERVER, {"source.mapping": "other.toml"}),
        (SERVER, {"source.generation": "stu3"}),
        (DATABASE, {}),
        (DATABASE, {"source.path": "other.db"}),
        (DATABASE, {"source.base": "https://epd.example/fhir"}),
        (DATABASE, {"source.url": "postgresql+psycopg://DB.example:5432/epd?connect_timeout=3"}),
        (DATABASE, {"source.password": "another"}),
    ],
)
def test_one_system_that_is_asked_as_one_user_is_not_told_apart_by_anything_else(tmp_path: Path, one: dict[str, str], other: dict[str, str]) -> None:
    for name in ("brinkhof", "holterloo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mapping.toml").write_text("[mapping]\n", encoding="utf-8")

    assert two(tmp_path, one, one | other) == set()


@pytest.mark.parametrize("other", [{"source.user": "holterloo"}, {"source.url": "postgresql://db.example/other"}, {"source.mapping": "other.toml"}])
def test_another_user_database_or_mapping_keeps_two_apart(tmp_path: Path, other: dict[str, str]) -> None:
    assert two(tmp_path, DATABASE | {"source.mapping": "/srv/mapping.toml"}, DATABASE | {"source.mapping": "/srv/mapping.toml"} | other) == {
        "brinkhof",
        "holterloo",
    }


def test_nobody_reads_the_database_file_of_another(tmp_path: Path) -> None:
    own = {"source.kind": "sql", "source.url": "sqlite:///../brinkhof/epd.sqlite", "source.mapping": "mapping.toml"}

    assert two(tmp_path, {}, own) == {"brinkhof"}


@pytest.mark.parametrize("reach", [{"source.path": "../brinkhof/records.db"}, {"choices.path": "../brinkhof/choices.db"}])
def test_nobody_reaches_into_the_folder_of_one_whose_settings_cannot_be_read(tmp_path: Path, reach: dict[str, str]) -> None:
    moves_in(tmp_path, "brinkhof", "90001003")
    (tmp_path / "brinkhof" / "agent.toml").write_text("[holder\n", encoding="utf-8")
    moves_in(tmp_path, "holterloo", "90001027", **reach)

    assert admitted(tmp_path, "brinkhof") == set()


@pytest.mark.anyio
async def test_who_is_served_keeps_what_it_has_while_its_new_settings_are_wrong(tmp_path: Path) -> None:
    served, port = Served(), {"listen.address": "127.0.0.1:7001"}
    moves_in(tmp_path, "brinkhof", "90001003", **port, **{"source.path": "/srv/brinkhof.db"})
    async with kept(tmp_path, served):
        (tmp_path / "brinkhof" / "agent.toml").write_text("[holder\n", encoding="utf-8")
        moves_in(tmp_path, "thief", "90001999", **{"source.path": "/srv/brinkhof.db"})
        moves_in(tmp_path, "double", "90001003")
        moves_in(tmp_path, "squatter", "90001998", **port)
        moves_in(tmp_path, "holterloo", "90001027")
        await comes_true(lambda: "holterloo" in served.now)
        await anyio.sleep(0.1)

        assert set(served.now) == {"brinkhof", "holterloo"}
