"""Where the output goes: a stdout that takes nothing is no bug, and errors are JSON where JSON is wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def run(shell: str, home: Path) -> subprocess.CompletedProcess[str]:
    """`$SPL` stands for the command, in a home without a daemon."""
    spl = f"{sys.executable} -m syncropel.cli.main"
    environ = {**os.environ, "SYNCROPEL_HOME": str(home), "SPL": spl}
    return subprocess.run(
        ["bash", "-c", shell], env=environ, capture_output=True, text=True, timeout=120, check=False
    )


@needs_full
@pytest.mark.parametrize("words", ["version", "fleet list", "--help", "task --help"])
def test_a_full_disk_is_said_in_a_line(words: str, tmp_path: Path) -> None:
    ran = run(f"$SPL {words} > /dev/full", tmp_path)
    assert ran.returncode == 1
    assert ran.stderr == "error: cannot write the output: No space left on device\n"
    assert not (tmp_path / "logs").exists(), "that is no crash"


@pytest.mark.parametrize("words", ["version", "fleet list -o json"])
def test_a_closed_stdout_is_said_in_a_line(words: str, tmp_path: Path) -> None:
    ran = run(f"$SPL {words} >&-", tmp_path)
    assert ran.returncode == 1
    assert "cannot write the output: Bad file descriptor" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_every_stream_may_be_closed(tmp_path: Path) -> None:
    assert run("$SPL version <&- >&- 2>&-", tmp_path).returncode == 1
    told = run("$SPL version 2>&- <&-", tmp_path)
    assert (told.returncode, told.stdout[:4]) == (0, "spl ")


def test_nothing_that_is_opened_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    ran = run("$SPL init >&-", tmp_path / "x")
    assert "cannot write the output" in ran.stderr
    assert tomllib.loads((tmp_path / "x" / "config.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("flag", ["-o json", "--output json", "--output=json", "-ojson"])
def test_errors_are_json_where_json_is_wanted(flag: str, tmp_path: Path) -> None:
    ran = run(f"$SPL task list {flag}", tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    told = json.loads(ran.stderr)
    assert (told["object"], told["code"]) == ("error", "NOT_RUNNING")
    assert told["hint"] == "start it: spl serve"
    assert "no daemon is running" in told["message"]


def test_a_mistake_in_the_words_is_json_too(tmp_path: Path) -> None:
    ran = run("$SPL -o json stauts", tmp_path)
    assert ran.returncode == 2
    assert json.loads(ran.stderr)["code"] == "USAGE"


def test_warnings_are_told_apart(tmp_path: Path) -> None:
    ran = run("$SPL fleet list -o json", tmp_path)
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["data"] == []
    assert json.loads(ran.stderr)["object"] == "error"
