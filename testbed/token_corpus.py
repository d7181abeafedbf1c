"""Hostile tokens: everything that is known to fool readers of JOSE, each made from a token that is sound.

Where the point is what a token *says*, it is signed with the right key: only a reader that looks closely refuses it.
"""

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.jose import decoded, encoded, sign, thumbprint

_HUGE: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HostileToken:
    """A token, and what is wrong with it."""

    name: str
    text: str = field(repr=False)


def hostile_tokens(sound: str, key: Ed25519PrivateKey) -> Iterator[HostileToken]:
    """Every variant of *sound*, which *key* signed."""
    for make in (_headers, _signatures, _spellings, _payloads, _forms):
        yield from make(_Parts(sound, key))


class _Parts:
    """A sound token, taken apart."""

    def __init__(self, sound: str, key: Ed25519PrivateKey) -> None:
        self.sound, self.key = sound, key
        self.head, self.body, self.signature = sound.split(".")
        self.header: dict[str, Any] = json.loads(decoded(self.head))
        self.payload: bytes = decoded(self.body)
        self.claims: dict[str, Any] = json.loads(self.payload)
        self.public = key.public_key().public_bytes_raw()

    def signed(self, header: bytes, payload: bytes | None = None) -> str:
        """A token with this header, its signature right."""
        text = f"{encoded(header)}.{encoded(self.payload if payload is None else payload)}"
        return f"{text}.{encoded(self.key.sign(text.encode('ascii')))}"

    def with_header(self, changes: Mapping[str, Any]) -> str:
        """A token of which some members of the header are other ones; none: left out."""
        header = {name: value for name, value in {**self.header, **changes}.items() if value is not None}
        return self.signed(_json(header))

    def with_claims(self, **changes: Any) -> str:
        """A token of which some claims are other ones; none: left out."""
        content = {name: value for name, value in {**self.claims, **changes}.items() if value is not None}
        return self.signed(_json(self.header), _json(content))


def _headers(parts: _Parts) -> Iterator[HostileToken]:
    own = {"kty": "OKP", "crv": "Ed25519", "x": encoded(parts.public)}
    changes: dict[str, dict[str, Any]] = {
        "alg none": {"alg": "none"},
        "alg NONE": {"alg": "NONE"},
        "alg nOnE": {"alg": "nOnE"},
        "alg HS256": {"alg": "HS256"},
        "alg RS256": {"alg": "RS256"},
        "alg ES256": {"alg": "ES256"},
        "alg Ed25519": {"alg": "Ed25519"},
        "alg in lower case": {"alg": "eddsa"},
        "alg with a blank": {"alg": "EdDSA "},
        "alg empty": {"alg": ""},
        "alg null": {"alg": None},
        "alg a list": {"alg": ["EdDSA"]},
        "alg a number": {"alg": 1},
        "crit unknown": {"crit": ["noaber"], "noaber": True},
        "crit empty": {"crit": []},
        "crit b64": {"crit": ["b64"], "b64": False},
        "b64 false": {"b64": False},
        "jwk of its own": {"jwk": own},
        "jku": {"jku": "https://attacker.example/keys"},
        "x5u": {"x5u": "https://attacker.example/chain"},
        "x5c": {"x5c": ["AAAA"]},
        "x5t": {"x5t": "AAAA"},
        "zip": {"zip": "DEF"},
        "cty JWT": {"cty": "JWT"},
        "no kid": {"kid": None},
        "kid unknown": {"kid": "nobody"},
        "kid a path": {"kid": "../../../dev/null"},
        "kid SQL": {"kid": "' OR 1=1 --"},
        "kid a number": {"kid": 7},
        "kid of a weak key": {"kid": thumbprint(bytes(32))},
        "no typ": {"typ": None},
        "typ JWT": {"typ": "JWT"},
        "typ of another token": {"typ": "closed+jwt"},
        "typ in upper case": {"typ": str(parts.header["typ"]).upper()},
        "typ application/": {"typ": f"application/{parts.header['typ']}"},
        "a member that nobody knows": {"x-noaber": "1"},
        "a header that is too long": {"kid": "k" * 2_000},
    }
    for name, change in changes.items():
        yield HostileToken(name, parts.with_header(change))
    twice = _json(parts.header)
    yield HostileToken("header with alg twice", parts.signed(twice[:-1] + b',"alg":"none"}'))
    yield HostileToken("header with kid twice", parts.signed(twice[:-1] + b',"kid":"nobody"}'))
    yield HostileToken("header that is a list", parts.signed(b'["EdDSA"]'))
    yield HostileToken("header that is no JSON", parts.signed(b"{alg:EdDSA}"))
    yield HostileToken("header with a byte order mark", parts.signed(b"\xef\xbb\xbf" + twice))


