"""An update of some pictures leaves the others alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from syrupy.location import PyTestLocation

from tests.tui.console_snapshots import Pictures, is_whole, unpictured

HERE = Path(__file__).parent
PLUGIN = "from console_snapshots import picture, pytest_sessionstart, utc\n"
TESTS = """
import pytest

class Drawn:
    def __init__(self, text): self.text = text
    def picture(self): return self.text

@pytest.mark.parametrize("name", ["one", "two"])
def test_drawn(name, picture):
    picture(Drawn(f"<svg>{name}</svg>"))
"""


WHOLE = ["tests"]
NARROW = (["-k", "one", "tests"], ["tests/test_drawn.py::test_drawn[one]"], ["tests/test_drawn.py"])


def pytest_in(folder: Path, *words: str) -> str:
    plugins = ("-p", "no:cacheprovider", "-p", "syrupy", "-p", "xdist.plugin")
    command = [sys.executable, "-m", "pytest", "-q", *plugins, *words]
    # This run is one of its own, also when the one around it is a worker of several. All that is installed
    # would double what it costs.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    ran = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    ("workers", "narrow"), [([], NARROW), (["-n", "2"], NARROW[:1])], ids=["alone", "two-workers"]
)
def test_updating_a_few_pictures_deletes_no_other(
    tmp_path: Path, workers: list[str], narrow: Sequence[list[str]]
) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tests / "conftest.py").write_text(PLUGIN)
    (tests / "console_snapshots.py").write_text((HERE / "console_snapshots.py").read_text())
    (tests / "test_drawn.py").write_text(TESTS)
    kept = tmp_path / "snapshots" / "test_drawn"
    both = {"test_drawn[one].svg", "test_drawn[two].svg"}

    def names() -> set[str]:
        return {one.name for one in kept.iterdir()}

    def update(*words: str) -> None:
        pytest_in(tmp_path, "--snapshot-update", *workers, *words)

    update(*WHOLE)
    assert names() == both
    for few in narrow:
        update(*few)
        assert names() == both
    (kept / "test_drawn[three].svg").write_text("left over")
    update()
    assert names() == both, "a run of all tidies up"


def test_every_picture_belongs_to_a_test(request: pytest.FixtureRequest) -> None:
    """A picture of a test that is gone proves nothing; it is told here, whatever the number of workers."""
    if not is_whole(request.config):
        pytest.skip("only a run of all tests knows them all")
    wanted = {path_of(item) for item in request.session.items if has_picture(item)}
    kept = {path.relative_to(Pictures.folder) for path in Pictures.folder.rglob("*.svg")}
    assert kept - wanted == set(), "remove them from snapshots/"
    if not request.config.option.update_snapshots:  # which may be about to write them
        assert wanted - kept == set(), "no such picture: is the case `unpictured`?"


def has_picture(item: pytest.Item) -> bool:
    pictured = "picture" in getattr(item, "fixturenames", ())
    return pictured and item.get_closest_marker(unpictured.name) is None


def path_of(item: pytest.Item) -> Path:
    """Where in `snapshots/` the picture of this test is."""
    location = PyTestLocation(item)
    return Path(Pictures.get_location(test_location=location, index=0)).relative_to(Pictures.folder)
