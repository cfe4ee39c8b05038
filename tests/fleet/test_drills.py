"""The drills of tests/drills, as an operator runs them: real commands and daemons, in a home of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

DRILLS = Path(__file__).parents[1] / "drills"
LIMIT_SECS = 240


@pytest.mark.parametrize("name", ["recovery", "upgrade", "teardown"])
def test_the_drill_passes(name: str) -> None:
    # Not in pytest's folder: below a long path the socket is not where a person looks for it.
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        _passes(name, Path(folder))


def _passes(name: str, folder: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SPL_", "SYNCROPEL_"))}
    program = f"{sys.executable} -m syncropel.cli.main"
    environ = {**kept, "TMPDIR": str(folder), "SPL": program, "PYTHONPATH": str(DRILLS.parents[1])}
    done = subprocess.run(
        ["bash", str(DRILLS / f"{name}.sh")],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECS,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["✓ drill passed"]), done
    assert not any(folder.iterdir())
