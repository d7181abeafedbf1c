"""What an organisation brings to the office to be known by: a signing request, certificates, public keys; or nothing, on a trial."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.link.certificates import key_digest, read_public_key
from accord.link.sealing import read_sealing_pem
from accord.region.draft import Draft
from accord.region.member_keys import KnownBy, certificate_file, signing_key
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, SigningKey
from accord.terms.next_steps import OPTION, UNREADABLE

_HOST: Final = re.compile(r"(?:https?://)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):[0-9]+(?:/.*)?")

_SEAL: Final = ":seal"


@dataclass(frozen=True, slots=True)
class Brought:
    """Files, as they were given. `make_keys` is a folder in which to make everything instead; `keys` read `pub.pem:use`."""

    csr: Path | None
    make_keys: Path | None
    certificates: list[Path]
    keys: list[str]
    hosts: list[str]
    days: int

    def __bool__(self) -> bool:
        return bool(self.csr or self.make_keys or self.certificates or self.keys)


def bring_keys(draft: Draft, ura: Ura, brought: Brought) -> list[str]:
    """Let an organisation be known by what it brought; what was written where, in words.

    Raises:
        BadInput: `invalid-setting`, naming the file.
    """
    names = [*hosts_of(draft.member(ura).address), *brought.hosts]
    digests = {key_digest(content_of(path)) for path in brought.certificates}
    signing = tuple(_signing_key(text) for text in brought.keys if not text.endswith(_SEAL))
    # The last one given counts; a gateway has one.
    sealing = next((read_sealing_pem(content_of(Path(text.removesuffix(_SEAL)))) for text in reversed(brought.keys) if text.endswith(_SEAL)), b"")
    written: list[str] = []
    if brought.csr is not None:
        pem, digest = draft.certify(content_of(brought.csr), ura, names, days=brought.days)
        target = brought.csr.with_suffix(".pem")
        target.write_text(pem, encoding="ascii")
        written.append(f"Certificate written to {target}")
        digests.add(digest)
    if brought.make_keys is not None:
        draft.renew_keys(ura, brought.make_keys, names, days=brought.days)
        written.append(f"Keys made in {brought.make_keys}, certificate in {certificate_file(brought.make_keys)}")
    if digests or signing or sealing:
        draft.rotate(ura, KnownBy(frozenset(digests), signing, sealing))
    return written


def content_of(path: Path) -> bytes:
    """What stands in a file.

    Raises:
        BadInput: `invalid-setting`.
    """
    try:
        return path.read_bytes()
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be read", then=UNREADABLE) from None


def _signing_key(text: str) -> SigningKey:
    path, _, use = text.rpartition(":")
    if use not in set(KeyUse):
        raise BadInput(Fault.INVALID_SETTING, "--key: write pub.pem:mandate, pub.pem:answer or pub.pem:seal", then=OPTION)
    return signing_key(read_public_key(content_of(Path(path))), {KeyUse(use)})


def hosts_of(address: str) -> list[str]:
    """The host in an address of the register; none in the path of a socket."""
    match = _HOST.fullmatch(address)
    return [match[1] or match[2]] if match else []
