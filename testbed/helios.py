"""Another real FHIR R4 server on loopback: Helios, in Rust, over SQLite in memory. It shares nothing with HAPI but the standard.

    with helios_server(records) as base:
        ...

It is built with `cargo` once, on request only: that takes a quarter of an hour. It is started anew in a second. What it
can be searched for stands in `helios_project/search-parameters-r4.json`, as an administrator of such a server gives it.

HeliosUnavailable   it cannot be had here; says what to do
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2

from testbed.free_ports import free_port
from testbed.hapi import transactions

VERSION: Final = "0.2.2"
_DATA: Final = Path(__file__).parent / "helios_project"
_BUILD_SECONDS: Final = 3_600.0
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 10.0
_LOOPBACK: Final = "127.0.0.1"


class HeliosUnavailable(Exception):
    """There is no Helios server to be had here, for this reason."""


def _root() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "noaber" / f"hfs-{VERSION}"


def program() -> Path:
    """The program that is run.

    Raises:
        HeliosUnavailable: It was not built.
    """
    found = _root() / "bin" / "hfs"
    if not found.is_file():
        raise HeliosUnavailable("not built here: `python -m testbed.helios` does, with cargo, in about a quarter of an hour")
    return found


def build() -> Path:
    """Build it: without optimisation, which would take far longer.

    Raises:
        HeliosUnavailable: There is no cargo, or it cannot build it.
    """
    cargo = shutil.which("cargo")
    if cargo is None:
        raise HeliosUnavailable("not installed here: cargo")
    cheaply = {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "0", "CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_DEBUG": "0"}
    command = [cargo, "install", "helios-hfs", "--version", VERSION, "--locked", "--root", str(_root())]
    try:
        done = subprocess.run(command, env={**os.environ, **cheaply}, timeout=_BUILD_SECONDS, check=False)  # noqa: S603 - our own command
    except subprocess.TimeoutExpired:
        raise HeliosUnavailable("cargo did not get to its end") from None
    if done.returncode:
        raise HeliosUnavailable("cargo could not build it")
    return program()


@contextmanager
def helios_server(records: Iterable[bytes] = ()) -> Iterator[str]:
    """The base address of a Helios server over these records.

    Raises:
        HeliosUnavailable: There is none to be had here, or it does not take the records.
    """
    command = str(program())
    # It must know its own address before it starts: its links are made of it.
    port = free_port()
    base = f"http://{_LOOPBACK}:{port}"
    told = {"HFS_BASE_URL": base, "HFS_DATA_DIR": str(_DATA), "HFS_UI_ENABLED": "false", "HFS_MAX_PAGE_SIZE": "500", "HFS_SERVER_PORT": str(port)}
    with tempfile.TemporaryDirectory(prefix="noaber-helios-") as folder:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [command, "--database-url", ":memory:", "--log-level", "error"],
            env={**os.environ, **told},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with httpx2.Client(timeout=_START_SECONDS, trust_env=False) as client:
                _await(client, base, process)
                for bundle in transactions(records):
                    answer = client.post(base, content=bundle, headers={"content-type": "application/fhir+json"})
                    if answer.status_code != httpx2.codes.OK:
                        raise HeliosUnavailable(f"it answers records with HTTP {answer.status_code}")
            yield base
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(client: httpx2.Client, base: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            if client.get(f"{base}/metadata").status_code == httpx2.codes.OK:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise HeliosUnavailable("it did not start")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build()}\n")
    except HeliosUnavailable as reason:
        sys.exit(str(reason))
