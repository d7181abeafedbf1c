"""A process that would leak does not start, and one that starts leaves nothing of its memory.

What it does to itself cannot be undone, so each is a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from accord.link.swapping import Memory, memory_at_rest

pytestmark = pytest.mark.slow

_PREFACE = "import os, resource, sys; from pathlib import Path; from accord.link.surroundings import check_surroundings, is_dumpable\n"
_CHECK = "try: check_surroundings()\nexcept Exception as refused: print(refused)\nelse: print('accepted')"
_PROJECT = Path(__file__).resolve().parents[3]
_PRINTS = ("GRPC_TRACE", "GRPC_VERBOSITY", "SSLKEYLOGFILE", "grpc_proxy", "LD_PRELOAD")


def said(script: str, *options: str, folder: Path, **environment: str) -> str:
    """What a process of its own prints."""
    plain = {name: value for name, value in os.environ.items() if name not in _PRINTS}
    plain["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_PROJECT), plain.get("PYTHONPATH"))))
    command = [sys.executable, *options, "-c", _PREFACE + script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain | environment, cwd=folder, stdin=subprocess.DEVNULL)  # noqa: S603 - fixed arguments
    return done.stdout.strip()


def test_f2_a_process_that_serves_has_no_core_limit_left_and_cannot_be_dumped(tmp_path: Path) -> None:
    script = "print(is_dumpable()); check_surroundings(); print(resource.getrlimit(resource.RLIMIT_CORE), is_dumpable())"

    assert said(script, folder=tmp_path).splitlines() == ["True", "(0, 0) False"]


def test_f2_a_crash_leaves_no_core_file_where_core_dumps_are_on_outside(tmp_path: Path) -> None:
    raised = "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
    control, checked = tmp_path / "control", tmp_path / "checked"
    control.mkdir()
    checked.mkdir()
    said(f"{raised}os.abort()", folder=control)
    said(f"{raised}check_surroundings(); os.abort()", folder=checked)
    of_control = list(control.iterdir())
    for core in of_control:
        core.unlink()
    if not of_control:
        pytest.skip("this machine writes no core dumps into the working folder: nothing could be seen")

    assert list(checked.iterdir()) == []


def test_f2_a_limit_that_cannot_be_lowered_is_refused(tmp_path: Path) -> None:
    script = f"resource.setrlimit = lambda *_: (_ for _ in ()).throw(ValueError())\n{_CHECK}"

    assert said(script, folder=tmp_path) == "unsafe-environment (the limit on core dumps cannot be lowered)"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRPC_TRACE", "all"),
        ("GRPC_TRACE", "http"),
        ("GRPC_VERBOSITY", "debug"),
        ("GRPC_VERBOSITY", "DEBUG"),
        ("SSLKEYLOGFILE", "keys"),
        ("GRPC_SSL_CIPHER_SUITES", "NULL"),
        ("grpc_proxy", "http://127.0.0.1:1"),
        ("GRPC_PROXY", "http://127.0.0.1:1"),
        ("PYTHONASYNCIODEBUG", "1"),
        ("PYTHONDEVMODE", "1"),
        ("PYTHONFAULTHANDLER", "1"),
        ("LD_PRELOAD", "x"),
        ("LD_AUDIT", "x"),
    ],
)
def test_f2_an_environment_that_leaks_is_refused_by_name(name: str, value: str, tmp_path: Path) -> None:
    assert said(_CHECK, folder=tmp_path, **{name: value}) == f"unsafe-environment ({name})"


@pytest.mark.parametrize(("option", "names"), [(("-X", "dev"), "python -X dev or -i")])
def test_f2_options_of_python_are_refused_as_their_variables_are(option: tuple[str, ...], names: str, tmp_path: Path) -> None:
    assert said(_CHECK, *option, folder=tmp_path) == f"unsafe-environment ({names})"


@pytest.mark.parametrize(("name", "value"), [("GRPC_TRACE", ""), ("GRPC_VERBOSITY", "error"), ("SSLKEYLOGFILE", ""), ("https_proxy", "http://127.0.0.1:1")])
def test_an_environment_that_leaks_nothing_is_accepted(name: str, value: str, tmp_path: Path) -> None:
    assert said(_CHECK, folder=tmp_path, **{name: value}) == "accepted"


def test_protobuf_in_pure_python_is_refused(tmp_path: Path) -> None:
    assert said(_CHECK, folder=tmp_path, PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python") == "unsafe-environment (protobuf without upb)"


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_g4_a_working_folder_where_everybody_writes_is_refused(mode: int, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)

    assert said(_CHECK, folder=shared) == "unsafe-environment (the working folder is writable for everybody)"


@pytest.mark.parametrize(
    ("of_file", "of_folder", "expected"),
    [
        (0o600, 0o755, "accepted"),
        (0o644, 0o1777, "accepted"),
        (0o666, 0o700, "unsafe-environment (agent.toml is writable for everybody)"),
        (0o600, 0o777, "unsafe-environment (agent.toml is writable for everybody)"),
    ],
)
def test_settings_that_everybody_can_change_are_refused(of_file: int, of_folder: int, expected: str, tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    file = folder / "agent.toml"
    file.write_text("")
    file.chmod(of_file)
    folder.chmod(of_folder)
    script = _CHECK.replace("check_surroundings()", "check_surroundings(settings=[Path('settings/agent.toml')])")

    assert said(script, folder=tmp_path) == expected


def machine(root: Path, *, swaps: int, share: str = "max", above: str = "max") -> Path:
    """A machine with so many swap areas, on which the service may use this share of it."""
    group = root / "sys/fs/cgroup/system.slice/noaber.service"
    group.mkdir(parents=True)
    (group / "memory.swap.max").write_text(share)
    (group.parent / "memory.swap.max").write_text(above)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/system.slice/noaber.service\n")
    (root / "proc/self/status").write_text("CapEff:\t0000000000000000\n")
    (root / "proc/swaps").write_text("Filename Type Size Used Priority\n" + "/dev/sda2 partition 1 0 -2\n" * swaps)
    return root


@pytest.mark.parametrize(("swaps", "share", "above"), [(0, "max", "max"), (1, "0\n", "max"), (2, "max", "0")])
def test_f7_without_swap_or_a_share_of_it_nothing_needs_to_be_locked(swaps: int, share: str, above: str, tmp_path: Path) -> None:
    assert memory_at_rest(machine(tmp_path, swaps=swaps, share=share, above=above)) is Memory.NO_SWAP


def test_f7_swap_that_this_process_may_use_and_cannot_keep_out_of_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.link.swapping.resource.getrlimit", lambda _what: (8_388_608, 8_388_608))

    assert memory_at_rest(machine(tmp_path, swaps=1)) is Memory.MAY_BE_SWAPPED


def test_f7_a_machine_that_does_not_tell_is_taken_to_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.link.swapping.resource.getrlimit", lambda _what: (8_388_608, 8_388_608))

    assert memory_at_rest(tmp_path) is Memory.MAY_BE_SWAPPED


def test_f7_with_swap_and_the_right_to_lock_memory_is_locked(tmp_path: Path) -> None:
    root = machine(tmp_path / "machine", swaps=1)
    (root / "proc/self/status").write_text("CapEff:\tffffffffffffffff\n")
    script = (
        "from accord.link.swapping import memory_at_rest\n"
        f"found = memory_at_rest(Path({str(root)!r}))\n"
        "lines = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines() if ':' in line)\n"
        "print(found.value, int(lines['VmLck'].split()[0]) > 1000)"
    )
    found = said(script, folder=tmp_path)
    if found == "may-be-swapped False":
        pytest.skip("this user may not lock memory")

    assert found == "locked True"
