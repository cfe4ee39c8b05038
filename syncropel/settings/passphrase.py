"""Where the passphrase of a backup's keys comes from, without anybody typing it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from syncropel.errors import SetupError
from syncropel.settings.adapters import read_private

VARIABLE: Final = "SPL_BACKUP_PASSPHRASE"


def passphrase_in(path: str) -> str:
    """The passphrase in a file that only its owner may read (0600). Raises SetupError."""
    file = Path(path).expanduser().absolute()
    return read_private(file, f"the passphrase file {file}")


def known_passphrase(named: str, environ: Mapping[str, str]) -> str:
    """The one in the file `named`; else that of the environment; else empty.

    Raises SetupError for a file that is missing, or that others may read.
    """
    return passphrase_in(named) if named else environ.get(VARIABLE, "")


def need_library() -> None:
    """Raise SetupError where `cryptography` is not installed."""
    if find_spec("cryptography") is None:
        raise SetupError(
            "sealing needs the package cryptography, which is not installed",
            "pip install 'syncropel-console[seal]'; or keep the keys unsealed: --unsealed",
        )
