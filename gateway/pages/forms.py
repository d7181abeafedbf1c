"""A form as it was sent: bounded, read strictly, and only where it comes from a page of the same session."""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

Form = Mapping[str, str]

_FORM_BYTES: Final = 16 * 1024
_FORM_FIELDS: Final = 64


async def read_form(request: Request) -> dict[str, str] | None:
    """The fields of a form; none where it is no form, too long, or has a field twice."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return None
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_BYTES:
            return None
    try:
        return read_fields(body.decode("utf-8"), most=_FORM_FIELDS)
    except UnicodeDecodeError:
        return None


def read_fields(text: str, *, most: int) -> dict[str, str] | None:
    """The fields of a form or a query; none where there are more than *most*, or one stands twice."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=most, errors="strict")
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else None


def is_ours(request: Request, form: Form, token: str) -> bool:
    """Whether the form came from a page of this session, whose token is *token*."""
    # `Origin` says nothing here (no-referrer makes it null); the token does, and this where the browser sends it.
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    return compare_digest(form.get("csrf", "").encode(), token.encode())
