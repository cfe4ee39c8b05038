"""What is known of the log of a home."""

from __future__ import annotations

from platformdirs import user_data_path

from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity
from syncropel.store.lineage.lineage import Lineage
from syncropel.store.sqlite.backup import backup_path, lineage_files


def lineages(home: Home) -> tuple[list[Lineage], list[str]]:
    """Its lineages, and why one cannot be read."""
    identity = read_identity(home)
    key = "" if identity is None else f"instance-{identity.did.rpartition(':')[2]}"
    return lineage_files(home.lineage, backup_path(user_data_path("syncropel"), key)).read()
