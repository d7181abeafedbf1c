"""The journals of a region in which places are asked for, laid beside the stores of both parties by whoever judges them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.audit.places_events import PlaceStep
from accord.audit.verifying import party_of, verify
from testbed.placing_audit import Verdict
from testbed.placing_lines import judge_lines, lines_in
from testbed.placing_records import at_asker, at_provider, providers_of

STORE: Final = "searches.db"


@dataclass(frozen=True, slots=True)
class Journals:
    """Those of one asker, in the folder of its searches, and of its providers, by name."""

    asker: Path
    providers: Mapping[str, Path]

    def judge(self, verdict: Verdict, stores: Mapping[str, Path]) -> None:
        """Add what is wrong in them: a line that is not whole, a step without one or with two, a letter that is in one of the two."""
        own = self.asker / "journal"
        all_of_them = {"the asker": own, **self.providers}
        broken = [f"the journal of {name} is broken: {broken}" for name, journal in all_of_them.items() for broken in verify(journal).breaks]
        verdict.lost += broken
        if broken:
            return  # of a journal that is not whole, nothing is to be said
        ura, names = party_of(own), providers_of(self.asker / STORE)

        def of_asker(step: PlaceStep) -> str | None:
            return names.get(step.holder, step.holder)

        there = []
        for name, journal in self.providers.items():

            def of_provider(step: PlaceStep, name: str = name) -> str | None:
                return name if step.peer == ura else None

            there += lines_in(journal, of_provider)
        given = [leg for name in self.providers for leg in at_provider(name, stores[name])]
        judge_lines(verdict, there, lines_in(own, of_asker), given, at_asker(self.asker / STORE))