def _signatures(parts: _Parts) -> Iterator[HostileToken]:
    signed = f"{parts.head}.{parts.body}"
    hs256 = f"{encoded(_json({**parts.header, 'alg': 'HS256'}))}.{parts.body}"
    keyed = encoded(hmac.digest(parts.public, hs256.encode("ascii"), sha256))
    yield HostileToken("HS256 with the public key", f"{hs256}.{keyed}")
    yield HostileToken("alg none without a signature", f"{encoded(_json({**parts.header, 'alg': 'none'}))}.{parts.body}.")
    yield HostileToken("no signature", f"{signed}.")
    yield HostileToken("no third part", signed)
    yield HostileToken("a signature of zeros", f"{signed}.{encoded(bytes(64))}")
    yield HostileToken("a short signature", f"{signed}.{encoded(decoded(parts.signature)[:32])}")
    yield HostileToken("a long signature", f"{signed}.{encoded(decoded(parts.signature) + bytes(1))}")
    yield HostileToken("a signature by somebody else", _resigned(parts, Ed25519PrivateKey.generate()))
    yield HostileToken("a signature of another payload", f"{parts.head}.{encoded(_json({**parts.claims, 'x': 1}))}.{parts.signature}")
    # The order of the curve added to S: the same signature for a reader that does not look.
    order = 2**252 + 27742317777372353535851937790883648493
    raw = decoded(parts.signature)
    large = (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    yield HostileToken("a signature that was stretched", f"{signed}.{encoded(raw[:32] + large)}")


def _resigned(parts: _Parts, key: Ed25519PrivateKey) -> str:
    signed = f"{parts.head}.{parts.body}"
    return f"{signed}.{encoded(key.sign(signed.encode('ascii')))}"


def _spellings(parts: _Parts) -> Iterator[HostileToken]:
    sound = parts.sound
    changes: dict[str, Callable[[str], str]] = {
        "padding": lambda text: text + "=",
        "a blank before it": lambda text: " " + text,
        "a line end behind it": lambda text: text + "\n",
        "a line end inside": lambda text: text.replace(".", ".\n", 1),
        "a dot too many": lambda text: text + ".",
        "a fourth part": lambda text: text + ".AAAA",
        "Bearer before it": lambda text: "Bearer " + text,
        "quotes around it": lambda text: f'"{text}"',
        "letters of another alphabet": lambda text: "\u0435" + text[1:],
        "a NUL": lambda text: text + "\0",
        "the alphabet of plain base64": lambda text: text[:-4] + "+/+/",
        "stray last bits": lambda text: text[:-1] + chr(ord(text[-1]) + 1),
        "only dots": lambda _: "..",
        "a name": lambda _: "null",
        "empty JSON": lambda _: f"{encoded(b'{}')}.{encoded(b'{}')}.{encoded(bytes(64))}",
    }
    for name, change in changes.items():
        yield HostileToken(name, change(sound))


def _payloads(parts: _Parts) -> Iterator[HostileToken]:
    header, text = _json(parts.header), parts.payload
    first = next(iter(parts.claims))
    odd: dict[str, bytes] = {
        "a claim twice": text[:-1] + b"," + _json({first: parts.claims[first]})[1:],
        "an unknown claim": text[:-1] + b',"admin":true}',
        "a payload that is a list": b"[" + text + b"]",
        "a payload that is no JSON": text[:-1],
        "an empty payload": b"{}",
        "NaN": text[:-1] + b',"x":NaN}',
        "a very large number": text.replace(b'"iat":', b'"iat":1e999,"x":', 1),
        "deep nesting": text[:-1] + b',"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        "a lone surrogate": text[:-1] + b',"x":"\\ud800"}',
        "invalid UTF-8": text[:-1] + b',"x":"\xff"}',
        "a byte order mark": b"\xef\xbb\xbf" + text,
    }
    for name, payload in odd.items():
        yield HostileToken(name, parts.signed(header, payload))
    iat = parts.claims["iat"]
    for name, value in {"a text": str(iat), "a fraction": iat + 0.5, "true": True, "negative": -1, "a list": [iat]}.items():
        yield HostileToken(f"iat is {name}", parts.with_claims(iat=value))
    yield HostileToken("no iat", parts.with_claims(iat=None))
    yield HostileToken("another audience", parts.with_claims(aud="elders"))
    yield HostileToken("several audiences", parts.with_claims(aud=[parts.claims["aud"], "elders"]))
    if "exp" in parts.claims:
        yield HostileToken("no exp", parts.with_claims(exp=None))
        yield HostileToken("a life of a year", parts.with_claims(exp=iat + 31_536_000))
        yield HostileToken("exp before iat", parts.with_claims(exp=iat - 1))
        yield HostileToken("an issuer of another spelling", parts.with_claims(iss=f"{parts.claims['iss']}\n"))
        yield HostileToken("an issuer in other digits", parts.with_claims(iss="ura:\u0669\u0669\u0669\u0669\u0669\u0669\u0660\u0661"))


def _forms(parts: _Parts) -> Iterator[HostileToken]:
    one = {"protected": parts.head, "signature": parts.signature}
    yield HostileToken("JSON with two signatures", json.dumps({"payload": parts.body, "signatures": [one, one]}))
    yield HostileToken("JSON with one signature", json.dumps({"payload": parts.body, **one}))
    yield HostileToken("two signatures behind each other", f"{parts.sound}.{parts.signature}")
    pbes2 = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": encoded(b"salt"), "p2c": 2_000_000_000}
    yield HostileToken("encrypted, with two thousand million rounds", f"{encoded(_json(pbes2))}.AAAA.AAAA.AAAA.AAAA")
    yield HostileToken("encrypted to nobody", f"{encoded(_json({'alg': 'dir', 'enc': 'A128GCM'}))}..AAAA.AAAA.AAAA")
    yield HostileToken("a token inside a token", sign(_json({"token": parts.sound}), parts.key, str(parts.header["typ"])))
    yield HostileToken("a token of 20 KiB", parts.with_claims(x="a" * 20_480))


def huge_token(sound: str) -> HostileToken:
    """A token of two mebibytes; it is larger than any message may be."""
    return HostileToken("two mebibytes", sound + "A" * _HUGE)


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
