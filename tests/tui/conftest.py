"""Nothing of the surroundings may colour a picture: the environment is cleaned before Textual is imported."""

from __future__ import annotations

import os

for _name in [name for name in os.environ if name.startswith("TEXTUAL")] + ["NO_COLOR", "COLORTERM"]:
    os.environ.pop(_name, None)


import pytest  # noqa: E402
from console.pictures import PictureExtension  # noqa: E402
from syrupy.assertion import SnapshotAssertion  # noqa: E402
from textual.app import App  # noqa: E402


@pytest.fixture
def no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the program starts with NO_COLOR: Textual found an ANSI theme at its import."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(App.theme, "_default", "ansi-dark")


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compare an SVG with its file in snapshots/: `assert page.svg() == picture(name=...)`."""
    return snapshot.use_extension(PictureExtension)
