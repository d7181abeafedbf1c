"""What every test may ask for: the event loop that is used, and where real data lies when there is any."""

import asyncio
import os
from collections.abc import Callable, Generator
from contextvars import Context
from pathlib import Path
from typing import Final, TypeVarTuple, Unpack

import pytest
import structlog
from hypothesis import HealthCheck, settings

PROJECT: Final = Path(__file__).resolve().parent.parent
IN_CI: Final = os.environ.get("CI") == "true"
#: What nothing may run beside: what holds seconds against a promise.
ALONE: Final = (
    "tests/region/test_kitchen_table.py",
    "tests/region/test_revocation.py",
    "tests/region/test_standing_still.py",
    "tests/testbed/test_story.py",
    # Of these files the tests that hold a promise of five seconds, or of ten to be there again.
    "tests/accord/link/test_live_register.py::test_p11",
    "tests/accord/link/test_peers.py::test_p11",
    "tests/region/test_brakes.py::test_p11",
    "tests/region/test_it_page.py::test_p11",
    "tests/region/test_no_line_no_data.py::test_p2_nothing",
    "tests/region/test_outbound_region.py::test_m12",
    "tests/region/test_outbound_region.py::test_p11_a_stream",
    "tests/region/test_registers.py::test_p11_a_choice",
    "tests/region/test_trust_channel.py::test_a10_a_session",
    "tests/region/test_trust_channel.py::test_m12",
    "tests/region/test_trust_decisions.py::test_b5",
)
#: Whole regions of processes; three of them go beside each other, and no more. Of benches no figure is judged here.
REGIONS: Final = ("tests/region/", "tests/benches/", "tests/node_agent/test_fhir_rest_hapi.py", "tests/testbed/test_plugin.py")
PARTS: Final = ("together", "regions", "alone")
NO_REAL_DATA: Final = "no real data here: put it beside the project in shared/data, or name it in NOABER_SHARED_DATA"

# No timed assertions: how long examples take to make is the machine's affair too. In CI the same examples for everybody.
settings.register_profile("noaber", deadline=None, derandomize=IN_CI, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("noaber")

_Given = TypeVarTuple("_Given")


class LoopOfOneTest(asyncio.SelectorEventLoop):
    """The loop of one test. What gRPC still has to tell it when it is closed, nobody waits for any more.

    `grpc.aio` has one queue in a process, for all loops that were ever there: without this, a call that ends late fails
    the test that runs by then. The product has one loop for as long as it lives.
    """

    def call_soon_threadsafe(self, callback: Callable[[Unpack[_Given]], object], *args: *_Given, context: Context | None = None) -> asyncio.Handle:
        """As of every loop, but for what comes too late from gRPC."""
        if self.is_closed() and (getattr(callback, "__module__", "") or "").startswith("grpc."):
            return asyncio.Handle(callback, args, self)
        return super().call_soon_threadsafe(callback, *args, context=context)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on asyncio only: `grpc.aio` knows no other loop."""
    return "asyncio", {"loop_factory": LoopOfOneTest}


@pytest.fixture(autouse=True)
def _log_of_one_test() -> Generator[None]:
    """A command that ran inside a test has set where the log goes: to that test's own standard error. The next test has another one."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data beside the project, or the one that `NOABER_SHARED_DATA` names.

    A test that asks for it is skipped where there is none: the data is not ours to hand out.
    """
    root = Path(os.environ.get("NOABER_SHARED_DATA") or PROJECT.parent / "shared" / "data")
    if not root.is_dir():
        pytest.skip(NO_REAL_DATA)
    return root


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let one part of the tests be chosen; without it, all are run."""
    parser.addoption(
        "--part", choices=PARTS, help="`alone`: those that nothing may run beside; `regions`: whole regions, three at once; `together`: all others"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whole regions with deadlines: beside many other tests they would find what is the machine's fault."""
    if (part := config.getoption("--part")) is not None:
        config.hook.pytest_deselected(items=[item for item in items if _part_of(item) != part])
        items[:] = [item for item in items if _part_of(item) == part]


def _part_of(item: pytest.Item) -> str:
    if item.nodeid.startswith(ALONE):
        return "alone"
    return "regions" if item.nodeid.startswith(REGIONS) else "together"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that was skipped has failed: everything that it needs is installed there, all but real data."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and NO_REAL_DATA not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"
    return report
