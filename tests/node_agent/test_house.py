"""A house of several organisations: who is let in, and that nobody's trouble is another's."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from accord.terms.faults import BadInput, Fault, Unavailable
from node_agent.cli import app
from node_agent.house import check_environment, look
from node_agent.housekeeping import Housekeeping
from node_agent.pausing import Pausing
from node_agent.settings import AgentSettings

pytestmark = pytest.mark.anyio


def moves_in(house: Path, name: str, ura: str, **more: str) -> Path:
    """Write the settings of an organisation, as it would for itself."""
    folder = house / name
    folder.mkdir(parents=True, exist_ok=True)
    sections = {"holder.ura": ura, "holder.name": name, "listen.address": f"unix:{name}.sock", **more}
    by_section: dict[str, list[str]] = {}
    for setting, value in sections.items():
        section, _, key = setting.partition(".")
        by_section.setdefault(section, []).append(f'{key} = "{value}"')
    text = "\n".join(f"[{section}]\n" + "\n".join(of) for section, of in by_section.items())
    # In one step, as an installer should: nobody sees half of it.
    fresh = folder / ".agent.toml"
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(folder / "agent.toml")
    return folder


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """With two organisations that keep apart."""
    moves_in(tmp_path, "brinkhof", "90001003")
    moves_in(tmp_path, "holterloo", "90001027")
    return tmp_path


def test_who_keeps_apart_is_let_in(house: Path) -> None:
    found = look(house)

    assert (set(found.residents), dict(found.refused)) == ({"brinkhof", "holterloo"}, {})


def test_what_they_have_in_common_stands_in_one_file(house: Path) -> None:
    (house / "house.toml").write_text('[source]\nconcurrency = 2\n[policy]\nlabels = ["PSY"]\n', encoding="utf-8")
    residents = look(house).residents.values()

    assert [resident.settings.source.concurrency for resident in residents] == [2, 2]


def test_a_folder_that_is_not_called_as_its_holder_is_a_copy_and_stays_out(house: Path) -> None:
    spare = house / "brinkhof.old"
    spare.mkdir()
    (spare / "agent.toml").write_bytes((house / "brinkhof" / "agent.toml").read_bytes())

    found = look(house)

    assert set(found.residents) == {"brinkhof", "holterloo"}
    assert found.refused["brinkhof.old"].fault is Fault.INVALID_SETTING
    assert "holder.name" in str(found.refused["brinkhof.old"])


SHARED = {
    "holder.ura": "90001003",
    "listen.address": "unix:brinkhof.sock",
    "locate.key": "ab" * 32,
    "source.path": "/srv/records.db",
    "choices.path": "/srv/choices.db",
    "journal.folder": "/srv/journal",
    "tls.key": "/srv/tls.key",
    "holder.answer_key": "/srv/answer.key",
    "locate.key_file": "/srv/pseudonym.key",
    "region.register": "/srv/register.jws",
}


@pytest.mark.parametrize("setting", SHARED)
def test_what_two_claim_neither_gets(tmp_path: Path, setting: str) -> None:
    moves_in(tmp_path, "brinkhof", "90001003", **{setting: SHARED[setting]})
    moves_in(tmp_path, "holterloo", "90001027", **{setting: SHARED[setting]})
    moves_in(tmp_path, "waterveld", "90001028")
    found = look(tmp_path)

    assert set(found.residents) == {"waterveld"}
    assert {name: setting in str(why) for name, why in found.refused.items()} == {"brinkhof": True, "holterloo": True}


@pytest.mark.parametrize("setting", SHARED)
def test_who_lives_there_already_stays_and_the_newcomer_does_not_get_in(tmp_path: Path, setting: str) -> None:
    moves_in(tmp_path, "brinkhof", "90001003", **{setting: SHARED[setting]})
    moves_in(tmp_path, "holterloo", "90001027", **{setting: SHARED[setting]})

    assert set(look(tmp_path, settled={"holterloo"}).residents) == {"holterloo"}


@pytest.mark.parametrize("reach", ["../brinkhof/records.db", "../brinkhof", "../brinkhof/journal/2026"])
def test_nobody_reaches_into_the_folder_of_another(house: Path, reach: str) -> None:
    moves_in(house, "waterveld", "90001028", **{"source.path": reach})
    found = look(house, settled={"brinkhof", "holterloo"})

    assert set(found.residents) == {"brinkhof", "holterloo"}
    assert "source.path" in str(found.refused["waterveld"])


def test_nor_by_a_link(house: Path) -> None:
    folder = moves_in(house, "waterveld", "90001028")
    (folder / "records.db").symlink_to(house / "brinkhof" / "records.db")

    assert set(look(house, settled={"brinkhof", "holterloo"}).refused) == {"waterveld"}


def test_one_server_that_is_asked_as_one_user_has_no_walls_between_two_organisations(tmp_path: Path) -> None:
    server = {"source.kind": "fhir-server", "source.base": "http://127.0.0.1:8080/fhir"}
    moves_in(tmp_path, "brinkhof", "90001003", **server)
    moves_in(tmp_path, "holterloo", "90001027", **server)
    assert look(tmp_path).residents == {}

    moves_in(tmp_path, "holterloo", "90001027", **server, **{"source.token": "of holterloo"})
    assert set(look(tmp_path).residents) == {"brinkhof", "holterloo"}


def test_settings_from_the_environment_would_count_for_all_and_are_refused() -> None:
    check_environment({"PATH": "/bin"})
    with pytest.raises(BadInput, match="NOABER_AGENT__HOLDER__URA") as refused:
        check_environment({"NOABER_AGENT__HOLDER__URA": "90001003"})

    assert refused.value.fault is Fault.INVALID_SETTING


def test_a_setting_of_one_that_is_wrong_keeps_the_other_out_of_nothing(house: Path) -> None:
    (house / "brinkhof" / "agent.toml").write_text("[holder]\nnaam = 'x'\n", encoding="utf-8")
    found = look(house)

    assert set(found.residents) == {"holterloo"}
    assert "did you mean name" in str(found.refused["brinkhof"])


class Served:
    """What was served, in the place of the agent's parts; `failing` are those that fail, by name."""

    def __init__(self) -> None:
        self.now: dict[str, AgentSettings] = {}
        self.times: dict[str, int] = {}
        self.pausings: dict[str, Pausing] = {}
        self.failing: dict[str, Exception] = {}

    async def __call__(self, settings: AgentSettings, folder: Path, *, pausing: Pausing, ready: Callable[[str], None], stopped: anyio.Event) -> None:
        """As `node_agent.composition.serve`."""
        name = folder.name
        self.times[name] = self.times.get(name, 0) + 1
        if name in self.failing:
            raise self.failing[name]
        self.now[name] = settings
        self.pausings[name] = pausing
        ready(settings.listen.address)
        try:
            await stopped.wait()
            if name in self.failing:
                raise self.failing[name]
        finally:
            del self.now[name]


