"""The holder's service at a gateway that the agent calls: the same promises as at a port, by the same tests."""

from collections.abc import Iterator
from inspect import isfunction

import pytest

from tests.node_agent import asking, test_servicer

pytestmark = pytest.mark.anyio

#: These are about the port itself: its health, and what a server of gRPC does with a call that it does not know.
_OF_THE_PORT = frozenset({name for name, test in vars(test_servicer).items() if isfunction(test) and not {"served"} & set(test.__code__.co_names)})

for _name, _test in vars(test_servicer).items():
    if _name.startswith("test_") and _name not in _OF_THE_PORT:
        globals()[_name] = _test


@pytest.fixture(autouse=True)
def _outbound() -> Iterator[None]:
    before = asking.WAY.set("outbound")
    yield
    asking.WAY.reset(before)
