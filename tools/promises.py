"""Write docs/promises.md: for each promise and each case of attack the tests that hold it, found by their names.

python tools/promises.py           write the page
python tools/promises.py --check   say whether the page is as the tests are
"""

import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "promises.md"
_BEGIN: Final = "<!-- tests: written by tools/promises.py -->\n"
_END: Final = "<!-- end of tests -->\n"
_TEST: Final = re.compile(r"^(?:async )?def test_(?P<key>p[0-9]{1,2}|[a-h][0-9]{1,2})(?P<more>(?:_[a-h][0-9]{1,2})*)_", re.MULTILINE)


def tests_by_key() -> dict[str, dict[str, int]]:
    """How many tests are named after each promise (`p4`) or case (`a5`), by file."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for match in _TEST.finditer(path.read_text(encoding="utf-8")):
            for key in (match["key"], *filter(None, match["more"].split("_"))):
                found[key][path.relative_to(ROOT).as_posix()] += 1
    return found


def _rows(found: dict[str, dict[str, int]], keys: list[str]) -> str:
    lines = ["| name | tests | where |", "| --- | --- | --- |"]
    for key in keys:
        files = found[key]
        where = ", ".join(f"[{name.removeprefix('tests/')}](../{name})" + (f" ({number})" if number > 1 else "") for name, number in files.items())
        lines.append(f"| {key.upper()} | {sum(files.values())} | {where} |")
    return "\n".join(lines) + "\n"


def _written(page: str) -> str:
    found = tests_by_key()
    promises = sorted((key for key in found if key.startswith("p")), key=lambda key: int(key[1:]))
    cases = sorted((key for key in found if not key.startswith("p")), key=lambda key: (key[0], int(key[1:])))
    head, _, rest = page.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    return f"{head}{_BEGIN}\n### Promises\n\n{_rows(found, promises)}\n### Cases of attack and fault\n\n{_rows(found, cases)}\n{_END}{tail}"


def main() -> int:
    """Write the page, or check it."""
    page = PAGE.read_text(encoding="utf-8")
    written = _written(page)
    if "--check" in sys.argv[1:]:
        if page != written:
            print("docs/promises.md is not as the tests are: python tools/promises.py")
            return 1
        return 0
    PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
