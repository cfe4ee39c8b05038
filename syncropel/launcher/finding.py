"""The input and the result of a check of `spl doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from syncropel.settings.home import Home

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """The result of checking `about` and, unless all is well, what to do."""

    about: str
    state: State
    told: str
    hint: str = ""


@dataclass(frozen=True)
class Patient:
    """What is checked. `deep`: read the whole store, page by page."""

    home: Home
    data: Path
    deep: bool = False
