"""Which pages are generated, and how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from docs_tools.cli_page import cli_page
from docs_tools.environment_page import environment_page
from docs_tools.http_page import http_page, models_page
from docs_tools.man_page import man_page
from docs_tools.metrics_page import metrics_page
from docs_tools.record_page import record_page
from docs_tools.settings_page import settings_page
from docs_tools.topics_page import authors_page, topics_page
from syncropel import __version__

ROOT: Final = Path(__file__).parents[1]
REFERENCE: Final = ROOT / "docs" / "reference"
PICTURE: Final = ROOT / "docs" / "images" / "console.svg"
"""The console, as the README and the first page show it."""
MAN: Final = ROOT / "docs" / "man" / "spl.1"
"""Installed with the package, for `man spl`."""
_SNAPSHOT: Final = ROOT / "snapshots" / "test_snapshots" / "test_screen[tasks-live-120x40].svg"
_VERSION_THERE: Final = "v0.1.0"

WHOLE: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "environment.md": environment_page,
    "http-api.md": http_page,
    "http-models.md": models_page,
    "metrics.md": metrics_page,
    "record.md": record_page,
    "topics.md": topics_page,
}
"""Fully generated pages of the reference."""

IN_PART: Final[dict[str, Callable[[str], str]]] = {"cli.md": cli_page, "authors.md": authors_page}
"""Hand-written pages with generated blocks."""


def stale() -> dict[Path, str]:
    """The pages that differ from the code, with their correct text."""
    wanted = {REFERENCE / name: make() for name, make in WHOLE.items()}
    wanted[PICTURE] = _SNAPSHOT.read_text(encoding="utf-8").replace(_VERSION_THERE, f"v{__version__}")
    wanted[MAN] = man_page()
    for name, fill in IN_PART.items():
        path = REFERENCE / name
        wanted[path] = fill(path.read_text(encoding="utf-8"))
    return {
        path: text
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
