"""A real HAPI FHIR R4 server on loopback, with a database in memory: what many care providers run, for tests and demonstrations.

    with hapi_server(records) as base:
        ...

It is fetched with Maven and compiled once, into a folder of the user's cache; the first run may take some minutes. It
takes half a minute to start: whoever needs several takes one `Hapi` and wipes it between.

HapiUnavailable     it cannot be had here; says what is missing, or where to read why
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2
import msgspec

_PROJECT: Final = Path(__file__).parent / "hapi_project"
_SOURCES: Final = ("pom.xml", "HapiServer.java")
_FETCH: Final = ("mvn", "-B", "-q", "-f", str(_PROJECT / "pom.xml"), "dependency:copy-dependencies")
_BUILD_SECONDS: Final = 900.0
_START_SECONDS: Final = 300.0
_WIPE_SECONDS: Final = 60.0
_END_SECONDS: Final = 60.0
#: It lives for minutes: a compiler that thinks longer does not pay.
_OPTIONS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1536m", "-Xlog:disable", "-Xlog:all=off")
_IN_A_TRANSACTION: Final = 500


class HapiUnavailable(Exception):
    """There is no HAPI server to be had here, for this reason."""


def built() -> Path:
    """The folder with everything that is run; it is made when it is not there.

    Raises:
        HapiUnavailable: Java or Maven are missing, or Maven cannot fetch what it needs.
    """
    missing = [program for program in ("java", "javac", "jar", "mvn") if shutil.which(program) is None]
    if missing:
        raise HapiUnavailable(f"not installed here: {', '.join(missing)} (a JDK of version 17 or later, and Maven)")
    name = hashlib.sha256(b"".join((_PROJECT / source).read_bytes() for source in _SOURCES)).hexdigest()[:12]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "noaber" / f"hapi-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # Tests that run side by side need it at the same moment.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            _build(folder)
            (folder / "built").touch()
    return folder


def _build(folder: Path) -> None:
    libraries, classes = folder / "lib", folder / "classes"
    _run(folder, "fetched", *_FETCH, f"-DoutputDirectory={libraries}")
    _run(folder, "compiled", "javac", "-cp", f"{libraries}/*", "-d", str(classes), str(_PROJECT / "HapiServer.java"))
    _run(folder, "packed", "jar", "cf", str(folder / "hapi-server.jar"), "-C", str(classes), ".")


def _run(folder: Path, what: str, *command: str) -> None:
    log = folder / "build.log"
    try:
        with log.open("w") as output:
            done = subprocess.run(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, timeout=_BUILD_SECONDS, check=False)  # noqa: S603 - our own commands
    except subprocess.TimeoutExpired:
        raise HapiUnavailable(f"HAPI could not be {what} in time; see {log}") from None
    if done.returncode:
        raise HapiUnavailable(f"HAPI could not be {what}; see {log}")


class Hapi:
    """A HAPI server that runs as long as the context lasts, on *port* or any that is free. `base` is its base address.

    Raises:
        HapiUnavailable: There is none to be had here.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._folder = built()
        self._process: subprocess.Popen[str] | None = None
        self.base = ""

    def __enter__(self) -> Self:
        archive = self._folder / "classes.jsa"
        # The first run leaves an archive of its classes behind at its end; with it the next starts in two thirds of the time.
        classes = f"-XX:SharedArchiveFile={archive}" if archive.exists() else f"-XX:ArchiveClassesAtExit={archive}"
        path = os.pathsep.join(str(jar) for jar in (self._folder / "hapi-server.jar", *sorted((self._folder / "lib").glob("*.jar"))))
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [shutil.which("java") or "java", *_OPTIONS, classes, "-cp", path, "HapiServer", str(self._port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            self.base = self._told("ready ", _START_SECONDS)
            # It makes this statement when it is first asked for it, which takes seconds.
            httpx2.get(f"{self.base}/metadata", timeout=_START_SECONDS, trust_env=False).raise_for_status()
        except BaseException:
            self._end(0)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._end(_END_SECONDS)

    def wipe(self) -> None:
        """Forget all records."""
        assert self._process is not None  # noqa: S101 - within the context
        assert self._process.stdin is not None  # noqa: S101 - as above
        self._process.stdin.write("wipe\n")
        self._process.stdin.flush()
        self._told("wiped", _WIPE_SECONDS)

    def load(self, records: Iterable[bytes]) -> None:
        """Put records, each at its own id.

        Raises:
            HapiUnavailable: It does not take them.
        """
        with httpx2.Client(timeout=_START_SECONDS, trust_env=False) as client:
            for bundle in transactions(records):
                answer = client.post(self.base, content=bundle, headers={"content-type": "application/fhir+json"})
                if answer.status_code != httpx2.codes.OK:
                    raise HapiUnavailable(f"it answers records with HTTP {answer.status_code}")

    def _told(self, mark: str, seconds: float) -> str:
        process = self._process
        assert process is not None  # noqa: S101 - within the context
        assert process.stdout is not None  # noqa: S101 - as above
        # A line that does not come ends with the process, and the process after a while.
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            for line in process.stdout:
                if line.startswith(mark):
                    return line.removeprefix(mark).strip()
        finally:
            timer.cancel()
        raise HapiUnavailable("it did not start, or ended")

    def _end(self, seconds: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def transactions(records: Iterable[bytes]) -> Iterator[bytes]:
    """Bundles that put records, each at its own id. Patients go first: HAPI finds nothing by a reference to what it did not know when it read that."""
    entries = sorted((_entry(record) for record in records), key=lambda entry: not entry["request"]["url"].startswith("Patient/"))
    for start in range(0, len(entries), _IN_A_TRANSACTION):
        yield msgspec.json.encode({"resourceType": "Bundle", "type": "transaction", "entry": entries[start : start + _IN_A_TRANSACTION]})


def _entry(record: bytes) -> dict[str, Any]:
    read = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    kind, logical_id = (msgspec.json.decode(read[name], type=str) for name in ("resourceType", "id"))
    return {"resource": msgspec.Raw(record), "request": {"method": "PUT", "url": f"{kind}/{logical_id}"}}


@contextmanager
def hapi_server(records: Iterable[bytes] = ()) -> Iterator[str]:
    """The base address of a HAPI server over these records.

    Raises:
        HapiUnavailable: There is none to be had here, or it does not take the records.
    """
    with Hapi() as hapi:
        hapi.load(records)
        yield hapi.base
