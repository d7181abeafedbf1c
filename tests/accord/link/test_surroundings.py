"""A process that would leak does not start, and one that starts writes no core dump."""

import os
import resource
import subprocess
import sys

import pytest

from accord.link.surroundings import check_surroundings
from accord.terms.faults import BadInput, Fault


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that prints."""
    for name in ("GRPC_TRACE", "GRPC_VERBOSITY"):
        monkeypatch.delenv(name, raising=False)


def test_plain_surroundings_are_accepted_and_core_dumps_are_off() -> None:
    check_surroundings()

    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


@pytest.mark.parametrize(("name", "value"), [("GRPC_TRACE", "all"), ("GRPC_TRACE", "http"), ("GRPC_VERBOSITY", "debug"), ("GRPC_VERBOSITY", "DEBUG")])
def test_an_environment_that_prints_headers_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(BadInput) as caught:
        check_surroundings()

    assert (caught.value.fault, caught.value.where) == (Fault.UNSAFE_ENVIRONMENT, name)


@pytest.mark.parametrize(("name", "value"), [("GRPC_TRACE", ""), ("GRPC_VERBOSITY", "error"), ("GRPC_VERBOSITY", "NONE")])
def test_an_environment_that_prints_nothing_is_accepted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    check_surroundings()


@pytest.mark.slow
def test_protobuf_in_pure_python_is_refused() -> None:
    script = "from accord.link.surroundings import check_surroundings\ntry: check_surroundings()\nexcept Exception as refused: print(refused)"
    environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)  # noqa: S603 - fixed arguments

    assert done.stdout == "unsafe-environment (protobuf without upb)\n"
