"""`noaber agent join` and `activate`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import anyio
import structlog
import typer

from accord.link.addresses import address as read_address
from accord.link.desk_forms import TOKEN
from accord.link.proxies import authorities_in
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import is_base_address
from accord.terms.next_steps import OPTION, UNREADABLE
from node_agent.joining.activating import activate
from node_agent.joining.flow import Joining, Wanted
from node_agent.joining.folder import AgentFolder
from node_agent.joining.moving_in import folder_in, gives_a_source

_Folder = Annotated[Path, typer.Option("--folder", help="The folder of the agent.")]


def join_command(  # noqa: PLR0917 - typer calls it by name
    desk: Annotated[str, typer.Argument(help="The office's joining desk: https://host:port.")],
    token_file: Annotated[Path, typer.Option(help="The file with the token that the office gave; - reads standard input.")],
    ca_fingerprint: Annotated[str, typer.Option(help="sha256:… of the region's authority, as the office gave it.")],
    folder: _Folder = Path(),
    telephone: Annotated[str, typer.Option(help="Whom the office calls to compare the phrase, and others when something is wrong.")] = "",
    address: Annotated[str, typer.Option(help="Where gateways reach this agent, host:port; leave it out for an agent that only calls out.")] = "",
    listen: Annotated[str, typer.Option(help="Where it listens; on the port of --address when left out.")] = "",
    fhir_base: Annotated[str, typer.Option(help="The care provider's FHIR R4 server, when that is the source.")] = "",
    gateway: Annotated[
        list[str] | None, typer.Option(help="Without --address: a gateway to call, host:port, instead of those that the office names; may be repeated.")
    ] = None,
    house: Annotated[
        Path | None, typer.Option("--house", help="Move into this house, in a folder of the name that the office has, instead of --folder.")
    ] = None,
    proxy: Annotated[
        str, typer.Option(help="The HTTP proxy to the desk and to gateways; none for no proxy; left out: HTTPS_PROXY and NO_PROXY of the environment.")
    ] = "",
    proxy_ca: Annotated[Path | None, typer.Option(help="Where that proxy opens TLS: the file (PEM) with its authority.")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for approval: give the same command again later.")] = False,
) -> None:
    """Join a region: make keys here, wait for the office's approval, and write a settings file. Stopped anywhere, the same command goes on."""
    for given in (address, listen, *(gateway or ())):
        if given:
            read_address(given)
    if fhir_base and not is_base_address(fhir_base):
        raise BadInput(Fault.INVALID_SETTING, "--fhir-base", then=OPTION)
    if house is not None and folder != Path():
        raise BadInput(Fault.INVALID_SETTING, "--folder: not together with --house, where the office's name for it is the folder", then=OPTION)
    wanted = Wanted(
        desk,
        ca_fingerprint,
        _token(token_file),
        telephone,
        address,
        listen,
        fhir_base,
        tuple(gateway or ()),
        waits=not no_wait,
        proxy=proxy,
        proxy_ca=_authority(proxy_ca),
    )
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    anyio.run(_join, wanted, folder, house)


async def _join(wanted: Wanted, path: Path, house: Path | None) -> None:
    if not TOKEN.fullmatch(wanted.token):
        raise BadInput(Fault.JOIN_REFUSED, "--token-file: it does not hold a token")
    folder = AgentFolder(path)
    if house is not None:
        folder = replace(await folder_in(house, wanted), house=True, shared_source=gives_a_source(house))
    await Joining(folder, wanted, _say).join()


def activate_command(folder: _Folder = Path()) -> None:
    """Tell the office that the conformance run passed, so that this organisation becomes active in the register."""
    anyio.run(activate, AgentFolder(folder), _say)


def _authority(path: Path | None) -> str:
    """The whole path of the file, which the settings will name; empty for none."""
    if path is None:
        return ""
    authorities_in(path, "--proxy-ca")
    return str(path.resolve())


def _token(path: Path) -> str:
    try:
        text = sys.stdin.read(300) if str(path) == "-" else path.read_text(encoding="ascii")[:300]
    except (OSError, UnicodeDecodeError):
        raise BadInput(Fault.INVALID_SETTING, "--token-file: cannot be read", then=UNREADABLE) from None
    return text.strip()


def _say(line: str) -> None:
    print(line, flush=True)
