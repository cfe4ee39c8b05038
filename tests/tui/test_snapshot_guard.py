"""An update of some pictures leaves the others alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TESTS = """
import pytest

class Drawn:
    def __init__(self, text): self.text = text
    def picture(self): return self.text

@pytest.mark.parametrize("name", ["one", "two"])
def test_drawn(name, picture):
    picture(Drawn(f"<svg>{name}</svg>"))
"""


def pytest_in(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    # This run is one of its own, also when the one around it is a worker of several.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    ran = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_updating_a_few_pictures_deletes_no_other(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tests / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tests / "console_snapshots.py").write_text((HERE / "console_snapshots.py").read_text())
    (tests / "test_drawn.py").write_text(TESTS)
    kept = tmp_path / "snapshots" / "test_drawn"
    both = {"test_drawn[one].svg", "test_drawn[two].svg"}

    def names() -> set[str]:
        return {one.name for one in kept.iterdir()}

    pytest_in(tmp_path, "--snapshot-update", "tests")
    assert names() == both
    for narrow in (["-k", "one", "tests"], ["tests/test_drawn.py::test_drawn[one]"], ["tests/test_drawn.py"]):
        pytest_in(tmp_path, "--snapshot-update", *narrow)
        assert names() == both
    (kept / "test_drawn[three].svg").write_text("left over")
    pytest_in(tmp_path, "--snapshot-update")
    assert names() == both, "a run of all tidies up"
