"""What a source may say about itself beside its records: who may write in it, and whether its answers are as long as it says."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@runtime_checkable
class TellsOfWriting(Protocol):
    """A source that says what it offers to write, and shows by an attempt whether the agent's account may; the agent itself never writes."""

    async def writable(self) -> frozenset[str]:
        """What it offers to write to whoever may (types, tables), without trying; empty when there is no way to write.

        Raises:
            SourceFailure: It could not be found out.
        """

    async def try_write(self) -> bool:
        """Whether the account may write, by an attempt that cannot succeed for what it holds.

        Raises:
            SourceFailure: It could not be found out.
        """


@runtime_checkable
class KnowsItsRights(Protocol):
    """A source of which it is known without an attempt what the agent's account may do: a database says it itself."""

    async def rights(self) -> frozenset[str]:
        """What the account could do beside reading; nothing, for one that may be used.

        Raises:
            SourceFailure: It could not be found out.
        """


@dataclass(slots=True)
class SourceTotals:
    """How many searches brought as many records as the source said there are, and how many fewer, by type; of `silent` ones it said nothing.

    `trusted`: an answer with fewer is told as cut off.
    """

    trusted: bool = True
    agreed: int = 0
    silent: int = 0
    short: Counter[str] = field(default_factory=Counter)


@runtime_checkable
class TellsOfTotals(Protocol):
    """A source that counts whether its answers are as long as they say."""

    @property
    def totals(self) -> SourceTotals:
        """Of everything that it was asked since it was opened."""


@runtime_checkable
class AsksByCode(Protocol):
    """A source that may be asked for records by lists of codes, of both generations of zibs."""

    async def missed_by_lists(self, logical_id: str) -> Mapping[str, int]:
        """Of a patient, how many records each code alone brings that a list with it in does not, by type; empty where it is not asked by code.

        Raises:
            SourceFailure: It could not be found out.
        """
