"""What a process must find around it before it may serve (nothing that would leak what must not leak), and how it keeps house."""

import gc
import os
import resource

from google.protobuf.internal import api_implementation

from accord.terms.faults import BadInput, Fault

#: They make gRPC print headers, and so tokens, to the error stream.
_PRINTING = ("GRPC_TRACE",)


def collect_garbage_rarely() -> None:
    """Keep the collector from walking, again and again while answers pass, what was loaded at the start and stays.

    An answer makes thousands of values and no circles of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def check_surroundings() -> None:
    """Refuse to start where content could leak, and turn core dumps off.

    Raises:
        BadInput: `unsafe-environment`, naming the variable or the library.
    """
    for name in _PRINTING:
        if os.environ.get(name):
            raise BadInput(Fault.UNSAFE_ENVIRONMENT, name)
    if os.environ.get("GRPC_VERBOSITY", "").lower() == "debug":
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "GRPC_VERBOSITY")
    if api_implementation.Type() != "upb":
        # The pure-Python implementation recurses as deeply as a message wants (CVE-2025-4565).
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "protobuf without upb")
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
