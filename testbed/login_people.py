"""Who can log in at the demo's login provider: the people of the story, as themselves or for somebody else. All fictional."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from testbed.people.known import Known
from testbed.people.story import BENNIE, DINA
from testbed.people.untidy import MINOR_FROM_12, MINOR_UNDER_12


@dataclass(frozen=True, slots=True)
class LoginPerson:
    """One line on the login page: what it is called, and which claims the token then carries."""

    key: str
    label: str
    claims: dict[str, Any] = field(repr=False)


_DINA: Final = "Dina Olde Wolbers-Nijkamp"
_BENNIE: Final = "Bennie Lutke Veldhuis"
_PARENT: Final = "Marit Wolferink"


def people(today: date) -> tuple[LoginPerson, ...]:
    """Everybody, with ages and end dates as they are *today*."""
    in_a_year = (today + timedelta(days=365)).isoformat()
    return (
        LoginPerson("dina", _DINA, _self("dina", _DINA, DINA)),
        LoginPerson("ria", f"Ria Olde Wolbers, namens {_DINA}", _for_dina(in_a_year, ["look", "choose"])),
        LoginPerson("ria-kijkt", f"Ria Olde Wolbers, mag alleen kijken namens {_DINA}", _for_dina(in_a_year, ["look"])),
        LoginPerson("ria-gisteren", f"Ria Olde Wolbers, machtiging is gisteren gestopt ({_DINA})", _for_dina(_ago(today), ["look", "choose"])),
        LoginPerson("bennie", _BENNIE, _self("bennie", _BENNIE, BENNIE)),
        LoginPerson("ouder-8", f"{_PARENT}, moeder van Fenna (8 jaar)", _parent_of("Fenna Wolferink", MINOR_UNDER_12)),
        LoginPerson("ouder-13", f"{_PARENT}, moeder van Jurre (13 jaar)", _parent_of("Jurre Wolferink", MINOR_FROM_12)),
        LoginPerson("kind-13", "Jurre Wolferink (13 jaar)", _self("jurre", "Jurre Wolferink", MINOR_FROM_12)),
        LoginPerson("kind-8", "Fenna Wolferink (8 jaar)", _self("fenna", "Fenna Wolferink", MINOR_UNDER_12)),
    )


def _self(subject: str, name: str, known: Known) -> dict[str, Any]:
    return {"sub": subject, "name": name, "bsn": known.bsn, "birth_date": known.birth_date}


def _parent_of(name: str, child: Known) -> dict[str, Any]:
    # Custody has no end date of its own: it ends when the child is 16, which whoever reads the token must see for itself.
    represents = {"bsn": child.bsn, "name": name, "until": "2099-12-31", "scope": ["look", "choose", "parental"], "birth_date": child.birth_date}
    return {"sub": "marit", "name": _PARENT, "represents": represents}


def _for_dina(until: str, scope: list[str]) -> dict[str, Any]:
    patient = {"bsn": DINA.bsn, "name": _DINA, "until": until, "scope": scope, "birth_date": DINA.birth_date}
    return {"sub": "ria", "name": "Ria Olde Wolbers", "represents": patient}


def _ago(today: date) -> str:
    return (today - timedelta(days=1)).isoformat()
