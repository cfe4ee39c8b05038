"""`[store]`: where an instance has its log, when that is not the file in its home."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.errors import SetupError
from syncropel.settings.adapters import read_private

PASSWORD: Final = "SPL_STORE_PASSWORD"
_SECRET: Final = re.compile(r"//[^/@]*:[^/]*@|[?&]password=")


@dataclass(frozen=True)
class StoreSettings:
    """`[store]`"""

    url: str = ""
    """A PostgreSQL database that has the log, such as `postgresql://syncropel@db.example.com/syncropel`, with
    no password in it; empty: the log is the file `hub.db` in the home.
    """
    password_file: str = ""
    """A file (mode 0600) with the password for `url`; empty: the one in the environment
    (`SPL_STORE_PASSWORD`), or what PostgreSQL's own client library finds.
    """

    def check(self, path: Path) -> None:
        """Raise SetupError for a URL that cannot be shown, since it has a password. `path`: the settings."""
        if _SECRET.search(self.url):
            raise SetupError(
                f"{path}: [store] url has a password in it, which would be shown with it",
                f"put it into a file of mode 0600, and name that: password_file; or into {PASSWORD}",
            )

    def password(self, environ: Mapping[str, str]) -> str:
        """The password for the database, empty when none is given. Raises SetupError."""
        if not self.password_file:
            return environ.get(PASSWORD, "")
        file = Path(self.password_file).expanduser().absolute()
        return read_private(file, f"the password file {file}")
