"""Rules that import-linter cannot tell: what the accord may import, what it may call, who makes what may travel.

Each net reads the sources below a root and returns what it caught, one line each; nothing caught is an empty list.
They read text and import nothing, so that they work on a copy of the tree in which something wrong was planted.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

#: An allow-list: import-linter's `forbidden` is a deny-list, and lets by what nobody thought of.
PURE: Final = frozenset({
    "accord", "base64", "calendar", "collections", "dataclasses", "datetime", "decimal", "enum", "functools", "hashlib", "hmac", "itertools", "json",
    "math", "msgspec", "operator", "re", "struct", "types", "typing", "zoneinfo",
})  # fmt: skip
#: Single modules of packages that are otherwise not pure: the spelling of a URL, not its fetching.
PURE_MODULES: Final = frozenset({"urllib.parse"})
#: Calls by which a pure module would learn the time, or reach the world, without an import that shows it.
IMPURE_CALLS: Final = frozenset({"now", "utcnow", "today", "open", "print", "input", "eval", "exec", "compile", "__import__", "breakpoint"})
PURE_METHODS: Final = frozenset({"compile"})  # re.compile is not the built-in
PURE_PACKAGES: Final = ("accord/terms", "accord/rules")

#: Who may make the values that stand for "this may leave the holder", by name of the value.
GATES: Final = {"ReleasedRecord": "node_agent/disclosure.py"}

#: Words of other fields for things that have a word of ours (see CONTRIBUTING.md).
FOREIGN_WORDS: Final = {
    "allowed": "a decision is a basis or a refusal",
    "permission": "choice, or consent",
    "repository": "source",
    "requester": "data user",
    "site": "data holder",
}

#: Names that another standard fixed: HTTP's 405.
NOT_OURS: Final = frozenset({"METHOD_NOT_ALLOWED"})


def impure_imports(root: Path) -> list[str]:
    """Imports of terms and rules that are not on the allow-list."""
    return [f"{where}: imports {name}" for where, name in imports_of(root, *PURE_PACKAGES) if name.partition(".")[0] not in PURE and name not in PURE_MODULES]


def impure_calls(root: Path) -> list[str]:
    """Calls in terms and rules that ask for the time, or reach outside."""
    return [
        f"{where}:{node.lineno}: calls {_called(node)}"
        for where, tree in _modules(root, *PURE_PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node) in IMPURE_CALLS
        if not (isinstance(node.func, ast.Attribute) and _called(node) in PURE_METHODS)
    ]


def second_gates(root: Path) -> list[str]:
    """Places outside its gate where a value is made that stands for a decision to release."""
    return [
        f"{where}:{node.lineno}: makes a {_called(node)}, which only {GATES[_called(node)]} may"
        for where, tree in _modules(root, "accord", "gateway", "node_agent")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node) in GATES and where != GATES[_called(node)]
    ]


def foreign_words(root: Path) -> list[str]:
    """Names in terms and rules that use another field's word for something that has ours."""
    return [
        f"{where}: `{name}`: say {FOREIGN_WORDS[word]}"
        for where, tree in _modules(root, *PURE_PACKAGES)
        for name in _named(tree)
        for word in name.lower().split("_")
        if word in FOREIGN_WORDS and name not in NOT_OURS
    ]


def imports_of(root: Path, *packages: str) -> Iterator[tuple[str, str]]:
    """Each import in these packages: where it stands, and what it names."""
    for where, tree in _modules(root, *packages):
        for node in ast.walk(tree):
            yield from ((where, name) for name in _imported(node))


def _modules(root: Path, *packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            where = path.relative_to(root).as_posix()
            if not where.startswith("accord/wire/v1/"):
                yield where, ast.parse(path.read_text(encoding="utf-8"))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "a neighbour by a dot"]
    return []


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            # RequesterKind -> Requester_Kind
            yield "".join(f"_{letter}" if letter.isupper() else letter for letter in node.name)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
