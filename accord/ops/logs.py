"""How the log is written: lines for people or for programs, on standard error, with a correlation id and without content.

Diagnostics name codes, organisations and the id of a question, which is random. As a last net whatever looks like a BSN is taken
out, and of an exception only its kind is told: its words, and what its frames hold, could be anything.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from msgspec import json

from accord.audit.spelling import without_numbers
from accord.ops.settings import LogSettings

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
#: What is given to a log and never shown.
_UNTOLD: Final = ("exc_info", "stack_info", "stack", "exception")
_Entry = MutableMapping[str, Any]


def set_up_log(settings: LogSettings) -> None:
    """Write the log of this process so, from now on; what libraries say through `logging` comes the same way, warnings and worse."""
    shape: Any = _as_json if settings.format == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
            bare,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Foreign()]
    root.setLevel(max(logging.WARNING, _LEVELS[settings.level]))


def bare(_logger: Any, _method: str, entry: _Entry) -> _Entry:
    """Take out of an entry what could be content."""
    failure = entry.get("exc_info")
    for name in _UNTOLD:
        entry.pop(name, None)
    if isinstance(failure, BaseException):
        entry["failure"] = type(failure).__name__
    elif failure:
        kind = sys.exc_info()[0]
        entry["failure"] = kind.__name__ if kind is not None else "unknown"
    for name, value in entry.items():
        entry[name] = value if value is None or isinstance(value, bool | int | float) else _told(value)
    return entry


class _Foreign(logging.Handler):
    """Whatever a library says: who, how bad, and the fixed text of what, never what was filled into it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in our form."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] is not None else ""
        text = record.msg if isinstance(record.msg, str) and record.args else "a library had something to say"
        structlog.get_logger().log(record.levelno, text, library=record.name, **({"failure": kind} if kind else {}))


def _told(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_told(one) for one in value]
    return without_numbers(str(value))


def _as_json(_logger: Any, _method: str, entry: _Entry) -> str:
    return json.encode({"timestamp": entry.pop("timestamp", ""), "level": entry.pop("level", ""), **entry}).decode()
