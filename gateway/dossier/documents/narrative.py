"""XHTML for the narratives of a document: plain lists and paragraphs, every character of a record's text escaped."""

import re
from collections.abc import Iterable
from html import escape
from typing import Any, Final

#: Characters that XML 1.0 has no place for, whatever escape stands before them; and halves of surrogate pairs, which UTF-8 has none for.
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(words: str) -> str:
    """A text that XML and UTF-8 have a place for: what they have none for is left out."""
    return _NO_XML.sub("\ufffd", words)


def paragraph(words: str) -> str:
    """A paragraph."""
    return f"<p>{escape(clean(words), quote=False)}</p>"


def listed(lines: Iterable[str]) -> str:
    """A list; nothing where there are no lines. What an item has on a line of its own stands there on one."""
    items = "".join(f"<li>{escape(clean(line), quote=False).replace(chr(10), '<br/>')}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def narrative(*blocks: str) -> dict[str, Any]:
    """A FHIR Narrative of blocks of XHTML."""
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(blocks)}</div>'}
