"""Generate `accord/wire/v1` from `proto/`, or tell whether what is committed is what would be generated.

Run it by `make proto` or `make proto-check`: they bring the generator in an environment of its own.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WIRE = Path("accord/wire/v1")


def generate(into: Path) -> None:
    """Write the modules and their stubs below *into*."""
    sources = sorted(path.relative_to(PROJECT).as_posix() for path in (PROJECT / "proto" / WIRE).glob("*.proto"))
    outputs = [f"--{kind}_out={into}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=proto", *outputs, *sources]
    # protoc finds its plug-ins on the path: those of this environment and no other.
    path = str(Path(sys.executable).parent)
    subprocess.run(command, cwd=PROJECT, env={"PATH": f"{path}:/usr/bin:/bin"}, check=True, stderr=subprocess.PIPE)


def generated(below: Path) -> dict[str, bytes]:
    """The generated files below *below*, by name."""
    return {path.name: path.read_bytes() for path in (below / WIRE).glob("*_pb2*.py*")}


def main() -> int:
    """Generate, or with `--check` only compare; 1 when what is committed differs."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh, committed = generated(Path(folder)), generated(PROJECT)
    if "--check" in sys.argv[1:]:
        stale = sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))
        for name in stale:
            print(f"{WIRE / name} is not what `make proto` writes")
        return 1 if stale else 0
    for name in committed.keys() - fresh.keys():
        (PROJECT / WIRE / name).unlink()
    for name, content in fresh.items():
        (PROJECT / WIRE / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
