"""A log is lines for programs or for people, with the id of the question, and never with content."""

import json
import subprocess
import sys

import pytest

BSN = "999984056"
SCRIPT = """
import logging, structlog
from accord.ops.logs import set_up_log
from accord.ops.settings import LogSettings
set_up_log(LogSettings(format={form!r}, level={level!r}))
log = structlog.get_logger("noaber.test")
structlog.contextvars.bind_contextvars(query="q-1")
log.debug("unimportant")
log.info("asked about 999984056", who=["900000031 and 999984056"], number=3, odd=object)
try:
    secret = "canary-999984056"
    raise ValueError(secret)
except ValueError:
    log.exception("it failed")
    logging.getLogger("library").exception("went wrong with %s", secret)
    logging.getLogger("library").error(f"went wrong with {{secret}}")
"""


def said(form: str, level: str = "info") -> list[str]:
    """What a process writes to its log."""
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(form=form, level=level)], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - fixed arguments
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_each_line_is_a_json_object_with_the_id_of_the_question() -> None:
    asked, failed, foreign, bare = map(json.loads, said("json"))

    assert (asked["event"], asked["query"], asked["level"], asked["number"]) == ("asked about […]", "q-1", "info", 3)
    assert asked["timestamp"].endswith("Z")
    assert (failed["event"], failed["failure"], failed["query"]) == ("it failed", "ValueError", "q-1")
    assert (foreign["event"], foreign["library"], foreign["failure"]) == ("went wrong with %s", "library", "ValueError")
    assert bare["event"] == "a library had something to say"


@pytest.mark.parametrize("form", ["json", "plain"])
def test_nothing_of_anybody_is_in_it_whatever_was_given(form: str) -> None:
    lines = "\n".join(said(form, "debug"))

    assert BSN not in lines
    assert "canary" not in lines
    assert "Traceback" not in lines
    assert "it failed" in lines


def test_the_level_is_kept() -> None:
    assert [json.loads(line)["level"] for line in said("json", "error")] == ["error"] * 3
