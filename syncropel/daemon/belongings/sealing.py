"""Seals bytes with a passphrase: scrypt for the key, Fernet for the rest, both of the package `cryptography`.

This is that package's own recipe for passphrases. The cost is OWASP's for scrypt, in its form with the least
memory (32 MiB), since a daemon seals beside its work.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

from syncropel.errors import SetupError, StoreCorrupt
from syncropel.settings.passphrase import need_library

FORMAT: Final = "syncropel sealed 1"
COST: Final = {"n": 2**15, "r": 8, "p": 3}
_MOST: Final = {"n": 2**20, "r": 16, "p": 16}
"""More is refused: an altered file must not take all memory before it is found out."""
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32


class WrongPassphrase(SetupError):
    """Raised when a passphrase does not open a seal that is as it was written."""


def seal(body: bytes, passphrase: str) -> bytes:
    """These bytes, readable only with the passphrase. Raises SetupError without the library."""
    need_library()
    from cryptography.fernet import Fernet

    salt = os.urandom(_SALT_BYTES)
    token = Fernet(_key(passphrase, salt, COST)).encrypt(body)
    document = {
        "format": FORMAT,
        **COST,
        "salt": salt.hex(),
        "sha256": hashlib.sha256(token).hexdigest(),
        "token": token.decode(),
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def unseal(sealed: bytes, passphrase: str, path: Path) -> bytes:
    """What was sealed. `path`: where it was read, for an error.

    Raises StoreCorrupt when it is cut or altered, WrongPassphrase, SetupError without the library.
    """
    document = check_seal(sealed, path)
    need_library()
    from cryptography.fernet import Fernet, InvalidToken

    cost = {name: document[name] for name in COST}
    try:
        key = _key(passphrase, bytes.fromhex(document["salt"]), cost)
        return Fernet(key).decrypt(document["token"].encode())
    except InvalidToken:
        raise WrongPassphrase(
            f"the passphrase does not open {path}", "nothing was changed; try another passphrase"
        ) from None
    except ValueError as error:
        raise _broken(path, str(error)) from None


def check_seal(sealed: bytes, path: Path) -> dict[str, Any]:
    """The document of a sealed file that is as long and as it was written, as far as one sees from outside.

    Raises StoreCorrupt.
    """
    try:
        document = json.loads(sealed)
        if document["format"] != FORMAT:
            raise ValueError(f"its format is {document['format']!r}, not {FORMAT!r}")
        for name, most in _MOST.items():
            if type(document[name]) is not int or not 0 < document[name] <= most:
                raise ValueError(f"{name} is {document[name]!r}")
        if hashlib.sha256(document["token"].encode()).hexdigest() != document["sha256"]:
            raise ValueError("it is not as it was written")
        bytes.fromhex(document["salt"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(path, str(error)) from None
    found: dict[str, Any] = document
    return found


def _key(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    derived = Scrypt(salt=salt, length=_KEY_BYTES, **cost).derive(passphrase.encode())
    return base64.urlsafe_b64encode(derived)


def _broken(path: Path, why: str) -> StoreCorrupt:
    return StoreCorrupt(f"{path} is damaged: {why}", "use another one: spl backup list")
