"""`python -m node_agent` is `noaber agent`."""

from node_agent.cli import app

app(prog_name="noaber agent")
