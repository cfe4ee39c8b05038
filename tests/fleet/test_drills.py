"""The drills of tests/drills, as an operator runs them: real commands and daemons, in a home of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRILLS = Path(__file__).parents[1] / "drills"
LIMIT_SECS = 240


@pytest.mark.parametrize("name", ["recovery", "upgrade", "teardown"])
def test_the_drill_passes(name: str, tmp_path: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SPL_", "SYNCROPEL_"))}
    program = f"{sys.executable} -m syncropel.cli.main"
    environ = {**kept, "TMPDIR": str(tmp_path), "SPL": program, "PYTHONPATH": str(DRILLS.parents[1])}
    done = subprocess.run(
        ["bash", str(DRILLS / f"{name}.sh")],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECS,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["✓ drill passed"]), done
    assert not any(tmp_path.iterdir())
