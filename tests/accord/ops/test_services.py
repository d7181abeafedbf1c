"""A unit sees what its service needs and no more, wherever that stands."""

from pathlib import Path

from accord.ops.services import _HOMES, Service

AT_HOME = f"{_HOMES[0]}/it/brinkhof"


def unit(folder: str, *written: str, program: str = "/opt/noaber/current/bin/noaber") -> list[str]:
    made = Service("Noaber agent of brinkhof", Path(program), ("agent", "run"), "noaber-brinkhof", Path(folder), tuple(Path(path) for path in written))
    return made.unit().splitlines()


def test_a_service_outside_of_home_directories_sees_none_of_them() -> None:
    lines = unit("/etc/noaber/brinkhof", "/var/lib/noaber/brinkhof")

    assert "ProtectHome=yes" in lines
    assert not any(line.startswith("Bind") for line in lines)


def test_settings_below_a_home_directory_are_seen_and_nothing_beside_them() -> None:
    """With ProtectHome=yes it would say that its settings cannot be read, and nobody would know why."""
    lines = unit(AT_HOME, f"{AT_HOME}/state", "/var/lib/noaber")

    assert "ProtectHome=tmpfs" in lines
    assert "ProtectHome=yes" not in lines
    assert {line for line in lines if line.startswith("Bind")} == {f"BindReadOnlyPaths={AT_HOME}", f"BindPaths={AT_HOME}/state"}


def test_a_folder_that_is_written_is_bound_once_and_a_program_at_home_is_seen() -> None:
    lines = unit(AT_HOME, AT_HOME, program=f"{_HOMES[1]}/venv/bin/noaber")

    assert {line for line in lines if line.startswith("Bind")} == {f"BindReadOnlyPaths={_HOMES[1]}/venv", f"BindPaths={AT_HOME}"}
