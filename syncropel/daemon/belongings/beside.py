"""What goes beside each backup of a log, whether the daemon takes it or a command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from syncropel.daemon.belongings.saving import Owner, save_home, save_keys
from syncropel.settings.config import Settings
from syncropel.settings.home import Home, data_dir_from
from syncropel.settings.identity import write_private
from syncropel.settings.passphrase import passphrase_in
from syncropel.store.sqlite.manifest import Rotation

PLACES: Final = "places.json"
"""In the usual folder of backups: the other folders that have some, for when the home is gone."""


def owner_of(home: Home, did: str, settings: Settings, environ: Mapping[str, str]) -> Owner:
    """Whose files are saved. A worker's operator has no task files."""
    data = data_dir_from(environ) if settings.role == "coordinator" else None
    return Owner(home, did, data)


class Beside:
    """Saves an instance's own files beside a backup of its log. `usual`: the usual folder of its backups;
    `passphrase_file`: with what keys and secrets are sealed; empty leaves them out.
    """

    def __init__(self, owner: Owner, usual: Path, passphrase_file: str) -> None:
        self._owner = owner
        self._usual = usual
        self._passphrase_file = passphrase_file

    def __call__(self, folder: Path, rotation: Rotation | None, now: float) -> bool:
        """Save them into `folder`; return whether that includes keys and secrets. `now`: unix seconds.
        Raises OSError, SetupError.
        """
        kept = rotation or Rotation()
        if folder != self._usual:
            _note(self._usual / PLACES, folder)
        save_home(self._owner, folder, kept, now)
        if not self._passphrase_file:
            return False
        save_keys(self._owner, folder, kept, now, passphrase_in(self._passphrase_file))
        return True


def other_places(usual: Path) -> list[Path]:
    """The folders besides the usual one to which backups were taken, as far as they are known."""
    with suppress(OSError, ValueError, TypeError):
        return [Path(one) for one in json.loads((usual / PLACES).read_text(encoding="utf-8"))]
    return []


def _note(path: Path, folder: Path) -> None:
    known = other_places(path.parent)
    if folder not in known:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps([str(one) for one in [*known, folder]], indent=1) + "\n")
