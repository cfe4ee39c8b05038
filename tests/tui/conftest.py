"""The console's tests look the same in every terminal: colour settings of the outside do not come in."""

from __future__ import annotations

import os

for _name in [one for one in os.environ if one == "NO_COLOR" or one.startswith("TEXTUAL")]:
    del os.environ[_name]  # Textual reads them once, while it is imported

from console_snapshots import picture, pytest_sessionstart, utc  # noqa: E402 - after the cleaning

__all__ = ["picture", "pytest_sessionstart", "utc"]
