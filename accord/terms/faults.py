"""Everything that can go wrong, by code.

Every failure that leaves a process carries one of these codes and nothing else about its cause: no
patient content, no stack, no address. A code, once published, keeps its meaning.

    Faulted                 carries one `Fault`
    ├── BadInput            what was given can never work; the sender must change it
    └── Unavailable         it may work later, or for somebody else
"""

from accord.terms.explanations import CATALOGUE, Explanation
from accord.terms.fault_codes import Fault

__all__ = ["CATALOGUE", "BadInput", "Explanation", "Fault", "Faulted", "Unavailable"]


class Faulted(Exception):
    """A failure with a code of the catalogue. `where` names a place (a parameter, a file), never content.

    `then` is what to do next in this very case, where the catalogue cannot know it.
    """

    def __init__(self, fault: Fault, where: str = "", *, then: str = "") -> None:
        super().__init__(f"{fault} ({where})" if where else str(fault))
        self.fault = fault
        self.where = where
        self.then = then

    @property
    def explanation(self) -> Explanation:
        """What happened and what to do, in words."""
        told = CATALOGUE[self.fault]
        return Explanation(told.happened, self.then) if self.then else told


class BadInput(Faulted):
    """What was given can never work; the sender must change it."""


class Unavailable(Faulted):
    """It may work later, or for somebody else."""
