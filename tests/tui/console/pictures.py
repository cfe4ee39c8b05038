"""Pictures of the console in the top-level `snapshots/`, one file each.

Syrupy deletes what the tests of a run did not ask for. With all pictures in one folder outside the tests,
an update of a single test would delete all others: so nothing is ever discovered for deletion here, and a
test of its own finds pictures that no scene has any more.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from syrupy.data import SnapshotCollections
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

FOLDER = Path(__file__).parents[3] / "snapshots"


def normalised(svg: str) -> str:
    """Without what differs from run to run (ids), and without web fonts."""
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("<!-- Generated with Rich https://www.textualize.io -->", "")


class PictureExtension(SingleFileSnapshotExtension):
    """Named by the test, never deleted."""

    _write_mode = WriteMode.TEXT
    file_extension = "svg"

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(FOLDER)

    @classmethod
    def get_file_basename(cls, *, test_location: PyTestLocation, index: int | str) -> str:
        assert isinstance(index, str), "give every picture a name"
        return index

    @classmethod
    def matches_test_location(cls, **_: Any) -> bool:
        return True

    def discover_snapshots(self, **_: Any) -> SnapshotCollections:
        return SnapshotCollections()

    def delete_snapshots(self, **_: Any) -> None:
        raise AssertionError("pictures are deleted by hand")
