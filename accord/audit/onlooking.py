"""Who looks on while a journal is written: counts and times, for whoever runs the process."""

from collections.abc import Sequence
from typing import Protocol

from accord.audit.content import Event


class Onlooker(Protocol):
    """Who counts what is written: never what decides, and it must not fail."""

    def durable(self, events: Sequence[Event]) -> None:
        """These lines are durable."""

    def synced(self, seconds: float) -> None:
        """A write with its sync took so long. Called from the thread that writes."""


class Nobody:
    """Nobody looks on."""

    def durable(self, events: Sequence[Event]) -> None:
        """Nothing."""

    def synced(self, seconds: float) -> None:
        """Nothing."""
