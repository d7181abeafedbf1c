"""`noaber agent mapping check`: every row of everybody through the mapping once, and counts of what is fit. No value is printed."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.rules.identity import Identity, identity_of
from accord.rules.reading import Record, bsns_of, read_record
from accord.terms.counts import counted
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from accord.terms.next_steps import CHOOSE_A_SOURCE
from accord.terms.queries import EVERYTHING
from node_agent.opening import open_source
from node_agent.settings import AgentSettings
from node_agent.sources.sql_source import SqlSource

_WHAT_TO_DO: Final = "Give what the system keeps a table; what it does not keep, and that alone, goes under [mapping]"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: how many people, how many fit records of each type, and how many unfit rows by table and element.

    `left_out`: types that have no table and of which the mapping does not say that they are not kept.
    `nameless`: Patient records that do not show whose they are, by what they lack. Each fits FHIR, and nothing that stands under it is ever shown.
    """

    people: int
    fit: Counter[str]
    unfit: Counter[tuple[str, str]]
    nameless: Counter[str]
    left_out: frozenset[str] = frozenset()

    @property
    def fits(self) -> bool:
        """Whether everything can be shown."""
        return not (self.unfit or self.nameless)

    def lines(self) -> list[str]:
        """As a person reads it."""
        found = [counted(self.people, "person", "people"), *(f"{kind}: {count} fit" for kind, count in sorted(self.fit.items()))]
        found += (f'{table}: {count} unfit at "{element}"' for (table, element), count in sorted(self.unfit.items()))
        return [
            *found,
            *(f"Patient: {count} {lack}: what stands under {'it' if count == 1 else 'them'} is never shown" for lack, count in self.nameless.items()),
            *(f"{kind}: no table, so every answer says that there may be more" for kind in sorted(self.left_out)),
            *([f"{_WHAT_TO_DO}: not_kept = {json.dumps(sorted(self.left_out))}"] if self.left_out else []),
        ]


async def check_mapping(settings: AgentSettings, folder: Path) -> Checked:
    """Read everybody's records once, each held against FHIR as for a question.

    Raises:
        BadInput: `invalid-setting`, `mapping-invalid` or `source-writable`.
        SourceFailure: The database did not answer to the end.
    """
    fit: Counter[str] = Counter()
    nameless: Counter[str] = Counter()
    people = 0
    async with open_source(settings.source, folder) as source:
        if not isinstance(source, SqlSource):
            raise BadInput(Fault.INVALID_SETTING, "source.kind: there is a mapping only for sql", then=CHOOSE_A_SOURCE)
        await source.check()
        async for bsn, who in source.everyone():
            people += 1
            for lists in (source.patients(who), source.records_of(who, EVERYTHING)):
                async for some in lists:
                    for record in (read_record(one.fhir_json) for one in some):
                        fit.update([record.resourceType] if record.id else [])
                        nameless.update(_lacks(record, bsn))
        return Checked(people, fit, source.unfit, nameless, (await source.left_out()).types)


def _lacks(record: Record, bsn: Bsn) -> list[str]:
    """Why a Patient record of somebody does not show that it is theirs; nothing for one that does."""
    if record.resourceType != "Patient" or not record.id or identity_of(record, bsn, None) is Identity.SAME:
        return []
    found = bsns_of(record)
    if found - {bsn.value}:
        return ["with the BSN of somebody else, or several"]
    return ["without a date of birth" if found else "without a BSN"]