@asynccontextmanager
async def kept(house: Path, served: Served) -> AsyncGenerator[list[str], None]:
    """Keep the house inside the block, which gets what was said."""
    said: list[str] = []
    stopped, settled = anyio.Event(), anyio.Event()
    keeping = Housekeeping(house, served, said.append, look_seconds=0.02)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: keeping.keep(stopped, settled=settled.set))
        await settled.wait()
        yield said
        stopped.set()
    assert served.now == {}


async def comes_true(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    with anyio.fail_after(60):
        while not holds():  # noqa: ASYNC110 - it looks at files and at what others did
            await anyio.sleep(0.01)


async def test_everybody_is_served_and_is_said_to_be(house: Path) -> None:
    served = Served()
    async with kept(house, served) as said:
        assert set(served.now) == {"brinkhof", "holterloo"}
        await comes_true(lambda: len(said) == 3)

    assert sorted(said[:2]) == ["answers brinkhof unix:brinkhof.sock", "answers holterloo unix:holterloo.sock"]
    assert said[2] == "ready 2 of 2"


async def test_the_sixtieth_practice_moves_in_while_the_others_go_on(house: Path) -> None:
    served = Served()
    async with kept(house, served):
        moves_in(house, "waterveld", "90001028")
        await comes_true(lambda: "waterveld" in served.now)

        assert served.times == {"brinkhof": 1, "holterloo": 1, "waterveld": 1}


async def test_who_moves_out_is_served_no_longer(house: Path) -> None:
    served = Served()
    async with kept(house, served):
        (house / "brinkhof" / "agent.toml").rename(house / "brinkhof" / "agent.toml.off")
        await comes_true(lambda: set(served.now) == {"holterloo"})


async def test_changed_settings_begin_anew_and_wrong_ones_change_nothing(house: Path) -> None:
    served = Served()
    async with kept(house, served):
        moves_in(house, "brinkhof", "90001003", **{"holder.title": "Huisartsen De Brinkhof"})
        await comes_true(lambda: served.times["brinkhof"] == 2 and "brinkhof" in served.now)
        assert served.now["brinkhof"].holder.title == "Huisartsen De Brinkhof"

        moves_in(house, "brinkhof", "not a number")
        moves_in(house, "waterveld", "90001028")
        await comes_true(lambda: "waterveld" in served.now)
        assert served.times == {"brinkhof": 2, "holterloo": 1, "waterveld": 1}
        assert served.now["brinkhof"].holder.ura == "90001003"


async def test_who_is_paused_stays_so_when_its_settings_change(house: Path) -> None:
    served = Served()
    async with kept(house, served):
        served.pausings["brinkhof"].pause()
        moves_in(house, "brinkhof", "90001003", **{"holder.title": "De Brinkhof"})
        await comes_true(lambda: served.times["brinkhof"] == 2 and "brinkhof" in served.now)

        assert served.pausings["brinkhof"].paused
        assert not served.pausings["holterloo"].paused


@pytest.mark.parametrize(
    "failure",
    [
        Unavailable(Fault.JOURNAL_BROKEN, "line 7"),
        RuntimeError("something of a patient"),
        ExceptionGroup("together", [Unavailable(Fault.JOURNAL_BROKEN)]),
    ],
)
async def test_who_cannot_be_served_is_tried_again_and_the_others_go_on(house: Path, failure: Exception, capfd: pytest.CaptureFixture[str]) -> None:
    served = Served()
    served.failing["brinkhof"] = failure
    async with kept(house, served) as said:
        await comes_true(lambda: "ready 1 of 2" in said)
        assert set(served.now) == {"holterloo"}
        del served.failing["brinkhof"]
        await comes_true(lambda: "brinkhof" in served.now)

    assert served.times["holterloo"] == 1
    told = "".join(capfd.readouterr())
    assert "brinkhof" in told
    assert "patient" not in told


async def test_a_house_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--house"):
        await Housekeeping(tmp_path / "nowhere", Served(), print).keep(anyio.Event())


async def test_a_house_that_is_away_for_a_moment_sends_nobody_away(house: Path) -> None:
    served = Served()
    async with kept(house, served):
        away = house.with_name("away")
        house.rename(away)  # noqa: ASYNC240 - a moment
        await anyio.sleep(0.2)
        assert set(served.now) == {"brinkhof", "holterloo"}
        away.rename(house)
        moves_in(house, "waterveld", "90001028")
        await comes_true(lambda: "waterveld" in served.now)


def test_the_command_says_who_can_be_served_and_of_the_others_why_not(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moves_in(house, "waterveld", "90001003")
    with pytest.raises(SystemExit) as ended:
        app(["house", str(house)], prog_name="noaber agent")

    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 1
    assert lines[0] == "holterloo: URA 90001027, holterloo, answers at unix:holterloo.sock"
    assert [line.partition(",")[0] for line in lines[1:3]] == ["brinkhof: NOT SERVED", "waterveld: NOT SERVED"]
    assert lines[3] == "1 of 3 can be served"


def test_a_house_is_not_run_together_with_settings_of_one(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["run", "--house", str(house), "--set", "holder.ura=90001003"], prog_name="noaber agent")

    assert ended.value.code == 2
    assert "--house: not together with --config, --set or --shadow" in capsys.readouterr().err
