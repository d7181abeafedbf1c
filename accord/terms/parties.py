"""Who takes part in a question: the data user, the professional, the data holder."""

from dataclasses import dataclass

from accord.terms.identifiers import HolderName, Ura
from accord.terms.vocabulary import HolderKind


@dataclass(frozen=True, slots=True)
class DataUser:
    """The care provider on whose behalf a professional asks."""

    ura: Ura
    name: str
    kind: HolderKind


@dataclass(frozen=True, slots=True)
class Professional:
    """The person who asks. `role` is a RoleCodeNL code, for instance `01.015` (GP)."""

    identifier: str
    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Everything a holder weighs about who asks. `treats_the_patient` is what the data user attests."""

    data_user: DataUser
    professional: Professional
    treats_the_patient: bool


@dataclass(frozen=True, slots=True)
class DataHolder:
    """A care provider as the register knows it."""

    name: HolderName
    ura: Ura
    title: str
    kind: HolderKind
    telephone: str
