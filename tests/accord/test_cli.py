"""The one command: it lists every part, loads the chosen one, and says what is missing."""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, EntryPoints, version

import pytest
import typer
from typer.testing import CliRunner

from accord import cli
from accord.terms.faults import BadInput, Fault, Unavailable

COMMANDS = ("agent", "ask", "demo", "gateway", "version")


def loaded_after(*arguments: str) -> tuple[int, set[str]]:
    """The exit code of `noaber <arguments>` in a fresh interpreter, and the packages that it loaded."""
    script = (
        "import json, sys\n"
        f"sys.argv = ['noaber', *{list(arguments)!r}]\n"
        "from accord.cli import main\n"
        "code = 0\n"
        "try: main()\n"
        "except SystemExit as left: code = left.code or 0\n"
        "print(json.dumps([code, sorted({name.partition('.')[0] for name in sys.modules})]), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 -- fixed arguments
    code, names = json.loads(done.stderr.splitlines()[-1])
    return code, set(names)


def test_help_lists_every_command_and_loads_none() -> None:
    result = CliRunner().invoke(cli.assemble(["--help"]), ["--help"])
    code, loaded = loaded_after("--help")

    assert all(f"{name} " in result.output for name in COMMANDS)
    assert code == 0
    assert not loaded & {"gateway", "node_agent", "testbed", "grpc", "starlette", "uvicorn", "httpx2", "cryptography"}


@pytest.mark.parametrize(
    ("command", "its_own", "others"),
    [("agent", "node_agent", {"gateway", "testbed"}), ("gateway", "gateway", {"node_agent", "testbed"}), ("ask", "testbed", {"gateway", "node_agent"})],
)
def test_only_the_chosen_part_is_loaded(command: str, its_own: str, others: set[str]) -> None:
    code, loaded = loaded_after(command, "--help")

    assert code == 0
    assert its_own in loaded
    assert not loaded & others


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(cli.assemble(["version"]), ["version"])

    assert result.output == f"noaber {version('noaber')}\n"


def test_a_command_that_is_none_is_wrong_use() -> None:
    result = CliRunner().invoke(cli.assemble(["nonsense"]), ["nonsense"])

    assert result.exit_code == 2


# -- Parts that are not ours


def told(greeting: str = "hello") -> None:
    """Greet."""
    typer.echo(greeting)


one_command = typer.Typer()
one_command.command("anything")(told)

two_commands = typer.Typer()
two_commands.command("first")(told)
two_commands.command("second")(told)


def offering(monkeypatch: pytest.MonkeyPatch, value: str, name: str = "greet") -> None:
    """Install a part called *name*."""
    entry = EntryPoint(name, value, cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: EntryPoints([entry]).select(group=group))


@pytest.mark.parametrize(
    ("value", "arguments"),
    [("told", ["greet", "--greeting", "hoi"]), ("one_command", ["greet", "--greeting", "hoi"]), ("two_commands", ["greet", "second", "--greeting", "hoi"])],
)
def test_a_part_may_be_a_function_an_app_of_one_command_or_of_several(monkeypatch: pytest.MonkeyPatch, value: str, arguments: Sequence[str]) -> None:
    offering(monkeypatch, f"{__name__}:{value}")

    result = CliRunner().invoke(cli.assemble(arguments), arguments)

    assert (result.output, result.exit_code) == ("hoi\n", 0)


def test_a_missing_package_names_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    offering(monkeypatch, "a_package_that_nobody_has:app", "agent")
    # As if the agent's own module asked for it.
    monkeypatch.setattr(EntryPoint, "module", "node_agent.cli")
    monkeypatch.setattr(EntryPoint, "load", lambda _: __import__("a_package_that_nobody_has"))

    with pytest.raises(cli.PartNotInstalled, match=r"`noaber agent` needs .*a_package_that_nobody_has.*pip install 'noaber\[agent\]'"):
        cli.assemble(["agent"])


def test_a_missing_module_of_ours_is_a_mistake_and_not_something_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    offering(monkeypatch, "accord.a_module_that_nobody_wrote:app")

    with pytest.raises(ModuleNotFoundError):
        cli.assemble(["greet"])


# -- Failures


def failing(failure: Exception) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        """Fail."""
        raise failure

    return app


@pytest.mark.parametrize(("failure", "code"), [(BadInput(Fault.INVALID_BSN), 2), (Unavailable(Fault.HOLDER_UNREACHABLE, "pharmacy"), 1)])
def test_a_failure_of_the_catalogue_is_told_in_words_with_its_code(
    failure: BadInput | Unavailable, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "assemble", lambda _: failing(failure))
    monkeypatch.setattr(sys, "argv", ["noaber"])

    with pytest.raises(SystemExit) as left:
        cli.main()

    said = capsys.readouterr().err
    assert left.value.code == code
    assert failure.explanation.happened in said
    assert failure.explanation.next_step in said
    assert f"[{failure.fault}]" in said
    assert "Traceback" not in said
