"""The daemon and the command line run where Textual is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .conftest import Sandbox

BLOCKER = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("textual", "rich", "tui"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

sys.meta_path.insert(0, Missing())
"""


@pytest.fixture
def without_textual(sandbox: Sandbox) -> Sandbox:
    """Every Python of this sandbox, daemons included, fails to import Textual, Rich and the console."""
    site = sandbox.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(BLOCKER)
    project = Path(__file__).parents[2]
    sandbox.environ["PYTHONPATH"] = f"{site}:{project}"
    return sandbox


def test_the_block_works(without_textual: Sandbox) -> None:
    done = without_textual.spl("version")
    assert done.returncode == 0
    import subprocess

    probe = subprocess.run(
        [sys.executable, "-c", "import textual"],
        env=without_textual.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ModuleNotFoundError" in probe.stderr


def test_a_fan_out_from_first_to_last_command(without_textual: Sandbox) -> None:
    box = without_textual
    box.ok("init")
    box.start_fleet()
    box.ok("task", "add", "headless", "--alias", "H")
    box.ok("task", "fan-out", "H", "--subtask", "goal=a,target=worker-a", "--join", "any")
    for words in (
        ("status",),
        ("version",),
        ("fleet", "list"),
        ("fleet", "status"),
        ("fleet", "show", "worker-a"),
        ("fleet", "ping", "worker-a"),
        ("task", "list"),
        ("task", "show", "H"),
        ("task", "join-status", "H"),
        ("task", "speedup", "H"),
    ):
        assert box.ok(*words)
    box.ok("fleet", "stop", "--all")


def test_the_console_says_what_is_missing(without_textual: Sandbox) -> None:
    import pexpect

    child = pexpect.spawn(
        sys.executable,
        ["-m", "syncropel.cli.main", "console"],
        env=without_textual.environ,
        cwd=str(without_textual.folder),
        timeout=20,
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert "the console needs" in child.before
    assert "Traceback" not in child.before
