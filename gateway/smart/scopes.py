"""SMART v2 scopes: read strictly, and intersected with what is asked.

`system/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory` lets a client read
and search laboratory results. Only `system/`, only reading (`r`) and searching (`s`), only the parameter `category` with
its system: whatever cannot be held to is refused when the token is asked for, never ignored.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.queries import Selection, Token
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import CareCategory

MOST_SCOPES: Final = 50
_SCOPE_CHARACTERS: Final = 4_000
_ANY_TYPE: Final = "*"
_SCOPE: Final = re.compile(r"system/(?P<type>\*|[A-Z][A-Za-z]{0,63})\.(?P<may>rs|r|s)(?:\?(?P<query>[!-~]+))?")
# What a scope-token may hold beside the percent sign, less the marks that part parameters, values and codes.
_TOKEN: Final = re.compile(r"category=(?P<values>[^=&?%\\]+)")


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope: a type or every type (empty), whether it may be read and searched, and the categories it is held to."""

    type: str
    reads: bool
    searches: bool
    categories: tuple[Token, ...] = ()

    def __str__(self) -> str:
        query = "?category=" + ",".join(f"{token.system}|{token.code}" for token in self.categories) if self.categories else ""
        return f"system/{self.type or _ANY_TYPE}.{'r' * self.reads}{'s' * self.searches}{query}"


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a client may ask at most. It opens nothing: mandate and proof are needed beside it, and decide.

    `client` is the client's id, `organisation` the data user whose client it is: mandates of others do not go with it.
    """

    client: str
    organisation: Ura
    granted: tuple[Scope, ...]

    def narrow(self, selection: Selection, *, mandated: frozenset[CareCategory] = frozenset()) -> Selection:
        """What remains of a selection under these scopes and the categories of a mandate (none: all).

        The result always narrows the selection in the sense of `accord.rules.narrowing`, so that the proof of what was
        asked covers it. Searching takes `s`; for one record by its type and id `r` will do as well.

        Raises:
            BadInput: `question-widened` when nothing remains, or what remains cannot be put as one question: several
                types that are held to different categories.
        """
        names_one = len(selection.types) == len(selection.ids) == 1
        usable = [scope for scope in self.granted if scope.searches or (names_one and scope.reads)]
        every = [scope for scope in usable if not scope.type]
        named = frozenset(scope.type for scope in usable if scope.type)
        types = selection.types if every else (selection.types & named if selection.types else named)
        if not usable or (not types and not every):
            raise _out_of_scope()
        held_to = {_categories(usable, kind) for kind in types} if types else _categories_of_all(usable, every)
        if len(held_to) != 1:
            raise _out_of_scope()
        return replace(
            selection,
            types=types,
            categories=_in_both(selection.categories, mandated),
            category_tokens=_held_to(selection.category_tokens, held_to.pop()),
            # Companions are of types that nobody named: only who may ask for every type gets them.
            includes=selection.includes if any(not scope.categories for scope in every) else (),
        )


def read_scopes(text: str) -> tuple[Scope, ...]:
    """Read a scope parameter.

    Raises:
        BadInput: `invalid-parameter`, for any scope that is unknown or cannot be held to.
    """
    if not text or len(text) > _SCOPE_CHARACTERS:
        raise BadInput(Fault.INVALID_PARAMETER, "scope")
    found = tuple(_scope(item) for item in text.split(" "))
    if len(found) > MOST_SCOPES or len(set(found)) != len(found):
        raise BadInput(Fault.INVALID_PARAMETER, "scope")
    return found


def _scope(text: str) -> Scope:
    match = _SCOPE.fullmatch(text)
    if match is None:
        raise BadInput(Fault.INVALID_PARAMETER, "scope")
    kind = "" if match["type"] == _ANY_TYPE else match["type"]
    if kind and kind not in TYPE_BY_NAME:
        raise BadInput(Fault.INVALID_PARAMETER, "scope")
    categories: tuple[Token, ...] = ()
    if match["query"] is not None:
        held = _TOKEN.fullmatch(match["query"])
        if held is None:
            raise BadInput(Fault.INVALID_PARAMETER, "scope")
        categories = tuple(_token(value) for value in held["values"].split(","))
    return Scope(kind, "r" in match["may"], "s" in match["may"], categories)


def _token(text: str) -> Token:
    system, bar, code = text.partition("|")
    if not bar or not system or not code or "|" in code or len(text) > FIELD_CHARACTERS:
        raise BadInput(Fault.INVALID_PARAMETER, "scope")
    return Token(system, code)


def _categories(usable: list[Scope], kind: str) -> frozenset[Token] | None:
    """What records of a type are held to: any of these categories; none when one scope holds them to nothing."""
    fitting = [scope for scope in usable if scope.type in ("", kind)]
    if any(not scope.categories for scope in fitting):
        return None
    return frozenset(token for scope in fitting for token in scope.categories)


def _categories_of_all(usable: list[Scope], every: list[Scope]) -> set[frozenset[Token] | None]:
    """The same where every type is asked for: a scope on one type must not loosen what the others are held to."""
    if any(not scope.categories for scope in every):
        return {None}
    return {frozenset(token for scope in every for token in scope.categories), *(_categories(usable, scope.type) for scope in usable if scope.type)}


def _held_to(asked: tuple[Token, ...], scope: frozenset[Token] | None) -> tuple[Token, ...]:
    """The asked tokens that the scope covers, as they were asked: a proof knows them by their spelling and not by what they mean."""
    if scope is None:
        return asked
    if not asked:
        return tuple(sorted(scope, key=lambda token: (token.system, token.code)))
    kept = tuple(token for token in asked if token in scope)
    if not kept:
        raise _out_of_scope()
    return kept


def _in_both(asked: frozenset[CareCategory], mandated: frozenset[CareCategory]) -> frozenset[CareCategory]:
    if not asked or not mandated:
        return asked or mandated
    if asked.isdisjoint(mandated):
        raise _out_of_scope()
    return asked & mandated


def _out_of_scope() -> BadInput:
    return BadInput(Fault.QUESTION_WIDENED, "scope")
