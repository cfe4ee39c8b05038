"""An instance's identity: a secret in its home that survives restarts, and the DID derived from it.

The secret is 32 random bytes in `keys/instance.key`, as hex, 0600. Its public part is its SHA-256 under a
fixed label, so the DID can be shown to anyone without revealing the secret.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncropel.errors import SetupError
from syncropel.record.threads import instance_did

if TYPE_CHECKING:
    from syncropel.settings.home import Home

_LABEL: Final = b"syncropel instance identity v1\x00"
_SECRET_BYTES: Final = 32
_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600


@dataclass(frozen=True)
class Identity:
    """An instance's identity. `created` says that this call created it."""

    did: str
    public_key: bytes
    created: bool = False


def make_home(home: Home) -> None:
    """Create the home's missing folders: the home and those with secrets for the owner only (0700).

    Raises SetupError when one cannot be created or written.
    """
    try:
        for folder in (home.path, home.keys, home.secrets, home.run):
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        for folder in (home.keys, home.secrets, home.run):
            folder.chmod(_PRIVATE_FOLDER)
        home.log.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise _unusable(home, error) from None
    if not os.access(home.path, os.W_OK | os.X_OK):
        raise SetupError(f"cannot write to {home.path}", "check its owner and its permissions")


def load_or_create_identity(home: Home) -> Identity:
    """The home's identity, created if it has none.

    Raises SetupError when the key file is damaged, or the home cannot be written.
    """
    known = read_identity(home)
    if known is not None:
        return known
    make_home(home)
    secret = secrets.token_bytes(_SECRET_BYTES)
    try:
        created = write_private_once(_key_file(home), secret.hex() + "\n")
    except OSError as error:
        raise _unusable(home, error) from None
    if created:
        return _identity(secret, created=True)
    other = read_identity(home)  # another process was faster
    if other is None:
        raise SetupError(f"{_key_file(home)} comes and goes", "is another process changing this home?")
    return other


def read_identity(home: Home) -> Identity | None:
    """The home's identity, or None when it has none yet. Raises SetupError when the key file is damaged."""
    path = _key_file(home)
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise _unusable(home, error) from None
    except OSError as error:
        raise SetupError(
            f"cannot read {path}: {error.strerror}", "check its owner and its permissions"
        ) from None
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:
        raise SetupError(
            f"{path} is damaged: it does not hold an identity key",
            "restore it from a backup; or move it away to start as a new instance with a new DID",
        )
    return _identity(secret)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read (0600), atomically: readers see the old text or the new.

    Raises OSError.
    """
    draft = _draft(path, text)
    draft.replace(path)


def write_private_once(path: Path, text: str) -> bool:
    """As `write_private`, unless the file exists; return whether it did not. A crash leaves no partial file
    behind. Raises OSError.
    """
    draft = _draft(path, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:
        # Without hard links, checking first is the best the file system offers.
        if path.exists():
            return False
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True


def _key_file(home: Home) -> Path:
    return home.keys / "instance.key"


def _identity(secret: bytes, created: bool = False) -> Identity:
    public_key = hashlib.sha256(_LABEL + secret).digest()
    return Identity(instance_did(public_key), public_key, created)


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _unusable(home: Home, error: OSError) -> SetupError:
    reason = error.strerror or str(error)
    if error.filename and Path(error.filename) != home.path:
        reason = f"{error.filename}: {reason}"
    return SetupError(
        f"cannot use {home.path} as a home: {reason}",
        "check its owner and its permissions, or point SYNCROPEL_HOME elsewhere",
    )
