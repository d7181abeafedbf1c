"""Commands as they are printed: between backticks, and to be given as they stand."""

import re
import shlex
import shutil
from importlib import import_module
from typing import Any

import typer.main

from accord.region_cli import app as region_app
from gateway.cli import app as gateway_app
from gateway.connect.cli import app as connect_app
from node_agent.cli import _PASSED_ON_OF_AGENT, app

#: What a server has; a machine that runs tests need not.
_OF_A_SERVER = {"curl", "dmesg", "getent", "nc", "openssl", "pg_isready", "ss", "systemctl", "timedatectl"}
#: Of the shell itself.
_OF_THE_SHELL = {"ulimit", "unset"}
_BARE = re.compile(r"\b(noaber (agent|gateway|connect|region|journal) [a-z]|(chmod|chown|systemctl|openssl|getent|nc|curl|timedatectl|dmesg) [-a-z0-9])")
_PARTS = {"agent": app, "gateway": gateway_app, "connect": connect_app, "region": region_app}


def check_printed(text: str) -> list[str]:
    """The commands of *text*, each of which can be given as it stands; there are none outside the backticks."""
    commands: list[str] = re.findall(r"`([^`]+)`", text)
    bare = re.sub(r"`[^`]+`", "", text)
    assert not _BARE.search(bare), f"a command without backticks: {text}"
    for command in commands:
        first, *rest = shlex.split(command)
        if first == "noaber":
            _parse(rest)
        else:
            assert first in _OF_A_SERVER | _OF_THE_SHELL or shutil.which(first), command
    return commands


def _parse(words: list[str]) -> None:
    """As the command line would, up to where the command would begin; wrong use is raised."""
    passed_on = {name: place for name, place, _ in _PASSED_ON_OF_AGENT}
    if words[0] == "agent" and (words[1] in passed_on or words[1:3] == ["choices", "import"]):
        module, _, function = passed_on.get(words[1], "importing.cli:choices_command").partition(":")
        alone = typer.Typer()
        alone.command()(getattr(import_module(f"node_agent.{module}"), function))
        command: Any = typer.main.get_command(alone)
        words = words[3:] if words[1] == "choices" else words[2:]
    else:
        command = typer.main.get_command(_PARTS[words[0]])
        words = words[1:]
    context = command.make_context("noaber", list(words))
    while hasattr(command, "commands"):
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, list(words), parent=context)
