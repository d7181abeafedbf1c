"""The next certificate of an agent, and how it takes the place of the present one: a crash at any point leaves a pair that fits.

The next key and certificate stand beside the present ones (`tls.next.key`, `tls.next.pem`). They are put in place one after
the other; whoever finds the first one moved and the second one not moves the second.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.link.certificates import read_tls_key, write_private
from accord.link.credentials import TlsFiles, check_pair
from accord.link.live_register import replace_file
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import UNWRITABLE


def next_key(files: TlsFiles) -> ec.EllipticCurvePrivateKey:
    """The key for the next certificate; made when there is none, and the same one until it is in place.

    Raises:
        BadInput: `invalid-setting`: it cannot be read or written.
    """
    path = _next(files).key
    if not path.exists():
        make_private(path, ec.generate_private_key(ec.SECP256R1()))
    return read_tls_key(path)


def put_in_place(files: TlsFiles, certificate: str) -> None:
    """Let this certificate (PEM) and the next key be the ones in use.

    Raises:
        BadInput: `invalid-setting`: it is not of the next key, or cannot be written.
    """
    following = _next(files)
    try:
        replace_file(following.certificate, certificate.encode("ascii"), 0o644)
        check_pair(following)
        _move(following, files)
    except (OSError, UnicodeEncodeError):
        raise BadInput(Fault.INVALID_SETTING, f"{following.certificate.name}: cannot be written", then=UNWRITABLE) from None


def settle(files: TlsFiles) -> None:
    """Finish what a crash left half done; nothing, when nothing was.

    Raises:
        BadInput: `invalid-setting`: it cannot be written.
    """
    following = _next(files)
    if not following.certificate.exists():
        return
    try:
        if following.key.exists():
            if _fits(following):
                _move(following, files)
            else:
                following.certificate.unlink(missing_ok=True)
        elif _fits(TlsFiles(following.certificate, files.key)):
            following.certificate.replace(files.certificate)
        else:
            following.certificate.unlink(missing_ok=True)
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{files.certificate.name}: cannot be written", then=UNWRITABLE) from None


def make_private(path: Path, key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> None:
    """Write a private key that only its owner can read, wholly or not at all.

    Raises:
        BadInput: `invalid-setting`.
    """
    half = path.with_name(f".{path.name}.half")
    try:
        half.unlink(missing_ok=True)
        write_private(half, key)
        half.replace(path)
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be written", then=UNWRITABLE) from None


def _move(following: TlsFiles, files: TlsFiles) -> None:
    following.key.replace(files.key)
    following.certificate.replace(files.certificate)


def _fits(files: TlsFiles) -> bool:
    try:
        check_pair(files)
    except BadInput:
        return False
    return True


def _next(files: TlsFiles) -> TlsFiles:
    certificate, key = files.certificate, files.key
    return TlsFiles(certificate.with_name(f"{certificate.stem}.next{certificate.suffix}"), key.with_name(f"{key.stem}.next{key.suffix}"))
