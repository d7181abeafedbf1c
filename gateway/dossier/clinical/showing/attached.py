"""Attachments: where the bytes are, what they are called and of what kind they are. Nothing is fetched here."""

import re
from typing import Final

from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.shown import Attachment
from gateway.dossier.clinical.trees import Tree, text

#: An address that a page may link to: on the web, or a record of the holder. What runs in a browser is none.
_SAFE: Final = re.compile(r"https?://[^\s]+|(?:[A-Za-z0-9.\-_~%]+/)*[A-Za-z0-9.\-_~%?=&#]+", re.IGNORECASE | re.ASCII)


def attachment(reader: Reader, value: Tree) -> str:
    """What it is called. One with an address joins the attachments of the line; one whose bytes stand in the record is said to be there."""
    url, media = text(value, "url"), text(value, "contentType")
    title = text(value, "title").strip()
    if url and _SAFE.fullmatch(url):
        reader.attachments[Attachment(url, title, media)] = None
        return ", ".join(filter(None, (title, media)))
    return ", ".join(filter(None, (title, media, reader.phrase("inside") if "data" in value else "")))
