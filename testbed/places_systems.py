"""The systems of a provider that tell of its places: what they say at first, and what they say when something changed in the house."""

import json
import os
import time
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from accord.terms.capacity import Opening, Stop
from testbed.holders import FictionalHolder
from testbed.places import FictionalOpening
from testbed.places_exports import csv_export, fhir_resources
from testbed.places_inputs import EXPORT, told_by_a_system
from testbed.placing_records import counted_by
from testbed.processes import ProcessFailed

_SECONDS: Final = 30.0
_LOOK_AGAIN_SECONDS: Final = 0.02
_SECOND: Final = timedelta(seconds=1)


def write_places(folder: Path, holder: FictionalHolder, openings: Sequence[FictionalOpening]) -> list[bytes]:
    """Write what a planning system exports as the region begins; what a FHIR server is to have is returned."""
    now = datetime.now(UTC)
    told = [one.at(now) for one in told_by_a_system(holder, openings)]
    if told and holder.source == "csv":
        (folder / EXPORT).write_bytes(csv_export(told))
        return []
    return [msgspec.json.encode(one) for one in fhir_resources(told, now)]


class OwnSystem:
    """The system of one provider, while its region runs. *control* is where its FHIR server is told what it has; a planning system writes into *folder*."""

    def __init__(self, holder: FictionalHolder, openings: Sequence[FictionalOpening], folder: Path, store: Path, control: str = "") -> None:
        now = datetime.now(UTC)
        self._name = holder.name.value
        self._said = {one.id: one.at(now) for one in told_by_a_system(holder, openings)}
        self._folder = folder
        self._store = store
        self._control = control
        self._last = now

    @property
    def tells_of(self) -> frozenset[str]:
        """The openings that it tells of."""
        return frozenset(self._said)

    def count(self, opening: str, places: int) -> float:
        """So many are free from now on; returns the moment (`time.monotonic`) at which it was written."""
        self._said[opening] = replace(self._said[opening], places=places)
        return self._write()

    def stop(self, service: str, stop: Stop | None) -> float:
        """It takes nobody, or takes people again."""
        self._said = {name: replace(one, stop=stop) if one.service.id == service else one for name, one in self._said.items()}
        return self._write()

    def until_taken(self) -> None:
        """Wait until its agent has taken in what it said last.

        Raises:
            ProcessFailed: It does not.
        """
        until_counted(self._name, self._store, self._said.values())

    def _write(self) -> float:
        # A system that writes whole seconds says the next one: what happened in this one was seen.
        self._last = max(datetime.now(UTC).replace(microsecond=0), self._last.replace(microsecond=0)) + _SECOND
        said = [replace(one, observed_at=self._last) for one in self._said.values()]
        if self._control:
            self._put([msgspec.json.encode(one) for one in fhir_resources(said, self._last)])
        else:
            fresh = self._folder / f"{EXPORT}.new"
            fresh.write_bytes(csv_export(said))
            os.replace(fresh, self._folder / EXPORT)  # noqa: PTH105 - as planning systems do
        return time.monotonic()

    def _put(self, bodies: Iterable[bytes]) -> None:
        request = urllib.request.Request(f"{self._control}/places", b"[%b]" % b",".join(bodies), method="PUT")  # noqa: S310 - a loopback address of our own
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - as above
            pass


def until_counted(name: str, store: Path, said: Iterable[Opening]) -> None:
    """Wait until a provider's store has what its system says.

    Raises:
        ProcessFailed: It does not come to that.
    """
    wanted = {one.id: (one.places, one.stop is not None) for one in said}
    until = time.monotonic() + _SECONDS
    while (found := {key: value for key, value in counted_by(store).items() if key in wanted}) != wanted:
        if time.monotonic() > until:
            raise ProcessFailed(name, f"has counted {json.dumps(found)} and its system says {json.dumps(wanted)}")
        time.sleep(_LOOK_AGAIN_SECONDS)
